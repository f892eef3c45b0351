"""A worker's place in a consumer group on Kafka.

Order of a commit: begin, send, positions and bookmarks, commit; then the hand is emptied. A thread of its own keeps the
membership alive while the worker computes, for hours if need be: it answers heartbeats and takes part in rebalances.

Bookmarks say who has what in hand. A commit that empties the hand writes them for what the next poll will bring, so
that a poll has nothing to write. A death between the two counts as one attempt of events that were only about to be
handed out: they come alone then, as all do that were in a dead worker's hand, and keep their other attempts.
"""

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from kafka.structs import OffsetAndMetadata

from celstream_platform import metrics
from celstream_platform.errors import Fenced, Unavailable
from celstream_platform.eventlog.kafka_bookmarks import Failures
from celstream_platform.eventlog.kafka_connection import REBALANCE_SECONDS, Connection
from celstream_platform.eventlog.kafka_hand import Hand, Place, by_partition
from celstream_platform.eventlog.kafka_lookout import Lookout
from celstream_platform.eventlog.kafka_membership import Membership
from celstream_platform.eventlog.kafka_transactions import GroupMoved, Transactions
from celstream_platform.eventlog.liveness import Process, now_seconds
from celstream_platform.events import Delivery, Event

WAIT_SECONDS = 0.5  # the longest single wait: each costs several turns between the library's threads
SETTLE_SECONDS = 0.1  # the same while a write waits for the group to settle
KEEP_SECONDS = 0.1  # how often the keeper looks whether the group changes
PUMP_SECONDS = 1.0  # how often it takes part in it while nothing changes, which costs a hundred times as much


