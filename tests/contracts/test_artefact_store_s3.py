"""What an artefact store on S3 has to stand beyond the contract: broken connections, wrong bytes, wrong keys."""

import hashlib
import io
import os
import random
import secrets
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs, urlsplit

import pytest
from celstream_platform.artefacts import ArtefactStore, open_artefact_store
from celstream_platform.artefacts.s3 import S3Store
from celstream_platform.artefacts.s3_connection import parse
from celstream_platform.errors import Invalid, NotFound, Unavailable
from celstream_protos.v1.envelope_pb2 import ArtefactRef
from celstream_stack.ports import free_port

from tests.cutting_proxy import CuttingProxy

pytestmark = pytest.mark.slow
LARGE = random.Random(5).randbytes(40 << 20)  # three parts
NEVER = 1 << 40


@pytest.fixture
def url(bucket_url: str) -> str:
    """A store of the test's own, below the prefix that a service may write."""
    return bucket_url.replace("/artefacts?", f"/artefacts/{secrets.token_hex(8)}?")


@pytest.fixture
def store(url: str) -> S3Store:
    return S3Store(url)


def endpoint_port(url: str) -> int:
    port = urlsplit(parse_qs(urlsplit(url).query)["endpoint"][0]).port
    assert port is not None
    return port


def through(url: str, proxy: CuttingProxy) -> ArtefactStore:
    return open_artefact_store(url.replace(f":{endpoint_port(url)}", f":{proxy.port}"))


def fresh(seed: int) -> bytes:
    """Bytes that no other test stores."""
    return LARGE[:-16] + random.Random(f"{os.getpid()} {seed}").randbytes(16)


def ref_of(content: bytes) -> ArtefactRef:
    return ArtefactRef(sha256=hashlib.sha256(content).hexdigest(), size=len(content), media_type="video/mp4")


class Once(io.RawIOBase):
    """A stream that can be read once."""

    def __init__(self, content: bytes, fail_at: int = NEVER) -> None:
        self._inner = io.BytesIO(content)
        self._fail_at = fail_at

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if self._inner.tell() >= self._fail_at:
            raise ConnectionResetError("the sender went away")
        return self._inner.read(size)


def test_a_stream_that_comes_once_is_stored_and_leaves_nothing_else(store: S3Store) -> None:
    content = fresh(1)
    ref = store.put(Once(content), "video/mp4")  # type: ignore[arg-type]
    assert ref == ref_of(content)
    with store.open(ref) as stream:
        assert stream.read() == content
    assert not any(stored.is_half for stored in store.listed())


def test_a_stream_that_breaks_off_leaves_nothing(store: S3Store) -> None:
    with pytest.raises(ConnectionResetError, match="the sender went away"):
        store.put(Once(fresh(2), fail_at=20 << 20), "video/mp4")  # type: ignore[arg-type]
    assert store.stat(ref_of(fresh(2))) is None
    assert not any(stored.is_half for stored in store.listed())


def test_a_file_that_changes_under_our_hands_is_not_stored(store: S3Store) -> None:
    class Changing(io.BytesIO):
        reads = 0

        def seek(self, offset: int, whence: int = 0, /) -> int:
            self.getbuffer()[-1] ^= 1  # hashed by now, uploaded next
            return super().seek(offset, whence)

    with pytest.raises(Invalid, match="changed while it was read"):
        store.put(Changing(fresh(3)), "video/mp4")
    assert store.stat(ref_of(fresh(3))) is None


def test_bytes_that_are_not_those_of_the_name_are_refused_when_read(store: S3Store, url: str) -> None:
    ref = ref_of(fresh(4))
    connection = parse(url)
    wrong = fresh(4)[:-1] + b"!"
    key = f"{connection.prefix}{ref.sha256[:2]}/{ref.sha256[2:]}"
    connection.client().put_object(connection.bucket, key, io.BytesIO(wrong), len(wrong))
    with store.open(ref) as stream, pytest.raises(Invalid, match="expected"):
        stream.read()
    connection.client().put_object(connection.bucket, key, io.BytesIO(wrong[:-1]), len(wrong) - 1)
    with pytest.raises(Invalid, match=f"{len(wrong) - 1} bytes, expected {len(wrong)}"):
        store.open(ref)
    store.delete(ref)


