"""The compiled passes over inverse depth: plane fits, outliers, islands, and the packing of what stays into points.

The inverse depth of a plane is affine in ideal pixels, so a fit over 5 x 5 neighbours gives the normal without any
difference in 3D, a value with less noise, and by its residual the depth edges. `faceapp.fringe.reference` says the
same in plain NumPy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, UInt8Array
from faceapp.fringe.phase_kernel import FAST

_TILE = 128
_ZERO, _ONE, _TWO, _FOUR, _HALF = np.float32(0), np.float32(1), np.float32(2), np.float32(4), np.float32(0.5)
_TINY = np.float32(1e-30)
_N, _SU, _SV, _SUU, _SUV, _SVV, _SW, _SUW, _SVW, _W0, _A, _B, _VAR, _SPREAD, _OFF = range(15)
_ROWS = 15


class Grid(NamedTuple):
    """Inverse depth on a pinhole grid.

    Parameters
    ----------
    inverse, sigma : (H, W) float32
        1/mm and its standard deviation; inverse depth is below zero where there is no surface.
    spans : (H, 2) int32
        Columns of each row between which there may be surface.
    focal, cx, cy : float32
        Pixels.
    """

    inverse: Float32Array
    sigma: Float32Array
    spans: npt.NDArray[np.int32]
    focal: np.float32
    cx: np.float32
    cy: np.float32


class SurfaceLimits(NamedTuple):
    """When a pixel is kept.

    Parameters
    ----------
    near : float32
        Largest relative step of inverse depth from pixel to pixel on one surface.
    min_neighbours : float32
        Of the fit.
    max_sigma_px : float32
        Largest sigma in pixel footprints.
    smooth : bool
        Whether points take the value of the fit.
    """

    near: np.float32
    min_neighbours: np.float32
    max_sigma_px: np.float32
    smooth: bool


class Points(NamedTuple):
    """Arrays that `pack_rows` fills, one row a point.

    Parameters
    ----------
    points, normals : (N, 3) float32
        Rig frame, mm; unit, towards the camera.
    sigma : (N,) float32
        Along the ray, mm.
    pixels : (N, 2) float32
        Of the group's first camera.
    cells : (N,) int32
        Place in the grid, ``row * W + column``.
    """

    points: Float32Array
    normals: Float32Array
    sigma: Float32Array
    pixels: Float32Array
    cells: npt.NDArray[np.int32]


@numba.njit(inline="always")
def _fit_line(line: Any, centre: Any, n: Any, near: Any, dv: Any, buffer: Any) -> None:
    """Add the five neighbours of each pixel in one row to the sums of its fit; ``line`` begins two pixels before."""
    v = np.float32(dv)
    reach0, reach1, reach2 = near * abs(v), near * (abs(v) + _ONE), near * (abs(v) + _TWO)
    count, su, sv, suu, suv = buffer[_N], buffer[_SU], buffer[_SV], buffer[_SUU], buffer[_SUV]
    svv, sw, suw, svw = buffer[_SVV], buffer[_SW], buffer[_SUW], buffer[_SVW]
    for j in range(n):
        c = centre[j]
        a, b, d, e, f = line[j] - c, line[j + 1] - c, line[j + 2] - c, line[j + 3] - c, line[j + 4] - c
        ma = _ONE if abs(a) <= reach2 * c else _ZERO
        mb = _ONE if abs(b) <= reach1 * c else _ZERO
        md = _ONE if abs(d) <= reach0 * c else _ZERO
        me = _ONE if abs(e) <= reach1 * c else _ZERO
        mf = _ONE if abs(f) <= reach2 * c else _ZERO
        a, b, d, e, f = a * ma, b * mb, d * md, e * me, f * mf
        total = ma + mb + md + me + mf
        along = _TWO * (mf - ma) + (me - mb)
        values = (a + b) + d + (e + f)
        count[j] += total
        su[j] += along
        sv[j] += v * total
        suu[j] += _FOUR * (ma + mf) + (mb + me)
        suv[j] += v * along
        svv[j] += v * v * total
        sw[j] += values
        suw[j] += _TWO * (f - a) + (e - b)
        svw[j] += v * values


@numba.njit(inline="always")
def _fit_tile(grid: Any, limits: Any, row: Any, left: Any, n: Any, lines: Any, buffer: Any) -> None:
    """Plane ``w = centre + w0 + a du + b dv`` of each pixel of a tile, solved by Cramer's rule.

    Where fewer than ``min_neighbours`` lie on the surface, row OFF is infinite.
    """
    height, width = grid.inverse.shape
    centre = grid.inverse[row, left : left + n]
    for r in range(_SVW + 1):
        line = buffer[r]
        for j in range(n):
            line[j] = _ZERO
    for dv in range(-2, 3):
        r = row + dv
        if r < 0 or r >= height:
            continue
        source, line = grid.inverse[r], lines[0]
        for j in range(n + 4):
            line[j] = -_ONE
        first, last = max(left - 2, 0), min(left + n + 2, width)
        shift = 2 - left
        for c in range(first, last):
            line[c + shift] = source[c]
        _fit_line(line, centre, n, limits.near, dv, buffer)
    count, su, sv, suu, suv = buffer[_N], buffer[_SU], buffer[_SV], buffer[_SUU], buffer[_SUV]
    svv, sw, suw, svw = buffer[_SVV], buffer[_SW], buffer[_SUW], buffer[_SVW]
    w0, slope_u, slope_v = buffer[_W0], buffer[_A], buffer[_B]
    variance, off = buffer[_VAR], buffer[_OFF]
    for j in range(n):
        c0 = suu[j] * svv[j] - suv[j] * suv[j]
        c1 = su[j] * svv[j] - suv[j] * sv[j]
        c2 = su[j] * suv[j] - suu[j] * sv[j]
        det = count[j] * c0 - su[j] * c1 + sv[j] * c2
        good = (count[j] >= limits.min_neighbours) & (abs(det) > np.float32(0.5))
        per = _ONE / (det if good else _ONE)
        w0[j] = (sw[j] * c0 - suw[j] * c1 + svw[j] * c2) * per
        d1, d2, d3 = (
            count[j] * svv[j] - sv[j] * sv[j],
            count[j] * suv[j] - su[j] * sv[j],
            count[j] * suu[j] - su[j] * su[j],
        )
        slope_u[j] = (suw[j] * d1 - sw[j] * c1 - svw[j] * d2) * per
        slope_v[j] = (sw[j] * c2 - suw[j] * d2 + svw[j] * d3) * per
        variance[j] = max(c0 * per, _ZERO)
        off[j] = abs(w0[j]) if good else np.float32(np.inf)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def keep_rows(first: int, last: int, grid: Any, limits: Any, keep: UInt8Array) -> None:
    """Mark the pixels whose depth is sure enough and lies on the plane of its neighbours.

    Parameters
    ----------
    first, last : int
        Rows.
    grid : Grid
        Inverse depth.
    limits : SurfaceLimits
        Rules.
    keep : (H, W) uint8
        Out: 1 is kept.
    """
    width = grid.inverse.shape[1]
    buffer = np.empty((_ROWS, _TILE), np.float32)
    lines = np.empty((1, _TILE + 8), np.float32)
    five = np.float32(5)
    for row in range(first, last):
        kept = keep[row]
        for j in range(width):
            kept[j] = 0
        begin, end = grid.spans[row, 0], grid.spans[row, 1]
        for left in range(begin, end, _TILE):
            n = min(_TILE, end - left)
            inverse, sigma = grid.inverse[row, left : left + n], grid.sigma[row, left : left + n]
            out = kept[left : left + n]
            _fit_tile(grid, limits, row, left, n, lines, buffer)
            off = buffer[_OFF]
            for j in range(n):
                w = inverse[j]
                # a footprint is z / f; sigma and residual of the depth are those of its inverse times z^2
                footprint = w / grid.focal
                sure = sigma[j] < limits.max_sigma_px * footprint
                on_plane = off[j] < max(five * sigma[j], _HALF * footprint)
                out[j] = 1 if (w > _ZERO) & sure & on_plane else 0


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def pack_rows(
    first: int,
    last: int,
    grid: Any,
    limits: Any,
    keep: UInt8Array,
    starts: npt.NDArray[np.int64],
    maps: tuple[Float32Array, Float32Array],
    rotation: Float32Array,
    centre: Float32Array,
    out: Any,
) -> None:
    """Write the points of rows ``first`` to ``last``.

    Parameters
    ----------
    first, last : int
        Rows.
    grid : Grid
        Inverse depth.
    limits : SurfaceLimits
        The same as in `keep_rows`.
    keep : (H, W) uint8
        1 is kept.
    starts : (H + 1,) int64
        Number of the first point of each row.
    maps : pair of (H, W) float32
        Pixel of the real picture of each grid pixel.
    rotation : (3, 3) float32
        Grid to rig.
    centre : (3,) float32
        Of the camera, mm.
    out : Points
        Filled.
    """
    width = grid.inverse.shape[1]
    buffer = np.empty((_ROWS, _TILE), np.float32)
    lines = np.empty((1, _TILE + 8), np.float32)
    for row in range(first, last):
        at = starts[row]
        y = (np.float32(row) - grid.cy) / grid.focal
        for left in range(grid.spans[row, 0], grid.spans[row, 1], _TILE):
            if at == starts[row + 1]:
                break
            n = min(_TILE, grid.spans[row, 1] - left)
            some = False
            for j in range(n):
                some |= keep[row, left + j] != 0
            if not some:
                continue
            _fit_tile(grid, limits, row, left, n, lines, buffer)
            _place_tile(grid, limits, row, left, n, y, buffer)
            px, py, pz = buffer[_N], buffer[_SU], buffer[_SV]
            nx, ny, nz, spread = buffer[_SUU], buffer[_SUV], buffer[_SVV], buffer[_SPREAD]
            for j in range(n):
                if keep[row, left + j] == 0:
                    continue
                for k in range(3):
                    r0, r1, r2 = rotation[k, 0], rotation[k, 1], rotation[k, 2]
                    out.points[at, k] = r0 * px[j] + r1 * py[j] + r2 * pz[j] + centre[k]
                    out.normals[at, k] = r0 * nx[j] + r1 * ny[j] + r2 * nz[j]
                out.sigma[at] = spread[j]
                out.pixels[at, 0] = maps[0][row, left + j]
                out.pixels[at, 1] = maps[1][row, left + j]
                out.cells[at] = row * width + left + j
                at += 1


@numba.njit(inline="always")
def _place_tile(grid: Any, limits: Any, row: Any, left: Any, n: Any, y: Any, buffer: Any) -> None:
    """Replace the sums of a fitted tile by point, unit normal (in grid coordinates) and sigma along the ray."""
    inverse, sigma = grid.inverse[row, left : left + n], grid.sigma[row, left : left + n]
    w0, slope_u, slope_v, variance = buffer[_W0], buffer[_A], buffer[_B], buffer[_VAR]
    px, py, pz = buffer[_N], buffer[_SU], buffer[_SV]
    nx, ny, nz, spread = buffer[_SUU], buffer[_SUV], buffer[_SVV], buffer[_SPREAD]
    three = np.float32(3)
    start = np.float32(left) - grid.cx
    for j in range(n):
        fitted = inverse[j] + w0[j]
        x = (start + np.float32(j)) / grid.focal
        # on the plane n . P = 1 the inverse depth is n . (x, y, 1); n looks away from the camera
        a, b = slope_u[j] * grid.focal, slope_v[j] * grid.focal
        c = fitted - a * x - b * y
        per = -_ONE / np.sqrt(a * a + b * b + c * c + _TINY)
        w = fitted if limits.smooth else inverse[j]
        z = _ONE / w
        measured = sigma[j] * np.sqrt(variance[j]) if limits.smooth else sigma[j]
        # beside a depth edge the phase itself is mixed: what the fit leaves over is the honest error there
        off = abs(w0[j])
        measured = off if off > three * measured else measured
        spread[j] = measured * z * z * np.sqrt(x * x + y * y + _ONE)
        px[j], py[j], pz[j] = x * z, y * z, z
        nx[j], ny[j], nz[j] = a * per, b * per, c * per
