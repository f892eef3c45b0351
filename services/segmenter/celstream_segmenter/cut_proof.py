"""Cut proof: does a clip decode to the very frames and samples of its footage, at the same times?"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import av
import numpy as np
from av.codec.context import ThreadType
from av.container import InputContainer
from celstream_platform.errors import Invalid
from numpy.typing import NDArray

from celstream_segmenter.cut_result import ClipSound, CutResult
from celstream_segmenter.frame_checksum import frame_checksum
from celstream_segmenter.frame_reader import FrameReader
from celstream_segmenter.packet_index import FootageIndex, open_footage
from celstream_segmenter.sound_encode import Samples, channels_first, decoded_samples
from celstream_segmenter.sound_index import SoundIndex
from celstream_segmenter.track_reader import TrackReader

Extent = Literal["boundaries", "full"]

_BOUNDARY_FRAMES = 3
_BOUNDARY_SAMPLES = 8192
_SETTLED_PACKETS = 150
"""Packets decoded ahead of the footage's sound for comparison: 3 s of Opus, so that its decoder stands as it would
after decoding from the start."""
MAX_SETTLING_DIFFERENCE = 1e-5
"""Of full scale. Opus' decoder forgets its past exponentially; after a lead-in of 0.9 s rounding remains."""


@dataclass(frozen=True, slots=True)
class CutProof:
    """What was compared, and what differed: no fault means the clip is the footage's own frames and samples.

    largest_difference: of any compared sample of sound, in parts of full scale; 0 for exact.
    """

    extent: Extent
    frames_compared: int
    samples_compared: int
    largest_difference: float
    faults: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """Whether nothing differed."""
        return not self.faults


def prove_clip(
    path: Path,
    index: FootageIndex,
    start_frame: int,
    clip_path: Path,
    result: CutResult,
    *,
    extent: Extent = "boundaries",
    expected: NDArray[np.uint64] | None = None,
) -> CutProof:
    """Compare the clip with frames [start_frame, start_frame + result.frame_count) of the footage at `path`.

    extent: "full" decodes the whole clip. "boundaries" decodes its first and last frames and counts the rest:
    the packets in between are the footage's own, and what follows a right frame decodes right.
    expected: frame_checksum of each of those frames, where a decoding pass has them already.
    """
    count = result.frame_count
    faults: list[str] = []
    ticks = index.frame_times[start_frame : start_frame + count] - index.ticks_at(start_frame)
    times = [int(tick) * index.time_base for tick in ticks]
    with open_footage(clip_path) as clip:
        faults.extend(_packet_faults(clip, times))
    wanted = _numbers(count, extent)
    given = _clip_checksums(clip_path, wanted, times)
    sources = _source_checksums(path, index, start_frame, wanted, expected)
    for number, source in zip(wanted, sources, strict=True):
        if number not in given:
            faults.append(f"frame {number} of the clip is missing")
        elif given[number] != source:
            faults.append(f"frame {number} of the clip differs from the footage's frame {start_frame + number}")
    samples, largest = 0, 0.0
    for sound, plan in zip(index.sounds, result.sounds, strict=True):
        if plan.track is None:
            continue
        compared, difference, fault = _compare_sound(path, sound, plan, clip_path, extent)
        samples += compared
        largest = max(largest, difference)
        faults.extend(fault)
    return CutProof(extent, len(wanted), samples, largest, tuple(faults))


def _numbers(count: int, extent: Extent) -> list[int]:
    if extent == "full" or count <= 2 * _BOUNDARY_FRAMES:
        return list(range(count))
    return [*range(_BOUNDARY_FRAMES), *range(count - _BOUNDARY_FRAMES, count)]


def _packet_faults(clip: InputContainer, times: list[Fraction]) -> Iterator[str]:
    """Whether the clip shows as many frames as it should, each at its time, by what its header says."""
    stream = clip.streams.video[0]
    shown = sorted(
        packet.pts * stream.time_base
        for packet in clip.demux(stream)
        if packet.size and not packet.is_discard and packet.pts is not None and stream.time_base is not None
    )
    if shown != times:
        at = next(
            (n for n, (a, b) in enumerate(zip(shown, times, strict=False)) if a != b), min(len(shown), len(times))
        )
        yield f"the clip shows {len(shown)} frames instead of {len(times)}, or frame {at} at another time"


