"""Intake from an inbox: what is dropped becomes footage with what is said of it; what is not fit gives one line."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import threading
import time
from pathlib import Path

import pytest
from celstream_catalog import Catalog
from celstream_catalog.inbox import NAME, InboxIntake
from celstream_catalog.inbox_description import said_of
from celstream_catalog.inbox_rescan import Rescan
from celstream_catalog.intake import RightsUnknown
from celstream_platform import dead_letters
from celstream_platform.eventlog.port import EventLog, TopicPartition
from celstream_platform.events import Event
from celstream_platform.inbox import open_inbox
from celstream_platform.shutdown import Shutdown
from celstream_platform.topics import INBOX
from celstream_protos.v1.envelope_pb2 import REJECTION_REASON_RIGHTS_UNKNOWN, REJECTION_REASON_UNREADABLE, Rights
from celstream_protos.v1.footage_pb2 import FOOTAGE_STYLE_JAPANESE, FOOTAGE_STYLE_OTHER, Footage

from tests.contracts.inboxes import BucketDropping
from tests.tiny_film import write_film

pytest_plugins = ["tests.catalog_hand"]


class Dropped:
    """An inbox folder, what was dropped there, and a catalog that takes it in."""

    def __init__(self, folder: Path, catalog: Catalog, event_log: EventLog, *, licence_required: bool = False) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self._catalog, self._log = folder, catalog, event_log
        self._inbox = open_inbox(folder.as_uri())
        self._intake = InboxIntake(catalog, self._inbox, licence_required=licence_required)
        event_log.ensure_topics([INBOX])

    def film(self, name: str, seed: int = 0) -> str:
        return str(write_film(self.folder / name, seed=seed))

    def copy(self, name: str, other: str) -> None:
        (self.folder / other).write_bytes((self.folder / name).read_bytes())

    def say(self, name: str, **said: object) -> None:
        (self.folder / f"{name}.json").write_text(json.dumps(said))

    def tell(self) -> int:
        """Look through the folder; how many files are new."""
        return Rescan(self._inbox, self._log).look(0.0)

    def take(self) -> None:
        """Look, and take in all there is."""
        self.tell()
        shutdown = Shutdown()
        working = threading.Thread(target=self._intake.run, args=(self._log, "test", shutdown))
        working.start()
        try:
            while self._log.lag(self._intake.group, [INBOX.name]):
                assert working.is_alive()
        finally:
            shutdown.request()
            working.join()

    def footage(self) -> dict[str, Footage]:
        """What is in, by the file's name."""
        found = [entry.footage for entry in self._catalog.footages()]
        return {Path(footage.name).name: footage for footage in found if isinstance(footage, Footage)}

    def refused(self) -> dict[str, str]:
        """What was refused, by the file's name, and why."""
        return {Path(one.footage_name).name: one.detail for one in self._catalog.rejections("footage")}


@pytest.fixture
def dropped(tmp_path: Path, catalog: Catalog, event_log: EventLog) -> Dropped:
    return Dropped(tmp_path / "inbox", catalog, event_log)


def test_a_film_becomes_footage_with_what_its_side_car_says(dropped: Dropped, catalog: Catalog) -> None:
    path = dropped.film("film.mkv")
    dropped.say("film.mkv", license="CC-BY-4.0", owner="Blender", release_allowed=True, style="japanese", work="Series")
    dropped.film("other.mkv", seed=1)
    dropped.take()
    film, other = dropped.footage()["film.mkv"], dropped.footage()["other.mkv"]
    assert film.item.id == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert (film.name, film.item.work, film.style) == (path, "Series", FOOTAGE_STYLE_JAPANESE)
    assert film.rights == Rights(license="CC-BY-4.0", owner="Blender", release_allowed=True)
    assert (other.item.work, other.rights) == ("other", Rights())
    assert catalog.rejections() == [], "a side-car is no footage"


def test_the_same_file_twice_is_recognised_and_told_of_once(dropped: Dropped, catalog: Catalog) -> None:
    dropped.film("film.mkv")
    dropped.take()
    assert dropped.tell() == 0
    dropped.copy("film.mkv", "again.mkv")
    assert dropped.tell() == 1
    dropped.take()
    assert list(dropped.footage()) == ["film.mkv"]
    assert len(catalog.versions(dropped.footage()["film.mkv"].item.id)) == 1


