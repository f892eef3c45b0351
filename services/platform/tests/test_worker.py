"""The worker around a stage: what becomes of an input, for each way in which its processing can end."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from celstream_platform import dead_letters, events, identity, logs, topics, tracing
from celstream_platform.artefacts import ArtefactStore, directory_url, open_artefact_store
from celstream_platform.dead_letter_replay import replay
from celstream_platform.errors import Invalid, LimitExceeded, Overloaded, Unavailable
from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_platform.events import Event
from celstream_platform.shutdown import Shutdown
from celstream_platform.stage import Context, Item, Result, Stopping
from celstream_platform.worker import Worker, WorkerSettings
from celstream_protos.v1 import clip_pb2, envelope_pb2, footage_pb2
from google.protobuf.message import Message

SETTINGS = WorkerSettings(
    max_events=10, first_backoff_seconds=0.001, longest_backoff_seconds=0.01, poll_seconds=0.05, progress_seconds=0.0
)
Work = Callable[[footage_pb2.Footage, Context], Result]


@dataclass
class Toy:
    """A stage from footage to clips whose work is given by the test."""

    work: Work
    recipe: str = "recipe-1"
    name: str = "toy"
    consumes: topics.Topic = topics.FOOTAGE
    produces: Sequence[topics.Topic] = (topics.CLIPS,)
    message_type: type[Message] = footage_pb2.Footage
    seen: list[str] = field(default_factory=list)

    def process(self, message: Message, context: Context) -> Result:
        assert isinstance(message, footage_pb2.Footage)
        self.seen.append(message.item.id)
        return self.work(message, context)

    def clip(self, footage: footage_pb2.Footage, number: int) -> Item:
        header = envelope_pb2.ItemHeader(
            id=identity.item_id(footage.item.id, "clips", number, number + 1),
            version=identity.item_version(footage.item.version, self.recipe),
            level="clips",
            parent_id=footage.item.id,
            parent_version=footage.item.version,
            footage_id=footage.item.footage_id,
        )
        return Item(topics.CLIPS, clip_pb2.Clip(item=header))


def clips(number: int) -> Toy:
    """A stage that makes `number` clips of every footage."""
    toy = Toy(lambda footage, _: Result(items=[toy.clip(footage, n) for n in range(number)]))
    return toy


def failing(error: BaseException) -> Toy:
    """A stage that fails for footage `bad` and makes a clip of any other."""

    def work(footage: footage_pb2.Footage, _: Context) -> Result:
        if footage.item.id == "bad":
            raise error
        return Result(items=[toy.clip(footage, 0)])

    toy = Toy(work)
    return toy


@dataclass
class World:
    """An event log and a store of a test's own."""

    log: EventLog
    store: ArtefactStore

    def offer(self, *names: str, version: str = "v1", traceparent: str = "") -> None:
        self.log.ensure_topics([topics.FOOTAGE])
        self.log.publish(
            [
                events.encode(
                    topics.FOOTAGE.name,
                    name,
                    footage_pb2.Footage(
                        item=envelope_pb2.ItemHeader(id=name, version=version, level="footage", footage_id=name),
                        name=f"{name}.mkv",
                    ),
                    event_id=identity.event_id(name, version),
                    source="test",
                    traceparent=traceparent,
                )
                for name in names
            ]
        )

    def read(self, topic: topics.Topic) -> list[Event]:
        reader = self.log.reader([topic.name], {})
        found: list[Event] = []
        while not reader.at_end():
            found += [delivery.event for delivery in reader.poll(100, 0)]
        reader.close()
        return found

    def outcomes(self) -> list[envelope_pb2.Outcome]:
        return [events.decode(event, envelope_pb2.Outcome) for event in self.read(topics.OUTCOMES)]

    def rejections(self) -> list[envelope_pb2.Rejection]:
        return [events.decode(event, envelope_pb2.Rejection) for event in self.read(topics.REJECTIONS)]

    def run(self, toy: Toy, settings: WorkerSettings = SETTINGS) -> int:
        return Worker(toy, self.log, self.store, settings).run_until_idle()


@pytest.fixture(scope="module", autouse=True)
def _plain_logs() -> None:
    logs.configure("test", level="error")  # unconfigured, structlog draws a traceback with all its variables: slow


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    log = open_event_log(sqlite_url(tmp_path / "events.sqlite"))
    yield World(log, open_artefact_store(directory_url(tmp_path / "artefacts")))
    log.close()


def test_an_input_gives_its_items_and_exactly_one_outcome_that_lists_them(world: World) -> None:
    world.offer("a", "b")
    assert world.run(clips(3)) == 2
    outcomes = {outcome.input_id: outcome for outcome in world.outcomes()}
    made = {event.key for event in world.read(topics.CLIPS)}
    assert len(world.outcomes()) == 2
    assert len(made) == 6
    assert {item.id for outcome in outcomes.values() for item in outcome.items} == made
    assert outcomes["a"].state == envelope_pb2.OUTCOME_STATE_COMPLETED
    assert (outcomes["a"].stage, outcomes["a"].input_version, outcomes["a"].recipe) == ("toy", "v1", "recipe-1")
    assert (outcomes["a"].input_level, outcomes["a"].footage_id) == ("footage", "a")


