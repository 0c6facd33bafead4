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
from faceapp.fringe.kernel_memory import prefetch, stack_array
from faceapp.fringe.phase_kernel import BLOCK, KERNEL

NO_DEPTH = np.float32(-1.0)
"""Inverse depth of a pixel that has none."""

_BINS_PER_COLUMN = 4
"""Of the table from a position in the field to the column of the second view: the head fills half of the field."""

_SPILL = 4
WIDEST = 8192
"""Most columns of a grid."""

_KNOWN = np.float32(KNOWN_ABOVE)
_NONE = np.float32(UNKNOWN)
_TILE = 64
_LINE = 16  # float32 in a line of the cache
_ZERO, _ONE = np.float32(0), np.float32(1)
_FU, _FV, _A, _B, _C, _D, _V = range(7)
_ROWS = 7


class View(NamedTuple):
    """One camera of a pair.

    Parameters
    ----------
    position, variance : (H W,) float32
        Of its phase map, row after row.
    height, width : int
        Of the phase map.
    blocks : (h, w, 4) float32
        Of its phase map: where the first value is zero nothing is valid.
    map_u, map_v : (rows, columns) float32
        Pixel of the real picture of each grid pixel; -1 outside of it.
    cx : float32
        Column of the grid's principal point.
    """

    position: Float32Array
    variance: Float32Array
    height: int
    width: int
    blocks: Float32Array
    map_u: Float32Array
    map_v: Float32Array
    cx: np.float32


class MatchSpace(NamedTuple):
    """Work space of one call of `match_rows`.

    Parameters
    ----------
    rows : (4, C) float32
        One row of both views: positions and variances.
    bins : (C,) int32
        Bin of the table of each column of the second view.
    table : (B,) int16
        Column of the second view for each bin of the field.
    """

    rows: Float32Array
    bins: npt.NDArray[np.int32]
    table: npt.NDArray[np.int16]


def match_space(columns: int, columns2: int) -> MatchSpace:
    """Return the work space for views of so many columns."""
    widest = max(columns, columns2) + _TILE
    return MatchSpace(
        np.empty((4, widest), np.float32),
        np.empty(widest, np.int32),
        np.empty(_BINS_PER_COLUMN * columns2 + _SPILL, np.int16),
    )


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
    height, width, position, spread = view.height, view.width, view.position, view.variance
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
        # what the next row of the grid will need: the walk is slanted, and the processor does not foresee it
        for j in range(0, n, _LINE):
            k = np.intp(np.uint32(index[j]))
            prefetch(position, min(k + 3 * width, len(position) - 1))
            prefetch(spread, min(k + 2 * width, len(spread) - 1))
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


@numba.njit(**KERNEL)
def rectify_rows(view: Any, jump: np.float32, x: Float32Array, variance: Float32Array) -> None:
    """Fill (rows, columns) positions and variances on the grid of one view; see `rectify_row`."""
    index = stack_array(1, _TILE, np.int32)
    buffer = stack_array(_ROWS, _TILE, np.float32)
    for row in range(len(x)):
        rectify_row(view, row, jump, index[0], buffer, x[row], variance[row])


@numba.njit(inline="always")
def _some_known(x: Any) -> Any:
    """Whether any position is known."""
    known = _ZERO
    for j in range(len(x)):
        known += _ONE if x[j] > _KNOWN else _ZERO
    return known > _ZERO


@numba.njit(inline="always")
def _tabulate(x: Any, jump: Any, low: Any, scale: Any, bins: Any, table: Any) -> None:
    """Write into each bin of the field the column whose step to the next one covers it.

    Some bins beyond a step's end are written too, for that needs no branch; who reads the table tries the step.
    """
    top = np.float32(len(table) - _SPILL - 1)
    for k in range(len(table)):
        table[k] = -1
    for j in range(len(x)):
        bins[j] = np.int32(min(max((x[j] - low) * scale, _ZERO), top))
    for left in range(0, len(x) - 1, _TILE):
        n = min(_TILE, len(x) - 1 - left)
        if not _some_known(x[left : left + n]):
            continue
        for j in range(left, left + n):
            good = (min(x[j], x[j + 1]) > _KNOWN) & (abs(x[j + 1] - x[j]) <= jump)
            if not good:
                continue
            # unsigned, for a signed index is tested for counting from the end
            begin, end = np.uintp(np.uint32(min(bins[j], bins[j + 1]))), np.uintp(np.uint32(max(bins[j], bins[j + 1])))
            for k in range(_SPILL):
                table[begin + np.uintp(k)] = j
            begin += np.uintp(_SPILL)
            while begin <= end:
                table[begin] = j
                begin += np.uintp(1)


