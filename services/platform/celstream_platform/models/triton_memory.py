"""Inputs in system shared memory: a server on the same host reads them where they lie, instead of over a socket.

A region belongs to one request at a time. It is registered with the server under the epoch of that server: a server
that was started anew knows none of them. A region whose request had no answer in time may still be read by the server:
it is put aside, and let go of much later.
"""

import itertools
import os
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.shared_memory import SharedMemory

import numpy as np
from numpy.typing import NDArray

SMALLEST_BYTES = 1 << 16  # regions; and below this, a message is as quick
ASIDE_SECONDS = 600.0  # far longer than any execution
ALIGNMENT = 64

Register = Callable[[str, str, int], None]  # (name, key, bytes): tell the server; raises what the server says
Unregister = Callable[[str], None]


@dataclass(slots=True)
class Region:
    """A piece of memory that the server can see. epoch: of the server that knows it; -1: none."""

    memory: SharedMemory
    epoch: int = -1

    @property
    def name(self) -> str:
        """Its name, at the server and in the system."""
        return self.memory.name.lstrip("/")

    def write(self, arrays: list[NDArray[np.generic]]) -> list[int]:
        """Copy arrays in, one after the other; where each begins."""
        offsets, end = [], 0
        for array in arrays:
            offsets.append(end)
            target: NDArray[np.generic] = np.ndarray(array.shape, array.dtype, self.memory.buf, end)
            np.copyto(target, array)
            end += _aligned(array.nbytes)
        return offsets


@dataclass(slots=True)
class Regions:
    """Regions for requests, as many as there are in flight. Safe for use from several threads."""

    register: Register
    unregister: Unregister
    _epoch: int = 0
    _free: list[Region] = field(default_factory=list)
    _aside: list[tuple[float, Region]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _prefix: str = field(default_factory=lambda: f"celstream-{os.getpid()}-{secrets.token_hex(4)}")

    def take(self, arrays: list[NDArray[np.generic]]) -> tuple[Region, list[int]]:
        """A region that holds the arrays, known to the server; where each begins. Raises what the server says."""
        size = sum(_aligned(array.nbytes) for array in arrays)
        region = self._fitting(size)
        try:
            if region.epoch != self._epoch:
                epoch = self._epoch
                self.register(region.name, f"/{region.name}", region.memory.size)
                region.epoch = epoch
            return region, region.write(arrays)
        except BaseException:
            self.give_back(region)
            raise

    def give_back(self, region: Region) -> None:
        """Its request was answered."""
        with self._lock:
            self._free.append(region)

    def put_aside(self, region: Region) -> None:
        """Its request had no answer: the server may read it still."""
        now = time.monotonic()
        with self._lock:
            self._aside.append((now, region))
            over = [one for since, one in self._aside if now - since > ASIDE_SECONDS]
            self._aside = [(since, one) for since, one in self._aside if now - since <= ASIDE_SECONDS]
        for one in over:
            self._let_go(one)

    def forgotten(self) -> None:
        """The server was started anew, and knows no region any more."""
        with self._lock:
            self._epoch += 1

    def close(self) -> None:
        """Let go of all."""
        with self._lock:
            mine = [*self._free, *(one for _, one in self._aside)]
            self._free, self._aside = [], []
        for region in mine:
            self._let_go(region)

    def _fitting(self, size: int) -> Region:
        with self._lock:
            for index, region in enumerate(self._free):
                if region.memory.size >= size:
                    return self._free.pop(index)
            outgrown = self._free.pop() if self._free else None
        if outgrown is not None:
            self._let_go(outgrown)
        wanted = max(SMALLEST_BYTES, 1 << (size - 1).bit_length())
        return Region(SharedMemory(f"{self._prefix}-{next(self._numbers)}", create=True, size=wanted))

    def _let_go(self, region: Region) -> None:
        if region.epoch == self._epoch:
            self.unregister(region.name)
        region.memory.close()
        region.memory.unlink()


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT
