"""The chart's own pods, run from its images against the real servers: set up, serve, take footage in, and end."""

import time
from collections.abc import Iterator, Mapping

import grpc
import pytest
from celstream_stack.stack import Stack
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy import make_url

from tests.chart.rendered import RELEASE, Manifest, find
from tests.images.containers import Container, own_addresses, told_where

pytestmark = pytest.mark.images
SERVING_SECONDS = 60  # of waiting at most; how long it takes is measured elsewhere


@pytest.fixture(scope="module")
def secrets(stack: Stack, bucket_url: str, empty_database_url: str) -> dict[str, Mapping[str, str]]:
    """What the existing secrets would hold."""
    variables = stack.up(["minio"])
    database = make_url(empty_database_url)
    return {
        "celstream-s3": variables,
        "celstream-postgres": {"username": database.username or "", "password": str(database.password)},
    }


@pytest.fixture(scope="module")
def rendered(kafka_url: str, bucket_url: str, empty_database_url: str) -> tuple[Manifest, ...]:
    """The chart, told where the stack is."""
    return told_where(kafka_url, bucket_url, make_url(empty_database_url), "test.footageSeconds=4")


@pytest.fixture(scope="module")
def services(
    rendered: tuple[Manifest, ...], secrets: Mapping[str, Mapping[str, str]]
) -> Iterator[dict[str, tuple[Container, str]]]:
    """Set up, then segmenter and catalog, each with the address of its gRPC."""
    job = find(rendered, "Job", "setup-1")["spec"]["template"]["spec"]
    for step in job["containers"]:
        ended = Container(job, step, secrets).run()
        assert ended.returncode == 0, f"{step['name']}: {ended.stderr}"
    pods = {name: find(rendered, "Deployment", name)["spec"]["template"]["spec"] for name in ("segmenter", "catalog")}
    addresses = {name: own_addresses() for name in pods}
    made = {name: Container(pod, pod["containers"][0], secrets, addresses[name]) for name, pod in pods.items()}
    with made["segmenter"], made["catalog"]:
        yield {name: (made[name], addresses[name]["0.0.0.0:50051"]) for name in pods}


def wait_until_serving(address: str) -> float:
    """Wait until a service says that it serves; seconds that it took."""
    begun = time.monotonic()
    with grpc.insecure_channel(address) as channel:
        grpc.channel_ready_future(channel).result(SERVING_SECONDS)
        for answer in health_pb2_grpc.HealthStub(channel).Watch(
            health_pb2.HealthCheckRequest(), timeout=SERVING_SECONDS
        ):
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                break
    return time.monotonic() - begun


def test_the_services_serve(services: dict[str, tuple[Container, str]]) -> None:
    for name, (_, address) in services.items():
        print(f"{name}: SERVING after {wait_until_serving(address):.1f} s")


def test_helms_own_test_takes_footage_to_its_end(
    rendered: tuple[Manifest, ...], services: dict[str, tuple[Container, str]]
) -> None:
    pod = find(rendered, "Pod", "test-footage")
    addresses = {f"{RELEASE}-catalog:50051": services["catalog"][1]}
    ended = Container(pod["spec"], pod["spec"]["containers"][0], {}, addresses).run()
    assert ended.returncode == 0, ended.stdout + ended.stderr + services["segmenter"][0].log()
    print(ended.stdout)
    assert '"finished": true' in ended.stdout or '"finished":true' in ended.stdout


def test_the_services_end_by_themselves_when_asked(services: dict[str, tuple[Container, str]]) -> None:
    for name, (container, _) in services.items():
        assert container.stop() == 0, f"{name}: {container.log()[-2000:]}"


def test_no_password_is_in_the_logs(
    services: dict[str, tuple[Container, str]], secrets: Mapping[str, Mapping[str, str]]
) -> None:
    for name, (container, _) in services.items():
        said = container.log()
        for secret in (secrets["celstream-s3"]["AWS_SECRET_ACCESS_KEY"], secrets["celstream-postgres"]["password"]):
            assert secret not in said, name
