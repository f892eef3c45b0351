"""How loud a footage is: a tone that comes and goes is found where it is, also late, damaged or absent."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from celstream_segmenter.packet_index import index_footage
from celstream_segmenter.sound_level import NOTHING_DB, SoundLevel
from numpy.typing import NDArray

RATE = 48000
SECONDS = 8.0
TONES = ((1.0, 3.0), (5.0, 6.0))  # seconds of the track's sound
LEVEL_DB = 20 * np.log10(0.25 / np.sqrt(2))  # of a sine of amplitude 0.25


def tone() -> NDArray[np.float32]:
    at = np.arange(int(SECONDS * RATE)) / RATE
    heard = np.any([(at >= start) & (at < end) for start, end in TONES], axis=0)
    return (0.25 * np.sin(2 * np.pi * 440 * at) * heard).astype(np.float32)


def film(path: Path, codec: str, late: float = 0.0) -> Path:
    """Ten seconds of pictures with the tone, which begins `late` seconds late."""
    with av.open(path, "w") as out:
        video = out.add_stream("mpeg4", rate=24)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        track = out.add_stream(codec, rate=RATE, layout="stereo")
        assert isinstance(track, av.AudioStream)
        sound, size, done = tone(), 0, 0
        for number in range(240):
            picture = np.full((48, 64, 3), number, np.uint8)
            out.mux(video.encode(av.VideoFrame.from_ndarray(picture)))
            while done < len(sound) and done / RATE + late < number / 24:
                size = track.codec_context.frame_size or 1024
                block = av.AudioFrame.from_ndarray(np.tile(sound[done : done + size], (2, 1)), "fltp", "stereo")
                block.sample_rate, block.pts = RATE, done + round(late * RATE)
                block.time_base = Fraction(1, RATE)
                out.mux(track.encode(block))
                done += size
        out.mux(track.encode(None))
        out.mux(video.encode(None))
    return path


def levels(path: Path, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    index = index_footage(path)
    with SoundLevel(path, index.sounds[0]) as sound:
        found = sound.level_db(seconds)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("name", "codec", "late"),
    [
        ("a.mp4", "aac", 0.0),
        ("a.mp4", "aac", 1.5),
        ("a.mkv", "flac", 0.0),
        ("a.mkv", "libopus", 1.5),
        ("a.avi", "mp3", 0.0),
    ],
)
def test_a_tone_is_heard_where_it_is_and_silence_is_silent(name: str, codec: str, late: float, tmp_path: Path) -> None:
    seconds = np.arange(0, 10, 1 / 24)
    found = levels(film(tmp_path / name, codec, late), seconds)
    for start, end in TONES:
        inside = (seconds > late + start + 0.2) & (seconds < late + end - 0.2)
        assert np.all(np.abs(found[inside] - LEVEL_DB) < 1.5)
    quiet = [(0.0, 1.0), (3.0, 5.0), (6.0, 8.0)]
    for start, end in quiet:
        inside = (seconds > late + start + 0.25) & (seconds < late + end - 0.25)
        assert np.all(found[inside] < -60)
    assert np.all(found[seconds > late + SECONDS + 0.3] == NOTHING_DB)
    assert np.all(found[seconds < late - 0.2] == NOTHING_DB)


def test_a_stretch_is_as_loud_as_in_the_whole(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", "aac")
    seconds = np.arange(0, 10, 1 / 24)
    whole = levels(path, seconds)
    index = index_footage(path)
    with SoundLevel(path, index.sounds[0]) as sound:
        for first, last in ((48, 96), (100, 200), (10, 40)):
            part = sound.level_db(seconds[first:last])
            assert part is not None
            loud = whole[first:last] > -60
            assert np.all(np.abs(part - whole[first:last])[loud] < 0.5)


def test_damage_leaves_the_rest_of_the_sound_audible(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", "aac")
    data = bytearray(path.read_bytes())
    rng = np.random.default_rng(1)
    for place in rng.integers(2000, len(data) // 2, 400):
        data[int(place)] ^= 0xFF
    path.write_bytes(bytes(data))
    found = levels(path, np.arange(0, 10, 1 / 24))
    assert len(found) == 240
    assert np.nanmax(found) > -40


def test_footage_without_sound_has_no_level(tmp_path: Path) -> None:
    with SoundLevel(tmp_path / "absent.mp4", None) as sound:
        assert sound.level_db(np.arange(3.0)) is None