def test_a_download_that_is_cut_goes_on_where_it_was(store: S3Store, url: str) -> None:
    content = fresh(5)
    ref = store.put(content, "video/mp4")
    with CuttingProxy(endpoint_port(url), cuts=3, after_bytes=5 << 20, upwards=False) as proxy:
        with through(url, proxy).open(ref) as stream:
            assert stream.read() == content
        assert proxy.cuts_left == 0


def test_an_upload_that_is_cut_goes_on_with_the_part(store: S3Store, url: str) -> None:
    content = fresh(6)
    with CuttingProxy(endpoint_port(url), cuts=2, after_bytes=5 << 20, upwards=True) as proxy:
        ref = through(url, proxy).put(content, "video/mp4")
        assert proxy.cuts_left == 0
    with store.open(ref) as stream:
        assert stream.read() == content


@pytest.mark.parametrize("make", [io.BytesIO, Once], ids=["twice", "once"])
def test_an_upload_that_cannot_end_is_unavailable_and_leaves_no_artefact(
    store: S3Store, url: str, make: Callable[[bytes], BinaryIO]
) -> None:
    content = fresh(7)
    with (
        CuttingProxy(endpoint_port(url), cuts=1_000, after_bytes=5 << 20, upwards=True) as proxy,
        pytest.raises(Unavailable, match="does not answer") as caught,
    ):
        through(url, proxy).put(make(content), "video/mp4")
    assert "\n" not in str(caught.value)
    assert store.stat(ref_of(content)) is None
    assert all(store.remove(stored) for stored in store.listed())


def test_an_address_gives_the_bytes_to_whoever_has_it(store: S3Store) -> None:
    ref = store.put(b"for everybody", "text/plain")
    with urllib.request.urlopen(store.presign(ref, 60)) as answer:
        assert answer.read() == b"for everybody"
        assert answer.headers["Content-Type"] == "text/plain"
    address = store.presign(ref, 60)
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(address[:-1] + ("1" if address.endswith("0") else "0"))
    with pytest.raises(Invalid, match="an address lasts"):
        store.presign(ref, 8 * 24 * 3600)


def test_wrong_keys_are_named_as_the_reason(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not the secret")
    with pytest.raises(Unavailable, match="does not permit it"):
        open_artefact_store(url)


def test_a_service_cannot_write_outside_its_prefix(bucket_url: str) -> None:
    elsewhere = open_artefact_store(bucket_url.replace("/artefacts?", "/elsewhere?"))
    with pytest.raises(Unavailable, match=r"does not permit it \(AccessDenied"):
        elsewhere.put(b"text", "text/plain")


def test_a_bucket_that_is_not_there_is_named(url: str) -> None:
    with pytest.raises(Unavailable, match="s3://no-such-bucket/artefacts/"):
        open_artefact_store(url.replace("//celstream/", "//no-such-bucket/"))


def test_a_store_that_is_away_is_one_line(url: str) -> None:
    with pytest.raises(Unavailable, match="does not answer") as caught:
        open_artefact_store(url.replace(f":{endpoint_port(url)}", f":{free_port()}"))
    assert "\n" not in str(caught.value)


def test_what_is_stored_already_is_not_sent_again(store: S3Store, url: str, tmp_path: Path) -> None:
    file = tmp_path / "film.mp4"
    file.write_bytes(fresh(8))
    ref = store.put(file, "video/mp4")
    with CuttingProxy(endpoint_port(url), cuts=1, after_bytes=1 << 20, upwards=True) as proxy:
        assert through(url, proxy).adopt(file, "video/mp4") == ref
        assert proxy.cuts_left == 1
    store.delete(ref)
    with pytest.raises(NotFound, match=ref.sha256):
        store.open(ref)
