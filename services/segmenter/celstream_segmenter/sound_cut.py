"""Sound cut: the stretch of an audio track that belongs to a clip, exact to the sample.

Sound that MP4 players know (AAC, Opus, MP3, AC-3) keeps its packets, with some packets of lead-in so that the
decoder has settled when the clip begins; the edit list hides them. Everything else is decoded and stored without
loss: FLAC for up to 24 bit, PCM for what decodes to 32 bit or floating point.
"""

import math
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from celstream_segmenter.clip_file import ClipTrack, Shown
from celstream_segmenter.cut_result import ClipSound
from celstream_segmenter.sound_encode import storage_for
from celstream_segmenter.sound_index import SoundIndex, packet_at
from celstream_segmenter.track_reader import TrackReader

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.packet import Packet
    from av.stream import Stream

LEAD_IN_SECONDS = {
    "aac": 0.25,
    "opus": 0.9,
    "libopus": 0.9,
    "mp3": 0.5,
    "mp3float": 0.5,
    "ac3": 0.1,
    "eac3": 0.1,
}
"""Codecs whose packets are copied, with the sound that their decoders need to settle. libav's demuxer keeps at most
one second before an edit."""
_VARYING = frozenset({"opus", "libopus"})  # whose packets say themselves how long they are


def sample_range(sound: SoundIndex, start: Fraction, end: Fraction) -> tuple[int, int]:
    """The samples from `start` to `end` seconds: each belongs to the clip in which its time falls (rounded).

    Neighbouring clips share no sample and lose none.
    """
    return _nearest(start * sound.sample_rate), _nearest(end * sound.sample_rate)


def _nearest(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


def plan_sound(sound: SoundIndex, start: Fraction, end: Fraction, track: int) -> ClipSound:
    """What of `sound` belongs to a clip from `start` to `end` seconds, and how it will be kept."""
    wanted_from, wanted_to = sample_range(sound, start, end)
    first = max(wanted_from, sound.first_sample)
    last = min(wanted_to, sound.end_sample)
    rate = sound.sample_rate
    if first >= last or packet_at(sound, first) > packet_at(sound, last - 1):
        return ClipSound(sound.stream_index, None, rate, 0, 0, 0, first, "absent", "")
    delay, count = first - wanted_from, last - first
    if sound.codec in LEAD_IN_SECONDS and _in_one_piece(sound, first_packet(sound, first), packet_at(sound, last - 1)):
        lead_in = first - int(sound.packet_starts[first_packet(sound, first)])
        return ClipSound(sound.stream_index, track, rate, delay, count, lead_in, first, "copied", sound.codec)
    storage = storage_for(sound.sample_format, sound.sample_bits, sound.layout)
    return ClipSound(sound.stream_index, track, rate, delay, count, 0, first, "encoded", storage)


def _in_one_piece(sound: SoundIndex, first: int, last: int) -> bool:
    """Whether packets follow each other as one encoder gave them.

    Where films were joined, packets overlap, or are shown in part: a clip's edit list cannot say so.
    """
    lengths = np.diff(sound.packet_starts[first : last + 1])
    return bool(
        np.array_equal(lengths, sound.packet_samples[first:last])
        and (sound.codec in _VARYING or not len(lengths) or (lengths == lengths[0]).all())
    )


def first_packet(sound: SoundIndex, sample: int) -> int:
    """The packet to begin with so that the decoder has settled at `sample`."""
    lead_in = int(LEAD_IN_SECONDS.get(sound.codec, 0) * sound.sample_rate)
    return packet_at(sound, sample - lead_in)


def copied_packets(sound: SoundIndex, plan: ClipSound) -> tuple[int, int]:
    """The first and the last packet that a copied track holds."""
    return first_packet(sound, plan.source_sample), packet_at(sound, plan.source_sample + plan.sample_count - 1)


def copied_track(reader: TrackReader, sound: SoundIndex, plan: ClipSound) -> ClipTrack:
    """The track that copies the packets of `plan`; they are read at once, the file may be shared with other readers."""
    first, last = copied_packets(sound, plan)
    read = list(reader.packets(first, last))
    starts = sound.packet_starts[first : last + 1] - sound.packet_starts[first]

    def add(out: "OutputContainer") -> "Stream":
        stream = out.add_stream_from_template(reader.stream, opaque=True)
        return _described(stream, reader.stream)

    def packets(stream: "Stream") -> Iterator["Packet[Any]"]:
        for number, packet in read:
            at = number - first
            packet.pts = packet.dts = int(starts[at])
            packet.duration = int(starts[at + 1] - starts[at]) if number < last else int(sound.packet_samples[number])
            yield packet

    return ClipTrack(add, packets, plan.sample_rate, last - first + 1, _shown(plan))


def _described(stream: "Stream", source: "Stream") -> "Stream":
    if source.language:
        stream.metadata["language"] = source.language
    stream.disposition = source.disposition
    return stream


def _shown(plan: ClipSound) -> Shown:
    rate = plan.sample_rate
    return Shown(
        Fraction(plan.delay_samples, rate), Fraction(plan.lead_in_samples, rate), Fraction(plan.sample_count, rate)
    )
