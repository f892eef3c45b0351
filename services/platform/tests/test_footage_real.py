"""What probe says about real footage; collected where REAL_FOOTAGE names its folder."""

import os
from pathlib import Path

import pytest
from celstream_platform.errors import Invalid
from celstream_platform.footage.probe import probe

REAL_FOOTAGE = os.environ.get("REAL_FOOTAGE", "")
# name -> (codec, width, height, frames per second, sounds as (codec, channels)), as its README and ffprobe say
EXPECTED = {
    "sintel_trailer.mp4": ("h264", 480, 204, 24, [("aac", 2)]),
    "big_buck_bunny_trailer.webm": ("vp8", 480, 270, 25, [("vorbis", 2)]),
    "big_buck_bunny_opening_5.1.mp4": ("h264", 854, 480, 24, [("aac", 6)]),
    "caminandes_av1.webm": ("av1", 320, 180, 24, [("opus", 2)]),
    "sintel_trailer_truncated.webm": ("vp8", 640, 272, 24, [("vorbis", 2)]),
    "fades.mp4": ("mpeg4", 480, 320, 25, []),
    "live_action_dialogue.mp4": ("h264", 640, 480, 30, [("aac", 2)]),
}

if REAL_FOOTAGE:

    @pytest.mark.parametrize("name", EXPECTED)
    def test_real_footage_is_described(name: str) -> None:
        codec, width, height, fps, sounds = EXPECTED[name]
        found = probe(Path(REAL_FOOTAGE) / "video" / name)
        assert (found.video.codec, found.video.width, found.video.height) == (codec, width, height)
        assert found.video.fps == (fps, 1)
        assert [(track.codec, track.channels) for track in found.audio] == sounds
        assert all(abs(track.offset_seconds) < 0.03 for track in found.audio)

    def test_real_sound_is_no_footage() -> None:
        for path in sorted((Path(REAL_FOOTAGE) / "audio").glob("*.wav")):
            with pytest.raises(Invalid, match=r"no video stream \(found: audio\)"):
                probe(path)
