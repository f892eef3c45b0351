"""Sound encode: a stretch of an audio track, decoded and stored again without loss.

FLAC for samples of up to 24 bit; PCM for 32-bit integers and for floating point (Vorbis decodes to it), where FLAC
would round.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, cast

import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.codec.context import Flags2
from av.container import OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream
from celstream_platform.errors import Invalid
from numpy.typing import NDArray

from celstream_segmenter.clip_file import ClipTrack, Shown
from celstream_segmenter.sound_index import SoundIndex, packet_at
from celstream_segmenter.track_reader import TrackReader

Samples = NDArray[Any]
"""channels x samples, in the sample type of the decoder."""

_BLOCK_SAMPLES = 4096
_LEAD_IN_PACKETS = 4
"""Packets decoded before the first wanted sample: Vorbis and ADPCM need the one before."""
_LONG_LEAD_INS = {"truehd": 300, "mlp": 300}
"""For decoders that begin at some packets alone, here at one of 128."""
_FLAC_LAYOUTS = frozenset(
    {"mono", "stereo", "3.0", "quad", "4.0", "5.0", "5.0(side)", "5.1", "5.1(side)", "6.1", "7.1"}
)
_DEFAULT_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
_FLAC_BITS = 24
"""What libav's FLAC encoder stores of a 32-bit sample."""


def channel_layout(name: str) -> str:
    """The layout to write: WAV and Matroska may give no more than a number of channels, which MP4 does not take."""
    count, _, word = name.partition(" ")
    return _DEFAULT_LAYOUTS.get(int(count), name) if word == "channels" else name


def storage_for(sample_format: str, bits: int, layout: str) -> str:
    """The encoder that keeps samples of `sample_format` (libav's name) of which the upper `bits` are used."""
    kind, layout = sample_format.removesuffix("p"), channel_layout(layout)
    if kind in ("u8", "s16"):
        return "flac" if layout in _FLAC_LAYOUTS else "pcm_s16le"
    if kind == "s32":
        return "flac" if bits <= _FLAC_BITS and layout in _FLAC_LAYOUTS else "pcm_s32le"
    if kind == "flt":
        return "pcm_f32le"
    if kind == "dbl":
        return "pcm_f64le"
    raise Invalid(f"samples of type {sample_format}: no lossless encoder keeps them. Convert the sound to 24 bit.")


def decoded_samples(
    reader: TrackReader, sound: SoundIndex, first: int, count: int, *, from_packet: int | None = None
) -> Iterator[Samples]:
    """Samples [first, first + count) of the track's axis, block by block, as the decoder gives them.

    from_packet: the packet at which the decoder starts; a few before the first sample if not given.
    Samples that no packet holds (a gap, a damaged packet) are zero.
    """
    lead_in = _LONG_LEAD_INS.get(sound.codec, _LEAD_IN_PACKETS)
    start = max(packet_at(sound, first) - lead_in, 0) if from_packet is None else from_packet
    at, end = first, first + count
    context = None
    blank: Samples | None = None
    for number, packet in reader.packets(start, len(sound.packet_pts) - 1):
        if context is None:
            context = cast(AudioCodecContext, reader.stream.codec_context)
            context.flags2 |= Flags2.skip_manual
        position = int(sound.packet_starts[number])
        try:
            frames = context.decode(packet)
        except FFmpegError:
            continue
        if sound.codec == "vorbis" and not sound.packet_samples[number]:
            continue  # half a block, which sounds with the next one; shown where nothing is to be left out
        for frame in frames:
            block = channels_first(frame)
            blank = np.zeros((block.shape[0], 0), dtype=block.dtype)
            if position > at:
                gap = min(position, end) - at
                yield np.zeros((block.shape[0], gap), dtype=block.dtype)
                at += gap
            skip = at - position
            piece = block[:, max(skip, 0) : max(end - position, 0)]
            position += block.shape[1]
            if piece.shape[1]:
                at += piece.shape[1]
                yield piece
        if at >= end:
            return
    if at < end and blank is not None:
        yield np.zeros((blank.shape[0], end - at), dtype=blank.dtype)


def channels_first(frame: AudioFrame) -> Samples:
    """The samples of a decoded frame, channels x samples."""
    samples = frame.to_ndarray()
    if frame.format.is_planar:
        return samples
    return samples.reshape(-1, frame.layout.nb_channels).T


def encoded_sound_track(
    reader: TrackReader, sound: SoundIndex, storage: str, first: int, count: int, delay: int
) -> ClipTrack:
    """The track that holds samples [first, first + count), exactly, after `delay` samples of silence."""
    rate = sound.sample_rate
    source = cast(AudioStream, reader.stream)
    layout = channel_layout(source.codec_context.layout.name)

    def add(out: OutputContainer) -> Stream:
        stream = cast(AudioStream, out.add_stream(storage, rate=rate))
        stream.codec_context.layout = layout
        stream.codec_context.format = _encoder_format(storage, source)
        if source.language:
            stream.metadata["language"] = source.language
        stream.disposition = source.disposition
        return stream

    def packets(stream: Stream) -> Iterator["Packet[Any]"]:
        context = cast(AudioCodecContext, stream.codec_context)
        context.open(strict=False)
        at = 0
        for packet in _encoded(context, decoded_samples(reader, sound, first, count), layout, rate):
            samples = packet.duration or 0
            packet.pts = packet.dts = at
            at += samples
            yield packet

    shown = Shown(Fraction(delay, rate), Fraction(0), Fraction(count, rate))
    return ClipTrack(add, packets, rate, count // 1024 + 16, shown)


def _encoder_format(storage: str, source: AudioStream) -> str:
    kind = source.codec_context.format.name.removesuffix("p")
    if storage == "flac":
        return "s32" if kind == "s32" else "s16"
    return {"pcm_s16le": "s16", "pcm_s32le": "s32", "pcm_f32le": "flt", "pcm_f64le": "dbl"}[storage]


def _encoded(context: AudioCodecContext, blocks: Iterator[Samples], layout: str, rate: int) -> Iterator["Packet[Any]"]:
    size = context.frame_size or _BLOCK_SAMPLES
    for number, block in enumerate(_same_size(blocks, size)):
        frame = AudioFrame.from_ndarray(
            np.ascontiguousarray(_as_encoded(block, context.format.name).T.reshape(1, -1)), context.format.name, layout
        )
        frame.sample_rate, frame.pts, frame.time_base = rate, number * size, Fraction(1, rate)
        yield from context.encode(frame)
    yield from context.encode(None)


def _as_encoded(block: Samples, name: str) -> Samples:
    if block.dtype == np.uint8:
        return ((block.astype(np.int16) - 128) << 8).astype(np.int16)
    if name == "s32" and block.dtype != np.int32:
        raise Invalid(f"the sound's samples change type to {block.dtype} inside the clip. Cut where they change.")
    return block


def _same_size(blocks: Iterator[Samples], size: int) -> Iterator[Samples]:
    """The same samples in blocks of `size`; the last one may be shorter."""
    waiting: list[Samples] = []
    have = 0
    for block in blocks:
        waiting.append(block)
        have += block.shape[1]
        if have >= size:
            joined = np.concatenate(waiting, axis=1)
            whole = have - have % size
            yield from (joined[:, at : at + size] for at in range(0, whole, size))
            waiting, have = [joined[:, whole:]], have - whole
    if have:
        yield np.concatenate(waiting, axis=1)
