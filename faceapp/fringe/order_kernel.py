"""The compiled passes that find the fringe order of regions: the projector proposes, the second camera chooses.

A pixel of the first camera may lie in any fringe whose light plane its ray meets within the depth range. Each is a
point; where the second camera sees that point it must find the same wrapped phase.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.frames import KNOWN_ABOVE, LIT
from faceapp.fringe.phase_kernel import BLOCK, FAST
from faceapp.fringe.spatial_unwrapping import NO_REGION

SHIFTS = 512
"""Whole fringes that a region's orders may be moved by, half of them down."""

NOWHERE = -1
"""Place in the second picture of a pixel that failed."""

_KNOWN, _LIT, _HALF, _ONE = np.float32(KNOWN_ABOVE), np.float32(LIT), np.float32(0.5), np.float32(1)
_SAMPLES = 1500
_CELL = 8
_FX, _SKEW, _CX, _FY, _CY, _K1, _K2, _P1, _P2, _K3 = range(10)


class ThreeViews(NamedTuple):
    """Two cameras and the projector between them, seen from the first camera.

    Parameters
    ----------
    rays : (H, W, 2) float32
        Ideal image coordinates of each pixel of the first camera.
    near, far : float
        Depth range along the first camera's z, mm.
    frequency : float
        Fringes across the field.
    field : float
        Projector pixels along the axis of the fringes; ``x field`` is a pixel.
    along_v : bool
        Whether the axis of the fringes is v.
    rounds : int
        How often to aim at a column of the projector: once where its lens does not bend.
    tolerance : float
        Cycles by which the wrapped phases of the cameras may differ.
    to_projector, to_second : (3, 4) float64
        Rotation and translation out of the first camera's frame.
    projector, second : (10,) float64
        ``fx skew cx fy cy k1 k2 p1 p2 k3``.
    """

    rays: Float32Array
    near: float
    far: float
    frequency: float
    field: float
    along_v: bool
    rounds: int
    tolerance: float
    to_projector: FloatArray
    to_second: FloatArray
    projector: FloatArray
    second: FloatArray


@numba.njit(inline="always")
def pixel_of(x: Any, y: Any, z: Any, pose: Any, lens: Any) -> Any:
    """Return the pixel of a point, and the depth, in the view that the pose leads to."""
    px = pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * z + pose[0, 3]
    py = pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * z + pose[1, 3]
    pz = pose[2, 0] * x + pose[2, 1] * y + pose[2, 2] * z + pose[2, 3]
    ideal_x, ideal_y = px / pz, py / pz
    r2 = ideal_x * ideal_x + ideal_y * ideal_y
    radial = 1 + r2 * (lens[_K1] + r2 * (lens[_K2] + r2 * lens[_K3]))
    xd = ideal_x * radial + 2 * lens[_P1] * ideal_x * ideal_y + lens[_P2] * (r2 + 2 * ideal_x * ideal_x)
    yd = ideal_y * radial + lens[_P1] * (r2 + 2 * ideal_y * ideal_y) + 2 * lens[_P2] * ideal_x * ideal_y
    return lens[_FX] * xd + lens[_SKEW] * yd + lens[_CX], lens[_FY] * yd + lens[_CY], pz


@numba.njit(inline="always")
def _column(x: Any, y: Any, z: Any, views: Any) -> Any:
    """Return the projector's pixel along the fringes' axis at a depth of a ray; NaN behind the projector."""
    u, v, depth = pixel_of(x * z, y * z, z, views.to_projector, views.projector)
    return (v if views.along_v else u) if depth > 0 else np.nan


