"""Plane fits over 5 x 5 neighbours of the inverse depth, chunk by chunk of a row.

The inverse depth of a plane is affine in ideal pixels, so a fit gives the normal without any difference in 3D, a value
with less noise, and by its residual the depth edges. `faceapp.fringe.reference` says the same in plain NumPy.

`fit_tile` is compiled into the passes of `surface_kernel`, whose cache looks at the time of that file alone: who
changes this one while developing saves that one too.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from faceapp.core.arrays import UInt8Array
from faceapp.fringe.phase_kernel import KERNEL

TILE = 128
LINES, MARGIN = 5, 2
WIDE = TILE + 2 * MARGIN
"""Rows round a tile, pixels more on each side, and both together."""

W0, SLOPE_U, SLOPE_V, VARIANCE, OFF = range(5)
"""Rows of a buffer that a fit fills: value and slopes of the plane, variance of the value, distance of the pixel."""

FAR = np.float32(1e30)

CHUNK = 32
"""Pixels of a row that are fitted at once; most of them are calm: every neighbour lies on the surface."""

CALM, EMPTY = np.uint8(1), np.uint8(2)
_CALM_STEP = np.float32(0.95)
"""Within a window of calm pixels the inverse depth itself changes by less than the rest of the step that is allowed."""

_PER_COUNT, _PER_SQUARE = np.float32(1 / 25), np.float32(1 / 50)
"""Of 25 neighbours: their number, and the sum of du^2."""

_ZERO, _ONE, _TWO, _FOUR, _HALF = np.float32(0), np.float32(1), np.float32(2), np.float32(4), np.float32(0.5)


@numba.njit(inline="always")
def _five(line: Any, j: Any, centre: Any, reach0: Any, reach1: Any, reach2: Any) -> Any:
    """Sums over the five neighbours of a pixel in one row that lie on its surface: 1, du, du^2, dw, du dw."""
    a, b, c = line[j] - centre, line[j + 1] - centre, line[j + 2] - centre
    d, e = line[j + 3] - centre, line[j + 4] - centre
    ma = _ONE if abs(a) <= reach2 else _ZERO
    mb = _ONE if abs(b) <= reach1 else _ZERO
    mc = _ONE if abs(c) <= reach0 else _ZERO
    md = _ONE if abs(d) <= reach1 else _ZERO
    me = _ONE if abs(e) <= reach2 else _ZERO
    a, b, c, d, e = a * ma, b * mb, c * mc, d * md, e * me
    inner, outer = mb + md, ma + me
    return (
        inner + outer + mc,
        _TWO * (me - ma) + (md - mb),
        _FOUR * outer + inner,
        (a + e) + (b + d) + c,
        _TWO * (e - a) + (d - b),
    )


@numba.njit(inline="always")
def _read_lines(inverse: Any, row: Any, left: Any, n: Any, lines: Any) -> None:
    """Copy the five rows round a tile, with two pixels more on each side; what lies outside has no depth."""
    height, width = inverse.shape
    first, last = max(left - MARGIN, 0), min(left + n + MARGIN, width)
    shift = MARGIN - left
    for k in range(LINES):
        r = row + k - MARGIN
        line = lines[k]
        if r < 0 or r >= height or first > left - MARGIN or last < left + n + MARGIN:
            for j in range(n + 2 * MARGIN):
                line[j] = -_ONE
        if 0 <= r < height:
            source = inverse[r, first:last]
            target = line[first + shift : last + shift]
            for j in range(len(source)):
                target[j] = source[j]


@numba.njit(**KERNEL)
def calm_rows(first: int, last: int, grid: Any, limits: Any, calm: UInt8Array) -> None:
    """Mark the chunks of each row that are calm, for inverse depth nowhere steps as far as an edge, and those empty.

    A chunk is looked at with the two pixels on both sides that its fits reach, and with the step to the next row.
    Where five rows are calm, every pixel of a window of 5 x 5 lies on the surface of its centre, for the steps on the
    way there add up to less than what is allowed.

    Parameters
    ----------
    first, last : int
        Rows.
    grid : Grid
        Inverse depth.
    limits : SurfaceLimits
        Rules.
    calm : (H, W / 32) uint8
        Out: `CALM`, `EMPTY`, or else 0.
    """
    height, width = grid.inverse.shape
    allowed = _CALM_STEP * limits.near
    for row in range(first, last):
        marks = calm[row]
        for k in range(len(marks)):
            marks[k] = 0
        for k in range(grid.spans[row, 0] // CHUNK, grid.spans[row, 1] // CHUNK):
            left, end = k * CHUNK - MARGIN, (k + 1) * CHUNK + MARGIN
            if left < 0 or end >= width:
                continue
            here, beside = grid.inverse[row, left:end], grid.inverse[row, left + 1 : end + 1]
            below = grid.inverse[min(row + 1, height - 1), left:end]
            edges, known = _ZERO, _ZERO
            for j in range(CHUNK + 2 * MARGIN):
                w = here[j]
                limit = allowed * w
                steep = (abs(beside[j] - w) > limit) | (abs(below[j] - w) > limit)
                edges += _ONE if steep | (w < _ZERO) else _ZERO
                known += _ONE if w > _ZERO else _ZERO
            if edges == _ZERO:
                marks[k] = CALM
            elif known == _ZERO:
                marks[k] = EMPTY


@numba.njit(inline="always")
def _is_calm(calm: Any, row: Any, k: Any) -> bool:
    """Whether every neighbour of every pixel of a chunk lies on the surface."""
    if row < MARGIN or row >= calm.shape[0] - MARGIN:
        return False
    around = calm[row - 2, k] & calm[row - 1, k] & calm[row, k] & calm[row + 1, k] & calm[row + 2, k]
    return around == CALM


@numba.njit(inline="always")
def _five_calm(line: Any, j: Any, centre: Any) -> Any:
    """Sums over five neighbours that all lie on the surface: dw, du dw."""
    a, b, c = line[j] - centre, line[j + 1] - centre, line[j + 2] - centre
    d, e = line[j + 3] - centre, line[j + 4] - centre
    return (a + e) + (b + d) + c, _TWO * (e - a) + (d - b)


@numba.njit(inline="always")
def _fit_calm(lines: Any, at: Any, buffer: Any) -> None:
    """The fits of a calm chunk: with all 25 neighbours the sums of du, dv and du dv are zero."""
    far = at + CHUNK + 2 * MARGIN
    above2, above, middle = lines[0, at:far], lines[1, at:far], lines[2, at:far]
    below, below2 = lines[3, at:far], lines[4, at:far]
    w0, slope_u, slope_v = (
        buffer[W0, at : at + CHUNK],
        buffer[SLOPE_U, at : at + CHUNK],
        buffer[SLOPE_V, at : at + CHUNK],
    )
    variance, off = buffer[VARIANCE, at : at + CHUNK], buffer[OFF, at : at + CHUNK]
    for j in range(CHUNK):
        c = middle[j + MARGIN]
        w_0, p0 = _five_calm(above2, j, c)
        w_1, p1 = _five_calm(above, j, c)
        w_2, p2 = _five_calm(middle, j, c)
        w_3, p3 = _five_calm(below, j, c)
        w_4, p4 = _five_calm(below2, j, c)
        value = ((w_0 + w_4) + (w_1 + w_3) + w_2) * _PER_COUNT
        w0[j] = value
        slope_u[j] = ((p0 + p4) + (p1 + p3) + p2) * _PER_SQUARE
        slope_v[j] = (_TWO * (w_4 - w_0) + (w_3 - w_1)) * _PER_SQUARE
        variance[j] = _PER_COUNT
        off[j] = abs(value)


@numba.njit(inline="always")
def _fit_edges(limits: Any, at: Any, n: Any, lines: Any, buffer: Any) -> None:
    """The fits of a chunk whose neighbours may lie on another surface or nowhere, solved by Cramer's rule."""
    far = at + n + 2 * MARGIN
    above2, above, middle = lines[0, at:far], lines[1, at:far], lines[2, at:far]
    below, below2 = lines[3, at:far], lines[4, at:far]
    w0, slope_u, slope_v = buffer[W0, at : at + n], buffer[SLOPE_U, at : at + n], buffer[SLOPE_V, at : at + n]
    variance, off = buffer[VARIANCE, at : at + n], buffer[OFF, at : at + n]
    near, enough = limits.near, limits.min_neighbours
    three = np.float32(3)
    for j in range(n):
        c = middle[j + MARGIN]
        r1 = near * c
        r2, r3, r4 = r1 * _TWO, r1 * three, r1 * _FOUR
        n0, u0, q0, w_0, p0 = _five(above2, j, c, r2, r3, r4)
        n1, u1, q1, w_1, p1 = _five(above, j, c, r1, r2, r3)
        n2, u2, q2, w_2, p2 = _five(middle, j, c, _ZERO, r1, r2)
        n3, u3, q3, w_3, p3 = _five(below, j, c, r1, r2, r3)
        n4, u4, q4, w_4, p4 = _five(below2, j, c, r2, r3, r4)
        count, su, suu = (n0 + n4) + (n1 + n3) + n2, (u0 + u4) + (u1 + u3) + u2, (q0 + q4) + (q1 + q3) + q2
        sv, suv = _TWO * (n4 - n0) + (n3 - n1), _TWO * (u4 - u0) + (u3 - u1)
        svv = _FOUR * (n0 + n4) + (n1 + n3)
        sw, suw = (w_0 + w_4) + (w_1 + w_3) + w_2, (p0 + p4) + (p1 + p3) + p2
        svw = _TWO * (w_4 - w_0) + (w_3 - w_1)
        c0, c1, c2 = suu * svv - suv * suv, su * svv - suv * sv, su * suv - suu * sv
        d1, d2, d3 = count * svv - sv * sv, count * suv - su * sv, count * suu - su * su
        det = count * c0 - su * c1 + sv * c2
        good = (count >= enough) & (det > _HALF)
        per = _ONE / (det if good else _ONE)
        value = (sw * c0 - suw * c1 + svw * c2) * per
        w0[j] = value
        slope_u[j] = (suw * d1 - sw * c1 - svw * d2) * per
        slope_v[j] = (sw * c2 - suw * d2 + svw * d3) * per
        variance[j] = max(c0 * per, _ZERO)
        off[j] = abs(value) if good else FAR


@numba.njit(inline="always")
def fit_tile(grid: Any, limits: Any, row: Any, left: Any, n: Any, lines: Any, buffer: Any) -> None:
    """Plane ``w = centre + w0 + a du + b dv`` of each pixel of a tile that begins at the edge of a chunk.

    Where fewer than ``min_neighbours`` lie on the surface, row OFF is infinite; where a chunk is empty, nothing is
    written.
    """
    _read_lines(grid.inverse, row, left, n, lines)
    for at in range(0, n, CHUNK):
        m = min(CHUNK, n - at)
        k = (left + at) // CHUNK
        if grid.calm[row, k] == EMPTY:
            continue
        if _is_calm(grid.calm, row, k):
            _fit_calm(lines, at, buffer)
        else:
            _fit_edges(limits, at, m, lines, buffer)
