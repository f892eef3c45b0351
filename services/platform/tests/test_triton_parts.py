"""The parts of the Triton adapter that need no server: circuit, window, errors, memory, URL."""

import threading
from multiprocessing.shared_memory import SharedMemory

import numpy as np
import pytest
from celstream_platform.errors import Invalid, NotFound, Overloaded, Unavailable
from celstream_platform.models.circuit import Circuit, State
from celstream_platform.models.in_flight import InFlight
from celstream_platform.models.triton import TritonOptions
from celstream_platform.models.triton_errors import lost_memory, meaning
from celstream_platform.models.triton_memory import Regions
from celstream_platform.models.triton_url import parse
from tritonclient.utils import InferenceServerException


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_server_that_is_away_is_asked_by_one_probe_at_a_time() -> None:
    clock = Clock()
    circuit = Circuit(failures=2, first_seconds=1.0, longest_seconds=8.0, clock=clock)
    assert circuit.admits()
    circuit.failed()
    assert circuit.admits(), "one failure says little"
    circuit.failed()
    assert (circuit.state, circuit.admits()) == (State.OPEN, False)
    clock.now += 1.0
    assert circuit.admits()
    assert (circuit.state, circuit.admits()) == (State.HALF_OPEN, False)
    circuit.failed()
    clock.now += 0.9
    assert not circuit.admits(), "open for longer the second time"
    clock.now += 1.1
    assert circuit.admits()
    circuit.succeeded()
    assert (circuit.state, circuit.admits(), circuit.admits()) == (State.CLOSED, True, True)


def test_a_probe_that_was_never_sent_leaves_its_turn_to_the_next() -> None:
    clock = Clock()
    circuit = Circuit(failures=1, first_seconds=1.0, clock=clock)
    circuit.failed()
    clock.now += 1.0
    assert circuit.admits()
    circuit.withdrawn()
    assert circuit.admits()


def test_a_success_between_failures_keeps_the_circuit_closed() -> None:
    circuit = Circuit(failures=2)
    for _ in range(5):
        circuit.failed()
        circuit.succeeded()
    assert circuit.state is State.CLOSED


def test_the_window_halves_where_the_server_pushes_back_and_grows_again() -> None:
    window = InFlight(8)
    entered = [window.enter() for _ in range(8)]
    late: list[int] = []
    blocked = threading.Thread(target=lambda: late.append(window.enter()))
    blocked.start()
    window.leave(entered.pop(), pushed_back=True)
    window.leave(entered.pop(), pushed_back=True)
    assert window.limit == 4, "two refusals of one burst count once"
    for one in entered:
        window.leave(one)
    blocked.join()
    window.leave(late[0], pushed_back=True)
    assert window.limit == 2
    window.wait_until_empty()
    for _ in range(100):
        window.leave(window.enter())
    assert window.limit == 8


@pytest.mark.parametrize(
    ("status", "text", "kind"),
    [
        ("StatusCode.RESOURCE_EXHAUSTED", "out of memory", Overloaded),
        ("StatusCode.UNAVAILABLE", "[request id: 1] Exceeds maximum queue size", Overloaded),
        ("StatusCode.UNAVAILABLE", "[request id: 1] Request timeout expired", Overloaded),
        ("StatusCode.UNAVAILABLE", "failed to connect to all addresses", Unavailable),
        ("StatusCode.UNAVAILABLE", "Request for unknown model: 'm' version 1 is not found", NotFound),
        ("StatusCode.NOT_FOUND", "Request for unknown model: 'm' is not found", NotFound),
        ("StatusCode.DEADLINE_EXCEEDED", "Deadline Exceeded", Unavailable),
        ("StatusCode.INTERNAL", "Stub process 'm_0_0' is not healthy.", Unavailable),
        ("StatusCode.INVALID_ARGUMENT", "unexpected shape", Invalid),
    ],
)
def test_a_refusal_is_told_in_the_workers_terms(status: str, text: str, kind: type[Exception]) -> None:
    found = meaning(InferenceServerException(text, status), "m", 1, "host:8001", 30.0)
    assert type(found) is kind
    assert str(found).startswith("m version 1: ")


def test_a_fault_of_the_model_stays_a_bug() -> None:
    bug = InferenceServerException("division by zero", "StatusCode.INTERNAL")
    assert meaning(bug, "m", 1, "host:8001", 30.0) is bug


def test_forgotten_memory_is_recognised() -> None:
    assert lost_memory(InferenceServerException("Unable to find shared memory region: 'a'", "StatusCode.NOT_FOUND"))


def test_regions_are_used_again_grow_and_are_known_anew_after_a_restart() -> None:
    registered: list[tuple[str, int]] = []
    unregistered: list[str] = []
    regions = Regions(lambda name, key, size: registered.append((name, size)), unregistered.append)
    picture = np.arange(3 * 70_000, dtype=np.uint8).reshape(3, -1)
    sizes = np.array([1.5, 2.5], np.float32)
    region, offsets = regions.take([picture, sizes])
    seen = SharedMemory(region.memory.name)
    np.testing.assert_array_equal(np.ndarray(picture.shape, np.uint8, seen.buf, offsets[0]), picture)
    np.testing.assert_array_equal(np.ndarray(sizes.shape, np.float32, seen.buf, offsets[1]), sizes)
    other, _ = regions.take([sizes])
    assert other.name != region.name, "a region belongs to one request at a time"
    regions.give_back(region)
    assert regions.take([picture])[0] is region
    assert len(registered) == 2
    regions.give_back(region)
    regions.forgotten()
    assert regions.take([picture])[0] is region
    assert registered[2] == registered[0]
    regions.give_back(other)
    bigger, _ = regions.take([np.zeros(1 << 20, np.uint8)])
    assert bigger.memory.size >= 1 << 20
    assert not unregistered, "what the server forgot needs no farewell"
    regions.put_aside(region)
    regions.give_back(bigger)
    regions.close()
    assert sorted(unregistered) == sorted([region.name, bigger.name])
    with pytest.raises(FileNotFoundError):
        SharedMemory(bigger.memory.name)
    seen.close()


def test_a_url_says_where_and_how() -> None:
    assert parse("triton://localhost:8001") == ("localhost:8001", TritonOptions())
    address, options = parse("triton://gpu-1:8001?window=64&timeout_seconds=2.5&priority=1&shared_memory=off")
    assert address == "gpu-1:8001"
    assert options == TritonOptions(window=64, timeout_seconds=2.5, priority=1, shared_memory=False)


@pytest.mark.parametrize(
    "url",
    [
        "triton://",
        "triton://host",
        "triton://host:8001/models",
        "triton://host:8001?windows=3",
        "triton://host:8001?window=many",
        "triton://host:8001?window=0",
        "triton://host:8001?shared_memory=perhaps",
    ],
)
def test_a_url_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(Invalid, match=f"^{url.replace('?', '.')}: "):
        parse(url)
