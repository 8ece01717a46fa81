"""Memory that is free goes back to the system."""

import ctypes


def give_back() -> None:
    """What was freed, at once: glibc keeps up to 64 MB for later, which does not come (malloc_trim(3)).

    Elsewhere nothing is done.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
