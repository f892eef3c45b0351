"""One delivery to the events that end it: decode, process, and what each kind of error means for the input."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from google.protobuf.message import Message

from celstream_platform import tracing
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.checkpoints import Checkpoint
from celstream_platform.dead_letters import letter, one_line
from celstream_platform.errors import Invalid, Overloaded, Unavailable
from celstream_platform.events import Delivery, Event, decode
from celstream_platform.outcomes import Input, events_of, input_of, level_of, parked_outcome, whole_input_refused
from celstream_platform.stage import Context, Result, Stage, Stopping
from celstream_platform.topics import FOOTAGE


class Bug(Exception):
    """A stage raised what it should not; its cause is the error. The event has attempts left."""


class WorkerDied(Exception):
    """The reason of a dead letter whose workers died, or failed, as often as an event may."""


@dataclass(frozen=True, slots=True)
class Processed:
    """A delivery and the events that end it. result: None for a dead letter. seconds: the time it took.

    checkpoint: to be discarded once the events are committed; None where the input was not even looked at.
    """

    delivery: Delivery
    events: list[Event]
    result: Result | None
    seconds: float
    checkpoint: Checkpoint | None = None


def process_one(
    stage: Stage,
    delivery: Delivery,
    store: ArtefactStore,
    context: Callable[[Input, Checkpoint], Context],
    checkpoint: Callable[[Input, int], Checkpoint],
    max_attempts: int,
) -> Processed:
    """Process one delivery, inside the trace that it belongs to.

    Raises Unavailable, Overloaded and Stopping as the stage does, and Bug for anything else while the delivery has
    attempts left, counted from its last checkpoint; after that it is a dead letter.
    """
    begin = time.monotonic()
    with tracing.consume(stage.name, delivery.event, attempt=delivery.attempt):
        try:
            message = decode(delivery.event, stage.message_type)
            source = input_of(message)
        except Invalid as error:
            events = _parked(stage, delivery, _named_input(delivery.event), error, delivery.attempt)
            return Processed(delivery, events, None, time.monotonic() - begin)
        saved = checkpoint(source, delivery.attempt)
        worked = context(source, saved)
        events, result = _outcome_of(stage, delivery, message, source, store, worked, saved, max_attempts)
    return Processed(delivery, [*events, *saved.ended()], result, time.monotonic() - begin, saved)


def _outcome_of(
    stage: Stage,
    delivery: Delivery,
    message: Message,
    source: Input,
    store: ArtefactStore,
    context: Context,
    checkpoint: Checkpoint,
    max_attempts: int,
) -> tuple[list[Event], Result | None]:
    failures = checkpoint.attempts() - 1
    if failures >= max_attempts:
        died = WorkerDied(f"given up after {failures} attempts: each ended with the worker's death or with an error")
        return _parked(stage, delivery, source, died, failures), None
    try:
        try:
            result = stage.process(message, context)
        except Invalid as error:
            result = whole_input_refused(stage, source, error)
        return events_of(stage, source, result, store), result
    except (Unavailable, Overloaded, Stopping):
        raise
    except Exception as error:
        attempts = checkpoint.attempts()  # asked again: it may have got on before it failed
        if attempts < max_attempts:
            raise Bug(one_line(error)) from error
        return _parked(stage, delivery, source, error, attempts), None


def _parked(stage: Stage, delivery: Delivery, source: Input | None, error: BaseException, attempts: int) -> list[Event]:
    dead = letter(stage.name, delivery, error, attempts)
    return [dead, parked_outcome(stage, source, one_line(error))] if source else [dead]


def _named_input(event: Event) -> Input | None:
    """The input as key and `ce_id` (id.version) name it, for a message that cannot be read; None without a key."""
    if not event.key:
        return None
    id_, _, version = event.headers.get("ce_id", "").partition(".")
    footage = event.key if event.topic == FOOTAGE.name else ""
    return Input(event.key, version if id_ == event.key else "", level_of(event.topic), footage)
