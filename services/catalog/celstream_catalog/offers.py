"""Offers: an item published again, so that its stages process it anew: under a new recipe, or after a failure."""

from celstream_platform.events import Event, encode
from celstream_platform.identity import event_id
from celstream_protos.v1.envelope_pb2 import OUTCOME_STATE_PARKED
from sqlalchemy import Connection, and_, false, not_, or_, select

from celstream_catalog.levels import Chain, StageSpec
from celstream_catalog.tables import ITEMS, LIVE, OUTCOMES, VERSIONS


def offers_again(
    connection: Connection, chain: Chain, stage: StageSpec, *, parked: bool, footage_id: str | None = None
) -> list[Event]:
    """Events that offer again what a stage did under another recipe than `stage.recipe`, and what it parked.

    parked: whether to offer parked inputs too. Inputs without an outcome of their current version are on their way
    already and are left alone.
    """
    done = and_(
        OUTCOMES.c.stage == stage.name,
        OUTCOMES.c.input_id == ITEMS.c.item_id,
        OUTCOMES.c.input_version == ITEMS.c.version,
    )
    version = and_(VERSIONS.c.item_id == ITEMS.c.item_id, VERSIONS.c.version == ITEMS.c.version)
    is_parked = OUTCOMES.c.state == OUTCOME_STATE_PARKED
    another_recipe = OUTCOMES.c.recipe != stage.recipe if stage.recipe is not None else false()
    again = or_(is_parked, another_recipe) if parked else and_(not_(is_parked), another_recipe)
    statement = (
        select(ITEMS.c.item_id, ITEMS.c.version, VERSIONS.c.message, VERSIONS.c.traceparent)
        .select_from(ITEMS.join(OUTCOMES, done).join(VERSIONS, version))
        .where(ITEMS.c.level == stage.consumes, ITEMS.c.state == LIVE, again)
        .order_by(ITEMS.c.item_id)
    )
    if footage_id is not None:
        statement = statement.where(ITEMS.c.footage_id == footage_id)
    level = chain.level(stage.consumes)
    return [
        encode(
            level.topic.name,
            row.item_id,
            level.message_type.FromString(row.message),
            event_id=event_id(row.item_id, row.version),
            source="catalog",
            traceparent=row.traceparent,
        )
        for row in connection.execute(statement)
    ]
