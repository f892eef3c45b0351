"""Several processes read the chapters of one footage side by side; what they find comes in the order of the footage.

Each process knows from the packets which chapters are its own (`chapter_targets`) and searches their beginnings itself.
Here is seen that each chapter begins where the one before it ended. Where they do not meet, which damage can bring
about, all begin anew with the chapter that is missing; after a second time a single process reads the rest.

Work that shall end goes on to the end of the chapters at hand, where it can be gone on with; none is begun any more.
"""

import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from queue import SimpleQueue

import msgspec
from celstream_platform.metrics import FRAMES_DECODED

from celstream_segmenter.found import (
    ChapterBegun,
    ChapterRead,
    ClipMade,
    Found,
    FoundInShare,
    Resumption,
    ShotFound,
    ShotMeasured,
    Working,
)
from celstream_segmenter.share import Share
from celstream_segmenter.shots import Beginning, Shot

STAGE = "segmenter"  # label of the metric
CHAPTERS_AHEAD = 1  # a process waits when it has finished so many that are not wanted yet: their files need space
MOST_MISSED = 2

Read = Callable[[Resumption | None, Share, Callable[[], bool]], Generator[FoundInShare, None, None]]
"""Reads a share of a footage in a process of its own; ends soon after the function says that it shall."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Whether the work shall end. asked: with the chapters that are being read. at_once: without them, once asked."""

    asked: Callable[[], bool] = lambda: False
    at_once: Callable[[], bool] = lambda: True


GOING_ON = Ending()


class _Missed(Exception):
    """No process has read the chapter that comes next."""


