"""The compiled passes over inverse depth: outliers, islands' input, and the packing of what stays into points.

`faceapp.fringe.plane_fit_kernel` fits the planes; `faceapp.fringe.reference` says the same in plain NumPy.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, UInt8Array
from faceapp.fringe.kernel_memory import stack_array
from faceapp.fringe.phase_kernel import KERNEL
from faceapp.fringe.plane_fit_kernel import (
    CHUNK,
    FAR,
    LINES,
    OFF,
    SLOPE_U,
    SLOPE_V,
    TILE,
    VARIANCE,
    W0,
    WIDE,
    fit_tile,
)

_ZERO, _ONE, _TWO, _FOUR, _HALF = np.float32(0), np.float32(1), np.float32(2), np.float32(4), np.float32(0.5)
_CORRELATED = np.float32(2.5)
"""Neighbours share the pixels that they are interpolated from: their mean has 2.5 times the variance of independent
ones. A bilinear value has on average 0.44 of a pixel's variance, one of view 2 after its second interpolation 0.36,
but their sums have the whole of it: 2 / (0.44 + 0.36)."""

_TINY = np.float32(1e-30)
_SPREAD, _X, _Y, _Z, _NX, _NY, _NZ, _U, _V, _DEPTH, _COSINE = range(5, 16)
_ROWS = 16
_SMOOTHED_AWAY = np.float32(1.4)
"""The fit itself flattens what its misfit is judged by: 1.09, 1.23, 1.53 times for waves of 30, 20, 14 px."""

_WHOLE = np.float32(1.01 / 25)
"""Variance of a fit above which some of the 25 neighbours are missing."""

_OF_PHASE, _OF_REST = np.float32(0.9), np.float32(0.6)
"""Beside depth edges: shares of the phase's sigma and of what the fit leaves over that the errors of simulated heads
and of an independent renderer agree with."""

_OFF_BESIDE, _MISFIT_BESIDE = np.float32(0.3), np.float32(1.35)
"""The same of fitted points, where the bend is known of one side only."""

_REACH = 4


@numba.njit(**KERNEL)
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
    buffer = stack_array(_ROWS, TILE, np.float32)
    lines = stack_array(LINES, WIDE, np.float32)
    five = np.float32(5)
    for row in range(first, last):
        kept = keep[row]
        for j in range(width):
            kept[j] = 0
        begin, end = grid.spans[row, 0] // CHUNK * CHUNK, grid.spans[row, 1]
        for left in range(begin, end, TILE):
            n = min(TILE, end - left)
            inverse, sigma = grid.inverse[row, left : left + n], grid.sigma[row, left : left + n]
            out = kept[left : left + n]
            fit_tile(grid, limits, row, left, n, lines, buffer)
            off = buffer[OFF]
            for j in range(n):
                w = inverse[j]
                # a footprint is z / f; sigma and residual of the depth are those of its inverse times z^2
                footprint = w / grid.focal
                sure = sigma[j] < limits.max_sigma_px * footprint
                on_plane = off[j] < max(five * sigma[j], _HALF * footprint)
                out[j] = 1 if (w > _ZERO) & sure & on_plane else 0


@numba.njit(**KERNEL)
def fit_rows(first: int, last: int, grid: Any, limits: Any, fitted: Float32Array) -> None:
    """Fill rows of an (H, W) picture with the value of the fit, below zero where there is none."""
    buffer = stack_array(_ROWS, TILE, np.float32)
    lines = stack_array(LINES, WIDE, np.float32)
    for row in range(first, last):
        out = fitted[row]
        for j in range(len(out)):
            out[j] = -_ONE
        for left in range(grid.spans[row, 0] // CHUNK * CHUNK, grid.spans[row, 1], TILE):
            n = min(TILE, grid.spans[row, 1] - left)
            fit_tile(grid, limits, row, left, n, lines, buffer)
            for j in range(n):
                w = grid.inverse[row, left + j]
                if w > _ZERO and buffer[OFF, j] < FAR:
                    out[left + j] = w + buffer[W0, j]


@numba.njit(inline="always")
def _bend(fitted: Any, row: Any, column: Any, down: Any, right: Any, near: Any) -> Any:
    """Second difference of the fits along one direction, over four pixels, and whether it is of both sides.

    Beside an edge it is that of the side which there is; infinite where there is neither.
    """
    height, width = fitted.shape
    centre = fitted[row, column]
    step = np.float32(_REACH) * near * centre
    sides = stack_array(2, 2, np.float32)
    for k in range(2):
        sign = 1 - 2 * k
        for m in range(2):
            r, c = row + sign * (m + 1) * _REACH * down, column + sign * (m + 1) * _REACH * right
            inside = 0 <= r < height and 0 <= c < width
            value = fitted[r, c] if inside else -_ONE
            good = (value > _ZERO) & (abs(value - centre) <= np.float32(m + 1) * step)
            sides[k, m] = value - centre if good else FAR
    if sides[0, 0] < FAR and sides[1, 0] < FAR:
        return sides[0, 0] + sides[1, 0], True
    for k in range(2):
        if sides[k, 0] < FAR and sides[k, 1] < FAR:
            return sides[k, 1] - _TWO * sides[k, 0], False
    return FAR, False


@numba.njit(inline="always")
def _misfit(grid: Any, limits: Any, row: Any, column: Any) -> Any:
    """What a plane leaves of a curved surface at its centre, and whether the surface is known on all four sides.

    Twice the mean of both second derivatives, for the mean of ``du^2`` over five pixels is 2; infinite where neither
    is known.
    """
    across, both_across = _bend(grid.fitted, row, column, 0, 1, limits.near)
    down, both_down = _bend(grid.fitted, row, column, 1, 0, limits.near)
    if across >= FAR and down >= FAR:
        return FAR, False
    across, down = down if across >= FAR else across, across if down >= FAR else down
    return _SMOOTHED_AWAY * (across + down) / np.float32(_REACH * _REACH), both_across and both_down


@numba.njit(**KERNEL)
def pack_rows(
    first: int,
    last: int,
    grid: Any,
    limits: Any,
    keep: UInt8Array,
    starts: npt.NDArray[np.int64],
    poses: Any,
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
    poses : Poses
        Where the grid and the colour camera stand.
    out : Points
        Filled.
    """
    width = grid.inverse.shape[1]
    buffer = stack_array(_ROWS, TILE, np.float32)
    lines = stack_array(LINES, WIDE, np.float32)
    for row in range(first, last):
        at = starts[row]
        for left in range(grid.spans[row, 0] // CHUNK * CHUNK, grid.spans[row, 1], TILE):
            if at == starts[row + 1]:
                break
            n = min(TILE, grid.spans[row, 1] - left)
            kept = keep[row, left : left + n]
            some = 0
            for j in range(n):
                some |= kept[j]
            if some == 0:
                continue
            fit_tile(grid, limits, row, left, n, lines, buffer)
            _place_tile(grid, limits, row, left, n, buffer)
            if limits.smooth:
                _smooth_sigma(grid, limits, row, left, n, buffer)
            _turn_tile(n, poses, buffer)
            if poses.colour.size:
                _project_tile(n, poses.colour, buffer)
            at = _pack_tile(
                row * width + left, n, kept, poses.map_u[row, left:], poses.map_v[row, left:], buffer, at, out
            )


@numba.njit(inline="always")
def _point_sigma(sigma: Any, off: Any, variance: Any) -> Any:
    """Sigma of a measured inverse depth from that of its phase and from what the fit leaves over.

    Beside a depth edge, where neighbours are missing, the phase itself is mixed of two surfaces, and what is left over
    says how much; elsewhere it is noise, and counts only where it is far beyond.
    """
    mixed = np.sqrt((_OF_PHASE * sigma) ** 2 + (_OF_REST * off) ** 2)
    alone = off if off > np.float32(3) * sigma else sigma
    return mixed if variance > _WHOLE else alone


@numba.njit(inline="always")
def _place_tile(grid: Any, limits: Any, row: Any, left: Any, n: Any, buffer: Any) -> None:
    """Point, unit normal (both in grid coordinates) and sigma along the ray of each pixel of a fitted tile."""
    inverse, sigma = grid.inverse[row, left : left + n], grid.sigma[row, left : left + n]
    w0, slope_u, slope_v, variance = buffer[W0], buffer[SLOPE_U], buffer[SLOPE_V], buffer[VARIANCE]
    px, py, pz = buffer[_X], buffer[_Y], buffer[_Z]
    nx, ny, nz, spread = buffer[_NX], buffer[_NY], buffer[_NZ], buffer[_SPREAD]
    per_focal = _ONE / grid.focal
    start = np.float32(left) - grid.cx
    y = (np.float32(row) - grid.cy) * per_focal
    for j in range(n):
        fitted = inverse[j] + w0[j]
        x = (start + np.float32(j)) * per_focal
        # on the plane n . P = 1 the inverse depth is n . (x, y, 1); n looks away from the camera
        a, b = slope_u[j] * grid.focal, slope_v[j] * grid.focal
        c = fitted - a * x - b * y
        per = -_ONE / np.sqrt(a * a + b * b + c * c + _TINY)
        w = fitted if limits.smooth else inverse[j]
        z = _ONE / w
        spread[j] = _point_sigma(sigma[j], abs(w0[j]), variance[j]) * z * z * np.sqrt(x * x + y * y + _ONE)
        px[j], py[j], pz[j] = x * z, y * z, z
        nx[j], ny[j], nz[j] = a * per, b * per, c * per


@numba.njit(inline="always")
def _smooth_sigma(grid: Any, limits: Any, row: Any, left: Any, n: Any, buffer: Any) -> None:
    """Replace the sigma of measured points by that of the fitted ones: less noise, and what a plane cannot follow."""
    variance, spread, w0 = buffer[VARIANCE], buffer[_SPREAD], buffer[W0]
    for j in range(n):
        single = grid.sigma[row, left + j]
        misfit, all_sides = _misfit(grid, limits, row, left + j)
        if misfit >= FAR or single <= _ZERO:
            continue
        share, noise = misfit / single, _CORRELATED * variance[j]
        if all_sides:
            factor = np.sqrt(noise + share * share)
        else:
            off, share = _OFF_BESIDE * abs(w0[j]) / single, _MISFIT_BESIDE * share
            factor = np.sqrt(noise + off * off + share * share)
            factor *= single / _point_sigma(single, abs(w0[j]), variance[j])
        # with all its neighbours a fit is no less sure than the point itself
        spread[j] *= min(factor, _ONE) if variance[j] <= _WHOLE or all_sides else factor


@numba.njit(inline="always")
def _turn_tile(n: Any, poses: Any, buffer: Any) -> None:
    """Points and normals from the grid's coordinates to the rig's."""
    px, py, pz = buffer[_X], buffer[_Y], buffer[_Z]
    nx, ny, nz = buffer[_NX], buffer[_NY], buffer[_NZ]
    r, c = poses.rotation, poses.centre
    r0, r1, r2, r3, r4, r5, r6, r7, r8 = r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7], r[8]
    c0, c1, c2 = c[0], c[1], c[2]
    for j in range(n):
        x, y, z = px[j], py[j], pz[j]
        px[j], py[j] = r0 * x + r1 * y + r2 * z + c0, r3 * x + r4 * y + r5 * z + c1
        pz[j] = r6 * x + r7 * y + r8 * z + c2
        x, y, z = nx[j], ny[j], nz[j]
        nx[j], ny[j], nz[j] = r0 * x + r1 * y + r2 * z, r3 * x + r4 * y + r5 * z, r6 * x + r7 * y + r8 * z


