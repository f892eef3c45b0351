"""Uploads that fail by the store: damage on the way, a full disk, keys that end. Nothing half is visible."""

import hashlib
import io
import random
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from celstream_platform.artefacts.s3 import S3Store
from celstream_platform.artefacts.s3_connection import parse
from celstream_platform.errors import Unavailable
from celstream_protos.v1.envelope_pb2 import ArtefactRef
from celstream_stack.stack import Stack
from minio.credentials.providers import AssumeRoleProvider, StaticProvider
from minio.minioadmin import MinioAdmin

from tests.cutting_proxy import CuttingProxy
from tests.small_store import grow, small_minio

pytestmark = pytest.mark.slow
SIZE = 40 << 20  # three parts
WAIT_SECONDS = 60.0


@pytest.fixture
def url(bucket_url: str) -> str:
    """A store of the test's own, below the prefix that a service may write."""
    return bucket_url.replace("/artefacts?", f"/artefacts/{secrets.token_hex(8)}?")


def endpoint_of(url: str) -> str:
    return urlsplit(parse_qs(urlsplit(url).query)["endpoint"][0]).netloc


def fresh() -> bytes:
    """Bytes that nobody else stores."""
    return random.randbytes(SIZE)


def ref_of(content: bytes) -> ArtefactRef:
    return ArtefactRef(sha256=hashlib.sha256(content).hexdigest(), size=len(content), media_type="video/mp4")


def complaint(store: S3Store, source: bytes | io.RawIOBase) -> str:
    """The one line that who cannot store it hears."""
    with pytest.raises(Unavailable) as caught:
        store.put(source, "video/mp4")  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def visible(url: str) -> list[str]:
    """The keys of all objects in the store at this URL."""
    connection = parse(url)
    found = connection.client().list_objects(connection.bucket, connection.prefix, recursive=True)
    return [one.object_name or "" for one in found]


class Interrupted(io.RawIOBase):
    """A stream that comes once, during which something happens: `then` is called once half of it was read."""

    def __init__(self, content: bytes, then: Callable[[], None]) -> None:
        self._inner = io.BytesIO(content)
        self._half = len(content) // 2
        self._then: Callable[[], None] | None = then

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._then is not None and self._inner.tell() > self._half:
            then, self._then = self._then, None
            then()
        return self._inner.read(size)


def test_an_upload_that_is_damaged_on_its_way_is_not_taken_and_may_be_tried_again(url: str) -> None:
    content = fresh()
    port = endpoint_of(url).rpartition(":")[2]
    with CuttingProxy(int(port), cuts=1, after_bytes=5 << 20, upwards=True, damage=True) as proxy:
        store = S3Store(url.replace(f":{port}", f":{proxy.port}"))
        assert "was damaged on its way to the artefact store" in complaint(store, content)
        assert proxy.cuts_left == 0
        assert visible(url) == []
        ref = store.put(content, "video/mp4")
    with S3Store(url).open(ref) as stream:
        assert stream.read() == content


def test_a_full_disk_is_named_and_what_fits_later_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with small_minio(tmp_path / "minio", megabytes=64) as (endpoint, login):
        for name, value in login.items():
            monkeypatch.setenv(name, value)
        url = f"s3://bucket?endpoint={endpoint}"
        parse(url).client().make_bucket("bucket")
        store = S3Store(url)
        first, second = fresh(), fresh()
        store.put(first, "video/mp4")
        assert "the artefact store is full (" in complaint(store, second)
        assert "the artefact store is full (" in complaint(store, Interrupted(second, lambda: None))
        assert store.stat(ref_of(second)) is None
        assert len(visible(url)) == 1
        grow(tmp_path / "minio", megabytes=256)
        deadline = time.monotonic() + WAIT_SECONDS
        while True:  # the server looks at its disk now and then
            try:
                assert store.put(second, "video/mp4") == ref_of(second)
                break
            except Unavailable:
                assert time.monotonic() < deadline
        with store.open(ref_of(second)) as stream:
            assert stream.read() == second


@pytest.fixture(scope="module")
def admin(stack: Stack) -> MinioAdmin:
    variables = stack.up(["minio"])
    root = StaticProvider(variables["MINIO_ROOT_USER"], variables["MINIO_ROOT_PASSWORD"])
    return MinioAdmin(endpoint=endpoint_of(variables["CELSTREAM_ARTEFACTS"]), credentials=root, secure=False)


@pytest.fixture
def user(admin: MinioAdmin) -> Iterator[tuple[str, str]]:
    """(name, password) of a user of the test's own, with the rights of a stage."""
    name, password = f"test-{secrets.token_hex(8)}", secrets.token_hex(16)
    admin.user_add(name, password)
    admin.policy_set("celstream-segmenter", user=name)
    yield name, password
    admin.user_remove(name)


@pytest.mark.parametrize("lent", [False, True], ids=["own", "lent"])
def test_keys_that_end_during_an_upload_leave_nothing_and_are_the_reason_given(
    url: str, admin: MinioAdmin, user: tuple[str, str], monkeypatch: pytest.MonkeyPatch, lent: bool
) -> None:
    """lent: keys for a time, as a pod gets them; they end with the user who lent them."""
    name, password = user
    keys = (name, password, "")
    if lent:
        given = AssumeRoleProvider(
            sts_endpoint=f"http://{endpoint_of(url)}", access_key=name, secret_key=password
        ).retrieve()
        keys = (given.access_key, given.secret_key, given.session_token or "")
    for variable, value in zip(("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN"), keys, strict=True):
        monkeypatch.setenv(f"AWS_{variable}", value)
    store = S3Store(url)
    before = store.put(b"while the keys hold", "text/plain")
    content = fresh()
    assert "does not permit it (" in complaint(store, Interrupted(content, lambda: admin.user_disable(name)))
    assert "does not permit it (" in complaint(store, content)
    admin.user_enable(name)
    kept = [f"{parse(url).prefix}{before.sha256[:2]}/{before.sha256[2:]}"]
    assert visible(url) == kept
    if not lent:
        assert store.put(content, "video/mp4") == ref_of(content)
