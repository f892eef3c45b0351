"""What a node's commands leave behind when they are killed is known, and nothing that others run."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from celstream_cluster import strays


@contextmanager
def running(*command: str | Path, **told: str) -> Iterator[int]:
    """A process that has begun: it says so."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=os.environ | told) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.kill()


def test_a_stray_is_a_program_of_the_cache_that_was_told_of_the_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, state = tmp_path / "cache", tmp_path / "cache" / "cluster"
    monkeypatch.setenv("CELSTREAM_CACHE", str(cache))
    state.mkdir(parents=True)
    program = cache / "tool"
    program.write_text("echo begun; read -r _; :")
    (tmp_path / "tool").write_text(program.read_text())
    waits = ("sh", "-c", "echo begun; read -r _; :")
    node = {"KUBECONFIG": str(state / "kubeconfig")}
    with ExitStack() as processes:
        begin = processes.enter_context
        ours = {begin(running("sh", program, state / "values.yaml")), begin(running("sh", program, **node))}
        begin(running("sh", program))  # for another node
        begin(running("sh", tmp_path / "tool", state / "values.yaml", **node))  # somebody else's
        begin(running(*waits, state / "run" / "etcd" / "log", **node))  # somebody looks at it
        assert strays.found(state) == ours