class _Share:
    """One process and the thread that takes what it tells."""

    def __init__(self, read: Read, resumption: Resumption | None, share: Share, ending: Ending) -> None:
        self.decoded = 0
        """Frames."""
        self._ending = ending
        self._finished = self._taken = 0  # chapters
        self._stop = threading.Event()
        self._told: SimpleQueue[FoundInShare | BaseException | None] = SimpleQueue()
        self._ahead = threading.Semaphore(CHAPTERS_AHEAD)
        self._thread = threading.Thread(
            target=self._take, args=(read, resumption, share), name=f"share-{share.ordinal}", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """End the process; returns when it has ended."""
        self._stop.set()
        self._ahead.release()
        self._thread.join()

    def told(self) -> Iterator[FoundInShare]:
        """What it tells, to its end; raises what it failed with."""
        while (one := self._told.get()) is not None:
            if isinstance(one, BaseException):
                raise one
            yield one
            if isinstance(one, ChapterRead):
                self._taken += 1
                self._ahead.release()

    def _over(self) -> bool:
        """Whether no more is wanted of it.

        Of work that shall end the next chapter is wanted, and those after it that others read: a process that has
        finished one which has not been taken reads one further on, with others between that have not been begun.
        """
        ending = self._ending
        return self._stop.is_set() or (ending.asked() and (self._finished > self._taken or ending.at_once()))

    def _take(self, read: Read, resumption: Resumption | None, share: Share) -> None:
        try:
            with closing(read(resumption, share, self._over)) as found:
                for one in found:
                    if isinstance(one, Working):
                        FRAMES_DECODED.labels(STAGE).inc(one.done - self.decoded)
                        self.decoded = one.done
                    elif isinstance(one, ChapterRead):
                        self._finished += 1
                    self._told.put(one)
                    if isinstance(one, ChapterRead):
                        if self._ending.asked():
                            return
                        self._ahead.acquire()
                    if self._over():
                        return
        except BaseException as error:  # whatever it is, it is raised where its results are wanted
            self._told.put(error)
        finally:
            self._told.put(None)


def side_by_side(
    read: Read, processes: int, resumption: Resumption | None, ending: Ending = GOING_ON
) -> Generator[Found, None, None]:
    """What `processes` processes find in a footage, in its order, from `resumption` on. Raises what they raise.

    Where the work shall end, the last that comes is the end of a chapter if there is time for it.
    """
    so_far = _SoFar(resumption)
    missed = 0
    while True:
        count = processes if missed < MOST_MISSED else 1
        try:
            with ExitStack() as stack:
                shares = [_Share(read, so_far.resumption, Share(ordinal, count), ending) for ordinal in range(count)]
                for share in shares:
                    stack.callback(share.close)
                yield from _in_order(shares, so_far)
        except _Missed:
            if ending.asked():
                return
            missed += 1
        else:
            return


class _SoFar:
    """Where to begin anew."""

    def __init__(self, resumption: Resumption | None) -> None:
        self.resumption = resumption

    @property
    def beginning(self) -> Beginning:
        """Of the chapter that comes next."""
        return self.resumption.beginning if self.resumption else Beginning()

    def end_chapter(self, chapter: ChapterRead) -> None:
        """A chapter that is not the last one has been told."""
        assert chapter.following is not None
        before = self.resumption or Resumption(Beginning(), b"", b"")
        self.resumption = Resumption(
            chapter.following, before.ticks + chapter.ticks.tobytes(), before.corrupt + chapter.corrupt.tobytes()
        )


def _in_order(shares: list[_Share], so_far: _SoFar) -> Iterator[Found]:
    """What all shares tell, chapter after chapter; raises _Missed where nobody has read the next one."""
    first = so_far.beginning.frame
    told = [share.told() for share in shares]
    owner, begun = 0, so_far.beginning
    while True:
        for one in told[owner]:
            if isinstance(one, Working):
                yield Working(min(one.total, first + sum(share.decoded for share in shares)), one.total)
            elif isinstance(one, ChapterRead):
                yield _as_following(one, begun, so_far.beginning)
                if one.following is None:
                    return
                following = _counted_on(one.following, begun, so_far.beginning)
                so_far.end_chapter(msgspec.structs.replace(one, following=following))
                begun = one.following
                if one.following_turn % len(shares) != owner:
                    break
            elif not isinstance(one, ChapterBegun):
                yield _as_following(one, begun, so_far.beginning)
        else:
            raise _Missed
        owner = one.following_turn % len(shares)
        begun = _find(told[owner], so_far.beginning)


def _find(share: Iterator[FoundInShare], beginning: Beginning) -> Beginning:
    """Pass over what a share tells of other chapters, up to the one that begins there; its own account of that."""
    for one in share:
        if isinstance(one, ChapterBegun) and one.beginning.ticks >= beginning.ticks:
            if (one.beginning.frame, one.beginning.ticks) == (beginning.frame, beginning.ticks):
                return one.beginning
            break
    raise _Missed


def _as_following(one: Found, begun: Beginning, beginning: Beginning) -> Found:
    """The same, with shots counted on, and its first shot opened, by what the chapter before knows of it.

    begun: the chapter's beginning as the one who read it knows it. beginning: as the chapter before ended.
    """
    if begun == beginning:
        return one
    if isinstance(one, ShotFound):
        return _shot(one, begun, beginning)
    if isinstance(one, ShotMeasured):
        return msgspec.structs.replace(one, ordinal=one.ordinal - begun.shot_ordinal + beginning.shot_ordinal)
    if isinstance(one, ClipMade):
        ordinal = one.shot_ordinal - begun.shot_ordinal + beginning.shot_ordinal
        return msgspec.structs.replace(one, shot_ordinal=ordinal)
    if isinstance(one, ChapterRead):
        return msgspec.structs.replace(
            one,
            shots=[_shot(shot, begun, beginning) for shot in one.shots],
            doubts=[
                replace(doubt, ordinal=doubt.ordinal - begun.shot_ordinal + beginning.shot_ordinal)
                for doubt in one.doubts
            ],
            following=_counted_on(one.following, begun, beginning) if one.following else None,
        )
    return one


def _shot(found: ShotFound, begun: Beginning, beginning: Beginning) -> ShotFound:
    shot = found.shot
    ordinal = shot.ordinal - begun.shot_ordinal + beginning.shot_ordinal
    opening = beginning.opening if shot.start_frame == beginning.frame else shot.opening
    return msgspec.structs.replace(found, shot=Shot(ordinal, shot.start_frame, shot.end_frame, opening, shot.closing))


def _counted_on(following: Beginning, begun: Beginning, beginning: Beginning) -> Beginning:
    return replace(following, shot_ordinal=following.shot_ordinal - begun.shot_ordinal + beginning.shot_ordinal)
