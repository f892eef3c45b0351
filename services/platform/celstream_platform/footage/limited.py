"""Runs a function over an untrusted file in a limited child process and streams its results.

    for shot in limited.stream("celstream_segmenter.shots:find", path, {"detector": "content"}, [Shot]):
        ...

The child is a fresh interpreter, or the copy of a fresh one that has read nothing yet (`children`); never a fork of
this process. It has limits of memory, CPU time, waiting time and output. It can read the one file and the libraries,
write into one scratch folder, and reach no network; `sandbox.py` says by what, and where a kernel does not offer it.
What it sends is decoded by type; nothing of it is executed.
"""

import contextlib
import fcntl
import os
import select
import shutil
import signal
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from celstream_platform.errors import CelstreamError, Invalid, LimitExceeded, NotFound, Unavailable
from celstream_platform.footage import children, wire
from celstream_platform.footage.asking import Answering
from celstream_platform.footage.files import check_file
from celstream_platform.footage.limits import MIB, Limits
from celstream_platform.metrics import CHILD_ENDS, CHILD_START_SECONDS

T = TypeVar("T")

CONTENT_ERRORS = {kind.__name__: kind for kind in (Invalid, NotFound, LimitExceeded)}  # what a function may raise
FULL_PROTECTION = {"files", "tcp", "signals", "calls"}
TICK_SECONDS = 0.5  # how often the scratch folder is measured while waiting
PIPE_BYTES = 1 * MIB
STDERR_TAIL_BYTES = 4096
FULL_DISK_BYTES = 64 * MIB  # what is left of a disk on which a write can fail
NEAR_MEMORY_LIMIT = 0.8  # a crash above this share of the memory limit is taken for lack of memory


class ChildFailed(Exception):
    """A bug in the function that the child ran, or in the child itself; the text ends with its traceback."""


def stream(
    function: str,
    path: Path,
    arguments: Mapping[str, Any],
    results: Sequence[type[T]],
    *,
    limits: Limits | None = None,
    name: str = "",
    scratch: Path | None = None,
    import_from: Sequence[Path] = (),
    cancelled: Callable[[], bool] = lambda: False,
    ahead_bytes: int = PIPE_BYTES,
    answering: Answering | None = None,
) -> Generator[T, None, None]:
    """Run `function(path, **arguments)` in a limited child process; yield what it yields, or the one thing it returns.

    function: `module:name`. arguments: plain values (MessagePack). results: the types that may come: dataclasses with
    plain values, bytes and arrays of numbers (which come read-only); at most 64 MiB each. name: what to call the file
    in complaints. scratch: the one folder in which the child may write. import_from: folders with further modules.
    Closing the generator, or the end of this process, kills the child. cancelled: asked now and then while waiting,
    for a thread that cannot be interrupted otherwise; once it is true, nothing more comes. ahead_bytes: of results that
    the child may have ready before they are asked for; then it waits. answering: for a function that asks while it
    works (it takes `ask`, see `asking.py`); an answer has less than a pipe's 64 KiB.

    Raises NotFound, Invalid (what the file holds, or a crash of the decoder), LimitExceeded (which, with its value),
    Unavailable (no space for scratch files), and ChildFailed for a bug: whatever else the function raises; also where
    somebody kills the child, for that says nothing of the file.
    """
    limits, name = limits or Limits(), name or path.name
    check_file(path, name)
    request = wire.Request(
        function=function,
        path=str(path.resolve()),
        name=name,
        arguments=dict(arguments),
        results=[wire.type_name(kind) for kind in results],
        limits=limits,
        scratch=str(scratch.resolve()) if scratch else None,
        import_from=[str(place.resolve()) for place in import_from],
        parent=os.getpid(),
        asking=answering is not None,
    )
    decoder = wire.Decoder(results)
    end = "cancelled"
    child = _Child(request, cancelled, ahead_bytes, answering)
    try:
        for payload in child.results():
            try:
                result = decoder.result(memoryview(payload))
            except (ValueError, TypeError, msgspec.MsgspecError) as error:
                raise ChildFailed(f"{name}: the child of {function} sent what cannot be decoded: {error}") from error
            yield result
        end = "completed"
    except _Cancelled:
        return
    except LimitExceeded:
        end = "limit"
        raise
    except _Crashed as error:
        end = "crash"
        raise Invalid(str(error)) from None
    except CelstreamError:
        end = "invalid"
        raise
    except ChildFailed:
        end = "bug"
        raise
    finally:
        child.stop()
        CHILD_ENDS.labels(end=end).inc()


def call(
    function: str,
    path: Path,
    arguments: Mapping[str, Any],
    result: type[T],
    *,
    limits: Limits | None = None,
    name: str = "",
    scratch: Path | None = None,
    import_from: Sequence[Path] = (),
) -> T:
    """Like `stream`, for a function with one result."""
    with contextlib.closing(
        stream(function, path, arguments, [result], limits=limits, name=name, scratch=scratch, import_from=import_from)
    ) as answers:
        found = list(answers)
    if len(found) != 1:
        raise ChildFailed(f"{function} gave {len(found)} results, expected one")
    return found[0]


