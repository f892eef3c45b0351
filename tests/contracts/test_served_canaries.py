"""Canaries go from index and store some days after their score, by takedown and collector; what they told stays."""

import hashlib
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from celstream_catalog import Catalog
from celstream_catalog.canary_metrics import CanaryMetrics
from celstream_catalog.intake import Description
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.artefacts.collection import collect
from celstream_platform.errors import Invalid, NotFound
from celstream_platform.eventlog import open_event_log, sqlite_url
from celstream_platform.identity import digest
from celstream_platform.metrics import REGISTRY
from celstream_protos.v1.envelope_pb2 import Rights
from celstream_protos.v1.evaluation_pb2 import Evaluation, Score
from celstream_protos.v1.footage_pb2 import Footage
from celstream_renderer import Film, render
from google.protobuf.timestamp_pb2 import Timestamp

from tests.catalog_hand import Hand
from tests.end_to_end.command import SHOTS

DAY_SECONDS = 24 * 3600
KEPT_SECONDS = 7 * DAY_SECONDS
Kept = tuple[Hand, Catalog]


@pytest.fixture(params=["embedded", pytest.param("servers", marks=pytest.mark.slow)])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    """A hand and a catalog; with real servers on a database and a part of the bucket of their own."""
    database, artefacts = f"sqlite:///{tmp_path / 'catalog.sqlite'}", directory_url(tmp_path / "artefacts")
    if request.param == "servers":
        database, bucket = map(request.getfixturevalue, ("empty_postgres_url", "bucket_url"))
        artefacts = bucket.replace("/artefacts?", f"/artefacts/{secrets.token_hex(8)}?")
    log, store = open_event_log(sqlite_url(tmp_path / "events.sqlite")), open_artefact_store(artefacts)
    try:
        with Catalog(database, log, store) as catalog:
            yield Hand(log, store), catalog
    finally:
        log.close()


def tried(kept: Kept, name: str, days_ago: float | None, *, canary: bool = True) -> Footage:
    """Footage that was cut, and scored so long ago; None: never. Its analysis is its name."""
    hand, catalog = kept
    footage = hand.footage(name, canary=canary)
    hand.cut(footage, [(0, 40)], [(40, 45)], recipe=name)
    if days_ago is not None:
        score(catalog, footage, days_ago)
    return footage


def score(catalog: Catalog, footage: Footage, days_ago: float) -> None:
    """Record a score; a later one replaces it."""
    at = Timestamp(seconds=int(time.time() - days_ago * DAY_SECONDS))
    found = Score(level="clips", subject="cuts", expected=4, given=4, right=3)
    id_ = digest("evaluation", footage.item.id)
    made = Evaluation(id=id_, benchmark="canary", footage_id=footage.item.id, evaluated_at=at, scores=[found])
    catalog.record_evaluation(made)


def told() -> list[float | None]:
    """What the metrics say of the canaries."""
    where = {"level": "clips", "subject": "cuts", "measure": "f1"}
    scores = [
        REGISTRY.get_sample_value("celstream_canary_score_ratio", {**where, "over": o}) for o in ("last", "recent")
    ]
    return [*scores, REGISTRY.get_sample_value("celstream_canary_result_timestamp_seconds")]


def take_down(catalog: Catalog) -> list[str]:
    return catalog.take_down_served_canaries(time.time() - KEPT_SECONDS)


def test_a_canary_goes_days_after_its_score_and_its_score_stays(kept: Kept) -> None:
    (hand, catalog), store = kept, kept[0].store
    old, young = tried(kept, "old", 8), tried(kept, "young", 6)
    metrics, before = CanaryMetrics(catalog, 3600.0), catalog.evaluations("canary")
    metrics.count()
    said = told()
    assert take_down(catalog) == [old.item.id]
    assert take_down(catalog) == [], "once"
    with pytest.raises(NotFound):
        catalog.state(old.item.id)
    assert catalog.items("clips", old.item.id) == []
    assert len(catalog.items("clips", young.item.id)) == 1
    assert catalog.check_balance() == []
    collect(hand.log, store, grace_seconds=-5.0)
    assert [stored.name for stored in store.listed()] == [hashlib.sha256(b"young").hexdigest()]
    metrics.count()
    assert (catalog.evaluations("canary"), told()) == (before, said)
    assert len(before) == 2


def test_what_was_never_scored_or_again_or_is_no_canary_stays(kept: Kept) -> None:
    _, catalog = kept
    tried(kept, "never scored", None)
    again = tried(kept, "scored again", 30)
    score(catalog, again, 1)
    film = tried(kept, "called a canary by mistake", 30)
    assert len(catalog.items("clips", film.item.id)) == 1
    kept[0].footage(film.name, version="2")
    catalog.catch_up()
    assert take_down(catalog) == []


def test_a_canary_that_has_served_does_not_come_back_and_the_reason_is_told(kept: Kept, tmp_path: Path) -> None:
    _, catalog = kept
    path = tmp_path / "canary.mp4"
    render(Film(shots=SHOTS[:1], size=(64, 36), name="canary"), path)
    rights = Rights(canary=True, license="Apache-2.0")
    footage = catalog.submit(path, description=Description(rights=rights)).footage
    score(catalog, footage, 8)
    assert take_down(catalog) == [footage.item.id]
    with pytest.raises(Invalid, match=r"was taken down \(a canary that has served: its score is kept\)"):
        catalog.submit(path, description=Description(rights=rights))
