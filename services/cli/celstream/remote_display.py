"""What `submit` and `watch` show: the interface, and the two that write lines. `remote_terminal.py` draws."""

import json
import time
from typing import Protocol, TextIO

from celstream_protos.v1.catalog_pb2 import FootageState, FunnelLevel
from celstream_protos.v1.envelope_pb2 import RejectionReason

from celstream.contents import enum_name
from celstream.report.words import count
from celstream.watch import is_refused

SECONDS_BETWEEN_LINES = 5.0  # of progress alone; what is finished or refused is told at once
SECONDS_BETWEEN_JSON = 0.5


class RemoteDisplay(Protocol):
    """Told of everything in order; `sent` may come from another thread."""

    def sent(self, name: str, done: int, total: int) -> None:
        """So many bytes of a file are on their way."""

    def taken(self, name: str, footage_id: str, *, already_known: bool) -> None:
        """The catalog took a file in."""

    def failed(self, name: str, message: str) -> None:
        """A file or argument cannot be used; message is one line for a person."""

    def state(self, state: FootageState) -> None:
        """How far a footage is, or all where it has no id."""

    def note(self, message: str) -> None:
        """One line for a person."""

    def close(self) -> None:
        """It is over."""


class RemoteLines:
    """Lines for a person where there is no terminal."""

    def __init__(self, stream: TextIO, errors: TextIO) -> None:
        self._stream, self._errors = stream, errors
        self._next = time.monotonic() + SECONDS_BETWEEN_LINES
        self._told = ""

    def sent(self, name: str, done: int, total: int) -> None:
        """See RemoteDisplay."""
        if self._is_due():
            self._line(f"{name}: {done >> 20:,} of {total >> 20:,} MiB sent")

    def taken(self, name: str, footage_id: str, *, already_known: bool) -> None:
        """See RemoteDisplay."""
        self._line(f"{name}: {'known before' if already_known else 'taken in'} as {footage_id}")

    def failed(self, name: str, message: str) -> None:
        """See RemoteDisplay."""
        print(message, file=self._errors, flush=True)

    def state(self, state: FootageState) -> None:
        """See RemoteDisplay."""
        told = f"{state.name}: {'finished' if state.finished else 'at work'}; {in_words(state)}"
        if told != self._told:
            self._told = told
            self._line(told)
        elif state.progress and self._is_due():
            self._line(f"{state.name}: {progress_in_words(state)}")

    def note(self, message: str) -> None:
        """See RemoteDisplay."""
        print(message, file=self._errors, flush=True)

    def close(self) -> None:
        """See RemoteDisplay."""

    def _is_due(self) -> bool:
        if time.monotonic() < self._next:
            return False
        self._next = time.monotonic() + SECONDS_BETWEEN_LINES
        return True

    def _line(self, text: str) -> None:
        print(text, file=self._stream, flush=True)


class RemoteJson:
    """One JSON object a line, on one stream and nothing else there."""

    def __init__(self, stream: TextIO, errors: TextIO) -> None:
        self._stream, self._errors = stream, errors
        self._next = 0.0

    def sent(self, name: str, done: int, total: int) -> None:
        """See RemoteDisplay."""
        if done == total or time.monotonic() >= self._next:
            self._next = time.monotonic() + SECONDS_BETWEEN_JSON
            self._line("sent", footage=name, done=done, total=total, unit="bytes")

    def taken(self, name: str, footage_id: str, *, already_known: bool) -> None:
        """See RemoteDisplay."""
        self._line("footage", footage=name, footage_id=footage_id, already_known=already_known)

    def failed(self, name: str, message: str) -> None:
        """See RemoteDisplay."""
        self._line("failed", footage=name, message=message)

    def state(self, state: FootageState) -> None:
        """See RemoteDisplay."""
        self._line(
            "state",
            footage=state.name,
            footage_id=state.footage_id,
            finished=state.finished,
            levels=[_level(level) for level in state.funnel.levels],
            progress=[
                {"stage": one.stage, "input_id": one.input_id, "done": one.done, "total": one.total, "unit": one.unit}
                for one in state.progress
            ],
        )

    def note(self, message: str) -> None:
        """See RemoteDisplay."""
        print(message, file=self._errors, flush=True)

    def close(self) -> None:
        """See RemoteDisplay."""

    def _line(self, event: str, **fields: object) -> None:
        print(json.dumps({"event": event, **fields}), file=self._stream, flush=True)


def _level(level: FunnelLevel) -> dict[str, object]:
    return {
        "level": level.level,
        "stage": level.stage,
        "inputs": level.inputs,
        "inputs_done": level.inputs_done,
        "inputs_parked": level.inputs_parked,
        "inputs_awaiting_review": level.inputs_awaiting_review,
        "items": level.items,
        "rejections": reasons(level),
    }


def reasons(level: FunnelLevel) -> dict[str, int]:
    """How many rejections a level has, by reason."""
    return {enum_name(RejectionReason.Name(one.reason), "REJECTION_REASON_"): one.count for one in level.rejections}


def in_words(state: FootageState) -> str:
    """What each level below the footage has: `12 clips, 3 rejections (too_short 3)`; why it was refused."""
    if is_refused(state):
        return f"refused as footage ({', '.join(reasons(state.funnel.levels[0]))})"
    return "; ".join(map(level_in_words, state.funnel.levels[1:])) or "no level below"


def level_in_words(level: FunnelLevel) -> str:
    """One level: items, rejections with their reasons, and what is left to do."""
    refused = reasons(level)
    words = [f"{level.items:,} {level.level}"]
    if refused:
        why = ", ".join(f"{reason} {number:,}" for reason, number in refused.items())
        words.append(f"{count(sum(refused.values()), 'rejection')} ({why})")
    if level.inputs_parked:
        words.append(f"{count(level.inputs_parked, 'input')} parked by a fault")
    if level.inputs_done < level.inputs:
        words.append(f"{count(level.inputs - level.inputs_done, 'input')} to do")
    return ", ".join(words)


def progress_in_words(state: FootageState) -> str:
    """What the stages work on now: `segmenter 240 of 480 frames`."""
    return ", ".join(
        f"{one.stage} {one.done:,}{f' of {one.total:,}' if one.total else ''} {one.unit}" for one in state.progress
    )
