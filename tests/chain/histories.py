"""Random small histories of the toy chain: what its stages, its reviewers and its owners could have published.

A history is written by running the real stages on what they would have seen; `truth` says what must be current after
it, by a plain reading of the rules: no database, no order but that of each key.
"""

from dataclasses import dataclass, field
from typing import Any

from celstream_platform import topics
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.events import Delivery, Event, encode
from celstream_platform.identity import reference
from celstream_platform.outcomes import events_of, input_of
from celstream_platform.stage import Context, Stage
from celstream_protos.v1.envelope_pb2 import (
    REVIEW_VERDICT_ACCEPT,
    REVIEW_VERDICT_REJECT,
    Outcome,
    Rejection,
    Review,
    Takedown,
)
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.chain import toy

PARTITIONS = 3
NAMES = ("a", "b")
TEXTS = ("one of x", "one two", "x1 y", "of")
MESSAGE_TYPES: dict[str, type[Any]] = {
    toy.TEXTS.name: toy.Text,
    toy.WORDS.name: toy.Word,
    toy.LETTERS.name: toy.Letter,
    topics.OUTCOMES.name: Outcome,
    topics.REJECTIONS.name: Rejection,
    topics.REVIEWS.name: Review,
    topics.TAKEDOWNS.name: Takedown,
}


@dataclass
class History:
    """Events in the order of publication, and the items that they brought."""

    events: list[Event] = field(default_factory=list)
    items: dict[str, dict[str, Any]] = field(default_factory=dict)  # level -> id -> last message

    def publish(self, events: list[Event]) -> None:
        self.events += events
        for event in events:
            if event.topic in (toy.TEXTS.name, toy.WORDS.name, toy.LETTERS.name):
                message = MESSAGE_TYPES[event.topic].FromString(event.value)
                self.items.setdefault(message.item.level, {})[message.item.id] = message

    def process(self, stage: Stage, message: Any, store: ArtefactStore) -> None:
        context = Context(progress=lambda *_: None, stopping=lambda: False)
        self.publish(events_of(stage, input_of(message), stage.process(message, context), store))

    def deliveries(self) -> list[Delivery]:
        """As a log with `PARTITIONS` partitions would deliver them."""
        return [Delivery(event, sum(event.key.encode()) % PARTITIONS, n) for n, event in enumerate(self.events)]


@st.composite
def histories(draw: DrawFn, store: ArtefactStore) -> History:
    """Up to fourteen acts: texts offered, stages run on any version, reviews, takedowns."""
    history = History()
    for number in range(draw(st.integers(1, 14))):
        acts = [
            "offer",
            *(["split"] * 3 if history.items else []),
            *(["spell"] * 3 if "words" in history.items else []),
        ]
        acts += ["review", "review", "take down"] if history.items else []
        act = draw(st.sampled_from(acts))
        if act == "offer":
            history.publish([toy.text_event(draw(st.sampled_from(NAMES)), draw(st.sampled_from(TEXTS)))])
        elif act == "split":
            stage = toy.Splitter(store, shortest=draw(st.integers(1, 3)))
            history.process(stage, draw(_any_of(history, "texts")), store)
        elif act == "spell":
            history.process(toy.Speller(), draw(_any_of(history, "words")), store)
        else:
            level = draw(st.sampled_from(sorted(history.items)))
            item = draw(_any_of(history, level))
            history.publish([_judgement(act, item, number, draw(st.booleans()))])
    return history


def shuffled(deliveries: list[Delivery], draw: DrawFn) -> list[Delivery]:
    """The deliveries in another order, that of each partition kept."""
    queues: dict[tuple[str, int], list[Delivery]] = {}
    for delivery in deliveries:
        queues.setdefault((delivery.event.topic, delivery.partition), []).append(delivery)
    order = draw(st.permutations([key for key, queue in queues.items() for _ in queue]))
    return [queues[key].pop(0) for key in order]


def truth(history: History) -> tuple[set[tuple[str, str]], set[str]]:
    """What must be current: items (id, version), and ids of rejections of the stages (not those of reviewers)."""
    last: dict[tuple[str, str], Any] = {}
    for event in history.events:
        last[event.topic, event.key] = MESSAGE_TYPES[event.topic].FromString(event.value)
    items = {
        m.item.id: m for (topic, _), m in last.items() if topic in (toy.TEXTS.name, toy.WORDS.name, toy.LETTERS.name)
    }
    outcomes = [m for (topic, _), m in last.items() if topic == topics.OUTCOMES.name]
    refused = {
        m.item.id
        for (topic, _), m in last.items()
        if topic == topics.REVIEWS.name and m.verdict == REVIEW_VERDICT_REJECT
    }
    removed = {m.item_id for (topic, _), m in last.items() if topic == topics.TAKEDOWNS.name}
    current = {id_ for id_, m in items.items() if m.item.level == "texts"} - refused - removed
    rejections: set[str] = set()
    frontier = set(current)
    while frontier:
        heard = [outcome for outcome in outcomes if outcome.input_id in frontier]
        rejections |= {ref.id for outcome in heard for ref in outcome.rejections}
        frontier = {ref.id for outcome in heard for ref in outcome.items} - refused - removed
        current |= frontier
    return {(id_, items[id_].item.version) for id_ in current}, rejections


def _any_of(history: History, level: str) -> st.SearchStrategy[Any]:
    return st.sampled_from([message for _, message in sorted(history.items[level].items())])


def _judgement(act: str, item: Any, number: int, yes: bool) -> Event:
    if act == "take down":
        takedown = Takedown(id=f"t{number}", item_id=item.item.id, level=item.item.level, reason="claim")
        return encode(topics.TAKEDOWNS.name, item.item.id, takedown, event_id=takedown.id, source="test")
    verdict = REVIEW_VERDICT_ACCEPT if yes else REVIEW_VERDICT_REJECT
    review = Review(id=f"r{number}", item=reference(item.item), verdict=verdict, reviewer="ada")
    return encode(topics.REVIEWS.name, item.item.id, review, event_id=review.id, source="test")
