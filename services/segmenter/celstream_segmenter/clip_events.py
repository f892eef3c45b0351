"""Clip events: turns what segmentation found into the contracts' messages, and stores its files."""

from fractions import Fraction
from pathlib import Path
from typing import Protocol

from celstream_platform import identity
from celstream_platform.artefacts.port import ArtefactStore
from celstream_protos.v1 import clip_pb2, envelope_pb2, footage_pb2

from celstream_segmenter.found import ClipMade, Refused, ShotFound, SoundTrack
from celstream_segmenter.measurement_messages import measurements_message
from celstream_segmenter.shots import Doubt
from celstream_segmenter.transitions import Transition

LEVEL = "clips"
VIDEO_TYPE = "video/mp4"
PICTURE_TYPE = "image/png"
THUMBNAIL_TYPE = "image/jpeg"
SAME_RATE = 0.01  # a clip whose measured frame rate is within 1 % of the footage's has the footage's
KINDS = {
    "cut": clip_pb2.TRANSITION_KIND_CUT,
    "dissolve": clip_pb2.TRANSITION_KIND_DISSOLVE,
    "fade_in": clip_pb2.TRANSITION_KIND_FADE_IN,
    "fade_out": clip_pb2.TRANSITION_KIND_FADE_OUT,
    "wipe": clip_pb2.TRANSITION_KIND_WIPE,
}


class Storing(Protocol):
    """Where files are put: a store, or one that has some of them already."""

    def put(self, source: Path, media_type: str, /) -> envelope_pb2.ArtefactRef:
        """Store a file."""


def rational(value: Fraction | tuple[int, int]) -> envelope_pb2.Rational:
    """An exact fraction, from a fraction or a pair of numerator and denominator."""
    numerator, denominator = value if isinstance(value, tuple) else value.as_integer_ratio()
    return envelope_pb2.Rational(numerator=numerator, denominator=denominator)


def frame_range(found: ClipMade | Refused) -> envelope_pb2.FrameRange:
    """The range of a clip or a refusal."""
    return envelope_pb2.FrameRange(
        start_frame=found.start_frame,
        end_frame=found.end_frame,
        time_base=rational(found.time_base),
        start_ticks=found.start_ticks,
        end_ticks=found.end_ticks,
    )


def machine(method: str, recipe: str, confidence: float = 1.0) -> envelope_pb2.Origin:
    """The origin of what a program made."""
    return envelope_pb2.Origin(
        kind=envelope_pb2.ORIGIN_KIND_MACHINE, method=method, recipe=recipe, confidence=confidence
    )


def clip_event(
    made: ClipMade,
    footage: footage_pb2.Footage,
    *,
    detector: str,
    recipe: str,
    store: Storing,
) -> clip_pb2.Clip:
    """A clip's message; its files are stored. Raises Unavailable where the store does not take them."""
    parent = footage.item
    clip = clip_pb2.Clip(
        item=envelope_pb2.ItemHeader(
            id=identity.item_id(parent.id, LEVEL, made.start_frame, made.end_frame),
            version=identity.item_version(parent.version, recipe),
            level=LEVEL,
            parent_id=parent.id,
            parent_version=parent.version,
            footage_id=parent.footage_id,
            work=parent.work,
            origin=machine(detector, recipe),
        ),
        range=frame_range(made),
        video=store.put(Path(made.video), VIDEO_TYPE),
        thumbnail=store.put(Path(made.thumbnail), THUMBNAIL_TYPE),
        width=footage.video.width,
        height=footage.video.height,
        fps=rational(clip_rate(made, footage.video.fps)),
        sample_aspect_ratio=footage.video.sample_aspect_ratio,
        method=clip_pb2.CUT_METHOD_ENCODED if made.encoding_reason else clip_pb2.CUT_METHOD_PACKETS,
        encoding_reason=made.encoding_reason,
        audio=[_audio_track(track, footage) for track in made.audio],
        missing_audio=[
            clip_pb2.MissingAudio(stream_index=track.stream_index, reason=track.reason) for track in made.missing_audio
        ],
        shot_ordinal=made.shot_ordinal,
        part_ordinal=made.part_ordinal,
        part_count=made.part_count,
        measurements=measurements_message(
            made.measurements, brightness=made.brightness, motion=made.motion, sharpness=made.sharpness
        ),
    )
    if made.first_frame:
        clip.first_frame.CopyFrom(store.put(Path(made.first_frame), PICTURE_TYPE))
    if made.last_frame:
        clip.last_frame.CopyFrom(store.put(Path(made.last_frame), PICTURE_TYPE))
    return clip


