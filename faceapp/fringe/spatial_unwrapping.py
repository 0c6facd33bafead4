"""Regions of continuous phase in one wrapped phase map: inside of each only one whole number stays open.

Stretches of a row without a break are joined with those of the row above. A phase says nothing of a jump by whole
fringes, so a depth edge may be bridged here and there; who gives the regions their order must look at every pixel.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array
from faceapp.core.frames import KNOWN_ABOVE
from faceapp.fringe.phase_kernel import FAST

NO_REGION = -1
"""Label of a pixel in no region."""

_KNOWN = np.float32(KNOWN_ABOVE)

_LONGEST_STEP = np.float32(0.35)
"""Cycles between neighbours on one surface; beyond, the sign of the step is a guess."""

_MOST_BEND = np.float32(0.12)
"""Cycles by which a step may differ from the one before: a surface bends slowly, a depth edge breaks."""

_FEWEST_SHARED = 3
_AGREEING = 0.9


@numba.njit(inline="always")
def _step(a: Any, b: Any) -> Any:
    """Return the shortest way from a to b, cycles."""
    d = b - a
    return d - np.floor(d + np.float32(0.5))


@numba.njit(inline="always")
def _root(parent: Any, offset: Any, run: Any) -> Any:
    """Return the root of a run and the whole fringes of the run above it, with the path made shorter."""
    total = 0
    node = run
    while parent[node] != node:
        above = parent[node]
        if parent[above] != above:
            offset[node] += offset[above]
            parent[node] = parent[above]
        total += offset[node]
        node = parent[node]
    return node, total


@numba.njit(inline="always")
def _split_row(line: Any, frequency: Any, skip: Any, row_runs: Any, order: Any, begin: Any, end: Any, runs: Any) -> int:
    """Cut a row into runs without a break; return how many runs there are now."""
    previous, last_step = np.float32(0), np.float32(0)
    inside = False
    for j in range(len(line)):
        row_runs[j] = NO_REGION
        if line[j] <= _KNOWN or skip[j] != 0:
            inside = False
            continue
        cycles = line[j] * frequency
        step = _step(previous, cycles)
        fresh = not inside or begin[runs - 1] == j - 1
        if inside and abs(step) <= _LONGEST_STEP and (fresh or abs(step - last_step) <= _MOST_BEND):
            order[j] = order[j - 1] + np.int16(np.rint(previous + step - cycles))
        else:
            begin[runs] = j
            order[j] = 0
            runs += 1
            inside = True
        end[runs - 1] = j + 1
        row_runs[j] = runs - 1
        previous, last_step = cycles, step
    return runs


@numba.njit(inline="always")
def _shared_order(above: Any, below: Any, order_above: Any, order: Any, frequency: Any, first: Any, last: Any) -> Any:
    """Return the whole fringes to add to the lower run, and whether nearly all pixels between say the same."""
    found, votes, count, agreeing = 0, 0, 0, 0
    for sweep in range(2):
        for j in range(first, last):
            a, b = above[j] * frequency, below[j] * frequency
            step = _step(a, b)
            if abs(step) > _LONGEST_STEP:
                continue
            add = int(order_above[j]) + int(np.rint(a + step - b)) - int(order[j])
            if sweep == 1:
                agreeing += add == found
            else:
                count += 1
                if votes == 0:
                    found = add
                votes += 1 if add == found else -1
    return found, count >= _FEWEST_SHARED and agreeing >= _AGREEING * (last - first)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def unwrap_regions(
    position: Float32Array,
    frequency: np.float32,
    skip: npt.NDArray[np.uint8],
    smallest: int,
    labels: npt.NDArray[np.int32],
    order: npt.NDArray[np.int16],
) -> npt.NDArray[np.int32]:
    """Find the regions of continuous phase.

    Parameters
    ----------
    position : (H, W) float32
        Fraction of a fringe over ``frequency``; pixels not above `faceapp.core.frames.KNOWN_ABOVE` have none.
    frequency : float32
        Fringes across the field.
    skip : (H, W) uint8
        Not zero: leave the pixel out.
    smallest : int
        Pixels of the smallest region that counts.
    labels : (H, W) int32
        Out: region of each pixel, from 0; `NO_REGION` is none.
    order : (H, W) int16
        Out: whole fringes within the region, up to one number that it has in common.

    Returns
    -------
    (R,) int32
        Pixels of each region.
    """
    height, width = position.shape
    capacity = height * width  # where every step is too long each pixel is a run
    begin, end = np.empty(capacity, np.int32), np.empty(capacity, np.int32)
    parent, offset = np.empty(capacity, np.int32), np.zeros(capacity, np.int32)
    size = np.zeros(capacity, np.int32)
    runs = 0
    above_first = 0
    for row in range(height):
        first = runs
        runs = _split_row(position[row], frequency, skip[row], labels[row], order[row], begin, end, runs)
        above, above_last = above_first, first
        for run in range(first, runs):
            parent[run] = run
            size[run] = end[run] - begin[run]
            while above < above_last and end[above] <= begin[run]:
                above += 1
            other = above
            while other < above_last and begin[other] < end[run]:
                low, high = max(begin[run], begin[other]), min(end[run], end[other])
                add, sure = _shared_order(
                    position[row - 1], position[row], order[row - 1], order[row], frequency, low, high
                )
                if sure:
                    a, a_offset = _root(parent, offset, other)
                    b, b_offset = _root(parent, offset, run)
                    if a != b:
                        # order of run + b_offset + offset[b] must be that of other + a_offset, seen through add
                        parent[b] = a
                        offset[b] = a_offset + add - b_offset
                        size[a] += size[b]
                other += 1
        above_first = first
    return _number_regions(labels, order, parent, offset, size, runs, smallest)


@numba.njit(inline="always")
def _number_regions(labels: Any, order: Any, parent: Any, offset: Any, size: Any, runs: Any, smallest: Any) -> Any:
    """Turn runs into regions that are large enough, numbered in the order of their roots; return their sizes."""
    number = np.full(runs + 1, NO_REGION, np.int32)
    sizes = np.empty(runs + 1, np.int32)
    regions = 0
    for run in range(runs):
        if parent[run] == run and size[run] >= smallest:
            number[run] = regions
            sizes[regions] = size[run]
            regions += 1
    for row in range(len(labels)):
        line, orders = labels[row], order[row]
        last, region, add = NO_REGION, NO_REGION, 0
        for j in range(len(line)):
            run = line[j]
            if run == NO_REGION:
                continue
            if run != last:
                root, add = _root(parent, offset, run)
                region, last = number[root], run
            line[j] = region
            orders[j] += np.int16(add)
    return sizes[:regions].copy()
