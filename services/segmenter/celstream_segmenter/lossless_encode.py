"""Lossless encode: frames of a footage as a video track that decodes to the same pixels, where packets cannot be cut.

H.264 without loss (High 4:4:4 Predictive) wherever it keeps the pixel format, for everything decodes it; HEVC without
loss for grey and 12 bit; FFV1 for the rest (alpha, 16 bit, odd subsampling). Round trips of every format named here
were checked bit for bit with libav.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, cast

from av.codec import Codec
from av.container import OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from celstream_platform.errors import Invalid

from celstream_segmenter.clip_file import ClipTrack, Shown
from celstream_segmenter.frame_reader import FrameReader
from celstream_segmenter.packet_index import FootageIndex

_THREADS = "4"
"""Fixed, for x264's choices depend on the number of threads: the same clip on every machine."""

_X264_FORMATS = frozenset(f"yuv{sampling}p{depth}" for sampling in ("420", "422", "444") for depth in ("", "10le")) | {
    "yuvj420p",
    "yuvj422p",
    "yuvj444p",
}
_X265_FORMATS = frozenset(
    {"gray", "gray10le", "gray12le", "yuv420p12le", "yuv422p12le", "yuv444p12le", "gbrp10le", "gbrp12le"}
)
_REPACKED = {
    **dict.fromkeys(("nv12", "nv21"), "yuv420p"),
    **dict.fromkeys(("yuyv422", "uyvy422"), "yuv422p"),
    **dict.fromkeys(("gbrp", "rgb24", "bgr24", "rgb0", "bgr0", "0rgb", "0bgr"), "bgr24"),
    **dict.fromkeys(("rgba", "argb", "abgr", "pal8"), "bgra"),
}
"""Formats whose samples are only arranged otherwise in a format that an encoder takes."""

_INTERLACED_ROWS = 4
"""x264 marks a picture as interlaced only where its height divides by this; other heights lose the mark."""
_BOTTOM_FIELD_FIRST = (3, 4)
"""libav's AV_FIELD_BB, AV_FIELD_TB."""
_RATIONALS_IN_MASTERING = 10
_CHROMA_UNITS, _LUMINANCE_UNITS = 50_000, 10_000


@dataclass(frozen=True, slots=True)
class LosslessCodec:
    """An encoder with its options, and the pixel format that it is to be given."""

    encoder: str
    pixel_format: str
    options: dict[str, str]


def lossless_codec(pixel_format: str) -> LosslessCodec:
    """The encoder that keeps every sample of `pixel_format` (libav's name). Raises Invalid where there is none."""
    given = _REPACKED.get(pixel_format, pixel_format)
    if given in _X264_FORMATS or given == "bgr24":
        encoder = "libx264rgb" if given == "bgr24" else "libx264"
        return LosslessCodec(encoder, given, {"qp": "0", "preset": "ultrafast", "threads": _THREADS})
    if given in _X265_FORMATS:
        params = "lossless=1:bframes=0:frame-threads=1:pools=none:log-level=none"
        return LosslessCodec("libx265", given, {"preset": "veryfast", "x265-params": params})
    if given in {known.name for known in Codec("ffv1", "w").video_formats or ()}:
        return LosslessCodec("ffv1", given, {"level": "3", "slicecrc": "1", "threads": "1"})
    raise Invalid(f"pixel format {pixel_format}: no lossless encoder keeps it. Convert the footage to 8, 10 or 12 bit.")