@numba.njit(inline="always")
def depth_at(x: Any, y: Any, wanted: Any, views: Any) -> Any:
    """Return the depth at which a ray meets a column of the projector; 0 where it does not.

    The lens is undone by aiming again at where an ideal projector would have to, which converges fast.
    """
    pose, lens = views.to_projector, views.projector
    axis = 1 if views.along_v else 0
    focal, centre = (lens[_FY], lens[_CY]) if views.along_v else (lens[_FX], lens[_CX])
    along = pose[axis, 0] * x + pose[axis, 1] * y + pose[axis, 2]
    forward = pose[2, 0] * x + pose[2, 1] * y + pose[2, 2]
    aim = (wanted - centre) / focal
    z = 0.0
    for i in range(views.rounds):
        below = along - aim * forward
        if below == 0:
            return 0.0
        z = (aim * pose[2, 3] - pose[axis, 3]) / below
        if not z > 0:
            return 0.0
        if i == views.rounds - 1:
            break
        miss = wanted - _column(x, y, z, views)
        if not abs(miss) > 0.01:
            break
        aim += miss / focal
    return z


@numba.njit(inline="always")
def cycles_at(position: Any, frequency: Any, u: Any, v: Any) -> Any:
    """Return the phase between four pixels, cycles up to a whole number; NaN where they are not of one surface."""
    height, width = position.shape
    if not (u >= 0 and v >= 0 and u < width - 1 and v < height - 1):
        return np.nan
    iu, iv = int(u), int(v)
    p, q = u - iu, v - iv
    a = position[iv, iu]
    b, c, d = position[iv, iu + 1], position[iv + 1, iu], position[iv + 1, iu + 1]
    if min(min(a, b), min(c, d)) <= _KNOWN:
        return np.nan
    a, b, c, d = a * frequency, b * frequency, c * frequency, d * frequency
    b -= a + np.rint(b - a)
    c -= a + np.rint(c - a)
    d -= a + np.rint(d - a)
    if max(max(abs(b), abs(c)), abs(d)) > 0.45:
        return np.nan
    return a + (1 - q) * p * b + q * ((1 - p) * c + p * d)


