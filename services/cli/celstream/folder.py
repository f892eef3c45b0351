"""The dataset folder: what lies where, and the lock that lets one run at a time work in it.

DIR/clips/ frames/ *.parquet dataset.md report.html report/    what the user asked for
DIR/.celstream/events.sqlite catalog.sqlite artefacts/          the embedded ports: the state to go on from
DIR/.celstream/lock                                             held (flock) by the run and its workers
"""

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from celstream_platform.artefacts import directory_url
from celstream_platform.errors import Invalid
from celstream_platform.eventlog import sqlite_url

ROOM_BYTES = 1 << 20  # with less room nothing can be committed any more
LOCK_PATIENCE_SECONDS = 5.0  # workers of a run that was killed end well within this, and the lock with them


@dataclass(frozen=True, slots=True)
class DatasetFolder:
    """The places inside one dataset folder."""

    path: Path

    @property
    def state(self) -> Path:
        """Where the state lies that a further run goes on from."""
        return self.path / ".celstream"

    @property
    def events_url(self) -> str:
        """The event log."""
        return sqlite_url(self.state / "events.sqlite")

    @property
    def catalog_url(self) -> str:
        """The catalog's database."""
        return f"sqlite:///{self.state.absolute() / 'catalog.sqlite'}"  # SQLAlchemy takes the path as it is

    @property
    def artefacts_url(self) -> str:
        """The artefact store."""
        return directory_url(self.artefacts)

    @property
    def artefacts(self) -> Path:
        """The artefact store's folder."""
        return self.state / "artefacts"

    @property
    def report_page(self) -> Path:
        """The page to open."""
        return self.path / "report.html"

    def create(self) -> None:
        """Make the folder, and see that it can be written. Raises Invalid."""
        try:
            self.state.mkdir(parents=True, exist_ok=True)
            probe = self.state / f".writable-{os.getpid()}"
            probe.write_bytes(b"celstream")
            probe.unlink()
        except OSError as error:
            raise Invalid(output_finding(self.path, error)) from error

    def exists(self) -> bool:
        """Whether a run has worked here before."""
        return self.state.is_dir()

    def room_finding(self) -> str:
        """One line for a person where there is no room to write any more; empty where there is."""
        probe = self.state / f".room-{os.getpid()}"
        try:
            with probe.open("wb") as file:
                file.write(bytes(ROOM_BYTES))
        except OSError as error:
            return output_finding(self.path, error)
        finally:
            with suppress(OSError):
                probe.unlink()
        return ""

    @contextmanager
    def locked(self) -> Iterator[int]:
        """Hold the folder's lock; gives its file descriptor, which workers inherit.

        The lock is the kernel's: it goes when the last process that holds it has ended, however it ended.
        Raises Invalid where another run works in the folder.
        """
        descriptor = os.open(self.state / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            deadline = time.monotonic() + LOCK_PATIENCE_SECONDS
            while not _lock(descriptor):
                if time.monotonic() > deadline:
                    holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip()
                    raise Invalid(
                        f"{self.path}: another run works in this folder (process {holder or 'unknown'}). "
                        "Let it end, or name another folder."
                    )
                time.sleep(0.05)
            os.truncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            yield descriptor
        finally:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def tells_of_a_full_disk(error: BaseException) -> bool:
    """Whether an error came of a full disk: by its number, or by its words where it crossed from another process."""
    number = error.errno if isinstance(error, OSError) else None
    return number in FULL or any(os.strerror(full) in str(error) for full in FULL)


def output_finding(path: Path, error: OSError) -> str:
    """One line for a person: why the output cannot be written, and what to do."""
    if error.errno in FULL:
        return (
            f"{path}: the output is full ({os.strerror(error.errno)}). "
            "Make room or give another --out; the same command goes on."
        )
    reason = os.strerror(error.errno) if error.errno else str(error)
    return f"{path}: cannot be written ({reason}). Give a folder for --out that can be written."
