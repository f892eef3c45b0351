"""Whether a clip is its footage's own frames and sound, judged against a decode of the whole footage."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from celstream_segmenter.cut_proof import prove_clip
from celstream_segmenter.cut_result import ClipSound, CutResult
from celstream_segmenter.packet_index import index_footage
from celstream_segmenter.sound_index import SoundIndex
from numpy.typing import NDArray

from tests.footage_truth import Shown, frames_of, opencv_frames, sound_of

SETTLED = 1e-5
"""Of full scale: what remains of an Opus decoder's past after the lead-in of 0.9 s."""
RANDOM_DECODERS = frozenset({"ac3", "eac3"})
"""Their decoder adds dither of its own drawing: two decodes of the same file from different places differ. What is
compared is the decode from the same packet on."""


class Whole:
    """A footage with its index and with all that decoding the whole file gives."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.index = index_footage(path)

    @cached_property
    def frames(self) -> list[Shown]:
        return frames_of(self.path)

    @cached_property
    def opencv(self) -> list[str]:
        return opencv_frames(self.path)

    @cached_property
    def sounds(self) -> list[NDArray[Any]]:
        return [sound_of(self.path, track)[1] for track in range(len(self.index.sounds))]


@dataclass(frozen=True, slots=True)
class SoundComparison:
    """One track of one clip. exact: every sample equal. difference: the largest, of full scale."""

    codec: str
    stored: str
    exact: bool
    difference: float
    fault: str


def frames_are_the_footages(source: Whole, start: int, end: int, clip: Path) -> bool:
    """Every frame equal in every plane, and every time equal after the shift to 0."""
    base = source.frames[start].time
    return frames_of(clip) == [Shown(frame.time - base, frame.digest) for frame in source.frames[start:end]]


def opencv_agrees(source: Whole, start: int, end: int, clip: Path) -> bool:
    """OpenCV reads from the clip the frames that it reads from the footage."""
    return opencv_frames(clip) == source.opencv[start:end]


def sound_comparisons(source: Whole, start: int, end: int, clip: Path, result: CutResult) -> list[SoundComparison]:
    """Each audio track of the footage against what the clip plays."""
    index = source.index
    found = []
    for sound, cut, samples in zip(index.sounds, result.sounds, source.sounds, strict=True):
        begins, ends = index.seconds_at(start) * sound.sample_rate, index.seconds_at(end) * sound.sample_rate
        first = max(round(begins), sound.first_sample)
        last = min(round(ends), sound.first_sample + samples.shape[1], sound.end_sample)
        compared = _compare(sound, cut, samples, first, last, clip)
        if sound.codec in RANDOM_DECODERS and not compared.fault:
            proof = prove_clip(source.path, index, start, clip, result, extent="full")
            compared = replace(compared, fault="; ".join(proof.faults))
        found.append(compared)
    return found


def _compare(
    sound: SoundIndex, cut: ClipSound, samples: NDArray[Any], first: int, last: int, clip: Path
) -> SoundComparison:
    def bad(text: str) -> SoundComparison:
        return SoundComparison(sound.codec, cut.stored, False, 1.0, text)

    if cut.track is None:
        return bad("left out") if first < last else SoundComparison(sound.codec, cut.stored, True, 0.0, "")
    if abs(cut.source_sample - first) > 1 or abs(cut.source_sample + cut.sample_count - last) > 1:
        return bad(f"samples {cut.source_sample} + {cut.sample_count} instead of {first} to {last}")
    at = cut.source_sample - sound.first_sample
    wanted = samples[:, at : at + cut.sample_count]
    starts, given = sound_of(clip, cut.track)
    if round(starts * sound.sample_rate) != cut.delay_samples:
        return bad(f"starts at {starts} s instead of after {cut.delay_samples} samples")
    if cut.stored == "encoded" and given.shape[1] != cut.sample_count:
        return bad(f"{given.shape[1]} samples instead of {cut.sample_count}")
    given = given[:, : cut.sample_count]
    if given.shape != wanted.shape:
        return bad(f"{given.shape} instead of {wanted.shape}")
    scale = 1.0 if wanted.dtype.kind == "f" else float(np.iinfo(wanted.dtype).max)
    difference = float(np.abs(given.astype(np.float64) - wanted).max()) / scale
    if sound.codec in RANDOM_DECODERS:
        return SoundComparison(sound.codec, cut.stored, False, difference, "")
    # MP2's decoder carries the error of its rounding along: one step of 16 bit
    allowed = 1.5 / 32767 if sound.codec == "mp2" else SETTLED if cut.stored == "copied" else 0.0
    fault = "" if difference <= allowed else f"differs by {difference:.2g} of full scale"
    return SoundComparison(sound.codec, cut.stored, difference == 0, difference, fault)
