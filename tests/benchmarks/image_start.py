"""How soon the images serve: `python -m tests.benchmarks.image_start`, after `make images`.

The chart's own pods with their limits, users and read-only root, run by a container engine over the real servers, all
of which are up. Counted from the engine's start of the container to the first SERVING of the health service.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import grpc
from celstream_stack.places import PASSABLE_FOLDER, cache
from celstream_stack.stack import Stack
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy import make_url

from tests.benchmarks.recording import record
from tests.chart.rendered import Manifest, find
from tests.images.containers import Container, engine, own_addresses, told_where

STARTS = 5
MOST_SECONDS = 120.0
LOOK_SECONDS = 0.02


def serves(address: str) -> bool:
    """Whether a service says so."""
    with grpc.insecure_channel(address) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(), timeout=1.0)
        except grpc.RpcError:
            return False
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def processor_seconds(container: str) -> float:
    """User and system time of a container's first process, by now. It has no other before there is work."""
    fields = engine("exec", container, "cat", "/proc/1/stat").stdout.rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(pod: Manifest, secrets: Mapping[str, Mapping[str, str]]) -> tuple[float, float]:
    """(seconds, processor seconds) until it serves."""
    addresses = own_addresses()
    begun = time.monotonic()
    with Container(pod, pod["containers"][0], secrets, addresses) as container:
        while not serves(addresses["0.0.0.0:50051"]):
            if time.monotonic() - begun > MOST_SECONDS:
                raise SystemExit(f"It does not serve after {MOST_SECONDS:.0f} s:\n{container.log()[-2000:]}")
            time.sleep(LOOK_SECONDS)
        taken = time.monotonic() - begun, processor_seconds(container.name)
        container.stop()  # in order: the brokers wait for who was killed to come back
        return taken


def main() -> None:
    """Record the table."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="celstream-bench-") as name:
        folder = Path(name)
        folder.chmod(PASSABLE_FOLDER)  # PostgreSQL may run as another user
        stack = Stack(folder / "stack", cache())
        try:
            variables = stack.up(["kafka", "minio", "postgres"])
            database = make_url(variables["CELSTREAM_DATABASE"])
            login = {"username": database.username or "", "password": str(database.password)}
            secrets = {"celstream-s3": variables, "celstream-postgres": login}
            found = told_where(variables["CELSTREAM_EVENTS"], variables["CELSTREAM_ARTEFACTS"], database)
            job = find(found, "Job", "setup-1")["spec"]["template"]["spec"]
            for step in job["containers"]:
                ended = Container(job, step, secrets).run()
                if ended.returncode:
                    raise SystemExit(f"{step['name']}: {ended.stderr}")
            for service in ("segmenter", "catalog"):
                pod = find(found, "Deployment", service)["spec"]["template"]["spec"]
                taken = [start(pod, secrets) for _ in range(STARTS)]
                walls, busy = zip(*taken, strict=True)
                rows.append(
                    {
                        "image": f"celstream-{service}",
                        "s to SERVING, median (must be < 3)": round(statistics.median(walls), 2),
                        "slowest, s": round(max(walls), 2),
                        "processor time, s": round(statistics.median(busy), 2),
                    }
                )
        finally:
            stack.remove()
    remarks = [
        f"{STARTS} starts each, with Kafka, MinIO and PostgreSQL up, topics and tables made by the chart's own job.",
        "From the engine's start of the container, which is itself some tenths of a second.",
    ]
    record("image_start", "How soon the images serve", rows, remarks)


if __name__ == "__main__":
    main()
