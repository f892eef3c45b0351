"""MinIO: an S3 server, compiled by Go from its module, whose sum is recorded here.

One bucket. Its `inbox/` takes footage and is versioned; `artefacts/` holds what is named by its hash, so versions of it
would say nothing. Each service has a user of its own, who may do what the service does and nothing else.

What is dropped into the inbox is told to Kafka. MinIO reads where that is at its own start, so Kafka's port is drawn by
then; what happens while Kafka is away waits in a folder.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from celstream_platform.topics import INBOX
from minio import Minio
from minio.commonconfig import ENABLED
from minio.credentials.providers import StaticProvider
from minio.error import MinioException
from minio.minioadmin import MinioAdmin
from minio.notificationconfig import NotificationConfig, PrefixFilterRule, QueueConfig
from minio.versioningconfig import VersioningConfig
from urllib3.exceptions import HTTPError

from celstream_stack import commands, settings_file
from celstream_stack.asking import says_ready
from celstream_stack.errors import StackError
from celstream_stack.kafka import Kafka
from celstream_stack.places import locked
from celstream_stack.ports import free_port, secret
from celstream_stack.server import Launch

MODULE = "github.com/minio/minio"
VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"  # the last one; release tags are not served as module versions
SUM = "h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA="
ADVICE = "Install Go 1.24 or newer (its packages come from the configured module proxy)."
BUCKET = "celstream"
ROOT_USER = "celstream-root"

# Who may do what: service -> prefix, "" for the bucket itself -> actions. A stage needs to see the bucket, or S3 would
# not tell it "missing" from "forbidden". Whoever submits sees nothing, not even what others have submitted.
SEE = ("s3:GetBucketLocation", "s3:ListBucket")
READ = ("s3:GetObject", "s3:GetObjectVersion")
TAGS = ("s3:GetObjectTagging", "s3:GetObjectVersionTagging")
UPLOAD = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
KEEP = (*READ, *UPLOAD, "s3:GetObjectTagging", "s3:DeleteObject")
CATALOG = "celstream-catalog"
USERS: dict[str, dict[str, tuple[str, ...]]] = {
    "celstream-segmenter": {"": SEE, "artefacts/": KEEP, "inbox/": READ},
    CATALOG: {
        "": (*SEE, "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"),
        "artefacts/": KEEP,
        "inbox/": (*READ, *TAGS),
    },
    "celstream-submitter": {"": ("s3:GetBucketLocation",), "inbox/": (*UPLOAD, "s3:PutObjectTagging")},
}

# Exact names: `ObjectCreated:*` would tell of changed retention as well.
TOLD = ("Put", "Post", "Copy", "CompleteMultipartUpload", "PutTagging")
TARGET = "arn:minio:sqs::INBOX:kafka"


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
            "MINIO_NOTIFY_KAFKA_ENABLE_INBOX": "on",
            "MINIO_NOTIFY_KAFKA_BROKERS_INBOX": f"127.0.0.1:{settings_file.draw(Kafka(), state.parent)['port']}",
            "MINIO_NOTIFY_KAFKA_TOPIC_INBOX": INBOX.name,
            "MINIO_NOTIFY_KAFKA_QUEUE_DIR_INBOX": str(state / "events"),
        }
        address = f"127.0.0.1:{settings['port']}"
        return Launch([str(home / "minio"), "server", "--quiet", "--address", address, str(data)], environment)

    def is_ready(self, state: Path, settings: Mapping[str, str]) -> bool:
        """See `Server`."""
        return says_ready(f"http://127.0.0.1:{settings['port']}/minio/health/ready")

    def finish(self, settings: Mapping[str, str]) -> None:
        """See `Server`. Makes the bucket, its versions and notifications, and the users with their policies."""
        address = f"127.0.0.1:{settings['port']}"
        client = Minio(address, access_key=ROOT_USER, secret_key=settings["root_password"], secure=False)
        admin = MinioAdmin(
            endpoint=address, credentials=StaticProvider(ROOT_USER, settings["root_password"]), secure=False
        )
        try:
            if not client.bucket_exists(BUCKET):
                client.make_bucket(BUCKET)
            client.set_bucket_versioning(BUCKET, VersioningConfig(ENABLED, excluded_prefixes=["artefacts/*"]))
            client.set_bucket_notification(BUCKET, told_of_the_inbox())
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
            "CELSTREAM_INBOX": f"s3://{BUCKET}/inbox?endpoint=http://127.0.0.1:{settings['port']}",
            **login(CATALOG, settings),  # it may do what any service may
            "MINIO_ROOT_USER": ROOT_USER,
            "MINIO_ROOT_PASSWORD": settings["root_password"],
        }

    def logins(self, settings: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """See `Server`."""
        return {user.removeprefix("celstream-"): login(user, settings) for user in USERS}

    def metrics(self, settings: Mapping[str, str]) -> str:
        """See `Server`."""
        return f"127.0.0.1:{settings['port']}/minio/v2/metrics/cluster"


def login(user: str, settings: Mapping[str, str]) -> dict[str, str]:
    """The variables by which S3's clients take a user's keys."""
    return {"AWS_ACCESS_KEY_ID": user, "AWS_SECRET_ACCESS_KEY": settings[user]}


def told_of_the_inbox() -> NotificationConfig:
    """What the bucket tells: of every whole object below `inbox/`, and of new tags on it."""
    events = [f"s3:ObjectCreated:{name}" for name in TOLD]
    below = PrefixFilterRule("inbox/")
    return NotificationConfig(queue_config_list=[QueueConfig(events, "inbox", prefix_filter_rule=below, queue=TARGET)])


def policy(rights: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    """A policy document: actions on the bucket itself ("") and below prefixes of it."""
    bucket = f"arn:aws:s3:::{BUCKET}"
    statements = [
        {"Effect": "Allow", "Action": list(actions), "Resource": [f"{bucket}/{prefix}*" if prefix else bucket]}
        for prefix, actions in rights.items()
    ]
    return {"Version": "2012-10-17", "Statement": statements}