def test_the_same_input_under_the_same_recipe_gives_the_same_ids_and_versions(world: World) -> None:
    world.offer("a")
    world.run(clips(2))
    world.offer("a")
    world.run(clips(2))
    made = world.read(topics.CLIPS)
    assert [event.value for event in made[:2]] == [event.value for event in made[2:]]
    assert [event.headers["ce_id"] for event in made[:2]] == [event.headers["ce_id"] for event in made[2:]]
    first, second = world.read(topics.OUTCOMES)
    assert (first.key, first.value, first.headers["ce_id"]) == (second.key, second.value, second.headers["ce_id"])


def test_another_recipe_gives_the_same_ids_and_other_versions(world: World) -> None:
    world.offer("a")
    world.run(clips(1))
    other = clips(1)
    other.recipe = "recipe-2"
    world.offer("a")
    world.run(other)
    first, second = (events.decode(event, clip_pb2.Clip).item for event in world.read(topics.CLIPS))
    assert first.id == second.id
    assert first.version != second.version


def test_each_version_of_an_input_has_its_own_outcome_in_order(world: World) -> None:
    world.offer("a", version="v1")
    world.offer("a", version="v2")
    world.run(clips(1))
    assert [outcome.input_version for outcome in world.outcomes()] == ["v1", "v2"]


def test_outcomes_of_two_stages_about_one_input_have_different_keys(world: World) -> None:
    world.offer("a")
    world.run(clips(1))
    second = clips(1)
    second.name = "toy-two"
    world.run(second)
    assert [event.key for event in world.read(topics.OUTCOMES)] == ["a/toy", "a/toy-two"]


def test_a_long_list_becomes_an_artefact(world: World) -> None:
    world.offer("a")
    world.run(clips(1_000))
    (outcome,) = world.outcomes()
    assert not outcome.items
    with world.store.open(outcome.listing) as stream:
        listing = envelope_pb2.OutcomeListing.FromString(stream.read())
    assert [item.id for item in listing.items] == [event.key for event in world.read(topics.CLIPS)]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Invalid("bad.mkv: no video stream."), envelope_pb2.REJECTION_REASON_UNREADABLE),
        (LimitExceeded("bad.mkv: more than 1 GiB of memory."), envelope_pb2.REJECTION_REASON_LIMIT_EXCEEDED),
    ],
)
def test_content_that_can_never_succeed_is_one_rejection_of_the_whole_input(
    world: World, error: Invalid, reason: envelope_pb2.RejectionReason
) -> None:
    world.offer("bad", "good")
    world.run(failing(error))
    (rejection,) = world.rejections()
    assert (rejection.reason, rejection.detail, rejection.level) == (reason, str(error), "clips")
    assert (rejection.parent_id, rejection.footage_name) == ("bad", "bad.mkv")
    assert not rejection.HasField("range")
    outcomes = {outcome.input_id: outcome for outcome in world.outcomes()}
    assert outcomes["bad"].state == envelope_pb2.OUTCOME_STATE_COMPLETED
    assert [ref.id for ref in outcomes["bad"].rejections] == [rejection.id]
    assert len(outcomes["good"].items) == 1
    assert not world.read(topics.dead_letters("toy"))


def test_a_message_that_cannot_be_read_is_a_dead_letter_byte_for_byte(world: World) -> None:
    world.offer("good")
    strange = Event(topics.FOOTAGE.name, "strange", b"\xff\x00no protobuf", {"ce_type": "x.Y", "ce_id": "strange.v7"})
    world.log.publish([strange])
    world.run(clips(1))
    (letter,) = dead_letters.pending(world.log, "toy")
    assert letter.event == strange
    assert (letter.stage, letter.attempts, letter.origin_topic) == ("toy", 1, "celstream.footage")
    assert "expected 'celstream.v1.Footage'" in letter.error
    parked = next(outcome for outcome in world.outcomes() if outcome.state == envelope_pb2.OUTCOME_STATE_PARKED)
    assert (parked.input_id, parked.input_version, parked.input_level) == ("strange", "v7", "footage")


def test_a_message_without_a_key_is_a_dead_letter_without_an_outcome(world: World) -> None:
    world.log.ensure_topics([topics.FOOTAGE])
    world.log.publish([Event(topics.FOOTAGE.name, "", b"?", {})])
    assert world.run(clips(1)) == 1
    assert len(list(dead_letters.pending(world.log, "toy"))) == 1
    assert not world.outcomes()


def test_a_bug_is_tried_again_alone_then_parked_and_the_others_go_on(world: World) -> None:
    world.offer("a", "bad", "b", "c")
    toy = failing(ZeroDivisionError("division by zero"))
    world.run(toy)
    assert toy.seen.count("bad") == SETTINGS.max_attempts
    assert [toy.seen.count(name) for name in "abc"] == [1, 1, 1]
    (letter,) = dead_letters.pending(world.log, "toy")
    assert letter.event == next(event for event in world.read(topics.FOOTAGE) if event.key == "bad")
    assert letter.attempts == SETTINGS.max_attempts
    assert letter.error == "ZeroDivisionError: division by zero"
    assert "in work" in letter.traceback
    states = {outcome.input_id: outcome.state for outcome in world.outcomes()}
    assert states["bad"] == envelope_pb2.OUTCOME_STATE_PARKED
    assert len(world.outcomes()) == 4