@numba.njit(inline="always")
def _step_beside(x: Any, x2: Any, near: Any, jump: Any) -> int:
    """Return the column near to one whose step holds x, or -1: the table names one of two that share a bin."""
    k = near
    for _ in range(3):
        if k < 0 or k >= len(x2) - 1:
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
def _look_up(x1: Any, x2: Any, var2: Any, jump: Any, low: Any, scale: Any, table: Any, index: Any, lines: Any) -> None:
    """Fill, for pixels of the first view, the step of the second that holds each: column, a, b, variances."""
    a, b, near_var, next_var = lines[0], lines[1], lines[2], lines[3]
    near, astray = index[0], index[1]
    top = np.float32(len(table) - _SPILL - 1)
    for i in range(len(x1)):
        near[i] = np.int32(min(max((x1[i] - low) * scale, _ZERO), top))
    for i in range(len(x1)):
        found = np.int32(table[np.uintp(np.uint32(near[i]))])
        near[i] = found
        at = np.uintp(np.uint32(max(found, np.int32(0))))
        a[i], b[i] = x2[at], x2[at + np.uintp(1)]
        near_var[i], next_var[i] = var2[at], var2[at + np.uintp(1)]
    # whether the table named the very step cannot be foreseen: no branch, but a list of those where it did not
    count = 0
    for i in range(len(x1)):
        x = x1[i]
        inside = ((x >= a[i]) & (x < b[i])) | ((x <= a[i]) & (x > b[i]))
        astray[count] = i
        count += 1 if (not inside) & (near[i] >= 0) else 0
    for m in range(count):
        j = np.uintp(np.uint32(astray[m]))
        beside = _step_beside(x1[j], x2, near[j], jump) if x1[j] > _KNOWN else -1
        near[j] = beside
        k = max(beside, 0)
        a[j], b[j] = x2[k], x2[k + 1]
        near_var[j], next_var[j] = var2[k], var2[k + 1]


@numba.njit(inline="always")
def _measure(x1: Any, var1: Any, near: Any, lines: Any, shift: Any, per_disparity: Any, out: Any, spread: Any) -> None:
    """Fill the inverse depth of pixels from the steps that hold them, and its standard deviation."""
    a, b, near_var, next_var = lines[0], lines[1], lines[2], lines[3]
    for i in range(len(x1)):
        step = b[i] - a[i]
        t = (x1[i] - a[i]) / step
        w = (np.float32(i) - np.float32(near[i]) - t + shift) * per_disparity
        found = (near[i] >= 0) & (w > _ZERO) & (t >= _ZERO) & (t < _ONE) & (x1[i] > _KNOWN)
        total = var1[i] + (_ONE - t) * (_ONE - t) * near_var[i] + t * t * next_var[i]
        out[i] = w if found else NO_DEPTH
        spread[i] = np.sqrt(total) / abs(step) * abs(per_disparity)


@numba.njit(**KERNEL)
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
    space: Any,
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
    space : MatchSpace
        From `match_space`.
    """
    columns = one.map_u.shape[1]
    rows, bins, table = space.rows, space.bins, space.table
    index = stack_array(1, _TILE, np.int32)[0]
    buffer = stack_array(_ROWS, _TILE, np.float32)
    steps, lines = stack_array(2, _TILE, np.int32), stack_array(4, _TILE, np.float32)
    low = field[0]
    scale = np.float32(len(table) - _SPILL - 1) / (field[1] - low)
    for row in range(first, last):
        for j in range(columns):
            inverse[row, j] = NO_DEPTH
        begin, end = rectify_row(one, row, jumps[0], index, buffer, rows[0], rows[1])
        spans[row, 0], spans[row, 1] = begin, begin
        if end < begin:
            continue
        begin2, end2 = rectify_row(two, row, jumps[1], index, buffer, rows[2], rows[3])
        if end2 < begin2:
            continue
        spans[row, 1] = end + 1
        # slices, for a loop that begins at an unknown index is not turned into vector instructions
        x1, var1 = rows[0, begin : end + 1], rows[1, begin : end + 1]
        x2, var2 = rows[2, begin2 : end2 + 1], rows[3, begin2 : end2 + 1]
        _tabulate(x2, jumps[1], low, scale, bins, table)
        shift = np.float32(begin) - one.cx - np.float32(begin2) + two.cx
        out, spread = inverse[row, begin : end + 1], sigma[row, begin : end + 1]
        for left in range(0, len(x1), _TILE):
            right = min(left + _TILE, len(x1))
            tile = x1[left:right]
            if _some_known(tile):
                _look_up(tile, x2, var2, jumps[1], low, scale, table, steps, lines)
                place = shift + np.float32(left)
                _measure(
                    tile, var1[left:right], steps[0], lines, place, per_disparity, out[left:right], spread[left:right]
                )
