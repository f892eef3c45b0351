"""Columns: long rows of numbers about a footage, kept in a file once they are many, and read from it page by page.

Where a film's packets lie takes 8 MB for each hour of it. In a file they take memory only where they are read, and give
it back when they are let go of: a process then holds no more for a day of film than for an hour.
"""

import mmap
import tempfile
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

BLOCK = 2**16  # numbers that are taken at a time where a column is gone through
KEPT_BYTES = 2**21  # a column up to here stays in memory: some two hours of film


class Shelf:
    """Where columns are kept. Without a folder all of them stay in memory."""

    def __init__(self, folder: Path | None = None) -> None:
        """folder: for files that have no name and vanish with the process."""
        self.folder = folder
        self._maps: list[mmap.mmap] = []

    def mapped(self, file: IO[bytes], dtype: DTypeLike) -> NDArray[Any]:
        """The numbers in a file, read-only; it may be closed afterwards."""
        file.flush()
        mapping = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        self._maps.append(mapping)
        return np.frombuffer(mapping, dtype)

    def let_go(self) -> None:
        """Give back the memory of what has been read; it is read again where it is wanted."""
        for mapping in self._maps:
            mapping.madvise(mmap.MADV_DONTNEED)

    def blocks(self, length: int) -> Iterator[slice]:
        """Slices that together go through columns of that length; what was read of each is given back after it."""
        for start in range(0, length, BLOCK):
            yield slice(start, min(start + BLOCK, length))
            self.let_go()


class Column:
    """A column that grows at its end. Raises OSError where its file cannot be written."""

    def __init__(self, shelf: Shelf, dtype: type[np.generic]) -> None:
        self._shelf = shelf
        self._dtype = np.dtype(dtype)
        self._new = array(self._dtype.char)
        self._file: IO[bytes] | None = None
        self._most = KEPT_BYTES // self._dtype.itemsize if shelf.folder else None
        self.append = self._new.append
        """Adds one number; `rest` is to be called about every BLOCK of them."""

    def extend(self, numbers: NDArray[Any]) -> None:
        """Add many numbers."""
        self._new.frombytes(np.ascontiguousarray(numbers, self._dtype).tobytes())
        self.rest()

    def rest(self) -> None:
        """Put what is in memory into the file, if it is much."""
        if self._most is not None and len(self._new) >= self._most:
            self._write()

    def finished(self) -> NDArray[Any]:
        """The numbers; the column must not grow any more."""
        if self._file is None:
            return np.frombuffer(self._new, self._dtype) if len(self._new) else np.empty(0, self._dtype)
        if len(self._new):
            self._write()
        with self._file:
            return self._shelf.mapped(self._file, self._dtype)

    def _write(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile(dir=self._shelf.folder)  # noqa: SIM115 (closed when it is mapped)
        self._file.write(self._new)
        del self._new[:]
        self._most = BLOCK
