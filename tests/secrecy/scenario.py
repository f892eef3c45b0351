"""The chart's scenario "TLS everywhere" as processes: the variables of its pods, with real files, servers and secrets.

What the cluster mounts below /etc/celstream lies in a folder; what it takes from secrets is said by the test.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
from celstream_platform import rpc
from celstream_platform.rpc.identity import ROLE_URI, hash_token, new_token
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.certificates import Authority
from tests.chart.rendered import RELEASE, Manifest, environment, find
from tests.end_to_end.services import Service

MOUNTS = "/etc/celstream"
OWN_ADDRESSES = {"0.0.0.0:50051": "127.0.0.1:0", "0.0.0.0:9464": "127.0.0.1:0"}
SERVING_SECONDS = 120.0  # at most


@dataclass
class Mounted:
    """The folder that stands for /etc/celstream, with the certificates of the scenario."""

    folder: Path
    authority: Authority
    token: str = field(default_factory=new_token)

    def write(self) -> None:
        """Write what the secrets of the scenario hold."""
        server = self.authority.issue("services", server=True)
        client = self.authority.issue("test", f"{ROLE_URI}admin", f"{ROLE_URI}viewer")
        for volume, pair in {"grpc": server, "client": client}.items():
            self._put(f"{volume}/tls.crt", pair[0].read_bytes())
            self._put(f"{volume}/tls.key", pair[1].read_bytes())
        for job in ("canary", "test"):
            self._put(f"callers/{job}.crt", client[0].read_bytes())
        for volume in ("grpc", "kafka-ca", "s3-ca"):
            self._put(f"{volume}/ca.crt", self.authority.ca_file.read_bytes())
        roles = (f"somebody {role} {hash_token(self.token)}\n" for role in ("admin", "viewer"))
        self._put("tokens/tokens", "".join(roles).encode())

    def _put(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def local(self, text: str) -> str:
        """A text with the paths of the pod made those of the folder."""
        return text.replace(MOUNTS, str(self.folder))

    def tls(self, *, certificate: bool = True) -> rpc.ClientTls:
        """What a client shows."""
        own = (self.folder / "client/tls.crt", self.folder / "client/tls.key") if certificate else (None, None)
        return rpc.ClientTls(self.folder / "grpc/ca.crt", *own)


def variables(
    objects: tuple[Manifest, ...], name: str, mounted: Mounted, secrets: Mapping[str, str], scratch: Path
) -> dict[str, str]:
    """The variables of a service's pod. secrets: key -> value, the same for every secret."""
    container = find(objects, "Deployment", name)["spec"]["template"]["spec"]["containers"][0]
    found = {}
    for variable, value in environment(container).items():
        if value.startswith("from "):
            found[variable] = secrets[value.rpartition("/")[2]]
        else:
            found[variable] = OWN_ADDRESSES.get(value, mounted.local(value))
    return found | {"CELSTREAM_SCRATCH": str(scratch), "HOME": str(scratch), "CELSTREAM_MEMBER": name}


@contextmanager
def serving(name: str, given: Mapping[str, str], mounted: Mounted) -> Iterator[Service]:
    """A service, once it says over mutual TLS that it serves."""
    with Service(f"celstream_{name}", name, given) as service:
        heard = service.heard("serving")
        service.grpc, service.metrics = heard["grpc"], heard["metrics"]
        with rpc.connect(service.grpc, tls=mounted.tls()) as channel:
            grpc.channel_ready_future(channel).result(SERVING_SECONDS)
            stub = health_pb2_grpc.HealthStub(channel)
            for answer in stub.Watch(health_pb2.HealthCheckRequest(), timeout=SERVING_SECONDS):
                if answer.status == health_pb2.HealthCheckResponse.SERVING:
                    break
        yield service


def helm_test_script(objects: tuple[Manifest, ...], mounted: Mounted, catalog: str, scratch: Path) -> str:
    """What the chart's own test runs in its pod, for a shell here."""
    (script,) = find(objects, "Pod", "test-footage")["spec"]["containers"][0]["args"]
    here = script.replace("/tmp/", f"{scratch}/").replace(f"{RELEASE}-catalog:50051", catalog)
    return mounted.local(here)