def test_a_side_car_that_comes_later_or_changes_makes_a_new_version(dropped: Dropped, catalog: Catalog) -> None:
    dropped.film("film.mkv")
    dropped.take()
    for licence in ("CC0-1.0", "CC-BY-4.0"):
        dropped.say("film.mkv", license=licence)
        dropped.take()
        assert dropped.footage()["film.mkv"].rights.license == licence
    assert len(catalog.versions(dropped.footage()["film.mkv"].item.id)) == 3


def test_what_is_not_fit_gives_one_line_and_the_next_goes_on(dropped: Dropped, catalog: Catalog) -> None:
    (dropped.folder / "a text.mp4").write_text("no film\n" * 100)
    dropped.film("b wrong.mkv", seed=1)
    dropped.say("b wrong.mkv", licence="CC0-1.0")
    dropped.film("c broken.mkv", seed=2)
    (dropped.folder / "c broken.mkv.json").write_bytes(b"\xff\xfe license")
    (dropped.folder / "d empty.mkv").touch()
    dropped.film("e good.mkv")
    dropped.take()
    assert list(dropped.footage()) == ["e good.mkv"]
    refused = dropped.refused()
    assert all(line.count("\n") == 0 for line in refused.values())
    assert "is not a video" in refused["a text.mp4"]
    assert "is empty" in refused["d empty.mkv"]
    assert "b wrong.mkv.json: cannot be understood (Object contains unknown field `licence`)" in refused["b wrong.mkv"]
    assert "c broken.mkv.json: cannot be understood" in refused["c broken.mkv"]
    reasons = {Path(one.footage_name).name: one.reason for one in catalog.rejections("footage")}
    assert (reasons["a text.mp4"], reasons["b wrong.mkv"]) == (
        REJECTION_REASON_UNREADABLE,
        REJECTION_REASON_RIGHTS_UNKNOWN,
    )
    dropped.say("b wrong.mkv", license="CC0-1.0")
    dropped.take()
    assert sorted(dropped.footage()) == ["b wrong.mkv", "e good.mkv"]
    assert "b wrong.mkv" not in dropped.refused(), "it counts until it can be taken"
    root = catalog.funnel().levels[0]
    assert (root.inputs, root.items, sum(reason.count for reason in root.rejections)) == (5, 2, 3)


def test_where_a_licence_is_required_films_without_one_wait_for_it(
    tmp_path: Path, catalog: Catalog, event_log: EventLog
) -> None:
    dropped = Dropped(tmp_path / "inbox", catalog, event_log, licence_required=True)
    dropped.film("film.mkv")
    dropped.take()
    assert dropped.footage() == {}
    assert (
        "no licence is stated, and one is required here. Tag it with license=…, or put" in dropped.refused()["film.mkv"]
    )
    dropped.say("film.mkv", license="CC0-1.0")
    dropped.take()
    assert dropped.footage()["film.mkv"].rights.license == "CC0-1.0"
    assert dropped.refused() == {}
    dropped.copy("film.mkv", "copy.mkv")
    dropped.take()
    assert dropped.refused() == {}, "the same bytes came with a licence before"


def test_what_still_changes_is_left_for_the_next_look(dropped: Dropped, event_log: EventLog) -> None:
    path = dropped.film("film.mkv")
    rescan = Rescan(open_inbox(dropped.folder.as_uri()), event_log)
    assert rescan.look(settle_seconds=3600.0) == 0
    past = time.time() - 7200
    os.utime(path, (past, past))
    assert rescan.look(settle_seconds=3600.0) == 1
    assert rescan.look(settle_seconds=0.0) == 0
    dropped.film("film.mkv", seed=1)
    assert rescan.look(settle_seconds=0.0) == 1, "other bytes under the same name"


def test_what_is_gone_by_now_is_passed_over(dropped: Dropped) -> None:
    dropped.film("film.mkv")
    dropped.tell()
    (dropped.folder / "film.mkv").unlink()
    dropped.film("other.mkv", seed=1)
    dropped.take()
    assert list(dropped.footage()) == ["other.mkv"]
    assert dropped.refused() == {}


def test_what_is_no_notice_is_a_dead_letter(dropped: Dropped, event_log: EventLog) -> None:
    event_log.publish([Event(INBOX.name, "somebody", b"hello")])
    dropped.film("film.mkv")
    dropped.take()
    (letter,) = dead_letters.pending(event_log, NAME)
    assert (letter.event.key, letter.event.value) == ("somebody", b"hello")
    assert "not a bucket's notification" in letter.error
    assert list(dropped.footage()) == ["film.mkv"]


