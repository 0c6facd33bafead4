"""The compiled pass from two phase maps to inverse depth: rectify a row of each, match by position in the field.

`faceapp.fringe.reference.match_row` says the same in plain NumPy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array
from faceapp.core.frames import KNOWN_ABOVE, UNKNOWN
from faceapp.fringe.phase_kernel import BLOCK, FAST

NO_DEPTH = np.float32(-1.0)
"""Inverse depth of a pixel that has none."""

_BINS_PER_COLUMN = 6
"""Of the table from a position in the field to the column of the second view: the head fills half of the field."""

_SPILL = 4
_KNOWN = np.float32(KNOWN_ABOVE)
_NONE = np.float32(UNKNOWN)
_TILE = 64
_ZERO, _ONE = np.float32(0), np.float32(1)
_FU, _FV, _A, _B, _C, _D, _V = range(7)
_ROWS = 7


class View(NamedTuple):
    """One camera of a pair.

    Parameters
    ----------
    position, variance : (H, W) float32
        Of its phase map.
    blocks : (h, w, 3) float32
        Of its phase map: where the first value is zero nothing is valid.
    map_u, map_v : (rows, columns) float32
        Pixel of the real picture of each grid pixel; -1 outside of it.
    cx : float32
        Column of the grid's principal point.
    """

    position: Float32Array
    variance: Float32Array
    blocks: Float32Array
    map_u: Float32Array
    map_v: Float32Array
    cx: np.float32


@numba.njit(inline="always")
def _is_empty(blocks: Any, u0: Any, v0: Any, u1: Any, v1: Any) -> bool:
    """Whether no block that a short stretch of a grid row crosses has a valid pixel."""
    top, bottom = int(min(v0, v1)) // BLOCK, (int(max(v0, v1)) + 2) // BLOCK
    left, right = int(min(u0, u1)) // BLOCK, (int(max(u0, u1)) + 2) // BLOCK
    for r in range(max(top, 0), min(bottom, blocks.shape[0] - 1) + 1):
        for c in range(max(left, 0), min(right, blocks.shape[1] - 1) + 1):
            if blocks[r, c, 0] > _ZERO:
                return False
    return True


@numba.njit(inline="always")
def rectify_row(view: Any, row: Any, jump: Any, index: Any, buffer: Any, x: Any, variance: Any) -> Any:
    """Fill a row of positions and variances on the grid; return its first and last column that may be valid.

    Bilinear, and only where all four neighbours are valid and within ``jump``; the variance is that of the nearest
    pixel times the squared weights.
    """
    height, width = view.position.shape
    position, spread = view.position.ravel(), view.variance.ravel()
    map_u, map_v = view.map_u[row], view.map_v[row]
    fu, fv, a, b, c, d, v = buffer[_FU], buffer[_FV], buffer[_A], buffer[_B], buffer[_C], buffer[_D], buffer[_V]
    columns = len(map_u)
    first, last = columns, -1
    u_end, v_end = np.float32(width - 1), np.float32(height - 1)
    for left in range(0, columns, _TILE):
        n = min(_TILE, columns - left)
        us, vs = map_u[left : left + n], map_v[left : left + n]
        xs, spreads = x[left : left + n], variance[left : left + n]
        # a lens bends a stretch of 64 pixels by less than the two pixels that the test leaves
        whole = us[0] >= _ZERO and us[n - 1] >= _ZERO
        if whole and _is_empty(view.blocks, us[0], vs[0], us[n - 1], vs[n - 1]):
            for j in range(n):
                xs[j] = _NONE
            continue
        first, last = min(first, left), left + n - 1
        for j in range(n):
            inside = (us[j] >= _ZERO) & (vs[j] >= _ZERO) & (us[j] < u_end) & (vs[j] < v_end)
            u = us[j] if inside else _ZERO
            w = vs[j] if inside else _ZERO
            iu, iv = np.int32(u), np.int32(w)
            fu[j] = u - np.float32(iu) if inside else np.float32(-1)
            fv[j] = w - np.float32(iv)
            index[j] = iv * np.int32(width) + iu
        for j in range(n):
            k = np.intp(np.uint32(index[j]))
            a[j] = position[k]
            b[j] = position[k + 1]
            c[j] = position[k + width]
            d[j] = position[k + width + 1]
            v[j] = spread[k]
        for j in range(n):
            low, high = min(min(a[j], b[j]), min(c[j], d[j])), max(max(a[j], b[j]), max(c[j], d[j]))
            p, q = fu[j], fv[j]
            upper, lower = a[j] + p * (b[j] - a[j]), c[j] + p * (d[j] - c[j])
            good = (low > _KNOWN) & (high - low <= jump) & (p >= _ZERO)
            xs[j] = upper + q * (lower - upper) if good else _NONE
            spreads[j] = v[j] * (p * p + (_ONE - p) * (_ONE - p)) * (q * q + (_ONE - q) * (_ONE - q))
    return first, last


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def rectify_rows(view: Any, jump: np.float32, x: Float32Array, variance: Float32Array) -> None:
    """Fill (rows, columns) positions and variances on the grid of one view; see `rectify_row`."""
    index = np.empty(_TILE, np.int32)
    buffer = np.empty((_ROWS, _TILE), np.float32)
    for row in range(len(x)):
        rectify_row(view, row, jump, index, buffer, x[row], variance[row])


@numba.njit(inline="always")
def _tabulate(x: Any, first: Any, last: Any, jump: Any, low: Any, scale: Any, table: Any) -> None:
    """Write into each bin of the field the column whose step to the next one covers it.

    Some bins beyond a step's end are written too, for that needs no branch; who reads the table tries the step.
    """
    bins = len(table) - _SPILL
    for k in range(len(table)):
        table[k] = -1
    for j in range(first, last):
        a, b = x[j], x[j + 1]
        lower, upper = min(a, b), max(a, b)
        if lower < _KNOWN or upper - lower > jump:
            continue
        begin = min(max(int((lower - low) * scale), 0), bins - 1)
        end = min(max(int((upper - low) * scale), 0), bins - 1)
        for k in range(_SPILL):
            table[begin + k] = j
        for k in range(begin + _SPILL, end + 1):
            table[k] = j


@numba.njit(inline="always")
def _step_beside(x: Any, x2: Any, near: Any, first: Any, last: Any, jump: Any) -> int:
    """Return the column near to one whose step holds x, or -1: the table names one of two that share a bin."""
    k = near
    for _ in range(3):
        if k < first or k >= last:
            return -1
        a, b = x2[k], x2[k + 1]
        if min(a, b) < _KNOWN or abs(b - a) > jump:
            return -1
        beyond = x >= b if b > a else x <= b
        before = x < a if b > a else x > a
        if not beyond and not before:
            return k
        k += 1 if beyond else -1
    return -1


@numba.njit(inline="always")
def _look_up(x1: Any, begin: Any, end: Any, low: Any, scale: Any, table: Any, near: Any) -> None:
    """Fill the second view's column for each pixel of the first, -1 where the table has none."""
    top = np.float32(len(table) - _SPILL - 1)
    for i in range(begin, end):
        at = min(max((x1[i] - low) * scale, _ZERO), top)
        near[i] = np.int32(at)
    for i in range(begin, end):
        near[i] = table[near[i]] if x1[i] > _KNOWN else -1


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def match_rows(
    first: int,
    last: int,
    one: Any,
    two: Any,
    jumps: Any,
    field: Any,
    per_disparity: np.float32,
    inverse: Float32Array,
    sigma: Float32Array,
    spans: npt.NDArray[np.int32],
) -> None:
    """Fill rows of inverse depth and of its standard deviation on the first view's grid.

    An inverse table from the position to the column of the second view serves each row: with the projector near
    the baseline a position occurs once in an epipolar row, so neither order nor search is needed and noses survive.

    Parameters
    ----------
    first, last : int
        Rows.
    one, two : View
        Of the two cameras, their grid rows corresponding.
    jumps : pair of float32
        Of each view: neighbours farther apart than this, in the field, lie on two surfaces.
    field : pair of float32
        Lowest and highest position.
    per_disparity : float32
        ``1 / (focal length baseline)``, 1/mm a pixel, signed.
    inverse, sigma : (rows, columns) float32
        Out: 1/mm, `NO_DEPTH` where nothing is found; and its standard deviation, defined where it is.
    spans : (rows, 2) int32
        Out: columns between which there may be depth.
    """
    columns, columns2 = one.map_u.shape[1], two.map_u.shape[1]
    lines = np.empty((8, max(columns, columns2)), np.float32)
    x1, var1, x2, var2 = lines[0], lines[1], lines[2], lines[3]
    a, step, near_var, next_var = lines[4], lines[5], lines[6], lines[7]
    near = np.empty(max(columns, columns2), np.int32)
    index = np.empty(_TILE, np.int32)
    buffer = np.empty((_ROWS, _TILE), np.float32)
    table = np.empty(_BINS_PER_COLUMN * columns2 + _SPILL, np.int16)
    low = field[0]
    scale = np.float32(len(table) - _SPILL - 1) / (field[1] - low)
    for row in range(first, last):
        out, spread = inverse[row], sigma[row]
        for j in range(columns):
            out[j] = NO_DEPTH
        begin, end = rectify_row(one, row, jumps[0], index, buffer, x1, var1)
        spans[row, 0], spans[row, 1] = begin, begin
        if end < begin:
            continue
        begin2, end2 = rectify_row(two, row, jumps[1], index, buffer, x2, var2)
        if end2 < begin2:
            continue
        end += 1
        spans[row, 1] = end
        _tabulate(x2, begin2, end2, jumps[1], low, scale, table)
        _look_up(x1, begin, end, low, scale, table, near)
        for i in range(begin, end):
            k = near[i]
            if k >= 0:
                d = x2[k + 1] - x2[k]
                t = (x1[i] - x2[k]) / d
                if not (t >= _ZERO and t < _ONE):
                    k = _step_beside(x1[i], x2, k, begin2, end2, jumps[1])
                    near[i] = k
            k = max(k, 0)
            a[i], step[i] = x2[k], x2[k + 1] - x2[k]
            near_var[i], next_var[i] = var2[k], var2[k + 1]
        for i in range(begin, end):
            t = (x1[i] - a[i]) / step[i]
            w = ((np.float32(i) - one.cx) - (np.float32(near[i]) + t - two.cx)) * per_disparity
            found = (near[i] >= 0) & (w > _ZERO) & (step[i] != _ZERO)
            total = var1[i] + (_ONE - t) * (_ONE - t) * near_var[i] + t * t * next_var[i]
            out[i] = w if found else NO_DEPTH
            spread[i] = np.sqrt(total) / abs(step[i]) * abs(per_disparity)
