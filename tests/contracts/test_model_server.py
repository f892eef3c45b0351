"""The contract of the model server."""

import hashlib
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from celstream_platform.errors import Invalid, NotFound
from celstream_platform.models import Arrays, ModelServer

from tests.contracts.repository import MODEL


def picture(batch: int, value: int = 7) -> Arrays:
    return {"picture": np.full((batch, 2, 3), value, np.uint8)}


def test_outputs_come_by_name_for_every_sample_of_the_batch(models: ModelServer) -> None:
    samples = np.arange(18, dtype=np.uint8).reshape(3, 2, 3)
    outputs = models.infer(MODEL, 1, {"picture": samples}).result()
    assert set(outputs) == {"half", "sum"}
    np.testing.assert_array_equal(outputs["half"], samples / np.float32(2))
    np.testing.assert_array_equal(outputs["sum"][:, 0], samples.reshape(3, -1).sum(axis=1) / np.float32(2))


def test_more_requests_than_the_window_holds_are_all_answered(models: ModelServer) -> None:
    futures: list[Future[Arrays]] = [models.infer(MODEL, 1, picture(1, value)) for value in range(100)]
    assert [float(future.result()["sum"][0, 0]) for future in futures] == [3.0 * value for value in range(100)]


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"image": np.zeros((1, 2, 3), np.uint8)}, "picture"),
        ({"picture": np.zeros((1, 2, 3), np.float32)}, "uint8"),
        ({"picture": np.zeros((1, 3, 2), np.uint8)}, "shape"),
        ({"picture": np.zeros((2, 3), np.uint8)}, "shape"),
        ({"picture": np.zeros((5, 2, 3), np.uint8)}, "at most 4"),
    ],
)
def test_inputs_that_do_not_fit_are_invalid(models: ModelServer, inputs: Arrays, message: str) -> None:
    with pytest.raises(Invalid, match=message):
        models.infer(MODEL, 1, inputs).result()


@pytest.mark.parametrize(("model", "version"), [("nothing", 1), (MODEL, 2)])
def test_a_model_that_is_not_there_is_named(models: ModelServer, model: str, version: int) -> None:
    with pytest.raises(NotFound, match=model):
        models.infer(model, version, picture(1)).result()
    with pytest.raises(NotFound, match=model):
        models.digest(model, version)
    assert not models.ready(model, version)


def test_a_model_that_answers_is_ready(models: ModelServer) -> None:
    assert models.ready(MODEL, 1)


def test_the_digest_is_that_of_the_models_file(models: ModelServer, tmp_path: Path) -> None:
    file = tmp_path / "models" / MODEL / "1" / "model.onnx"
    assert models.digest(MODEL, 1) == hashlib.sha256(file.read_bytes()).hexdigest()


def test_what_is_served_is_listed(models: ModelServer) -> None:
    assert (MODEL, 1) in models.served()
    assert models.served() == sorted(models.served())
