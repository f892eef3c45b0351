"""The second opinion as people ask for it: on the command line, and in a service's settings."""

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from celstream.commands import app
from celstream_platform.artefacts import directory_url
from celstream_platform.eventlog import sqlite_url
from celstream_platform.models import onnx_url
from celstream_platform.rpc import connect
from celstream_protos.v1 import segmenter_pb2, segmenter_pb2_grpc
from typer.testing import CliRunner

from tests.opinion.conftest import DOUBTFUL
from tests.opinion.models import write_opinion

ENVIRONMENT = {"CELSTREAM_GRPC_ADDRESS": "127.0.0.1:0", "CELSTREAM_METRICS_ADDRESS": "127.0.0.1:0"}


def celstream(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "celstream", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("onnx:///nowhere/at/all", "/nowhere/at/all: no such folder"),
        ("http://models", "http://models: not a model server"),
    ],
)
def test_a_model_server_that_is_none_is_named_in_one_line(tmp_path: Path, url: str, complaint: str) -> None:
    said = CliRunner().invoke(app, ["shots", str(tmp_path / "film.mp4"), "--second-opinion", url])
    assert said.exit_code == 2
    assert complaint in said.stderr
    assert len(said.stderr.splitlines()) == 1


@pytest.mark.slow
def test_a_run_with_a_second_opinion_does_anew_what_was_done_without(doubtful_film: Path, tmp_path: Path) -> None:
    url = onnx_url(write_opinion(tmp_path / "models", 1.0))
    run = ("run", doubtful_film, "--out", tmp_path / "dataset", "--min-seconds", 0.5)
    cuts = []
    for option in ((), ("--second-opinion", url)):
        said = celstream(*run, *option)
        assert said.returncode == 0, said.stderr
        rows = pq.read_table(tmp_path / "dataset" / "transitions.parquet").to_pylist()
        cuts.append({row["frame"] for row in rows if row["kind"] == "cut"})
    assert cuts[1] == cuts[0] | set(DOUBTFUL)
    shots = celstream("shots", doubtful_film, "--json", "--second-opinion", url)
    found = [json.loads(line) for line in shots.stdout.splitlines()]
    assert cuts[1] == {one["transition"]["frame"] for one in found if one.get("transition", {}).get("kind") == "cut"}


@pytest.mark.slow
def test_a_service_asks_whom_its_settings_name_and_counts_it(doubtful_film: Path, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "CELSTREAM_EVENTS": sqlite_url(tmp_path / "events.sqlite"),
        "CELSTREAM_ARTEFACTS": directory_url(tmp_path / "store"),
        "CELSTREAM_MODELS": onnx_url(write_opinion(tmp_path / "models", 1.0)),
        "CELSTREAM_SECOND_OPINION": "transnetv2",
    }
    with subprocess.Popen(
        [sys.executable, "-m", "celstream_segmenter"], env=environment, stderr=subprocess.STDOUT, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout
        line = next(line.decode() for line in process.stdout if b'"serving"' in line)
        addresses = {name: re.findall(rf'"{name}": *"([\d.:]+)"', line)[0] for name in ("grpc", "metrics")}
        with connect(addresses["grpc"]) as channel:
            request = segmenter_pb2.DetectShotsRequest(chunk=doubtful_film.read_bytes())
            *_, last = segmenter_pb2_grpc.SegmenterStub(channel).DetectShots(iter([request]), timeout=120)
        assert set(DOUBTFUL) <= {transition.frame for transition in last.analysis.transitions}
        with urllib.request.urlopen(f"http://{addresses['metrics']}/metrics") as page:
            (count,) = re.findall(
                r'^celstream_model_inferences_total{model="transnetv2",outcome="ok"} (\d+)', page.read().decode(), re.M
            )
        assert int(count) >= len(DOUBTFUL)
        process.send_signal(signal.SIGTERM)
        process.stdout.read()
        assert process.wait(timeout=60) == 0


def test_a_service_that_is_to_ask_nobody_says_so(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        **ENVIRONMENT,
        "CELSTREAM_EVENTS": sqlite_url(tmp_path / "events.sqlite"),
        "CELSTREAM_ARTEFACTS": directory_url(tmp_path / "store"),
        "CELSTREAM_SECOND_OPINION": "transnetv2",
    }
    said = subprocess.run(
        [sys.executable, "-m", "celstream_segmenter"], env=environment, capture_output=True, text=True, check=False
    )
    assert said.returncode == 2
    assert "SECOND_OPINION transnetv2, and no model server. Give MODELS" in said.stderr
