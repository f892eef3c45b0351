"""Following footage through the levels, at a catalog that runs somewhere else, until it is finished.

A catalog that restarts while it is watched is waited for: what is watched goes on without it.
"""

import re
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from typing import Any

from celstream_platform.backoff import Backoff
from celstream_platform.errors import Invalid, NotFound, Unavailable
from celstream_protos.v1.catalog_pb2 import (
    FootageState,
    FunnelLevel,
    GetFunnelRequest,
    ListItemsRequest,
    WatchFootageRequest,
)
from celstream_protos.v1.catalog_pb2_grpc import CatalogStub
from celstream_protos.v1.footage_pb2 import Footage

from celstream.remote import Remote

PATIENCE_SECONDS = 120.0  # a catalog that is replaced by a new version is back well within this
LOOK_SECONDS = 1.0  # between two looks at all footage
PAGE_ITEMS = 1000
ALL = "all footage"

Note = Callable[[str], None]


def footage_named(stub: CatalogStub, remote: Remote, start: str) -> str:
    """The id of the one footage whose id starts so. Raises NotFound, Invalid where there are several."""
    if re.fullmatch("[0-9a-f]{64}", start):
        return start
    found = [footage.item.id for footage in footages(stub, remote) if footage.item.id.startswith(start.lower())]
    if not found:
        raise NotFound(f"{start}: no footage with such an id at {remote.address}. `celstream submit` prints it.")
    if len(found) > 1:
        raise Invalid(f"{start}: {len(found)} footages start so. Give more of the id.")
    return found[0]


def footages(stub: CatalogStub, remote: Remote) -> Iterator[Footage]:
    """All footage that the catalog has."""
    token = ""
    while True:
        with remote.calling():
            page = stub.ListItems(ListItemsRequest(level="footage", page_size=PAGE_ITEMS, page_token=token))
        for item in page.items:
            footage = Footage()
            item.Unpack(footage)
            yield footage
        token = page.next_page_token
        if not token:
            return


def watch(stub: CatalogStub, remote: Remote, footage_id: str, note: Note) -> Iterator[FootageState]:
    """The states of one footage, of all where the id is empty: now and whenever they change, until it is finished.

    note: told in one line where the catalog went away and is waited for.
    Raises NotFound; Unavailable where it does not answer at first, or for PATIENCE_SECONDS later on.
    """
    backoff, told = Backoff(0.1, 5.0), False
    deadline = 0.0  # no patience before the first answer: the address may be wrong
    while True:
        try:
            with closing(_all(stub, remote) if not footage_id else _one(stub, remote, footage_id)) as states:
                for state in states:
                    yield state
                    if state.finished:
                        return
                    deadline = time.monotonic() + PATIENCE_SECONDS
                    backoff.reset()
                    told = False
        except Unavailable as error:
            if time.monotonic() > deadline:
                raise
            if not told:
                note(f"{error} Waiting for it.")
                told = True
        time.sleep(backoff.next_seconds())


def _one(stub: CatalogStub, remote: Remote, footage_id: str) -> Generator[FootageState]:
    with remote.calling():
        call: Any = stub.WatchFootage(WatchFootageRequest(footage_id=footage_id))
        try:
            yield from call
        finally:
            call.cancel()


def _all(stub: CatalogStub, remote: Remote) -> Generator[FootageState]:
    last = None
    while True:
        with remote.calling():
            funnel = stub.GetFunnel(GetFunnelRequest())
        finished = all(level.inputs_done >= level.inputs for level in funnel.levels)
        state = FootageState(name=ALL, finished=finished, funnel=funnel)
        if state != last:
            yield state
            last = state
        time.sleep(LOOK_SECONDS)


def share_done(state: FootageState, level: FunnelLevel) -> float:
    """How much of a level is done, 0 to 1: inputs with an outcome, and of those in work the part that is done."""
    if not level.inputs:
        return 1.0 if state.finished else 0.0
    parts = sum(
        min(1.0, progress.done / progress.total)
        for progress in state.progress
        if progress.stage == level.stage and progress.total
    )
    return min(1.0, (level.inputs_done + parts) / level.inputs)


def is_refused(state: FootageState) -> bool:
    """Whether the footage itself was refused: its bytes could not be read as footage."""
    return bool(state.footage_id and state.funnel.levels and state.funnel.levels[0].rejections)


def parked(state: FootageState) -> int:
    """How many inputs met a fault of the program."""
    return sum(level.inputs_parked for level in state.funnel.levels)
