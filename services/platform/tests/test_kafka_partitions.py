"""Keys find the partitions that Kafka's own hash gives them."""

from celstream_platform.eventlog.kafka_partitions import partitions
from celstream_platform.eventlog.kafka_records import to_records
from celstream_platform.events import Event
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner import murmur2


@given(st.lists(st.binary(max_size=40), max_size=60), st.integers(1, 100))
def test_keys_of_any_lengths_belong_where_the_library_would_put_them(keys: list[bytes], many: int) -> None:
    assert partitions(keys, many) == [(murmur2(key) & 0x7FFFFFFF) % many for key in keys]


@given(st.integers(0, 80), st.data())
def test_many_keys_of_one_length_do_too(length: int, data: st.DataObject) -> None:
    keys = data.draw(st.lists(st.binary(min_size=length, max_size=length), min_size=8, max_size=30))
    assert partitions(keys, 16) == [(murmur2(key) & 0x7FFFFFFF) % 16 for key in keys]


def test_published_hashes_are_met() -> None:
    # The values of Kafka's own test, UtilsTest.testMurmur2; six times the same key, so that they are hashed together.
    published = {"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536}
    published |= {
        "a-little-bit-longer-string": -1486304829,
        "lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971,
    }
    published |= {"abc": 479470107}
    for key, hashed in published.items():
        assert partitions([key.encode()] * 6, 1 << 31) == [hashed & 0x7FFFFFFF] * 6


def test_each_event_goes_to_a_partition_of_its_own_topic() -> None:
    many = {"celstream.few": range(3), "celstream.many": range(50)}
    events = [Event(topic, f"key-{number}", b"") for number in range(20) for topic in many]
    records = to_records(events, many.__getitem__)
    assert [(record["topic"], record["key"]) for record in records] == [(e.topic, e.key.encode()) for e in events]
    for record in records:
        assert record["partition"] == (murmur2(record["key"]) & 0x7FFFFFFF) % len(many[record["topic"]])
