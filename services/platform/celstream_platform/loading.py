"""Loading libraries: without looking for garbage, which they do not make, and which costs a tenth of their loading."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def loading() -> Iterator[None]:
    """Around imports: Python does not search for garbage meanwhile, nor ever in what was loaded."""
    searched = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if searched:
            gc.enable()
