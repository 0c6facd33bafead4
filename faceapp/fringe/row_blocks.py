"""Rows of a picture, and whole groups, shared among threads: the compiled passes release the interpreter's lock."""

from __future__ import annotations

import functools
import itertools
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from typing import TypeVar

_Scan = TypeVar("_Scan")

GROUPS_AT_ONCE = 2
"""Each on a core of its own; the last one has the cores that the others leave."""


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="faceapp-rows")


class _Cores:
    """How many threads are at work on rows: who finds all cores busy works alone, and nothing is handed about."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._busy = 0

    def enter(self, most: int) -> int:
        """Join with helpers for the cores that are free; returns how many, of at most so many threads in all."""
        with self._lock:
            helpers = max(0, min(most, (os.cpu_count() or 1) - self._busy) - 1)
            self._busy += 1 + helpers
        return helpers

    def leave(self, helpers: int) -> None:
        """Give the cores back."""
        with self._lock:
            self._busy -= 1 + helpers


_CORES = _Cores()


def over_rows(work: Callable[[int, int], object], rows: int, multiple: int = 1, threads: int = 0) -> None:
    """Call ``work(first, last)`` for blocks of rows that cover all of them.

    Parameters
    ----------
    work : callable
        A compiled pass that releases the lock; must not call `over_rows` itself.
    rows : int
        How many there are.
    multiple : int
        Blocks begin at multiples of this.
    threads : int
        How many blocks at once, while cores are free; 0 is one for each core, 1 runs on the calling thread.
    """
    threads = threads or os.cpu_count() or 1
    units = -(-rows // multiple)
    if threads == 1 or units < 2:
        work(0, rows)
        return
    # More blocks than threads: a head fills the middle of a picture, not its rims.
    count = min(units, 3 * threads)
    edges = [min(units * i // count * multiple, rows) for i in range(count + 1)]
    edges[-1] = rows
    blocks = deque((a, b) for a, b in itertools.pairwise(edges) if b > a)

    def take_blocks() -> None:
        while True:
            try:
                first, last = blocks.popleft()
            except IndexError:
                return  # the other thread was sooner
            work(first, last)

    helpers = _CORES.enter(threads)
    helping = [_pool().submit(take_blocks) for _ in range(helpers)]
    try:
        take_blocks()
    finally:
        blocks.clear()  # after a fault nobody needs the rest
        wait([done for done in helping if not done.cancel()])
        _CORES.leave(helpers)
    for done in helping:
        if not done.cancelled():
            done.result()


def side_by_side(groups: Mapping[str, Callable[[], _Scan]]) -> Iterator[tuple[str, Future[_Scan]]]:
    """Decode groups, two at a time, and yield each as it ends; those not begun are dropped where the caller stops.

    Parameters
    ----------
    groups : mapping of str to callable
        What decodes each of them; it may call `over_rows`.
    """
    with ThreadPoolExecutor(GROUPS_AT_ONCE, thread_name_prefix="faceapp-group") as pool:
        names = {pool.submit(decode): name for name, decode in groups.items()}
        try:
            for done in as_completed(names):
                yield names[done], done
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
