"""Arrays that only live inside a decode: kept for the next one, for new memory costs more than some of the passes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

_MOST_KEPT = 10
_free: list[npt.NDArray[Any]] = []
_lock = threading.Lock()


@contextmanager
def scratch(shape: tuple[int, ...], dtype: npt.DTypeLike) -> Iterator[npt.NDArray[Any]]:
    """Lend an array with unknown contents; nobody may hold it afterwards.

    Parameters
    ----------
    shape : tuple of int
        Wanted shape.
    dtype : dtype
        Wanted type.
    """
    wanted = np.dtype(dtype)
    with _lock:
        for i, array in enumerate(_free):
            if array.shape == shape and array.dtype == wanted:
                del _free[i]
                break
        else:
            array = np.empty(shape, wanted)
    try:
        yield array
    finally:
        with _lock:
            _free.append(array)
            del _free[:-_MOST_KEPT]
