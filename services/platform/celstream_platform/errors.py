"""The errors that steer a worker and a gRPC call; there are three, and everything else is a bug.

| exception     | means                            | worker                                 | gRPC               |
|---------------|----------------------------------|----------------------------------------|--------------------|
| `Invalid`     | this input can never succeed     | content: a rejection; message: DLQ     | INVALID_ARGUMENT   |
| `Unavailable` | a dependency is away             | retry with jittered backoff, not ready | UNAVAILABLE        |
| `Overloaded`  | a dependency pushes back         | smaller window, pause, resume          | RESOURCE_EXHAUSTED |
| anything else | a bug                            | DLQ after N attempts on its own        | INTERNAL           |
"""


class CelstreamError(Exception):
    """A condition that the caller can act on. Its text is one line for a person."""


class Invalid(CelstreamError):
    """This input can never succeed: what it holds, or the message that brought it."""


class NotFound(Invalid):
    """The thing that was asked for does not exist."""


class LimitExceeded(Invalid):
    """Processing this input went past a limit of memory, time or output."""


class Unavailable(CelstreamError):
    """A dependency is away: store, model server, event log. Trying again later may succeed."""


class Overloaded(CelstreamError):
    """A dependency pushes back: fewer requests at a time may succeed."""


class Fenced(CelstreamError):
    """Another worker holds this worker's partitions by now, or a commit's end is unknown.

    Nothing of the transaction may be assumed. Drop the deliveries in hand and poll again.
    """
