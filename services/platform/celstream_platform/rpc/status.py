"""Errors and gRPC status codes: one table, both ways.

| error | status | trailing metadata `celstream-error` |
|---|---|---|
| NotFound | NOT_FOUND | NotFound |
| LimitExceeded | RESOURCE_EXHAUSTED | LimitExceeded (the same input will fail again) |
| other Invalid | INVALID_ARGUMENT | Invalid |
| Overloaded | RESOURCE_EXHAUSTED | Overloaded (a later attempt may succeed) |
| Unavailable | UNAVAILABLE | Unavailable |
| Fenced | ABORTED | Fenced |
| anything else | INTERNAL, with an id and nothing more; the log has the rest | - |
"""

import grpc

from celstream_platform.errors import (
    CelstreamError,
    Fenced,
    Invalid,
    LimitExceeded,
    NotFound,
    Overloaded,
    Unavailable,
)

METADATA_KEY = "celstream-error"
Code = grpc.StatusCode
# In this order: a class before the one that it is derived from.
TABLE: tuple[tuple[type[CelstreamError], Code], ...] = (
    (NotFound, Code.NOT_FOUND),
    (LimitExceeded, Code.RESOURCE_EXHAUSTED),
    (Invalid, Code.INVALID_ARGUMENT),
    (Overloaded, Code.RESOURCE_EXHAUSTED),
    (Unavailable, Code.UNAVAILABLE),
    (Fenced, Code.ABORTED),
)
# What a client makes of a status that did not come from the table: a proxy's, or gRPC's own.
OTHERS: dict[Code, type[CelstreamError]] = {
    Code.NOT_FOUND: NotFound,
    Code.INVALID_ARGUMENT: Invalid,
    Code.OUT_OF_RANGE: Invalid,
    Code.FAILED_PRECONDITION: Invalid,
    Code.UNAUTHENTICATED: Invalid,
    Code.PERMISSION_DENIED: Invalid,
    Code.UNIMPLEMENTED: Invalid,
    Code.RESOURCE_EXHAUSTED: Overloaded,
    Code.UNAVAILABLE: Unavailable,
    Code.DEADLINE_EXCEEDED: Unavailable,
    Code.ABORTED: Unavailable,
}


def of(error: BaseException) -> tuple[Code, str]:
    """(status code, name for the metadata) of an error; (INTERNAL, empty) for a bug."""
    for kind, code in TABLE:
        if isinstance(error, kind):
            return code, kind.__name__
    return Code.INTERNAL, ""


def error(failed: grpc.RpcError) -> Exception:
    """The error of `errors.py` that a failed call stands for; the call's own error where it stands for none."""
    if not isinstance(failed, grpc.Call):
        return failed
    name = dict(failed.trailing_metadata() or ()).get(METADATA_KEY)
    details = failed.details() or failed.code().name
    for kind, _ in TABLE:
        if kind.__name__ == name:
            return kind(details)
    known = OTHERS.get(failed.code())
    return known(details) if known else failed