@numba.njit(inline="always")
def _project_tile(n: Any, m: Any, buffer: Any) -> None:
    """Pixel, depth and cosine of each point in the colour camera; see `CameraModel.project` for the lens."""
    px, py, pz = buffer[_X], buffer[_Y], buffer[_Z]
    nx, ny, nz = buffer[_NX], buffer[_NY], buffer[_NZ]
    us, vs, ds, cosine = buffer[_U], buffer[_V], buffer[_DEPTH], buffer[_COSINE]
    m0, m1, m2, m3, m4, m5, m6, m7, m8 = m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8]
    t0, t1, t2, fx, skew, cx, fy, cy = m[9], m[10], m[11], m[12], m[13], m[14], m[15], m[16]
    k1, k2, q1, q2, k3 = m[17], m[18], m[19], m[20], m[21]
    e0, e1, e2 = m[22], m[23], m[24]
    for j in range(n):
        x, y, z = px[j], py[j], pz[j]
        wx, wy, wz = e0 - x, e1 - y, e2 - z
        cosine[j] = (nx[j] * wx + ny[j] * wy + nz[j] * wz) / np.sqrt(wx * wx + wy * wy + wz * wz)
        d = m6 * x + m7 * y + m8 * z + t2
        a, b = (m0 * x + m1 * y + m2 * z + t0) / d, (m3 * x + m4 * y + m5 * z + t1) / d
        rr = a * a + b * b
        radial = _ONE + rr * (k1 + rr * (k2 + rr * k3))
        u = a * radial + _TWO * q1 * a * b + q2 * (rr + _TWO * a * a)
        v = b * radial + q1 * (rr + _TWO * b * b) + _TWO * q2 * a * b
        us[j], vs[j], ds[j] = fx * u + skew * v + cx, fy * v + cy, d


