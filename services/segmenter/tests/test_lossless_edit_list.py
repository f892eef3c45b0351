"""Edit lists are written exactly, also where their figures need 64 bits."""

from pathlib import Path

import av
import pytest
from celstream_segmenter.clip_file import movie_timescale
from celstream_segmenter.edit_list import TrackEdit, write_edits
from celstream_segmenter.lossless_cut import cut_clip
from celstream_segmenter.packet_index import index_footage
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.footage_samples import made


def clip_of_two_tracks(folder: Path) -> tuple[Path, int]:
    """A clip with video and sound, and its movie time scale."""
    source = made("h264_b_frames.mp4")
    clip = folder / "clip.mp4"
    cut_clip(source, index_footage(source), 30, 60, clip)
    return clip, movie_timescale([12288, 48000])


@given(delay_seconds=st.integers(0, 200_000), pieces=st.integers(1, 20))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_delay_of_any_length_is_read_back_exactly(delay_seconds: int, pieces: int, tmp_path: Path) -> None:
    clip, movie = clip_of_two_tracks(tmp_path)
    delay = delay_seconds * movie
    write_edits(clip, [TrackEdit(0, 0, movie), TrackEdit(delay, 1024, pieces * movie // 100)])
    with av.open(clip) as container:
        sound = container.streams.audio[0]
        assert sound.start_time == delay_seconds * 48000
        if not delay:
            assert sound.duration == pieces * 480


def test_the_number_of_edits_must_be_that_of_the_tracks(tmp_path: Path) -> None:
    clip, movie = clip_of_two_tracks(tmp_path)
    with pytest.raises(ValueError, match="1 edits for 2 tracks"):
        write_edits(clip, [TrackEdit(0, 0, movie)])


def test_the_movie_scale_divides_every_tracks_time() -> None:
    assert movie_timescale([12288, 44100]) % 12288 == movie_timescale([12288, 44100]) % 44100 == 0
    assert movie_timescale([1_000_003, 999_983, 48000]) == 1_000_003  # no common scale fits 31 bits
