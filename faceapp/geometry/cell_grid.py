"""Points sorted into the cells of a sparse lattice: neighbour searches of many points at once, in compiled code."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError

Int64Array = npt.NDArray[np.int64]

_MOST_CELLS = 2**62


class CellGrid(NamedTuple):
    """Occupied cells of a lattice, in the order of their keys, and which points lie in each.

    Parameters
    ----------
    origin : (3,) float64
        Corner of the cell (0, 0, 0), mm.
    size : float
        Side of a cell, mm.
    extent : (3,) int64
        Cells along each axis; the key of (i, j, k) is ``(i * extent[1] + j) * extent[2] + k``.
    keys : (C,) int64
        Of the occupied cells, ascending.
    start : (C + 1,) int64
        Points ``order[start[c] : start[c + 1]]`` lie in cell c.
    table : (T,) int32
        Open hash table of the cells; -1 is empty.
    order : (N,) int64
        Points by cell.
    """

    origin: FloatArray
    size: float
    extent: Int64Array
    keys: Int64Array
    start: Int64Array
    table: npt.NDArray[np.int32]
    order: Int64Array


def cell_grid(points: npt.ArrayLike, size: float) -> CellGrid:
    """Sort points into cells.

    Parameters
    ----------
    points : (N, 3) array_like
        mm, finite.
    size : float
        Side of a cell, mm.

    Raises
    ------
    DataError
        There are no points, one is not finite, or they lie too far apart for cells of that size.
    """
    p = np.ascontiguousarray(points)
    if not len(p):
        raise DataError("there are no points to sort into cells")
    low, high, finite = _bounds(p)
    if not finite:
        raise DataError("a point is not finite; drop such points first")
    # Three empty cells on each side, so that a neighbour's key never wraps into another row.
    origin = low - 3 * size
    extent = np.floor((high - origin) / size).astype(np.int64) + 4
    if float(np.prod(extent.astype(np.float64))) > _MOST_CELLS:
        raise DataError(f"the points spread over {high - low} mm, too far for cells of {size:g} mm")
    raw = _point_keys(p, origin, size, extent)
    order = np.argsort(raw, kind="stable")
    keys, start = _runs(raw, order)
    return CellGrid(origin, float(size), extent, keys, start, hash_table(keys), order)


@numba.njit(cache=True, nogil=True)
def _bounds(points: Any) -> Any:
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    finite = True
    for i in range(len(points)):
        for k in range(3):
            low[k] = min(low[k], points[i, k])
            high[k] = max(high[k], points[i, k])
            finite &= np.isfinite(points[i, k])
    return low, high, finite


@numba.njit(cache=True, nogil=True)
def _point_keys(points: Any, origin: FloatArray, size: float, extent: Int64Array) -> Int64Array:
    keys = np.empty(len(points), np.int64)
    for i in range(len(points)):
        x = np.int64(np.floor((points[i, 0] - origin[0]) / size))
        y = np.int64(np.floor((points[i, 1] - origin[1]) / size))
        z = np.int64(np.floor((points[i, 2] - origin[2]) / size))
        keys[i] = (x * extent[1] + y) * extent[2] + z
    return keys


@numba.njit(cache=True, nogil=True)
def _runs(raw: Int64Array, order: Int64Array) -> Any:
    keys = np.empty(len(raw), np.int64)
    start = np.empty(len(raw) + 1, np.int64)
    count = 0
    for i in range(len(order)):
        key = raw[order[i]]
        if count == 0 or keys[count - 1] != key:
            keys[count] = key
            start[count] = i
            count += 1
    start[count] = len(order)
    return keys[:count].copy(), start[: count + 1].copy()


@numba.njit(cache=True, nogil=True, inline="always")
def _slot(key: int, mask: int) -> int:
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    return np.int64(mixed >> np.uint64(20)) & mask  # type: ignore[return-value]  # numba wants the cast


@numba.njit(cache=True, nogil=True)
def hash_table(keys: Int64Array) -> npt.NDArray[np.int32]:
    """Return a table in which `find_key` looks up the place of a key among unique keys."""
    size = 16
    while size < 3 * len(keys):
        size *= 2
    table = np.full(size, -1, np.int32)
    mask = size - 1
    for i in range(len(keys)):
        slot = _slot(keys[i], mask)
        while table[slot] >= 0:
            slot = (slot + 1) & mask
        table[slot] = i
    return table


@numba.njit(cache=True, nogil=True)
def find_key(key: int, keys: Int64Array, table: npt.NDArray[np.int32]) -> int:
    """Return the place of a key, or -1."""
    mask = len(table) - 1
    slot = _slot(key, mask)
    while table[slot] >= 0:
        if keys[table[slot]] == key:
            return np.int64(table[slot])  # type: ignore[return-value]
        slot = (slot + 1) & mask
    return -1


@numba.njit(cache=True, nogil=True)
def point_runs(grid: CellGrid, x: float, y: float, z: float, runs: Int64Array) -> int:
    """Find the runs of sorted points in the 27 cells round a position.

    Cells along the last axis follow each other, so there are nine runs at most.

    Parameters
    ----------
    grid : CellGrid
        The points.
    x, y, z : float
        Position, mm.
    runs : (9, 2) int64
        Filled with first and last + 1 of each run.

    Returns
    -------
    int
        How many runs there are.
    """
    i = np.int64(np.floor((x - grid.origin[0]) / grid.size))
    j = np.int64(np.floor((y - grid.origin[1]) / grid.size))
    k = np.int64(np.floor((z - grid.origin[2]) / grid.size))
    ny, nz = grid.extent[1], grid.extent[2]
    if i < 1 or j < 1 or k < 1 or i > grid.extent[0] - 2 or j > ny - 2 or k > nz - 2:
        return 0
    count = 0
    for di in range(-1, 2):
        for dj in range(-1, 2):
            middle = ((i + di) * ny + j + dj) * nz + k
            first, last = np.int64(-1), np.int64(-1)
            for dk in range(-1, 2):
                cell = find_key(middle + dk, grid.keys, grid.table)
                if cell >= 0:
                    if first < 0:
                        first = grid.start[cell]
                    last = grid.start[cell + 1]
            if first >= 0:
                runs[count, 0] = first
                runs[count, 1] = last
                count += 1
    return count


def in_threads(act: Callable[[int, int], object], count: int) -> None:
    """Call ``act(first, last)`` on parts of ``range(count)`` in as many threads as there are cores.

    ``act`` must release the lock (a kernel with ``nogil``) and write to rows of its own part only.
    """
    workers = max(os.cpu_count() or 1, 1)
    if workers == 1 or count < 2000:
        act(0, count)
        return
    edges = np.linspace(0, count, 4 * workers + 1).astype(int)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(act, edges[:-1].tolist(), edges[1:].tolist()))


@numba.njit(cache=True, nogil=True)
def unique_keys(keys: Int64Array) -> Int64Array:
    """Return each key once, in the order of their first place."""
    size = 16
    while size < 2 * len(keys):
        size *= 2
    table = np.full(size, -1, np.int32)
    found = np.empty(len(keys), np.int64)
    count = 0
    mask = size - 1
    for i in range(len(keys)):
        slot = _slot(keys[i], mask)
        while table[slot] >= 0 and found[table[slot]] != keys[i]:
            slot = (slot + 1) & mask
        if table[slot] < 0:
            table[slot] = count
            found[count] = keys[i]
            count += 1
    return found[:count].copy()
