"""Which partition a key belongs to, for many keys at once: the same that every other client of Kafka finds.

Murmur2 as Kafka has it (org.apache.kafka.common.utils.Utils.murmur2), over the words of all keys of one length at once.
kafka-python computes it byte by byte in Python, which takes longer than the rest of what it does to a record.
"""

from collections.abc import Sequence

import numpy as np
from kafka.partitioner import murmur2
from numpy.typing import NDArray

SEED = 0x9747B28C
MULTIPLIER = np.uint32(0x5BD1E995)
WORD_BYTES = 4
FEW = 4  # keys of one length that are sooner done one by one


def partitions(keys: Sequence[bytes], many: int) -> list[int]:
    """The partition of each key in a topic of `many` partitions."""
    by_length: dict[int, list[int]] = {}
    for index, key in enumerate(keys):
        by_length.setdefault(len(key), []).append(index)
    found = [0] * len(keys)
    for length, indexes in by_length.items():
        alike = [keys[index] for index in indexes]
        hashes = [murmur2(key) for key in alike] if len(alike) < FEW else _murmur2(alike, length).tolist()
        for index, hashed in zip(indexes, hashes, strict=True):
            found[index] = (hashed & 0x7FFFFFFF) % many
    return found


def _murmur2(keys: Sequence[bytes], length: int) -> NDArray[np.uint32]:
    """Hashes of keys that all are `length` bytes long. Products are meant to run over: they count modulo 2^32."""
    rows = np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), length)
    whole = length - length % WORD_BYTES
    words = np.ascontiguousarray(rows[:, :whole]).view("<u4").astype(np.uint32) * MULTIPLIER
    words ^= words >> np.uint32(24)
    words *= MULTIPLIER
    hashes = np.full(len(keys), SEED ^ length, np.uint32)
    for word in words.T:
        hashes *= MULTIPLIER
        hashes ^= word
    if whole < length:
        for place in range(length - 1, whole - 1, -1):
            hashes ^= rows[:, place].astype(np.uint32) << np.uint32(8 * (place - whole))
        hashes *= MULTIPLIER
    hashes ^= hashes >> np.uint32(13)
    hashes *= MULTIPLIER
    hashes ^= hashes >> np.uint32(15)
    return hashes
