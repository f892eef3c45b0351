"""What a node could leave on a machine, listed before and after: the difference must be empty."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path

from celstream_cluster import leftovers, network, packages

MOUNTED_BY_NODES = ("/run/netns/", "/var/run/netns/", "/var/lib/kubelet/", "/run/containerd/")
FOLDERS = ("/run/netns", "/run/containerd", "/run/containerd/s", "/var/lib/cni/results", "/var/log/containers")


def found(state: Path) -> set[str]:
    """One line for each: processes, mounts, interfaces, rules of the packet filter, cgroups, files, kernel values."""
    places = (f"{state}/", *MOUNTED_BY_NODES)
    mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
    return {
        *(f"process {words}" for words in _processes(state)),
        *(f"mount {point}" for point in mounts if point.startswith(places)),
        *(f"interface {link.name}" for link in Path("/sys/class/net").iterdir()),
        *(f"rule {family} {line}" for family in network.FAMILIES for line in _rules(family)),
        *(f"cgroup {folder}" for folder in leftovers.cgroups()),
        *(f"file {path}" for folder in FOLDERS if Path(folder).is_dir() for path in Path(folder).iterdir()),
        *(f"kernel {name}={value}" for name, value in network.kernel_values().items()),
        *([f"folder {state}"] if state.exists() else []),
    }


def _processes(state: Path) -> set[str]:
    """What runs in the state's folder, or was told of it; not those who ask."""
    found_here = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            below = os.readlink(folder / "cwd").startswith(f"{state}/") or f"{state}/" in words
            if below and "celstream-cluster" not in words:
                found_here.add(f"{folder.name}: {words}")
    return found_here


def _rules(family: str) -> set[str]:
    """Rules and chains, without their counters and without tables that hold nothing."""
    said = subprocess.run(
        [packages.program(f"{family}-save")], capture_output=True, text=True, check=False, env=packages.variables()
    )
    chains = [line.partition(" [")[0] for line in said.stdout.splitlines() if line.startswith(":")]
    own = [chain for chain in chains if chain.partition(" ")[2] == "-"]  # those of the kernel have a policy
    return {line for line in said.stdout.splitlines() if line.startswith("-")} | set(own)
