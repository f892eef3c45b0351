"""Footage of a day: a studio's working day with its bursts, and days made to lead autoscalers astray.

Times in seconds from midnight. Footage is of three sizes (720p, 1080p, 2160p); processor time goes with the number of
its pixels, from what 1080p was measured to take.
"""

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.benchmarks.recording import RESULTS
from tests.scaling.group import Footage

HOUR = 3600.0
DAY = 24 * HOUR
CHAPTER_SECONDS = 60.0  # `SegmentationRules.chapter_seconds`
FOOTAGE_SECONDS = 1.5
PIXELS = {"720p": 4 / 9, "1080p": 1.0, "2160p": 4.0}
SHARES = {"720p": 0.15, "1080p": 0.75, "2160p": 0.10}


@dataclass(frozen=True, slots=True)
class Cost:
    """What footage takes on one processor. film: processor seconds a second of 1080p film; footage: beside that."""

    film: float
    footage: float


def measured() -> Cost:
    """The cost that `make bench` recorded last: of a whole command, so with a start that a service has behind it."""
    rows = json.loads((RESULTS / "segmentation.json").read_text())["rows"]
    (row,) = [row for row in rows if row["command"] == "celstream run --until clips"]
    return Cost(row["processor seconds (best)"] / 60.0, FOOTAGE_SECONDS)


class Films:
    """Makes footage. partitions: of the topic; where each goes is its id's hash, so anywhere."""

    def __init__(self, cost: Cost, partitions: int, seed: int = 7) -> None:
        self._cost, self._partitions = cost, partitions
        self.random = random.Random(seed)

    def one(self, arrived: float, film_seconds: float, size: str = "") -> Footage:
        """One footage. size: chosen by `SHARES` where empty."""
        size = size or self.random.choices(list(SHARES), list(SHARES.values()))[0]
        chapters = max(1, round(film_seconds / CHAPTER_SECONDS))
        seconds = film_seconds * self._cost.film * PIXELS[size] / chapters
        return Footage(arrived, self.random.randrange(self._partitions), chapters, seconds, self._cost.footage)

    def episode(self, arrived: float) -> Footage:
        """Of a series: about 22 minutes."""
        return self.one(arrived, max(300.0, self.random.gauss(1320.0, 90.0)))

    def clip(self, arrived: float) -> Footage:
        """A trailer, an opening, a fan edit: half a minute to three."""
        return self.one(arrived, self.random.uniform(30.0, 180.0))

    def feature(self, arrived: float) -> Footage:
        """A film: 80 to 120 minutes."""
        return self.one(arrived, self.random.uniform(80.0, 120.0) * 60)


def poisson(films: Films, begin: float, end: float, per_hour: float) -> Iterator[float]:
    """Moments that know nothing of each other."""
    now = begin
    while (now := now + films.random.expovariate(per_hour / HOUR)) < end:
        yield now


def studio_day(films: Films, scale: float = 1.0) -> list[Footage]:
    """A series delivered by night, nothing before dawn, people from nine to six, and bursts between.

    scale: 1 keeps 16 pods of one processor at work for a little less than half of the day.
    """

    def many(number: float) -> int:
        return max(1, round(number * scale))

    found = [films.episode(2 * HOUR + films.random.uniform(0, 120)) for _ in range(many(260))]
    for begin, end, per_hour in ((7, 9, 10), (9, 12, 45), (12, 13, 15), (13, 18, 45), (18, 21, 12), (21, 24, 3)):
        for at in poisson(films, begin * HOUR, end * HOUR, per_hour * scale):
            found.append(films.episode(at) if films.random.random() < 0.6 else films.clip(at))
    found += [films.clip(9.5 * HOUR + films.random.uniform(0, 30)) for _ in range(many(120))]
    found += [films.feature(13 * HOUR + films.random.uniform(0, 300)) for _ in range(many(14))]
    found += [films.clip(16 * HOUR + films.random.uniform(0, 600)) for _ in range(many(500))]
    return sorted(found, key=lambda one: one.arrived)


def steps(films: Films, pods: int) -> list[Footage]:
    """Four hours of nine tenths of what all pods can do, at once and as suddenly over; two hours of none; again."""
    episode = films.one(0.0, 1320.0, "1080p")
    per_hour = 0.9 * pods * HOUR / (episode.chapters * episode.chapter_seconds + episode.overhead_seconds)
    found = []
    for begin in (1, 7, 13, 19):
        found += [films.one(at, 1320.0, "1080p") for at in poisson(films, begin * HOUR, (begin + 4) * HOUR, per_hour)]
    return found


def sawtooth(films: Films, pods: int, period_seconds: float) -> list[Footage]:
    """Every so often as many short footages as there are pods at most, each a third of the period's work."""
    found = []
    film_seconds = max(20.0, period_seconds / 3 / films.one(0.0, 60.0, "1080p").chapter_seconds * 60.0)
    for tooth in range(math.floor(DAY / period_seconds)):
        found += [films.one(tooth * period_seconds, film_seconds, "1080p") for _ in range(pods)]
    return found


def threshold(films: Films, period_seconds: float) -> list[Footage]:
    """One short footage after the other, so far apart that a rule is tempted to let the last pod go each time."""
    return [films.one(at * period_seconds, 60.0, "1080p") for at in range(math.floor(DAY / period_seconds))]
