"""A cluster from nothing to a release that works, and back to nothing.

STATE/kubeconfig   how to reach it              STATE/servers   Kafka, MinIO, PostgreSQL beside it
STATE/values.yaml  what its release was told    STATE/run       the node's processes with their logs
STATE/env          what `set -a; . STATE/env` gives to tests and people
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from celstream_stack import commands
from celstream_stack.errors import StackError
from celstream_stack.places import cache, locked

from celstream_cluster import (
    addons,
    images,
    leftovers,
    machine,
    monitoring,
    node,
    packages,
    places,
    programs,
    release,
    servers,
    tools,
    volumes,
)
from celstream_cluster.steps import Steps

Say = Callable[[str], None]


def build(state: Path, source: Path, say: Say) -> None:
    """Build and fetch all that a node and its release are made of; quick where it is there. Raises StackError.

    source: the repository, which images are made of.
    """
    machine.refuse_hopeless()
    build_programs(say)
    with _engine_alone(state), Steps(say) as steps:
        version = images.version(_chart(source))
        steps.run("images", lambda: images.prepare(state, source, version))


def build_programs(say: Say) -> None:
    """Build and fetch all but the images. Raises StackError."""
    commands.need("go", "cluster", programs.ADVICE)
    steps = Steps(say)
    steps.run("Debian's packages", packages.install)
    steps.run("Helm and kubectl", tools.install)
    programs.build(say)
    steps.run("servers", lambda: servers.stack(places.default_state()).install([*servers.NAMES, "prometheus"]))


def up(state: Path, source: Path, say: Say) -> None:
    """Bring up node, servers and release, and try it; what runs already is left alone. Raises StackError.

    source: the repository, which images and chart are made of.
    """
    machine.refuse_hopeless()
    build_programs(say)
    with locked(_lock(state)), Steps(say) as steps:
        chart = _chart(source)
        steps.run("node", lambda: node.up(state))
        others = steps.begin("metrics-server, KEDA, CoreDNS: told", lambda: addons.install(state))
        stack = steps.begin("Kafka, MinIO, PostgreSQL", lambda: servers.up(state))
        built = steps.begin("images", lambda: images.build(state, source, images.version(chart)))
        servers.tell(state, stack.result())
        volumes.make(state, servers.NAMESPACE)
        (state / "env").write_text("".join(f"{name}='{value}'\n" for name, value in variables(state).items()))
        others.result()
        steps.run("metrics-server, KEDA, CoreDNS: ready", lambda: addons.wait(state))
        servers.write_values(state, stack.result(), built.result())
        steps.begin("older images: gone", lambda: images.forget_what_is_old(state))
        steps.run("chart", lambda: release.install(state, chart))
        steps.run("Prometheus", lambda: monitoring.up(state))
        steps.run("footage through it (helm test)", lambda: release.test(state))
        say(f"{steps.seconds():.0f} s in all. Variables of the cluster: set -a; . {state / 'env'}; set +a")


def down(state: Path, say: Say) -> None:
    """End all of it and remove every trace. Raises StackError for what does not go."""
    if os.geteuid() != 0:
        raise StackError("cluster: only root can take a node away. Become root.")
    with locked(_lock(state)):
        with Steps(say) as steps:
            steps.begin("servers: ended", servers.stack(state).down)
            monitoring.down(state)
            images.down(state)
            steps.run("node: gone", lambda: node.down(state))
        shutil.rmtree(state, ignore_errors=True)


def with_engine(state: Path, command: Sequence[str]) -> int:
    """Run a command with a container engine; its exit status. Raises StackError."""
    machine.refuse_hopeless()
    packages.install()
    with _engine_alone(state), images.engine_for_others(state) as told:
        return subprocess.run(command, env=os.environ | told, check=False).returncode


def status(state: Path) -> dict[str, bool]:
    """Name of a process -> whether it works; empty where no node is there."""
    if not places.kubeconfig(state).exists():
        return {}
    return node.status(state) | {one.server: one.ready for one in servers.stack(state).status()}


def variables(state: Path) -> dict[str, str]:
    """By what tests and people find the cluster and what belongs to it."""
    return {
        "KUBECONFIG": str(places.kubeconfig(state)),
        "CELSTREAM_CLUSTER": str(state),
        "CELSTREAM_CLUSTER_NAMESPACE": servers.NAMESPACE,
        "CELSTREAM_CLUSTER_VALUES": str(servers.values_file(state)),
        "PROMETHEUS_URL": monitoring.URL,
    }


@contextmanager
def _engine_alone(state: Path) -> Iterator[None]:
    """What an engine leaves is taken away at the end where no node is up."""
    with locked(_lock(state)):
        there = state.exists()
        try:
            yield
        finally:
            if not there:
                leftovers.remove(state)
                shutil.rmtree(state, ignore_errors=True)


def _chart(source: Path) -> Path:
    return source / "charts" / "celstream"


def _lock(state: Path) -> Path:
    return cache() / f"{state.name}.lock"
