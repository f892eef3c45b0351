"""A batch: deliveries from the topics, turned into rows. Knows events, not the database's state."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from celstream_platform import topics
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid
from celstream_platform.events import Delivery, decode
from celstream_platform.identity import item_version
from celstream_protos.v1.envelope_pb2 import (
    ORIGIN_KIND_HUMAN,
    REVIEW_VERDICT_CORRECT,
    FrameRange,
    ItemHeader,
    Outcome,
    OutcomeListing,
    Progress,
    Rejection,
    Review,
    Takedown,
)
from celstream_protos.v1.evaluation_pb2 import Evaluation
from celstream_protos.v1.footage_pb2 import Footage
from google.protobuf.message import DecodeError, Message

from celstream_catalog.levels import Chain, Level
from celstream_catalog.tables import ITEM, REJECTION, WITHDRAWN

Row = dict[str, Any]


@dataclass(slots=True)
class Batch:
    """Rows of one batch, one per key where a table holds one row per key: the newest event wins."""

    items: dict[str, Row] = field(default_factory=dict)  # by item id
    item_versions: dict[tuple[str, str], Row] = field(default_factory=dict)  # by item id and version
    outcomes: dict[tuple[str, str], Row] = field(default_factory=dict)  # by stage and input id
    outcome_versions: dict[tuple[str, str, int], Row] = field(default_factory=dict)
    listings: dict[tuple[str, str], list[Row]] = field(default_factory=dict)  # of `outcomes`, by their key
    attachments: dict[tuple[str, str], list[Row]] = field(default_factory=dict)  # of `outcomes`, by their key
    rejections: dict[str, Row] = field(default_factory=dict)
    reviews: dict[str, Row] = field(default_factory=dict)
    takedowns: dict[str, Row] = field(default_factory=dict)
    facts: dict[str, Row] = field(default_factory=dict)  # by footage id
    evaluations: dict[str, Row] = field(default_factory=dict)
    skipped: list[Row] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    events: int = 0
    footage_ids: set[str] = field(default_factory=set)  # what the batch speaks of
    positions: dict[tuple[str, int], int] = field(default_factory=dict)  # next offsets after it


def read_batch(deliveries: Iterable[Delivery], chain: Chain, store: ArtefactStore) -> Batch:
    """Turn deliveries into rows. An event that cannot be read becomes a row of `skipped_events`.

    Raises Unavailable where a long listing cannot be fetched from the store now.
    """
    batch = Batch()
    levels = chain.by_topic()
    readers: Mapping[str, Callable[[Batch, Delivery], None]] = {
        topics.OUTCOMES.name: lambda batch, delivery: _outcome(batch, delivery, store),
        topics.REJECTIONS.name: _rejection,
        topics.REVIEWS.name: lambda batch, delivery: _review(batch, delivery, chain),
        topics.TAKEDOWNS.name: _takedown,
        topics.EVALUATIONS.name: _evaluation,
        topics.PROGRESS.name: _progress,
    }
    for delivery in deliveries:
        batch.events += 1
        topic = delivery.event.topic
        place = (topic, delivery.partition)
        batch.positions[place] = max(batch.positions.get(place, 0), delivery.offset + 1)
        try:
            if level := levels.get(topic):
                _item(batch, delivery, level)
            else:
                readers[topic](batch, delivery)
        except Invalid as error:
            batch.skipped.append(
                {"topic": topic, "partition": delivery.partition, "offset": delivery.offset, "error": str(error)}
            )
    return batch


def frame_range(message: Message) -> tuple[int, int]:
    """Frames [start, end) of an item or rejection; (-1, -1) where it names none."""
    descriptor = message.DESCRIPTOR.fields_by_name.get("range")
    if descriptor is None or descriptor.message_type is None or not message.HasField("range"):
        return -1, -1
    value = message.range  # type: ignore[attr-defined]
    return (value.start_frame, value.end_frame) if isinstance(value, FrameRange) else (-1, -1)


def _item(batch: Batch, delivery: Delivery, level: Level) -> None:
    event = delivery.event
    message = decode(event, level.message_type)
    header: ItemHeader = message.item  # type: ignore[attr-defined]
    if header.level != level.name or not header.id or not header.version or not header.footage_id:
        raise Invalid(
            f"{event.topic} {event.key}: level {header.level!r}, id {header.id!r}, version {header.version!r}, footage"
            f" {header.footage_id!r} in the header; expected all four, and level {level.name!r}."
        )
    start_frame, end_frame = frame_range(message)
    item = {
        "item_id": header.id,
        "version": header.version,
        "level": header.level,
        "parent_id": header.parent_id,
        "footage_id": header.footage_id,
        "start_frame": start_frame,
        "end_frame": end_frame,
        "offset": delivery.offset,
        "state": WITHDRAWN,
    }
    is_human = header.origin.kind == ORIGIN_KIND_HUMAN
    version = {
        "item_id": header.id,
        "version": header.version,
        "machine_version": item_version(header.parent_version, header.origin.recipe) if is_human else header.version,
        "parent_version": header.parent_version,
        "recipe": header.origin.recipe,
        "origin_kind": header.origin.kind,
        "offset": delivery.offset,
        "published_at": event.headers.get("ce_time", ""),
        "traceparent": event.headers.get("traceparent", ""),
        "message": event.value,
    }
    _keep_newest(batch.items, header.id, item)
    _keep_newest(batch.item_versions, (header.id, header.version), version)
    batch.footage_ids.add(header.footage_id)
    if isinstance(message, Footage):
        _keep_newest(batch.facts, header.id, {**footage_facts(message), "offset": delivery.offset})


def footage_facts(footage: Footage) -> Row:
    """The row of `footage_facts` of a footage, without its offset."""
    return {"footage_id": footage.item.id, "style": footage.style, "canary": footage.rights.canary}


def _outcome(batch: Batch, delivery: Delivery, store: ArtefactStore) -> None:
    event = delivery.event
    outcome = decode(event, Outcome)
    if not outcome.stage or not outcome.input_id:
        raise Invalid(f"{event.topic} {event.key}: outcome without stage or input.")
    key = (outcome.stage, outcome.input_id)
    batch.footage_ids.add(outcome.footage_id)
    batch.outcome_versions[(*key, delivery.offset)] = {
        "stage": outcome.stage,
        "input_id": outcome.input_id,
        "offset": delivery.offset,
        "published_at": event.headers.get("ce_time", ""),
        "message": event.value,
    }
    # Without a version it is about a message that could not be read, not about any version of the item.
    if not outcome.input_version or (key in batch.outcomes and batch.outcomes[key]["offset"] > delivery.offset):
        return
    listing, listing_error = _listing(outcome, store)
    batch.outcomes[key] = {
        "stage": outcome.stage,
        "input_id": outcome.input_id,
        "input_version": outcome.input_version,
        "input_level": outcome.input_level,
        "footage_id": outcome.footage_id,
        "recipe": outcome.recipe,
        "state": outcome.state,
        "error": outcome.error,
        "listing_error": listing_error,
        "offset": delivery.offset,
    }
    # By key, as an outcome that lists something twice lists it once.
    refs = {(ITEM, ref.id): ref for ref in listing.items} | {(REJECTION, ref.id): ref for ref in listing.rejections}
    batch.listings[key] = [
        {
            "stage": outcome.stage,
            "input_id": outcome.input_id,
            "kind": kind,
            "ref_id": ref.id,
            "ref_version": ref.version,
            "ref_level": ref.level,
        }
        for (kind, _), ref in refs.items()
    ]
    attachments = {attachment.name: attachment.artefact for attachment in outcome.attachments}
    batch.attachments[key] = [
        {
            "stage": outcome.stage,
            "input_id": outcome.input_id,
            "name": name,
            "sha256": artefact.sha256,
            "size": artefact.size,
            "media_type": artefact.media_type,
        }
        for name, artefact in attachments.items()
    ]


def _listing(outcome: Outcome, store: ArtefactStore) -> tuple[OutcomeListing, str]:
    if not outcome.HasField("listing"):
        return OutcomeListing(items=outcome.items, rejections=outcome.rejections), ""
    try:
        with store.open(outcome.listing) as file:
            return OutcomeListing.FromString(file.read()), ""
    except Invalid as error:  # not stored, or not the bytes that its name says
        return OutcomeListing(), str(error)
    except DecodeError as error:
        return OutcomeListing(), f"artefact {outcome.listing.sha256} is not an OutcomeListing: {error}."


def _rejection(batch: Batch, delivery: Delivery) -> None:
    event = delivery.event
    rejection = decode(event, Rejection)
    if not rejection.id or not rejection.level or not rejection.footage_id:
        raise Invalid(f"{event.topic} {event.key}: rejection without id, level or footage.")
    row = {
        "rejection_id": rejection.id,
        "version": rejection.version,
        "level": rejection.level,
        "parent_id": rejection.parent_id,
        "footage_id": rejection.footage_id,
        "reason": rejection.reason,
        "start_frame": frame_range(rejection)[0],
        "refused_item_id": "",
        "offset": delivery.offset,
        "current": False,
        "message": event.value,
    }
    _keep_newest(batch.rejections, rejection.id, row)
    batch.footage_ids.add(rejection.footage_id)


def _review(batch: Batch, delivery: Delivery, chain: Chain) -> None:
    event = delivery.event
    review = decode(event, Review)
    if not review.id or not review.item.id:
        raise Invalid(f"{event.topic} {event.key}: review without id or item.")
    if review.verdict == REVIEW_VERDICT_CORRECT:
        expected = chain.level(review.item.level).message_type
        try:
            fits = review.correction.Unpack(expected())
        except DecodeError:
            fits = False
        if not fits:
            raise Invalid(
                f"{event.topic} {event.key}: correction {review.id} holds {review.correction.type_url or 'nothing'!r},"
                f" expected {expected.DESCRIPTOR.full_name!r}."
            )
    row = {
        "review_id": review.id,
        "item_id": review.item.id,
        "verdict": review.verdict,
        "offset": delivery.offset,
        "message": event.value,
    }
    _keep_newest(batch.reviews, review.id, row)


def _takedown(batch: Batch, delivery: Delivery) -> None:
    event = delivery.event
    takedown = decode(event, Takedown)
    if not takedown.id or not takedown.item_id:
        raise Invalid(f"{event.topic} {event.key}: takedown without id or item.")
    row = {
        "takedown_id": takedown.id,
        "item_id": takedown.item_id,
        "level": takedown.level,
        "offset": delivery.offset,
        "message": event.value,
    }
    _keep_newest(batch.takedowns, takedown.id, row)


def _evaluation(batch: Batch, delivery: Delivery) -> None:
    event = delivery.event
    evaluation = decode(event, Evaluation)
    if not evaluation.id or not evaluation.benchmark:
        raise Invalid(f"{event.topic} {event.key}: evaluation without id or benchmark.")
    row = {
        "evaluation_id": evaluation.id,
        "benchmark": evaluation.benchmark,
        "evaluated_at": evaluation.evaluated_at.seconds,
        "offset": delivery.offset,
        "message": event.value,
    }
    _keep_newest(batch.evaluations, evaluation.id, row)


def _progress(batch: Batch, delivery: Delivery) -> None:
    progress = decode(delivery.event, Progress)
    batch.progress.append(progress)
    batch.footage_ids.add(progress.footage_id)


def _keep_newest(rows: dict[Any, Row], key: object, row: Row) -> None:
    known = rows.get(key)
    if known is None or known["offset"] <= row["offset"]:
        rows[key] = row
