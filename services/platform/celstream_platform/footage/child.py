"""The limited child process: reads one request, gives up its rights, runs one function over one untrusted file.

Started by `children.py` as `python -I -m celstream_platform.footage.child MODULES`; not to be imported elsewhere. With
`--copies DESCRIPTORS` it becomes several once it has loaded the modules.
"""

import errno
import importlib
import os
import resource
import sys
import traceback
from collections.abc import Iterable
from pathlib import Path

import msgspec

from celstream_platform.errors import Invalid, LimitExceeded, Unavailable
from celstream_platform.footage import life_sign, sandbox, wire
from celstream_platform.footage.asking import Asking
from celstream_platform.footage.children import TELLING
from celstream_platform.footage.copying import copied
from celstream_platform.loading import loading


def main() -> None:
    """Answer one request on standard input with frames on standard output."""
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not get between the frames
    copies, modules = _copies_and_modules(sys.argv[1:])
    with loading(own_process=True):
        for module in modules:
            importlib.import_module(module)
    _copy(copies, out)
    asked = wire.read_frame(0, wire.Kind.REQUEST)
    if asked is None:
        os._exit(0)  # it was never needed
    request = msgspec.msgpack.decode(asked, type=wire.Request)
    if request.scratch:
        os.environ |= {"TMPDIR": request.scratch, "HOME": request.scratch}
        os.chdir(request.scratch)
    sys.path.extend(request.import_from)
    sandbox.set_limits(request.limits)
    held = sandbox.confine(
        parent=request.parent,
        readable=[Path(request.path), *(Path(place) for place in sys.path if place)],
        scratch=Path(request.scratch) if request.scratch else None,
    )
    greeting = wire.Greeting(held, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
    _send(out, wire.frame(wire.Kind.HELLO, wire.encode(greeting)))
    life_sign.begin(out)
    try:
        _run(request, out)
        last = wire.frame(wire.Kind.END)
    except BaseException as error:
        last = wire.frame(wire.Kind.FAILURE, wire.encode(_failure(error, request.name)))
    _send(out, last)
    os._exit(0)  # at once: a damaged library need not clean up


def _copies_and_modules(arguments: list[str]) -> tuple[list[int], list[str]]:
    """Descriptors for the copies of this process, and the modules to load."""
    if arguments[:1] != ["--copies"]:
        return [], arguments
    return [int(number) for number in arguments[1].split(",")], arguments[2:]


def _copy(descriptors: list[int], out: int) -> None:
    """Copy this process as often as there are pipes for copies; returns here and in each of them.

    descriptors: where a copy tells its number; standard input, results and complaints of each copy.
    """
    telling, pipes, mine = descriptors[:1], descriptors[1:], list[int]()
    for number in range(len(pipes) // 3):
        mine, pipes = pipes[:3], pipes[3:]
        if copied() == 0:
            os.setsid()
            for place, descriptor in zip((0, out, 2), mine, strict=True):
                os.dup2(descriptor, place)
            os.dup2(2, 1)
            os.write(telling[0], TELLING.pack(number, os.getpid()))
            break
        for descriptor in mine:
            os.close(descriptor)
        mine = []
    for descriptor in (*telling, *mine, *pipes):
        os.close(descriptor)


def _run(request: wire.Request, out: int) -> None:
    module, _, name = request.function.partition(":")
    function = getattr(importlib.import_module(module), name)
    kinds = {kind: bytes([index]) for index, kind in enumerate(request.results)}
    asking = {"ask": Asking(out, 0)} if request.asking else {}
    answer = function(Path(request.path), **request.arguments, **asking)
    results: Iterable[object] = answer if hasattr(answer, "__next__") else [answer]
    for result in results:
        kind = kinds.get(wire.type_name(type(result)))
        if kind is None:
            raise TypeError(f"{request.function} gave a {wire.type_name(type(result))}, expected {sorted(kinds)}")
        _send(out, wire.frame(wire.Kind.RESULT, kind, wire.encode(result)))


def _failure(error: BaseException, name: str) -> wire.Failure:
    """Tell what the footage is to blame for from our own bugs."""
    if isinstance(error, Invalid):
        return wire.Failure(type(error).__name__, str(error))
    if isinstance(error, MemoryError):
        return wire.Failure(LimitExceeded.__name__, "memory")
    if isinstance(error, OSError) and error.errno == errno.EFBIG:
        return wire.Failure(LimitExceeded.__name__, "scratch")
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return wire.Failure(Unavailable.__name__, "space")
    av = sys.modules.get("av")
    if av and isinstance(error, av.error.FFmpegError):
        reason = error.strerror or type(error).__name__
        return wire.Failure(Invalid.__name__, f"{name}: cannot be decoded ({reason}). Is the file complete?")
    return wire.Failure("", "".join(traceback.format_exception(error))[-16_000:])


def _send(out: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(out, view) :]


if __name__ == "__main__":
    main()
