"""What a process gives up before it touches an untrusted file (Linux).

| what | by | where the kernel lacks it |
|---|---|---|
| memory, CPU time, file size, open files, core dumps | setrlimit | always there |
| other files than the one, libraries, the scratch folder | Landlock, Linux 5.13 (TCP: 6.7, signals: 6.12) | open |
| sockets, processes, programs, debugging, its own limits | seccomp filter (x86-64, aarch64) | open |
| administrator's rights | capset | always there |
| outliving its parent, gaining rights | prctl | always there |

`confine` says which of them hold; the parent logs what is missing.
"""

import ctypes
import math
import os
import resource
import signal
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from celstream_platform.footage import landlock, seccomp
from celstream_platform.footage.limits import GIB, Limits

ADDRESS_SPACE_RESERVE = 4 * GIB  # code, read-only files and what allocators reserve without using it
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
CAPABILITY_VERSION_3 = 0x20080522
KEPT_CAPABILITIES = 1 << 1 | 1 << 2  # reading files of other owners; Landlock says which
LIBRARY_FOLDERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
LIBRARY_FILES = ("/etc/ld.so.cache", "/dev/null", "/dev/urandom", "/proc/cpuinfo", "/sys/devices/system/cpu")

_libc = ctypes.CDLL(None, use_errno=True)


def set_limits(limits: Limits) -> None:
    """Set the limits of memory, CPU time, files."""
    cpu = max(math.ceil(limits.cpu_seconds), 1)
    for what, soft, hard in (
        (resource.RLIMIT_DATA, limits.memory_bytes, limits.memory_bytes),
        (resource.RLIMIT_AS, limits.memory_bytes + ADDRESS_SPACE_RESERVE, limits.memory_bytes + ADDRESS_SPACE_RESERVE),
        (resource.RLIMIT_CPU, cpu, cpu + 1),  # SIGXCPU tells it from a kill; one who ignores that is killed
        (resource.RLIMIT_FSIZE, limits.scratch_bytes, limits.scratch_bytes),
        (resource.RLIMIT_NOFILE, limits.open_files, limits.open_files),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        ceiling = resource.getrlimit(what)[1]
        ceiling = sys.maxsize if ceiling == resource.RLIM_INFINITY else ceiling
        resource.setrlimit(what, (min(soft, ceiling), min(hard, ceiling)))


def confine(*, parent: int, readable: Iterable[Path], scratch: Path | None) -> list[str]:
    """Give up what decoding one file does not need; return what holds. Call it while there is one thread.

    parent: process id of the parent; where it is gone already this process ends. readable: files and folders.
    """
    if sys.platform != "linux":
        return []
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    _libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
    if _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    held = landlock.restrict([*readable, *LIBRARY_FOLDERS, *LIBRARY_FILES], [scratch] if scratch else [])
    _drop_capabilities()
    return [*held, *seccomp.restrict()]


def _drop_capabilities() -> None:
    header = struct.pack("<Ii", CAPABILITY_VERSION_3, 0)
    sets = ctypes.create_string_buffer(24)
    if _libc.capget(header, sets) != 0:
        return
    permitted = struct.unpack("<6I", sets.raw)[1] & KEPT_CAPABILITIES
    _libc.capset(header, struct.pack("<6I", permitted, permitted, 0, 0, 0, 0))
