"""Where the stack keeps things: what is installed in a cache that all stacks share, what runs in a folder per stack.

PostgreSQL refuses to run as root, so what root installs must be where another user can read it.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

OPEN_FOLDER = 0o755
PASSABLE_FOLDER = 0o711  # others may pass through, and see nothing


def cache() -> Path:
    """The folder of installed servers: CELSTREAM_CACHE where set."""
    named = os.environ.get("CELSTREAM_CACHE")
    if named:
        return Path(named).absolute()
    if os.geteuid() == 0:
        return Path("/var/cache/celstream")
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "celstream"


def default_state() -> Path:
    """The folder of the stack that `make stack` starts: CELSTREAM_STACK where set."""
    named = os.environ.get("CELSTREAM_STACK")
    return Path(named).absolute() if named else cache() / "stack"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Only one process at a time is inside, for the same path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
