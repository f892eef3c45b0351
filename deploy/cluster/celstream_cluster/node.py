"""A real one-node Kubernetes: its processes started in order, each asked whether it works, and all of it taken away.

STATE/run/<name>/pid, log     the processes
STATE/kubeconfig              how to reach it
"""

import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from celstream_stack import processes
from celstream_stack.asking import says_ready
from celstream_stack.errors import StackError
from celstream_stack.places import PASSABLE_FOLDER
from celstream_stack.server import Launch

from celstream_cluster import (
    agents,
    certificates,
    control_plane,
    leftovers,
    network,
    packages,
    places,
    programs,
    scratch_image,
)
from celstream_cluster.kubectl import Kubectl

READY_SECONDS = 120.0
QUIT_SECONDS = 10.0  # an API server waits longer for those who watch it; what it knows goes with it
LOOK_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Component:
    """One process of a node. ready: whether it does its work, asked of it or of another."""

    name: str
    launch: Callable[[Path], Launch]
    ready: Callable[[], bool]


def components(state: Path) -> tuple[Component, ...]:
    """All of them, in the order of their start."""
    kubectl = Kubectl(places.kubeconfig(state))
    node = ("get", "node", places.NODE, "--output", 'jsonpath={.status.conditions[?(@.type=="Ready")].status}')

    def node_is_ready() -> bool:
        return kubectl.succeeds(*node) and kubectl(*node) == "True"

    def etcd_is_ready() -> bool:
        return says_ready(f"{control_plane.ETCD}/health", tls=control_plane.to_etcd(state))

    return (
        Component("containerd", agents.containerd, lambda: _listens(places.containerd_socket(state))),
        Component("etcd", control_plane.etcd, etcd_is_ready),
        Component("kube-apiserver", control_plane.api_server, lambda: kubectl.succeeds("get", "--raw", "/readyz")),
        Component("kube-controller-manager", control_plane.controllers, lambda: _answers(10257)),
        Component("kube-scheduler", control_plane.scheduler, lambda: _answers(10259)),
        Component("kubelet", agents.kubelet, node_is_ready),
        Component("kube-proxy", agents.kube_proxy, lambda: says_ready(f"http://{places.LOOPBACK}:10256/livez")),
    )


def up(state: Path) -> None:
    """Start what does not run, until the node is ready. Raises StackError with the last line of who failed."""
    state.mkdir(parents=True, exist_ok=True)
    state.chmod(PASSABLE_FOLDER)
    network.up(state)
    leftovers.make_cgroups()
    certificates.make(control_plane.certificates_folder(state))
    control_plane.write_kubeconfig(state)
    for component in components(state):
        _start(component, state)
        if component.name == "containerd":
            load_programs(state, agents.PAUSE, ["pause"])


def down(state: Path) -> None:
    """End all processes and remove every trace. Raises StackError for what does not go."""
    for component in reversed(components(state)):  # nobody waits for one who has gone
        processes.stop(component.name, _folder(state, component.name), quit_seconds=QUIT_SECONDS)
    leftovers.remove(state)
    if packages.home().is_dir():
        network.down(state)


def status(state: Path) -> dict[str, bool]:
    """Name -> whether it works."""
    found = {}
    for component in components(state):
        runs = processes.running(_folder(state, component.name)) is not None
        found[component.name] = runs and component.ready()
    return found


def load_programs(state: Path, image: str, names: list[str]) -> None:
    """Give the node an image made of programs of ours."""
    archive = state / f"{names[0]}.tar"
    scratch_image.write(image, [programs.path(name) for name in names], archive)
    with archive.open("rb") as stream:
        load(state, stream)
    archive.unlink()


def load(state: Path, archive: IO[bytes]) -> None:
    """Give the node the images of an archive, as `docker save` writes it. Raises StackError."""
    ctr: list[str | Path] = [
        programs.path("ctr"),
        "--address",
        places.containerd_socket(state),
        "--namespace",
        "k8s.io",
    ]
    said = subprocess.run([*ctr, "images", "import", "--local", "-"], stdin=archive, capture_output=True, check=False)
    if said.returncode != 0:
        raise StackError(
            f"cluster: the node does not take an image ({said.stderr.decode().strip()}). Is its disk full?"
        )


def log(state: Path, name: str) -> Path:
    """Where a process writes to."""
    return _folder(state, name) / "log"


def _folder(state: Path, name: str) -> Path:
    return state / "run" / name


def _start(component: Component, state: Path) -> None:
    folder = _folder(state, component.name)
    if processes.running(folder) is None:
        folder.mkdir(parents=True, exist_ok=True)
        processes.start(component.launch(state), folder)
    deadline = time.monotonic() + READY_SECONDS
    while not component.ready():
        if processes.running(folder) is None:
            raise StackError(f"{component.name}: ended at its start ({_last_line(folder / 'log')}). Read {folder}/log.")
        if time.monotonic() > deadline:
            raise StackError(f"{component.name}: does not become ready in {READY_SECONDS:.0f} s. Read {folder}/log.")
        time.sleep(LOOK_SECONDS)


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "its log is empty"


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((places.LOOPBACK, port)) == 0


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
