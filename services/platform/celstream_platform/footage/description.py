"""What a file of footage says about itself; the part of `probe.py` that runs in the limited child process.

It imports little, so that the child starts quickly.
"""

import math
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.error import InvalidDataError
from av.video.frame import VideoFrame

from celstream_platform.errors import Invalid
from celstream_platform.footage.described import AudioTrack, Probe, Ratio, VideoTrack
from celstream_platform.footage.opening import AUDIO_CODECS, open_footage, packets

MAX_PACKETS_TO_FIRST_FRAME = 2000  # a stream without a frame in so many packets has none worth waiting for
LAYOUTS = {"1 channels": "mono", "2 channels": "stereo"}  # where a file does not name the places of its channels


def describe(path: Path, name: str = "") -> Probe:
    """What `probe` does, in this process. Raises as `probe` does."""
    name = name or path.name
    with open_footage(path, name, threads=1) as opened:
        container, stream, context = opened.container, opened.video, opened.video.codec_context
        # Read before decoding: afterwards the context tells what the first frame was like.
        duration, claimed_frames, fps = opened.claimed_seconds, opened.claimed_frames, opened.rate
        frames = _first_frames(container, stream.index)
        frame = frames.get(stream.index)
        if not isinstance(frame, VideoFrame):
            raise Invalid(f"{name}: no frame of its video can be decoded. Is the file complete?")
        first = frame.time or 0.0
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
            _audio(sound, frames.get(sound.index), first)
            for sound in container.streams.audio
            if sound.codec_context is not None
        ]
        return Probe(container.format.name, duration if math.isfinite(duration) else 0.0, video, audio)


def _audio(sound: AudioStream, frame: AudioFrame | VideoFrame | None, first_frame_seconds: float) -> AudioTrack:
    context = sound.codec_context
    # The time stamp of the first decoded samples knows of those that the codec throws away; the header does not always.
    starts = frame.time if frame is not None else None
    if starts is None and sound.start_time is not None and sound.time_base is not None:
        starts = float(sound.start_time * sound.time_base)
    layout = context.layout
    return AudioTrack(
        stream_index=sound.index,
        codec=context.codec.canonical_name,
        sample_rate_hz=context.sample_rate,
        channels=layout.nb_channels,
        layout=LAYOUTS.get(layout.name, layout.name),
        language="" if sound.language in (None, "und") else str(sound.language)[:16],
        offset_seconds=0.0 if starts is None else starts - first_frame_seconds,
    )


def _first_frames(container: InputContainer, video: int) -> dict[int, AudioFrame | VideoFrame]:
    """The first frame of the video and of each sound, by index of its stream; damage before it is passed over."""
    streams = [container.streams[video]] + [
        sound
        for sound in container.streams.audio
        if sound.codec_context is not None and sound.codec_context.name in AUDIO_CODECS
    ]
    found: dict[int, AudioFrame | VideoFrame] = {}
    for number, packet in enumerate(packets(container, *streams)):
        with suppress(InvalidDataError, PermissionError):  # AAC says so of some damage
            for frame in packet.decode():
                if isinstance(frame, AudioFrame | VideoFrame):
                    # Not packet.stream_index: it is 0 in the empty packets at the end, whatever the stream.
                    found.setdefault(packet.stream.index, frame)
        if len(found) == len(streams) or number >= MAX_PACKETS_TO_FIRST_FRAME:
            break
    return found


def _ratio(value: Fraction | None, otherwise: Ratio) -> Ratio:
    if value is None or value <= 0:
        return otherwise
    return value.numerator, value.denominator
