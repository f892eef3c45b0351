"""The funnel as metrics."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from celstream_catalog import Catalog
from celstream_catalog.funnel_metrics import count, keep_counting
from celstream_platform import topics
from celstream_platform.metrics import REGISTRY
from celstream_platform.shutdown import Shutdown
from celstream_protos.v1.clip_pb2 import Clip
from celstream_protos.v1.envelope_pb2 import OUTCOME_STATE_PARKED
from celstream_protos.v1.footage_pb2 import FOOTAGE_STYLE_JAPANESE

if TYPE_CHECKING:
    from tests.catalog_hand import Hand

pytest_plugins = ["tests.catalog_hand"]


def inputs(state: str) -> float | None:
    labels = {"level": "clips", "stage": "segmenter", "state": state}
    return REGISTRY.get_sample_value("celstream_catalog_inputs", labels)


def too_short() -> float | None:
    labels = {"level": "clips", "reason": "too_short"}
    return REGISTRY.get_sample_value("celstream_catalog_rejections", labels)


def items(level: str, style: str) -> float | None:
    return REGISTRY.get_sample_value("celstream_catalog_items", {"level": level, "style": style})


def imbalances() -> float | None:
    return REGISTRY.get_sample_value("celstream_catalog_imbalances")


def test_the_funnel_is_counted_and_what_is_worked_on_is_no_imbalance(catalog: Catalog, hand: Hand) -> None:
    first, second = hand.footage("first"), hand.footage("second")
    hand.cut(first, [(0, 40), (50, 90)], [(40, 50)])
    catalog.catch_up()
    count(catalog)
    assert [inputs(state) for state in ("pending", "done", "parked")] == [1, 1, 0]
    assert REGISTRY.get_sample_value("celstream_catalog_items", {"level": "clips", "style": "unspecified"}) == 2
    assert too_short() == 1
    assert imbalances() == 0
    hand.cut(second, [], state=OUTCOME_STATE_PARKED, error="a bug")
    catalog.catch_up()
    count(catalog)
    assert [inputs(state) for state in ("pending", "done", "parked")] == [0, 2, 1]
    assert imbalances() == 0


def test_a_reason_that_nothing_has_any_more_is_forgotten(catalog: Catalog, hand: Hand) -> None:
    film = hand.footage("first")
    hand.cut(film, [(0, 40)], [(40, 50)])
    catalog.catch_up()
    count(catalog)
    assert too_short() == 1
    hand.cut(film, [(0, 50)], recipe="another")
    catalog.catch_up()
    count(catalog)
    assert too_short() is None


def test_an_event_that_could_not_be_read_is_an_imbalance(catalog: Catalog, hand: Hand) -> None:
    hand.cut(hand.footage("first"), [(0, 40)])
    hand.log.publish([hand.item_event(topics.CLIPS.name, Clip())])
    catalog.catch_up()
    count(catalog)
    assert imbalances() == 1


def test_items_are_counted_by_the_style_of_their_footage(catalog: Catalog, hand: Hand) -> None:
    hand.cut(hand.footage("first", style=FOOTAGE_STYLE_JAPANESE), [(0, 40), (40, 80)])
    hand.cut(hand.footage("second", style=77), [(0, 40)])  # type: ignore[arg-type] - of a later version
    catalog.catch_up()
    count(catalog)
    by_style = [items("clips", style) for style in ("japanese", "other", "unspecified", "american")]
    assert by_style == [2, 1, 0, None]


def test_it_is_counted_at_once_and_until_the_end(catalog: Catalog, hand: Hand) -> None:
    hand.footage("first")
    catalog.catch_up()
    shutdown, counting = Shutdown(), threading.Event()

    class Told(Shutdown):
        """Says when the first count is done: the pause begins."""

        def wait(self, seconds: float | None = None) -> bool:
            counting.set()
            return shutdown.wait(seconds)

        def requested(self) -> bool:
            return shutdown.requested()

    thread = threading.Thread(target=keep_counting, args=(catalog, Told(), 3600.0))
    thread.start()
    assert counting.wait(60.0)
    assert inputs("pending") == 1
    shutdown.request()
    thread.join(60.0)
    assert not thread.is_alive()
