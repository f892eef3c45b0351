"""Near-duplicates: clips that show the same pictures, such as the opening of every episode of a series.

A stage measures (a fingerprint: hashes of some pictures a second); what repeats is a judgement about the whole
collection, and so the catalog's. Clips that share hashes in part are compared offset by offset; whoever matches the
same clip belongs to the same group.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from celstream_protos.v1.clip_pb2 import Clip
from google.protobuf.message import Message
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

NO_HASH = np.uint64(0)  # of a picture of one colour
NEAR_BITS = 10  # of 64: two hashes of one picture; of different pictures 32 +- 4 differ
LEAST_TOGETHER = 6  # hashes that must meet, three quarters of a second
MATCH_SCORE = 0.6  # from here on two clips show the same; others reach 0.33, re-encoded ones 0.82 and more
BANDS = 4  # of 16 bits: of two hashes that differ in a few bits, some band is the same
LEAST_SHARED = 3  # bands that two clips must share to be compared …
SHARED_OF_BANDS = 8  # … or one of so many that the poorer one has: a picture that stands still has few
COMMON = 64  # clips: where more of them have a band, each is compared with the first of them alone


@dataclass(frozen=True, slots=True)
class Match:
    """How two fingerprints agree. offset: hashes to add to a place in the first to get the place in the second.

    score: 0-1, share of the shorter overlap's pictures that agree; from MATCH_SCORE on they show the same.
    """

    offset: int
    score: float


def fingerprint_of(clip: Message) -> tuple[str, Hashes]:
    """A clip's id and fingerprint. Raises TypeError for an item of another level."""
    if not isinstance(clip, Clip):
        raise TypeError(f"a fingerprint of {type(clip).__name__}: expected a clip")
    return clip.item.id, np.array(clip.measurements.fingerprint.hashes, np.uint64)


def match(first: Hashes, second: Hashes) -> Match:
    """Compare two fingerprints of the same number of hashes per second; every offset that overlaps enough is tried."""
    best = Match(0, 0.0)
    least = min(LEAST_TOGETHER, len(first), len(second))
    if not least:
        return best
    distance = np.bitwise_count(first[:, None] ^ second[None, :]).astype(np.int16)
    # The two were not looked at at the same moments: what moves fast is found a moment before or after.
    around = np.pad(distance, ((0, 0), (1, 1)), constant_values=64)
    distance = np.minimum(distance, np.minimum(around[:, :-2], around[:, 2:]))
    known = (first[:, None] != NO_HASH) & (second[None, :] != NO_HASH)
    for shift in range(-(len(first) - least), len(second) - least + 1):
        usable = np.diagonal(known, shift)
        count = int(np.count_nonzero(usable))
        if count < least:
            continue
        near = np.count_nonzero(np.diagonal(distance, shift)[usable] <= NEAR_BITS) / count
        # The shorter the overlap, the more it takes to believe it.
        score = near * min(1.0, 0.5 + 0.5 * count / min(len(first), len(second)))
        if score > best.score:
            best = Match(shift, float(score))
    return best


def first_of_same(fingerprints: Mapping[str, Hashes]) -> dict[str, str]:
    """Of each clip that shows what an earlier one shows, the first clip of its group.

    fingerprints: by clip id, in the order that decides which is first.
    """
    ids = list(fingerprints)
    hashes = [fingerprints[key] for key in ids]
    first = list(range(len(ids)))

    def root(clip: int) -> int:
        while first[clip] != clip:
            clip = first[clip]
        return clip

    for one, other in _candidates(hashes):
        low, high = sorted((root(one), root(other)))
        if low != high and match(hashes[one], hashes[other]).score >= MATCH_SCORE:
            first[high] = low
    return {ids[clip]: ids[root(clip)] for clip in range(len(ids)) if root(clip) != clip}


def _candidates(hashes: Sequence[Hashes]) -> Iterator[tuple[int, int]]:
    """Pairs of clips that share enough bands, in order."""
    owners = np.repeat(np.arange(len(hashes)), [len(some) for some in hashes])
    values = np.concatenate([np.zeros(0, np.uint64), *hashes])
    known = values != NO_HASH
    owners, values = owners[known], values[known]
    if not len(values):
        return
    shared: Counter[tuple[int, int]] = Counter()
    bands = np.zeros(len(hashes), np.int64)
    for band in range(BANDS):
        keys = (values >> np.uint64(16 * band)) & np.uint64(0xFFFF)
        pairs = np.unique(np.stack([keys.astype(np.int64), owners]), axis=1)
        bands += np.bincount(pairs[1], minlength=len(hashes))
        starts = np.flatnonzero(np.diff(pairs[0], prepend=-1))
        for start, end in zip(starts, [*starts[1:], pairs.shape[1]], strict=True):
            clips = pairs[1, start:end].tolist()
            shared.update(
                combinations(clips, 2) if len(clips) <= COMMON else ((clips[0], other) for other in clips[1:])
            )
    least = np.minimum(LEAST_SHARED, np.ceil(bands / SHARED_OF_BANDS)).tolist()
    yield from sorted(pair for pair, count in shared.items() if count >= min(least[clip] for clip in pair))
