"""A run ends once all its footage is finished, whenever the last word on it comes."""

from pathlib import Path

from celstream.display import Recording
from celstream.folder import DatasetFolder
from celstream.footage_files import NamedFootage
from celstream.interruption import Interruption
from celstream.options import RunOptions
from celstream.pipeline import go_through
from celstream.workers import Workers
from celstream_platform.eventlog import open_event_log
from celstream_platform.events import decode
from celstream_platform.outcomes import outcome_event
from celstream_platform.topics import FOOTAGE
from celstream_protos.v1.envelope_pb2 import OUTCOME_STATE_COMPLETED, Outcome
from celstream_protos.v1.footage_pb2 import Footage
from celstream_segmenter.recipe import NAME, recipe_of

from tests.tiny_film import write_film


class Elsewhere(Workers):
    """The work is done by the test."""

    def start(self, count: int) -> None:
        """See Workers."""


class Hand(Recording):
    """Ends the first footage after the run has looked for news, and before it takes in the next."""

    def __init__(self, folder: DatasetFolder, recipe: str) -> None:
        super().__init__()
        self._folder, self._recipe, self._footage_id = folder, recipe, ""
        self.ended: list[str] = []

    def taken_in(self, footage_id: str, name: str, frames: int) -> None:
        """See Display."""
        self._footage_id = footage_id

    def tick(self) -> None:
        """See Display."""
        if self.ended:
            return
        self.ended.append(self._footage_id)
        log = open_event_log(self._folder.events_url)
        reader = log.reader([FOOTAGE.name], {})
        (offered,) = reader.poll(1, 0.0)
        outcome = Outcome(
            stage=NAME,
            input_id=self._footage_id,
            input_version=decode(offered.event, Footage).item.version,
            input_level="footage",
            footage_id=self._footage_id,
            recipe=self._recipe,
            state=OUTCOME_STATE_COMPLETED,
        )
        log.publish([outcome_event(NAME, outcome)])
        reader.close()
        log.close()


def test_footage_that_is_finished_while_the_next_file_is_refused_ends_the_run(tmp_path: Path) -> None:
    good, bad = write_film(tmp_path / "good.mkv"), tmp_path / "bad.mp4"
    bad.write_text("no film\n" * 50)
    options = RunOptions([good, bad], tmp_path / "dataset", jobs=1)
    folder = DatasetFolder(options.out)
    folder.create()
    hand = Hand(folder, recipe_of(options.rules()))
    files = [NamedFootage(path.name, path) for path in (good, bad)]
    with folder.locked() as lock, Elsewhere({}, tmp_path / "logs", lock) as workers, Interruption() as interruption:
        summary = go_through(files, [], options, hand, folder, workers, interruption)
    assert (summary.footage, summary.failed, summary.clips) == (1, 1, 0)
    assert len(hand.failures) == 1
