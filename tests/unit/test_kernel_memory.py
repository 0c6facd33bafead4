"""What compiled passes ask of memory."""

from __future__ import annotations

import numba
import numpy as np
import pytest
from numba.core.errors import TypingError

from faceapp.fringe.kernel_memory import prefetch, stack_array

_ROWS, _COLUMNS = 3, 40


@numba.njit(_nrt=False)
def _squares_of_rows(values: np.ndarray, out: np.ndarray) -> None:
    """Through an array on the stack, in a pass that can make no other."""
    rows = stack_array(_ROWS, _COLUMNS, np.float32)
    for r in range(_ROWS):
        line = rows[r]
        for j in range(_COLUMNS):
            line[j] = values[r, j] * values[r, j]
    for r in range(_ROWS):
        for j in range(_COLUMNS):
            out[r, j] = rows[_ROWS - 1 - r, j]


def test_rows_on_the_stack_stand_apart() -> None:
    values = np.random.default_rng(1).normal(size=(_ROWS, _COLUMNS)).astype(np.float32)
    out = np.zeros_like(values)
    _squares_of_rows(values, out)
    np.testing.assert_array_equal(out, values[::-1] ** 2)


def test_a_size_that_is_no_constant_is_refused() -> None:
    @numba.njit(_nrt=False)
    def wrong(n: int) -> float:
        return stack_array(n, 4, np.float32)[0, 0]

    with pytest.raises(TypingError, match="constant"):
        wrong(3)


def test_fetching_ahead_changes_nothing_even_outside_of_the_array() -> None:
    @numba.njit(_nrt=False)
    def total(values: np.ndarray) -> float:
        result = 0.0
        for i in range(len(values)):
            prefetch(values, i + 1_000_000)
            result += values[i]
        return result

    values = np.arange(100.0)
    assert total(values) == values.sum()
    assert np.array_equal(values, np.arange(100.0))
