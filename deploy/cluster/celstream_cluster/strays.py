"""Processes of a node that no PID file names: whoever started them and waited for them was killed.

Each is a program out of the cache that was told of the node's folder. What others run is not, whatever they look at.
"""

import os
from contextlib import suppress
from pathlib import Path

from celstream_stack.places import cache


def found(state: Path) -> set[int]:
    """Their numbers."""
    return {int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _is_one(folder, state)}


def _is_one(folder: Path, state: Path) -> bool:
    """folder: of a process in /proc."""
    ours, its = (os.fsencode(f"{place}/") for place in (cache(), state))
    with suppress(OSError):  # it has ended, or is another user's
        words = (folder / "cmdline").read_bytes().split(b"\0")
        programs = [os.fsencode((folder / "exe").readlink()), *words]  # a script's own name is one of its words
        told = [*words, *(folder / "environ").read_bytes().split(b"\0")]
        from_cache = any(one.startswith(ours) and not one.startswith(its) for one in programs)
        return from_cache and any(its in one for one in told)
    return False
