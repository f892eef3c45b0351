"""Small footage of every awkward kind, encoded here: each frame and each stretch of sound is unlike any other."""

import functools
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 160, 90


@dataclass(frozen=True, slots=True)
class Sound:
    """An audio track: noise with tones, so that no two stretches are alike."""

    codec: str
    layout: str = "stereo"
    rate: int = 48000
    sample_format: str = "fltp"
    start_seconds: float = 0.0
    seconds: float | None = None
    language: str = ""
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sample:
    """A footage to make: `file` names the container by its ending."""

    file: str
    encoder: str
    options: dict[str, str] = field(default_factory=dict)
    pixel_format: str = "yuv420p"
    frames: int = 120
    height: int = HEIGHT
    rate: Fraction = Fraction(24)
    time_base: Fraction | None = None
    uneven: bool = False
    sounds: tuple[Sound, ...] = ()
    rotation: int = 0
    pixel_aspect: Fraction | None = None
    colour: tuple[int, int, int] | None = None
    container_options: dict[str, str] = field(default_factory=dict)


X264 = {"preset": "fast", "crf": "24", "threads": "2"}
X265 = "log-level=none:pools=none"
WITHOUT_NOISE = {"aac_pns": "0"}
"""AAC's noise substitution is drawn anew by each decoder: sound with it has no truth to compare with."""
AAC = Sound("aac", options=WITHOUT_NOISE)
SAMPLES = (
    Sample("h264_b_frames.mp4", "libx264", {**X264, "g": "24", "bf": "3"}, sounds=(AAC,)),
    Sample("h264_open_gop.mkv", "libx264", {**X264, "g": "24", "bf": "3", "x264-params": "open-gop=1:scenecut=0"},
           sounds=(Sound("flac", sample_format="s16", rate=44100),)),
    Sample("h264_one_gop.mp4", "libx264", {**X264, "g": "9999", "x264-params": "scenecut=0"}, sounds=(AAC,)),
    Sample("h264_ntsc.mov", "libx264", {**X264, "g": "20"}, rate=Fraction(30000, 1001),
           sounds=(Sound("pcm_s16le", sample_format="s16"), Sound("pcm_s24le", "mono", 44100, "s32", language="jpn"))),
    Sample("h264_uneven.mp4", "libx264", {**X264, "g": "30"}, time_base=Fraction(1, 90000), uneven=True, sounds=(AAC,)),
    Sample("h264_10_bit.mp4", "libx264", {**X264, "g": "24"}, "yuv420p10le", colour=(9, 16, 9)),
    Sample("h264_444.mp4", "libx264", {**X264, "g": "24"}, "yuv444p"),
    Sample("h264_rotated.mp4", "libx264", {**X264, "g": "24"}, rotation=90, pixel_aspect=Fraction(16, 11)),
    Sample("h264_51_late.ts", "libx264", {**X264, "g": "24", "bf": "2"}, rate=Fraction(25),
           sounds=(Sound("ac3", "5.1"), Sound("aac", "5.1", start_seconds=1.5, seconds=2.0, options=WITHOUT_NOISE))),
    Sample("h264_fragmented.mp4", "libx264", {**X264, "g": "24"}, sounds=(AAC,),
           container_options={"movflags": "frag_keyframe+delay_moov"}),
    Sample("hevc.mp4", "libx265", {"preset": "fast", "x265-params": "keyint=24:" + X265},
           sounds=(Sound("alac", sample_format="s16p"),)),
    Sample("hevc_open_gop.mkv", "libx265",
           {"preset": "fast", "x265-params": "keyint=24:min-keyint=24:open-gop=1:bframes=4:scenecut=0:" + X265},
           sounds=(Sound("pcm_f32le", sample_format="flt"),)),
    Sample("vp9.webm", "libvpx-vp9", {"deadline": "realtime", "cpu-used": "5", "g": "24", "lag-in-frames": "12",
           "auto-alt-ref": "1", "b:v": "300k"}, sounds=(Sound("libopus", sample_format="flt"),)),
    Sample("av1.webm", "libsvtav1", {"preset": "10", "g": "32", "crf": "40", "svtav1-params": "lp=1"},
           rate=Fraction(24000, 1001), sounds=(Sound("libopus", "5.1", sample_format="flt"),)),
    Sample("vp8.webm", "libvpx", {"deadline": "realtime", "cpu-used": "5", "g": "24", "lag-in-frames": "12",
           "auto-alt-ref": "1", "b:v": "300k"}, sounds=(Sound("vorbis", options={"strict": "-2"}),)),
    Sample("mpeg4.avi", "mpeg4", {"g": "12", "q:v": "4"}, sounds=(Sound("libmp3lame", rate=44100),)),
    Sample("mpeg4_b_frames.avi", "mpeg4", {"g": "12", "bf": "2"}),
    Sample("mpeg2.ts", "mpeg2video", {"g": "12", "bf": "2"}, rate=Fraction(25),
           sounds=(Sound("mp2", sample_format="s16"),)),
)  # fmt: skip


def sample(name: str) -> Sample:
    """The sample of that file name."""
    return next(s for s in SAMPLES if s.file == name)


