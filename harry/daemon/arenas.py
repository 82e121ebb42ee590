"""Keeps glibc from giving each thread a heap of its own, where freed memory stays for ever.

Harry's work goes through many threads; what each of them frees is of use to none of the others. Two heaps cost no speed
that could be measured, and memory no longer grows with every turn.
"""

from __future__ import annotations

import ctypes
import os

_M_ARENA_MAX = -8  # of malloc.h
_ARENAS = 2


def bound_arenas() -> bool:
    """Bound the number of heaps, unless the environment does; before threads are begun. False where it cannot be done.

    Other C libraries than glibc have no such heaps.
    """
    if "MALLOC_ARENA_MAX" in os.environ:
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and bool(mallopt(_M_ARENA_MAX, _ARENAS))
