"""Display as lines: plain ones for a log file, JSON ones for a program."""

import json
import time
from dataclasses import asdict
from typing import TextIO

from celstream.display import Finished, Summary, Working
from celstream.pace import Pace
from celstream.report.words import clock, count

SECONDS_BETWEEN_LINES = 5.0  # a log of an hour's run stays readable


class PlainLines:
    """Lines for a person where there is no terminal: what happens as it happens, progress every few seconds."""

    def __init__(self, stream: TextIO, errors: TextIO) -> None:
        self._stream = stream
        self._errors = errors
        self._pace = Pace()
        self._next = time.monotonic() + SECONDS_BETWEEN_LINES

    def taken_in(self, footage_id: str, name: str, frames: int) -> None:
        """See Display."""
        self._pace.add(footage_id, name, frames)

    def already_done(self, footage_id: str, name: str) -> None:
        """See Display."""
        self._line(f"{name}: done before")

    def failed(self, name: str, message: str) -> None:
        """See Display."""
        print(message, file=self._errors, flush=True)

    def working(self, progress: Working) -> None:
        """See Display."""
        self._pace.move(progress.footage_id, progress.stage, progress.done, progress.total, progress.unit)

    def finished(self, result: Finished) -> None:
        """See Display."""
        self._pace.finish(result.footage_id)
        if not result.error:
            self._line(f"{result.name}: {count(result.clips, 'clip')}, {count(result.rejections, 'rejection')}")

    def note(self, message: str) -> None:
        """See Display."""
        print(message, file=self._errors, flush=True)

    def tick(self) -> None:
        """See Display."""
        if time.monotonic() < self._next or not self._pace.footage:
            return
        self._next = time.monotonic() + SECONDS_BETWEEN_LINES
        rate = self._pace.rate()
        left = self._pace.seconds_left(rate)
        for entry in self._pace.footage.values():
            if entry.stage and not entry.over:
                of = f" of {entry.frames:,}" if entry.frames else ""
                self._line(f"{entry.name}: {entry.stage} {entry.done:,}{of} {entry.unit}")
        self._line(
            f"{self._pace.over} of {len(self._pace.footage)} done, {rate:,.0f} frames/s"
            + (f", {clock(left)} left" if left is not None else "")
        )

    def close(self, summary: Summary | None) -> None:
        """See Display."""
        if summary:
            for line in closing_lines(summary):
                self._line(line)

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class JsonLines:
    """One JSON object a line, on one stream and nothing else there; the last one is the summary."""

    def __init__(self, stream: TextIO, errors: TextIO) -> None:
        self._stream = stream
        self._errors = errors
        self._names: dict[str, str] = {}

    def taken_in(self, footage_id: str, name: str, frames: int) -> None:
        """See Display."""
        self._names[footage_id] = name
        self._line("footage", footage_id=footage_id, footage=name, frames=frames)

    def already_done(self, footage_id: str, name: str) -> None:
        """See Display."""
        self._line("already_done", footage_id=footage_id, footage=name)

    def failed(self, name: str, message: str) -> None:
        """See Display."""
        self._line("failed", footage=name, message=message)

    def working(self, progress: Working) -> None:
        """See Display."""
        self._line("progress", footage=self._names.get(progress.footage_id, ""), **asdict(progress))

    def finished(self, result: Finished) -> None:
        """See Display."""
        fields = asdict(result)
        self._line("finished", footage=fields.pop("name"), **fields)

    def note(self, message: str) -> None:
        """See Display."""
        print(message, file=self._errors, flush=True)

    def tick(self) -> None:
        """See Display."""

    def close(self, summary: Summary | None) -> None:
        """See Display."""
        if summary:
            self._line("summary", **asdict(summary))

    def _line(self, event: str, **fields: object) -> None:
        print(json.dumps({"event": event, **fields}), file=self._stream, flush=True)


def closing_lines(summary: Summary) -> list[str]:
    """The last words of a run to a person: what there is, and what to open."""
    bad = f", {summary.failed} could not be used" if summary.failed else ""
    done = (
        f"{count(summary.clips, 'clip')} and {count(summary.rejections, 'rejection')} "
        f"from {count(summary.footage, 'footage')}{bad}, in {clock(summary.seconds)}"
    )
    return [done, f"dataset  {summary.out}", f"report   {summary.report}"]
