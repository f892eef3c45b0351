"""What probe says about footage, against files whose truth is known because the tests wrote them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from celstream_platform.errors import Invalid
from celstream_platform.footage.description import describe
from celstream_platform.footage.probe import AudioTrack, Probe, fill, probe
from celstream_protos.v1 import footage_pb2


def write(
    path: Path,
    *,
    codec: str = "libx264",
    rate: Fraction = Fraction(24),
    pixel_format: str = "yuv420p",
    rotation: int = 0,
    aspect: Fraction = Fraction(1),
    sounds: tuple[tuple[str, int, str, float], ...] = (),
    video_starts: float = 0.0,
) -> Path:
    """24 frames of 96x64. sounds: (codec, Hz, layout, start in seconds), half a second each."""
    with av.open(str(path), "w") as container:
        video = container.add_stream(codec, rate=rate)
        video.width, video.height, video.pix_fmt = 96, 64, pixel_format
        video.codec_context.sample_aspect_ratio = aspect
        if rotation:
            video.set_display_rotation(rotation)
        tracks = [container.add_stream(name, rate=hz, layout=layout) for name, hz, layout, _ in sounds]
        for track in tracks:
            track.metadata["language"] = "jpn"
        for number in range(24):
            frame = av.VideoFrame.from_ndarray(np.full((64, 96, 3), number * 9, np.uint8), format="rgb24")
            frame.time_base = 1 / (rate * 4)
            frame.pts = number * 4 + round(video_starts / frame.time_base)
            container.mux(video.encode(frame))
        container.mux(video.encode())
        for track, (_, hz, layout, starts) in zip(tracks, sounds, strict=True):
            channels = av.AudioLayout(layout).nb_channels
            for piece in range(hz // 2 // 1000):
                sound = av.AudioFrame.from_ndarray(
                    np.zeros((1, 1000 * channels), np.int16), format="s16", layout=layout
                )
                sound.sample_rate, sound.time_base = hz, Fraction(1, hz)
                sound.pts = round(starts * hz) + piece * 1000
                container.mux(track.encode(sound))
            container.mux(track.encode())
    return path


@pytest.mark.parametrize(
    ("suffix", "codec", "name", "container"),
    [
        ("mp4", "libx264", "h264", "mov,mp4,m4a,3gp,3g2,mj2"),
        ("mkv", "libx265", "hevc", "matroska,webm"),
        ("webm", "libvpx-vp9", "vp9", "matroska,webm"),
        ("mp4", "libsvtav1", "av1", "mov,mp4,m4a,3gp,3g2,mj2"),
        ("avi", "mpeg4", "mpeg4", "avi"),
        ("ts", "mpeg2video", "mpeg2video", "mpegts"),
    ],
)
def test_video_of_every_kind(tmp_path: Path, suffix: str, codec: str, name: str, container: str) -> None:
    found = describe(write(tmp_path / f"film.{suffix}", codec=codec))
    assert found.container == container
    assert (found.video.codec, found.video.width, found.video.height) == (name, 96, 64)
    assert found.video.fps == (24, 1)
    assert found.video.pixel_format.startswith("yuv420p")
    assert found.claimed_duration_seconds == pytest.approx(1.0, abs=0.1)
    assert found.audio == []


def test_shape_rate_and_rotation(tmp_path: Path) -> None:
    rate = Fraction(30000, 1001)
    found = describe(
        write(tmp_path / "film.mp4", rate=rate, pixel_format="yuv444p10le", aspect=Fraction(8, 9), rotation=-90)
    )
    assert found.video.fps == (30000, 1001)
    assert found.video.pixel_format == "yuv444p10le"
    assert found.video.sample_aspect_ratio == (8, 9)
    assert found.video.claimed_frames == 24
    assert found.video.rotation_degrees == 90, "turned clockwise by 90 degrees for display"
    assert Fraction(*found.video.time_base) * Fraction(*found.video.fps) <= 1


@pytest.mark.parametrize(
    ("suffix", "sound"),
    [("mkv", "pcm_s16le"), ("mkv", "flac"), ("mp4", "aac"), ("mkv", "libopus"), ("mov", "pcm_s16le")],
)
@pytest.mark.parametrize(("video_starts", "sound_starts"), [(0.0, 0.5), (0.5, 0.0)])
def test_sound_that_starts_late_or_early(
    tmp_path: Path, suffix: str, sound: str, video_starts: float, sound_starts: float
) -> None:
    path = write(
        tmp_path / f"film.{suffix}",
        sounds=(
            (sound, 48000, "5.1" if sound in ("aac", "flac") else "stereo", sound_starts),
            (sound, 48000, "mono", 0.0),
        ),
        video_starts=video_starts,
    )
    first, second = describe(path).audio
    assert (first.sample_rate_hz, second.channels, second.layout) == (48000, 1, "mono")
    assert first.channels == (6 if sound in ("aac", "flac") else 2)
    # Matroska rounds to milliseconds; MP4 lets the 1024 samples that AAC takes to begin sound before a late start.
    tolerance = 1024 / 48000 + 0.0011 if sound == "aac" else 0.0011
    assert first.offset_seconds == pytest.approx(sound_starts - video_starts, abs=tolerance)
    assert second.offset_seconds == pytest.approx(0.0 - video_starts, abs=tolerance)
    assert first.language == "jpn"


def test_the_description_fills_the_message(tmp_path: Path) -> None:
    found = probe(write(tmp_path / "film.mkv", sounds=(("pcm_s16le", 48000, "stereo", 0.25),)))
    message = footage_pb2.Footage(audio=[footage_pb2.AudioTrack(codec="left over")])
    fill(message, found)
    assert message.container == "matroska,webm"
    assert message.claimed_duration_seconds == found.claimed_duration_seconds
    assert (message.video.codec, message.video.width, message.video.fps.numerator) == ("h264", 96, 24)
    assert [track.codec for track in message.audio] == ["pcm_s16le"]
    assert message.audio[0].offset_seconds == pytest.approx(0.25)
    assert message.audio[0].stream_index == 1
    assert isinstance(found, Probe)
    assert isinstance(found.audio[0], AudioTrack)


def test_a_track_that_is_neither_picture_nor_sound_is_passed_over(tmp_path: Path) -> None:
    path = write(tmp_path / "film.mp4", sounds=(("aac", 48000, "stereo", 0.0),))
    data = path.read_bytes().replace(b"soun", b"meta").replace(b"mp4a", b"mett")
    path.write_bytes(data)
    assert describe(path).audio == []
    # Without a frame in the whole file, the description comes to the empty packets at the end, of that track too.
    place = data.index(b"mdat")
    length = int.from_bytes(data[place - 4 : place], "big")
    path.write_bytes(data[: place + 4] + bytes(length - 8) + data[place - 4 + length :])
    with pytest.raises(Invalid, match="no frame of its video can be decoded"):
        describe(path)