def encoded_track(reader: FrameReader, index: FootageIndex, start_frame: int, end_frame: int) -> ClipTrack:
    """The track that encodes frames [start_frame, end_frame) without loss, with the times that they have."""
    frames = reader.frames(start_frame, end_frame)
    first = next(frames)
    codec = lossless_codec(first.format.name)
    time_base = index.time_base
    times = (index.frame_times[start_frame:end_frame] - index.ticks_at(start_frame)) * time_base.numerator
    duration = (index.ticks_at(end_frame) - index.ticks_at(start_frame)) * time_base
    timescale = time_base.denominator
    ends = [*times[1:].tolist(), int(duration * timescale)]

    def add(out: OutputContainer) -> Stream:
        source = reader.codec_context
        options = {**codec.options, **_x264_params(codec.encoder, first, source.field_order)}
        stream = cast(VideoStream, out.add_stream(codec.encoder, rate=_rate(index), options=options))
        stream.width, stream.height, stream.pix_fmt = first.width, first.height, codec.pixel_format
        context = stream.codec_context
        context.time_base = Fraction(1, timescale)
        _copy_description(source, context, rgb=codec.encoder == "libx264rgb")
        ratio = reader.stream.sample_aspect_ratio
        if ratio:
            context.sample_aspect_ratio = ratio
        matrix = _side_data(first, "DISPLAYMATRIX")
        if matrix:
            stream.set_display_matrix(struct.unpack_from("=9i", matrix))
        return stream

    def packets(stream: Stream) -> Iterator["Packet[Any]"]:
        context = cast(VideoCodecContext, stream.codec_context)
        given = _timed(first, frames, times.tolist(), timescale, codec.pixel_format)
        for number, packet in enumerate(_encoded(context, given)):
            packet.pts = packet.dts = int(times[number])
            packet.duration = int(ends[number]) - int(times[number])
            yield packet

    return ClipTrack(add, packets, timescale, end_frame - start_frame, Shown(Fraction(0), Fraction(0), duration))


def _rate(index: FootageIndex) -> Fraction:
    """The mean frame rate; written beside the exact times."""
    span = (index.ticks_at(index.frame_count) - index.ticks_at(0)) * index.time_base
    return (index.frame_count / span).limit_denominator(1001)


def _timed(
    first: VideoFrame, rest: Iterator[VideoFrame], times: list[int], timescale: int, pixel_format: str
) -> Iterator[VideoFrame]:
    for number, time in enumerate(times):
        frame = first if number == 0 else next(rest)
        if (frame.width, frame.height) != (first.width, first.height) or frame.format.name != first.format.name:
            raise Invalid(
                f"the picture changes from {first.width}x{first.height} {first.format.name} to "
                f"{frame.width}x{frame.height} {frame.format.name} inside the clip. Cut where it changes."
            )
        if frame.format.name != pixel_format:
            frame = frame.reformat(format=pixel_format)
        frame.pts, frame.time_base = time, Fraction(1, timescale)
        frame.pict_type = 0  # the encoder chooses; the source's key frames mean nothing here
        yield frame


def _encoded(context: VideoCodecContext, frames: Iterator[VideoFrame]) -> Iterator["Packet[Any]"]:
    for frame in frames:
        yield from context.encode(frame)
    yield from context.encode(None)


def _copy_description(source: VideoCodecContext, context: VideoCodecContext, *, rgb: bool) -> None:
    context.color_range = source.color_range
    context.color_primaries = source.color_primaries
    context.color_trc = source.color_trc
    if not rgb:
        context.colorspace = source.colorspace


def _side_data(frame: VideoFrame, kind: str) -> bytes:
    """libav's bytes of that kind of side data; empty where the frame has none."""
    found = cast(Any, frame.side_data).get(kind)
    return b"" if found is None else bytes(found)


def _x264_params(encoder: str, frame: VideoFrame, field_order: int) -> dict[str, str]:
    """What only x264's own options say: interlacing (coded as frames, marked as fields), HDR display and light."""
    if encoder != "libx264":
        return {}
    params = []
    if frame.interlaced_frame and frame.height % _INTERLACED_ROWS == 0:
        params.append("fake-interlaced=1:" + ("bff=1" if field_order in _BOTTOM_FIELD_FIRST else "tff=1"))
    mastering = _side_data(frame, "MASTERING_DISPLAY_METADATA")
    if mastering:
        numbers = struct.unpack_from(f"={2 * _RATIONALS_IN_MASTERING}i", mastering)
        values = [Fraction(a, b) if b else Fraction(0) for a, b in zip(numbers[::2], numbers[1::2], strict=True)]
        red, green, blue, white = (
            f"({round(values[i] * _CHROMA_UNITS)},{round(values[i + 1] * _CHROMA_UNITS)})" for i in (0, 2, 4, 6)
        )
        darkest, brightest = (round(value * _LUMINANCE_UNITS) for value in values[8:])
        params.append(f"mastering-display=G{green}B{blue}R{red}WP{white}L({brightest},{darkest})")
    light = _side_data(frame, "CONTENT_LIGHT_LEVEL")
    if light:
        most, mean = struct.unpack_from("=2I", light)
        params.append(f"cll={most},{mean}")
    return {"x264-params": ":".join(params)} if params else {}
