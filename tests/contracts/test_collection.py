"""What every artefact store's collector keeps to: what events name stays, what is left over goes, nothing else."""

import hashlib
import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celstream_platform import dead_letters, identity, topics
from celstream_platform.artefacts import ArtefactStore, directory_url, open_artefact_store
from celstream_platform.artefacts.collection import Collected, collect
from celstream_platform.checkpoints import Checkpoint, topic_of
from celstream_platform.errors import Invalid
from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_platform.events import Delivery, Event, encode
from celstream_platform.outcomes import Input, outcome_event
from celstream_protos.v1.clip_pb2 import Clip
from celstream_protos.v1.envelope_pb2 import (
    ORIGIN_KIND_HUMAN,
    OUTCOME_STATE_COMPLETED,
    ArtefactRef,
    Attachment,
    ItemHeader,
    Origin,
    Outcome,
    Rejection,
    Takedown,
)
from celstream_protos.v1.evaluation_pb2 import Evaluation
from celstream_protos.v1.footage_pb2 import Footage


@pytest.fixture(params=["directory", pytest.param("minio", marks=pytest.mark.slow)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ArtefactStore:
    """A store of the test's own: a collector would take others' artefacts for left over."""
    if request.param == "directory":
        return open_artefact_store(directory_url(tmp_path / "artefacts"))
    url: str = request.getfixturevalue("bucket_url")
    return open_artefact_store(url.replace("/artefacts?", f"/artefacts/{secrets.token_hex(8)}?"))


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    log = open_event_log(sqlite_url(tmp_path / "events.sqlite"))
    log.ensure_topics([*topics.ALL, topic_of("segmenter"), topics.dead_letters("segmenter")])
    yield log
    log.close()


def put(store: ArtefactStore, text: str) -> ArtefactRef:
    return store.put(text.encode(), "text/plain")


def footage(log: EventLog, content: ArtefactRef) -> ItemHeader:
    header = ItemHeader(id=content.sha256, version="1", level="footage", footage_id=content.sha256)
    message = Footage(item=header, content=content)
    log.publish([encode(topics.FOOTAGE.name, header.id, message, event_id=header.id, source="catalog")])
    return header


def clip(parent: ItemHeader, name: str, video: ArtefactRef, **origin: int) -> Clip:
    id_ = identity.digest(name)
    header = ItemHeader(id=id_, version=video.sha256, level="clips", parent_id=parent.id, footage_id=parent.id)
    header.origin.CopyFrom(Origin(**origin))  # type: ignore[arg-type]
    return Clip(item=header, video=video)


def done(log: EventLog, parent: ItemHeader, clips: list[Clip], attached: ArtefactRef, thumbnail: ArtefactRef) -> None:
    """Publish what a stage makes of a footage: clips, one rejection, and the outcome that lists them."""
    refused = Rejection(id=identity.digest("refused", parent.id), parent_id=parent.id, thumbnail=thumbnail)
    outcome = Outcome(
        stage="segmenter",
        input_id=parent.id,
        state=OUTCOME_STATE_COMPLETED,
        items=[identity.reference(made.item) for made in clips],
        rejections=[identity.reference(ItemHeader(level="clips", id=refused.id))],
        attachments=[Attachment(name="transitions", artefact=attached)],
    )
    made = [encode(topics.CLIPS.name, c.item.id, c, event_id=c.item.id, source="segmenter") for c in clips]
    rejected = encode(topics.REJECTIONS.name, refused.id, refused, event_id=refused.id, source="segmenter")
    log.publish([*made, rejected, outcome_event("segmenter", outcome)])


def left(store: ArtefactStore) -> set[str]:
    return {stored.name for stored in store.listed()}


def names(*refs: ArtefactRef) -> set[str]:
    return {ref.sha256 for ref in refs}


def test_all_that_is_stored_is_listed_and_can_be_removed_once(store: ArtefactStore) -> None:
    before = time.time() - 2  # a server's clock shows whole seconds
    refs = [put(store, text) for text in ("a", "bb", "ccc")]
    listed = {stored.name: stored for stored in store.listed()}
    assert {name: stored.size for name, stored in listed.items()} == {r.sha256: r.size for r in refs}
    assert all(before <= stored.modified_seconds <= time.time() + 2 for stored in listed.values())
    assert not any(stored.is_half for stored in listed.values())
    assert store.remove(listed[refs[0].sha256])
    assert not store.remove(listed[refs[0].sha256])
    assert left(store) == names(*refs[1:])
    assert store.renew(refs[1])
    assert not store.renew(refs[0])


def test_what_no_event_names_is_left_over(store: ArtefactStore, log: EventLog) -> None:
    film, video, transitions, thumbnail = (put(store, text) for text in ("film", "video", "transitions", "thumbnail"))
    aborted, letter, corrected = (put(store, text) for text in ("aborted", "letter", "corrected"))
    parent = footage(log, film)
    done(log, parent, [clip(parent, "clip", video)], transitions, thumbnail)
    parked = Event(topics.FOOTAGE.name, "x", b"unreadable " + letter.sha256.encode() + b"0", {})
    log.publish([dead_letters.letter("segmenter", Delivery(parked, 0, 1), RuntimeError("bug"), 3)])
    log.publish([Event(topics.REVIEWS.name, "y", corrected.SerializeToString(), {"ce_type": "celstream.v2.Unknown"})])
    told: list[Collected] = []
    found = collect(log, store, grace_seconds=-5.0, dry_run=True, told=told.append)
    assert (found.used, found.left_over, found.left_over_bytes, found.young) == (6, 1, len("aborted"), 0)
    assert found.used_bytes == len("filmvideotransitionsthumbnaillettercorrected")
    assert told
    assert len(left(store)) == 7, "a dry run removes nothing"
    assert collect(log, store, grace_seconds=3600.0).young == 1
    assert collect(log, store, grace_seconds=-5.0) == found
    assert left(store) == names(film, video, transitions, thumbnail, letter, corrected)
    again = collect(log, store, grace_seconds=-5.0)
    assert (again.used, again.left_over) == (6, 0)
    assert store.stat(aborted) is None


def test_what_a_live_checkpoint_holds_stays_until_it_ends(store: ArtefactStore, log: EventLog) -> None:
    film, video = put(store, "film"), put(store, "video")
    header = footage(log, film)
    checkpoint = Checkpoint(log, store, "segmenter", Input(header.id, "1", "footage", header.id), "recipe")
    checkpoint.save(b"a part\x40" + video.SerializeToString())
    assert collect(log, store, grace_seconds=-5.0).left_over == 0
    assert store.stat(video) == video.size
    log.publish(checkpoint.ended())
    assert collect(log, store, grace_seconds=-5.0).left_over >= 2, "the part, the list, what they name"
    assert left(store) == names(film)


def test_what_was_withdrawn_goes_only_where_that_is_asked_for(store: ArtefactStore, log: EventLog) -> None:
    film, old, new, other, by_hand = (put(store, text) for text in ("film", "old", "new", "other", "by hand"))
    first, second, thumbnail = put(store, "first"), put(store, "second"), put(store, "thumbnail")
    parent = footage(log, film)
    corrected = clip(parent, "by hand", by_hand, kind=ORIGIN_KIND_HUMAN)
    done(log, parent, [clip(parent, "one", old), clip(parent, "two", other), corrected], first, thumbnail)
    done(log, parent, [clip(parent, "one", new)], second, thumbnail)
    assert collect(log, store, grace_seconds=-5.0).left_over == 0
    found = collect(log, store, grace_seconds=-5.0, keep_withdrawn=False)
    assert found.left_over == 3
    assert left(store) == names(film, new, second, by_hand, thumbnail), "the older version, what is no longer listed"


@pytest.mark.parametrize("keep_withdrawn", [True, False])
def test_what_was_taken_down_goes_with_all_that_came_of_it_and_what_others_name_too_stays(
    store: ArtefactStore, log: EventLog, keep_withdrawn: bool
) -> None:
    film, gone, shared, attached = (put(store, text) for text in ("film", "gone", "shared", "attached"))
    other, second, listing, by_hand = (put(store, text) for text in ("other", "second", "listing", "by hand"))
    taken, kept = footage(log, film), footage(log, other)
    corrected = clip(taken, "three", by_hand, kind=ORIGIN_KIND_HUMAN)
    done(log, taken, [clip(taken, "one", gone), clip(taken, "two", shared), corrected], attached, gone)
    long = Outcome(stage="s", input_id=taken.id, footage_id=taken.id, listing=listing, state=OUTCOME_STATE_COMPLETED)
    log.publish([outcome_event("s", long)])
    five = clip(kept, "five", second)
    five.item.version = "5"  # a version is no artefact's name
    done(log, kept, [clip(kept, "four", shared), five], shared, shared)
    score = Evaluation(id=identity.digest("score"), benchmark="canary", footage_id=taken.id)
    log.publish([encode(topics.EVALUATIONS.name, score.id, score, event_id=score.id, source="catalog")])
    assert collect(log, store, grace_seconds=-5.0).left_over == 0
    for item_id in (taken.id, five.item.id):
        takedown = Takedown(id=f"of {item_id}", item_id=item_id, reason="asked for")
        log.publish([encode(topics.TAKEDOWNS.name, item_id, takedown, event_id=takedown.id, source="catalog")])
    found = collect(log, store, grace_seconds=-5.0, keep_withdrawn=keep_withdrawn)
    assert left(store) == names(shared, other, listing)
    assert found.left_over == 5


def test_a_store_is_not_swept_by_another_ones_log(store: ArtefactStore, log: EventLog) -> None:
    ref = put(store, "film")
    with pytest.raises(Invalid, match="None of the artefacts is named by any of 0 events"):
        collect(log, store, grace_seconds=-5.0)
    assert left(store) == names(ref)
    assert collect(log, store, grace_seconds=-5.0, nothing_used_is_fine=True).left_over == 1


def test_in_a_folder_halves_and_links_are_left_over_too_and_originals_stay(tmp_path: Path, log: EventLog) -> None:
    store = open_artefact_store(directory_url(tmp_path / "artefacts"))
    half = tmp_path / "artefacts" / "incoming" / "half"
    half.write_bytes(b"half a film")
    original = tmp_path / "film.mp4"
    original.write_bytes(b"film")
    store.adopt(original, "video/mp4")
    kept = put(store, "kept")
    footage(log, kept)
    os.utime(half, (1, 1))
    found = collect(log, store, grace_seconds=-5.0)
    assert (found.left_over, found.halves) == (2, 1)
    assert original.read_bytes() == b"film"
    assert not half.exists()
    assert left(store) == {hashlib.sha256(b"kept").hexdigest()}
