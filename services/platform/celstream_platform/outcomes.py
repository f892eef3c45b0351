"""The events that end the processing of one input: its items, its rejections, and exactly one outcome that lists them.

An outcome's key is `<input id>/<stage>`: several stages consume the same input, and a compacted topic keeps only the
last event of a key, so the input's id alone would lose all outcomes but one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from celstream_protos.v1 import envelope_pb2
from google.protobuf.message import Message

from celstream_platform import events, identity, tracing
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid, LimitExceeded
from celstream_platform.events import Event
from celstream_platform.stage import Result, Stage
from celstream_platform.topics import OUTCOMES, PREFIX, REJECTIONS, Topic

LISTED_BYTES = 16 * 1024  # longer lists (about 100 items) go into an artefact, so that an outcome stays a small event
LISTING_MEDIA_TYPE = "application/protobuf; messageType=celstream.v1.OutcomeListing"


@dataclass(frozen=True, slots=True)
class Input:
    """What was consumed. name: of footage, as it was given; empty for other levels."""

    id: str
    version: str
    level: str
    footage_id: str
    name: str = ""


def level_of(topic: str) -> str:
    """`celstream.clips` -> `clips`."""
    return topic.removeprefix(PREFIX)


def outcome_key(input_id: str, stage: str) -> str:
    """Key of the outcomes of one input at one stage."""
    return f"{input_id}/{stage}"


def input_of(message: Message) -> Input:
    """Identity of a consumed message. Raises Invalid where it has none."""
    header = getattr(message, "item", None)
    if not isinstance(header, envelope_pb2.ItemHeader) or not header.id or not header.version or not header.level:
        raise Invalid(
            f"{message.DESCRIPTOR.full_name}: no item with id, version and level. Publish a complete message."
        )
    return Input(header.id, header.version, header.level, header.footage_id, str(getattr(message, "name", "")))


def whole_input_refused(stage: Stage, source: Input, error: Invalid) -> Result:
    """The result where the input's content can never succeed: one rejection of all of it."""
    limit = isinstance(error, LimitExceeded)
    reason = envelope_pb2.REJECTION_REASON_LIMIT_EXCEEDED if limit else envelope_pb2.REJECTION_REASON_UNREADABLE
    level = level_of(stage.produces[0].name) if stage.produces else stage.name
    rejection = envelope_pb2.Rejection(
        id=identity.rejection_id(source.id, level, 0, 0, reason),
        version=identity.item_version(source.version, stage.recipe),
        level=level,
        parent_id=source.id,
        parent_version=source.version,
        footage_id=source.footage_id,
        footage_name=source.name,
        reason=reason,
        detail=str(error),
        origin=envelope_pb2.Origin(
            kind=envelope_pb2.ORIGIN_KIND_MACHINE, method=stage.name, recipe=stage.recipe, confidence=1.0
        ),
    )
    return Result(rejections=[rejection])


def events_of(stage: Stage, source: Input, result: Result, store: ArtefactStore) -> list[Event]:
    """Items, rejections and the outcome, in this order, inside the current trace.

    Raises ValueError where the stage broke its contract (the funnel would not balance), Unavailable from the store.
    """
    check(stage, source, result)
    trace = tracing.traceparent()
    try:
        published = [_encode(stage, item.topic, item.header, item.message, trace) for item in result.items]
        published += [_encode(stage, REJECTIONS, rejection, rejection, trace) for rejection in result.rejections]
    except Invalid as error:
        raise ValueError(str(error)) from error  # the stage's mistake, not the input's
    return [*published, _publishable(stage.name, _outcome(stage, source, result, store), trace)]


def check(stage: Stage, source: Input, result: Result) -> None:
    """Raise ValueError where a result does not fit its input or the stage's own description."""
    allowed = {topic.name for topic in stage.produces}
    for item in result.items:
        header, topic = item.header, item.topic.name
        if topic not in allowed:
            raise ValueError(f"{stage.name} made an item for {topic}, expected one of {sorted(allowed)}.")
        if header.level != level_of(topic) or header.parent_id != source.id or not header.version:
            raise ValueError(f"{stage.name} made an item whose level, parent or version is wrong: {header}.")
    for rejection in result.rejections:
        if rejection.parent_id != source.id or not rejection.version or not rejection.reason:
            raise ValueError(f"{stage.name} made a rejection whose parent, version or reason is wrong: {rejection}.")
    if len(result.items) > 1:
        _unique(stage, [(item.header.level, item.header.id) for item in result.items])
    if len(result.rejections) > 1:
        _unique(stage, [("rejection", rejection.id) for rejection in result.rejections])


def parked_outcome(stage: Stage, source: Input, error: str) -> Event:
    """The outcome of an input that is in the dead-letter topic."""
    outcome = _header(stage, source)
    outcome.state = envelope_pb2.OUTCOME_STATE_PARKED
    outcome.error = error
    return outcome_event(stage.name, outcome)


def outcome_event(stage: str, outcome: envelope_pb2.Outcome) -> Event:
    """An outcome as it is published, inside the current trace."""
    return _publishable(stage, outcome, tracing.traceparent())


def _publishable(stage: str, outcome: envelope_pb2.Outcome, traceparent: str) -> Event:
    value = outcome.SerializeToString(deterministic=True)
    input_id = outcome.input_id
    return events.wrap(
        OUTCOMES.name,
        outcome_key(input_id, stage),
        outcome,
        value,
        event_id=f"{input_id}.{identity.digest(value.hex())}",
        source=stage,
        traceparent=traceparent,
    )


def _outcome(stage: Stage, source: Input, result: Result, store: ArtefactStore) -> envelope_pb2.Outcome:
    outcome = _header(stage, source)
    outcome.state = (
        envelope_pb2.OUTCOME_STATE_AWAITING_REVIEW if result.awaiting_review else envelope_pb2.OUTCOME_STATE_COMPLETED
    )
    for name, artefact in sorted(result.attachments.items()):
        outcome.attachments.add(name=name, artefact=artefact)
    items = [identity.reference(item.header) for item in result.items]
    rejections = [envelope_pb2.ItemRef(level=r.level, id=r.id, version=r.version) for r in result.rejections]
    listing = envelope_pb2.OutcomeListing(items=items, rejections=rejections)
    if listing.ByteSize() > LISTED_BYTES:
        outcome.listing.CopyFrom(store.put(listing.SerializeToString(deterministic=True), LISTING_MEDIA_TYPE))
    else:
        outcome.items.extend(items)
        outcome.rejections.extend(rejections)
    return outcome


def _header(stage: Stage, source: Input) -> envelope_pb2.Outcome:
    return envelope_pb2.Outcome(
        stage=stage.name,
        input_id=source.id,
        input_version=source.version,
        input_level=source.level,
        footage_id=source.footage_id,
        recipe=stage.recipe,
    )


def _encode(
    stage: Stage,
    topic: Topic,
    named: envelope_pb2.ItemHeader | envelope_pb2.Rejection,
    message: Message,
    traceparent: str,
) -> Event:
    key = named.id
    event_id = identity.event_id(key, named.version)
    return events.encode(topic.name, key, message, event_id=event_id, source=stage.name, traceparent=traceparent)


def _unique(stage: Stage, ids: Sequence[tuple[str, str]]) -> None:
    if len(set(ids)) < len(ids):
        kind, twice = next(id_ for id_ in ids if ids.count(id_) > 1)
        raise ValueError(f"{stage.name} made {kind} {twice} twice from one input.")
