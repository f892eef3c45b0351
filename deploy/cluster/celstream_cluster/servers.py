"""The servers that a release needs, beside the node: the stack of `celstream-stack` on the bridge's address.

Every service has its own S3 user. Secrets are made in the cluster alone; the values name them.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import yaml
from celstream_stack.places import cache
from celstream_stack.stack import Stack

from celstream_cluster import images, places, release_certificates, volumes
from celstream_cluster.kubectl import Kubectl, Manifest

NAMES = ("kafka", "minio", "postgres")
NAMESPACE = "celstream"
RELEASE = "celstream"
RESTRICTED = {
    "pod-security.kubernetes.io/enforce": "restricted",
    "pod-security.kubernetes.io/enforce-version": "latest",
}
S3 = {"catalog": "celstream-s3", "segmenter": "celstream-s3-segmenter"}
SETUP = "celstream-s3-setup"
POSTGRES = "celstream-postgres"
TRITON = "celstream-triton"


def stack(state: Path) -> Stack:
    """The stack of a node."""
    return Stack(state / "servers", cache(), places.HOST)


def values_file(state: Path) -> Path:
    """The values of a release on this node."""
    return state / "values.yaml"


def up(state: Path) -> dict[str, str]:
    """Start the servers; the variables that name them. Raises StackError."""
    return stack(state).up(NAMES)


def tell(state: Path, variables: Mapping[str, str]) -> None:
    """Make the namespace with its secrets. Raises StackError."""
    login = {service: stack(state).login(service) for service in S3}
    database = urlsplit(variables["CELSTREAM_DATABASE"])
    root = {
        "AWS_ACCESS_KEY_ID": variables["MINIO_ROOT_USER"],
        "AWS_SECRET_ACCESS_KEY": variables["MINIO_ROOT_PASSWORD"],
    }
    secrets = {S3[service]: keys for service, keys in login.items()} | {
        SETUP: root,
        POSTGRES: {"username": str(database.username), "password": str(database.password)},
    }
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": RESTRICTED}}
    made = [_secret(name, content) for name, content in secrets.items()]
    Kubectl(places.kubeconfig(state))("apply", "--server-side", "--filename", "-", given=[namespace, *made])
    release_certificates.make(state, NAMESPACE, [f"{RELEASE}-{service}" for service in S3])


def write_values(state: Path, variables: Mapping[str, str], built: Mapping[str, str]) -> None:
    """Write what a release is told. built: image -> what it holds, so that other images make other pods."""
    values = _values(variables) | {"triton": _triton(built)}
    held = hashlib.sha256(repr(sorted(built.items())).encode()).hexdigest()
    for service in (*S3, "triton"):
        values[service]["podAnnotations"] = {"celstream-node/images": held}
    values_file(state).write_text(yaml.safe_dump(values))


def _secret(name: str, content: Mapping[str, str]) -> Manifest:
    metadata = {"name": name, "namespace": NAMESPACE}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": dict(content)}


def _values(variables: Mapping[str, str]) -> Manifest:
    """What a release is told. A node of one small machine gives less than a cluster would: requests are low."""
    database = urlsplit(variables["CELSTREAM_DATABASE"])
    (_, _, endpoint) = urlsplit(variables["CELSTREAM_ARTEFACTS"]).query.partition("endpoint=")
    small: Manifest = {"requests": {"cpu": "100m", "memory": "192Mi"}, "limits": {"memory": "1Gi"}}
    return {
        "image": {"pullPolicy": "Never"},
        "kafka": {"servers": [urlsplit(variables["CELSTREAM_EVENTS"]).netloc]},
        "s3": {"endpoint": endpoint, "existingSecret": S3["catalog"]},
        "postgres": {"host": database.hostname, "port": database.port, "existingSecret": POSTGRES},
        "grpc": {
            "tlsSecret": release_certificates.SERVICES,
            "mutual": True,
            "testClientSecret": release_certificates.TEST_CLIENT,
        },
        "setup": {"s3Secret": SETUP},
        "segmenter": {
            "replicas": 1,
            "s3Secret": S3["segmenter"],
            "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "2Gi"}},
        },
        "catalog": {
            "resources": small,
            "inbox": {"prefix": "inbox", "rescanSeconds": 5, "settleSeconds": 1},
        },
        "canary": {
            "enabled": True,
            "everyMinutes": 720,
            "seconds": 10,
            "certificateSecret": release_certificates.CANARY,
        },
        "monitoring": {"podMonitor": True, "rules": True, "dashboards": True, "interval": "5s"},
        "test": {"footageSeconds": 4},
    }


def _triton(built: Mapping[str, str]) -> Manifest:
    """The CPU profile, on a volume of the node."""
    (server,) = [image for image in built if image.startswith(f"{TRITON}:")]
    (models,) = [image for image in built if image.startswith(f"{images.MODELS}:")]
    return {
        "enabled": True,
        "image": {"repository": TRITON, "tag": server.removeprefix(f"{TRITON}:")},
        "models": {"image": models, "existingClaim": volumes.MODELS},
        "sharedMemory": "128Mi",
        "resources": {"requests": {"cpu": "100m", "memory": "192Mi"}, "limits": {"memory": "1Gi"}},
    }
