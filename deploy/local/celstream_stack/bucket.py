"""The bucket on MinIO: its versions and notifications, and a user per service who may do that service's job alone.

One bucket. Its `inbox/` takes footage and is versioned; `artefacts/` holds what is named by its hash, so versions of it
would say nothing.
"""

from collections.abc import Mapping

from celstream_platform.topics import INBOX
from minio import Minio
from minio.commonconfig import ENABLED
from minio.credentials.providers import StaticProvider
from minio.error import MinioException
from minio.minioadmin import MinioAdmin
from minio.notificationconfig import NotificationConfig, PrefixFilterRule, QueueConfig
from minio.versioningconfig import VersioningConfig
from urllib3.exceptions import HTTPError

from celstream_stack.errors import StackError

BUCKET = "celstream"
ROOT_USER = "celstream-root"
ROOT = "root_password"
UNVERSIONED = ("artefacts/*",)

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


def notifications(kafka: str, folder: str) -> dict[str, str]:
    """The variables by which MinIO, at its own start, learns of the topic that it reports to.

    kafka: HOST:PORT. folder: where reports wait while Kafka is away.
    """
    return {
        "MINIO_NOTIFY_KAFKA_ENABLE_INBOX": "on",
        "MINIO_NOTIFY_KAFKA_BROKERS_INBOX": kafka,
        "MINIO_NOTIFY_KAFKA_TOPIC_INBOX": INBOX.name,
        "MINIO_NOTIFY_KAFKA_QUEUE_DIR_INBOX": folder,
    }


def make_bucket(address: str, passwords: Mapping[str, str]) -> None:
    """Make the bucket with all that belongs to it; harmless when done again. Raises StackError.

    address: HOST:PORT of the server. passwords: of each user in USERS, and of ROOT_USER under ROOT.
    """
    client = Minio(address, access_key=ROOT_USER, secret_key=passwords[ROOT], secure=False)
    admin = MinioAdmin(endpoint=address, credentials=StaticProvider(ROOT_USER, passwords[ROOT]), secure=False)
    try:
        if not client.bucket_exists(BUCKET):
            client.make_bucket(BUCKET)
        client.set_bucket_versioning(BUCKET, VersioningConfig(ENABLED, excluded_prefixes=list(UNVERSIONED)))
        client.set_bucket_notification(BUCKET, told_of_the_inbox())
        for user, rights in USERS.items():
            admin.policy_add(user, policy=policy(rights))
            admin.user_add(user, passwords[user])
            admin.policy_set(user, user=user)
    except (MinioException, HTTPError) as error:
        raise StackError(f"minio: bucket or users could not be made ({error}). Read its log.") from error


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