@numba.njit(inline="always")
def _pack_whole(cell: Any, left: Any, map_u: Any, map_v: Any, buffer: Any, at: Any, out: Any) -> None:
    """Copy a chunk whose pixels are all kept: loops without a branch."""
    end = left + CHUNK
    px, py, pz = buffer[_X, left:end], buffer[_Y, left:end], buffer[_Z, left:end]
    nx, ny, nz, spread = buffer[_NX, left:end], buffer[_NY, left:end], buffer[_NZ, left:end], buffer[_SPREAD, left:end]
    points, normals = out.points[at : at + CHUNK], out.normals[at : at + CHUNK]
    sigma, pixels, cells = out.sigma[at : at + CHUNK], out.pixels[at : at + CHUNK], out.cells[at : at + CHUNK]
    for j in range(CHUNK):
        points[j, 0], points[j, 1], points[j, 2] = px[j], py[j], pz[j]
    for j in range(CHUNK):
        normals[j, 0], normals[j, 1], normals[j, 2] = nx[j], ny[j], nz[j]
    for j in range(CHUNK):
        sigma[j] = spread[j]
    for j in range(CHUNK):
        pixels[j, 0], pixels[j, 1] = map_u[j], map_v[j]
    for j in range(CHUNK):
        cells[j] = np.int32(cell + j)


