"""What segmentation reports while it works: the messages from the limited child process to the stage."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.measured import ClipMeasurements
from celstream_segmenter.shots import Beginning, Doubt, Shot
from celstream_segmenter.transitions import Transition


class Working(msgspec.Struct, frozen=True):
    """Frames decoded so far, of how many."""

    done: int
    total: int


class ChapterBegun(msgspec.Struct, frozen=True):
    """The process reads a chapter that it searched for: what comes next is about that one.

    What it says of the chapter's first shot, its ordinal and how it opens, is for whoever read the chapter before.
    """

    beginning: Beginning


class ShotFound(msgspec.Struct, frozen=True):
    """A shot, as soon as it is certain; times in ticks of `time_base` (seconds per tick, numerator and denominator)."""

    shot: Shot
    time_base: tuple[int, int]
    start_ticks: int
    end_ticks: int


class ShotMeasured(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured over the frames of a shot; brightness, motion, sharpness: means, see `measurements`."""

    ordinal: int
    brightness: float
    motion: float
    sharpness: float
    measurements: ClipMeasurements


class SoundTrack(msgspec.Struct, frozen=True):
    """An audio track of a clip: which of the footage's streams, its codec in the clip, when it starts in the clip."""

    stream_index: int
    codec: str
    offset_seconds: float


class MissingSound(msgspec.Struct, frozen=True):
    """An audio track of the footage that the clip is without: which of its streams, and why."""

    stream_index: int
    reason: str


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
    thumbnail: str
    encoding_reason: str
    """Why the clip was encoded anew; empty where it holds the source's packets."""
    audio: list[SoundTrack]
    missing_audio: list[MissingSound]
    brightness: float
    motion: float
    sharpness: float
    measurements: ClipMeasurements


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


class ChapterRead(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about frames [first_frame, first_frame + len(ticks)) of the footage; see `analysis.Chapter`.

    It comes after the clips and refusals of the chapter. time_base: seconds per tick, numerator and denominator.
    """

    first_frame: int
    time_base: tuple[int, int]
    ticks: NDArray[np.int64]
    end_ticks: int
    corrupt: NDArray[np.bool_]
    transitions: list[Transition]
    shots: list[ShotFound]
    change: NDArray[np.float32]
    change_threshold: float
    detector: str
    doubts: list[Doubt]
    following: Beginning | None
    following_turn: int
    """Whose turn the next chapter is; see `chapter_targets`."""


class Resumption(msgspec.Struct, frozen=True):
    """Where to go on: the beginning of a chapter, and of the frames before it their times and which are corrupt."""

    beginning: Beginning
    ticks: bytes
    """int64, in the machine's order of bytes."""
    corrupt: bytes
    """One byte a frame."""


Found = Working | ShotFound | ShotMeasured | ClipMade | Refused | ChapterRead
"""What a footage's reader is told."""

FoundInShare = Found | ChapterBegun
"""What one of several processes tells."""
