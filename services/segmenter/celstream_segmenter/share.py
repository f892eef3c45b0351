"""Which chapters of a footage one of several processes reads."""

from dataclasses import dataclass


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