@numba.njit(inline="always")
def _pack_some(cell: Any, left: Any, n: Any, kept: Any, map_u: Any, map_v: Any, buffer: Any, at: Any, out: Any) -> None:
    """Copy the pixels of a chunk that are kept."""
    end = left + n
    px, py, pz = buffer[_X, left:end], buffer[_Y, left:end], buffer[_Z, left:end]
    nx, ny, nz, spread = buffer[_NX, left:end], buffer[_NY, left:end], buffer[_NZ, left:end], buffer[_SPREAD, left:end]
    for j in range(n):
        if kept[j] == 0:
            continue
        out.points[at, 0], out.points[at, 1], out.points[at, 2] = px[j], py[j], pz[j]
        out.normals[at, 0], out.normals[at, 1], out.normals[at, 2] = nx[j], ny[j], nz[j]
        out.sigma[at] = spread[j]
        out.pixels[at, 0], out.pixels[at, 1] = map_u[j], map_v[j]
        out.cells[at] = cell + j
        at += 1


@numba.njit(inline="always")
def _pack_places(left: Any, n: Any, kept: Any, count: Any, buffer: Any, at: Any, places: Any) -> None:
    """Copy where the points of a chunk lie in the colour camera."""
    end = left + n
    us, vs, ds, cosine = buffer[_U, left:end], buffer[_V, left:end], buffer[_DEPTH, left:end], buffer[_COSINE, left:end]
    if count == CHUNK:
        to = at + CHUNK
        out_u, out_v, out_d, out_cosine = places[0, at:to], places[1, at:to], places[2, at:to], places[3, at:to]
        for j in range(CHUNK):
            out_u[j] = us[j]
        for j in range(CHUNK):
            out_v[j] = vs[j]
        for j in range(CHUNK):
            out_d[j] = ds[j]
        for j in range(CHUNK):
            out_cosine[j] = cosine[j]
        return
    for j in range(n):
        if kept[j] == 0:
            continue
        places[0, at], places[1, at], places[2, at], places[3, at] = us[j], vs[j], ds[j], cosine[j]
        at += 1


@numba.njit(inline="always")
def _pack_tile(cell: Any, n: Any, kept: Any, map_u: Any, map_v: Any, buffer: Any, at: Any, out: Any) -> Any:
    """Copy the pixels of a tile that are kept behind those that are there; return how many there are then."""
    coloured = out.places.size > 0
    for left in range(0, n, CHUNK):
        m = min(CHUNK, n - left)
        stay = kept[left : left + m]
        count = 0
        for j in range(m):
            count += stay[j]
        if count == CHUNK:
            _pack_whole(cell + left, left, map_u[left:], map_v[left:], buffer, at, out)
        elif count > 0:
            _pack_some(cell + left, left, m, stay, map_u[left:], map_v[left:], buffer, at, out)
        if coloured and count > 0:
            _pack_places(left, m, stay, count, buffer, at, out.places)
        at += count
    return at
