"""A first triangulation of oriented points: signed heights on a sparse lattice, marched through in tetrahedra."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from faceapp.core.arrays import Float32Array, FloatArray, IntArray
from faceapp.geometry.cell_grid import (
    CellGrid,
    Int64Array,
    cell_grid,
    find_key,
    hash_table,
    in_threads,
    point_runs,
    unique_keys,
)

_REACH = 2.2
"""Radius round a lattice node in which points give its height, in cells; a cell's diagonal is 1.73."""
_SHARP = 0.8
"""Points that are this much farther than the nearest one (in cells, squared distances compared) do not count."""
_PATHS = np.array([[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1], [2, 1, 0], [1, 0, 2]], np.int64)
"""The six tetrahedra of a cube as the order in which a walk from corner to opposite corner takes the axes (Kuhn)."""
_TURN = np.array([1, 1, 1, -1, -1, -1], np.int64)
_MOST_TRIANGLES = 12


def lattice_surface(points: Float32Array, normals: Float32Array, size: float) -> tuple[FloatArray, IntArray]:
    """Triangulate the zero of the signed height over oriented points.

    Parameters
    ----------
    points, normals : (N, 3) float32
        Some two or more a cell side, mm; unit.
    size : float
        Side of the lattice's cubes, mm.

    Returns
    -------
    vertices : (V, 3) float64
        mm.
    faces : (F, 3) int32
        Counter-clockwise seen from where the normals point; every edge has one or two triangles.

    Notes
    -----
    Six tetrahedra a cube have no ambiguous cases, so the surface is a manifold where all nodes are known (Doi and
    Koide, IEICE Transactions E74, 1991). The surface goes on as a plane up to two cells beyond the last point: trim it.
    """
    cubes = cell_grid(points, size)
    corners, keys = _lattice(cubes)
    order = cell_grid(points, _REACH * size)
    table, directions = points[order.order], normals[order.order]
    places = _places(keys, cubes.extent, cubes.origin, size)
    height = np.empty(len(keys), np.float32)
    in_threads(
        lambda first, last: _heights(order, table, directions, places, _SHARP * size, height, first, last), len(keys)
    )
    steps = np.array([cubes.extent[1] * cubes.extent[2], cubes.extent[2], 1], np.int64)
    node_table = hash_table(keys)
    count = _march(corners, keys, node_table, steps, height, np.empty((0, 3), np.int64))
    edges = np.empty((count, 3), np.int64)
    _march(corners, keys, node_table, steps, height, edges)
    unique, inverse = np.unique(edges.ravel(), return_inverse=True)
    vertices = _crossings(unique, keys, node_table, steps, height, places, size)
    return vertices, inverse.reshape(-1, 3).astype(np.int32)


def _lattice(cubes: CellGrid) -> tuple[Int64Array, Int64Array]:
    """Cubes with points and those beside them, by the key of their lowest corner; and the keys of all corners."""
    x, y = int(cubes.extent[1] * cubes.extent[2]), int(cubes.extent[2])
    beside = np.array([0, x, -x, y, -y, 1, -1], np.int64)
    active = unique_keys((cubes.keys[:, None] + beside).ravel())
    corner = np.array([i * x + j * y + k for i in (0, 1) for j in (0, 1) for k in (0, 1)], np.int64)
    return active, unique_keys((active[:, None] + corner).ravel())


