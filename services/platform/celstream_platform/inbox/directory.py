"""An inbox in a folder, for one machine.

A folder does not say when a file is whole. So a file counts once it has not changed for a while, and what is hidden or
has the ending of a half-done download never does; whoever wants it taken at once moves it in under its name.
"""

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from celstream_platform.errors import Invalid, NotFound, Unavailable
from celstream_platform.inbox.port import Offered, check_small

HALF_DONE = frozenset({".part", ".partial", ".tmp", ".crdownload", ".download", ".filepart"})


class DirectoryInbox:
    """Files below one folder. Raises Unavailable where it is no folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._look()

    @property
    def root(self) -> str:
        """See the port."""
        return f"{self._folder}/"

    @property
    def knows_tags(self) -> bool:
        """See the port."""
        return False

    def listed(self) -> Iterator[Offered]:
        """See the port. Links are not followed: they lead out of the folder."""
        self._look()
        for root, folders, names in os.walk(self._folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                if not name.startswith(".") and Path(name).suffix.lower() not in HALF_DONE:
                    offered = self.find(os.path.join(root, name))
                    if offered is not None:
                        yield offered

    def find(self, path: str) -> Offered | None:
        """See the port."""
        try:
            found = os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise self._away(error) from error
        if not stat.S_ISREG(found.st_mode):
            return None
        return Offered(path, found.st_size, _etag(found), modified_seconds=found.st_mtime)

    @contextmanager
    def fetch(self, offered: Offered, stopping: Callable[[], bool]) -> Iterator[Path]:
        """See the port. It is the file itself; whoever copies it finds out whether it changed meanwhile."""
        found = self.find(offered.path)
        if found is None or found.etag != offered.etag:
            raise NotFound(f"{offered.path}: is gone, or has been replaced. What came instead is taken.")
        yield Path(offered.path)

    def tags(self, offered: Offered) -> Mapping[str, str]:
        """See the port. A folder knows none."""
        return {}

    def read(self, offered: Offered, most_bytes: int) -> bytes:
        """See the port."""
        check_small(offered, most_bytes)
        with self.fetch(offered, lambda: False) as path:
            try:
                return path.read_bytes()
            except OSError as error:
                raise Invalid(f"{path}: cannot be read ({error.strerror}). Check its permissions.") from error

    def _look(self) -> None:
        if not self._folder.is_dir():
            raise Unavailable(f"{self._folder}: no such folder. Make it, or give another inbox.")

    def _away(self, error: OSError) -> Unavailable:
        return Unavailable(f"{self._folder}: the inbox cannot be read ({error.strerror}). Check its permissions.")


def _etag(found: os.stat_result) -> str:
    return f"{found.st_mtime_ns:x}-{found.st_size:x}"
