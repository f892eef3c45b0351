"""Rebuilding the catalog: its database on PostgreSQL, made anew from the topics on Kafka, beside the one that followed.

The live catalog projects while the events come. The other one begins with an empty database once all are there. Both
must hold the same rows in every table.
"""

import tempfile
import threading
import time
from pathlib import Path

import psycopg
from celstream_catalog import Catalog
from celstream_catalog.levels import CHAIN
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.eventlog import EventLog, open_event_log
from celstream_protos.v1.envelope_pb2 import REVIEW_VERDICT_REJECT
from celstream_stack.places import PASSABLE_FOLDER, cache
from celstream_stack.stack import Stack
from sqlalchemy import make_url

from tests.benchmarks.recording import record
from tests.catalog_hand import Hand
from tests.chain.bench import dump

FILMS = 80
CLIPS = 1_000  # of each film; and a rejection for every fifth
CUT_AGAIN = 4  # films that are cut again under a newer recipe, which withdraws all that came of the older
EVENTS = 100_000
READ_AT_ONCE = 5_000


def fill(hand: Hand) -> None:
    """Publish what the services would: footage, clips, rejections, outcomes with long listings, a few reviews."""
    clips = [(frame, frame + 90) for frame in range(0, 100 * CLIPS, 100)]
    rejected = [(frame, frame + 10) for frame in range(90, 100 * CLIPS, 500)]
    for number in range(FILMS):
        film = hand.footage(f"film {number}")
        made = hand.cut(film, clips, rejected, long_listing=True)
        hand.review(made[number], REVIEW_VERDICT_REJECT, f"review {number}")
        if number < CUT_AGAIN:
            hand.cut(film, clips[:-1], rejected, recipe="newer", long_listing=True)


def read_alone(log: EventLog) -> tuple[int, float]:
    """(events, per second) of reading the topics and doing nothing with them: the most that a rebuild could reach."""
    begin, events = time.monotonic(), 0
    reader = log.reader([topic.name for topic in CHAIN.topics()], {})
    while not reader.at_end():
        events += len(reader.poll(READ_AT_ONCE, 1.0))
    reader.close()
    return events, events / (time.monotonic() - begin)


def new_database(url: str, name: str) -> str:
    """URL of an empty database on the same server."""
    made = make_url(url)
    plain = made.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return made.set(database=name).render_as_string(hide_password=False)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="celstream-bench-") as name:
        folder = Path(name)
        folder.chmod(PASSABLE_FOLDER)  # PostgreSQL may run as another user
        stack = Stack(folder / "stack", cache())
        try:
            addresses = stack.up(["kafka", "postgres"])
            log = open_event_log(addresses["CELSTREAM_EVENTS"])
            store = open_artefact_store(directory_url(folder / "artefacts"))
            live = new_database(addresses["CELSTREAM_DATABASE"], "live")
            with Catalog(live, log, store) as catalog:
                filled = threading.Event()
                follower = threading.Thread(target=catalog.run, args=(filled.is_set,))
                follower.start()
                fill(Hand(log, store))
                filled.set()
                follower.join()
                catalog.catch_up()
                balance = catalog.check_balance()
            events, reading = read_alone(log)
            rebuilt = new_database(addresses["CELSTREAM_DATABASE"], "rebuilt")
            with Catalog(rebuilt, log, store) as catalog:
                begin, busy = time.monotonic(), time.process_time()
                projected = catalog.catch_up()
                seconds, busy = time.monotonic() - begin, time.process_time() - busy
            log.close()
            assert projected == events >= EVENTS, (projected, events)
            assert not balance, balance
            held, expected = dump(rebuilt), dump(live)
            assert held == expected
        finally:
            stack.remove()
    rows: list[tuple[str, float, str]] = [
        ("rebuilt (must reach 3,000)", events / seconds, "events/s"),
        ("processor time of the catalog's own process", 1e6 * busy / events, "µs/event"),
        ("the same topics read by the same process, and thrown away", reading, "events/s"),
        ("events projected", projected, "events"),
        ("rows compared with the live database, all equal", sum(map(len, held.values())), "rows"),
    ]
    record(
        "rebuild",
        "The catalog, rebuilt from Kafka into PostgreSQL",
        [{"what": what, "figure": round(figure, 1), "unit": unit} for what, figure, unit in rows],
        [
            f"{FILMS} films of {CLIPS:,} clips, a rejection for every fifth, a review; {CUT_AGAIN} of them cut twice.",
            "The live database followed while the events came, in batches of other sizes than the rebuild's.",
            "PostgreSQL runs without fsync, as the stack's does: a rebuild that a power cut ends is begun anew.",
        ],
    )


if __name__ == "__main__":
    main()