def _places(keys: Int64Array, extent: Int64Array, origin: FloatArray, size: float) -> FloatArray:
    ijk = np.stack([keys // (extent[1] * extent[2]), keys // extent[2] % extent[1], keys % extent[2]], axis=1)
    places: FloatArray = origin + size * ijk
    return places


@numba.njit(cache=True, nogil=True)
def _heights(
    grid: CellGrid,
    points: Float32Array,
    normals: Float32Array,
    places: FloatArray,
    sharp: float,
    height: Float32Array,
    first: int,
    last: int,
) -> None:
    """Signed height of lattice nodes; NaN where no point is within reach.

    The weight falls with how much farther a point is than the nearest one, that is with its distance from the foot.
    """
    runs = np.empty((9, 2), np.int64)
    reach = np.float32(grid.size * grid.size)
    for i in range(first, last):
        x, y, z = np.float32(places[i, 0]), np.float32(places[i, 1]), np.float32(places[i, 2])
        count = point_runs(grid, places[i, 0], places[i, 1], places[i, 2], runs)
        least = reach
        nearest = -1
        for r in range(count):
            for j in range(runs[r, 0], runs[r, 1]):
                dx, dy, dz = x - points[j, 0], y - points[j, 1], z - points[j, 2]
                far = dx * dx + dy * dy + dz * dz
                if far < least:
                    least = far
                    nearest = j
        if nearest < 0:
            height[i] = np.nan
            continue
        width = np.float32(sharp * sharp)
        total = np.float32(0.0)
        value = np.float32(0.0)
        for r in range(count):
            for j in range(runs[r, 0], runs[r, 1]):
                dx, dy, dz = x - points[j, 0], y - points[j, 1], z - points[j, 2]
                fade = np.float32(1.0) - (dx * dx + dy * dy + dz * dz - least) / width
                if fade <= 0:
                    continue
                same = (
                    normals[j, 0] * normals[nearest, 0]
                    + normals[j, 1] * normals[nearest, 1]
                    + normals[j, 2] * normals[nearest, 2]
                )
                if same <= 0:
                    continue
                weight = fade * fade * same
                value += weight * (dx * normals[j, 0] + dy * normals[j, 1] + dz * normals[j, 2])
                total += weight
        height[i] = value / total


@numba.njit(cache=True, nogil=True)
def _march(
    cubes: Int64Array,
    keys: Int64Array,
    table: Any,
    steps: Int64Array,
    height: Float32Array,
    edges: Int64Array,
) -> int:
    """Write the triangles of all cubes as triples of lattice edges, or only count them if there is no room."""
    value = np.empty(8, np.float32)
    node = np.empty(8, np.int64)
    corner = np.empty(4, np.int64)
    triangle = np.empty((2, 3), np.int64)
    count = 0
    write = len(edges) > 0
    for c in range(len(cubes)):
        below, above = False, False
        for k in range(8):
            key = cubes[c] + ((k >> 2) & 1) * steps[0] + ((k >> 1) & 1) * steps[1] + (k & 1) * steps[2]
            node[k] = find_key(key, keys, table)
            value[k] = height[node[k]]
            below |= value[k] < 0
            above |= value[k] >= 0
        if not (below and above):
            continue
        for t in range(6):
            corner[0] = 0
            corner[3] = 7
            corner[1] = 4 >> _PATHS[t, 0]
            corner[2] = corner[1] | (4 >> _PATHS[t, 1])
            found = _tetrahedron(value, corner, _TURN[t], triangle)
            for k in range(found):
                if write:
                    for m in range(3):
                        low, high = triangle[k, m] >> 3, triangle[k, m] & 7
                        edges[count, m] = node[low] * 8 + (low ^ high)
                count += 1
    return count


@numba.njit(cache=True, nogil=True)
def _tetrahedron(value: Float32Array, corner: Int64Array, turn: int, triangle: Int64Array) -> int:
    """Triangles of one tetrahedron as edges ``8 * lower corner + higher corner``; outwards is where values grow."""
    for k in range(4):
        if np.isnan(value[corner[k]]):
            return 0
    mask = 0
    for k in range(4):
        if value[corner[k]] < 0:
            mask |= 1 << k
    if mask == 0 or mask == 15:
        return 0
    flip = turn < 0
    if mask == 1 or mask == 2 or mask == 4 or mask == 8 or mask == 14 or mask == 13 or mask == 11 or mask == 7:
        single = mask if mask in (1, 2, 4, 8) else 15 - mask
        apex = 0
        while (single >> apex) & 1 == 0:
            apex += 1
        a, b, c = (apex + 1) & 3, (apex + 2) & 3, (apex + 3) & 3
        # Seen from the apex, the other three in cyclic order turn one way for even and the other for odd apexes.
        if (apex & 1 == 1) ^ (mask != single) ^ flip:
            b, c = c, b
        triangle[0, 0] = _edge(corner[apex], corner[a])
        triangle[0, 1] = _edge(corner[apex], corner[b])
        triangle[0, 2] = _edge(corner[apex], corner[c])
        return 1
    a = 0
    b = 1
    while (mask >> b) & 1 != mask & 1:
        b += 1
    c = 1 if b != 1 else 2
    d = 6 - b - c
    # (a, b | c, d) is an even order of the corners for b = 1 and b = 3, an odd one for b = 2.
    if (b == 2) ^ (mask & 1 == 0) ^ flip:
        c, d = d, c
    ac, ad = _edge(corner[a], corner[c]), _edge(corner[a], corner[d])
    bc, bd = _edge(corner[b], corner[c]), _edge(corner[b], corner[d])
    triangle[0, 0], triangle[0, 1], triangle[0, 2] = ac, ad, bd
    triangle[1, 0], triangle[1, 1], triangle[1, 2] = ac, bd, bc
    return 2


@numba.njit(cache=True, nogil=True)
def _edge(a: int, b: int) -> int:
    return min(a, b) * 8 + max(a, b)


@numba.njit(cache=True, nogil=True)
def _crossings(
    edges: Int64Array,
    keys: Int64Array,
    table: Any,
    steps: Int64Array,
    height: Float32Array,
    places: FloatArray,
    size: float,
) -> FloatArray:
    """Where the height is zero on each lattice edge ``8 * node + direction``."""
    vertices = np.empty((len(edges), 3))
    for e in range(len(edges)):
        low, way = edges[e] >> 3, edges[e] & 7
        dx, dy, dz = (way >> 2) & 1, (way >> 1) & 1, way & 1
        high = find_key(keys[low] + dx * steps[0] + dy * steps[1] + dz * steps[2], keys, table)
        part = height[low] / (height[low] - height[high])
        part = min(max(part, 0.02), 0.98)
        vertices[e, 0] = places[low, 0] + part * size * dx
        vertices[e, 1] = places[low, 1] + part * size * dy
        vertices[e, 2] = places[low, 2] + part * size * dz
    return vertices
