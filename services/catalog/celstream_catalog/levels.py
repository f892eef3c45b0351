"""The chain: which levels there are, on which topics, and which stage makes one from another.

A chain is a value. The catalog is given one, so that tests bring their own levels, and `--until clips` is a chain with
fewer active stages. Completion and funnel count active stages only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Self

from celstream_platform import topics
from celstream_platform.errors import Invalid
from celstream_platform.topics import Topic
from celstream_protos.v1.clip_pb2 import Clip
from celstream_protos.v1.footage_pb2 import Footage
from google.protobuf.message import Message

INTAKE = "intake"  # what the funnel names as the maker of the root level


@dataclass(frozen=True, slots=True)
class Level:
    """One floor of the hierarchy.

    name: as in item headers, for example `clips`. topic: where its items are published.
    message_type: the protobuf message of an item; its field 1 is an `ItemHeader`.
    """

    name: str
    topic: Topic
    message_type: type[Message]


@dataclass(frozen=True, slots=True)
class StageSpec:
    """What the catalog has to know about a stage.

    name: as in outcomes. consumes, produces: names of levels.
    recipe: where given, only an outcome of this recipe counts as done; an older recipe's leaves the input pending.
    """

    name: str
    consumes: str
    produces: tuple[str, ...]
    recipe: str | None = None


@dataclass(frozen=True, slots=True)
class Chain:
    """Levels from the root downwards, and the stages that are active."""

    levels: tuple[Level, ...]
    stages: tuple[StageSpec, ...]

    def __post_init__(self) -> None:
        names = [level.name for level in self.levels]
        for stage in self.stages:
            for name in (stage.consumes, *stage.produces):
                if name not in names:
                    raise ValueError(f"stage {stage.name}: unknown level {name!r}; there are {', '.join(names)}.")

    @property
    def root(self) -> Level:
        """The level that intake makes: footage."""
        return self.levels[0]

    def level(self, name: str) -> Level:
        """The level of that name. Raises Invalid."""
        for level in self.levels:
            if level.name == name:
                return level
        raise Invalid(f"level {name!r} does not exist. Give one of: {', '.join(level.name for level in self.levels)}.")

    def stage(self, name: str) -> StageSpec:
        """The active stage of that name. Raises Invalid."""
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise Invalid(f"stage {name!r} is not active. Give one of: {', '.join(stage.name for stage in self.stages)}.")

    def by_topic(self) -> Mapping[str, Level]:
        """Topic name -> level."""
        return {level.topic.name: level for level in self.levels}

    def until(self, level: str) -> Self:
        """The chain with only those stages active that it takes to reach `level`. Raises Invalid for an unknown one."""
        wanted = {self.level(level).name}
        stages: set[StageSpec] = set()
        while new := [s for s in self.stages if s not in stages and wanted.intersection(s.produces)]:
            stages.update(new)
            wanted.update(s.consumes for s in new)
        return replace(self, stages=tuple(s for s in self.stages if s in stages))

    def with_recipes(self, recipes: Mapping[str, str]) -> Self:
        """The chain whose stages count as done only under these recipes (stage name -> recipe)."""
        return replace(self, stages=tuple(replace(s, recipe=recipes.get(s.name, s.recipe)) for s in self.stages))

    def topics(self) -> Iterable[Topic]:
        """Every topic that the catalog reads or writes."""
        return (
            *(level.topic for level in self.levels),
            topics.OUTCOMES,
            topics.REJECTIONS,
            topics.REVIEWS,
            topics.TAKEDOWNS,
            topics.EVALUATIONS,
            topics.PROGRESS,
        )


CHAIN = Chain(
    levels=(Level("footage", topics.FOOTAGE, Footage), Level("clips", topics.CLIPS, Clip)),
    stages=(StageSpec("segmenter", consumes="footage", produces=("clips",)),),
)