class KafkaSession:
    """One member of a group; see the port."""

    def __init__(
        self,
        connection: Connection,
        group: str,
        instance: str,
        topics: Sequence[str],
        supervisor: Process,
        *,
        know: Callable[[Collection[str]], object],
        alive: Callable[[str], Collection[str]],
        leave: Callable[[str, Any], None],
        on_close: Callable[["KafkaSession"], None],
    ) -> None:
        self._connection = connection
        self._group = group
        self._instance = instance
        self._topics = list(topics)
        self._supervisor = supervisor
        self._know = know
        self._alive = alive
        self._leave = leave
        self._on_close = on_close
        self._lock = threading.RLock()
        self._hand = Hand()
        self._most = 0  # events that the last poll asked for
        self._lookout = Lookout()
        self._lost = False  # this member's name is somebody else's, or a transaction's end is unknown
        self._transactions = Transactions(connection, f"{group}/{instance}")
        self._transactions.open()  # whoever was this member cannot commit from now on
        try:
            self._membership: Membership | None = self._join()
        except BaseException:
            self._transactions.close()
            raise
        self._closing = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="event-log-membership", daemon=True)
        self._keeper.start()

    def poll(self, max_events: int, timeout_seconds: float) -> list[Delivery]:
        """See the port."""
        deadline = time.monotonic() + timeout_seconds
        self._most = max_events
        while True:
            with self._lock:
                taken = self._take(max_events)
                if not taken:
                    self._pump(self._wait_seconds(deadline))
                    taken = self._take(max_events)
                if taken:
                    self._lookout.rest()
                    return taken
                if time.monotonic() >= deadline:
                    self._catch_up()
                    self._look_around()
                    return []

    def commit(self, consumed: Sequence[Delivery], events: Sequence[Event]) -> None:
        """See the port."""
        if not consumed and not events:
            return
        with self._lock, metrics.EVENTLOG_SECONDS.labels("commit").time():
            self._fail_if_void(consumed)
            done = by_partition(consumed)
            rest = self._hand.rest_after(done)
            self._know({event.topic for event in events})
            settled: dict[Any, tuple[int, int]] = {}

            def write(metadata: Any) -> None:
                nonlocal settled  # looked up anew each time: meanwhile partitions may have gone and come
                settled = self._settled(done, rest)
                places = self._hand.places
                offsets = {tp: self._offset(places[tp], at, until) for tp, (at, until) in settled.items()}
                self._transactions.run(events, offsets, metadata)

            self._when_stable(write, lambda: self._fail_if_void(consumed))
            for partition, (position, until) in settled.items():
                self._hand.done(partition, position)
                self._hand.places[partition].marked_until = until

    def release(self, deliveries: Sequence[Delivery], *, failed: bool = False, pause_seconds: float = 0.0) -> None:
        """See the port."""
        with self._lock:
            if self._lost:
                return
            back = {}
            for partition, given in by_partition(deliveries).items():
                place = self._hand.places.get(partition)
                if place is not None and given[0] in place.hand:
                    back[partition] = given
            if back:
                try:
                    self._when_stable(lambda _: self._write_back(back, failed=failed), lambda: None)
                except Fenced:
                    return  # void by now
            for partition, given in back.items():
                place = self._hand.places.get(partition)
                if place is None:
                    continue
                for delivery in given if failed else ():
                    place.failures.add(delivery.offset, delivery.offset)
                self._hand.put_back(partition, given[0].offset)
                place.marked_until = place.hand_until()
                place.paused_until = now_seconds() + pause_seconds

    def close(self) -> None:
        """See the port."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._keeper.join()
        try:
            with self._lock:
                self._clear_bookmarks()
        finally:
            self._on_close(self)
            try:
                self._quit(leave=not self._lost)
            finally:
                self._transactions.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except Unavailable:
            if kind is None:  # else the first error says more; the membership ends with its session
                raise

    def _join(self) -> Membership:
        return Membership(
            self._connection,
            self._group,
            self._instance,
            self._topics,
            self._hand,
            self._supervisor,
            lambda: self._alive(self._group),
        )

    def _pump(self, seconds: float) -> None:
        """Take part in the group; come back to it where it was lost and nothing is in hand."""
        if self._lost:
            if self._hand.busy:
                time.sleep(seconds)  # the commit of what is in hand will say that it is void
                return
            self._quit(leave=False)
            self._hand.lose(list(self._hand.places))
            self._transactions.drop()
            self._transactions.open()
            self._membership = self._join()
            self._lost = False
        if self._membership is None:
            self._membership = self._join()
        try:
            self._membership.pump(seconds)
        except Fenced:
            self._lost = True

    def _wait_seconds(self, deadline: float) -> float:
        """How long to wait for events at most: until the deadline, or a paused partition is due."""
        paused = [place.paused_until - now_seconds() for place in self._hand.places.values()]
        return max(0.0, min(WAIT_SECONDS, deadline - time.monotonic(), *(left for left in paused if left > 0)))

    def _take(self, max_events: int) -> list[Delivery]:
        """The next events, once it is written down that we have them."""
        membership = self._membership
        if self._lost or membership is None or membership.metadata() is None:
            return []
        taken = self._hand.take(max_events, now_seconds())
        if not taken:
            return []
        marks = self._wrong_marks()
        try:
            if marks:
                with metrics.EVENTLOG_SECONDS.labels("poll").time():
                    membership.commit(marks)
        except GroupMoved:
            self._hand.take_back(taken)
            return []
        except Fenced:
            self._hand.take_back(taken)
            self._lost = True
            return []
        except BaseException:
            self._hand.take_back(taken)
            raise
        for partition in marks:
            self._place(partition).marked_until = self._place(partition).hand_until()
        return taken

    def _when_stable(self, write: Callable[[Any], None], check: Callable[[], None]) -> None:
        """Write in the name of the group's present state; again where it changes meanwhile, as long as `check` passes.

        Raises Fenced where the place in the group is lost, Unavailable where the group does not settle.
        """
        deadline = time.monotonic() + REBALANCE_SECONDS
        while True:
            check()
            if self._lost or self._membership is None:
                self._hand.void_all()
                raise Fenced(f"{self._group}: another worker has the place of {self._instance} by now.")
            metadata = self._membership.metadata()
            try:
                if metadata is not None:
                    write(metadata)
                    return
            except GroupMoved:
                pass
            except Fenced:
                self._lost = True
                self._hand.void_all()
                raise
            if time.monotonic() > deadline:
                raise Unavailable(f"{self._group}: its members do not settle. Look at which of them hang.")
            self._pump(SETTLE_SECONDS)

    def _fail_if_void(self, consumed: Sequence[Delivery]) -> None:
        if self._hand.is_void(consumed):
            self._hand.void_all()
            raise Fenced(f"{self._group}: another worker holds these partitions by now.")

    def _settled(
        self, done: Mapping[Any, list[Delivery]], rest: Mapping[Any, list[Delivery]]
    ) -> dict[Any, tuple[int, int]]:
        """(position, end of what its bookmark shall cover) of each partition, once `done` is and `rest` stays in hand.

        Where nothing stays in hand, they cover what the next poll will bring, also of other partitions.
        """
        waiting = {tp: place.waiting[0][1].offset for tp, place in self._hand.places.items() if place.waiting}
        settled = {}
        for partition, consumed in done.items():
            left = rest[partition]
            following = left[0].offset if left else waiting.get(partition, consumed[-1].offset + 1)
            settled[partition] = (following, left[-1].offset + 1 if left else 0)
        if self._hand.busy <= done.keys() and not any(rest.values()):
            coming = self._hand.coming(self._most, now_seconds())
            settled |= {partition: (waiting[partition], until) for partition, until in coming.items()}
        return settled

    def _offset(self, place: Place, position: int, until: int) -> Any:
        failures = Failures(list(place.failures.ranges))
        failures.forget(position)
        offset, text = self._mark(position, failures, until)
        return OffsetAndMetadata(offset, text, -1)

    def _mark(self, position: int, failures: Failures, until: int) -> tuple[int, str]:
        """A position, and the bookmark that we have the events from there to `until` in hand; 0: that we have none."""
        assert self._membership is not None
        return position, self._membership.bookmark(failures, until)

    def _mark_of(self, place: Place, until: int) -> tuple[int, str]:
        """The same for a partition as it is, from the first event that is not done."""
        following = place.next_offset()
        return self._mark(place.position if following is None else following, place.failures, until)

    def _wrong_marks(self) -> dict[Any, tuple[int, str]]:
        """The bookmarks to be written where the committed ones do not say what is in hand."""
        places = self._hand.places.items()
        return {tp: self._mark_of(p, p.hand_until()) for tp, p in places if p.marked_until != p.hand_until()}

    def _place(self, partition: Any) -> Place:
        return self._hand.places[partition]

    def _write_back(self, back: dict[Any, list[Delivery]], *, failed: bool) -> None:
        """Bookmarks without what is given back."""
        marks = {}
        for partition, given in back.items():
            place = self._hand.places.get(partition)
            if place is None:
                continue
            kept = [delivery for delivery in place.hand if delivery.offset < given[0].offset]
            failures = Failures(list(place.failures.ranges))
            for delivery in given if failed else ():
                failures.add(delivery.offset, delivery.offset)
            position, until = (kept[0].offset, kept[-1].offset + 1) if kept else (given[0].offset, 0)
            marks[partition] = self._mark(position, failures, until)
        if marks:
            assert self._membership is not None
            self._membership.commit(marks)

    def _catch_up(self) -> None:
        """Where there is nothing to do, move past the markers of transactions: an idle group has no lag."""
        membership = self._membership
        if self._lost or membership is None or membership.metadata() is None:
            return
        passed = membership.passed()
        marks = self._wrong_marks() | {tp: self._mark(at, self._place(tp).failures, 0) for tp, at in passed.items()}
        if marks:
            try:
                membership.commit(marks)
            except GroupMoved:
                return
            except Fenced:
                self._lost = True
                return
            for partition, position in passed.items():
                self._hand.done(partition, position)
            for partition in marks:
                self._place(partition).marked_until = self._place(partition).hand_until()

    def _look_around(self) -> None:
        """Where there is nothing to do, ask for partitions whose events wait behind somebody's long work."""
        membership = self._membership
        if self._lost or membership is None or membership.metadata() is None:
            return
        if self._lookout.is_due and not self._hand.busy and not self._hand.waiting():
            membership.ask(self._lookout.saw(membership.waiting_elsewhere()))

    def _clear_bookmarks(self) -> None:
        """Nothing is in hand any more: whoever inherits the partitions shall not count it as our death."""

        def write(_: Any) -> None:
            marked = {tp: place for tp, place in self._hand.places.items() if place.marked_until}
            if marked and self._membership is not None:
                self._membership.commit({tp: self._mark_of(place, 0) for tp, place in marked.items()})

        if not self._lost and any(place.marked_until for place in self._hand.places.values()):
            with suppress(Fenced):
                self._when_stable(write, lambda: None)

    def _quit(self, *, leave: bool) -> None:
        membership, self._membership = self._membership, None
        if membership is not None:
            identity = membership.identity()
            membership.close()
            if leave and identity.member_id:
                self._leave(self._group, identity)

    def _keep(self) -> None:
        """Keep the membership alive while the worker computes."""
        pause, due = KEEP_SECONDS, 0.0
        while not self._closing.wait(pause):
            pause = KEEP_SECONDS
            if self._lock.acquire(blocking=False):
                try:
                    membership = self._membership
                    if self._lost or membership is None:
                        continue
                    if membership.is_joining() or time.monotonic() >= due:
                        self._pump(0.0)
                        due = time.monotonic() + PUMP_SECONDS
                    pause = 0.0 if membership.is_joining() else KEEP_SECONDS
                except Unavailable:
                    continue  # the worker's next call meets the same error and reports it
                finally:
                    self._lock.release()
