"""Landlock: this process opens the files it was told of and no others, and no TCP connection (Linux 5.13 and newer).

Numbers are those of the kernel's linux/landlock.h; `man 7 landlock`.
"""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on all architectures
PATH_BENEATH = 1
WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5
MAKE_DIR, MAKE_REG, TRUNCATE, IOCTL_DEV = 1 << 7, 1 << 8, 1 << 14, 1 << 15
SCRATCH_ACCESS = WRITE_FILE | READ_FILE | READ_DIR | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | TRUNCATE
FILE_ACCESS = WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # what a rule about a file, not a folder, may speak of
NET_TCP, SCOPE_UNIX_SOCKETS_AND_SIGNALS = 0b11, 0b11
NET_SINCE, SCOPE_SINCE = 4, 6  # versions of the kernel's interface

_libc = ctypes.CDLL(None, use_errno=True)


def restrict(readable: Iterable[str | Path], writable: Iterable[str | Path]) -> list[str]:
    """Restrict this thread and what it starts; return what holds: `files`, `tcp`, `signals`, nothing on an old kernel.

    readable: files and folders. writable: folders. What does not exist is left out.
    """
    version: int = _libc.syscall(CREATE_RULESET, None, 0, 1)
    if version < 1:
        return []
    known = (1 << (13 if version < 2 else 14 if version < 3 else 15 if version < 5 else 16)) - 1
    attributes = struct.pack("<QQQ", known, NET_TCP, SCOPE_UNIX_SOCKETS_AND_SIGNALS)
    attributes = attributes[: 8 if version < NET_SINCE else 16 if version < SCOPE_SINCE else 24]
    ruleset: int = _libc.syscall(CREATE_RULESET, attributes, len(attributes), 0)
    if ruleset < 0:
        return []
    try:
        for path in readable:
            _allow(ruleset, path, (READ_FILE | READ_DIR) & known)
        for path in writable:
            _allow(ruleset, path, SCRATCH_ACCESS & known)
        if _libc.syscall(RESTRICT_SELF, ruleset, 0) != 0:
            return []
    finally:
        os.close(ruleset)
    return ["files", *(["tcp"] if version >= NET_SINCE else []), *(["signals"] if version >= SCOPE_SINCE else [])]


def _allow(ruleset: int, path: str | Path, access: int) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        access &= -1 if os.path.isdir(path) else FILE_ACCESS
        if _libc.syscall(ADD_RULE, ruleset, PATH_BENEATH, struct.pack("<Qi", access, place), 0) != 0:
            raise OSError(ctypes.get_errno(), f"Landlock rule for {path}")
    finally:
        os.close(place)
