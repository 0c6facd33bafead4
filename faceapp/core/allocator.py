"""What the C library does with memory that is freed: kept for the next large array.

Three clouds are 60 MB of new arrays, and getting their pages from the system costs more than some of the decoder's
passes.
"""

from __future__ import annotations

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters of ``mallopt`` (glibc, malloc.h)."""

_KEPT_BYTES = 256 << 20
"""How much free memory stays at the end of the heap: what decoding three groups of 5 megapixels takes and gives."""

_LARGEST_BYTES = 32 << 20
"""Arrays up to this size come from the heap; the C library allows no more."""


def keep_freed_memory() -> bool:
    """Have this process keep what it frees; return whether its C library can. To be called before any thread starts.

    Notes
    -----
    One heap for all threads: with one for each, the threads of the decoder would take turns in growing theirs.
    Arrays of more than 32 MiB still come from the system and go back to it at once.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library; Windows has no program handle either
        return False
    values = ((_MMAP_THRESHOLD, _LARGEST_BYTES), (_TRIM_THRESHOLD, _KEPT_BYTES), (_ARENA_MAX, 1))
    taken = [bool(mallopt(parameter, value)) for parameter, value in values]
    return all(taken)