def _audio_track(made: SoundTrack, footage: footage_pb2.Footage) -> footage_pb2.AudioTrack:
    source = next(track for track in footage.audio if track.stream_index == made.stream_index)
    track = footage_pb2.AudioTrack()
    track.CopyFrom(source)
    track.codec = made.codec
    track.offset_seconds = made.offset_seconds
    return track


def clip_rate(made: ClipMade, footage_fps: envelope_pb2.Rational) -> Fraction:
    """Frames per second of a clip: the footage's own rate where the clip keeps it, else what its frames' times say."""
    seconds = (made.end_ticks - made.start_ticks) * Fraction(*made.time_base)
    measured = (made.end_frame - made.start_frame) / seconds
    if footage_fps.numerator:
        rate = Fraction(footage_fps.numerator, footage_fps.denominator)
        if abs(measured - rate) <= SAME_RATE * rate:
            return rate
    return measured.limit_denominator(1001)


def rejection_event(
    refused: Refused,
    footage: footage_pb2.Footage,
    *,
    detector: str,
    recipe: str,
    store: ArtefactStore,
) -> envelope_pb2.Rejection:
    """A rejection's message; its thumbnail is stored. Raises Unavailable where the store does not take it."""
    parent = footage.item
    reason = envelope_pb2.RejectionReason.Value(f"REJECTION_REASON_{refused.reason}")
    rejection = envelope_pb2.Rejection(
        id=identity.rejection_id(parent.id, LEVEL, refused.start_frame, refused.end_frame, reason),
        version=identity.item_version(parent.version, recipe),
        level=LEVEL,
        parent_id=parent.id,
        parent_version=parent.version,
        footage_id=parent.footage_id,
        range=frame_range(refused),
        reason=reason,
        measured_value=refused.measured_value,
        threshold=refused.threshold,
        detail=refused.detail,
        origin=machine(detector, recipe),
    )
    if refused.thumbnail:
        rejection.thumbnail.CopyFrom(store.put(Path(refused.thumbnail), THUMBNAIL_TYPE))
    return rejection


def transition_message(transition: Transition) -> clip_pb2.Transition:
    """A transition as the contracts say it."""
    return clip_pb2.Transition(
        kind=KINDS[transition.kind],
        frame=transition.frame,
        start_frame=transition.start_frame,
        end_frame=transition.end_frame,
        confidence=transition.confidence,
    )


def shot_message(found: ShotFound) -> clip_pb2.Shot:
    """A shot as the contracts say it."""
    shot = found.shot
    return clip_pb2.Shot(
        ordinal=shot.ordinal,
        range=envelope_pb2.FrameRange(
            start_frame=shot.start_frame,
            end_frame=shot.end_frame,
            time_base=rational(found.time_base),
            start_ticks=found.start_ticks,
            end_ticks=found.end_ticks,
        ),
        opening=transition_message(shot.opening) if shot.opening else None,
        closing=transition_message(shot.closing) if shot.closing else None,
    )


def doubt_message(found: Doubt) -> clip_pb2.Doubt:
    """A doubt as the contracts say it."""
    return clip_pb2.Doubt(
        kind=clip_pb2.DoubtKind.Value(f"DOUBT_KIND_{found.kind.upper()}"),
        shot_ordinal=found.ordinal,
        frame=found.frame,
        shape_similarity=found.shape,
        colour_similarity=found.colour,
        reason=found.reason,
    )
