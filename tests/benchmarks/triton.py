"""The Triton adapter beside a hand-written asynchronous client, what window and batching do, and shared memory.

The crops are small and the model is light, so that the clients' own cost shows. `one by one` is the same model without
dynamic batching. The frames are 1080p; their model looks at every 64th pixel, so what counts is how they get there.
"""

import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tritonclient.grpc as grpc_client
from celstream_platform.models.triton import TritonOptions, TritonServer
from celstream_stack.places import cache
from celstream_stack.stack import Stack
from celstream_stack.triton import REPOSITORY

from tests.benchmarks.recording import record
from tests.benchmarks.triton_models import BATCHED, CROP, FRAME, FRAMES, SINGLE, write_models

SECONDS = 4.0  # of each measurement
ROUNDS = 3  # one after the other, so that all meet the same machine
WINDOWS = (1, 4, 16)
Inputs = dict[str, np.ndarray[Any, Any]]


def per_second(ask: Callable[[], None]) -> float:
    """How often per second `ask` returns, over a while; it may leave requests in flight."""
    for _ in range(50):
        ask()
    begin, many = time.monotonic(), 0
    while (spent := time.monotonic() - begin) < SECONDS:
        ask()
        many += 1
    return many / spent


@contextmanager
def ours(address: str, model: str, inputs: Inputs, options: TritonOptions) -> Iterator[Callable[[], None]]:
    """Our adapter: `infer` itself waits while the window is full."""
    server = TritonServer(address, options)

    def answered(future: Any) -> None:
        future.result()

    yield lambda: server.infer(model, 1, inputs).add_done_callback(answered)
    server.close()


@contextmanager
def by_hand(address: str, model: str, inputs: Inputs, window: int) -> Iterator[Callable[[], None]]:
    """What one would write: a semaphore, `async_infer`, and the outputs as arrays. No time limits, no errors."""
    client = grpc_client.InferenceServerClient(address)
    free = threading.Semaphore(window)
    kinds = {"uint8": "UINT8"}

    def answered(result: Any, error: Any) -> None:
        if error is not None:
            raise error
        result.as_numpy("answer")
        free.release()

    def ask() -> None:
        free.acquire()
        given = []
        for name, array in inputs.items():
            one = grpc_client.InferInput(name, list(array.shape), kinds[str(array.dtype)])
            one.set_data_from_numpy(array)
            given.append(one)
        client.async_infer(model, given, answered, model_version="1")

    yield ask
    for _ in range(window):
        free.acquire()
    client.close()


def measure(address: str) -> dict[str, list[float]]:
    """Requests per second, in several rounds."""
    crop = {"picture": np.random.default_rng(1).integers(0, 255, (1, *CROP), dtype=np.uint8)}
    frame = {"picture": np.random.default_rng(2).integers(0, 255, (1, *FRAME), dtype=np.uint8)}
    found: dict[str, list[float]] = {}

    def take(name: str, client: Any) -> None:
        with client as ask:
            found.setdefault(name, []).append(per_second(ask))

    for _ in range(ROUNDS):
        for window in WINDOWS:
            options = TritonOptions(window=window)
            take(f"ours {window}", ours(address, BATCHED, crop, options))
            take(f"by hand {window}", by_hand(address, BATCHED, crop, window))
        take("ours, one by one", ours(address, SINGLE, crop, TritonOptions(window=WINDOWS[-1])))
        for name, shared in (("shared", True), ("messages", False)):
            options = TritonOptions(window=4, shared_memory=shared)
            take(name, ours(address, FRAMES, frame, options))
    return found


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="celstream-bench-") as name:
        write_models(Path(name) / "models")
        os.environ[REPOSITORY] = str(Path(name) / "models")
        stack = Stack(Path(name) / "stack", cache())
        try:
            found = measure(stack.up(["triton"])["CELSTREAM_MODELS"].removeprefix("triton://"))
        finally:
            stack.remove()
    best = {name: max(rates) for name, rates in found.items()}
    rows = [
        {
            "what": f"crops, window {window}, batching",
            "ours, requests/s": round(best[f"ours {window}"], 1),
            "by hand, requests/s": round(best[f"by hand {window}"], 1),
            "ours, share of that": f"{100 * best[f'ours {window}'] / best[f'by hand {window}']:.0f} %",
        }
        for window in WINDOWS
    ]
    rows.append(
        {
            "what": f"crops, window {WINDOWS[-1]}, one by one",
            "ours, requests/s": round(best["ours, one by one"], 1),
            "by hand, requests/s": "",
            "ours, share of that": "",
        }
    )
    for name, what in (("shared", "shared memory"), ("messages", "gRPC messages")):
        share = f"{best['shared'] / best['messages']:.1f} times the messages" if name == "shared" else ""
        rows.append(
            {
                "what": f"1080p frames, window 4, {what}",
                "ours, requests/s": round(best[name], 1),
                "by hand, requests/s": "",
                "ours, share of that": share,
            }
        )
    record(
        "triton",
        "The Triton adapter",
        rows,
        [
            "Must reach 90 % of the hand-written client at window 16, and twice the rate of messages by shared memory.",
            f"Crops of {CROP[1]}x{CROP[0]}; the best of {ROUNDS} rounds of {SECONDS:.0f} s each; client, server and"
            " model share the machine's cores.",
            "The hand-written client has no time limits, no circuit, no check of inputs, no metrics, no priorities.",
        ],
    )


if __name__ == "__main__":
    main()
