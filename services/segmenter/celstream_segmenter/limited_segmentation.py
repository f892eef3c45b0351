"""Segmentation in the limited child process: the parent's side, and the functions that the child runs."""

from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from celstream_platform.errors import Invalid
from celstream_platform.footage import limited
from celstream_platform.footage.limits import Limits

from celstream_segmenter.found import ChapterRead, ClipMade, Found, Refused, Resumption, ShotFound, Working
from celstream_segmenter.rules import SegmentationRules

RESULTS: tuple[type, ...] = (Working, ShotFound, ClipMade, Refused, ChapterRead)


def segment_limited(
    path: Path,
    name: str,
    rules: SegmentationRules,
    scratch: Path,
    limits: Limits,
    resumption: Resumption | None = None,
) -> Generator[Found, None, None]:
    """Like `segment.segment`, in a child process; `scratch` is the one folder in which it may write.

    name: what the footage is called in complaints. Raises Invalid, LimitExceeded.
    """
    arguments = {
        "rules": msgspec.to_builtins(rules),
        "scratch": str(scratch.resolve()),
        "resumption": msgspec.to_builtins(resumption, builtin_types=(bytes,)),
    }
    yield from _run("run_segment", path, name, arguments, limits, scratch)


def detect_limited(path: Path, name: str, rules: SegmentationRules, limits: Limits) -> Iterator[Found]:
    """Like `segment.detect`, in a child process. Raises Invalid, LimitExceeded."""
    yield from _run("run_detect", path, name, {"rules": msgspec.to_builtins(rules)}, limits, None)


def cut_limited(
    path: Path, name: str, rules: SegmentationRules, ranges: list[tuple[int, int]], scratch: Path, limits: Limits
) -> Iterator[ClipMade]:
    """Like `segment.cut`, in a child process. Raises Invalid, LimitExceeded."""
    arguments = {"rules": msgspec.to_builtins(rules), "ranges": ranges, "scratch": str(scratch.resolve())}
    for found in _run("run_cut", path, name, arguments, limits, scratch):
        assert isinstance(found, ClipMade)
        yield found


def _run(
    function: str, path: Path, name: str, arguments: dict[str, Any], limits: Limits, scratch: Path | None
) -> Iterator[Found]:
    results: Generator[Found, None, None] = limited.stream(
        f"{__name__}:{function}", path, arguments, RESULTS, limits=limits, name=name, scratch=scratch
    )
    try:
        with closing(results):
            yield from results
    except Invalid as error:
        # The store names files by their hash; a person knows the footage by the name it was given.
        stored = f"{path.resolve().name}: "
        raise type(error)(
            f"{name}: {str(error).removeprefix(stored)}" if str(error).startswith(stored) else str(error)
        ) from error


def run_segment(path: Path, rules: dict[str, Any], scratch: str, resumption: dict[str, Any] | None) -> Iterator[Found]:
    """In the child."""
    import cv2

    from celstream_segmenter.segment import segment  # here: the parent needs neither PyAV nor OpenCV

    cv2.setNumThreads(1)  # the decoder's threads use the processors; pictures are small

    going_on = msgspec.convert(resumption, Resumption) if resumption else None
    yield from segment(path, msgspec.convert(rules, SegmentationRules), Path(scratch), going_on)


def run_detect(path: Path, rules: dict[str, Any]) -> Iterator[Found]:
    """In the child."""
    import cv2

    from celstream_segmenter.segment import detect

    cv2.setNumThreads(1)

    yield from detect(path, msgspec.convert(rules, SegmentationRules))


def run_cut(path: Path, rules: dict[str, Any], ranges: list[tuple[int, int]], scratch: str) -> Iterator[Found]:
    """In the child."""
    from celstream_segmenter.segment import cut

    yield from cut(path, msgspec.convert(rules, SegmentationRules), ranges, Path(scratch))
