"""The funnel: how many inputs each stage has done, how many items and rejections came of them, and why.

Only what is current counts: what a newer outcome withdrew, and failures that a replay mended, leave no trace. Canary
footage counts where it is asked for: it is worked on as all footage is, but nobody gets anything of it.
"""

from celstream_protos.v1.catalog_pb2 import Funnel, FunnelLevel, ReasonCount
from celstream_protos.v1.envelope_pb2 import (
    OUTCOME_STATE_AWAITING_REVIEW,
    OUTCOME_STATE_PARKED,
)
from sqlalchemy import Connection, func, select

from celstream_catalog.completion import inputs_by_state
from celstream_catalog.levels import INTAKE, Chain
from celstream_catalog.queries import of_footage
from celstream_catalog.tables import FACTS, ITEMS, LIVE, REJECTIONS


def funnel(connection: Connection, chain: Chain, footage_id: str | None = None, *, canaries: bool = False) -> Funnel:
    """The funnel of one footage, or of all: the root, then every level that an active stage makes.

    Of the root, inputs are the files that were offered.
    """
    of_items = (
        select(ITEMS.c.level, func.count().label("number"))
        .where(ITEMS.c.state == LIVE, of_footage(ITEMS.c.footage_id, footage_id, canaries=canaries))
        .group_by(ITEMS.c.level)
    )
    of_rejections = (
        select(REJECTIONS.c.level, REJECTIONS.c.reason, func.count().label("number"))
        .where(REJECTIONS.c.current, of_footage(REJECTIONS.c.footage_id, footage_id, canaries=canaries))
        .group_by(REJECTIONS.c.level, REJECTIONS.c.reason)
        .order_by(REJECTIONS.c.reason)
    )
    items = {row.level: row.number for row in connection.execute(of_items)}
    reasons: dict[str, list[ReasonCount]] = {}
    for row in connection.execute(of_rejections):
        reasons.setdefault(row.level, []).append(ReasonCount(reason=row.reason, count=row.number))

    root = FunnelLevel(
        level=chain.root.name,
        stage=INTAKE,
        items=items.get(chain.root.name, 0),
        rejections=reasons.get(chain.root.name),
    )
    root.inputs = root.inputs_done = root.items + sum(reason.count for reason in root.rejections)
    levels = [root]
    for stage in chain.stages:
        inputs: dict[int | None, int] = {}
        for row in connection.execute(inputs_by_state(stage, footage_id, canaries=canaries)):
            inputs[row.state] = inputs.get(row.state, 0) + row.number
        levels += [
            FunnelLevel(
                level=level,
                stage=stage.name,
                inputs=sum(inputs.values()),
                inputs_done=sum(count for state, count in inputs.items() if state is not None),
                inputs_parked=inputs.get(OUTCOME_STATE_PARKED, 0),
                inputs_awaiting_review=inputs.get(OUTCOME_STATE_AWAITING_REVIEW, 0),
                items=items.get(level, 0),
                rejections=reasons.get(level),
            )
            for level in stage.produces
        ]
    return Funnel(levels=levels)


def items_by_style(connection: Connection) -> dict[tuple[str, int], int]:
    """How many current items there are, by level and style (value of `FootageStyle`) of their footage; no canaries."""
    statement = (
        select(ITEMS.c.level, FACTS.c.style, func.count().label("number"))
        .join(FACTS, FACTS.c.footage_id == ITEMS.c.footage_id)
        .where(ITEMS.c.state == LIVE, ~FACTS.c.canary)
        .group_by(ITEMS.c.level, FACTS.c.style)
    )
    return {(row.level, row.style): row.number for row in connection.execute(statement)}
