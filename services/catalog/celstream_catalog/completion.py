"""Completion: a footage is finished when every current item below it has a current outcome at each active stage.

Known by following ids, without timers. A current outcome is one of the item's current version (and of the stage's
recipe, where the chain names one). Parked inputs and those that await review have an outcome: they are counted, not
waited for. What an outcome lists but has not been stored yet, and a correction not yet published, are waited for.
"""

from dataclasses import dataclass
from typing import Any

from celstream_protos.v1.envelope_pb2 import OUTCOME_STATE_AWAITING_REVIEW, OUTCOME_STATE_PARKED
from sqlalchemy import Connection, Row, Select, and_, exists, func, literal, select

from celstream_catalog.corrections import due
from celstream_catalog.levels import Chain, StageSpec
from celstream_catalog.queries import of_footage
from celstream_catalog.tables import ITEM, ITEMS, LISTINGS, LIVE, OUTCOMES, REJECTION, REJECTIONS, VERSIONS


@dataclass(slots=True)
class Completion:
    """How far one footage is; all are numbers of inputs, items or rejections.

    pending: live items without a current outcome at an active stage that consumes them. parked, awaiting_review: those
    whose outcome says so. missing: listed by a current outcome, but not stored. corrections: not yet published.
    """

    pending: int = 0
    parked: int = 0
    awaiting_review: int = 0
    missing: int = 0
    corrections: int = 0

    @property
    def finished(self) -> bool:
        """Whether nothing is waited for."""
        return not (self.pending or self.missing or self.corrections)


def completions(connection: Connection, chain: Chain, footage_id: str | None = None) -> dict[str, Completion]:
    """Completion of one footage, or of every footage that is in and has anything to count."""
    found: dict[str, Completion] = {}

    def of(key: str) -> Completion:
        return found.setdefault(key, Completion())

    for stage in chain.stages:
        for row in connection.execute(inputs_by_state(stage, footage_id)):
            if row.state is None:
                of(row.footage_id).pending += row.number
            elif row.state == OUTCOME_STATE_PARKED:
                of(row.footage_id).parked += row.number
            elif row.state == OUTCOME_STATE_AWAITING_REVIEW:
                of(row.footage_id).awaiting_review += row.number
    for missing in missing_refs(connection, footage_id):
        of(missing.footage_id).missing += 1
    for correction in due(connection, chain, footage_id):
        of(correction.footage_id).corrections += 1
    return found


def inputs_by_state(stage: StageSpec, footage_id: str | None = None, *, canaries: bool = True) -> Select[Any]:
    """Inputs of a stage by footage and state of their outcome (NULL: none): rows (footage_id, state, number)."""
    current = and_(
        OUTCOMES.c.stage == stage.name,
        OUTCOMES.c.input_id == ITEMS.c.item_id,
        OUTCOMES.c.input_version == ITEMS.c.version,
        *([OUTCOMES.c.recipe == stage.recipe] if stage.recipe is not None else []),
    )
    wanted = of_footage(ITEMS.c.footage_id, footage_id, canaries=canaries)
    return (
        select(ITEMS.c.footage_id, OUTCOMES.c.state, func.count().label("number"))
        .select_from(ITEMS.outerjoin(OUTCOMES, current))
        .where(ITEMS.c.level == stage.consumes, ITEMS.c.state == LIVE, wanted)
        .group_by(ITEMS.c.footage_id, OUTCOMES.c.state)
    )


def missing_refs(connection: Connection, footage_id: str | None = None) -> list[Row[Any]]:
    """What outcomes of live inputs list and is not stored: rows (footage_id, stage, input_id, kind, ref_id).

    Where a long listing could not be read, kind is `listing` and ref_id says why.
    """
    outcome = and_(OUTCOMES.c.stage == LISTINGS.c.stage, OUTCOMES.c.input_id == LISTINGS.c.input_id)
    version = and_(VERSIONS.c.item_id == LISTINGS.c.ref_id, VERSIONS.c.machine_version == LISTINGS.c.ref_version)
    input_ = ITEMS.c.item_id == OUTCOMES.c.input_id
    columns = (OUTCOMES.c.footage_id, OUTCOMES.c.stage, OUTCOMES.c.input_id)
    listed = select(*columns, LISTINGS.c.kind, LISTINGS.c.ref_id).select_from(
        LISTINGS.join(OUTCOMES, outcome).join(ITEMS, input_)
    )
    unread = select(*columns, literal("listing").label("kind"), OUTCOMES.c.listing_error.label("ref_id")).select_from(
        OUTCOMES.join(ITEMS, input_)
    )
    rows: list[Row[Any]] = []
    for statement in (
        listed.where(LISTINGS.c.kind == ITEM, ~exists().where(version)),
        listed.where(LISTINGS.c.kind == REJECTION, ~exists().where(REJECTIONS.c.rejection_id == LISTINGS.c.ref_id)),
        unread.where(OUTCOMES.c.listing_error != ""),
    ):
        statement = statement.where(ITEMS.c.state == LIVE)
        rows += connection.execute(
            statement if footage_id is None else statement.where(ITEMS.c.footage_id == footage_id)
        )
    return rows
