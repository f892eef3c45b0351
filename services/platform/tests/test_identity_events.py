"""Ids, versions and events: the same things give the same names, other things never do."""

import hashlib
import json

import pytest
from celstream_platform import events, identity
from celstream_platform.errors import Invalid
from celstream_protos.v1 import clip_pb2, envelope_pb2
from hypothesis import assume, given
from hypothesis import strategies as st

names = st.text(st.characters(codec="utf-8"), max_size=20)
frames = st.integers(0, 1 << 40)
Item = tuple[str, str, int, int, int]
items = st.tuples(names, names, frames, frames, st.integers(0, 100))


@given(items)
def test_an_id_is_64_hexadecimal_digits_and_repeats(item: Item) -> None:
    name = identity.item_id(*item)
    assert name == identity.item_id(*item)
    assert len(name) == 64
    assert set(name) <= set("0123456789abcdef")


@given(items, items)
def test_other_items_have_other_ids(one: Item, other: Item) -> None:
    assume(one != other)
    assert identity.item_id(*one) != identity.item_id(*other)


@given(names, names, names)
def test_id_version_and_rejection_never_meet(one: str, two: str, three: str) -> None:
    found = {
        identity.item_id(one, two, 0, 0),
        identity.rejection_id(one, two, 0, 0, 0),
        identity.item_version(one, two, three),
        identity.recipe(one, {two: three}),
    }
    assert len(found) == 4


@given(st.lists(names, max_size=4), st.lists(names, max_size=4))
def test_a_digest_knows_where_one_part_ends(one: list[str], other: list[str]) -> None:
    assert (identity.digest(*one) == identity.digest(*other)) == (one == other)


@given(
    st.lists(
        st.text() | st.integers() | st.booleans() | st.none() | st.floats() | st.dictionaries(st.text(), st.integers())
    )
)
def test_a_digest_is_that_of_canonical_json(parts: list[object]) -> None:
    canonical = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    assert identity.digest(*parts) == hashlib.sha256(canonical.encode()).hexdigest()


@given(st.dictionaries(names, st.one_of(st.integers(), st.booleans(), names), min_size=1))
def test_a_recipe_does_not_depend_on_the_order_of_settings(settings: dict[str, object]) -> None:
    backwards = dict(reversed(settings.items()))
    assert identity.recipe("software 1", settings) == identity.recipe("software 1", backwards)
    assert identity.recipe("software 1", settings) != identity.recipe("software 2", settings)
    assert identity.recipe("software 1", settings) != identity.recipe("software 1", settings, {"model": "digest"})


@given(key=names, id_=names, width=st.integers(0, 1 << 30), traceparent=names)
def test_a_message_is_decoded_as_it_was_encoded(key: str, id_: str, width: int, traceparent: str) -> None:
    clip = clip_pb2.Clip(item=envelope_pb2.ItemHeader(id=id_), width=width)
    event = events.encode("celstream.clips", key, clip, event_id="x", source="segmenter", traceparent=traceparent)
    assert events.decode(event, clip_pb2.Clip) == clip
    assert event.type == "celstream.v1.Clip"
    assert event.headers.get("traceparent", "") == traceparent


def test_an_event_is_a_cloudevent_in_binary_mode() -> None:
    event = events.encode("celstream.clips", "key", clip_pb2.Clip(), event_id="id.version", source="segmenter")
    assert dict(event.headers) == {
        "ce_specversion": "1.0",
        "ce_id": "id.version",
        "ce_type": "celstream.v1.Clip",
        "ce_source": "celstream/segmenter",
        "ce_time": event.headers["ce_time"],
        "ce_subject": "key",
        "content-type": "application/protobuf",
    }


def test_a_large_message_is_refused() -> None:
    with pytest.raises(Invalid, match="at most 65536"):
        events.encode(
            "celstream.clips", "key", clip_pb2.Clip(encoding_reason="x" * 70_000), event_id="x", source="segmenter"
        )


@given(st.binary(max_size=50))
def test_another_message_or_no_message_is_invalid(value: bytes) -> None:
    with pytest.raises(Invalid, match="expected"):
        events.decode(events.Event("celstream.clips", "key", value, {"ce_type": "celstream.v1.Other"}), clip_pb2.Clip)
    with pytest.raises(Invalid, match="is not a"):
        events.decode(events.Event("t", "key", b"\xff" + value, {"ce_type": "celstream.v1.Clip"}), clip_pb2.Clip)
