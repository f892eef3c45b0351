"""What the SQLite event log promises beyond the contract: leases, deaths, full disks, compaction."""

import os
import resource
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from celstream_platform.errors import Invalid, Unavailable
from celstream_platform.eventlog import open_event_log, sqlite_url
from celstream_platform.eventlog.sqlite import SqliteEventLog
from celstream_platform.eventlog.sqlite_leases import KEY_BUCKETS, bucket_of
from celstream_platform.events import Event
from celstream_platform.topics import Topic

HANGING_WORKER = Path(__file__).with_name("hanging_worker.py")
COMPACTED = Topic("celstream.compacted")
PASSING = Topic("celstream.passing", compacted=False, retention_hours=0)
WAIT_SECONDS = 60.0  # for what is there: poll returns as soon as it has something


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite"


@pytest.fixture
def log(path: Path) -> Iterator[SqliteEventLog]:
    log = SqliteEventLog(path)
    log.ensure_topics([COMPACTED, PASSING])
    yield log
    log.close()


def contents(log: SqliteEventLog, topic: Topic) -> list[str]:
    reader = log.reader([topic.name], {})
    found: list[str] = []
    while not reader.at_end():
        found += [delivery.event.value.decode() for delivery in reader.poll(100, 0.0)]
    reader.close()
    return found


