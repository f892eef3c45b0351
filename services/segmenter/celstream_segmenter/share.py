"""Into how many chapters a footage falls, and which of them one of several processes reads."""

from dataclasses import dataclass

LEAST_LENGTH = 1 / 3  # of a chapter's usual length: the shortest half that is worth a process


def chapter_length(footage_seconds: float, usual_seconds: float) -> float:
    """How long a footage's chapters are, seconds; what is shorter than two usual ones is halved, for two to share."""
    return min(usual_seconds, max(LEAST_LENGTH * usual_seconds, footage_seconds / 2))


def most_chapters(footage_seconds: float, usual_seconds: float) -> int:
    """About how many chapters a footage of that length has."""
    return max(1, round(footage_seconds / chapter_length(footage_seconds, usual_seconds)))


@dataclass(frozen=True, slots=True)
class Share:
    """The turns `ordinal`, `ordinal + count`, … of a footage; see `chapter_targets`."""

    ordinal: int = 0
    count: int = 1

    def has(self, turn: int) -> bool:
        """Whether the turn is its own."""
        return turn % self.count == self.ordinal

    def turns(self, last: int) -> range:
        """Its turns, up to `last`."""
        return range(self.ordinal, last + 1, self.count)
