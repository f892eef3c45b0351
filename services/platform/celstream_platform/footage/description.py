"""What a file of footage says about itself; the part of `probe.py` that runs in the limited child process.

It imports little, so that the child starts quickly.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from av.container import InputContainer
from av.error import InvalidDataError
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from celstream_platform.errors import Invalid
from celstream_platform.footage.opening import open_footage

MAX_PACKETS_TO_FIRST_FRAME = 2000  # a stream without a frame in so many packets has none worth waiting for
Ratio = tuple[int, int]


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """The video stream that is used. Fields as in `celstream.v1.VideoTrack`; ratios are (numerator, denominator).

    fps: (0, 1) where the file does not say. first_frame_seconds: time stamp of the first frame shown.
    """

    stream_index: int
    codec: str
    pixel_format: str
    width: int
    height: int
    sample_aspect_ratio: Ratio
    fps: Ratio
    time_base: Ratio
    rotation_degrees: int
    claimed_frames: int
    first_frame_seconds: float


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """An audio stream. Fields as in `celstream.v1.AudioTrack`."""

    stream_index: int
    codec: str
    sample_rate_hz: int
    channels: int
    layout: str
    language: str
    offset_seconds: float


@dataclass(frozen=True, slots=True)
class Probe:
    """A file of footage. claimed_duration_seconds: 0 where the header says nothing."""

    container: str
    claimed_duration_seconds: float
    video: VideoTrack
    audio: Sequence[AudioTrack]


def describe(path: Path, name: str = "") -> Probe:
    """What `probe` does, in this process. Raises as `probe` does."""
    name = name or path.name
    with open_footage(path, name, threads=1) as opened:
        container, stream, context = opened.container, opened.video, opened.video.codec_context
        # Read before decoding: afterwards the context tells what the first frame was like.
        duration = container.duration / 1_000_000 if container.duration and container.duration > 0 else 0.0
        claimed_frames = max(stream.frames, 0)
        fps = stream.average_rate or stream.guessed_rate
        starts = {
            sound.index: float(sound.start_time * sound.time_base)
            for sound in container.streams.audio
            if sound.start_time is not None and sound.time_base
        }
        frame = _first_frame(container, stream, name)
        first = float(frame.time) if frame.time is not None else 0.0
        ratio = stream.sample_aspect_ratio or context.sample_aspect_ratio
        video = VideoTrack(
            stream_index=stream.index,
            codec=context.codec.canonical_name,
            pixel_format=frame.format.name,
            width=frame.width,
            height=frame.height,
            sample_aspect_ratio=_ratio(ratio, (1, 1)),
            fps=_ratio(fps, (0, 1)),
            time_base=_ratio(stream.time_base, (1, 1_000_000)),
            rotation_degrees=round(-frame.rotation / 90) * 90 % 360,
            claimed_frames=claimed_frames,
            first_frame_seconds=first,
        )
        audio = [
            AudioTrack(
                stream_index=sound.index,
                codec=sound.codec_context.codec.canonical_name,
                sample_rate_hz=sound.codec_context.sample_rate,
                channels=sound.codec_context.layout.nb_channels,
                layout=sound.codec_context.layout.name,
                language="" if sound.language in (None, "und") else str(sound.language)[:16],
                offset_seconds=starts.get(sound.index, first) - first,
            )
            for sound in container.streams.audio
            if sound.codec_context is not None
        ]
        return Probe(container.format.name, duration if math.isfinite(duration) else 0.0, video, audio)


def _first_frame(container: InputContainer, stream: VideoStream, name: str) -> VideoFrame:
    """The first frame that can be decoded; what is damaged before it is passed over."""
    for number, packet in enumerate(container.demux(stream)):
        try:
            for frame in packet.decode():
                return frame
        except InvalidDataError:
            continue
        if number >= MAX_PACKETS_TO_FIRST_FRAME:
            break
    raise Invalid(f"{name}: no frame of its video can be decoded. Is the file complete?")


def _ratio(value: Fraction | None, otherwise: Ratio) -> Ratio:
    if value is None or value <= 0:
        return otherwise
    return value.numerator, value.denominator
