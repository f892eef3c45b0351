"""The description of a file of footage, without the libraries that read one."""

from collections.abc import Sequence
from dataclasses import dataclass

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
