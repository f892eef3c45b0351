"""The projection does not depend on the order between topics, on batches, or on anything but the events."""

import tempfile
from pathlib import Path
from typing import Any

import pytest
from celstream_catalog import queries
from celstream_catalog.batch import read_batch
from celstream_catalog.projection import apply_batch
from celstream_catalog.tables import METADATA
from celstream_platform.artefacts import directory_url, open_artefact_store
from celstream_platform.events import Delivery
from celstream_protos.v1.envelope_pb2 import ORIGIN_KIND_HUMAN
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, select

from tests.chain import toy
from tests.chain.histories import History, histories, shuffled, truth

FOLDER = tempfile.TemporaryDirectory(prefix="celstream-histories-")  # goes with this process
STORE = open_artefact_store(directory_url(Path(FOLDER.name)))
ENGINE = create_engine("sqlite://")  # one for all histories: it keeps the statements that it has compiled


def projected(connection: Connection, batches: list[list[Delivery]]) -> dict[str, list[tuple[Any, ...]]]:
    """Every row after these batches, on an empty database."""
    for table in reversed(METADATA.sorted_tables):
        connection.execute(table.delete())
    for batch in batches:
        apply_batch(connection, read_batch(batch, toy.CHAIN, STORE), toy.CHAIN)
    return {table.name: sorted(map(tuple, connection.execute(select(table)))) for table in METADATA.sorted_tables}


def hold(data: st.DataObject, history: History) -> None:
    """Any order between topics and any batches give the same rows, and the true ones."""
    with ENGINE.begin() as connection:
        METADATA.create_all(connection)
        deliveries = history.deliveries()
        reference = projected(connection, [deliveries])
        items, rejections = truth(history)
        assert {(m.item.id, m.item.version) for m in _items(connection)} == items
        by_stages = [r for r in queries.rejections(connection) if r.origin.kind != ORIGIN_KIND_HUMAN]
        assert {r.id for r in by_stages} == rejections
        order = shuffled(deliveries, data.draw)
        size = data.draw(st.integers(1, 5))
        assert projected(connection, [order[n : n + size] for n in range(0, len(order), size)]) == reference


# Not shrunk: histories are short, and shrinking one takes minutes.
QUICK = settings(
    max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=[Phase.generate]
)
THOROUGH = settings(QUICK, max_examples=150)


@given(data=st.data(), history=histories(STORE))
@QUICK
def test_any_order_between_topics_gives_the_same_rows_and_the_true_ones(data: st.DataObject, history: History) -> None:
    hold(data, history)


@pytest.mark.slow
@given(data=st.data(), history=histories(STORE))
@THOROUGH
def test_any_order_between_topics_gives_the_same_rows_in_hundreds_of_histories(
    data: st.DataObject, history: History
) -> None:
    hold(data, history)


def _items(connection: Connection) -> list[Any]:
    return [message for level in toy.CHAIN.levels for message in queries.items(connection, toy.CHAIN, level.name)]
