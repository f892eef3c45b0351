"""The limited child process: reads one request, gives up its rights, runs one function over one untrusted file.

Started by `children.py` as `python -I -m celstream_platform.footage.child MODULES`; not to be imported elsewhere.
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
from celstream_platform.footage import sandbox, wire
from celstream_platform.loading import loading


def main() -> None:
    """Answer one request on standard input with frames on standard output."""
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints must not get between the frames
    with loading(own_process=True):
        for module in sys.argv[1:]:
            importlib.import_module(module)
    asked = sys.stdin.buffer.read()
    if not asked:
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
    try:
        _run(request, out)
        last = wire.frame(wire.Kind.END)
    except BaseException as error:
        last = wire.frame(wire.Kind.FAILURE, wire.encode(_failure(error, request.name)))
    _send(out, last)
    os._exit(0)  # at once: a damaged library need not clean up


def _run(request: wire.Request, out: int) -> None:
    module, _, name = request.function.partition(":")
    function = getattr(importlib.import_module(module), name)
    kinds = {kind: bytes([index]) for index, kind in enumerate(request.results)}
    answer = function(Path(request.path), **request.arguments)
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
