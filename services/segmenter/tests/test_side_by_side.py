"""Several processes read one footage side by side, to the very same result."""

import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import av
import msgspec
import numpy as np
import pytest
from celstream_platform.footage.limits import Limits
from celstream_segmenter.chapter_targets import chapter_targets
from celstream_segmenter.found import (
    ChapterBegun,
    ChapterRead,
    ClipMade,
    Found,
    FoundInShare,
    Refused,
    Resumption,
    Working,
)
from celstream_segmenter.limited_segmentation import detect_limited, segment_limited
from celstream_segmenter.packet_index import index_footage
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.share import Share
from celstream_segmenter.shots import Beginning
from celstream_segmenter.side_by_side import Ending, side_by_side

Rendered = tuple[Path, dict[str, Any]]
RULES = SegmentationRules(chapter_seconds=2.0, min_seconds=0.5, target_seconds=1.0)


def told(found: Generator[Found, None, None]) -> list[object]:
    """All results but the progress, with the clips' files as their contents."""
    results: list[object] = []
    for one in found:
        if isinstance(one, ClipMade):
            files = [Path(name) for name in (one.video, one.first_frame, one.last_frame, one.thumbnail)]
            results += [one.start_frame, one.end_frame, one.shot_ordinal, repr(one.measurements)]
            results += [file.read_bytes() for file in files]
        elif isinstance(one, ChapterRead):
            results += [one.shots, one.transitions, one.ticks.tolist(), one.change.tolist(), one.doubts, one.following]
        elif isinstance(one, Refused):
            results += [repr(msgspec.structs.replace(one, thumbnail="")), Path(one.thumbnail).read_bytes()]
        elif not isinstance(one, Working):
            results.append(repr(one))
    return results


def clips_with(processes: int, path: Path, folder: Path) -> list[object]:
    folder.mkdir()
    return told(segment_limited(path, path.name, RULES, folder, Limits(), processes=processes))


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_more_processes_find_the_same(rendered: Rendered, tmp_path: Path, processes: int) -> None:
    alone = clips_with(1, rendered[0], tmp_path / "alone")
    assert sum(isinstance(one, bytes) for one in alone) > 9
    assert clips_with(processes, rendered[0], tmp_path / "together") == alone