def _clip_checksums(clip_path: Path, wanted: list[int], times: list[Fraction]) -> dict[int, int]:
    """Checksums of the wanted frames of the clip, by number; frames at unknown times are left out."""
    number_at = {time: number for number, time in enumerate(times)}
    found: dict[int, int] = {}
    missing = set(wanted)
    with open_footage(clip_path) as clip:
        stream = clip.streams.video[0]
        stream.codec_context.thread_type = ThreadType.FRAME
        for first, last in _spans(wanted):
            if first and stream.time_base:
                clip.seek(int(times[first] / stream.time_base), stream=stream, backward=True)
            for frame in clip.decode(stream):
                if frame.pts is None or frame.time_base is None:
                    continue
                number = number_at.get(frame.pts * frame.time_base)
                if number in missing:
                    found[number] = frame_checksum(frame)
                    missing.discard(number)
                if number is not None and number >= last:
                    break
    return found


def _spans(numbers: list[int]) -> list[tuple[int, int]]:
    """Runs of consecutive numbers, as first and last."""
    breaks = [n for n in range(1, len(numbers)) if numbers[n] != numbers[n - 1] + 1]
    edges = [0, *breaks, len(numbers)]
    return [(numbers[a], numbers[b - 1]) for a, b in itertools.pairwise(edges)]


def _source_checksums(
    path: Path, index: FootageIndex, start_frame: int, wanted: list[int], expected: NDArray[np.uint64] | None
) -> list[int]:
    if expected is not None:
        return [int(expected[number]) for number in wanted]
    found: list[int] = []
    with FrameReader(path, index) as reader:
        for first, last in _spans(wanted):
            frames = reader.frames(start_frame + first, start_frame + last + 1)
            found.extend(frame_checksum(frame) for frame in frames)
    return found


def _compare_sound(
    path: Path, sound: SoundIndex, plan: ClipSound, clip_path: Path, extent: Extent
) -> tuple[int, float, list[str]]:
    count = plan.sample_count if extent == "full" else min(plan.sample_count, _BOUNDARY_SAMPLES)
    with TrackReader(path, sound.stream_index, sound.packet_pts, sound.packet_sizes) as reader:
        ahead = 0 if plan.stored == "encoded" else _SETTLED_PACKETS
        blocks = decoded_samples(reader, sound, plan.source_sample, count, lead_in_packets=ahead)
        source = _joined(blocks)
    given, starts_at = _clip_samples(clip_path, plan, count)
    name = f"audio track {plan.track}"
    if starts_at != plan.delay_samples:
        return count, 0.0, [f"{name} starts at sample {starts_at} instead of {plan.delay_samples}"]
    if given.shape != source.shape:
        return count, 0.0, [f"{name} gives {given.shape} channels and samples instead of {source.shape}"]
    difference = _difference(given, source)
    allowed = 0.0 if plan.stored == "encoded" else MAX_SETTLING_DIFFERENCE
    faults = [f"{name} differs by {difference:.2g} of full scale"] if difference > allowed else []
    return count, difference, faults


def _difference(given: Samples, source: Samples) -> float:
    if np.array_equal(given, source):
        return 0.0
    scale = 1.0 if np.issubdtype(source.dtype, np.floating) else float(np.iinfo(source.dtype).max)
    return float(np.abs(given.astype(np.float64) - source.astype(np.float64)).max()) / scale


def _joined(blocks: Iterator[Samples]) -> Samples:
    parts = list(blocks)
    return np.concatenate(parts, axis=1) if parts else np.zeros((0, 0))


def _clip_samples(clip_path: Path, plan: ClipSound, count: int) -> tuple[Samples, int]:
    """The first `count` samples that the clip's track plays, and the sample at which it starts."""
    parts: list[Samples] = []
    have, starts_at = 0, -1
    with av.open(clip_path) as clip:
        if plan.track is None or plan.track >= len(clip.streams.audio):
            raise Invalid(f"{clip_path.name}: no audio track {plan.track}. Was it cut from this footage?")
        for frame in clip.decode(clip.streams.audio[plan.track]):
            if starts_at < 0 and frame.pts is not None and frame.time_base is not None:
                starts_at = round(frame.pts * frame.time_base * plan.sample_rate)
            block = channels_first(frame)
            parts.append(block[:, : count - have])
            have += block.shape[1]
            if have >= count:
                break
    return _joined(iter(parts)), starts_at
