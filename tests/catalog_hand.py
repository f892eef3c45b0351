"""A catalog over the embedded ports, and a hand that writes footage, clips and outcomes into its topics.

A test module takes the fixtures by `pytest_plugins = ["tests.catalog_hand"]`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from celstream_catalog import Catalog
from celstream_platform import topics
from celstream_platform.artefacts import ArtefactStore, directory_url, open_artefact_store
from celstream_platform.eventlog import EventLog, open_event_log, sqlite_url
from celstream_platform.events import Event, encode
from celstream_platform.identity import digest, event_id, item_id, item_version, reference, rejection_id
from celstream_platform.outcomes import outcome_event
from celstream_protos.v1.clip_pb2 import Clip
from celstream_protos.v1.envelope_pb2 import (
    OUTCOME_STATE_COMPLETED,
    REJECTION_REASON_TOO_SHORT,
    Attachment,
    FrameRange,
    ItemHeader,
    Origin,
    Outcome,
    OutcomeListing,
    OutcomeState,
    Rejection,
    Review,
    ReviewVerdict,
    Rights,
)
from celstream_protos.v1.footage_pb2 import FOOTAGE_STYLE_UNSPECIFIED, Footage, FootageStyle
from google.protobuf.any_pb2 import Any


@dataclass
class Hand:
    """Writes events as the services would."""

    log: EventLog
    store: ArtefactStore

    def footage(
        self,
        name: str,
        version: str = "1",
        *,
        canary: bool = False,
        style: "FootageStyle.ValueType" = FOOTAGE_STYLE_UNSPECIFIED,
    ) -> Footage:
        id_ = digest(name)
        header = ItemHeader(id=id_, version=item_version("", version), level="footage", footage_id=id_, work=name)
        footage = Footage(item=header, name=name, style=style, rights=Rights(canary=canary))
        self.log.publish([self.item_event(topics.FOOTAGE.name, footage)])
        return footage

    def cut(
        self,
        footage: Footage,
        clips: Sequence[tuple[int, int]],
        rejected: Sequence[tuple[int, int]] = (),
        *,
        recipe: str = "recipe",
        state: "OutcomeState.ValueType" = OUTCOME_STATE_COMPLETED,
        long_listing: bool = False,
        error: str = "",
    ) -> list[Clip]:
        """What the segmenter would publish for a footage: all in one go."""
        made = [self.clip(footage, start, end, recipe) for start, end in clips]
        refused = [self.too_short(footage, start, end, recipe) for start, end in rejected]
        items = [reference(item.item) for item in made]
        rejections = [reference(ItemHeader(level="clips", id=r.id, version=r.version)) for r in refused]
        outcome = Outcome(
            stage="segmenter",
            input_id=footage.item.id,
            input_version=footage.item.version,
            input_level="footage",
            footage_id=footage.item.id,
            recipe=recipe,
            state=state,
            error=error,
            attachments=[Attachment(name="transitions", artefact=self.store.put(recipe.encode(), "text/plain"))],
        )
        if long_listing:
            listing = OutcomeListing(items=items, rejections=rejections)
            outcome.listing.CopyFrom(self.store.put(listing.SerializeToString(), "application/protobuf"))
        else:
            outcome.items.extend(items)
            outcome.rejections.extend(rejections)
        events = [self.item_event(topics.CLIPS.name, item) for item in made]
        for r in refused:
            events.append(encode(topics.REJECTIONS.name, r.id, r, event_id=r.id, source="segmenter"))
        self.log.publish([*events, outcome_event("segmenter", outcome)])
        return made

    def review(
        self, item: Clip | Footage, verdict: "ReviewVerdict.ValueType", id_: str, correction: Clip | None = None
    ) -> Review:
        """What the review page would publish."""
        review = Review(id=id_, item=reference(item.item), verdict=verdict, reviewer="ada")
        if correction is not None:
            packed = Any()
            packed.Pack(correction)
            review.correction.CopyFrom(packed)
        self.log.publish([encode(topics.REVIEWS.name, item.item.id, review, event_id=id_, source="review")])
        return review

    @staticmethod
    def item_event(topic: str, item: Footage | Clip) -> Event:
        return encode(topic, item.item.id, item, event_id=event_id(item.item.id, item.item.version), source="test")

    @staticmethod
    def clip(footage: Footage, start: int, end: int, recipe: str) -> Clip:
        header = ItemHeader(
            id=item_id(footage.item.id, "clips", start, end),
            version=item_version(footage.item.version, recipe),
            level="clips",
            parent_id=footage.item.id,
            parent_version=footage.item.version,
            footage_id=footage.item.id,
            origin=Origin(recipe=recipe),
        )
        return Clip(item=header, range=FrameRange(start_frame=start, end_frame=end), width=1920)

    @staticmethod
    def too_short(footage: Footage, start: int, end: int, recipe: str) -> Rejection:
        reason = REJECTION_REASON_TOO_SHORT
        return Rejection(
            id=rejection_id(footage.item.id, "clips", start, end, reason),
            version=item_version(footage.item.version, recipe),
            level="clips",
            parent_id=footage.item.id,
            footage_id=footage.item.id,
            range=FrameRange(start_frame=start, end_frame=end),
            reason=reason,
        )


@pytest.fixture
def event_log(tmp_path: Path) -> Iterator[EventLog]:
    log = open_event_log(sqlite_url(tmp_path / "events.sqlite"))
    yield log
    log.close()


@pytest.fixture
def store(tmp_path: Path) -> ArtefactStore:
    return open_artefact_store(directory_url(tmp_path / "artefacts"))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.slow)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of the test's own."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'catalog.sqlite'}"
    url: str = request.getfixturevalue("empty_postgres_url")
    return url


@pytest.fixture
def catalog(database_url: str, event_log: EventLog, store: ArtefactStore) -> Iterator[Catalog]:
    with Catalog(database_url, event_log, store) as opened:
        yield opened


@pytest.fixture
def hand(catalog: Catalog, event_log: EventLog, store: ArtefactStore) -> Hand:
    """Depends on the catalog, which creates the topics."""
    return Hand(event_log, store)
