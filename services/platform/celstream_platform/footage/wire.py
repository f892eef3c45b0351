"""The frames between a limited child process and its parent: a kind, a length, MessagePack. Never pickle.

The parent does not trust the child: types are checked on decoding, arrays may hold plain numbers only, and a frame has
a largest size.
"""

import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, get_args

import msgspec

from celstream_platform.footage.limits import MIB, Limits

HEADER = struct.Struct("<BI")  # kind, length of what follows in bytes
MAX_FRAME_BYTES = 64 * MIB
MAX_QUESTION_BYTES = 1 * MIB


class Kind(IntEnum):
    """What a frame says."""

    HELLO = 0  # a Greeting
    RESULT = 1  # index of its type in one byte, then the result
    END = 2
    FAILURE = 3
    QUESTION = 4  # like a result: index 0, then the question
    REQUEST = 5  # to the child: a Request
    ANSWER = 6  # to the child: index 0, then the answer
    WORKING = 7  # nothing: see `life_sign`


@dataclass(frozen=True, slots=True)
class Request:
    """What the child is asked, over its standard input.

    function: `module:name`. results: the types of the results, as `module:name`. import_from: folders in which modules
    are looked for besides the installed ones. asking: whether the function takes `ask`, by which it asks the parent.
    """

    function: str
    path: str
    name: str
    arguments: dict[str, Any]
    results: list[str]
    limits: Limits
    scratch: str | None
    import_from: list[str]
    parent: int
    asking: bool = False


@dataclass(frozen=True, slots=True)
class Greeting:
    """The child's first word, before it touches the file.

    held: what the sandbox holds. peak_kib: its peak memory so far, KiB; the kernel begins it with the parent's own.
    """

    held: list[str]
    peak_kib: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why the child gives up. error: name of one of `errors.py`; empty for a bug, and `text` is its traceback then."""

    error: str
    text: str


def type_name(kind: type) -> str:
    """`module:name` of a class."""
    return f"{kind.__module__}:{kind.__qualname__}"


def encode(message: object) -> bytes:
    """A result, request or failure as MessagePack; arrays of plain numbers inside are allowed."""
    return msgspec.msgpack.encode(message, enc_hook=_encode_other)


def frame(kind: Kind, *parts: bytes) -> bytes:
    """One frame. Raises ValueError past the largest size."""
    length = sum(map(len, parts))
    if length > MAX_FRAME_BYTES:
        raise ValueError(f"a result of {length} bytes; at most {MAX_FRAME_BYTES} go into one. Send it in parts.")
    return b"".join((HEADER.pack(kind, length), *parts))


def read_frame(descriptor: int, kind: Kind) -> bytes | None:
    """The payload of the next frame, None at the end. In the child: its parent is trusted. Raises ValueError."""
    header = _read(descriptor, HEADER.size)
    if len(header) < HEADER.size:
        return None
    number, length = HEADER.unpack(header)
    if number != kind:
        raise ValueError(f"a frame of kind {number}, expected {kind}")
    payload = _read(descriptor, length)
    return payload if len(payload) == length else None


def _read(descriptor: int, size: int) -> bytes:
    data = bytearray()
    while len(data) < size and (more := os.read(descriptor, size - len(data))):
        data += more
    return bytes(data)


class Decoder:
    """Decodes results of known types. Arrays come read-only."""

    def __init__(self, types: Sequence[type]) -> None:
        self._decoders: list[msgspec.msgpack.Decoder[Any]] = [
            msgspec.msgpack.Decoder(kind, dec_hook=_decode_other) for kind in types
        ]

    def result(self, payload: memoryview) -> Any:
        """The result in a RESULT frame. Raises ValueError where it is none of the types."""
        if not payload or payload[0] >= len(self._decoders):
            raise ValueError("a result of unknown type")
        return self._decoders[payload[0]].decode(payload[1:])


def _encode_other(value: object) -> object:
    import numpy as np  # here: a child that sends no arrays starts 0.1 s sooner

    if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
        return [value.dtype.str, list(value.shape), np.ascontiguousarray(value).data.cast("B") if value.size else b""]
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(
        f"{type(value).__name__} cannot be sent: expected dataclasses, plain values, bytes, arrays of numbers"
    )


def _decode_other(kind: Any, value: Any) -> Any:
    import numpy as np

    if (getattr(kind, "__origin__", None) or kind) is not np.ndarray:
        raise TypeError(f"cannot decode a {kind}")
    match value:
        case [str(code), [*shape], bytes(data)] if all(isinstance(size, int) and size >= 0 for size in shape):
            dtype = np.dtype(code)
        case _:
            raise ValueError("not an array")
    wanted = get_args(get_args(kind)[1])[0] if get_args(kind) else np.generic
    if dtype.kind not in "biuf" or (isinstance(wanted, type) and not issubclass(dtype.type, wanted)):
        raise ValueError(f"an array of {dtype}, expected {wanted}")
    return np.frombuffer(data, dtype).reshape(shape)
