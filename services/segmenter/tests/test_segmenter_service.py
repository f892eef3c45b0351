"""The segmenter as its users reach it: a process with a gRPC port, and its two methods."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import grpc
import numpy as np
import pytest
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.eventlog import sqlite_url
from celstream_platform.rpc import connect
from celstream_protos.v1 import envelope_pb2, segmenter_pb2, segmenter_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

Rendered = tuple[Path, dict[str, Any]]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[segmenter_pb2_grpc.SegmenterStub, Path]]:
    """A running segmenter, ready, and its store's folder; at the end SIGTERM must end it in order."""
    folder = tmp_path_factory.mktemp("service")
    environment = {
        **os.environ,
        "CELSTREAM_EVENTS": sqlite_url(folder / "events.sqlite"),
        "CELSTREAM_ARTEFACTS": directory_url(folder / "store"),
        "CELSTREAM_GRPC_ADDRESS": "127.0.0.1:0",
        "CELSTREAM_METRICS_ADDRESS": "127.0.0.1:0",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "celstream_segmenter"], env=environment, stderr=subprocess.STDOUT, stdout=subprocess.PIPE
    )
    assert process.stdout
    lines = []
    for line in process.stdout:
        lines.append(line.decode())
        if found := re.search(r'"grpc": *"([\d.:]+)"', lines[-1]):
            break
    else:
        raise AssertionError("".join(lines))
    channel = connect(found[1])
    health = health_pb2_grpc.HealthStub(channel)
    for answer in health.Watch(health_pb2.HealthCheckRequest(service="celstream.v1.Segmenter"), timeout=60):
        if answer.status == health_pb2.HealthCheckResponse.SERVING:
            break
    yield segmenter_pb2_grpc.SegmenterStub(channel), folder / "store"
    channel.close()
    process.send_signal(signal.SIGTERM)
    process.stdout.read()
    assert process.wait(timeout=60) == 0


def chunks(path: Path, size: int = 300_000, detector: str = "") -> Iterator[segmenter_pb2.DetectShotsRequest]:
    data = path.read_bytes()
    for start in range(0, max(1, len(data)), size):
        yield segmenter_pb2.DetectShotsRequest(
            chunk=data[start : start + size], detector=detector if start == 0 else ""
        )


@pytest.mark.slow
def test_shots_stream_out_and_the_analysis_ends_them(
    service: tuple[segmenter_pb2_grpc.SegmenterStub, Path], rendered: Rendered
) -> None:
    stub, store_folder = service
    path, truth = rendered
    answers = list(stub.DetectShots(chunks(path), timeout=120))
    shots = [answer.shot for answer in answers if answer.WhichOneof("found") == "shot"]
    assert answers[-1].WhichOneof("found") == "analysis"
    analysis = answers[-1].analysis
    assert [s.range for s in analysis.shots] == [s.range for s in shots]
    assert analysis.frames == truth["frames"]
    reference = open_artefact_store(directory_url(store_folder)).put(path, "video/mp4")
    by_reference = list(stub.DetectShots(iter([segmenter_pb2.DetectShotsRequest(reference=reference)]), timeout=120))
    assert by_reference[-1].analysis == analysis


@pytest.mark.slow
def test_clips_are_cut_on_request(service: tuple[segmenter_pb2_grpc.SegmenterStub, Path], rendered: Rendered) -> None:
    stub, store_folder = service
    path, _ = rendered
    store = open_artefact_store(directory_url(store_folder))
    content = store.put(path, "video/mp4")
    ranges = [envelope_pb2.FrameRange(start_frame=a, end_frame=b) for a, b in ((3, 40), (100, 101))]
    clips = [a.clip for a in stub.CutClips(segmenter_pb2.CutClipsRequest(footage=content, ranges=ranges), timeout=120)]
    with av.open(path) as container:
        source = [frame.to_ndarray() for frame in container.decode(video=0)]
    for clip in clips:
        with store.local(clip.video) as file, av.open(str(file)) as container:
            shown = [frame.to_ndarray() for frame in container.decode(video=0)]
        wanted = source[clip.range.start_frame : clip.range.end_frame]
        assert len(shown) == len(wanted)
        assert all(np.array_equal(a, b) for a, b in zip(shown, wanted, strict=True))
    assert [clip.range.end_frame for clip in clips] == [40, 101]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("request_of", "code", "words"),
    [
        (lambda: iter([segmenter_pb2.DetectShotsRequest(chunk=b"no film")]), "INVALID_ARGUMENT", "holds text"),
        (lambda: iter([]), "INVALID_ARGUMENT", "no message"),
        (
            lambda: iter([segmenter_pb2.DetectShotsRequest(chunk=b"x", detector="magic")]),
            "INVALID_ARGUMENT",
            "expected celstream, content or adaptive",
        ),
        (
            lambda: iter(
                [segmenter_pb2.DetectShotsRequest(reference=envelope_pb2.ArtefactRef(sha256="0" * 64, size=1))]
            ),
            "NOT_FOUND",
            "0000",
        ),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(
    service: tuple[segmenter_pb2_grpc.SegmenterStub, Path], request_of: Any, code: str, words: str
) -> None:
    with pytest.raises(grpc.RpcError) as failure:
        list(service[0].DetectShots(request_of(), timeout=60))
    assert failure.value.code().name == code
    assert words in failure.value.details()
    assert "\n" not in failure.value.details()


@pytest.mark.slow
def test_a_range_outside_the_footage_is_refused(
    service: tuple[segmenter_pb2_grpc.SegmenterStub, Path], rendered: Rendered
) -> None:
    stub, store_folder = service
    content = open_artefact_store(directory_url(store_folder)).put(rendered[0], "video/mp4")
    request = segmenter_pb2.CutClipsRequest(
        footage=content, ranges=[envelope_pb2.FrameRange(start_frame=0, end_frame=10**6)]
    )
    with pytest.raises(grpc.RpcError) as failure:
        list(stub.CutClips(request, timeout=60))
    assert failure.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "outside the footage" in failure.value.details()
