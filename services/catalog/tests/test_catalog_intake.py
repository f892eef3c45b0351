"""Intake: files become footage, once; what is no footage leaves one rejection."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from celstream_catalog import Catalog, Description
from celstream_platform import topics
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid, NotFound
from celstream_platform.eventlog.port import EventLog
from celstream_protos.v1.envelope_pb2 import REJECTION_REASON_UNREADABLE, Rights
from celstream_protos.v1.footage_pb2 import FOOTAGE_STYLE_JAPANESE, Footage

from tests.tiny_film import write_film

if TYPE_CHECKING:
    from tests.catalog_hand import Hand

pytest_plugins = ["tests.catalog_hand"]


@pytest.fixture
def film(tmp_path: Path) -> Path:
    return write_film(tmp_path / "film.mkv")


def published(log: EventLog, topic: str) -> int:
    reader = log.reader([topic], {})
    count = len(reader.poll(1000, 0.0))
    reader.close()
    return count


def test_a_file_becomes_footage_named_by_its_bytes(catalog: Catalog, film: Path, store: ArtefactStore) -> None:
    rights = Rights(license="CC-BY-4.0", owner="Blender", release_allowed=True)
    taken = catalog.submit(film, description=Description(rights, FOOTAGE_STYLE_JAPANESE))
    footage = taken.footage
    assert not taken.already_known
    assert footage.item.id == footage.item.footage_id == hashlib.sha256(film.read_bytes()).hexdigest()
    assert (footage.name, footage.item.work, footage.style) == (str(film), "film", FOOTAGE_STYLE_JAPANESE)
    assert (footage.video.codec, footage.video.width, footage.video.height) == ("mpeg4", 64, 48)
    assert footage.rights == rights
    assert footage.content.media_type == "video/x-matroska"
    assert store.stat(footage.content) == film.stat().st_size
    assert [entry.footage for entry in catalog.footages()] == [footage]
    root = catalog.funnel().levels[0]
    assert (root.inputs, root.inputs_done, root.items) == (1, 1, 1)


def test_the_same_bytes_are_recognised_under_another_name(catalog: Catalog, film: Path, event_log: EventLog) -> None:
    first = catalog.submit(film)
    copy = film.with_name("copy.mkv")
    copy.write_bytes(film.read_bytes())
    again = catalog.submit(copy)
    assert again.already_known
    assert again.footage == first.footage
    assert published(event_log, topics.FOOTAGE.name) == 1


def test_many_who_offer_the_same_bytes_at_once_publish_them_once(
    catalog: Catalog, film: Path, database_url: str, event_log: EventLog, store: ArtefactStore
) -> None:
    with Catalog(database_url, event_log, store) as other, ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda one: one.submit(film), [catalog, other] * 2))
    assert [t.already_known for t in taken].count(False) == 1
    assert published(event_log, topics.FOOTAGE.name) == 1


def test_other_rights_make_a_new_version_and_unstated_ones_keep_the_known(catalog: Catalog, film: Path) -> None:
    first = catalog.submit(film, description=Description(Rights(license="CC0-1.0"), work="series"))
    assert catalog.submit(film).footage == first.footage
    changed = catalog.submit(film, description=Description(Rights(license="CC-BY-4.0")))
    assert changed.already_known
    assert changed.footage.item.version != first.footage.item.version
    assert changed.footage.item.work == "series"
    (entry,) = catalog.footages()
    assert entry.footage == changed.footage


def test_stored_bytes_become_footage(catalog: Catalog, film: Path, store: ArtefactStore) -> None:
    ref = store.put(film, "")
    taken = catalog.submit_stored(ref, name="inbox/film.mkv")
    assert taken.footage.name == "inbox/film.mkv"
    assert catalog.submit(film).already_known


def empty(path: Path) -> Path:
    path.write_bytes(b"")
    return path


def text(path: Path) -> Path:
    path.write_text("not a film at all\n" * 100)
    return path


def sound(path: Path) -> Path:
    return write_film(path, video=False)


@pytest.mark.parametrize("make", [empty, text, sound])
def test_what_is_no_footage_gives_one_line_and_one_rejection(
    catalog: Catalog, tmp_path: Path, make: Callable[[Path], Path], event_log: EventLog
) -> None:
    path = make(tmp_path / "film.mp4")
    for _ in range(2):
        with pytest.raises(Invalid, match=r"^[^\n]*film\.mp4[^\n]+$") as raised:
            catalog.submit(path)
    (rejection,) = catalog.rejections("footage")
    assert rejection.reason == REJECTION_REASON_UNREADABLE
    assert (rejection.footage_name, rejection.detail) == (str(path), str(raised.value))
    assert published(event_log, topics.REJECTIONS.name) == 1
    root, clips = catalog.funnel().levels
    assert (root.inputs, root.inputs_done, root.items, root.rejections[0].count) == (1, 1, 0, 1)
    assert clips.inputs == 0
    assert catalog.check_balance() == []
    state = catalog.state(rejection.footage_id)
    assert state.finished
    assert state.name == str(path)


def test_no_file_leaves_no_record(catalog: Catalog, tmp_path: Path, event_log: EventLog) -> None:
    with pytest.raises(NotFound, match="no such file"):
        catalog.submit(tmp_path / "missing.mkv")
    with pytest.raises(Invalid, match="folder"):
        catalog.submit(tmp_path)
    if os.geteuid():
        unreadable = text(tmp_path / "secret.mkv")
        unreadable.chmod(0)
        with pytest.raises(Invalid, match="cannot be read"):
            catalog.submit(unreadable)
    assert published(event_log, topics.REJECTIONS.name) == 0


def test_footage_that_was_taken_down_may_not_come_back(catalog: Catalog, film: Path, event_log: EventLog) -> None:
    footage = catalog.submit(film).footage
    catalog.take_down(footage.item.id, reason="claim 7", requested_by="owner")
    catalog.take_down(footage.item.id, reason="again", requested_by="owner")
    assert published(event_log, topics.TAKEDOWNS.name) == 1
    assert catalog.footages() == []
    with pytest.raises(NotFound):
        catalog.state(footage.item.id)
    with pytest.raises(Invalid, match=r"was taken down \(claim 7\)"):
        catalog.submit(film)
    assert published(event_log, topics.FOOTAGE.name) == 1
    with pytest.raises(NotFound, match="no such item"):
        catalog.take_down("0" * 64, reason="claim", requested_by="owner")


def test_bytes_that_can_be_read_later_are_rejected_no_longer(
    catalog: Catalog, hand: Hand, film: Path, tmp_path: Path
) -> None:
    with pytest.raises(Invalid):
        catalog.submit(text(tmp_path / "text.mp4"))
    (rejection,) = catalog.rejections()
    offered = Footage()
    offered.CopyFrom(catalog.submit(film).footage)
    offered.item.id = offered.item.footage_id = rejection.footage_id
    hand.log.publish([hand.item_event(topics.FOOTAGE.name, offered)])
    catalog.catch_up()
    assert catalog.rejections() == []
    assert [level.items for level in catalog.funnel().levels] == [2, 0]