@pytest.mark.slow
def test_what_a_lost_notification_missed_is_found_in_a_bucket(
    inbox_url: str, submitter: dict[str, str], catalog: Catalog, event_log: EventLog, tmp_path: Path
) -> None:
    dropping = BucketDropping(inbox_url, secrets.token_hex(8), submitter)
    event_log.ensure_topics([INBOX])  # the bucket tells Kafka, and this catalog listens elsewhere: it hears nothing
    content = write_film(tmp_path / "film.mkv").read_bytes()
    path = dropping.put("film.mkv", content, {"license": "CC-BY-4.0", "style": "japanese"})
    dropping.begin("half.mkv")
    rescan, intake = Rescan(dropping.inbox, event_log), InboxIntake(catalog, dropping.inbox, licence_required=True)
    assert rescan.look(settle_seconds=3600.0) == 0, "its notification may be on its way"
    assert rescan.look(settle_seconds=-5.0) == 1
    assert Rescan(dropping.inbox, event_log).look(settle_seconds=-5.0) == 0, "told of, also by another catalog"
    (notice,) = event_log.reader([INBOX.name], {}).poll(10, 0.0)
    intake.take(notice.event)
    intake.take(notice.event)
    (footage,) = (entry.footage for entry in catalog.footages())
    assert isinstance(footage, Footage)
    assert (footage.name, footage.rights.license, footage.style) == (path, "CC-BY-4.0", FOOTAGE_STYLE_JAPANESE)
    assert len(catalog.versions(footage.item.id)) == 1


@pytest.mark.slow
def test_tags_that_changed_while_notifications_were_lost_are_found(
    inbox_url: str, submitter: dict[str, str], catalog: Catalog, event_log: EventLog, tmp_path: Path
) -> None:
    dropping = BucketDropping(inbox_url, secrets.token_hex(8), submitter)
    event_log.ensure_topics([INBOX])  # the bucket tells Kafka, and this catalog listens elsewhere: it hears nothing
    path = dropping.put("film.mkv", write_film(tmp_path / "film.mkv").read_bytes(), {"license": "CC-BY-4.0"})
    intake = InboxIntake(catalog, dropping.inbox)
    taken: dict[TopicPartition, int] = {}

    def look(rescan: Rescan) -> int:
        """Tell of what was found, and take it in."""
        found = rescan.look(settle_seconds=-5.0)
        for delivery in event_log.reader([INBOX.name], taken).poll(10, 0.0):
            event_log.publish(intake.take(delivery.event))
            taken[INBOX.name, delivery.partition] = delivery.offset + 1
        return found

    rescan = Rescan(dropping.inbox, event_log)
    assert [look(rescan), look(rescan), look(Rescan(dropping.inbox, event_log))] == [1, 0, 0]
    dropping.tag(path, {"license": "CC0-1.0"})
    assert rescan.look(settle_seconds=-5.0) == 1
    assert rescan.look(settle_seconds=-5.0) == 0, "told of once, also before it is looked at"
    assert look(rescan) == 0
    (footage,) = (entry.footage for entry in catalog.footages())
    assert isinstance(footage, Footage)
    assert footage.rights.license == "CC0-1.0"
    assert len(catalog.versions(footage.item.id)) == 2
    dropping.tag(path, {})
    assert [look(Rescan(dropping.inbox, event_log)), look(rescan)] == [1, 0], "also by a catalog that has just begun"


def test_tags_and_side_car_say_the_same_things_and_the_side_car_wins() -> None:
    tags = {"license": "CC0-1.0", "release_allowed": "true", "style": "other", "project": "somebody else's"}
    said = said_of("film.mkv", tags, None)
    assert (said.rights, said.style) == (Rights(license="CC0-1.0", release_allowed=True), FOOTAGE_STYLE_OTHER)
    said = said_of("film.mkv", tags, b'{"release_allowed": false, "style": "japanese", "work": "Series"}')
    assert said.rights == Rights(license="CC0-1.0", release_allowed=False)
    assert (said.style, said.work) == (FOOTAGE_STYLE_JAPANESE, "Series")
    assert said_of("film.mkv", {}, b"{}").rights is None
    with pytest.raises(RightsUnknown, match=r"film\.mkv: its tags cannot be understood"):
        said_of("film.mkv", {"style": "purple"}, None)
    for wrong in (b"", b"[]", b'{"license": 3}', b'{"release_allowed": "yes"}', b'{"style": "purple"}'):
        with pytest.raises(RightsUnknown, match=r"^film\.mkv\.json: cannot be understood [^\n]*$"):
            said_of("film.mkv", {}, wrong)
