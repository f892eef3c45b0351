"""The chart's pods, run by a container engine: image, command, variables, user, limits and read-only root as rendered.

What a cluster would give and an engine does not is replaced: a pod's own address by free ports of this machine, and
secrets by what the stack says.
"""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, urlsplit

from celstream_stack.ports import free_port
from sqlalchemy import URL

from tests.chart.rendered import Manifest, environment, objects

ENGINE = "docker"
END_SECONDS = 90


def engine(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run the container engine."""
    variables = os.environ | {"DOCKER_BUILDKIT": "1"}  # older engines build by the builder of before otherwise
    command = [ENGINE, *map(str, arguments)]
    said = subprocess.run(command, capture_output=True, text=True, check=False, env=variables)
    assert not check or said.returncode == 0, said.stderr
    return said


def told_where(events: str, artefacts: str, database: URL, *more: str) -> tuple[Manifest, ...]:
    """The chart's manifests, told where the stack's event log, artefact store and database are."""
    store = urlsplit(artefacts)
    return objects(
        "external",
        f"kafka.servers={{{urlsplit(events).netloc}}}",
        f"s3.endpoint={parse_qs(store.query)['endpoint'][0]}",
        f"s3.bucket={store.netloc}",
        f"s3.prefix={store.path.strip('/')}",
        f"postgres.host={database.host}",
        f"postgres.port={database.port}",
        f"postgres.database={database.database}",
        "setup.bucket=false",
        *more,
    )


def inside(image: str, script: str) -> str:
    """What a shell in an image says, without a network."""
    return engine("run", "--rm", "--network", "none", "--entrypoint", "sh", image, "-c", script).stdout


@dataclass
class Container:
    """One container of a pod. `secrets`: secret -> key -> value. `addresses`: what stands for addresses of the pod."""

    pod: Manifest
    container: Manifest
    secrets: Mapping[str, Mapping[str, str]]
    addresses: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    def run(self) -> subprocess.CompletedProcess[str]:
        """To its end."""
        with tempfile.NamedTemporaryFile("w", prefix="celstream-env-") as variables:
            return engine("run", "--rm", *self._options(variables.name), *self._command(), check=False)

    def __enter__(self) -> Self:
        with tempfile.NamedTemporaryFile("w", prefix="celstream-env-") as variables:
            self.name = engine("run", "--detach", *self._options(variables.name), *self._command()).stdout.strip()
        return self

    def __exit__(self, *_: object) -> None:
        engine("rm", "--force", self.name, check=False)

    def stop(self) -> int:
        """Ask it to end as a kubelet would; its exit status, 137 where it had to be killed."""
        engine("stop", "--time", str(self.pod["terminationGracePeriodSeconds"]), self.name)
        return int(engine("wait", self.name).stdout)

    def log(self) -> str:
        """What it said."""
        said = engine("logs", self.name)
        return said.stdout + said.stderr

    def _options(self, variables: str) -> Sequence[str]:
        user = self.pod["securityContext"]
        assert self.container["securityContext"]["readOnlyRootFilesystem"]
        given = {name: self._resolved(value) for name, value in environment(self.container).items()}
        Path(variables).write_text("".join(f"{name}={value}\n" for name, value in given.items()))
        os.chmod(variables, 0o600)
        memory = self.container["resources"]["limits"]["memory"].removesuffix("i").lower()
        return (
            *("--network", "host", "--read-only", "--tmpfs", "/tmp:mode=1777", "--cap-drop", "ALL"),
            *("--security-opt", "no-new-privileges", "--user", f"{user['runAsUser']}:{user['runAsGroup']}"),
            *("--memory", memory, "--memory-swap", memory, "--env-file", variables),
        )

    def _command(self) -> Sequence[str]:
        command = self.container.get("command", [])
        arguments = [self._resolved(one) for one in self.container.get("args", [])]
        entrypoint = ["--entrypoint", command[0]] if command else []
        return (*entrypoint, self.container["image"], *command[1:], *arguments)

    def _resolved(self, value: str) -> str:
        if value.startswith("from "):
            secret, _, key = value.removeprefix("from ").partition("/")
            return self.secrets[secret][key]
        for address, stands_for in self.addresses.items():
            value = value.replace(address, stands_for)
        return value


def own_addresses() -> dict[str, str]:
    """What stands for the two addresses that a service listens on."""
    return {name: f"127.0.0.1:{free_port()}" for name in ("0.0.0.0:50051", "0.0.0.0:9464")}
