"""The command `celstream models`, over a model repository of this machine; over Triton it is a test of the cluster."""

import hashlib
import json
from pathlib import Path

import pytest
from celstream.commands import app
from celstream_platform.models import onnx_url
from typer.testing import CliRunner

from tests.contracts.repository import MODEL, write_large, write_repository


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two models that answer."""
    write_repository(tmp_path)
    write_large(tmp_path)
    return tmp_path


def test_models_that_answer_are_listed_with_the_sums_of_their_files(repository: Path) -> None:
    said = CliRunner().invoke(app, ["models", onnx_url(repository), "--json"])
    assert said.exit_code == 0, said.output
    found = [json.loads(line) for line in said.stdout.splitlines()]
    assert [(one["model"], one["version"], one["answers"]) for one in found] == [(MODEL, 1, True), ("totals", 1, True)]
    file = repository / MODEL / "1" / "model.onnx"
    assert found[0]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


def test_a_model_that_does_not_answer_is_said_and_the_others_are_asked(repository: Path) -> None:
    (repository / MODEL / "1" / "model.onnx").write_bytes(b"no model")
    said = CliRunner().invoke(app, ["models", onnx_url(repository)])
    assert said.exit_code == 2
    assert [line.partition(",")[0] for line in said.stdout.splitlines()] == [
        f"{MODEL} 1: DOES NOT ANSWER",
        "totals 1: answers",
    ]


def test_a_server_without_models_is_no_success(tmp_path: Path) -> None:
    said = CliRunner().invoke(app, ["models", onnx_url(tmp_path)])
    assert said.exit_code == 2
    assert "serves no model. Install models" in said.stderr
