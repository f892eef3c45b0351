"""Functions that the tests run in the limited child process: honest ones, and ones as an attacker would write them."""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from celstream_platform.errors import Invalid, Unavailable
from celstream_platform.footage import life_sign


def countdown(path: Path) -> Iterator[int]:
    yield from (3, 2, 1)


def says_that_it_works(path: Path, *, often: int, result: int) -> int:
    """One result, after so many signs of life with a moment between them."""
    life_sign.SECONDS = life_sign._next = 0.0
    for _ in range(often):
        time.sleep(0.02)
        life_sign.still_working()
    return result


def size(path: Path) -> int:
    return len(path.read_bytes())


def facts(path: Path) -> dict[str, Any]:
    """What this process is and may do."""
    return {
        "environment": dict(os.environ),
        "descriptors": sorted(number for number in range(256) if _is_open(number)),
        "core": resource.getrlimit(resource.RLIMIT_CORE),
        "data": resource.getrlimit(resource.RLIMIT_DATA),
        "pid": os.getpid(),
        "group": os.getpgrp(),
    }


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def invalid(path: Path) -> Iterator[int]:
    yield 1
    raise Invalid(f"{path.name}: two heads, expected one.")


def unavailable(path: Path) -> int:
    raise Unavailable("the moon is away.")


def bug(path: Path) -> int:
    return 1 // (path.stat().st_size * 0)


def other_type(path: Path) -> str:
    return path.name


def unsendable(path: Path) -> dict[str, Path]:
    return {"path": path}


def huge_result(path: Path) -> bytes:
    return bytes(65 * 1024 * 1024)


def prints(path: Path) -> int:
    print("printed to standard output")
    os.write(1, b"written to descriptor 1")
    sys.stdout.flush()
    return 7


def counts_slowly(path: Path) -> Iterator[int]:
    """Says its process id, then works until it is killed."""
    yield os.getpid()
    while True:
        time.sleep(3600)


# --- as an attacker would ---


def eats_memory(path: Path) -> int:
    kept = []
    while True:
        kept.append(bytearray(8 * 1024 * 1024))


def eats_memory_in_c(path: Path) -> int:
    """Memory that no Python object knows of; gives up as C++ does, by abort."""
    libc = ctypes.CDLL(None)
    libc.malloc.restype = ctypes.c_void_p
    while True:
        block = libc.malloc(ctypes.c_size_t(8 * 1024 * 1024))
        if not block:
            os.abort()
        ctypes.memset(block, 1, 8 * 1024 * 1024)


def burns_time(path: Path) -> int:
    while True:
        pass


def burns_time_in_threads(path: Path) -> int:
    for _ in range(4):
        threading.Thread(target=burns_time, args=(path,), daemon=True).start()
    return burns_time(path)


def sleeps(path: Path) -> int:
    time.sleep(3600)
    return 0


def talks_without_end(path: Path) -> Iterator[bytes]:
    while True:
        yield bytes(1024 * 1024)


def complains_without_end(path: Path) -> Iterator[int]:
    """Fills standard error."""
    for _ in range(200):
        os.write(2, b"complaint " * 10_000)
    yield 1


def segfaults(path: Path) -> Iterator[int]:
    yield 1
    ctypes.string_at(0)


def exits(path: Path) -> int:
    os._exit(3)


def raw(path: Path, data: bytes) -> Iterator[int]:
    """Writes bytes of its own where frames are expected."""
    for number in range(3, 64):
        try:
            os.write(number, data)
        except OSError:
            continue
    yield 1


def writes_scratch(path: Path, folder: str, files: int, size: int) -> int:
    for number in range(files):
        with open(f"{folder}/{number}", "wb") as file:
            for _ in range(size // 65536):
                file.write(bytes(65536))
    while files > 1:  # until the parent has seen it
        time.sleep(0.01)
    return files


def attempt(path: Path, what: str, target: Any = "") -> str:
    """Try something that decoding does not need; `done`, `refused`, or the error."""
    attempts = {
        "read": lambda: Path(target).read_bytes(),
        "list": lambda: os.listdir(target),
        "write": lambda: Path(target).write_bytes(b"x"),
        "append to the footage": lambda: path.open("ab").write(b"x"),
        "delete the footage": path.unlink,
        "tcp": lambda: socket.create_connection(("127.0.0.1", int(target)), timeout=5),
        "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", int(target))),
        "unix": lambda: socket.socket(socket.AF_UNIX),
        "fork": os.fork,
        "run": lambda: subprocess.run(["true"], check=True),
        "exec": lambda: os.execv(sys.executable, [sys.executable]),
        "kill parent": lambda: os.kill(os.getppid(), 0),
        "raise limit": lambda: resource.setrlimit(resource.RLIMIT_DATA, (-1, -1)),
        "environment of parent": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
        "own environment": lambda: Path("/proc/self/environ").read_bytes(),
        "link": lambda: os.symlink("/etc/passwd", target),
        "memfd": lambda: os.memfd_create("x"),
        "outlive parent": _outlive,
        "thread": _thread,
        "read footage": path.read_bytes,
        "signal itself": lambda: os.kill(os.getpid(), 0),
    }
    try:
        attempts[what]()
    except PermissionError:
        return "refused"
    except ValueError as error:  # what Python makes of a refused setrlimit
        return "refused" if "not allowed to raise" in str(error) else str(error)
    except OSError as error:
        return type(error).__name__
    return "done"


def attempts(path: Path, targets: dict[str, Any]) -> Iterator[str]:
    """Several attempts; those that would end this process or its file come last."""
    for what, target in sorted(targets.items(), key=lambda pair: pair[0] in ("delete the footage", "exec")):
        yield f"{what}: {attempt(path, what, target)}"


def _outlive() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(1, 0, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _thread() -> None:
    thread = threading.Thread(target=lambda: None)
    thread.start()
    thread.join()


def ignores_cpu_signal(path: Path) -> int:
    signal.signal(signal.SIGXCPU, signal.SIG_IGN)
    return burns_time(path)
