"""A long film is finished however often its worker is asked to end, and little of the work is done twice."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from celstream_protos.v1 import envelope_pb2
from celstream_segmenter.rules import SegmentationRules

from tests.benchmarks.recording import record
from tests.faults.interrupted_film import Interrupted, interrupt, looped_film

SHOT_FRAMES = 36
FRAMES_BETWEEN = 30 * 60 * 24


def plain_film(path: Path, shots: int) -> Path:
    """Drawings that are held for a second and a half each, with a cut between them; cheap to make and to decode."""
    with av.open(str(path), "w") as out:
        video = out.add_stream("libx264", rate=24, options={"preset": "ultrafast"})
        assert isinstance(video, av.VideoStream)
        video.width, video.height, video.pix_fmt = 96, 64, "yuv420p"
        video.codec_context.time_base = Fraction(1, 24)
        for shot in range(shots):
            blocks = np.random.default_rng(shot).integers(0, 255, (8, 12, 3), np.uint8)
            picture = av.VideoFrame.from_ndarray(blocks.repeat(8, 0).repeat(8, 1))
            for number in range(SHOT_FRAMES):
                picture.pts, picture.time_base = shot * SHOT_FRAMES + number, Fraction(1, 24)
                out.mux(video.encode(picture))
        out.mux(video.encode(None))
    return path


def check(done: Interrupted, interruptions: int) -> None:
    (outcome,) = done.outcomes
    assert outcome.state == envelope_pb2.OUTCOME_STATE_COMPLETED
    assert done.interruptions >= interruptions
    assert done.repeated <= 0.10, f"{done.repeated:.1%} of {done.frames} frames again: {done.decoded}"


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_film_whose_worker_is_asked_to_end_again_and_again_is_finished_with_little_repeated(tmp_path: Path) -> None:
    """Time is scaled down by thirty: chapters of 2 s for a minute, four minutes of film for two hours."""
    film = plain_film(tmp_path / "film.mp4", shots=160)
    done = interrupt(film, tmp_path, lambda frames, _: frames > 1500, chapter_seconds=2.0, processes=1, most_attempts=8)
    check(done, interruptions=2)


@pytest.mark.faults
@pytest.mark.timeout(4 * 3600)
def test_a_film_of_two_hours_under_a_sigterm_every_few_minutes(tmp_path: Path) -> None:
    """Chapters and processes as `celstream run` has them on two processors."""
    done = interrupt(
        looped_film(tmp_path, 120, 60, (320, 180)),
        tmp_path,
        lambda frames, _: frames >= FRAMES_BETWEEN,
        chapter_seconds=SegmentationRules().chapter_seconds,
        processes=2,
        most_attempts=20,
    )
    attempts = zip(done.decoded, done.seconds, done.ending, strict=True)
    record(
        "interruption",
        f"A film of two hours (320x180, 24 frames/s) under a SIGTERM every {FRAMES_BETWEEN // 1440} minutes of footage",
        [
            {
                "attempt": str(number),
                "frames decoded": decoded,
                "minutes at work": seconds / 60,
                "seconds from SIGTERM to end": ending,
                "repeated": "",
            }
            for number, (decoded, seconds, ending) in enumerate(attempts, 1)
        ]
        + [
            {
                "attempt": f"all, of {done.frames} frames",
                "frames decoded": sum(done.decoded),
                "minutes at work": (sum(done.seconds) + sum(done.ending)) / 60,
                "seconds from SIGTERM to end": max(done.ending),
                "repeated": f"{done.repeated:.1%}",
            },
            {
                "attempt": "the last one alone, which nobody asked to end",
                "frames decoded": done.decoded[-1],
                "minutes at work": done.seconds[-1] / 60,
                "seconds from SIGTERM to end": 0.0,
                "repeated": f"{done.decoded[-1] / done.last_advance - 1:.1%}",
            },
        ],
        [
            "Two processes, chapters of a minute; a worker that is asked to end finishes the chapters that it reads, "
            "in 20 s at most: where the machine is busy it reaches the end of fewer.",
            "Thirty minutes of this footage are three minutes of work on two idle cores.",
            "Frames are counted by the worker's own metric, in all its processes, those too whose work was lost.",
            "Two processes read a little of each other's chapters, to find where they begin and to be sure of it.",
        ],
    )
    check(done, interruptions=3)
