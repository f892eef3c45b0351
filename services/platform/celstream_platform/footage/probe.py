"""Describes a file of footage, read in the limited child process: container, video, audio, claimed duration.

Nothing of it is believed where it matters: duration and number of frames are what the header claims.
"""

from pathlib import Path

from celstream_protos.v1 import envelope_pb2, footage_pb2

from celstream_platform.footage import limited
from celstream_platform.footage.described import AudioTrack, Probe, Ratio, VideoTrack
from celstream_platform.footage.files import hash_file
from celstream_platform.footage.limits import MIB, Limits

__all__ = ["PROBE_LIMITS", "AudioTrack", "Probe", "VideoTrack", "fill", "hash_file", "probe"]

PROBE_LIMITS = Limits(memory_bytes=1024 * MIB, cpu_seconds=60, wall_seconds=120, stall_seconds=120, output_bytes=MIB)


def probe(path: Path, *, name: str = "", limits: Limits = PROBE_LIMITS) -> Probe:
    """Describe footage; at least one frame of it can be decoded. Raises NotFound, Invalid, LimitExceeded."""
    name = name or path.name
    return limited.call(
        "celstream_platform.footage.description:describe", path, {"name": name}, Probe, limits=limits, name=name
    )


def fill(footage: footage_pb2.Footage, found: Probe) -> None:
    """Write what was found into the message: container, claimed duration, video, audio."""
    footage.container = found.container
    footage.claimed_duration_seconds = found.claimed_duration_seconds
    video = found.video
    footage.video.CopyFrom(
        footage_pb2.VideoTrack(
            codec=video.codec,
            pixel_format=video.pixel_format,
            width=video.width,
            height=video.height,
            sample_aspect_ratio=_rational(video.sample_aspect_ratio),
            fps=_rational(video.fps),
            time_base=_rational(video.time_base),
            rotation_degrees=video.rotation_degrees,
            claimed_frames=video.claimed_frames,
        )
    )
    del footage.audio[:]
    footage.audio.extend(
        footage_pb2.AudioTrack(
            stream_index=track.stream_index,
            codec=track.codec,
            sample_rate_hz=track.sample_rate_hz,
            channels=track.channels,
            layout=track.layout,
            language=track.language,
            offset_seconds=track.offset_seconds,
        )
        for track in found.audio
    )


def _rational(value: Ratio) -> envelope_pb2.Rational:
    return envelope_pb2.Rational(numerator=value[0], denominator=value[1])
