"""What the artefact store in a directory promises beyond the contract."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import BinaryIO, cast

import pytest
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.artefacts.directory import DirectoryStore
from celstream_platform.errors import Invalid, NotFound, Unavailable

LARGE = bytes(range(256)) * 20_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "artefacts"


@pytest.fixture
def store(root: Path) -> DirectoryStore:
    return DirectoryStore(root)


def stored(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A disk that is full for every file of that size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_bytes_lie_under_their_hash(store: DirectoryStore, root: Path) -> None:
    ref = store.put(b"text", "text/plain")
    assert stored(root) == [root / ref.sha256[:2] / ref.sha256[2:]]


def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(store: DirectoryStore, root: Path) -> None:
    with largest_file(1_000_000), pytest.raises(Unavailable, match="store is full") as caught:
        store.put(LARGE, "video/mp4")
    assert "\n" not in str(caught.value)
    assert str(root) in str(caught.value)
    assert not stored(root)
    assert store.stat(store.put(LARGE, "video/mp4")) == len(LARGE)


def test_a_source_that_breaks_off_leaves_nothing(store: DirectoryStore, root: Path) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise ConnectionResetError("the sender went away")
            return super().read(size)

    with pytest.raises(ConnectionResetError):
        store.put(cast(BinaryIO, Broken(LARGE)), "video/mp4")
    assert not stored(root)


def test_what_a_killed_writer_left_is_swept_after_its_grace(store: DirectoryStore, root: Path) -> None:
    left = root / "incoming" / "12345-abc"
    left.write_bytes(b"half")
    ref = store.put(b"whole", "text/plain")
    assert store.sweep(grace_seconds=3600) == 0
    os.utime(left, (0, 0))
    assert store.sweep(grace_seconds=3600) == 1
    assert not left.exists()
    assert store.stat(ref) == 5


def test_damaged_bytes_are_found_when_they_are_read(store: DirectoryStore, root: Path) -> None:
    ref = store.put(LARGE, "video/mp4")
    with stored(root)[0].open("r+b") as stream:
        stream.seek(3_000_000)
        stream.write(b"\x00\x01\x02")
    with store.open(ref) as damaged, pytest.raises(Invalid, match="damaged or changed"):
        damaged.read()


def test_a_truncated_artefact_is_refused_and_healed_by_storing_it_again(store: DirectoryStore, root: Path) -> None:
    ref = store.put(LARGE, "video/mp4")
    os.truncate(stored(root)[0], 1_000)
    with pytest.raises(Invalid, match="1000 bytes, expected"):
        store.open(ref)
    store.put(LARGE, "video/mp4")
    with store.open(ref) as stream:
        assert stream.read() == LARGE


def test_adopting_copies_nothing(store: DirectoryStore, root: Path, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(LARGE)
    ref = store.adopt(film, "video/mp4")
    assert sum(path.stat().st_size for path in stored(root)) < 1_000
    with store.local(ref) as path:
        assert path == film
    assert store.presign(ref, 60) == film.as_uri()


def test_a_changed_original_is_not_found_until_it_is_adopted_again(store: DirectoryStore, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(LARGE)
    ref = store.adopt(film, "video/mp4")
    os.utime(film, ns=(1, 1))
    with pytest.raises(NotFound, match=r"film\.mp4: changed since it was adopted"):
        store.open(ref)
    assert store.stat(ref) is None
    store.adopt(film, "video/mp4")
    assert store.stat(ref) == len(LARGE)


def test_a_removed_original_is_not_found_and_an_absent_drive_is_away(store: DirectoryStore, tmp_path: Path) -> None:
    film = tmp_path / "drive" / "film.mp4"
    film.parent.mkdir()
    film.write_bytes(LARGE)
    ref = store.adopt(film, "video/mp4")
    film.rename(tmp_path / "elsewhere.mp4")
    with pytest.raises(NotFound, match="not there any more"):
        store.open(ref)
    film.parent.rmdir()
    with pytest.raises(Unavailable, match="its folder is away"):
        store.open(ref)


def test_stored_bytes_come_before_an_adopted_original(store: DirectoryStore, tmp_path: Path) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(LARGE)
    store.adopt(film, "video/mp4")
    ref = store.put(film, "video/mp4")
    film.unlink()
    with store.open(ref) as stream:
        assert stream.read() == LARGE


def test_a_place_that_is_no_folder_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="Check the directory"):
        DirectoryStore(tmp_path / "file" / "artefacts")


@pytest.mark.parametrize("url", ["ftp://bucket", "file://", "file:///", "/folder"])
def test_an_unknown_address_is_refused_with_what_is_known(url: str) -> None:
    with pytest.raises(Invalid, match="file:///absolute/folder"):
        open_artefact_store(url)


def test_an_address_keeps_strange_paths(tmp_path: Path) -> None:
    folder = tmp_path / "50% ?#é"
    open_artefact_store(directory_url(folder)).put(b"text", "text/plain")
    assert len(stored(folder)) == 1
