"""Taking footage or an item down: in a dataset folder, or at a catalog that runs somewhere else.

In a folder the takedown is published first, then the files are written anew and the bytes removed: what was interrupted
in between is gone on with by the same command.
"""

import getpass
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from celstream_platform import addresses
from celstream_platform.errors import Invalid, Unavailable
from celstream_protos.v1.catalog_pb2 import TakeDownRequest, TakeDownResponse

from celstream.folder import DatasetFolder, output_finding
from celstream.remote import Remote
from celstream.report.words import count

TakeDown = Callable[[TakeDownRequest], TakeDownResponse]
COPIES = "What was copied or published from it before keeps it: tell whoever has that."
HERE = "Tables, clips, pictures and report are written anew without it, and its bytes leave the store; your own"
ELSEWHERE = "It leaves the index at once, and the store with the next `celstream store gc`; an original in the inbox"
STAYS_OUT = "stays where it is, and is not taken in again."


@contextmanager
def opened(remote: Remote) -> Iterator[tuple[TakeDown, str]]:
    """What takes down at a place, and what will happen there in words for a person.

    remote: a catalog elsewhere; its address may be a dataset folder, in which nobody else works meanwhile.
    Raises Invalid where there is no dataset and no catalog, or a run works in the folder; Unavailable.
    """
    folder = DatasetFolder(Path(remote.address))
    if folder.exists():
        with folder.locked():
            yield lambda request: _here(folder, request), f"{HERE} file {STAYS_OUT} {COPIES}"
        return
    try:
        addresses.split(remote.address)
    except Invalid as error:
        raise Invalid(
            f"{remote.address}: no dataset. Give the folder of an earlier run, or the catalog as HOST:PORT."
        ) from error
    with remote.open() as stub:

        def call(request: TakeDownRequest) -> TakeDownResponse:
            with remote.calling():
                return stub.TakeDown(request)

        yield call, f"{ELSEWHERE} {STAYS_OUT} {COPIES}"


def _here(folder: DatasetFolder, request: TakeDownRequest) -> TakeDownResponse:
    from celstream.catalog_contents import read_contents
    from celstream.export import export
    from celstream.pipeline import open_ports
    from celstream.store import tidy_up

    try:
        with open_ports(folder, {}) as ports:
            found = ports.catalog.removal(request.what)
            if request.dry_run:
                return found
            taken = ports.catalog.take_down(found.takedown.item_id, reason=request.reason, requested_by=_user())
            found.takedown.CopyFrom(taken)
            export(read_contents(ports.catalog, ports.store), folder, ports.store, anew=False)
            tidy_up(ports.log, ports.store, taken_down=True)
            return found
    except OSError as error:
        raise Unavailable(output_finding(folder.path, error)) from error


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user need have no name
        return f"uid {os.getuid()}"


def described(found: TakeDownResponse) -> str:
    """What is meant, and what leaves with it: one line for a person."""
    takedown = found.takedown
    what = f"{found.footage_name} ({takedown.level} {takedown.item_id[:12]})"
    if found.already_taken_down:
        when = takedown.requested_at.ToDatetime().date().isoformat()
        return f"{what}: was taken down on {when} by {takedown.requested_by} ({takedown.reason})."
    leaving = [count(one.items, *_words(one.level)) for one in found.leaving]
    return f"{what}: {' and '.join(leaving) or 'nothing that is current'} will leave, for good."


def _words(level: str) -> tuple[str, str]:
    return (level, level) if level == "footage" else (level.removesuffix("s"), level)


def as_fields(found: TakeDownResponse, *, done: bool) -> dict[str, object]:
    """The same for a program."""
    takedown = found.takedown
    return {
        "item_id": takedown.item_id,
        "level": takedown.level,
        "footage": found.footage_name,
        "leaving": {one.level: one.items for one in found.leaving},
        "reason": takedown.reason,
        "requested_by": takedown.requested_by,
        "already_taken_down": found.already_taken_down,
        "done": done,
    }