def test_a_stage_that_breaks_its_contract_is_a_bug(world: World) -> None:
    toy = Toy(lambda footage, _: Result(items=[toy.clip(footage, 0), toy.clip(footage, 0)]))
    world.offer("a")
    world.run(toy)
    (letter,) = dead_letters.pending(world.log, "toy")
    assert "twice" in letter.error


@pytest.mark.parametrize("error", [Unavailable("store away"), Overloaded("server full")])
def test_a_dependency_that_is_away_for_a_while_loses_nothing_and_is_no_failed_attempt(
    world: World, error: Exception
) -> None:
    left = {"a": 10, "c": 10}

    def work(footage: footage_pb2.Footage, _: Context) -> Result:
        if left.get(footage.item.id, 0):
            left[footage.item.id] -= 1
            raise error
        return Result(items=[toy.clip(footage, 0)])

    toy = Toy(work)
    world.offer("a", "b", "c")
    world.run(toy)
    assert sorted(outcome.input_id for outcome in world.outcomes()) == ["a", "b", "c"]
    assert {outcome.state for outcome in world.outcomes()} == {envelope_pb2.OUTCOME_STATE_COMPLETED}


def test_an_input_whose_source_is_away_does_not_hold_up_the_others(world: World) -> None:
    done: list[str] = []

    def work(footage: footage_pb2.Footage, _: Context) -> Result:
        if footage.item.id == "away" and len(done) < 3:
            raise Unavailable("its folder is away")
        done.append(footage.item.id)
        return Result()

    world.offer("away", "a", "b", "c")
    world.run(Toy(work))
    assert sorted(done[:3]) == ["a", "b", "c"]
    assert done[3:] == ["away"]


def test_a_worker_is_not_ready_while_a_dependency_is_away(world: World) -> None:
    ready: list[bool] = []
    shutdown = Shutdown()

    def work(_: footage_pb2.Footage, __: Context) -> Result:
        ready.append(worker.ready)
        if len(ready) == 8:
            shutdown.request()
        raise Unavailable("store away")

    worker = Worker(Toy(work), world.log, world.store, SETTINGS)
    world.offer("a")
    worker.run(shutdown)
    # Also not by an empty poll: nothing comes while the one input is paused.
    assert ready == [True] + [False] * 7
    assert not worker.ready


def test_a_stage_that_stops_gives_its_input_back(world: World) -> None:
    shutdown = Shutdown()

    def work(footage: footage_pb2.Footage, context: Context) -> Result:
        if footage.item.id == "b":
            shutdown.request()
            assert context.stopping()
            raise Stopping
        return Result()

    world.offer("a")
    world.offer("b")
    Worker(Toy(work), world.log, world.store, SETTINGS).run(shutdown)
    assert [outcome.input_id for outcome in world.outcomes()] == ["a"]
    assert world.log.lag("toy", [topics.FOOTAGE.name]) == 1
    toy = clips(1)
    assert world.run(toy) == 1
    assert toy.seen == ["b"]


def test_what_is_produced_belongs_to_the_trace_of_what_was_consumed(world: World) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    world.offer("a", traceparent=f"00-{trace}-00f067aa0ba902b7-01")
    with tracing.recording():
        world.run(clips(1))
    for topic in (topics.CLIPS, topics.OUTCOMES):
        (event,) = world.read(topic)
        assert event.headers["traceparent"].split("-")[1] == trace


def test_progress_is_published_while_an_input_is_processed(world: World) -> None:
    def work(_: footage_pb2.Footage, context: Context) -> Result:
        context.progress(5, 10, "frames")
        return Result()

    world.offer("a")
    world.run(Toy(work))
    (event,) = world.read(topics.PROGRESS)
    progress = events.decode(event, envelope_pb2.Progress)
    assert (progress.stage, progress.input_id, progress.done, progress.total, progress.unit) == (
        "toy",
        "a",
        5,
        10,
        "frames",
    )


def test_a_replayed_letter_that_now_works_leaves_no_trace_of_the_failure(world: World) -> None:
    world.offer("bad")
    world.run(failing(KeyError("x")))
    assert replay(world.log, "toy", lambda letter: "KeyError" in letter.error) == 1
    assert not list(dead_letters.pending(world.log, "toy"))
    world.run(clips(2))
    assert [outcome.state for outcome in world.outcomes()] == [
        envelope_pb2.OUTCOME_STATE_PARKED,
        envelope_pb2.OUTCOME_STATE_COMPLETED,
    ]
    assert world.read(topics.FOOTAGE)[0] == world.read(topics.FOOTAGE)[1]
    assert {event.key for event in world.read(topics.OUTCOMES)} == {"bad/toy"}
