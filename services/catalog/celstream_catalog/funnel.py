"""The funnel: how many inputs each stage has done, how many items and rejections came of them, and why.

Only what is current counts: what a newer outcome withdrew, and failures that a replay mended, leave no trace.
"""

from celstream_protos.v1.catalog_pb2 import Funnel, FunnelLevel, ReasonCount
from celstream_protos.v1.envelope_pb2 import (
    OUTCOME_STATE_AWAITING_REVIEW,
    OUTCOME_STATE_PARKED,
)
from sqlalchemy import Connection, func, select

from celstream_catalog.completion import inputs_by_state
from celstream_catalog.levels import INTAKE, Chain
from celstream_catalog.tables import ITEMS, LIVE, REJECTIONS


def funnel(connection: Connection, chain: Chain, footage_id: str | None = None) -> Funnel:
    """The funnel of one footage, or of all: the root, then every level that an active stage makes.

    Of the root, inputs are the files that were offered.
    """
    of_items = select(ITEMS.c.level, func.count().label("number")).where(ITEMS.c.state == LIVE).group_by(ITEMS.c.level)
    of_rejections = (
        select(REJECTIONS.c.level, REJECTIONS.c.reason, func.count().label("number"))
        .where(REJECTIONS.c.current)
        .group_by(REJECTIONS.c.level, REJECTIONS.c.reason)
        .order_by(REJECTIONS.c.reason)
    )
    if footage_id is not None:
        of_items = of_items.where(ITEMS.c.footage_id == footage_id)
        of_rejections = of_rejections.where(REJECTIONS.c.footage_id == footage_id)
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
        for row in connection.execute(inputs_by_state(stage, footage_id)):
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
