"""MinIO: an S3 server, compiled by Go from its module, whose sum is recorded here.

What it holds, and who may do what there, is in bucket.py. What is dropped into the inbox is told to Kafka: MinIO reads
where that is at its own start, so Kafka's port is drawn by then; what happens while Kafka is away waits in a folder.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from celstream_stack import commands, settings_file
from celstream_stack.asking import says_ready
from celstream_stack.bucket import BUCKET, CATALOG, ROOT, ROOT_USER, USERS, login, make_bucket, notifications
from celstream_stack.errors import StackError
from celstream_stack.kafka import Kafka
from celstream_stack.places import locked
from celstream_stack.ports import LOOPBACK, free_port, secret
from celstream_stack.server import Launch

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"  # the last one; release tags are not served as module versions
SUM = "h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA="
ADVICE = "Install Go 1.24 or newer (its packages come from the configured module proxy)."
SETTINGS = {"MINIO_BROWSER": "off", "MINIO_UPDATE": "off", "MINIO_PROMETHEUS_AUTH_TYPE": "public"}
METRICS = "/minio/v2/metrics/cluster"


class MinIO:
    """See `Server`."""

    name = "minio"

    def install(self, cache: Path) -> Path:
        """See `Server`. Compiling takes minutes, once."""
        home = cache / f"minio-{VERSION}"
        with locked(cache / "minio.lock"):
            if not (home / "minio").exists():
                self._compile(home, cache / "minio-install.log")
        return home

    def _compile(self, home: Path, log: Path) -> None:
        go = commands.need("go", self.name, ADVICE)
        said = commands.run(self.name, [go, "mod", "download", "-json", f"{MODULE}@{VERSION}"], log=log)
        found = json.loads(said)["Sum"]
        if found != SUM:
            raise StackError(f"minio: {MODULE} has the sum {found}, expected {SUM}. Look at the configured Go proxy.")
        building = home.with_suffix(".building")
        build = [go, "install", "-p", "1", "-trimpath", "-ldflags", "-s -w", f"{MODULE}@{VERSION}"]
        commands.run(self.name, commands.politely(build), log=log, env={"GOBIN": str(building), "CGO_ENABLED": "0"})
        home.mkdir(parents=True, exist_ok=True)
        (building / "minio").replace(home / "minio")
        building.rmdir()

    def new_settings(self) -> dict[str, str]:
        """See `Server`."""
        users = {user: secret() for user in USERS}
        return {"host": LOOPBACK, "port": str(free_port()), ROOT: secret(), **users}

    def prepare(self, home: Path, state: Path, settings: Mapping[str, str]) -> Launch:
        """See `Server`."""
        data = state / "data"
        data.mkdir(exist_ok=True)
        environment = {
            "MINIO_ROOT_USER": ROOT_USER,
            "MINIO_ROOT_PASSWORD": settings[ROOT],
            **SETTINGS,
            "HOME": str(state),  # it would keep certificates in the caller's
            **notifications(
                f"{settings['host']}:{settings_file.draw(Kafka(), state.parent)['port']}", str(state / "events")
            ),
        }
        address = f"{settings['host']}:{settings['port']}"
        return Launch([str(home / "minio"), "server", "--quiet", "--address", address, str(data)], environment)

    def is_ready(self, state: Path, settings: Mapping[str, str]) -> bool:
        """See `Server`."""
        return says_ready(f"http://{settings['host']}:{settings['port']}/minio/health/ready")

    def finish(self, settings: Mapping[str, str]) -> None:
        """See `Server`. Makes the bucket and its users."""
        make_bucket(f"{settings['host']}:{settings['port']}", settings)

    def variables(self, settings: Mapping[str, str]) -> dict[str, str]:
        """See `Server`."""
        return {
            "CELSTREAM_ARTEFACTS": f"s3://{BUCKET}/artefacts?endpoint=http://{settings['host']}:{settings['port']}",
            "CELSTREAM_INBOX": f"s3://{BUCKET}/inbox?endpoint=http://{settings['host']}:{settings['port']}",
            **login(CATALOG, settings),  # it may do what any service may
            "MINIO_ROOT_USER": ROOT_USER,
            "MINIO_ROOT_PASSWORD": settings[ROOT],
        }

    def logins(self, settings: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """See `Server`."""
        return {user.removeprefix("celstream-"): login(user, settings) for user in USERS}

    def metrics(self, settings: Mapping[str, str]) -> str:
        """See `Server`."""
        return f"{settings['host']}:{settings['port']}{METRICS}"
