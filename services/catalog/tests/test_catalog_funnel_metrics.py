"""The funnel as metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from celstream_catalog import Catalog
from celstream_catalog.funnel_metrics import FunnelCollector
from celstream_platform import topics
from celstream_platform.metrics import METRICS
from celstream_protos.v1.clip_pb2 import Clip
from celstream_protos.v1.envelope_pb2 import OUTCOME_STATE_PARKED
from prometheus_client import CollectorRegistry

if TYPE_CHECKING:
    from tests.catalog_hand import Hand

pytest_plugins = ["tests.catalog_hand"]


def registry_of(catalog: Catalog, least_seconds: float = 0.0) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(FunnelCollector(catalog, least_seconds))
    return registry


def inputs(registry: CollectorRegistry, state: str) -> float | None:
    labels = {"level": "clips", "stage": "segmenter", "state": state}
    return registry.get_sample_value("celstream_catalog_inputs", labels)


def test_the_funnel_is_counted_and_what_is_worked_on_is_no_imbalance(catalog: Catalog, hand: Hand) -> None:
    registry = registry_of(catalog)
    first, second = hand.footage("first"), hand.footage("second")
    hand.cut(first, [(0, 40), (50, 90)], [(40, 50)])
    catalog.catch_up()
    assert [inputs(registry, state) for state in ("pending", "done", "parked")] == [1, 1, 0]
    assert registry.get_sample_value("celstream_catalog_items", {"level": "clips"}) == 2
    refused = {"level": "clips", "reason": "too_short"}
    assert registry.get_sample_value("celstream_catalog_rejections", refused) == 1
    assert registry.get_sample_value("celstream_catalog_imbalances") == 0
    hand.cut(second, [], state=OUTCOME_STATE_PARKED, error="a bug")
    catalog.catch_up()
    assert [inputs(registry, state) for state in ("pending", "done", "parked")] == [0, 2, 1]
    assert registry.get_sample_value("celstream_catalog_imbalances") == 0


def test_an_event_that_could_not_be_read_is_an_imbalance(catalog: Catalog, hand: Hand) -> None:
    hand.cut(hand.footage("first"), [(0, 40)])
    hand.log.publish([hand.item_event(topics.CLIPS.name, Clip())])
    catalog.catch_up()
    assert registry_of(catalog).get_sample_value("celstream_catalog_imbalances") == 1


def test_counting_is_not_done_again_at_once(catalog: Catalog, hand: Hand) -> None:
    registry = registry_of(catalog, least_seconds=3600.0)
    assert inputs(registry, "pending") == 0
    hand.footage("first")
    catalog.catch_up()
    assert inputs(registry, "pending") == 0


def test_all_of_it_is_in_the_list_of_metrics() -> None:
    listed = {metric.name for metric in METRICS}
    assert {f"celstream_catalog_{name}" for name in ("inputs", "items", "rejections", "imbalances")} <= listed