class _Cancelled(Exception):
    """Nobody wants its results any more."""


class _Crashed(Exception):
    """The child died by a signal or left without a word."""


class _Child:
    """One child process, from its start to its end."""

    def __init__(
        self, request: wire.Request, cancelled: Callable[[], bool], ahead_bytes: int, answering: Answering | None
    ) -> None:
        self._cancelled, self._answering = cancelled, answering
        self._request, self._limits, self._name = request, request.limits, request.name
        self._waited = self._cpu_seconds = 0.0
        self._received = self._first_peak_bytes = self._peak_bytes = 0
        self._tail = b""
        self._greeted = False
        self._process = children.take()
        assert self._process.stdout
        assert self._process.stderr
        self._out, self._err = self._process.stdout.fileno(), self._process.stderr.fileno()
        _hold(self._out, ahead_bytes)
        for descriptor in (self._out, self._err):
            os.set_blocking(descriptor, False)

    def results(self) -> Generator[bytearray, None, None]:
        """The payloads of its results; raises what went wrong at the end of them."""
        started = time.monotonic()
        self._ask()
        while True:
            header = self._read(wire.HEADER.size)
            number, length = wire.HEADER.unpack(header)
            if length > wire.MAX_FRAME_BYTES:
                raise ChildFailed(f"{self._name}: the child sent a frame of {length} bytes")
            if number == wire.Kind.QUESTION and length > wire.MAX_QUESTION_BYTES:
                raise ChildFailed(f"{self._name}: the child sent a question of {length} bytes")
            if number != wire.Kind.QUESTION:  # it is no result; size and pace are bounded otherwise
                self._received += length + len(header)
            if self._received > self._limits.output_bytes:
                raise self._exceeded(f"gave more than {_size(self._limits.output_bytes)} of results")
            payload = self._read(length)
            match number:
                case wire.Kind.RESULT if self._greeted:
                    yield payload
                case wire.Kind.HELLO if not self._greeted:
                    self._greeted = True
                    CHILD_START_SECONDS.observe(time.monotonic() - started)
                    greeting = self._decoded(payload, wire.Greeting)
                    self._first_peak_bytes = greeting.peak_kib * 1024
                    _warn_of_gaps(frozenset(greeting.held))
                case wire.Kind.WORKING if self._greeted and not length:
                    continue  # it was heard: its time for the next result begins anew
                case wire.Kind.QUESTION if self._greeted and self._answering:
                    self._answer(self._answering, payload)
                case wire.Kind.END:
                    return
                case wire.Kind.FAILURE:
                    raise self._failure(payload)
                case _:
                    raise ChildFailed(f"{self._name}: the child sent a frame of kind {number} that has no place here")

    def stop(self) -> None:
        """Kill it and what it may have started, and let go of its pipes."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._reap()
        for pipe in (self._process.stdin, self._process.stdout, self._process.stderr):
            assert pipe
            with contextlib.suppress(BrokenPipeError):
                pipe.close()

    def _ask(self) -> None:
        assert self._process.stdin
        self._tell(wire.frame(wire.Kind.REQUEST, wire.encode(self._request)))
        os.set_blocking(self._process.stdin.fileno(), False)

    def _answer(self, answering: Answering, payload: bytearray) -> None:
        try:
            question = wire.Decoder([answering.question]).result(memoryview(payload))
        except (ValueError, TypeError, msgspec.MsgspecError) as error:
            raise ChildFailed(f"{self._name}: the child asked what cannot be decoded: {error}") from error
        answer = wire.frame(wire.Kind.ANSWER, b"\0", wire.encode(answering.answer(question)))
        try:
            self._tell(answer)
        except BlockingIOError as error:
            raise ChildFailed(f"{self._name}: the child asks and does not listen") from error

    def _tell(self, data: bytes) -> None:
        assert self._process.stdin
        view = memoryview(data)
        with contextlib.suppress(BrokenPipeError):  # it has died already; reading says of what
            while view:
                view = view[os.write(self._process.stdin.fileno(), view) :]

    def _read(self, size: int) -> bytearray:
        """Exactly that many bytes of its output."""
        data = bytearray(size)
        view, got = memoryview(data), 0
        while got < size:
            try:
                count = os.readv(self._out, [view[got:]])
            except BlockingIOError:
                self._wait()
                continue
            if count == 0:
                raise self._death()
            got += count
        return data

    def _wait(self) -> None:
        """Wait until it sends something, within the limits."""
        started = time.monotonic()
        watched = select.poll()  # not select(), which fails past descriptor 1023
        watched.register(self._out, select.POLLIN)
        watched.register(self._err, select.POLLIN)
        while True:
            if self._cancelled():
                raise _Cancelled
            now = time.monotonic()
            left = self._limits.wall_seconds - self._waited - (now - started)
            left_of_stall = self._limits.stall_seconds - (now - started)
            if left <= 0:
                raise self._exceeded(f"took longer than {self._limits.wall_seconds:g} s")
            if left_of_stall <= 0:
                raise self._exceeded(f"gave no result for {self._limits.stall_seconds:g} s")
            self._check_scratch()
            ready = {descriptor for descriptor, _ in watched.poll(min(left, left_of_stall, TICK_SECONDS) * 1000)}
            if self._err in ready and not self._drain_stderr():
                watched.unregister(self._err)
            if self._out in ready:
                self._waited += time.monotonic() - started
                return

    def _drain_stderr(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._err, 64 * 1024)
            self._tail = (self._tail + data)[-STDERR_TAIL_BYTES:]
            return bool(data)
        return True

    def _check_scratch(self) -> None:
        if self._request.scratch and _folder_bytes(Path(self._request.scratch)) > self._limits.scratch_bytes:
            raise self._exceeded(f"wrote more than {_size(self._limits.scratch_bytes)} of scratch files")

    def _reap(self) -> int:
        """Wait for its end; its exit status, negative for a signal."""
        if self._process.returncode is None:
            _, status, usage = os.wait4(self._process.pid, 0)
            self._process.returncode = os.waitstatus_to_exitcode(status)
            self._peak_bytes = usage.ru_maxrss * 1024
            self._cpu_seconds = usage.ru_utime + usage.ru_stime
        return self._process.returncode

    def _death(self) -> Exception:
        """What its end without a last word means."""
        status = self._reap()
        self._drain_stderr()
        if not self._greeted:
            return ChildFailed(
                f"the child process did not start (status {status}): {self._tail.decode(errors='replace')}"
            )
        if self._cpu_seconds >= self._limits.cpu_seconds or status == -signal.SIGXCPU:
            return self._exceeded(f"took more than {self._limits.cpu_seconds:g} s of processor time")
        # The kernel begins a child's peak with that of its parent: only what has grown since then is the child's own.
        grown = self._peak_bytes > self._first_peak_bytes
        if grown and self._peak_bytes >= NEAR_MEMORY_LIMIT * self._limits.memory_bytes:
            return self._exceeded(f"needed more than {_size(self._limits.memory_bytes)} of memory")
        if status == -signal.SIGKILL:  # no fault of a decoder ends so: the kernel does it, or somebody
            return ChildFailed(
                f"{self._name}: the decoder was killed, as the kernel does where machine or container run out of "
                "memory. Give more, or fewer processes."
            )
        how = _signal_name(-status) if status < 0 else f"status {status}"
        return _Crashed(f"{self._name}: the decoder crashed ({how}). The file is damaged, or made to do so.")

    def _failure(self, payload: bytearray) -> Exception:
        """The error that it reports."""
        failure = self._decoded(payload, wire.Failure)
        match failure.error, failure.text:
            case "LimitExceeded", "memory":
                return self._exceeded(f"needed more than {_size(self._limits.memory_bytes)} of memory")
            case "LimitExceeded", "scratch":
                return self._exceeded(f"wrote more than {_size(self._limits.scratch_bytes)} of scratch files")
            case "Unavailable", "space" if _is_full(self._request.scratch):
                return Unavailable(f"{self._name}: no space left for its scratch files. Free some.")
            case error, text if error in CONTENT_ERRORS:
                return CONTENT_ERRORS[error](" ".join(text.split("\n")))
        return ChildFailed(f"{self._name}: {self._request.function} failed:\n{failure.text}")

    def _decoded(self, payload: bytearray, kind: type[T]) -> T:
        try:
            return msgspec.msgpack.decode(payload, type=kind)
        except msgspec.MsgspecError as error:
            raise ChildFailed(f"{self._name}: the child sent what is no {kind.__name__}: {error}") from error

    def _exceeded(self, how: str) -> LimitExceeded:
        return LimitExceeded(f"{self._name}: decoding it {how}. Is it what it seems? Else raise the limit.")


@cache
def _warn_of_gaps(held: frozenset[str]) -> None:
    if missing := FULL_PROTECTION - held:
        from celstream_platform import logs  # large, and wanted by few

        logs.logger(__name__).warning(
            "untrusted files are decoded with less protection than there could be", missing=sorted(missing)
        )


def _hold(pipe: int, size: int) -> None:
    with contextlib.suppress(OSError):  # over this user's allowance for pipes: it works without, more slowly
        fcntl.fcntl(pipe, 1031, size)  # F_SETPIPE_SZ


def _is_full(scratch: str | None) -> bool:
    """Whether it may be true that there is no space: a captured child must not make us try again for ever."""
    return scratch is not None and shutil.disk_usage(scratch).free < FULL_DISK_BYTES


def _folder_bytes(folder: Path) -> int:
    total = 0
    for entry in folder.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            total += entry.lstat().st_size
    return total


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _size(count: int) -> str:
    return f"{count / MIB:g} MiB" if count >= MIB else f"{count} bytes"
