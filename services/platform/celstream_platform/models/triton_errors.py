"""What Triton's refusals mean, in the errors of `errors.py`.

| status                                | means                                               | error       |
|---------------------------------------|-----------------------------------------------------|-------------|
| RESOURCE_EXHAUSTED                    | it has too much to do                               | Overloaded  |
| UNAVAILABLE "… maximum queue size"    | the model's queue is full                           | Overloaded  |
| UNAVAILABLE "Request timeout expired" | it waited in the queue for too long                 | Overloaded  |
| NOT_FOUND, UNAVAILABLE "unknown model"| no such model or version                            | NotFound    |
| UNAVAILABLE, CANCELLED, ABORTED       | the server is away                                  | Unavailable |
| DEADLINE_EXCEEDED                     | no answer in time                                   | Unavailable |
| INTERNAL "Stub process … not healthy" | the model's process has died (python backend)       | Unavailable |
| INVALID_ARGUMENT                      | an input does not fit                               | Invalid     |
"""

import re

from celstream_platform.errors import CelstreamError, Invalid, NotFound, Overloaded, Unavailable

LOST_MEMORY = re.compile("[Uu]nable to find (system )?shared memory region|shared memory region .* not found")
FULL = re.compile("maximum queue size|[Rr]equest timeout expired")
UNKNOWN = re.compile("[Uu]nknown model|is not found|has no available versions")
DEAD = re.compile("[Ss]tub process.*(not healthy|killed|exited)|unhealthy")


def code_of(error: Exception) -> str:
    """The status of an InferenceServerException: `UNAVAILABLE`; empty where it has none."""
    status = getattr(error, "status", lambda: None)() or ""
    return str(status).removeprefix("StatusCode.")


def is_silence(error: Exception) -> bool:
    """Whether the server did not answer; a model whose process has died is an answer, and others may be well."""
    return code_of(error) in ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED")


def lost_memory(error: Exception) -> bool:
    """Whether the server does not know a region of shared memory (any more): it was started anew."""
    return bool(LOST_MEMORY.search(_text(error)))


def meaning(error: Exception, model: str, version: int, address: str, seconds: float) -> Exception:
    """The error that a refusal stands for; itself where it stands for none: a bug.

    seconds: how long an answer was waited for.
    """
    code, text = code_of(error), _text(error)
    what = f"{model} version {version}"
    found: CelstreamError | None = None
    if code == "RESOURCE_EXHAUSTED" or FULL.search(text):
        found = Overloaded(f"{what}: {address} has too much to do ({text}). Try again with fewer requests.")
    elif code == "NOT_FOUND" or UNKNOWN.search(text):
        found = NotFound(f"{what}: no such model at {address}. Load it.")
    elif code == "DEADLINE_EXCEEDED":
        found = Unavailable(f"{what}: no answer from {address} in {seconds:g} s.")
    elif code in ("UNAVAILABLE", "CANCELLED", "ABORTED"):
        found = Unavailable(f"{what}: {address} is away ({text}).")
    elif DEAD.search(text):
        found = Unavailable(f"{what}: its process at {address} has died ({text}). Unload and load the model.")
    elif code in ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"):
        found = Invalid(f"{what}: {text}")
    return found or error


def _text(error: Exception) -> str:
    return str(getattr(error, "message", lambda: None)() or error).strip().rstrip(".")
