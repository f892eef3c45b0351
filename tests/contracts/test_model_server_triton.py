"""What the contract does not ask, and a real Triton must survive: its death, silence, large inputs."""

import os
import signal
from collections.abc import Iterator
from concurrent.futures import Future, wait
from pathlib import Path

import numpy as np
import pytest
from celstream_platform.errors import NotFound, Overloaded, Unavailable
from celstream_platform.models import Arrays
from celstream_platform.models.circuit import Circuit, State
from celstream_platform.models.triton import TritonOptions, TritonServer
from celstream_stack.places import cache
from celstream_stack.stack import Stack
from celstream_stack.triton import REPOSITORY

from tests.contracts.repository import LARGE, MODEL, SLOW, SLOW_QUEUE, write_large, write_repository, write_slow

pytestmark = pytest.mark.slow


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Stack, str]]:
    """A Triton of the test's own, and its address."""
    write_repository(tmp_path / "models")
    write_large(tmp_path / "models")
    write_slow(tmp_path / "models")
    monkeypatch.setenv(REPOSITORY, str(tmp_path / "models"))
    stack = Stack(tmp_path / "stack", cache())
    try:
        yield stack, stack.up(["triton"])["CELSTREAM_MODELS"].removeprefix("triton://")
    finally:
        stack.down()


def picture(value: int) -> Arrays:
    return {"picture": np.full((1, 2, 3), value, np.uint8)}


def frames(seed: int) -> Arrays:
    return {"frames": np.random.default_rng(seed).integers(0, 255, (1, 270, 480, 3), dtype=np.uint8)}


def check(server: TritonServer, seed: int) -> None:
    given = frames(seed)
    outputs = server.infer(LARGE, 1, given).result()
    assert outputs["total"].tolist() == [[float(given["frames"].sum(dtype=np.int64))]]


def killed(stack: Stack) -> None:
    number = stack.pid("triton")
    assert number is not None
    os.killpg(number, signal.SIGKILL)
    os.waitpid(number, 0)


def until_it_answers(server: TritonServer) -> None:
    """Ask as a worker would, again and again; every failure must be one that a worker waits for."""
    while True:
        try:
            server.infer(MODEL, 1, picture(1)).result()
        except Unavailable:
            server._circuit._until = 0.0  # the next one is the probe: no waiting in a test
        else:
            return


@pytest.mark.parametrize("shared", [True, False])
def test_large_inputs_arrive_whole_with_and_without_shared_memory(own: tuple[Stack, str], shared: bool) -> None:
    server = TritonServer(own[1], TritonOptions(window=4, shared_memory=shared))
    given = [frames(seed) for seed in range(12)]
    futures = [server.infer(LARGE, 1, one) for one in given]
    for one, future in zip(given, futures, strict=True):
        assert future.result()["total"][0, 0] == float(one["frames"].sum(dtype=np.int64))
    mine = [path.name for path in Path("/dev/shm").glob(f"celstream-{os.getpid()}-*")]
    assert bool(mine) == shared
    server.close()
    assert not list(Path("/dev/shm").glob(f"celstream-{os.getpid()}-*")), "nothing is left behind"


def test_a_server_that_was_killed_is_found_again_with_all_its_memory(own: tuple[Stack, str]) -> None:
    stack, address = own
    circuit = Circuit(failures=3, first_seconds=3600.0, longest_seconds=3600.0)  # until_it_answers ends the wait
    server = TritonServer(address, TritonOptions(window=4, timeout_seconds=20.0), circuit)
    check(server, 1)
    killed(stack)
    for _ in range(3):
        with pytest.raises(Unavailable, match=address):
            server.infer(MODEL, 1, picture(1)).result()
    assert circuit.state is State.OPEN
    with pytest.raises(Unavailable, match="asked again in a while"):
        server.infer(MODEL, 1, picture(1)).result()
    assert not server.ready(MODEL, 1)
    stack.up(["triton"])
    until_it_answers(server)
    assert circuit.state is State.CLOSED
    assert server.ready(LARGE, 1)
    for seed in range(8):
        check(server, seed)
    server.close()


def test_a_kill_in_the_middle_of_work_leaves_no_request_waiting(own: tuple[Stack, str]) -> None:
    stack, address = own
    server = TritonServer(address, TritonOptions(window=8, timeout_seconds=20.0), Circuit(failures=10_000))
    check(server, 0)
    futures: list[Future[Arrays]] = []
    for number in range(60):
        if number == 30:
            killed(stack)
        futures.append(server.infer(LARGE, 1, frames(number)))
    wait(futures)
    errors = [type(future.exception()) for future in futures]
    assert set(errors) <= {type(None), Unavailable}
    assert errors[-1] is Unavailable
    stack.up(["triton"])
    until_it_answers(server)
    check(server, 1)
    server.close()


