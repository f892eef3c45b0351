"""Lossless result: how a clip was cut, for the record."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal


@dataclass(frozen=True, slots=True)
class ClipSound:
    """One audio track of a footage, and what of it is in a clip.

    source_stream: its stream in the footage. track: its number among the clip's audio tracks, None where the footage
    has no sound of this track inside the clip. delay_samples: silence before it starts. sample_count: samples that
    belong to the clip; a decoder may give up to one packet more at the end of a copied track. lead_in_samples: hidden
    before them. source_sample: the first sample on the track's axis (SoundIndex). stored: packets copied, samples
    encoded without loss as codec_in_clip, absent, or left out because of what `left_out_because` says.
    """

    source_stream: int
    track: int | None
    sample_rate: int
    delay_samples: int
    sample_count: int
    lead_in_samples: int
    source_sample: int
    stored: Literal["copied", "encoded", "absent", "left out"]
    codec_in_clip: str
    left_out_because: str = ""


@dataclass(frozen=True, slots=True)
class CopiedPackets:
    """Which of the footage's video packets a clip has. first: number of the first. checksums: CRC-32 of each."""

    first: int
    checksums: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CutResult:
    """How a clip was made.

    method: "packets" (copied) or "encoded" (lossless). lead_in_frames: frames that the clip carries hidden before its
    first one. reason_for_encoding: None for packets. frame_count, time_base, duration_ticks: the clip's frames show at
    (frame_times - frame_times[start]) of the footage's index, in time_base; the last one ends at duration_ticks.
    sounds: one entry for each audio track of the footage. copied: the packets, where they were copied.
    """

    method: Literal["packets", "encoded"]
    frame_count: int
    time_base: Fraction
    duration_ticks: int
    lead_in_frames: int
    reason_for_encoding: str | None
    sounds: tuple[ClipSound, ...]
    copied: CopiedPackets | None = None
