"""What the topics say came of footage: outcomes and clips, each as often as it is there."""

from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field

from celstream_platform.errors import Unavailable
from celstream_platform.eventlog import EventLog
from celstream_platform.eventlog.port import Reader
from celstream_platform.events import Event, decode
from celstream_platform.topics import CLIPS, OUTCOMES, REJECTIONS
from celstream_protos.v1.clip_pb2 import Clip
from celstream_protos.v1.envelope_pb2 import OUTCOME_STATE_COMPLETED, Outcome, Rejection
from celstream_segmenter.stage import NAME

READ_AT_ONCE = 1000


@dataclass(slots=True)
class Collected:
    """Of the footage asked for. clips: by id, frame range and contents; outcomes: by footage and state."""

    clips: Counter[tuple[object, ...]] = field(default_factory=Counter)
    outcomes: Counter[tuple[str, int]] = field(default_factory=Counter)
    rejections: Counter[str] = field(default_factory=Counter)

    @property
    def finished(self) -> set[str]:
        """Footage whose outcome is that all went well."""
        return {footage for footage, state in self.outcomes if state == OUTCOME_STATE_COMPLETED}

    def twice(self) -> list[object]:
        """What is there more than once."""
        counted = (*self.clips.items(), *self.outcomes.items(), *self.rejections.items())
        return [one for one, many in counted if many > 1]


class Following:
    """Reads on in the topics of an event log, whatever happens to its servers meanwhile. footage: ids asked for."""

    def __init__(self, log: EventLog, footage: Collection[str]) -> None:
        self.found = Collected()
        self._footage = footage
        self._reader: Reader = log.reader([CLIPS.name, OUTCOMES.name, REJECTIONS.name], {})

    def read(self, seconds: float) -> None:
        """Read for at most so long."""
        with suppress(Unavailable):
            for delivery in self._reader.poll(READ_AT_ONCE, seconds):
                self._take(delivery.event)

    def at_end(self) -> bool:
        """Whether there is nothing more."""
        try:
            return self._reader.at_end()
        except Unavailable:
            return False

    def close(self) -> None:
        """Read no more."""
        with suppress(Unavailable):
            self._reader.close()

    def _take(self, event: Event) -> None:
        if event.topic == OUTCOMES.name:
            outcome = decode(event, Outcome)
            if outcome.footage_id in self._footage and outcome.stage == NAME:
                self.found.outcomes[outcome.footage_id, outcome.state] += 1
        elif event.topic == CLIPS.name:
            clip = decode(event, Clip)
            if clip.item.footage_id in self._footage:
                self.found.clips[contents(clip)] += 1
        else:
            rejection = decode(event, Rejection)
            if rejection.footage_id in self._footage:
                self.found.rejections[rejection.id] += 1


def collect(log: EventLog, footage: Collection[str]) -> Collected:
    """All that is there by now."""
    following = Following(log, footage)
    try:
        while not following.at_end():
            following.read(0.1)
        return following.found
    finally:
        following.close()


def contents(clip: Clip) -> tuple[object, ...]:
    """What names a clip, and what it holds."""
    stills = (clip.first_frame.sha256, clip.last_frame.sha256)
    return clip.item.id, clip.range.start_frame, clip.range.end_frame, clip.video.sha256, *stills
