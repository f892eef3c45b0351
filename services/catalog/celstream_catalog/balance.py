"""The check that the funnel balances: what outcomes list is what is stored, and every input has its outcome."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, FromClause, and_, func, select

from celstream_catalog.completion import inputs_by_state, missing_refs
from celstream_catalog.levels import Chain
from celstream_catalog.tables import (
    ITEM,
    ITEMS,
    LISTINGS,
    LIVE,
    REFUSED,
    REJECTION,
    REJECTIONS,
    SKIPPED,
    TAKEN_DOWN,
)


def check_balance(connection: Connection, chain: Chain, footage_id: str | None = None) -> list[str]:
    """What does not add up, one line each; nothing where all is well. Of one footage, or of all.

    Per level: items that outcomes of live inputs list = items that are live, refused by a person, or taken down below a
    live one; rejections that they list = current rejections; refused items = rejections for that reason.
    """
    lines = []
    for stage in chain.stages:
        pending = sum(r.number for r in connection.execute(inputs_by_state(stage, footage_id)) if r.state is None)
        if pending:
            lines.append(f"{stage.name}: {pending} inputs have no current outcome, expected one each.")
    for row in missing_refs(connection, footage_id):
        lines.append(f"{row.stage}: the outcome of {row.input_id} lists what is not stored: {row.kind} {row.ref_id}.")

    parents, inputs = ITEMS.alias(), ITEMS.alias()
    of_live_inputs = LISTINGS.join(inputs, and_(inputs.c.item_id == LISTINGS.c.input_id, inputs.c.state == LIVE))
    below_live = ITEMS.join(parents, and_(parents.c.item_id == ITEMS.c.parent_id, parents.c.state == LIVE))

    def counts(
        table: FromClause, level: ColumnElement[str], footage: ColumnElement[str], *where: Any
    ) -> dict[str, int]:
        statement = (
            select(level.label("level"), func.count().label("number")).select_from(table).where(*where).group_by(level)
        )
        statement = statement if footage_id is None else statement.where(footage == footage_id)
        return {row.level: row.number for row in connection.execute(statement)}

    comparisons = (
        (
            "items",
            counts(of_live_inputs, LISTINGS.c.ref_level, inputs.c.footage_id, LISTINGS.c.kind == ITEM),
            counts(below_live, ITEMS.c.level, ITEMS.c.footage_id, ITEMS.c.state.in_([LIVE, REFUSED, TAKEN_DOWN])),
        ),
        (
            "rejections",
            counts(of_live_inputs, LISTINGS.c.ref_level, inputs.c.footage_id, LISTINGS.c.kind == REJECTION),
            counts(
                REJECTIONS,
                REJECTIONS.c.level,
                REJECTIONS.c.footage_id,
                REJECTIONS.c.current,
                REJECTIONS.c.parent_id != "",
                REJECTIONS.c.refused_item_id == "",
            ),
        ),
        (
            "refused items",
            counts(ITEMS, ITEMS.c.level, ITEMS.c.footage_id, ITEMS.c.state == REFUSED),
            counts(REJECTIONS, REJECTIONS.c.level, REJECTIONS.c.footage_id, REJECTIONS.c.refused_item_id != ""),
        ),
    )
    for what, listed, stored in comparisons:
        for level in sorted(listed.keys() | stored.keys()):
            if listed.get(level, 0) != stored.get(level, 0):
                lines.append(f"{level}: {listed.get(level, 0)} {what} listed, {stored.get(level, 0)} stored.")
    if footage_id is None:
        for row in connection.execute(select(SKIPPED).order_by(SKIPPED.c.topic, SKIPPED.c.offset)):
            lines.append(f"{row.topic} {row.partition}/{row.offset}: event could not be read: {row.error}")
    return lines