@numba.njit(inline="always")
def _orders(x: Any, y: Any, cycles: Any, views: Any) -> Any:
    """Return the lowest and highest order whose light a ray meets within the depth range."""
    one = _column(x, y, views.near, views) / views.field
    two = _column(x, y, views.far, views) / views.field
    if not (np.isfinite(one) and np.isfinite(two)):
        return 0, -1
    low, high = max(min(one, two), 0.0), min(max(one, two), 1.0)
    return int(np.ceil(low * views.frequency - cycles)), int(np.floor(high * views.frequency - cycles))


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def vote_orders(
    first: Float32Array,
    second: Float32Array,
    labels: npt.NDArray[np.int32],
    order: npt.NDArray[np.int16],
    sizes: npt.NDArray[np.int32],
    views: Any,
    seen: npt.NDArray[np.int32],
    agreeing: npt.NDArray[np.int32],
) -> None:
    """Count, for each region and each whole number of fringes, on how many pixels the second camera agrees.

    Parameters
    ----------
    first, second : (H, W) float32
        Fraction of a fringe over the frequency, of both cameras.
    labels, order : (H, W)
        From `faceapp.fringe.spatial_unwrapping.unwrap_regions`.
    sizes : (R,) int32
        Pixels of each region; a large one is sampled.
    views : ThreeViews
        Geometry.
    seen, agreeing : (R, SHIFTS) int32
        Added to: pixels whose point the second camera sees lit, and those of them where its phase is the same.
    """
    frequency = np.float32(views.frequency)
    strides = np.empty(len(sizes), np.int32)
    for region in range(len(sizes)):
        strides[region] = max(int(np.sqrt(sizes[region] / _SAMPLES)), 1)
    for row in range(len(first)):
        for j in range(first.shape[1]):
            region = labels[row, j]
            if region == NO_REGION or row % strides[region] or j % strides[region]:
                continue
            cycles = first[row, j] * frequency
            x, y = float(views.rays[row, j, 0]), float(views.rays[row, j, 1])
            low, high = _orders(x, y, cycles, views)
            for k in range(low, high + 1):
                shift = k - order[row, j] + SHIFTS // 2
                if shift < 0 or shift >= SHIFTS:
                    continue
                z = depth_at(x, y, (k + cycles) / views.frequency * views.field, views)
                if not (z >= views.near and z <= views.far):
                    continue
                u, v, depth = pixel_of(x * z, y * z, z, views.to_second, views.second)
                other = cycles_at(second, frequency, u, v) if depth > 0 else np.nan
                if np.isnan(other):
                    continue
                miss = other - cycles
                seen[region, shift] += 1
                agreeing[region, shift] += abs(miss - np.rint(miss)) <= views.tolerance


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def check_orders(
    first_row: int,
    last_row: int,
    first: Float32Array,
    second: Float32Array,
    labels: npt.NDArray[np.int32],
    order: npt.NDArray[np.int16],
    shifts: npt.NDArray[np.int32],
    views: Any,
    places: npt.NDArray[np.int32],
    misses: Float32Array,
) -> None:
    """Find, for each pixel of a region whose order is known, its place in the second picture if that agrees.

    Parameters
    ----------
    first_row, last_row : int
        Rows of the first picture.
    first, second, labels, order, views
        As in `vote_orders`.
    shifts : (R,) int32
        Whole fringes to add to each region's orders; ``SHIFTS`` is not known.
    places : (H, W) int32
        Out: ``row * width + column`` of the upper left of the four pixels that see the point; `NOWHERE` where the
        second camera disagrees. Other pixels are left as they are.
    misses : (H, W) float32
        Out: cycles by which it disagrees, where it agrees.
    """
    frequency = np.float32(views.frequency)
    width = second.shape[1]
    for row in range(first_row, last_row):
        for j in range(first.shape[1]):
            region = labels[row, j]
            if region == NO_REGION:
                continue
            places[row, j] = NOWHERE
            if shifts[region] == SHIFTS:
                continue
            cycles = first[row, j] * frequency
            x, y = float(views.rays[row, j, 0]), float(views.rays[row, j, 1])
            z = depth_at(x, y, (shifts[region] + order[row, j] + cycles) / views.frequency * views.field, views)
            if not (z >= views.near and z <= views.far):
                continue
            u, v, depth = pixel_of(x * z, y * z, z, views.to_second, views.second)
            other = cycles_at(second, frequency, u, v) if depth > 0 else np.nan
            miss = other - cycles
            miss -= np.rint(miss)
            if abs(miss) <= views.tolerance:
                places[row, j] = int(v) * width + int(u)
                misses[row, j] = miss


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def drop_lonely(
    labels: npt.NDArray[np.int32],
    places: npt.NDArray[np.int32],
    least: float,
    open_pixels: npt.NDArray[np.uint8],
    failed: npt.NDArray[np.uint8],
) -> int:
    """Take back what agreed by chance: cells of 8 x 8 pixels in which too few pixels of the regions agree.

    Parameters
    ----------
    labels : (H, W) int32
        Regions that were looked at.
    places : (H, W) int32
        From `check_orders`; set to `NOWHERE` in such cells.
    least : float
        Share of a cell's pixels that must agree.
    open_pixels : (H, W) uint8
        Out: 1 where a pixel of a region has no order now, else 0.
    failed : (H, W) uint8
        Out: 1 where there is no order now, in a region or not.

    Returns
    -------
    int
        How many are open.
    """
    height, width = labels.shape
    total = 0
    for top in range(0, height, _CELL):
        for left in range(0, width, _CELL):
            bottom, right = min(top + _CELL, height), min(left + _CELL, width)
            looked, agreeing = 0, 0
            for row in range(top, bottom):
                for j in range(left, right):
                    if labels[row, j] != NO_REGION:
                        looked += 1
                        agreeing += places[row, j] != NOWHERE
            keep = agreeing >= least * looked
            for row in range(top, bottom):
                for j in range(left, right):
                    open_pixels[row, j] = 0
                    failed[row, j] = 1
                    if labels[row, j] == NO_REGION:
                        continue
                    if not keep:
                        places[row, j] = NOWHERE
                    if places[row, j] == NOWHERE:
                        open_pixels[row, j] = 1
                        total += 1
                    else:
                        failed[row, j] = 0
    return total


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def drop_small_parts(
    labels: npt.NDArray[np.int32],
    sizes: npt.NDArray[np.int32],
    parts: npt.NDArray[np.int32],
    part_sizes: npt.NDArray[np.int32],
    least: float,
    places: npt.NDArray[np.int32],
    open_pixels: npt.NDArray[np.uint8],
) -> int:
    """Take back the parts of a region that only agree because they are flat, behind an edge that was bridged.

    Parameters
    ----------
    labels, sizes
        Regions that were looked at and their pixels.
    parts, part_sizes
        Regions of the pixels that agree, by themselves.
    least : float
        Share of its region below which a part is taken back.
    places, open_pixels
        As in `drop_lonely`; changed.

    Returns
    -------
    int
        How many are open now.
    """
    total = 0
    for row in range(len(labels)):
        for j in range(labels.shape[1]):
            region = labels[row, j]
            if region == NO_REGION:
                continue
            part = parts[row, j]
            if part == NO_REGION or part_sizes[part] < least * sizes[region]:
                places[row, j] = NOWHERE
                open_pixels[row, j] = 1
            total += open_pixels[row, j]
    return total


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def set_orders(
    labels: npt.NDArray[np.int32],
    order: npt.NDArray[np.int16],
    shifts: npt.NDArray[np.int32],
    places: npt.NDArray[np.int32],
    first: Float32Array,
    second: Float32Array,
    frequency: np.float32,
    found: npt.NDArray[np.int16],
    found_second: npt.NDArray[np.int16],
    unset: int,
    clash: int,
) -> None:
    """Write the orders of the pixels that agree, and with them those of the four pixels of the second camera.

    Parameters
    ----------
    labels, order, shifts, places, first, second
        As above; pixels that agree are written, others left as they are.
    frequency : float32
        Fringes across the field.
    found, found_second : (H, W) int16
        Orders of both cameras.
    unset, clash : int
        Of the second camera: not yet known; told differently by two surfaces.
    """
    flat, flat_second = found_second.ravel(), second.ravel()
    width = second.shape[1]
    for row in range(len(labels)):
        for j in range(labels.shape[1]):
            if labels[row, j] == NO_REGION or places[row, j] == NOWHERE:
                continue
            own = shifts[labels[row, j]] + order[row, j]
            found[row, j] = own
            here = own + first[row, j] * frequency
            for corner in range(4):
                place = places[row, j] + (corner & 1) + (corner >> 1) * width
                told = np.int16(np.rint(here - flat_second[place] * frequency))
                if flat[place] == unset:
                    flat[place] = told
                elif flat[place] != told:
                    flat[place] = clash


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def hand_out(
    position: Float32Array,
    order: npt.NDArray[np.int16],
    lowest: int,
    frequency: np.float32,
    misses: Float32Array,
    out: Float32Array,
    blocks: Float32Array,
) -> None:
    """Write positions and the sums of their blocks.

    Parameters
    ----------
    position : (H, W) float32
        Fraction of a fringe over the frequency.
    order : (H, W) int16
        Whole fringes; below ``lowest`` is not known.
    lowest : int
        Lowest order that is one.
    frequency : float32
        Fringes across the field.
    misses : (H, W) float32 or (0, 0)
        Disagreement with the other camera, cycles, where there is an order.
    out : (H, W) float32
        Out: see `faceapp.core.frames.PhaseMap`.
    blocks : (h, w, 3) float32
        Added to: see `faceapp.core.frames.PhaseMap`; the second sum stays, for one frequency tells of no motion.
    """
    per = _ONE / frequency
    for row in range(len(position)):
        for j in range(position.shape[1]):
            here = position[row, j]
            if here <= _KNOWN:
                out[row, j] = here
                continue
            if order[row, j] < lowest:
                cycles = here * frequency
                out[row, j] = _LIT - (cycles - _ONE if cycles >= _HALF else cycles)
                continue
            out[row, j] = here + np.float32(order[row, j]) * per
            cell = blocks[row // BLOCK, j // BLOCK]
            cell[0] += _ONE
            if misses.size:
                cell[2] += misses[row, j] * misses[row, j]
