"""The compiled passes that find the fringe order of regions: the projector proposes, the second camera chooses.

A pixel of the first camera may lie in any fringe whose light plane its ray meets within the depth range. Each is a
point; where the second camera sees that point it must find the same wrapped phase.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array
from faceapp.core.frames import KNOWN_ABOVE, LIT
from faceapp.fringe.phase_kernel import BLOCK, FAST
from faceapp.fringe.spatial_unwrapping import NO_REGION
from faceapp.fringe.three_views import column_of, cycles_at, depth_at, pixel_of

SHIFTS = 512
"""Whole fringes that a region's orders may be moved by, half of them down."""

NOWHERE = -1
"""Place in the second picture of a pixel that failed."""

_KNOWN, _LIT, _HALF, _ONE = np.float32(KNOWN_ABOVE), np.float32(LIT), np.float32(0.5), np.float32(1)
_SAMPLES = 1500
_CELL = 8


@numba.njit(inline="always")
def _orders(x: Any, y: Any, cycles: Any, views: Any) -> Any:
    """Return the lowest and highest order whose light a ray meets within the depth range."""
    one = column_of(x, y, views.near, views) / views.field
    two = column_of(x, y, views.far, views) / views.field
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
