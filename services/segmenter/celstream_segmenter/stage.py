"""The segmenter's stage: a footage event in; clips, rejections and the footage's analysis out."""

import tempfile
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import msgspec
from celstream_platform import identity
from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.footage.limits import Limits
from celstream_platform.stage import Context, Item, Result, Stopping
from celstream_platform.topics import CLIPS, FOOTAGE, Topic
from celstream_protos.v1 import clip_pb2, footage_pb2
from google.protobuf.message import Message

from celstream_segmenter.clip_events import analysis_message, clip_event, rejection_event
from celstream_segmenter.found import Analysed, ClipMade, Refused, Working
from celstream_segmenter.limited_segmentation import segment_limited
from celstream_segmenter.rules import SegmentationRules

NAME = "segmenter"
ANALYSIS = "transitions"  # name of the attachment that holds a FootageAnalysis
ANALYSIS_MEDIA_TYPE = "application/protobuf; type=celstream.v1.FootageAnalysis"


def recipe_of(rules: SegmentationRules) -> str:
    """The digest of everything that decides what the segmenter makes of a footage."""
    software = " ".join(f"{name} {version(name)}" for name in ("celstream-segmenter", "av", "scenedetect-headless"))
    return identity.recipe(software, msgspec.to_builtins(rules))


class SegmenterStage:
    """Footage to clips."""

    name = NAME
    consumes: Topic = FOOTAGE
    produces: Sequence[Topic] = (CLIPS,)
    message_type: type[Message] = footage_pb2.Footage

    def __init__(
        self, store: ArtefactStore, rules: SegmentationRules, limits: Limits, scratch: Path | None = None
    ) -> None:
        """scratch: folder for files on their way into the store; default: the system's."""
        self._store = store
        self._rules = rules
        self._limits = limits
        self._scratch = scratch
        self.recipe = recipe_of(rules)

    def process(self, message: Message, context: Context) -> Result:
        """Cut one footage. Raises Invalid where it cannot be read, LimitExceeded where it passes a limit."""
        assert isinstance(message, footage_pb2.Footage)
        items: list[Item] = []
        rejections = []
        attachments = {}
        with (
            self._store.local(message.content) as path,
            tempfile.TemporaryDirectory(prefix="celstream-segmenter-", dir=self._scratch) as folder,
        ):
            for found in segment_limited(path, message.name, self._rules, Path(folder), self._limits):
                if context.stopping():
                    raise Stopping
                if isinstance(found, Working):
                    context.progress(found.done, found.total, "frames")
                elif isinstance(found, ClipMade):
                    items.append(Item(CLIPS, self._clip(found, message)))
                elif isinstance(found, Refused):
                    rejections.append(
                        rejection_event(
                            found, message, detector=self._rules.detector, recipe=self.recipe, store=self._store
                        )
                    )
                elif isinstance(found, Analysed):
                    analysis = analysis_message(found, message.item.id)
                    data = analysis.SerializeToString(deterministic=True)
                    attachments[ANALYSIS] = self._store.put(data, ANALYSIS_MEDIA_TYPE)
        return Result(items, rejections, attachments)

    def _clip(self, made: ClipMade, footage: footage_pb2.Footage) -> clip_pb2.Clip:
        clip = clip_event(made, footage, detector=self._rules.detector, recipe=self.recipe, store=self._store)
        Path(made.video).unlink()  # stored by now; a long film's clips need not lie in the scratch folder as well
        return clip
