"""Sound index: at which sample of the footage's time axis each packet of an audio track begins."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from numpy.typing import NDArray

from celstream_segmenter.columns import BLOCK, Column, Shelf
from celstream_segmenter.packet_contents import NO_TIME, used_bits
from celstream_segmenter.packet_samples import MAX_SAMPLES_A_TICK, SampleCounter

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.packet import Packet

MAX_CLOCK_JITTER_SECONDS = 0.02
"""Within this the sample count is believed, past it the container's clock: seen up to 11 ms for Vorbis in WebM."""


@dataclass(frozen=True, slots=True, eq=False)
class SoundIndex:
    """The packets of one audio track in file order, on the footage's time axis counted in samples.

    packet_starts: the sample number (at sample_rate, 0 = the footage's time 0) of each packet's first sample.
    packet_samples: how many samples each packet decodes to, before priming is taken off.
    layout, sample_format: libav's names. sample_bits: how many bits of a decoded sample are used (lossless codecs).
    first_sample: the first sample that is to be heard (what lies before is codec priming).
    """

    stream_index: int
    codec: str
    time_base: Fraction
    sample_rate: int
    layout: str
    sample_format: str
    sample_bits: int
    packet_pts: NDArray[np.int64]
    packet_sizes: NDArray[np.int32]
    packet_starts: NDArray[np.int64]
    packet_samples: NDArray[np.int64]
    first_sample: int

    def pauses_within(self, start: Fraction, end: Fraction) -> bool:
        """Whether packets are missing somewhere from `start` to `end`, in seconds."""
        first, last = float(start * self.sample_rate), float(end * self.sample_rate)
        near = slice(
            max(int(np.searchsorted(self.packet_starts, first)) - 1, 0),
            int(np.searchsorted(self.packet_starts, last)) + 2,
        )
        starts, samples = self.packet_starts[near], self.packet_samples[near]
        ends = starts + samples
        gaps = starts[1:] - ends[:-1] > samples[:-1] // 2
        inside = (ends[:-1] < last) & (starts[1:] > first)
        return bool((gaps & inside).any())

    @property
    def end_sample(self) -> int:
        """One past the last sample, on the same axis as packet_starts."""
        return int(self.packet_starts[-1] + self.packet_samples[-1]) if len(self.packet_starts) else 0


def packet_at(sound: SoundIndex, sample: int) -> int:
    """The packet that holds `sample`; the first or last one where it lies outside."""
    return max(int(np.searchsorted(sound.packet_starts, sample, side="right")) - 1, 0)


class SoundColumns:
    """Collects the packets of one audio track."""

    def __init__(self, stream: "AudioStream", shelf: Shelf) -> None:
        self.stream = stream
        self.codec = stream.codec_context.name
        self._shelf = shelf
        self._pts, self._sizes, self._samples = (
            Column(shelf, np.int64),
            Column(shelf, np.int32),
            Column(shelf, np.int64),
        )
        self._count = 0
        context = stream.codec_context
        if not context.is_open:
            context.open(strict=False)  # some decoders decide only now which sample type they give (mp2)
        self.per_tick = cast(Fraction, stream.time_base) * context.sample_rate
        self._counter = SampleCounter(stream)
        self.skipped = 0

    def add(self, packet: "Packet[Any]") -> None:
        time = packet.pts if packet.pts is not None else packet.dts
        self._pts.append(NO_TIME if time is None else time)
        self._sizes.append(packet.size)
        self._count += 1
        samples = self._counter.samples(packet)
        if self._count == 1:
            self.skipped = self._counter.left_out_by_decoder(samples)
        if packet.has_sidedata("skip_samples"):
            # libav's AV_PKT_DATA_SKIP_SAMPLES: samples to drop at the packet's start, and at its end (padding)
            data = bytes(packet.get_sidedata("skip_samples"))
            if self._count == 1 and samples:
                self.skipped = int.from_bytes(data[:4], "little")
            samples = max(samples - int.from_bytes(data[4:8], "little"), 0)
        self._samples.append(samples)
        if self._count % BLOCK == 0:
            for column in (self._pts, self._sizes, self._samples):
                column.rest()

    def index(self) -> SoundIndex:
        pts, sizes, samples = (column.finished() for column in (self._pts, self._sizes, self._samples))
        stream = self.stream
        context = stream.codec_context
        rate = context.sample_rate
        time_base = cast(Fraction, stream.time_base)
        sounding = self._first_sounding(samples)  # Vorbis' first packet gives no sample
        anchor = sounding or 0
        first = 0
        if sounding is not None:
            clock = int(_clock(pts[anchor : anchor + 1], self.per_tick)[0])
            first = (0 if clock == NO_TIME and not self._counter.whole_per_tick else clock) + self.skipped
        # Priming is meant to end at time 0; a clock of 1 ms says -7 ms for Opus' 6.5 ms.
        early = first if self.skipped and abs(first) < self.per_tick else 0
        starts = Column(self._shelf, np.int64)
        for block in _sample_positions(pts, samples, anchor, time_base, rate, self._shelf):
            starts.extend(block - early)
        return SoundIndex(
            stream.index,
            self.codec,
            cast(Fraction, stream.time_base),
            rate,
            context.layout.name,
            context.format.name,
            used_bits(self.codec, context.extradata or b""),
            pts,
            sizes,
            starts.finished(),
            samples,
            first - early,
        )

    def _first_sounding(self, samples: NDArray[np.int64]) -> int | None:
        """The first packet that holds a sample."""
        for part in self._shelf.blocks(len(samples)):
            sounding = np.flatnonzero(samples[part])
            if len(sounding):
                return int(part.start + sounding[0])
        return None


def _clock(pts: NDArray[np.int64], per_tick: Fraction) -> NDArray[np.int64]:
    """Times in ticks as samples, rounded."""
    nearest = (2 * pts * per_tick.numerator + per_tick.denominator) // (2 * per_tick.denominator)
    return np.where(pts == NO_TIME, NO_TIME, nearest)


def _sample_positions(
    pts: NDArray[np.int64],
    samples: NDArray[np.int64],
    anchor: int,
    time_base: Fraction,
    sample_rate: int,
    shelf: Shelf,
) -> Iterator[NDArray[np.int64]]:
    """The first sample of each packet, block by block. Packets follow each other unless their times say otherwise.

    A clock that ticks at least once a sample is taken at its word. Matroska rounds times to 1 ms, and muxers place
    Vorbis blocks up to half a block off: their word would put a hole or an overlap between any two packets, so
    sample counts are added up, and the clock is believed only where it is off by more than MAX_CLOCK_JITTER_SECONDS.
    anchor: the first packet that holds samples; the time of one before it misleads.
    """
    per_tick = time_base * sample_rate
    exact = per_tick.denominator == 1 and per_tick <= MAX_SAMPLES_A_TICK
    tolerance = max(int(2 * per_tick), int(MAX_CLOCK_JITTER_SECONDS * sample_rate))
    position: int | None = None
    for part in shelf.blocks(len(pts)):
        clock = _clock(pts[part], per_tick)
        if exact:
            yield clock
            continue
        if position is None:
            begins = int(_clock(pts[anchor : anchor + 1], per_tick)[0])
            position = begins if begins != NO_TIME else 0
        starts = np.empty_like(clock)
        for at, (by_clock, count) in enumerate(zip(clock.tolist(), samples[part].tolist(), strict=True)):
            if part.start + at >= anchor:
                if by_clock != NO_TIME and abs(by_clock - position) > tolerance:
                    position = by_clock
                starts[at] = position
                position += count
            else:
                starts[at] = position
        yield starts
