"""The topics, with what each keeps (design: section 3)."""

from dataclasses import dataclass

PREFIX = "celstream."
DEFAULT_PARTITIONS = 16
FOR_EVER_HOURS = 1_000_000  # 114 years


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic. compacted: the last event of a key is kept for ever; else events go after `retention_hours`."""

    name: str
    compacted: bool = True
    retention_hours: int = 7 * 24
    partitions: int = DEFAULT_PARTITIONS


FOOTAGE = Topic("celstream.footage")
CLIPS = Topic("celstream.clips")
REJECTIONS = Topic("celstream.rejections")
OUTCOMES = Topic("celstream.outcomes")
REVIEWS = Topic(
    "celstream.reviews", compacted=False, retention_hours=FOR_EVER_HOURS
)  # an item's correction counts on after a later word on it, so the last event of its key is not enough
TAKEDOWNS = Topic("celstream.takedowns")
EVALUATIONS = Topic("celstream.evaluations")
INBOX = Topic("celstream.inbox")  # written by the bucket: what was dropped into it, the last of each object for ever
PROGRESS = Topic(
    "celstream.progress", compacted=False, retention_hours=1
)  # live display only; nothing is rebuilt from it


def dead_letters(stage: str) -> Topic:
    """The dead-letter topic of a stage."""
    return Topic(f"{PREFIX}{stage}.dlq", compacted=False, retention_hours=90 * 24)


ALL = (FOOTAGE, CLIPS, REJECTIONS, OUTCOMES, REVIEWS, TAKEDOWNS, EVALUATIONS, INBOX, PROGRESS)
