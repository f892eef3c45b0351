"""Canaries that have served: their scores are kept as events, and their footage need not lie in the store for ever.

For some days it stays, so that a bad score can be looked into. Then it is taken down as any footage can be, and the
store's collector removes the bytes. What calls itself a canary and was never scored stays: somebody may have said so of
their film by mistake, and one that did not come through is still to be looked at.
"""

import time
from typing import TYPE_CHECKING

from celstream_platform import logs
from celstream_platform.errors import Unavailable
from celstream_platform.shutdown import Shutdown
from sqlalchemy import Connection, select

from celstream_catalog.evaluations import CANARY, evaluations
from celstream_catalog.tables import FACTS, ITEMS, TAKEN_DOWN

if TYPE_CHECKING:
    from celstream_catalog.catalog import Catalog

REASON = "a canary that has served: its score is kept"
DAY_SECONDS = 24 * 3600.0
LOOK_SECONDS = 600.0

log = logs.logger(__name__)


def served_canaries(connection: Connection, before_seconds: float) -> list[str]:
    """Footage ids of the canaries that are there and were scored, the last time before a moment, seconds since 1970."""
    last: dict[str, int] = {}
    for evaluation in evaluations(connection, CANARY):  # the latest first
        last.setdefault(evaluation.footage_id, evaluation.evaluated_at.seconds)
    there = (
        select(ITEMS.c.item_id)
        .join(FACTS, FACTS.c.footage_id == ITEMS.c.item_id)
        .where(FACTS.c.canary, ITEMS.c.state != TAKEN_DOWN)
        .order_by(ITEMS.c.item_id)
    )
    return [item_id for item_id in connection.scalars(there) if last.get(item_id, before_seconds) < before_seconds]


def keep_taking_down(catalog: "Catalog", shutdown: Shutdown, days: float) -> None:
    """Take down what was scored more than so many days ago, now and then, until the process shall end."""
    while not shutdown.requested():
        try:
            for footage_id in catalog.take_down_served_canaries(time.time() - days * DAY_SECONDS):
                log.info("a canary has served, and was taken down", footage=footage_id)
        except Unavailable as error:
            log.warning("canaries cannot be looked at", error=str(error))
        shutdown.wait(LOOK_SECONDS)
