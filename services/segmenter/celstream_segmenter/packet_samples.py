"""Packet samples: how many samples each packet of an audio track decodes to, before priming is taken off.

By the packet's own bytes where they say it: a container's clock may be too coarse (Matroska: 1 ms), or say nothing.
"""

from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from av.codec.context import Flags2
from av.error import FFmpegError

from celstream_segmenter.packet_contents import (
    ac3_samples,
    alac_samples,
    flac_samples,
    opus_pre_skip,
    opus_samples,
    vorbis_block_samples,
)

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet

_OPUS = ("opus", "libopus")

MAX_SAMPLES_A_TICK = 2
"""HE-AAC in MP4 ticks at half its sample rate; a coarser clock rounds."""

_PACKETS_TRIED = 8
"""So many packets are decoded to learn how many samples one holds, where neither bytes nor clock say it (DTS)."""


class SampleCounter:
    """Counts the samples of one track's packets, which come in file order from the first one on."""

    def __init__(self, stream: "AudioStream") -> None:
        """stream: its decoder is open, and nobody else decodes with it."""
        self._context = context = stream.codec_context
        self._codec = context.name
        self._per_tick = cast(Fraction, stream.time_base) * context.sample_rate
        exact = self._per_tick.denominator == 1 and self._per_tick <= MAX_SAMPLES_A_TICK
        self.whole_per_tick = int(self._per_tick) if exact else 0
        """Samples a tick, where the container's clock tells every sample; 0 where it does not."""
        self._extradata = context.extradata or b""
        self._vorbis = vorbis_block_samples(self._extradata) if self._codec == "vorbis" else None
        is_pcm = self._codec.startswith("pcm_")
        self._pcm_bytes = context.channels * max(1, _pcm_bits(self._codec) // 8) if is_pcm else 0
        self._frame_size = context.frame_size
        self._tried: list[int] = []

    def samples(self, packet: "Packet[Any]") -> int:
        """How many samples the next packet decodes to."""
        if self._codec in _OPUS:
            return opus_samples(memoryview(packet))
        if self._codec == "flac":
            return flac_samples(memoryview(packet))
        if self._codec == "alac":
            return alac_samples(memoryview(packet), self._extradata)
        if self._codec in ("ac3", "eac3"):
            return ac3_samples(memoryview(packet)) or self._by_clock(packet)
        if self._vorbis:
            return self._vorbis.samples(memoryview(packet))
        if self._pcm_bytes:
            return packet.size // self._pcm_bytes
        if self.whole_per_tick and packet.duration:
            return packet.duration * self.whole_per_tick
        return self._frame_size or self._by_decoding(packet) or self._by_clock(packet)

    def left_out_by_decoder(self, first_samples: int) -> int:
        """How many samples the decoder leaves out at first where the container says nothing of it.

        first_samples: of the first packet. Opus in MP4 that starts late and WMA in ASF are such.
        """
        if self._codec in _OPUS:
            return opus_pre_skip(self._extradata)
        return 2 * first_samples if self._codec in ("wmav1", "wmav2") else 0

    def _by_clock(self, packet: "Packet[Any]") -> int:
        return round((packet.duration or 0) * self._per_tick)

    def _by_decoding(self, packet: "Packet[Any]") -> int:
        """What each of the first packets gives; 0 where they differ."""
        if len(self._tried) < _PACKETS_TRIED:
            self._context.flags2 |= Flags2.skip_manual  # with those that a decoder leaves out at first (WMA)
            try:
                self._tried.append(sum(frame.samples for frame in self._context.decode(packet)))
            except FFmpegError:
                self._tried.append(0)
        return self._tried[0] if len(set(self._tried)) == 1 else 0


def _pcm_bits(codec: str) -> int:
    digits = "".join(c for c in codec.removeprefix("pcm_")[:4] if c.isdigit())
    return int(digits) if digits else 8
