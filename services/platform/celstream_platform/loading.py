"""Loading libraries: without looking for garbage, which they do not make, and which costs a tenth of their loading."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading(*, own_process: bool = False) -> Iterator[None]:
    """Around imports: Python does not search for garbage meanwhile.

    own_process: nor ever in what was loaded and in whatever else is there; said once, it holds for what is loaded later
    as well. For processes that are ours: in another's it would keep that one's garbage for ever.
    """
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if own_process or gc.get_freeze_count():
            gc.freeze()
        if searched:
            gc.enable()