def picture(number: int, width: int = WIDTH, height: int = HEIGHT) -> NDArray[np.uint8]:
    """Frame `number`, RGB: a texture that moves and changes, with the number's own pattern in a corner."""
    rng = np.random.default_rng(7)
    texture = rng.integers(0, 256, (height // 5 + 40, width // 5 + 60, 3), dtype=np.uint8)
    shift_x, shift_y = number * 2 % 50, number // 2 % 35
    tiles = texture[shift_y : shift_y + height // 5 + 1, shift_x : shift_x + width // 5 + 1]
    rgb = tiles.repeat(5, axis=0).repeat(5, axis=1)[:height, :width].copy()
    scene = number // 37
    rgb = (rgb.astype(np.int16) * (2 + scene % 3) // 4 + 20 * (scene % 4)).clip(0, 255).astype(np.uint8)
    for bit in range(12):
        value = 255 if number >> bit & 1 else 0
        rgb[4:20, 4 + 12 * bit : 14 + 12 * bit] = value
    return rgb


def frame_ticks(shape: Sample) -> list[int]:
    """The times of the frames, in ticks of the sample's time base."""
    time_base = shape.time_base or 1 / shape.rate
    if not shape.uneven:
        return [round(n / shape.rate / time_base) for n in range(shape.frames)]
    rng = np.random.default_rng(3)
    gaps = rng.integers(1500, 9000, shape.frames - 1)
    return [0, *np.cumsum(gaps).tolist()]


def noise(sound: Sound, seconds: float) -> NDArray[np.float32]:
    """channels x samples, -1 to 1."""
    count = round((sound.seconds or seconds) * sound.rate)
    channels = av.AudioLayout(sound.layout).nb_channels
    rng = np.random.default_rng(11)
    time = np.arange(count) / sound.rate
    swell = 0.15 + 0.1 * np.sin(2 * np.pi * 1.3 * time)
    tones = np.stack([np.sin(2 * np.pi * (220 + 90 * c) * time * (1 + 0.1 * time)) for c in range(channels)])
    return (tones * 0.3 + rng.normal(0, 1, (channels, count)) * swell * 0.4).clip(-1, 1).astype(np.float32)


def _sound_frames(sound: Sound, seconds: float, size: int) -> Iterator[av.AudioFrame]:
    samples = noise(sound, seconds)
    kind = sound.sample_format.removesuffix("p")
    if kind == "s16":
        samples = (samples * 32000).astype(np.int16)
    elif kind == "s32":
        samples = (samples * 8_000_000).astype(np.int32) << 8  # 24 bits are used
    offset = round(sound.start_seconds * sound.rate)
    for at in range(0, samples.shape[1], size):
        block = samples[:, at : at + size]
        if not sound.sample_format.endswith("p"):
            block = block.T.reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(block), sound.sample_format, sound.layout)
        frame.sample_rate, frame.pts, frame.time_base = sound.rate, offset + at, Fraction(1, sound.rate)
        yield frame


@functools.cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="celstream-samples-")


def made(name: str) -> Path:
    """The sample of that file name, encoded once for this process."""
    return make(sample(name), Path(_folder().name))


def make(shape: Sample, folder: Path) -> Path:
    """Encode the sample into `folder`; an existing file is taken as it is."""
    path = folder / shape.file
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    part = path.with_name("part_" + path.name)
    time_base = shape.time_base or 1 / shape.rate
    seconds = float(shape.frames / shape.rate)
    with av.open(part, "w", options=shape.container_options) as out:
        video = out.add_stream(shape.encoder, rate=shape.rate, options=shape.options)
        video.width, video.height, video.pix_fmt = WIDTH, shape.height, shape.pixel_format
        video.codec_context.time_base = time_base
        if shape.pixel_aspect:
            video.codec_context.sample_aspect_ratio = shape.pixel_aspect
        if shape.colour:
            context = video.codec_context
            context.color_primaries, context.color_trc, context.colorspace = shape.colour
        if shape.rotation:
            video.set_display_rotation(shape.rotation)
        tracks = []
        for sound in shape.sounds:
            track = out.add_stream(sound.codec, rate=sound.rate, options=dict(sound.options))
            track.codec_context.layout, track.codec_context.format = sound.layout, sound.sample_format
            if sound.language:
                track.metadata["language"] = sound.language
            track.codec_context.open(strict=False)
            size = track.codec_context.frame_size or 1024
            tracks.append((track, sound, _sound_frames(sound, seconds, size)))
        for number, tick in enumerate(frame_ticks(shape)):
            frame = av.VideoFrame.from_ndarray(picture(number, height=shape.height), "rgb24").reformat(
                format=shape.pixel_format
            )
            frame.pts, frame.time_base = tick, time_base
            out.mux(video.encode(frame))
            for track, _, frames in tracks:
                while (block := next(frames, None)) is not None:
                    out.mux(track.encode(block))
                    if block.pts / block.sample_rate > tick * time_base:
                        break
        for track, _, frames in tracks:
            for block in frames:
                out.mux(track.encode(block))
            out.mux(track.encode(None))
        out.mux(video.encode(None))
    part.rename(path)
    return path
