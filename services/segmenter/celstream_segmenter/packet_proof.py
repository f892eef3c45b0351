"""Packet proof: are a clip's packets the footage's own, from a key frame on at which a decoder begins anew?

At an instantaneous refresh (H.264's and HEVC's IDR) a decoder forgets all that came before. If it shows the same
picture there, and is given the same bytes from there on, it gives the same frames: those up to the clip's first one
need not be decoded again to know. Other key frames (open groups of pictures, other codecs) prove nothing of what
follows.
Sources: ITU-T H.264 table 7-1, ITU-T H.265 table 7-1; ISO/IEC 14496-15 5.3.3.1 and 8.3.3.1 for how packets lie in MP4.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from av.codec.context import CodecContext, ThreadType
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from isal import isal_zlib

from celstream_segmenter.frame_checksum import frame_checksum


@dataclass(frozen=True, slots=True)
class _Syntax:
    """Where a codec's configuration record has the size of length fields, and which kinds of units hold pictures."""

    length_size_at: int
    pictures: range
    refreshes: frozenset[int]


_SYNTAX = {
    "h264": _Syntax(4, range(1, 6), frozenset({5})),
    "hevc": _Syntax(21, range(32), frozenset({19, 20})),
}


def packet_checksum(packet: "Packet[VideoStream]") -> int:
    """CRC-32 of a packet's bytes."""
    return isal_zlib.crc32(memoryview(packet))


def begins_anew(codec: str, headers: bytes, data: memoryview) -> bool:
    """Whether a decoder needs nothing of what came before this packet of an MP4; False where that is not known.

    headers: the stream's configuration record (avcC, hvcC).
    """
    syntax = _SYNTAX.get(codec)
    if syntax is None or len(headers) <= syntax.length_size_at or headers[0] != 1:
        return False
    kinds = {
        unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63
        for unit in _units(data, (headers[syntax.length_size_at] & 3) + 1)
    }
    pictures = {kind for kind in kinds if kind in syntax.pictures}
    return bool(pictures) and pictures <= syntax.refreshes


def _units(data: memoryview, length_bytes: int) -> Iterator[memoryview]:
    """The units of a packet, each after its length."""
    at = 0
    while at + length_bytes < len(data):
        size = int.from_bytes(data[at : at + length_bytes], "big")
        at += length_bytes
        if size:
            yield data[at : at + size]
        at += size


def checksum_alone(context: VideoCodecContext, packet: "Packet[VideoStream]") -> int | None:
    """`frame_checksum` of what a decoder of that stream makes of one packet alone; None where that is no frame."""
    decoder = CodecContext.create(context.codec.name, "r")
    assert isinstance(decoder, VideoCodecContext)
    decoder.extradata = context.extradata
    decoder.thread_type, decoder.thread_count = ThreadType.FRAME, 1
    # A packet of its own: the clip's edit list hides this one, and a decoder gives no frame for what is hidden.
    shown = Packet(bytes(packet))
    frames = [*decoder.decode(shown), *decoder.decode(None)]
    return frame_checksum(frames[0]) if len(frames) == 1 else None
