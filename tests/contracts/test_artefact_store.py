"""The contract of the artefact store."""

import hashlib
import threading
from io import BytesIO
from pathlib import Path

import pytest
from celstream_platform.artefacts import ArtefactStore
from celstream_platform.errors import Invalid, NotFound
from celstream_protos.v1.envelope_pb2 import ArtefactRef
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

UNKNOWN = ArtefactRef(sha256="0" * 64, size=1, media_type="text/plain")
LARGE = bytes(range(256)) * 40_000  # 10 MB: more than one block or part


def read(store: ArtefactStore, ref: ArtefactRef) -> bytes:
    with store.open(ref) as stream:
        return stream.read()


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=3_000))
def test_bytes_come_back_under_the_name_of_their_hash(store: ArtefactStore, content: bytes) -> None:
    ref = store.put(content, "image/png")
    assert (ref.sha256, ref.size, ref.media_type) == (hashlib.sha256(content).hexdigest(), len(content), "image/png")
    assert read(store, ref) == content


@pytest.mark.parametrize("form", ["bytes", "file", "stream"])
def test_large_content_may_be_bytes_a_file_or_a_stream(store: ArtefactStore, tmp_path: Path, form: str) -> None:
    file = tmp_path / "large.bin"
    file.write_bytes(LARGE)
    ref = store.put({"bytes": LARGE, "file": file, "stream": BytesIO(LARGE)}[form], "video/mp4")
    assert store.stat(ref) == len(LARGE)
    assert read(store, ref) == LARGE


def test_the_same_bytes_twice_are_one_artefact(store: ArtefactStore) -> None:
    assert store.put(b"same", "text/plain") == store.put(BytesIO(b"same"), "text/plain")
    store.delete(store.put(b"same", "text/plain"))
    assert store.stat(store.put(b"other", "text/plain")) == 5


def test_a_local_file_holds_the_bytes(store: ArtefactStore) -> None:
    ref = store.put(LARGE, "video/mp4")
    with store.local(ref) as path:
        assert path.read_bytes() == LARGE


def test_an_adopted_file_is_an_artefact_like_any_other(store: ArtefactStore, tmp_path: Path) -> None:
    file = tmp_path / "film é?#.mp4"
    file.write_bytes(LARGE)
    ref = store.adopt(file, "video/mp4")
    assert ref.sha256 == hashlib.sha256(LARGE).hexdigest()
    assert store.stat(ref) == len(LARGE)
    assert read(store, ref) == LARGE
    with store.local(ref) as path:
        assert path.read_bytes() == LARGE
    store.delete(ref)
    assert store.stat(ref) is None
    assert file.read_bytes() == LARGE


def test_what_is_not_stored_is_not_found(store: ArtefactStore) -> None:
    assert store.stat(UNKNOWN) is None
    with pytest.raises(NotFound, match=UNKNOWN.sha256):
        store.open(UNKNOWN)
    with pytest.raises(NotFound, match=UNKNOWN.sha256), store.local(UNKNOWN):
        pass


def test_what_is_deleted_is_gone_and_deleting_it_again_is_no_error(store: ArtefactStore) -> None:
    ref = store.put(b"text", "text/plain")
    store.delete(ref)
    store.delete(ref)
    assert store.stat(ref) is None
    assert read(store, store.put(b"text", "text/plain")) == b"text"


@pytest.mark.parametrize("name", ["", "abc", "../../../etc/passwd", "A" * 64])
def test_a_name_that_is_no_hash_is_refused(store: ArtefactStore, name: str) -> None:
    with pytest.raises(Invalid, match="not the name of an artefact"):
        store.open(ArtefactRef(sha256=name))


def test_a_source_file_that_is_not_there_is_named(store: ArtefactStore, tmp_path: Path) -> None:
    for take in (store.put, store.adopt):
        with pytest.raises(NotFound, match=r"missing\.mp4"):
            take(tmp_path / "missing.mp4", "video/mp4")


def test_an_address_can_be_had(store: ArtefactStore) -> None:
    assert ":" in store.presign(store.put(b"text", "text/plain"), 60)
    with pytest.raises(NotFound):
        store.presign(UNKNOWN, 60)


def test_several_threads_may_store_the_same_and_other_bytes(store: ArtefactStore) -> None:
    refs: list[ArtefactRef] = []
    contents = [b"same", b"same", *(f"other {number}".encode() for number in range(6))]
    threads = [
        threading.Thread(target=lambda content=content: refs.append(store.put(content, "text/plain")))
        for content in contents
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(read(store, ref) for ref in refs) == sorted(contents)
