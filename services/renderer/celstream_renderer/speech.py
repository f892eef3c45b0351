"""Syllables of speech: one list from which both the sound and the mouth are made."""

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from celstream_renderer.face import Viseme
from celstream_renderer.film import Speech

Vowel = Literal["a", "e", "i", "o", "u"]
Consonant = Literal["m", "s", "t", "l", "f", ""]

_VOWEL_MOUTH: dict[Vowel, Viseme] = {"a": "open", "e": "wide", "i": "small", "o": "round", "u": "pucker"}
_CONSONANT_MOUTH: dict[Consonant, Viseme] = {"m": "closed", "s": "teeth", "t": "teeth", "l": "small", "f": "teeth"}
ONSET = 0.28  # share of a syllable that its consonant takes


@dataclass(frozen=True, slots=True)
class Syllable:
    """Consonant and vowel; start and length in seconds after the shot's first frame; stress 0.6-1."""

    start: float
    seconds: float
    vowel: Vowel
    consonant: Consonant
    stress: float


@lru_cache(maxsize=256)
def syllables(speech: Speech) -> tuple[Syllable, ...]:
    """Syllables of 0.11-0.24 s in phrases of 3-8, with pauses of 0.2-0.5 s between phrases."""
    rng = np.random.default_rng([speech.seed, 4711])
    vowels: tuple[Vowel, ...] = ("a", "e", "i", "o", "u")
    consonants: tuple[Consonant, ...] = ("m", "s", "t", "l", "f", "")
    spoken: list[Syllable] = []
    at, end = speech.start, speech.start + speech.seconds
    left_in_phrase = int(rng.integers(3, 9))
    while True:
        length = float(rng.uniform(0.11, 0.24))
        if at + length > end:
            return tuple(spoken)
        vowel, consonant = vowels[int(rng.integers(5))], consonants[int(rng.integers(6))]
        spoken.append(Syllable(at, length, vowel, consonant, float(rng.uniform(0.6, 1.0))))
        at += length
        left_in_phrase -= 1
        if left_in_phrase == 0:
            at += float(rng.uniform(0.2, 0.5))
            left_in_phrase = int(rng.integers(3, 9))


def viseme_at(speech: Speech | None, seconds: float) -> Viseme:
    """The mouth at a moment of the shot; "rest" in pauses."""
    if speech is None:
        return "rest"
    for syllable in syllables(speech):
        share = (seconds - syllable.start) / syllable.seconds
        if 0.0 <= share < 1.0:
            if share < ONSET and syllable.consonant:
                return _CONSONANT_MOUTH[syllable.consonant]
            return _VOWEL_MOUTH[syllable.vowel] if share < 0.86 else "small"
    return "rest"


def spoken_ranges(speech: Speech) -> tuple[tuple[float, float], ...]:
    """Start and end in seconds of every phrase, pauses above 0.15 s left out."""
    ranges: list[tuple[float, float]] = []
    for syllable in syllables(speech):
        end = syllable.start + syllable.seconds
        if ranges and syllable.start - ranges[-1][1] < 0.15:
            ranges[-1] = (ranges[-1][0], end)
        else:
            ranges.append((syllable.start, end))
    return tuple(ranges)
