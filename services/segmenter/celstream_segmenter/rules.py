"""The rules of segmentation: everything that decides what becomes a clip. They go into the recipe."""

from typing import Literal

import msgspec

DetectorName = Literal["celstream", "content", "adaptive"]


class OpinionModel(msgspec.Struct, frozen=True, kw_only=True):
    """The model that is asked for a second opinion. sha256: of its file."""

    name: str
    version: int
    sha256: str


class SegmentationRules(msgspec.Struct, frozen=True, kw_only=True):
    """Thresholds, with units.

    Raises ValueError where the durations are not 0 < min <= target <= max.
    """

    detector: DetectorName = "celstream"
    min_seconds: float = 1.0
    """A shorter shot is refused."""
    target_seconds: float = 5.0
    """Parts of a long shot are about this long (MagicAnime: most clips near 5 s)."""
    max_seconds: float = 20.0
    """A longer shot is split at rest; one drawing that is held for longer is refused."""
    black_mean_luma: float = 24.0
    """A shot is black where every frame's mean luma (0-255, video black is 16) is below this …"""
    black_peak_luma: float = 60.0
    """… and no spot of 8x8 pixels is brighter than this (a title on black is not black)."""
    plain_deviation: float = 2.0
    """A shot is of one colour where no frame's luma deviates by more than this (standard deviation, 0-128)."""
    chapter_seconds: float = 60.0
    """About every so often the detector begins anew, at a cut; work on a film is saved there, and shared out. Sooner in
    footage that is shorter than two chapters."""
    verify: Literal["start", "boundaries", "full"] = "start"
    """How a clip is proved equal to its source: every frame's time, and the pictures of its first frame, of some at
    both ends, or of all."""
    second_opinion: OpinionModel | None = None
    """Whom the detector `celstream` asks where it is unsure of a cut; None for nobody."""

    @property
    def asks(self) -> bool:
        """Whether anybody may be asked."""
        return self.second_opinion is not None and self.detector == "celstream"

    def __post_init__(self) -> None:
        if not 0 < self.min_seconds <= self.target_seconds <= self.max_seconds:
            raise ValueError(
                f"durations of {self.min_seconds} / {self.target_seconds} / {self.max_seconds} s: "
                "expected 0 < min <= target <= max."
            )
