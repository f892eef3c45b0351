"""What a node leaves when its own processes have ended: others' processes, mounts, cgroups, sockets; all taken away.

Everything is known by the state's folder, the node's cgroups or its network's name; nothing else is touched.
"""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from celstream_stack.errors import StackError

from celstream_cluster import agents, places, strays

CONTROLLERS = Path("/sys/fs/cgroup")
RESULTS = Path("/var/lib/cni/results")  # where the plugins' library keeps what it told, whatever it is told
LOGS = Path("/var/log/containers")  # where kubelet links logs, whatever it is told
END_SECONDS = 30.0
LOOK_SECONDS = 0.05


def make_cgroups() -> None:
    """Make the cgroup that kubelet puts pods below: in each hierarchy where there are several."""
    for hierarchy in _hierarchies():
        (hierarchy / agents.CGROUPS.strip("/")).mkdir(exist_ok=True)


def may_make_cgroups() -> bool:
    """Whether this machine lets us make cgroups at all."""
    hierarchies = _hierarchies() if CONTROLLERS.is_dir() else []
    return bool(hierarchies) and all(os.access(hierarchy, os.W_OK) for hierarchy in hierarchies)


def remove(state: Path) -> None:
    """Take all of it away. Raises StackError for what does not go."""
    sockets = list(_shim_sockets(state))
    results = [file for name in _containers(state) for file in RESULTS.glob(f"*-{name}-*")]
    _kill(_shims(state) | strays.found(state))
    _kill(set(_in_cgroups()))
    for mount in sorted(mounts(state), reverse=True):
        _unmount(mount)
    for folder in cgroups():
        _remove_cgroup(folder)
    for socket in sockets:
        socket.unlink(missing_ok=True)
        with suppress(OSError):  # others' sockets are there as well
            socket.parent.rmdir()
    for result in (*results, *RESULTS.glob(f"{agents.NETWORK}-*")):
        result.unlink(missing_ok=True)
    for link in LOGS.glob("*.log"):
        if link.is_symlink() and str(link.readlink()).startswith(f"{state}/"):
            link.unlink()
    for folder in (RESULTS, RESULTS.parent, LOGS, Path("/run/containerd")):
        with suppress(OSError):
            folder.rmdir()


def mounts(state: Path) -> list[str]:
    """Where something is mounted below the state's folder."""
    points = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return [point for point in points if point.startswith(f"{state}/")]


def processes(state: Path) -> set[int]:
    """What runs of pods: their processes, and those that hold them."""
    return _shims(state) | set(_in_cgroups())


def _shims(state: Path) -> set[int]:
    address = str(places.containerd_socket(state)).encode()
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().split(b"\0")
            if words[0].endswith(b"containerd-shim-runc-v2") and address in words:
                found.add(int(folder.name))
    return found


def _containers(state: Path) -> list[str]:
    return [folder.name for folder in (state / "containerd-state").glob("io.containerd.runtime.v2.task/*/*")]


def _shim_sockets(state: Path) -> Iterator[Path]:
    for file in (state / "containerd-state").glob("io.containerd.runtime.v2.task/*/*/bootstrap.json"):
        with suppress(OSError, ValueError):
            yield Path(json.loads(file.read_text())["address"].removeprefix("unix://"))


def _hierarchies() -> list[Path]:
    if (CONTROLLERS / "cgroup.procs").exists():  # the newer kind: one for all
        return [CONTROLLERS]
    return [
        folder for folder in CONTROLLERS.iterdir() if (folder / "cgroup.procs").exists() and not folder.is_symlink()
    ]


def cgroups() -> list[Path]:
    """All cgroups of ours, the innermost first."""
    tops = [hierarchy / agents.CGROUPS.strip("/") for hierarchy in _hierarchies()]
    return [Path(folder) for top in tops for folder, _, _ in os.walk(top, topdown=False)]


def _in_cgroups() -> Iterator[int]:
    for folder in cgroups():
        with suppress(OSError):
            yield from map(int, (folder / "cgroup.procs").read_text().split())


def _kill(numbers: set[int]) -> None:
    for number in numbers:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    deadline = time.monotonic() + END_SECONDS
    while any(_runs(number) for number in numbers):
        if time.monotonic() > deadline:
            raise StackError(
                f"cluster: processes {sorted(filter(_runs, numbers))} do not end. Look at what holds them."
            )
        time.sleep(LOOK_SECONDS)


def _runs(number: int) -> bool:
    """Whether a process is there that is not merely unburied."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _unmount(point: str) -> None:
    path = point.encode().decode("unicode_escape")
    ended = subprocess.run(["umount", "--lazy", path], capture_output=True, text=True, check=False)
    if ended.returncode != 0 and f" {point} " in Path("/proc/self/mounts").read_text():
        raise StackError(f"cluster: {path} is still mounted ({ended.stderr.strip()}). Look at what uses it.")


def _remove_cgroup(folder: Path) -> None:
    deadline = time.monotonic() + END_SECONDS
    while folder.exists():
        try:
            folder.rmdir()
        except OSError as error:
            if time.monotonic() > deadline:
                raise StackError(
                    f"cluster: {folder} does not go ({error.strerror}). Look at its cgroup.procs."
                ) from error
            time.sleep(LOOK_SECONDS)
