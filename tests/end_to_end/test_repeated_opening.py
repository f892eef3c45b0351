"""The same pictures in two footages, encoded differently: the dataset says which clips repeat which."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

from tests.end_to_end.command import celstream, film, rows


@pytest.mark.slow
def test_what_was_encoded_again_is_marked_as_the_first_ones_near_duplicate(tmp_path: Path) -> None:
    film(tmp_path, "films/a.mp4")
    again = ["-vf", "scale=iw*3/4:-2", "-c:v", "libx264", "-crf", "32", "-c:a", "copy", "films/b.mp4"]
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", "films/a.mp4", *again], cwd=tmp_path, check=True
    )
    assert celstream("run", "films", "--out", "dataset", "--json", cwd=tmp_path).code == 0
    clips = rows(tmp_path / "dataset", "clips")
    first = [clip for clip in clips if not clip["near_duplicate_of"]]
    repeated = {clip["near_duplicate_of"]: clip for clip in clips if clip["near_duplicate_of"]}
    assert len(repeated) == len(first) == len(clips) / 2
    for clip in first:
        assert repeated[clip["clip_id"]]["footage"] != clip["footage"]
        assert abs(repeated[clip["clip_id"]]["start_frame"] - clip["start_frame"]) <= 1
