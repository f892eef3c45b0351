"""MinIO: an S3 server, compiled by Go from its module, whose sum is recorded here.

One bucket. Its `inbox/` takes footage and is versioned; `artefacts/` holds what is named by its hash, so versions of it
would say nothing. Each service has a user of its own, who may do what the service does and nothing else.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from minio import Minio
from minio.commonconfig import ENABLED
from minio.credentials.providers import StaticProvider
from minio.error import MinioException
from minio.minioadmin import MinioAdmin
from minio.versioningconfig import VersioningConfig
from urllib3.exceptions import HTTPError

from celstream_stack import commands
from celstream_stack.asking import says_ready
from celstream_stack.errors import StackError
from celstream_stack.places import locked
from celstream_stack.ports import free_port, secret
from celstream_stack.server import Launch

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"  # the last one; release tags are not served as module versions
SUM = "h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA="
ADVICE = "Install Go 1.24 or newer (its packages come from the configured module proxy)."
BUCKET = "celstream"
ROOT_USER = "celstream-root"

# Who may do what, below the bucket: service -> (prefix, actions).
READ = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging")
WRITE = ("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
USERS: dict[str, dict[str, tuple[str, ...]]] = {
    "celstream-service": {"artefacts/": (*READ, *WRITE)},
    "celstream-catalog": {"artefacts/": (*READ, *WRITE), "inbox/": READ},
    "celstream-submitter": {"inbox/": ("s3:PutObject", "s3:PutObjectTagging", "s3:AbortMultipartUpload")},
}


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
        return {"port": str(free_port()), "root_password": secret(), **users}

    def prepare(self, home: Path, state: Path, settings: Mapping[str, str]) -> Launch:
        """See `Server`."""
        data = state / "data"
        data.mkdir(exist_ok=True)
        environment = {
            "MINIO_ROOT_USER": ROOT_USER,
            "MINIO_ROOT_PASSWORD": settings["root_password"],
            "MINIO_BROWSER": "off",
            "MINIO_UPDATE": "off",
            "MINIO_PROMETHEUS_AUTH_TYPE": "public",
            "HOME": str(state),  # it would keep certificates in the caller's
        }
        address = f"127.0.0.1:{settings['port']}"
        return Launch([str(home / "minio"), "server", "--quiet", "--address", address, str(data)], environment)

    def is_ready(self, state: Path, settings: Mapping[str, str]) -> bool:
        """See `Server`."""
        return says_ready(f"http://127.0.0.1:{settings['port']}/minio/health/ready")

    def finish(self, settings: Mapping[str, str]) -> None:
        """See `Server`. Makes the bucket, its versions, and the users with their policies."""
        address = f"127.0.0.1:{settings['port']}"
        client = Minio(address, access_key=ROOT_USER, secret_key=settings["root_password"], secure=False)
        admin = MinioAdmin(
            endpoint=address, credentials=StaticProvider(ROOT_USER, settings["root_password"]), secure=False
        )
        try:
            if not client.bucket_exists(BUCKET):
                client.make_bucket(BUCKET)
            client.set_bucket_versioning(BUCKET, VersioningConfig(ENABLED, excluded_prefixes=["artefacts/*"]))
            for user, rights in USERS.items():
                admin.policy_add(user, policy=policy(rights))
                admin.user_add(user, settings[user])
                admin.policy_set(user, user=user)
        except (MinioException, HTTPError) as error:
            raise StackError(f"minio: bucket or users could not be made ({error}). Read its log.") from error

    def variables(self, settings: Mapping[str, str]) -> dict[str, str]:
        """See `Server`."""
        return {
            "CELSTREAM_ARTEFACTS": f"s3://{BUCKET}/artefacts?endpoint=http://127.0.0.1:{settings['port']}",
            "AWS_ACCESS_KEY_ID": "celstream-service",
            "AWS_SECRET_ACCESS_KEY": settings["celstream-service"],
            "MINIO_ROOT_USER": ROOT_USER,
            "MINIO_ROOT_PASSWORD": settings["root_password"],
        }

    def metrics(self, settings: Mapping[str, str]) -> str:
        """See `Server`."""
        return f"127.0.0.1:{settings['port']}/minio/v2/metrics/cluster"


def policy(rights: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    """A policy document: actions below prefixes of the bucket, and to see the bucket itself."""
    bucket = f"arn:aws:s3:::{BUCKET}"
    objects = [
        {"Effect": "Allow", "Action": list(actions), "Resource": [f"{bucket}/{prefix}*"]}
        for prefix, actions in rights.items()
    ]
    see = {"Effect": "Allow", "Action": ["s3:GetBucketLocation", "s3:ListBucket"], "Resource": [bucket]}
    return {"Version": "2012-10-17", "Statement": [see, *objects]}
