"""seccomp: no sockets, no new processes or programs, no debugging, no raising of limits (x86-64 and aarch64).

A list of what is refused, not of what is allowed: decoders differ in what they need from one machine to the next, and
files are Landlock's business. Numbers are those of the kernel's asm/unistd.h; `man 2 seccomp`.
"""

import ctypes
import errno
import os
import platform
import struct

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_SET_NAME, PR_SET_VMA = 15, 0x53564D41  # the C library names threads and memory

_libc = ctypes.CDLL(None, use_errno=True)

# Names are the kernel's. A missing number: the architecture has no such call.
_FORBIDDEN = {
    "x86_64": {
        "socket": 41, "socketpair": 53, "fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "ptrace": 101,
        "setrlimit": 160, "tkill": 200, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "memfd_create": 319,
        "process_vm_readv": 310, "process_vm_writev": 311, "unshare": 272, "setns": 308, "mount": 165, "chroot": 161,
        "bpf": 321, "perf_event_open": 298, "userfaultfd": 323, "keyctl": 250, "add_key": 248, "request_key": 249,
        "open_by_handle_at": 304, "shmget": 29, "msgget": 68, "mq_open": 240, "personality": 135, "kcmp": 312,
    },
    "aarch64": {
        "socket": 198, "socketpair": 199, "execve": 221, "execveat": 281, "ptrace": 117,
        "setrlimit": 164, "tkill": 130, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "memfd_create": 279,
        "process_vm_readv": 270, "process_vm_writev": 271, "unshare": 97, "setns": 268, "mount": 40, "chroot": 51,
        "bpf": 280, "perf_event_open": 241, "userfaultfd": 282, "keyctl": 219, "add_key": 217, "request_key": 218,
        "open_by_handle_at": 265, "shmget": 194, "msgget": 186, "mq_open": 180, "personality": 92, "kcmp": 272,
    },
}  # fmt: skip
_FORBIDDEN_EVERYWHERE = {
    "io_uring_setup": 425, "pidfd_send_signal": 424, "open_tree": 428, "move_mount": 429, "fsopen": 430,
    "pidfd_open": 434, "pidfd_getfd": 438, "memfd_secret": 447,
}  # fmt: skip
_GUARDED = {  # allowed for some first arguments
    "x86_64": {"clone": 56, "kill": 62, "tgkill": 234, "prctl": 157, "prlimit64": 302, "audit": 0xC000003E},
    "aarch64": {"clone": 220, "kill": 129, "tgkill": 131, "prctl": 167, "prlimit64": 261, "audit": 0xC00000B7},
}
_CLONE3 = 435
_CLONE_THREAD = 0x10000
_X32_CALLS = 0x40000000  # the second set of call numbers of x86-64


def restrict() -> list[str]:
    """Restrict this thread and what it starts; return what holds: `calls`, nothing on another architecture."""
    machine = platform.machine()
    if machine not in _FORBIDDEN:
        return []
    program = _filter(machine)
    memory = ctypes.create_string_buffer(program)
    header = struct.pack("<HxxxxxxQ", len(program) // 8, ctypes.addressof(memory))
    return ["calls"] if _libc.prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, header, 0, 0) == 0 else []


def _filter(machine: str) -> bytes:
    """The filter in classic BPF: refused calls fail with EPERM, so that a library can go on without them."""
    load, equal, at_least, has, answer = 0x20, 0x15, 0x35, 0x45, 0x06
    allow, refuse, unknown, kill = 0x7FFF0000, 0x50000 | errno.EPERM, 0x50000 | errno.ENOSYS, 0x80000000
    number_at, machine_at, argument_at = 0, 4, (16, 24, 32)  # offsets in struct seccomp_data

    def step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("<HBBI", code, if_true, if_false, value)

    def when(call: int, *then: bytes) -> bytes:
        """Steps for one call; they end with an answer."""
        return step(equal, call, 0, len(then)) + b"".join(then)

    forbidden = (*_FORBIDDEN[machine].values(), *_FORBIDDEN_EVERYWHERE.values())
    guarded = _GUARDED[machine]
    pid = os.getpid()
    own_process = (step(load, argument_at[0]), step(equal, pid, 0, 1), step(answer, allow), step(answer, refuse))
    return b"".join(
        (
            step(load, machine_at), step(equal, guarded["audit"], 1, 0), step(answer, kill),
            step(load, number_at), step(at_least, _X32_CALLS, 0, 1), step(answer, refuse),
            *(when(call, step(answer, refuse)) for call in forbidden),
            # The C library falls back from clone3, whose flags a filter cannot read, to clone.
            when(_CLONE3, step(answer, unknown)),
            when(
                guarded["clone"], step(load, argument_at[0]), step(has, _CLONE_THREAD, 0, 1),
                step(answer, allow), step(answer, refuse),
            ),
            when(guarded["kill"], *own_process),
            when(guarded["tgkill"], *own_process),
            when(
                guarded["prctl"], step(load, argument_at[0]), step(equal, PR_SET_NAME, 1, 0),
                step(equal, PR_SET_VMA, 0, 1), step(answer, allow), step(answer, refuse),
            ),
            when(  # reading limits is fine, setting them is not: the pointer to the new ones must be null
                guarded["prlimit64"], step(load, argument_at[2]), step(equal, 0, 0, 3), step(load, argument_at[2] + 4),
                step(equal, 0, 0, 1), step(answer, allow), step(answer, refuse),
            ),
            step(answer, allow),
        )
    )  # fmt: skip