@pytest.mark.slow
def test_more_processes_find_the_same_in_damaged_footage(rendered: Rendered, tmp_path: Path) -> None:
    data = bytearray(rendered[0].read_bytes())
    middle = len(data) // 3
    data[middle : middle + len(data) // 20] = bytes(len(data) // 20)
    path = tmp_path / "damaged.mp4"
    path.write_bytes(data)
    alone = told(detect_limited(path, path.name, RULES, Limits()))
    assert told(detect_limited(path, path.name, RULES, Limits(), processes=2)) == alone
    assert clips_with(2, path, tmp_path / "together") == clips_with(1, path, tmp_path / "alone")


def test_a_decoder_that_gives_fewer_frames_than_the_packets_promise_makes_all_begin_anew() -> None:
    """The second share counts a frame that the first has not seen: their chapters do not meet."""
    calls: list[Share] = []

    def read(
        resumption: Resumption | None, share: Share, cancelled: Callable[[], bool]
    ) -> Generator[FoundInShare, None, None]:
        calls.append(share)
        first = resumption.beginning.frame if resumption else 0
        if share.ordinal:
            yield ChapterBegun(Beginning(11, 10))
            yield chapter(11, 20, None)
        elif first == 0:
            yield chapter(0, 10, Beginning(10, 10, 1), following_turn=1)
        else:
            assert resumption is not None
            assert len(np.frombuffer(resumption.ticks, np.int64)) == first == 10
            yield chapter(10, 20, None)

    found = list(side_by_side(read, 2, None))
    assert [(one.first_frame, len(one.ticks)) for one in found if isinstance(one, ChapterRead)] == [(0, 10), (10, 10)]
    assert len(calls) == 4


def test_what_a_share_fails_with_is_raised_where_its_results_are_due() -> None:
    def read(
        resumption: Resumption | None, share: Share, cancelled: Callable[[], bool]
    ) -> Generator[FoundInShare, None, None]:
        if share.ordinal:
            raise ValueError("broken")
        yield chapter(0, 10, Beginning(10, 10, 1), following_turn=1)

    results = side_by_side(read, 2, None)
    assert isinstance(next(results), ChapterRead)
    with pytest.raises(ValueError, match="broken"):
        next(results)


def test_shares_that_are_no_longer_wanted_are_ended() -> None:
    ended: list[int] = []

    def read(
        resumption: Resumption | None, share: Share, cancelled: Callable[[], bool]
    ) -> Generator[FoundInShare, None, None]:
        try:
            while not cancelled():
                yield Working(1, 100)
        finally:
            ended.append(share.ordinal)

    results = side_by_side(read, 3, None)
    assert isinstance(next(results), Working)
    results.close()
    assert sorted(ended) == [0, 1, 2]


def finished_chapters(told: Generator[Found, None, None]) -> list[int]:
    return [one.first_frame for one in told if isinstance(one, ChapterRead)]


def test_work_that_shall_end_finishes_the_chapters_at_hand_and_begins_no_other() -> None:
    asked, third = threading.Event(), threading.Event()
    begun: list[int] = []

    def read(
        resumption: Resumption | None, share: Share, cancelled: Callable[[], bool]
    ) -> Generator[FoundInShare, None, None]:
        for turn in share.turns(9):
            begun.append(turn)
            if turn:
                yield ChapterBegun(Beginning(10 * turn, 10 * turn))
            if turn == 3:
                third.set()
                asked.wait()
            if turn == 2:
                third.wait()
                asked.set()
            end = 10 * turn + 10
            yield chapter(10 * turn, end, Beginning(end, end), following_turn=turn + 1)

    assert finished_chapters(side_by_side(read, 2, None, Ending(asked.is_set, lambda: False))) == [0, 10, 20, 30]
    assert sorted(begun) == [0, 1, 2, 3]


def test_work_that_shall_end_does_not_wait_for_a_chapter_that_cannot_be_gone_on_with() -> None:
    """The second process is two chapters further on than the first, and nobody has begun the one between."""
    asked, third = threading.Event(), threading.Event()

    def read(
        resumption: Resumption | None, share: Share, cancelled: Callable[[], bool]
    ) -> Generator[FoundInShare, None, None]:
        if share.ordinal == 0:
            third.wait()
            asked.set()
            yield chapter(0, 10, Beginning(10, 10), following_turn=1)
            return
        yield ChapterBegun(Beginning(10, 10))
        yield chapter(10, 20, Beginning(20, 20), following_turn=2)
        yield ChapterBegun(Beginning(30, 30))
        third.set()
        while not cancelled():
            yield Working(1, 100)

    assert finished_chapters(side_by_side(read, 2, None, Ending(asked.is_set, lambda: False))) == [0, 10]


def test_work_that_shall_end_at_once_waits_for_no_chapter() -> None:
    asked = threading.Event()

    def read(
        resumption: Resumption | None, share: Share, cancelled: Callable[[], bool]
    ) -> Generator[FoundInShare, None, None]:
        asked.set()
        while not cancelled():
            yield Working(1, 100)

    assert finished_chapters(side_by_side(read, 2, None, Ending(asked.is_set))) == []


def test_targets_are_key_frames_that_an_encoder_put_at_a_change(tmp_path: Path) -> None:
    path = tmp_path / "keys.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=24, options={"g": "240", "sc_threshold": "0", "bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(24 * 20):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), number % 256, np.uint8), format="rgb24")
            frame.pts = number
            if number in (24 * 10 + 30,):
                frame.pict_type = av.video.frame.PictureType.I
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    index = index_footage(path)
    (target,) = chapter_targets(index, 10.0, Beginning()).ticks
    assert index.frame_number(target) == 24 * 10 + 30
    assert not chapter_targets(index, 10.0, Beginning(24 * 12, target + 1)).ticks
    assert not chapter_targets(index, 60.0, Beginning()).ticks


def chapter(first: int, end: int, following: Beginning | None, *, following_turn: int = 0) -> ChapterRead:
    return ChapterRead(
        first_frame=first,
        time_base=(1, 24),
        ticks=np.arange(first, end),
        end_ticks=end,
        corrupt=np.zeros(end - first, np.bool_),
        transitions=[],
        shots=[],
        change=np.zeros(end - first, np.float32),
        change_threshold=0.5,
        detector="celstream",
        doubts=[],
        following=following,
        following_turn=following_turn,
    )
