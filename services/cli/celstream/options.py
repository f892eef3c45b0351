"""What a run is told: by the command line, or by `celstream.run(…)`."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from celstream_segmenter.rules import DetectorName, SegmentationRules

from celstream.processors import usable_processors
from celstream.second_opinion import opinion_model

DEFAULTS = SegmentationRules()
Style = Literal["unspecified", "american", "chinese", "japanese", "other", "rendered"]


@dataclass(frozen=True, slots=True)
class RunOptions:
    """One run.

    footage: files and folders. out: the dataset folder. until: the level to stop after. jobs: footages at a time.
    second_opinion: URL of a model server with TransNetV2; empty for none. min, target, max_seconds: length of clips.
    style, work, license: said of all footage of the run; an empty work is the file's name without its ending. canary:
    the footage has a known truth, and is no part of the dataset.
    Raises ValueError for lengths that are not 0 < min <= target <= max, and for fewer than one job.
    """

    footage: Sequence[str | os.PathLike[str]]
    out: Path
    until: Literal["clips"] = "clips"
    jobs: int = field(default_factory=usable_processors)
    detector: DetectorName = DEFAULTS.detector
    second_opinion: str = ""
    min_seconds: float = DEFAULTS.min_seconds
    target_seconds: float = DEFAULTS.target_seconds
    max_seconds: float = DEFAULTS.max_seconds
    style: Style = "unspecified"
    work: str = ""
    license: str = ""
    canary: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.min_seconds <= self.target_seconds <= self.max_seconds:
            raise ValueError(
                f"clip lengths of {self.min_seconds:g} / {self.target_seconds:g} / {self.max_seconds:g} s "
                "(min / target / max): expected 0 < min <= target <= max."
            )
        if self.jobs < 1:
            raise ValueError(f"jobs of {self.jobs}: expected 1 or more.")

    def rules(self) -> SegmentationRules:
        """The segmenter's rules for the run. Raises Invalid, Unavailable where the model server cannot be asked."""
        return SegmentationRules(
            detector=self.detector,
            second_opinion=opinion_model(self.second_opinion),
            min_seconds=self.min_seconds,
            target_seconds=self.target_seconds,
            max_seconds=self.max_seconds,
        )
