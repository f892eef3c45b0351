"""Free memory goes back to the system between the chapters of a long film.

Every chapter takes and frees arrays of many sizes among some that stay. glibc keeps what is free between those for
itself: after an hour of a film a process held 600 MB, of which it used 200. Python's collector counts objects, not
their bytes: the detector of a chapter that is over, a few objects that know each other, waited for it with all its
pictures.
"""

import ctypes
import gc

_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc alone has it, and needs it


def give_back() -> None:
    """Let go of what nobody knows any more, and hand free pages back to the system; some ten milliseconds."""
    gc.collect()
    hand_back()


def hand_back() -> None:
    """Hand free pages back to the system; a millisecond."""
    if _trim is not None:
        _trim(0)
