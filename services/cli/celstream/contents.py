"""Contents: what a dataset folder holds, one `FootageContents` per footage, as the catalog's projection says.

The Parquet files and the report are both made from these values, so that they cannot disagree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from celstream_protos.v1 import clip_pb2, envelope_pb2, footage_pb2


@dataclass(frozen=True, slots=True)
class FootageContents:
    """One footage with everything that is current below it.

    clips: in order of their first frame. rejections: in order of their first frame, of the whole footage first.
    analysis: None where the segmenter could not read it, or has not yet. error: one line for a person where the
    footage lies in the dead-letter topic, else empty. near_duplicates: by the id of a clip that shows what another one
    shows, the id of the first of them.
    """

    footage: footage_pb2.Footage
    analysis: clip_pb2.FootageAnalysis | None
    clips: Sequence[clip_pb2.Clip]
    rejections: Sequence[envelope_pb2.Rejection]
    error: str = ""
    near_duplicates: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The footage's id: the SHA-256 of its bytes."""
        return self.footage.item.id


def seconds(ticks: int, time_base: envelope_pb2.Rational) -> float:
    """Ticks of a stream as seconds. Raises ZeroDivisionError for a time base without denominator."""
    return ticks * time_base.numerator / time_base.denominator


def start_seconds(frames: envelope_pb2.FrameRange) -> float:
    """When the range's first frame is shown, seconds."""
    return seconds(frames.start_ticks, frames.time_base)


def end_seconds(frames: envelope_pb2.FrameRange) -> float:
    """When the range's last frame ends, seconds."""
    return seconds(frames.end_ticks, frames.time_base)


def duration_seconds(frames: envelope_pb2.FrameRange) -> float:
    """How long the range lasts, seconds."""
    return seconds(frames.end_ticks - frames.start_ticks, frames.time_base)


def ratio(value: envelope_pb2.Rational) -> float:
    """A fraction as a number; 0 where it is not stated."""
    return value.numerator / value.denominator if value.denominator else 0.0


def enum_name(full_name: str, prefix: str) -> str:
    """An enum's value in the words of the dataset: `TRANSITION_KIND_FADE_IN` → `fade_in`."""
    return full_name.removeprefix(prefix).lower()


def transition_kind(transition: clip_pb2.Transition) -> str:
    """cut, dissolve, fade_in, fade_out or wipe."""
    return enum_name(clip_pb2.TransitionKind.Name(transition.kind), "TRANSITION_KIND_")


def rejection_reason(rejection: envelope_pb2.Rejection) -> str:
    """too_short, black, damaged, unreadable, …"""
    return enum_name(envelope_pb2.RejectionReason.Name(rejection.reason), "REJECTION_REASON_")


def cut_method(clip: clip_pb2.Clip) -> str:
    """packets or encoded."""
    return enum_name(clip_pb2.CutMethod.Name(clip.method), "CUT_METHOD_")


def footage_style(footage: footage_pb2.Footage) -> str:
    """american, chinese, japanese, other, rendered or unspecified."""
    return enum_name(footage_pb2.FootageStyle.Name(footage.style), "FOOTAGE_STYLE_")