@contextmanager
def hanging(path: Path, *, lease_seconds: float = 15.0, supervisor: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A process that has taken what there is."""
    command = [sys.executable, HANGING_WORKER, path, COMPACTED.name, str(lease_seconds), str(supervisor)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert int(process.stdout.readline()) > 0
            yield process
        finally:
            process.kill()


def test_an_input_never_waits_behind_another_workers_long_work(log: SqliteEventLog) -> None:
    keys = [f"film-{number}" for number in range(4)]
    assert len({bucket_of(key) for key in keys}) == 4
    log.publish([Event(COMPACTED.name, key, b"") for key in keys])
    sessions = [log.session("group", [COMPACTED.name], key) for key in keys]
    taken = [session.poll(1, WAIT_SECONDS) for session in sessions]
    assert sorted(deliveries[0].event.key for deliveries in taken) == keys


def test_the_buckets_of_keys_stay_the_same_for_ever() -> None:
    assert KEY_BUCKETS == 256
    assert bucket_of("123456789") == 0xCBF43926 % 256  # the check value of CRC-32 (ITU-T V.42)


def test_a_living_worker_keeps_its_leases_past_their_time(path: Path) -> None:
    lease_seconds = 4.0  # a busy machine may keep this process waiting for longer than a fraction of a second
    log = SqliteEventLog(path, lease_seconds=lease_seconds)
    log.ensure_topics([COMPACTED])
    log.publish([Event(COMPACTED.name, "key", b"")])
    with log.session("group", [COMPACTED.name], "a") as first, log.session("group", [COMPACTED.name], "b") as second:
        deliveries = first.poll(1, WAIT_SECONDS)
        assert not second.poll(1, lease_seconds + 0.5)
        first.commit(deliveries, [])
    log.close()


def test_a_worker_that_hangs_loses_its_leases_and_is_fenced(path: Path) -> None:
    log = SqliteEventLog(path, lease_seconds=0.5)
    log.ensure_topics([COMPACTED])
    log.publish([Event(COMPACTED.name, "key", b"")])
    with hanging(path, lease_seconds=0.5) as process, log.session("group", [COMPACTED.name], "heir") as heir:
        process.send_signal(signal.SIGSTOP)
        (delivery,) = heir.poll(1, WAIT_SECONDS)
        assert delivery.attempt == 1  # it lives: it was slow, not killed by what it had in hand
        process.send_signal(signal.SIGCONT)
        assert process.communicate("\n")[0] == "fenced\n"
        heir.commit([delivery], [])
    log.close()


@pytest.mark.parametrize(("supervisor_lives", "attempt"), [(True, 2), (False, 1)])
def test_a_death_counts_unless_the_supervisor_died_too(
    path: Path, log: SqliteEventLog, supervisor_lives: bool, attempt: int
) -> None:
    log.publish([Event(COMPACTED.name, "key", b"")])
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as supervisor:
        with hanging(path, supervisor=os.getpid() if supervisor_lives else supervisor.pid):
            pass
        supervisor.kill()
    with log.session("group", [COMPACTED.name], "heir") as session:
        (delivery,) = session.poll(1, WAIT_SECONDS)
    assert delivery.attempt == attempt


def test_a_worker_that_waits_is_woken_by_another_process(path: Path, log: SqliteEventLog) -> None:
    with log.session("group", [COMPACTED.name], "a") as session:
        command = (
            "import sys; from celstream_platform.eventlog import *; from celstream_platform.events import Event;"
            "open_event_log(sys.argv[1]).publish([Event('celstream.compacted', 'key', b'')])"
        )
        with subprocess.Popen([sys.executable, "-c", command, sqlite_url(path)]):
            assert len(session.poll(1, 60.0)) == 1


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """A disk that is full for every file of that size."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_told_in_one_line_and_loses_nothing(path: Path, log: SqliteEventLog) -> None:
    log.publish([Event(COMPACTED.name, "key", b"before")])
    with log.session("group", [COMPACTED.name], "a") as session:
        deliveries = session.poll(1, WAIT_SECONDS)
        results = [Event(PASSING.name, str(number), bytes(60_000)) for number in range(50)]
        with largest_file(1_000_000), pytest.raises(Unavailable, match="event log cannot be used") as caught:
            session.commit(deliveries, results)
        assert "\n" not in str(caught.value)
        assert not contents(log, PASSING)
        session.commit(deliveries, results)
    assert len(contents(log, PASSING)) == 50


def test_compaction_keeps_the_last_of_each_key_and_what_is_still_to_be_consumed(log: SqliteEventLog) -> None:
    with log.session("slow", [COMPACTED.name], "a") as session:
        for value in (b"1", b"2", b"3"):
            log.publish([Event(COMPACTED.name, "key", value), Event(COMPACTED.name, "other", b"o" + value)])
        first = [d for d in session.poll(10, WAIT_SECONDS) if d.event.value == b"1"]
        session.commit(first, [])
        log.compact()
        assert sorted(contents(log, COMPACTED)) == ["2", "3", "o1", "o2", "o3"]
    with log.session("slow", [COMPACTED.name], "a") as session:
        session.commit(session.poll(10, WAIT_SECONDS), [])
    assert log.compact() == 3
    assert sorted(contents(log, COMPACTED)) == ["3", "o3"]


def test_what_is_not_compacted_goes_after_its_retention_and_no_offset_comes_back(log: SqliteEventLog) -> None:
    log.publish([Event(PASSING.name, "key", b"1")])
    reader = log.reader([PASSING.name], {})
    (old,) = reader.poll(1, WAIT_SECONDS)
    assert log.compact() == 1
    log.publish([Event(PASSING.name, "key", b"2")])
    (new,) = reader.poll(1, WAIT_SECONDS)
    assert new.offset > old.offset
    reader.close()


def test_a_failed_event_that_expired_does_not_hold_up_its_bucket(log: SqliteEventLog) -> None:
    log.publish([Event(PASSING.name, "key", b"1")])
    with log.session("group", [PASSING.name], "a") as session:
        session.release(session.poll(1, WAIT_SECONDS), failed=True)
        log.compact()
        log.publish([Event(PASSING.name, "key", b"2")])
        (delivery,) = session.poll(1, WAIT_SECONDS)
        assert (delivery.event.value, delivery.attempt) == (b"2", 1)


def test_several_may_open_a_new_log_at_once(path: Path) -> None:
    errors: list[BaseException] = []

    def begin(number: int) -> None:
        try:
            log = SqliteEventLog(path)
            log.ensure_topics([COMPACTED])
            log.publish([Event(COMPACTED.name, str(number), b"")])
            log.close()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    log = SqliteEventLog(path)
    assert len(contents(log, COMPACTED)) == 8
    log.close()


@pytest.mark.parametrize("kind", ["text", "other database"])
def test_a_file_of_something_else_is_refused(path: Path, kind: str) -> None:
    if kind == "text":
        path.write_text("no database, but long enough to look like one" * 100)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE theirs (id INTEGER)")
        connection.close()
    with pytest.raises(Invalid, match=r"events\.sqlite"):
        SqliteEventLog(path)


@pytest.mark.parametrize("url", ["nats://host:4222", "sqlite://", "sqlite:///", "sqlite://host/x", "events.sqlite"])
def test_an_unknown_address_is_refused_with_what_is_known(url: str) -> None:
    with pytest.raises(Invalid, match="sqlite:///absolute/path"):
        open_event_log(url)


def test_an_address_keeps_strange_paths(tmp_path: Path) -> None:
    path = tmp_path / "50% ?#é" / "events.sqlite"
    open_event_log(sqlite_url(path)).close()
    assert path.exists()
