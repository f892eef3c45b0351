"""Intake: a file or stored bytes become footage, known by the SHA-256 of the bytes.

Order: probe in the limited child process → store → publish, inside a transaction that knows all that was published
before, so that the same bytes are recognised however many offer them at once.

Bytes that cannot be read as footage leave a record as well: one rejection of level `footage`, without a parent and
without an outcome, as nothing was consumed. It counts until the same bytes can be read. So at the root of the funnel,
files offered = footage + rejections.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath

from celstream_platform import identity, topics, tracing
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.errors import Invalid, LimitExceeded, NotFound
from celstream_platform.eventlog.port import EventLog
from celstream_platform.events import encode
from celstream_platform.footage.probe import fill, hash_file, probe
from celstream_protos.v1.envelope_pb2 import (
    ORIGIN_KIND_MACHINE,
    REJECTION_REASON_LIMIT_EXCEEDED,
    REJECTION_REASON_RIGHTS_UNKNOWN,
    REJECTION_REASON_UNREADABLE,
    ArtefactRef,
    ItemHeader,
    Origin,
    Rejection,
    RejectionReason,
    Rights,
)
from celstream_protos.v1.footage_pb2 import FOOTAGE_STYLE_UNSPECIFIED, Footage, FootageStyle
from sqlalchemy import Connection, select

from celstream_catalog.projection import Projection
from celstream_catalog.tables import ITEMS, REJECTIONS, VERSIONS
from celstream_catalog.takedowns import takedown_of

SOFTWARE = "celstream-intake 1"
LEVEL = "footage"
MEDIA_TYPES = {
    "mov,mp4,m4a,3gp,3g2,mj2": "video/mp4",
    "matroska,webm": "video/x-matroska",
    "avi": "video/x-msvideo",
    "mpegts": "video/mp2t",
    "ogg": "video/ogg",
}


class RightsUnknown(Invalid):
    """What may be done with it is not said, where it must be, or cannot be read."""


@dataclass(frozen=True, slots=True)
class Description:
    """What is known about footage before it is read. What is not stated keeps what is known of the same bytes.

    rights: None where not stated. work: film or series; the name without its ending where empty.
    """

    rights: Rights | None = None
    style: "FootageStyle.ValueType" = FOOTAGE_STYLE_UNSPECIFIED
    work: str = ""


@dataclass(frozen=True, slots=True)
class Submission:
    """What came of an offer. already_known: the same bytes were taken in before."""

    footage: Footage
    already_known: bool


@dataclass(frozen=True, slots=True)
class Intake:
    """Takes footage in. Safe for use from several threads and processes."""

    projection: Projection
    log: EventLog
    store: ArtefactStore

    def submit_file(
        self, path: Path, name: str, description: Description, *, adopt: bool, licence_required: bool = False
    ) -> Submission:
        """Take a local file in. adopt: let the store refer to the file, which must stay as it is then; else copy it.

        licence_required: refuse it where no licence is stated, now or before.
        Raises NotFound where there is no such file, Invalid (LimitExceeded, RightsUnknown) where it is not footage or
        was taken down, each in one line; Unavailable.
        """
        if path.is_file() and not path.stat().st_size:
            with self._refusal_recorded(name, hashlib.sha256(b"").hexdigest()):
                raise Invalid(f"{name}: is empty (0 bytes). Give a file with moving pictures.")
        with self._refusal_recorded(name, path):
            found = Footage(name=name)
            fill(found, probe(path, name=name))
            if licence_required and not (description.rights and description.rights.license):
                self._expect_licence(path, name)
        keep = self.store.adopt if adopt else self.store.put
        found.content.CopyFrom(keep(path, media_type(found.container)))
        return self._offer(found, description)

    def submit_stored(self, content: ArtefactRef, name: str, description: Description) -> Submission:
        """Take in what the store holds. Raises as `submit_file` does."""
        found = Footage(name=name)
        self.store.renew(content)
        with self.store.local(content) as path, self._refusal_recorded(name, content.sha256):
            fill(found, probe(path, name=name))
        found.content.CopyFrom(content)
        found.content.media_type = content.media_type or media_type(found.container)
        return self._offer(found, description)

    def refuse(self, path: Path, name: str, error: Invalid) -> None:
        """Record that a file is not taken in, and why."""
        self._record(refused(hash_file(path)[0], name, error))

    def _expect_licence(self, path: Path, name: str) -> None:
        """Raises RightsUnknown, unless the same bytes came with a licence before."""
        sha256, _ = hash_file(path)
        with self.projection.caught_up() as connection:
            known = known_footage(connection, sha256)
        if known is None or not known.rights.license:
            raise RightsUnknown(
                f"{name}: no licence is stated, and one is required here. Tag it with license=…, or put {name}.json"
                ' beside it: {"license": "CC-BY-4.0"}.'
            )

    def _offer(self, found: Footage, description: Description) -> Submission:
        """Publish footage, unless it is known as it is described."""
        with self.projection.caught_up() as connection:
            takedown = takedown_of(connection, found.content.sha256)
            known = known_footage(connection, found.content.sha256)
            footage = describe(known or found, description)
            if takedown is None and (known is None or footage.item.version != known.item.version):
                event_id = identity.event_id(footage.item.id, footage.item.version)
                with tracing.span("intake"):
                    event = encode(
                        topics.FOOTAGE.name,
                        footage.item.id,
                        footage,
                        event_id=event_id,
                        source="catalog",
                        traceparent=tracing.traceparent(),
                    )
                    self.log.publish([event])
        if takedown is not None:
            raise Invalid(f"{found.name}: was taken down ({takedown.reason}) and may not come back. Leave it out.")
        return Submission(footage, already_known=known is not None)

    @contextmanager
    def _refusal_recorded(self, name: str, content: Path | str) -> Iterator[None]:
        """Record what turns out not to be footage. content: the file, or the SHA-256 of the bytes."""
        try:
            yield
        except NotFound:
            raise
        except Invalid as error:
            try:
                sha256 = content if isinstance(content, str) else hash_file(content)[0]
            except Invalid:
                raise error from None  # no bytes to be had: a folder, a device, no permission
            self._record(refused(sha256, name, error))
            raise

    def _record(self, rejection: Rejection) -> None:
        with self.projection.caught_up() as connection:
            if known_footage(connection, rejection.footage_id) or takedown_of(connection, rejection.footage_id):
                return
            message = connection.scalar(
                select(REJECTIONS.c.message).where(REJECTIONS.c.rejection_id == rejection.id, REJECTIONS.c.current)
            )
            if message is None or Rejection.FromString(message) != rejection:
                event_id = identity.event_id(rejection.id, rejection.version)
                event = encode(topics.REJECTIONS.name, rejection.id, rejection, event_id=event_id, source="catalog")
                self.log.publish([event])


def known_footage(connection: Connection, footage_id: str) -> Footage | None:
    """Footage as it was published last, whatever its state; None where it never came in."""
    statement = (
        select(VERSIONS.c.message)
        .join(ITEMS, (ITEMS.c.item_id == VERSIONS.c.item_id) & (ITEMS.c.version == VERSIONS.c.version))
        .where(ITEMS.c.item_id == footage_id)
    )
    message = connection.scalar(statement)
    return None if message is None else Footage.FromString(message)


def describe(footage: Footage, description: Description) -> Footage:
    """Footage with its header, rights, style and work. Its version changes with the latter three, not with its name."""
    described = Footage()
    described.CopyFrom(footage)
    if description.rights is not None:
        described.rights.CopyFrom(description.rights)
    described.style = description.style or footage.style
    work = description.work or footage.item.work or PurePath(footage.name).stem
    rights = described.rights
    recipe = identity.recipe(
        SOFTWARE,
        {
            "rights": [rights.license, rights.source, rights.owner, rights.release_allowed, rights.canary],
            "style": described.style,
            "work": work,
        },
    )
    described.item.CopyFrom(
        ItemHeader(
            id=footage.content.sha256,
            version=identity.item_version("", recipe),
            level=LEVEL,
            footage_id=footage.content.sha256,
            work=work,
            origin=_origin(recipe),
        )
    )
    return described


def refused(sha256: str, name: str, error: Invalid) -> Rejection:
    """The rejection of bytes that are no footage."""
    reason: RejectionReason.ValueType = REJECTION_REASON_UNREADABLE
    if isinstance(error, LimitExceeded):
        reason = REJECTION_REASON_LIMIT_EXCEEDED
    elif isinstance(error, RightsUnknown):
        reason = REJECTION_REASON_RIGHTS_UNKNOWN
    recipe = identity.recipe(SOFTWARE, {})
    return Rejection(
        id=identity.rejection_id(sha256, LEVEL, 0, 0, reason),
        version=identity.item_version("", recipe),
        level=LEVEL,
        footage_id=sha256,
        footage_name=name,
        reason=reason,
        detail=str(error),
        origin=_origin(recipe),
    )


def media_type(container: str) -> str:
    """Media type for a container's name, as libav gives it."""
    return MEDIA_TYPES.get(container, "application/octet-stream")


def _origin(recipe: str) -> Origin:
    return Origin(kind=ORIGIN_KIND_MACHINE, method="probe", recipe=recipe, confidence=1.0)
