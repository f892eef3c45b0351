"""Whether this machine can be a node; where it cannot, one line says why, before minutes have gone."""

import os
import platform
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from celstream_stack.errors import StackError
from celstream_stack.places import cache

from celstream_cluster import leftovers, network, packages, programs

ELSE = "or name another cluster by KUBECONFIG."
STACKED = "overlay"  # file system of images; it does not lie on itself
CAPABILITIES = {"CAP_NET_ADMIN": 12, "CAP_SYS_ADMIN": 21}
STATUS = Path("/proc/self/status")
FILE_SYSTEMS = Path("/proc/filesystems")
MOUNTS = Path("/proc/self/mounts")
PROGRAMS_GIGABYTES = 17  # modules of Go, what it compiles them to, and what comes of it
IMAGES_GIGABYTES = 4  # with the engine's steps
NODE_GIGABYTES = 5  # what runs on it has its images once more, packed and unpacked


def refuse_other_kinds() -> None:
    """Raise StackError where the programs of a node could not even be built."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise StackError(f"cluster: {platform.system()} {platform.machine()}. Use Linux on x86_64, {ELSE}")
    if shutil.which("apt-get") is None:
        raise StackError(f"cluster: apt-get not found. {packages.ADVICE}")


def refuse_hopeless() -> None:
    """Raise StackError where no node can be."""
    refuse_other_kinds()
    if os.geteuid() != 0:
        raise StackError(f"cluster: a node needs root (cgroups, mounts, interfaces). Become root, {ELSE}")
    missing = [name for name, bit in CAPABILITIES.items() if not _effective(STATUS.read_text()) >> bit & 1]
    if missing:
        raise StackError(f"cluster: root has no {', '.join(missing)} here. Use a privileged container, {ELSE}")
    if STACKED not in FILE_SYSTEMS.read_text().split():
        raise StackError(f"cluster: the kernel has no file system {STACKED}. Load it (modprobe {STACKED}), {ELSE}")
    if file_system(cache(), MOUNTS.read_text()) == STACKED:
        raise StackError(
            f"cluster: {cache()} lies on {STACKED} already. Set CELSTREAM_CACHE to a folder on a disk, {ELSE}"
        )
    for name in network.NEEDED:
        if not (network.KERNEL / name).exists():
            raise StackError(f"cluster: the kernel has no {name}. Load it (modprobe br_netfilter), {ELSE}")
    if not leftovers.may_make_cgroups():
        raise StackError(f"cluster: cgroups are read-only here. Use a privileged container, {ELSE}")
    needed = {"the node": NODE_GIGABYTES}
    needed |= {} if (cache() / "engine").exists() else {"its images": IMAGES_GIGABYTES}
    needed |= {} if programs.built() else {"building its programs": PROGRAMS_GIGABYTES}
    refuse_small(cache(), shutil.disk_usage(_there(cache())).free / 1e9, needed)


def refuse_small(folder: Path, free: float, needed: Mapping[str, int]) -> None:
    """Raise StackError where a folder's disk has too little left. free, needed: in GB; needed by what it is for."""
    if free < sum(needed.values()):
        what = " and ".join(f"{many} for {name}" for name, many in needed.items())
        raise StackError(
            f"cluster: {free:.0f} GB free for {folder}, expected {what}. Make room, set CELSTREAM_CACHE to a folder on "
            f"another disk, {ELSE}"
        )


def _there(path: Path) -> Path:
    """The path, or the nearest folder above it that there is."""
    return next(folder for folder in (path, *path.parents) if folder.is_dir())


def file_system(path: Path, mounts: str) -> str:
    """The kind of file system that a path lies on. mounts: as /proc/self/mounts says it."""
    found = {line.split()[1]: line.split()[2] for line in mounts.splitlines()}
    return next(found[str(folder)] for folder in (path.absolute(), *path.absolute().parents) if str(folder) in found)


def _effective(status: str) -> int:
    (words,) = re.findall(r"^CapEff:\s+(\S+)$", status, re.MULTILINE)
    return int(words, 16)
