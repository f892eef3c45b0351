"""What a packet's own bytes say: whether it shows a frame, and how many samples it holds.

Containers tell both only roughly (Matroska's clock has 1 ms; WebM stores VP8's invisible frames like any other).
Sources: RFC 6386 9.1 (VP8), VP9 bitstream specification 6.2 and annex B, RFC 6716 3.1 and RFC 7845 5.1 (Opus),
RFC 9639 9.1 (FLAC), Vorbis I specification 1.3.2 and 4.2.4, ETSI TS 102 366 (AC-3), Apple's ALAC reference decoder.
"""

from dataclasses import dataclass

NO_TIME = -(2**63)
"""Stands for a time stamp that the container does not give (libav's AV_NOPTS_VALUE)."""

_OPUS_MS_TIMES_10 = (100, 200, 400, 600) * 3 + (100, 200) * 2 + (25, 50, 100, 200) * 4
_VORBIS_PACKET_TYPES = 3


def shows_a_frame(codec: str, data: memoryview) -> bool:
    """Whether a video packet puts a frame on the screen. True for codecs whose packets always do."""
    if codec in ("vp8", "libvpx"):
        return len(data) > 0 and bool(data[0] >> 4 & 1)
    if codec in ("vp9", "libvpx-vp9"):
        return _vp9_shows(data)
    return True


def _vp9_shows(data: memoryview) -> bool:
    if not len(data):
        return False
    if data[-1] & 0xE0 == 0xC0:
        return True  # a superframe: its last frame is shown
    first, second = data[0], data[1] if len(data) > 1 else 0
    bits = first << 8 | second
    at = 4  # frame marker (2), profile (2)
    if first >> 4 & 0b11 == 0b11:
        at += 1  # reserved bit of profile 3
    show_existing = bits >> (15 - at) & 1
    shown = bits >> (15 - at - 2) & 1
    return bool(show_existing or shown)


def opus_samples(data: memoryview) -> int:
    """How many samples at 48 kHz an Opus packet decodes to (RFC 6716, 3.1 and 3.2)."""
    if not len(data):
        return 0
    frame = _OPUS_MS_TIMES_10[data[0] >> 3] * 48 // 10
    code = data[0] & 3
    if code == 0:
        return frame
    if code < 3:
        return 2 * frame
    return frame * (data[1] & 0x3F) if len(data) > 1 else 0


def opus_pre_skip(extradata: bytes) -> int:
    """How many samples at 48 kHz an Opus decoder leaves out at first (RFC 7845, 5.1); 0 without such a header."""
    return int.from_bytes(extradata[10:12], "little") if extradata.startswith(b"OpusHead") else 0


def flac_samples(data: memoryview) -> int:
    """How many samples a FLAC frame holds (RFC 9639, 9.1); 0 where its header is not one."""
    if len(data) < 6 or data[0] != 0xFF or data[1] & 0xFE != 0xF8:
        return 0
    code = data[2] >> 4
    if code in (6, 7):
        number_bytes = max(8 - (data[4] ^ 0xFF).bit_length(), 1)  # coded like UTF-8: leading ones count the bytes
        at = 4 + number_bytes
        return 1 + int.from_bytes(data[at : at + code - 5], "big")
    if code == 1:
        return 192
    return 576 << (code - 2) if code < 6 else 256 << (code - 8)


def alac_samples(data: memoryview, extradata: bytes) -> int:
    """How many samples an ALAC packet holds: as many as the header says, but where it is shorter, by its own word."""
    usual = int.from_bytes(extradata[12:16], "big") if len(extradata) >= 36 else 0
    if len(data) < 7 or not data[2] >> 4 & 1:  # kind 3 bits, number 4, unused 12: then "has a size"
        return usual
    # 23 bits in all up to its size of 32 bits
    return min(int.from_bytes(data[2:7], "big") >> 1 & 0xFFFFFFFF, usual)


