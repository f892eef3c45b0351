"""Where a node keeps things, and which addresses are its own: one node at a time on a machine."""

import os
from pathlib import Path

from celstream_stack.places import cache

BRIDGE = "celstream0"  # all pods hang on it, and the machine itself has the first address
HOST = "10.244.0.1"
PODS = "10.244.0.0/24"
FIRST_POD = "10.244.0.10"
SERVICES = "10.96.0.0/16"
DNS = "10.96.0.10"
DOMAIN = "cluster.local"
API_PORT = 6443
LOOPBACK = "127.0.0.2"  # of the node alone: what pods must not reach, and what else runs here does not use
NODE = "celstream-node"


def default_state() -> Path:
    """The folder of the node that `make cluster` starts: CELSTREAM_CLUSTER where set."""
    named = os.environ.get("CELSTREAM_CLUSTER")
    return Path(named).absolute() if named else cache() / "cluster"


def kubeconfig(state: Path) -> Path:
    """How to reach the node's API server as its administrator."""
    return state / "kubeconfig"


def containerd_socket(state: Path) -> Path:
    """Where the node's container runtime listens."""
    return state / "containerd.sock"
