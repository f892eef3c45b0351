"""Segmentation in the limited child process: the parent's side, and the functions that the child runs."""

import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
from celstream_platform.errors import Invalid
from celstream_platform.footage import limited
from celstream_platform.footage.asking import Answering, Ask
from celstream_platform.footage.limits import Limits

from celstream_segmenter.asked_outside import AskedOutside
from celstream_segmenter.found import (
    ChapterBegun,
    ChapterRead,
    ClipMade,
    Found,
    FoundInShare,
    Refused,
    Resumption,
    ShotFound,
    ShotMeasured,
    Working,
)
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.share import Share
from celstream_segmenter.side_by_side import GOING_ON, Ending, side_by_side

Results = Generator[FoundInShare, None, None]
AHEAD_BYTES = 64 * 1024  # of results; a process that was far ahead would have much to do again after an interruption
RESULTS: tuple[type, ...] = (Working, ShotFound, ShotMeasured, ClipMade, Refused, ChapterRead, ChapterBegun)


def segment_limited(
    path: Path,
    name: str,
    rules: SegmentationRules,
    scratch: Path,
    limits: Limits,
    resumption: Resumption | None = None,
    *,
    processes: int = 1,
    ending: Ending = GOING_ON,
    ahead: Callable[[Results], Results] = lambda found: found,
    answering: Answering | None = None,
) -> Generator[Found, None, None]:
    """Like `segment.segment`, in so many child processes, with the same result; they write into `scratch` alone.

    name: what the footage is called in complaints. ending: see `side_by_side`. ahead: through which the results of each
    process go, in a thread of its own, before their turn comes. answering: who answers where the rules have a second
    opinion; several processes ask at the same time. Raises Invalid, LimitExceeded, and what who answers raises.
    """

    def read(
        resumption: Resumption | None, share: Share, cancelled: Callable[[], bool]
    ) -> Generator[FoundInShare, None, None]:
        folder = scratch / str(share.ordinal)
        folder.mkdir(exist_ok=True)
        arguments = {
            "rules": msgspec.to_builtins(rules),
            "scratch": str(folder.resolve()),
            "resumption": msgspec.to_builtins(resumption, builtin_types=(bytes,)),
            "share": msgspec.to_builtins(share),
        }
        return ahead(_run("run_segment", path, name, arguments, limits, folder, cancelled, _needed(rules, answering)))

    yield from side_by_side(read, _useful(processes, rules), resumption, ending)


def detect_limited(
    path: Path,
    name: str,
    rules: SegmentationRules,
    limits: Limits,
    *,
    processes: int = 1,
    measured: bool = False,
    answering: Answering | None = None,
) -> Generator[Found, None, None]:
    """Like `detection.detect`, in so many child processes, with the same result. answering, raises: as above."""

    def read(
        resumption: Resumption | None, share: Share, cancelled: Callable[[], bool]
    ) -> Generator[FoundInShare, None, None]:
        folder = Path(scratch, str(share.ordinal))
        folder.mkdir(exist_ok=True)
        arguments = {
            "rules": msgspec.to_builtins(rules),
            "resumption": msgspec.to_builtins(resumption, builtin_types=(bytes,)),
            "share": msgspec.to_builtins(share),
            "measured": measured,
            "folder": str(folder.resolve()),
        }
        return _run("run_detect", path, name, arguments, limits, folder, cancelled, _needed(rules, answering))

    with tempfile.TemporaryDirectory(prefix="celstream-index-") as scratch:
        yield from side_by_side(read, _useful(processes, rules), None)


def _needed(rules: SegmentationRules, answering: Answering | None) -> Answering | None:
    if rules.asks and answering is None:
        raise ValueError("the rules have a second opinion, and nobody answers.")
    return answering if rules.asks else None


def _useful(processes: int, rules: SegmentationRules) -> int:
    """How many processes can share the footage: PySceneDetect's detectors cannot begin anew in the middle."""
    return processes if rules.detector == "celstream" else 1


def cut_limited(
    path: Path, name: str, rules: SegmentationRules, ranges: list[tuple[int, int]], scratch: Path, limits: Limits
) -> Iterator[ClipMade]:
    """Like `segment.cut`, in a child process. Raises Invalid, LimitExceeded."""
    arguments = {"rules": msgspec.to_builtins(rules), "ranges": ranges, "scratch": str(scratch.resolve())}
    for found in _run("run_cut", path, name, arguments, limits, scratch):
        assert isinstance(found, ClipMade)
        yield found


def _run(
    function: str,
    path: Path,
    name: str,
    arguments: dict[str, Any],
    limits: Limits,
    scratch: Path | None,
    cancelled: Callable[[], bool] = lambda: False,
    answering: Answering | None = None,
) -> Generator[FoundInShare, None, None]:
    results: Generator[FoundInShare, None, None] = limited.stream(
        f"{__name__}:{function}",
        path,
        arguments,
        RESULTS,
        limits=limits,
        name=name,
        scratch=scratch,
        cancelled=cancelled,
        ahead_bytes=AHEAD_BYTES,
        answering=answering,
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


def run_segment(
    path: Path,
    rules: dict[str, Any],
    scratch: str,
    resumption: dict[str, Any] | None,
    share: dict[str, Any],
    ask: Ask | None = None,
) -> Iterator[FoundInShare]:
    """In the child."""
    import cv2

    from celstream_segmenter.segment import segment  # here: the parent needs neither PyAV nor OpenCV

    cv2.setNumThreads(1)  # the decoder's threads use the processors; pictures are small
    yield from segment(
        path,
        msgspec.convert(rules, SegmentationRules),
        Path(scratch),
        _resumption(resumption),
        msgspec.convert(share, Share),
        _asked(ask),
    )


def run_detect(
    path: Path,
    rules: dict[str, Any],
    resumption: dict[str, Any] | None,
    share: dict[str, Any],
    measured: bool,
    folder: str,
    ask: Ask | None = None,
) -> Iterator[FoundInShare]:
    """In the child."""
    import cv2

    from celstream_segmenter.detection import detect

    cv2.setNumThreads(1)
    yield from detect(
        path,
        msgspec.convert(rules, SegmentationRules),
        _resumption(resumption),
        msgspec.convert(share, Share),
        measured=measured,
        folder=Path(folder),
        asked=_asked(ask),
    )


def _asked(ask: Ask | None) -> AskedOutside | None:
    return AskedOutside(ask) if ask else None


def _resumption(given: dict[str, Any] | None) -> Resumption | None:
    return msgspec.convert(given, Resumption) if given else None


def run_cut(path: Path, rules: dict[str, Any], ranges: list[tuple[int, int]], scratch: str) -> Iterator[FoundInShare]:
    """In the child."""
    from celstream_segmenter.segment import cut

    yield from cut(path, msgspec.convert(rules, SegmentationRules), ranges, Path(scratch))