def stub_of(stack: Stack, model: str) -> int:
    """The process that runs a model on the python backend."""
    parent = stack.pid("triton")
    children = Path(f"/proc/{parent}/task/{parent}/children").parent.parent
    numbers = {int(n) for task in children.iterdir() for n in (task / "children").read_text().split()}
    (found,) = [n for n in numbers if f"/{model}/".encode() in Path(f"/proc/{n}/cmdline").read_bytes()]
    return found


def test_a_model_whose_process_died_is_not_ready_and_the_others_go_on(own: tuple[Stack, str]) -> None:
    stack, address = own
    server = TritonServer(address, circuit=Circuit(failures=2))
    assert server.ready(MODEL, 1)
    os.kill(stub_of(stack, MODEL), signal.SIGKILL)
    for _ in range(3):
        with pytest.raises(Unavailable, match=f"{MODEL} version 1: its process .* has died"):
            server.infer(MODEL, 1, picture(1)).result()
    assert not server.ready(MODEL, 1)
    check(server, 1)
    server.close()


def test_what_does_not_answer_in_time_is_unavailable_and_its_memory_is_left_alone(own: tuple[Stack, str]) -> None:
    stack, address = own
    server = TritonServer(address, TritonOptions(timeout_seconds=0.3))
    assert server.digest(LARGE, 1)
    regions = server._regions
    assert regions is not None
    region, _ = regions.take([frames(1)["frames"]])
    regions.give_back(region)
    halted = stack.pid("triton")
    assert halted is not None
    os.killpg(halted, signal.SIGSTOP)  # all of it: the server itself gives up a model that is silent for a second
    try:
        with pytest.raises(Unavailable, match=r"no answer from .* in 0\.3 s"):
            server.infer(LARGE, 1, frames(1)).result()
    finally:
        os.killpg(halted, signal.SIGCONT)
    other, _ = regions.take([frames(2)["frames"]])
    assert other is not region, "the server may read it still"
    regions.give_back(other)
    server.close()


def rounds(number: int) -> Arrays:
    return {"rounds": np.array([[number]], np.int64)}


def test_a_full_queue_pushes_back_at_once_and_what_it_took_is_answered(own: tuple[Stack, str]) -> None:
    """The model is kept busy by work, not halted: its backend gives up a process that is silent for a second."""
    window = 5 * SLOW_QUEUE
    circuit = Circuit(failures=1)
    server = TritonServer(own[1], TritonOptions(window=window), circuit)
    assert server.infer(SLOW, 1, rounds(1)).result()["made"].tolist() == [[1.0]]
    long = server.infer(SLOW, 1, rounds(2000))
    futures = [server.infer(SLOW, 1, rounds(1)) for _ in range(window - 1)]
    wait(futures)
    errors = [future.exception() for future in futures]
    refused = [error for error in errors if error is not None]
    assert {type(error) for error in refused} == {Overloaded}
    assert 0 < len(refused) < window - 1, "how many depends on how quickly they come"
    assert long.result()["made"].tolist() == [[2000.0]]
    assert all(future.result()["made"].tolist() == [[1.0]] for future in futures if future.exception() is None)
    assert circuit.state is State.CLOSED, "a refusal is an answer"
    assert server._window.limit < window
    for _ in range(window):
        assert server.infer(SLOW, 1, rounds(1)).result()["made"].tolist() == [[1.0]]
    server.close()


def test_a_version_is_pinned(own: tuple[Stack, str], tmp_path: Path) -> None:
    server = TritonServer(own[1])
    assert server.digest(MODEL, 1) != server.digest(LARGE, 1)
    with pytest.raises(NotFound, match=f"{MODEL} version 3"):
        server.infer(MODEL, 3, picture(1)).result()
    server.close()
    with pytest.raises(Unavailable, match="closed"):
        server.infer(MODEL, 1, picture(1)).result()


def test_a_triton_leaves_no_process_and_no_memory(own: tuple[Stack, str]) -> None:
    stack, address = own
    port = address.rpartition(":")[2]
    assert list(Path("/dev/shm").glob(f"celstream-triton-{port}-*"))
    assert stack.up(["triton"])["CELSTREAM_MODELS"] == f"triton://{address}"
    assert stack.down() == ["triton"]
    assert not list(Path("/dev/shm").glob(f"celstream-triton-{port}-*"))
    assert [one.pid for one in stack.status()] == [None]
