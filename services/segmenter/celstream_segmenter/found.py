"""What segmentation reports while it works: the messages from the limited child process to the stage."""

import msgspec

from celstream_segmenter.shots import Shot
from celstream_segmenter.transitions import Transition


class Working(msgspec.Struct, frozen=True):
    """Frames decoded so far, of how many."""

    done: int
    total: int


class ShotFound(msgspec.Struct, frozen=True):
    """A shot, as soon as it is certain; times in ticks of `time_base` (seconds per tick, numerator and denominator)."""

    shot: Shot
    time_base: tuple[int, int]
    start_ticks: int
    end_ticks: int


class SoundTrack(msgspec.Struct, frozen=True):
    """An audio track of a clip: which of the footage's streams, its codec in the clip, when it starts in the clip."""

    stream_index: int
    codec: str
    offset_seconds: float


class ClipMade(msgspec.Struct, frozen=True, kw_only=True):
    """A clip: frames [start_frame, end_frame) of the footage. Files lie in the scratch folder."""

    start_frame: int
    end_frame: int
    time_base: tuple[int, int]
    start_ticks: int
    end_ticks: int
    shot_ordinal: int
    part_ordinal: int
    part_count: int
    video: str
    first_frame: str
    last_frame: str
    encoding_reason: str
    """Why the clip was encoded anew; empty where it holds the source's packets."""
    audio: list[SoundTrack]
    brightness: float
    motion: float
    sharpness: float


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Frames [start_frame, end_frame) that became no clip; `reason` is the name of a RejectionReason."""

    start_frame: int
    end_frame: int
    time_base: tuple[int, int]
    start_ticks: int
    end_ticks: int
    reason: str
    measured_value: float
    threshold: float
    detail: str
    thumbnail: str
    """JPEG in the scratch folder; empty where nothing could be decoded."""


class Analysed(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about the whole footage, at the end."""

    frames: int
    time_base: tuple[int, int]
    duration_seconds: float
    transitions: list[Transition]
    shots: list[ShotFound]
    change: list[float]
    change_threshold: float
    detector: str


Found = Working | ShotFound | ClipMade | Refused | Analysed
