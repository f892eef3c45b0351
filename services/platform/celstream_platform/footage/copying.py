"""Copying this process for its parent: a child that has loaded its libraries becomes several (Linux).

As `fork`, but the copy is a child of our parent, beside us: the parent waits for it, ends it and outlives it as it does
any other child. Copied is what has read no footage yet, and while it has one thread alone.

What libc's own `fork` tells the kernel is told here as well: where the number of the thread has to be written in the
copy. Numbers are those of the kernel's asm/unistd.h and linux/sched.h; `man 2 clone`.
"""

import ctypes
import os
import platform
import signal
import sys

CLONE_PARENT, CLONE_CHILD_CLEARTID, CLONE_CHILD_SETTID = 0x8000, 0x200000, 0x1000000
PR_GET_TID_ADDRESS = 40
_CLONE = {"x86_64": 56, "aarch64": 220}
_libc = ctypes.PyDLL(None, use_errno=True)  # keeps Python's lock: the copy has nobody to give it back


def can_copy() -> bool:
    """Whether it is known how, on this machine."""
    return sys.platform == "linux" and platform.machine() in _CLONE


def copied() -> int:
    """Copy this process: 0 in the copy, the copy's number here, -1 where that cannot be."""
    place = ctypes.c_void_p()
    try:
        threads = len(os.listdir("/proc/self/task"))
    except OSError:  # no /proc here: nobody knows
        return -1
    if not can_copy() or threads != 1:
        return -1
    if _libc.prctl(PR_GET_TID_ADDRESS, ctypes.byref(place), 0, 0, 0) != 0 or not place.value:
        return -1
    flags = CLONE_PARENT | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | signal.SIGCHLD
    none, thread = ctypes.c_long(0), ctypes.c_long(place.value)
    last = (thread, none) if platform.machine() == "x86_64" else (none, thread)
    return int(_libc.syscall(ctypes.c_long(_CLONE[platform.machine()]), ctypes.c_long(flags), none, none, *last))
