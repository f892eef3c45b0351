"""The segmenter's stage: a footage event in; clips, rejections and the footage's analysis out."""

import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from celstream_platform.artefacts.port import ArtefactStore
from celstream_platform.footage.asking import Answering
from celstream_platform.footage.limits import Limits
from celstream_platform.stage import Context, Item, Result, Stopping
from celstream_platform.topics import CLIPS, FOOTAGE, Topic
from celstream_protos.v1 import clip_pb2, footage_pb2
from google.protobuf.message import Message

from celstream_segmenter import metrics
from celstream_segmenter.clip_events import clip_event, rejection_event
from celstream_segmenter.found import ChapterRead, ClipMade, Found, Refused, Working
from celstream_segmenter.limited_segmentation import segment_limited
from celstream_segmenter.recipe import ANALYSIS, NAME, recipe_of
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.share import most_chapters
from celstream_segmenter.side_by_side import Ending
from celstream_segmenter.stored_ahead import StoredAhead
from celstream_segmenter.work_so_far import WorkSoFar

ANALYSIS_MEDIA_TYPE = "application/protobuf; type=celstream.v1.FootageAnalysis"


class SegmenterStage:
    """Footage to clips."""

    name = NAME
    consumes: Topic = FOOTAGE
    produces: Sequence[Topic] = (CLIPS,)
    message_type: type[Message] = footage_pb2.Footage

    def __init__(
        self,
        store: ArtefactStore,
        rules: SegmentationRules,
        limits: Limits,
        scratch: Path | None = None,
        processes: int = 1,
        answering: Answering | None = None,
    ) -> None:
        """scratch: folder for files on their way into the store; default: the system's.

        processes: how many read one footage side by side; the result is the same. answering: who has the rules' second
        opinion, see `model_opinion`.
        """
        self._store = store
        self._rules = rules
        self._limits = limits
        self._scratch = scratch
        self._processes = processes
        self._answering = answering
        self.recipe = recipe_of(rules)

    def process(self, message: Message, context: Context) -> Result:
        """Cut one footage, or go on with it; where the process shall end, to the next checkpoint if there is time.

        Raises Invalid where it cannot be read, LimitExceeded past a limit, Stopping, Unavailable where the store or the
        model server is away.
        """
        assert isinstance(message, footage_pb2.Footage)
        work = WorkSoFar.of_parts(message.item.id, context.load_checkpoint())
        stored = StoredAhead(self._store)
        with (
            self._store.local(message.content) as path,
            tempfile.TemporaryDirectory(prefix="celstream-segmenter-", dir=self._scratch) as folder,
        ):
            found = segment_limited(
                path,
                message.name,
                self._rules,
                Path(folder),
                self._limits,
                work.resumption,
                processes=self._useful_processes(message.claimed_duration_seconds),
                ending=Ending(context.stopping, context.stop_at_once),
                ahead=stored.ahead,
                answering=self._answering,
            )
            with closing(found):
                for one in found:
                    self._take(one, message, work, context, stored)
            if not work.ended:
                raise Stopping
        metrics.count(work.analysis)
        analysis = work.analysis.SerializeToString(deterministic=True)
        return Result(
            items=[Item(CLIPS, clip) for clip in work.clips],
            rejections=work.rejections,
            attachments={ANALYSIS: self._store.put(analysis, ANALYSIS_MEDIA_TYPE)},
        )

    def _useful_processes(self, seconds: float) -> int:
        """One for each chapter of a short footage."""
        return min(self._processes, most_chapters(seconds, self._rules.chapter_seconds))

    def _take(
        self, found: Found, footage: footage_pb2.Footage, work: WorkSoFar, context: Context, stored: StoredAhead
    ) -> None:
        if isinstance(found, Working):
            context.progress(found.done, found.total, "frames")
        elif isinstance(found, ClipMade):
            work.clips.append(self._clip(found, footage, stored))
        elif isinstance(found, Refused):
            work.rejections.append(
                rejection_event(found, footage, detector=self._rules.detector, recipe=self.recipe, store=self._store)
            )
        elif isinstance(found, ChapterRead):
            work.end_chapter(found)
            if work.part is not None:
                context.save_checkpoint(work.part)

    def _clip(self, made: ClipMade, footage: footage_pb2.Footage, stored: StoredAhead) -> clip_pb2.Clip:
        clip = clip_event(made, footage, detector=self._rules.detector, recipe=self.recipe, store=stored)
        # Stored by now; what a long film comes to need not lie in the scratch folder as well.
        for name in {made.video, made.first_frame, made.last_frame, made.thumbnail}:
            Path(name).unlink()
        return clip
