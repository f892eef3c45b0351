"""The segmenter's worker, which says on standard output how far it is.

`began <frame>`, `reached <frame>` now and then, `made` before its last commit, `decoded <frames in all>` at its end.
Arguments: event log, artefact store, seconds of a chapter, processes that read the footage.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace

from celstream_platform.artefacts import open_artefact_store
from celstream_platform.eventlog import open_event_log
from celstream_platform.footage.limits import Limits
from celstream_platform.metrics import REGISTRY
from celstream_platform.shutdown import Shutdown
from celstream_platform.stage import Context, Result, Stage
from celstream_platform.topics import Topic
from celstream_platform.worker import Worker
from celstream_segmenter.rules import SegmentationRules
from celstream_segmenter.stage import SegmenterStage
from celstream_segmenter.work_so_far import WorkSoFar
from google.protobuf.message import Message


class Telling:
    """A stage that tells how far it is; for the rest it is the stage inside."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.name: str = stage.name
        self.consumes: Topic = stage.consumes
        self.produces: Sequence[Topic] = stage.produces
        self.message_type: type[Message] = stage.message_type
        self.recipe: str = stage.recipe

    def process(self, message: Message, context: Context) -> Result:
        """See Stage."""

        def load() -> Sequence[bytes]:
            parts = context.load_checkpoint()
            tell(f"began {WorkSoFar.of_parts('', parts).analysis.frames}")
            return parts

        def progress(done: int, total: int, unit: str) -> None:
            tell(f"reached {done}")
            context.progress(done, total, unit)

        result = self._stage.process(message, replace(context, load_checkpoint=load, progress=progress))
        tell("made")
        return result


def tell(line: str) -> None:
    """One line, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> None:
    events, artefacts, chapter_seconds, processes = sys.argv[1:]
    shutdown = Shutdown()
    shutdown.install()
    log = open_event_log(events)
    store = open_artefact_store(artefacts)
    rules = SegmentationRules(chapter_seconds=float(chapter_seconds))
    stage = SegmenterStage(store, rules, Limits(), processes=int(processes))
    Worker(Telling(stage), log, store, member="film-worker").run_until_idle(shutdown)
    log.close()
    frames = REGISTRY.get_sample_value("celstream_footage_decoded_frames_total", {"stage": stage.name})
    tell(f"decoded {frames or 0:.0f}")


if __name__ == "__main__":
    main()