def ac3_samples(data: memoryview) -> int:
    """How many samples a packet of AC-3 or E-AC-3 holds (ETSI TS 102 366, 5.3.1 and E.1.3.1); 0 where it is neither.

    A packet of E-AC-3 may hold several frames; those of other programmes and of added channels count no more.
    """
    at = count = 0
    while len(data) - at >= 6 and data[at] == 0x0B and data[at + 1] == 0x77:
        if data[at + 5] >> 3 <= 10:
            return 1536
        added, programme = data[at + 2] >> 6 == 1, data[at + 2] >> 3 & 7
        if not added and not programme:
            rate, blocks = data[at + 4] >> 6, data[at + 4] >> 4 & 3
            count += 1536 if rate == 3 else (256, 512, 768, 1536)[blocks]
        at += 2 * ((data[at + 2] & 7) << 8 | data[at + 3]) + 2
    return count


@dataclass(slots=True)
class VorbisBlocks:
    """Counts the samples of Vorbis packets: a quarter of this block's and of the block's before it."""

    short_block: int
    long_block: int
    mode_is_long: tuple[bool, ...]
    previous_block: int = 0

    def samples(self, data: memoryview) -> int:
        """Samples that the decoder puts out for the next packet; 0 for the first."""
        if not len(data) or data[0] & 1:
            return 0
        mode = data[0] >> 1 & ((1 << (len(self.mode_is_long) - 1).bit_length()) - 1)
        long = mode < len(self.mode_is_long) and self.mode_is_long[mode]
        block = self.long_block if long else self.short_block
        count = (self.previous_block + block) // 4 if self.previous_block else 0
        self.previous_block = block
        return count


def vorbis_block_samples(extradata: bytes) -> VorbisBlocks | None:
    """Read the block sizes and the modes out of the codec's headers; None where they cannot be read."""
    headers = _xiph_headers(extradata)
    if len(headers) != _VORBIS_PACKET_TYPES or len(headers[0]) < 30 or headers[0][1:7] != b"vorbis":
        return None
    sizes = headers[0][28]
    modes = _vorbis_modes(headers[2])
    return VorbisBlocks(1 << (sizes & 15), 1 << (sizes >> 4), modes) if modes else None


def _xiph_headers(data: bytes) -> list[bytes]:
    """Split "Xiph lacing": the count of packets less one, the sizes of all but the last, the packets."""
    if not data or data[0] != _VORBIS_PACKET_TYPES - 1:
        return []
    at, sizes = 1, []
    for _ in range(_VORBIS_PACKET_TYPES - 1):
        size = 0
        while at < len(data) and data[at] == 255:
            size, at = size + 255, at + 1
        if at >= len(data):
            return []
        size, at = size + data[at], at + 1
        sizes.append(size)
    first, second = at + sizes[0], at + sum(sizes)
    return [data[at:first], data[first:second], data[second:]]


def _vorbis_modes(setup: bytes) -> tuple[bool, ...]:
    """The block flag of each mode. The modes end the setup header, so they are read from its end backwards.

    A mode is 41 bits: block flag 1, window type 16 (zero), transform type 16 (zero), mapping 8. Six bits
    before the first mode hold the count of modes less one: the count that fits its own position is the right one.
    """
    bits = int.from_bytes(setup, "little")
    top = bits.bit_length() - 1  # the framing bit, always 1
    best = 0
    for count in range(1, 65):
        start = top - 41 * count
        if start < 6:
            break
        if bits >> (start + 1) & 0xFFFFFFFF or (bits >> (start + 33) & 0xFF) > 63:
            break
        if (bits >> (start - 6) & 0x3F) + 1 == count:
            best = count
    starts = [top - 41 * (best - number) for number in range(best)]
    return tuple(bool(bits >> start & 1) for start in starts)


def used_bits(codec: str, extradata: bytes) -> int:
    """How many bits of its samples a lossless codec uses; 32 where that is not known."""
    if codec in ("pcm_s24le", "pcm_s24be", "truehd", "mlp"):
        return 24
    if codec == "flac" and len(extradata) >= 34:
        at = len(extradata) - 34 + 12  # STREAMINFO: 20 bits of rate, 3 of channels, 5 of sample size less one
        return ((extradata[at] & 1) << 4 | extradata[at + 1] >> 4) + 1
    if codec == "alac" and len(extradata) >= 36:
        return extradata[17]
    return 32
