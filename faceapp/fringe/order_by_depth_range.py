"""Fringe orders of two cameras alone, where the depth range is so narrow that only one can be meant.

Nobody says which fringe of the projector a pixel sees, but that does not matter: a point has the same number in both
cameras, whatever it is. Regions of continuous phase of the two cameras are tied to one another by the pixels that see
the same phase within the depth range, and each set of tied regions gets numbers of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TypeAlias

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.errors import SequenceError
from faceapp.core.frames import PhaseMap
from faceapp.fringe.order_kernel import hand_out
from faceapp.fringe.phase_kernel import FAST
from faceapp.fringe.spatial_unwrapping import NO_REGION, unwrap_regions
from faceapp.fringe.three_views import cycles_at, pixel_of

Tie: TypeAlias = tuple[int, int, int]
"""Region of the first camera, region of the second, whole fringes to add to the second's orders."""

_SMALLEST = 0.0004
_MOST_AMBIGUOUS = 0.02
_STRIDE = 2
_FEWEST_VOTES = 10
_LOWEST = 0


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def find_ties(
    first: Float32Array,
    second: Float32Array,
    labels: tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]],
    orders: tuple[npt.NDArray[np.int16], npt.NDArray[np.int16]],
    rays: Float32Array,
    to_second: FloatArray,
    lens: FloatArray,
    frequency: np.float32,
    near: float,
    far: float,
    stride: int,
) -> tuple[npt.NDArray[np.int32], int, int]:
    """Look for the phase of pixels of the first camera along their epipolar lines, within the depth range.

    Parameters
    ----------
    first, second : (H, W) float32
        Fraction of a fringe over the frequency.
    labels, orders : pairs of (H, W)
        From `unwrap_regions`, of both.
    rays : (H, W, 2) float32
        Ideal image coordinates of the first camera's pixels.
    to_second, lens : (3, 4) and (10,) float64
        See `faceapp.fringe.three_views.ThreeViews`.
    frequency : float32
        Fringes across the field.
    near, far : float
        Along the first camera's z, mm.
    stride : int
        Every so many rows and columns are looked at.

    Returns
    -------
    (N, 3) int32, int, int
        A `Tie` for each pixel that finds its phase once; how many find it at all, and how many more than once.
    """
    height, width = first.shape
    ties = np.empty(((height // stride + 1) * (width // stride + 1), 3), np.int32)
    count, found_any, found_more = 0, 0, 0
    for row in range(0, height, stride):
        for j in range(0, width, stride):
            region = labels[0][row, j]
            if region == NO_REGION:
                continue
            cycles = first[row, j] * frequency
            x, y = float(rays[row, j, 0]), float(rays[row, j, 1])
            u0, v0, d0 = pixel_of(x * near, y * near, near, to_second, lens)
            u1, v1, d1 = pixel_of(x * far, y * far, far, to_second, lens)
            if not (d0 > 0 and d1 > 0):
                continue
            steps = int(np.hypot(u1 - u0, v1 - v0)) + 1
            hits, last = 0, np.nan
            for i in range(steps + 1):
                z = 1 / (1 / near + (1 / far - 1 / near) * i / steps)
                u, v, _ = pixel_of(x * z, y * z, z, to_second, lens)
                other = cycles_at(second, frequency, u, v)
                miss = other - cycles
                miss -= np.rint(miss)
                if not np.isnan(last) and not np.isnan(miss) and abs(miss) < 0.4 and abs(last) < 0.4:
                    iu, iv = int(u + 0.5), int(v + 0.5)
                    if (last < 0) != (miss < 0) and labels[1][iv, iu] != NO_REGION:
                        here = second[iv, iu] * frequency + orders[1][iv, iu]
                        ties[count, 0], ties[count, 1] = region, labels[1][iv, iu]
                        ties[count, 2] = int(np.rint(orders[0][row, j] + cycles - here))
                        hits += 1
                last = miss
            found_any += hits > 0
            found_more += hits > 1
            count += hits == 1
    return ties[:count].copy(), found_any, found_more


def order_pair(
    wrapped: tuple[PhaseMap, PhaseMap],
    rays: Float32Array,
    to_second: FloatArray,
    lens: FloatArray,
    depth_range: tuple[float, float],
) -> tuple[PhaseMap, PhaseMap]:
    """Return the positions of two cameras, in a field of their own.

    Parameters
    ----------
    wrapped : pair of PhaseMap
        From `faceapp.fringe.demodulation.decode_wrapped_phase`.
    rays, to_second, lens
        As in `find_ties`.
    depth_range : pair of float
        Along the first camera's z, mm. Points outside of it may come out and are to be dropped.

    Returns
    -------
    pair of PhaseMap
        Their frequency is how many fringes all regions have together; equal positions are the same point.

    Raises
    ------
    SequenceError
        More than one order lies within the depth range.
    """
    frequency = np.float32(wrapped[0].frequency)
    labels, orders = [], []
    for phase in wrapped:
        shape = phase.position.shape
        labels.append(np.empty(shape, np.int32))
        orders.append(np.empty(shape, np.int16))
        smallest = max(round(_SMALLEST * phase.position.size), 20)
        unwrap_regions(phase.position, frequency, np.zeros(shape, np.uint8), smallest, labels[-1], orders[-1])
    ties, found, ambiguous = find_ties(
        wrapped[0].position,
        wrapped[1].position,
        (labels[0], labels[1]),
        (orders[0], orders[1]),
        rays,
        to_second,
        lens,
        frequency,
        float(depth_range[0]),
        float(depth_range[1]),
        _STRIDE,
    )
    if ambiguous > _MOST_AMBIGUOUS * max(found, 1):
        raise SequenceError(
            f"the sequence cannot be unwrapped: {ambiguous / found:.0%} of the pixels find their phase more than once "
            f"between {depth_range[0]:g} and {depth_range[1]:g} mm. Narrow the depth range, or calibrate the projector"
        )
    absolute, total = _number(ties, labels, orders)
    return _in_field(wrapped[0], absolute[0], total), _in_field(wrapped[1], absolute[1], total)


def _number(
    ties: npt.NDArray[np.int32], labels: list[npt.NDArray[np.int32]], orders: list[npt.NDArray[np.int16]]
) -> tuple[list[npt.NDArray[np.int16]], int]:
    """Give each set of tied regions orders of its own from 0; return those of both cameras, and how many there are."""
    absolute = [np.full(o.shape, -1, np.int16) for o in orders]
    total = 0
    for members in _tied_sets(ties):
        pixels = [(camera, labels[camera] == region, shift) for camera, region, shift in members]
        low = min(int(orders[c][at].min()) + shift for c, at, shift in pixels)
        high = max(int(orders[c][at].max()) + shift for c, at, shift in pixels)
        for camera, at, shift in pixels:
            absolute[camera][at] = orders[camera][at] + np.int16(shift + total - low)
        total += high - low + 2
    return absolute, max(total, 1)


def _tied_sets(ties: npt.NDArray[np.int32]) -> list[list[tuple[int, int, int]]]:
    """Return the sets of regions that hang together (camera, region, whole fringes to add); surest ties first."""
    if not len(ties):
        return []
    kinds, votes = np.unique(ties, axis=0, return_counts=True)
    kinds = kinds[np.argsort(-votes)][: np.count_nonzero(votes >= _FEWEST_VOTES)]
    home: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
    shift: dict[tuple[int, int], int] = {}
    for one, two, add in kinds.tolist():
        a, b = (0, one), (1, two)
        for node in (a, b):
            if node not in home:
                home[node], shift[node] = [(*node, 0)], 0
        if home[a] is home[b]:
            continue  # tied already by surer pixels
        move = shift[a] + add - shift[b]
        moved = [(c, r, s + move) for c, r, s in home[b]]
        home[a].extend(moved)
        for c, r, s in moved:
            home[c, r], shift[c, r] = home[a], s
    return list({id(members): members for members in home.values()}.values())


def _in_field(phase: PhaseMap, order: npt.NDArray[np.int16], total: int) -> PhaseMap:
    position, blocks = np.empty_like(phase.position), np.zeros_like(phase.blocks)
    hand_out(
        phase.position, order, _LOWEST, np.float32(phase.frequency), np.zeros((0, 0), np.float32), position, blocks
    )
    scale = np.float32(phase.frequency / total)
    np.multiply(position, scale, out=position, where=order >= _LOWEST)
    return replace(
        phase, frequency=float(total), position=position, variance=phase.variance * scale * scale, blocks=blocks
    )
