"""The report's numbers: how much was kept and lost, how values spread, what a moved threshold would have kept."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from celstream_protos.v1.envelope_pb2 import FrameRange, Rejection

from celstream.contents import FootageContents, duration_seconds, rejection_reason

REASON_WORDS = {
    "too_short": "too short",
    "black": "black",
    "plain": "one colour",
    "damaged": "damaged",
    "unreadable": "unreadable",
    "limit_exceeded": "past a limit",
    "static": "one drawing held",
    "refused_by_reviewer": "refused by a person",
}
UNITS = {"too_short": "s", "black": "luma", "plain": "luma", "damaged": "frames", "static": "s"}
# How each threshold may be moved so that more is kept: the factors to try, and whether a value meets the new one.
LESS_STRICT: dict[str, tuple[Sequence[float], Callable[[float, float], bool]]] = {
    "too_short": ((0.75, 0.5, 0.25, 0.0), lambda measured, threshold: measured >= threshold),
    "black": ((0.75, 0.5, 0.25, 0.0), lambda measured, threshold: measured >= threshold),
    "plain": ((0.75, 0.5, 0.25, 0.0), lambda measured, threshold: measured > threshold),
    "damaged": ((1.5, 2.0, 4.0, 10.0), lambda measured, threshold: measured <= threshold),
    "static": ((1.5, 2.0, 4.0), lambda measured, threshold: measured <= threshold),
}


@dataclass(frozen=True, slots=True)
class Loss:
    """What was not kept for one reason: how many pieces, how many seconds. `reason` is in words for a person."""

    reason: str
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Balance:
    """Where the footage went: seconds of it, of clips, and of everything that is in no clip. They add up."""

    footage: int
    footage_seconds: float
    shots: int
    clips: int
    clip_seconds: float
    losses: Sequence[Loss]

    @property
    def kept_share(self) -> float:
        """Share of the footage's time that is in clips, 0 to 1."""
        return self.clip_seconds / self.footage_seconds if self.footage_seconds else 0.0

    @property
    def rejections(self) -> int:
        """Number of pieces that were refused; frames inside transitions are none."""
        return sum(loss.count for loss in self.losses)


@dataclass(frozen=True, slots=True)
class MovedThreshold:
    """What would have been kept in addition with `threshold` in the place of `current`."""

    reason: str
    unit: str
    current: float
    threshold: float
    count: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Bin:
    """One bar of a histogram: values in [start, end), the last bin's end included."""

    start: float
    end: float
    count: int


def rejected_seconds(rejection: Rejection) -> float:
    """How much footage a rejection takes; 0 where the whole footage was refused, for its length is not known then."""
    return duration_seconds(rejection.range) if rejection.HasField("range") else 0.0


def balance(dataset: Sequence[FootageContents]) -> Balance:
    """Add up where the footage went. What lies in no clip and in no rejection is inside transitions."""
    counts: dict[str, int] = defaultdict(int)
    seconds: dict[str, float] = defaultdict(float)
    for contents in dataset:
        for rejection in contents.rejections:
            reason = rejection_reason(rejection)
            counts[reason] += 1
            seconds[reason] += rejected_seconds(rejection)
    losses = [Loss(REASON_WORDS.get(key, key), counts[key], seconds[key]) for key in sorted(counts)]
    total = sum(contents.analysis.duration_seconds for contents in dataset if contents.analysis)
    kept = sum(duration_seconds(clip.range) for contents in dataset for clip in contents.clips)
    inside = total - kept - sum(loss.seconds for loss in losses)
    if inside > 0.005:  # less is the rounding of sums
        losses.append(Loss("inside transitions", 0, inside))
    return Balance(
        footage=len(dataset),
        footage_seconds=total,
        shots=sum(len(contents.analysis.shots) for contents in dataset if contents.analysis),
        clips=sum(len(contents.clips) for contents in dataset),
        clip_seconds=kept,
        losses=sorted(losses, key=lambda loss: (-loss.seconds, loss.reason)),
    )


def moved_thresholds(rejections: Iterable[Rejection]) -> list[MovedThreshold]:
    """For every reason with a threshold: less strict ones, and what each would have kept in addition."""
    by_reason: dict[str, list[Rejection]] = defaultdict(list)
    for rejection in rejections:
        reason = rejection_reason(rejection)
        if reason in LESS_STRICT and not LESS_STRICT[reason][1](rejection.measured_value, rejection.threshold):
            by_reason[reason].append(rejection)  # what meets its threshold was refused by another rule of that reason
    moved = []
    for reason in sorted(by_reason):
        factors, meets = LESS_STRICT[reason]
        current = by_reason[reason][0].threshold
        before = 0
        for factor in factors:
            kept = [entry for entry in by_reason[reason] if meets(entry.measured_value, entry.threshold * factor)]
            if len(kept) > before:  # a step that keeps no more says nothing new
                kept_seconds = sum(rejected_seconds(entry) for entry in kept)
                words, unit = REASON_WORDS[reason], UNITS[reason]
                moved.append(MovedThreshold(words, unit, current, current * factor, len(kept), kept_seconds))
                before = len(kept)
    return moved


def histogram(values: Sequence[float], width: float) -> list[Bin]:
    """Count values in bins of `width` from the first bin with a value to the last; nothing for no values."""
    if not values:
        return []
    ordinals = [int(value // width) for value in values]
    first, last = min(ordinals), max(ordinals)
    counts = [0] * (last - first + 1)
    for ordinal in ordinals:
        counts[ordinal - first] += 1
    return [
        Bin(start=(first + index) * width, end=(first + index + 1) * width, count=count)
        for index, count in enumerate(counts)
    ]


def bin_width(values: Sequence[float], bins: int = 24) -> float:
    """A round width (1, 2 or 5 times a power of ten) that puts the values into about `bins` bins, at most."""
    spread = (max(values) - min(values)) if values else 0.0
    if spread <= 0:
        return 1.0
    width = 10.0**-6
    while True:
        for step in (1.0, 2.0, 5.0):
            if spread / (width * step) <= bins:
                return width * step
        width *= 10.0


def frames_of(frames: FrameRange) -> int:
    """Number of frames in a range."""
    return frames.end_frame - frames.start_frame
