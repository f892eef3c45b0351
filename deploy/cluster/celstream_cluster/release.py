"""The chart on the node: installed or upgraded, and tried by its own test."""

from pathlib import Path

from celstream_cluster import places, servers
from celstream_cluster.kubectl import Kubectl

INSTALL_TIME = "5m"
TEST_TIME = "5m"


def install(state: Path, chart: Path) -> None:
    """Install the chart, or upgrade it, and wait until it works. Raises StackError."""
    where = ("--namespace", servers.NAMESPACE, "--values", servers.values_file(state))
    _cluster(state).helm("upgrade", servers.RELEASE, chart, "--install", *where, "--wait", "--timeout", INSTALL_TIME)


def test(state: Path) -> None:
    """Let footage go through. Raises StackError."""
    _cluster(state).helm("test", servers.RELEASE, "--namespace", servers.NAMESPACE, "--timeout", TEST_TIME)


def _cluster(state: Path) -> Kubectl:
    return Kubectl(places.kubeconfig(state))
