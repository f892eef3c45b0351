"""The bucket that the stack makes: only its inbox keeps versions, and each service may do its job and no other's."""

import io
import secrets
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from celstream_stack.errors import StackError
from celstream_stack.minio import BUCKET
from celstream_stack.stack import Stack
from minio import Minio
from minio.commonconfig import Tags
from minio.error import S3Error

pytestmark = pytest.mark.slow

STAGE = {"see", "read artefacts", "tags artefacts", "write artefacts", "delete artefacts", "read inbox"}
MAY = {"segmenter": STAGE, "catalog": {*STAGE, "tags inbox"}, "submitter": {"write inbox", "tag inbox"}}


@pytest.fixture(scope="module")
def variables(stack: Stack) -> dict[str, str]:
    return stack.up(["minio"])


def client_of(variables: dict[str, str], user: str, password: str) -> Minio:
    endpoint = parse_qs(urlsplit(variables["CELSTREAM_ARTEFACTS"]).query)["endpoint"][0]
    return Minio(urlsplit(endpoint).netloc, access_key=user, secret_key=password, secure=False)


@pytest.fixture
def root(variables: dict[str, str]) -> Minio:
    return client_of(variables, variables["MINIO_ROOT_USER"], variables["MINIO_ROOT_PASSWORD"])


@pytest.fixture
def name(root: Minio) -> Iterator[str]:
    """Name of an object of the test's own, below both prefixes; removed afterwards."""
    made = f"test-{secrets.token_hex(8)}"
    yield made
    for prefix in ("inbox", "artefacts"):
        for version in root.list_objects(BUCKET, f"{prefix}/{made}", include_version=True):
            root.remove_object(BUCKET, f"{prefix}/{made}", version_id=version.version_id)


def put(client: Minio, key: str, content: bytes) -> None:
    client.put_object(BUCKET, key, io.BytesIO(content), len(content))


def test_only_the_inbox_keeps_versions(root: Minio, name: str) -> None:
    for prefix in ("inbox", "artefacts"):
        for content in (b"first", b"second"):
            put(root, f"{prefix}/{name}", content)
        root.remove_object(BUCKET, f"{prefix}/{name}")
    versions = list(root.list_objects(BUCKET, f"inbox/{name}", include_version=True))
    assert sum(version.is_delete_marker for version in versions) == 1
    oldest = [version for version in versions if not version.is_delete_marker][-1]
    with root.get_object(BUCKET, f"inbox/{name}", version_id=oldest.version_id) as answer:
        assert answer.data == b"first"
    assert list(root.list_objects(BUCKET, f"artefacts/{name}", include_version=True)) == []


@pytest.mark.parametrize("service", MAY)
def test_a_service_may_do_its_job_and_no_other(
    stack: Stack, variables: dict[str, str], root: Minio, name: str, service: str
) -> None:
    login = stack.login(service)
    client = client_of(variables, login["AWS_ACCESS_KEY_ID"], login["AWS_SECRET_ACCESS_KEY"])
    tags = Tags.new_object_tags()
    tags["style"] = "japanese"
    tries: dict[str, Any] = {
        "see": lambda: next(client.list_objects(BUCKET, recursive=True)),
        "make": lambda: client.make_bucket(f"other-{name}"),
    }
    for prefix in ("artefacts", "inbox", "elsewhere"):
        key = f"{prefix}/{name}"
        tries |= {
            f"read {prefix}": lambda key=key: client.get_object(BUCKET, key).close(),
            f"tags {prefix}": lambda key=key: client.get_object_tags(BUCKET, key),
            f"write {prefix}": lambda key=key: put(client, key, b"mine"),
            f"tag {prefix}": lambda key=key: client.set_object_tags(BUCKET, key, tags),
            f"delete {prefix}": lambda key=key: client.remove_object(BUCKET, key),
        }
        put(root, key, b"there")
    allowed = set()
    try:
        for what, act in tries.items():
            try:
                act()
                allowed.add(what)
            except S3Error as error:
                if error.code != "AccessDenied":
                    raise
    finally:
        root.remove_object(BUCKET, f"elsewhere/{name}")
    assert allowed == MAY[service]


def test_a_service_without_keys_is_named(stack: Stack) -> None:
    with pytest.raises(StackError, match="captioner: has no keys of its own"):
        stack.login("captioner")
