"""The command on real footage: REAL_FOOTAGE names a folder of it."""

import itertools
from pathlib import Path

import av
import pytest
from celstream.folder import DatasetFolder
from celstream.pipeline import open_ports

from tests.end_to_end.command import celstream, rows

pytestmark = pytest.mark.slow


def test_a_real_film_becomes_clips_that_hold_the_frames_of_their_rows(real_video: Path, tmp_path: Path) -> None:
    ended = celstream("run", real_video, "--out", "dataset", "--json", cwd=tmp_path)
    assert ended.code == 0, ended.err
    dataset = tmp_path / "dataset"
    parts = sorted(
        (row["start_frame"], row["end_frame"]) for table in ("clips", "rejections") for row in rows(dataset, table)
    )
    assert parts
    for (_, end), (start, _) in itertools.pairwise(parts):
        assert end <= start, "two pieces share a frame"
    inside = [
        frame
        for row in rows(dataset, "transitions")
        if row["kind"] != "cut"
        for frame in range(row["start_frame"], row["end_frame"] + 1)
    ]
    for row in rows(dataset, "clips"):
        with av.open(dataset / row["file"]) as clip:
            video = clip.streams.video[0]
            video.thread_type = "FRAME"  # slice threads decode damaged VP8 differently each time
            assert sum(1 for _ in clip.decode(video)) == row["frames"]
        assert not set(inside) & set(range(row["start_frame"], row["end_frame"])), "a clip holds a changing frame"
    with open_ports(DatasetFolder(dataset), {}) as ports:
        ports.catalog.catch_up()
        assert ports.catalog.check_balance() == []
