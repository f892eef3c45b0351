"""Services as processes of their own: started, followed by what they log, asked, and ended as Kubernetes ends them."""

import json
import os
import signal
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Mapping
from typing import Any, Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

STOP_SECONDS = 40.0


class Service:
    """`python -m MODULE` with these variables. `grpc` and `metrics` are where it listens, once it serves."""

    def __init__(self, module: str, name: str, variables: Mapping[str, str]) -> None:
        self.name = name
        self.grpc = self.metrics = ""
        self._lines: list[str] = []
        self._heard = threading.Condition()
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("CELSTREAM_", "AWS_"))}
        addresses = {"CELSTREAM_GRPC_ADDRESS": "127.0.0.1:0", "CELSTREAM_METRICS_ADDRESS": "127.0.0.1:0"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", module],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**inherited, **addresses, **variables},
        )
        self._listening = threading.Thread(target=self._listen)
        self._listening.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self._listening.join()
        self.process.wait()
        if kind is not None:
            print(f"--- {self.name} ---", *self._lines[-40:], sep="\n")

    def wait_until_serving(self) -> None:
        """Until it says where it listens, and answers there that it is well."""
        serving = self.heard("serving")
        self.grpc, self.metrics = serving["grpc"], serving["metrics"]
        with grpc.insecure_channel(self.grpc) as channel:
            for answer in health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest()):
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    return

    def heard(self, event: str, **fields: str) -> dict[str, Any]:
        """The first line of its log about an event with these fields; waits for it."""
        with self._heard:
            while not (found := self._said(event, fields)):
                assert self.process.poll() is None, f"{self.name} has ended: {self._lines[-1:]}"
                self._heard.wait(1.0)
            return found[0]

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric's values with these labels."""
        with urllib.request.urlopen(f"http://{self.metrics}/metrics", timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        wanted = [f'{label}="{value}"' for label, value in labels.items()]
        mine = [line for line in lines if line.split("{")[0] == name and all(part in line for part in wanted)]
        return sum(float(line.rpartition(" ")[2]) for line in mine)

    def lines(self) -> list[str]:
        """All that it has said."""
        with self._heard:
            return list(self._lines)

    def stop(self) -> int:
        """Ask it to end; its exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(STOP_SECONDS)

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._heard:
                self._lines.append(line.rstrip())
                self._heard.notify_all()

    def _said(self, event: str, fields: Mapping[str, str]) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self._lines if line.startswith("{")]
        return [line for line in lines if line.get("event") == event and fields.items() <= line.items()]
