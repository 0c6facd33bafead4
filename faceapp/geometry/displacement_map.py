"""Displacement maps: how far a scan lies above a base mesh along its normals, for each texel of the base's chart.

A ray of each texel is followed over the scan by walking from triangle to triangle: its neighbour in the map has been
there just before, so no search is needed but one for each triangle of the base.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray, UInt8Array
from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.core.results import BakedTexture, DisplacementMap
from faceapp.geometry.cell_grid import in_threads
from faceapp.geometry.closest_points import SurfaceTree

_LONGEST_WALK = 64
_INSIDE = -1e-6
_LONGEST_EDGE = 8.0
"""Of a quad of the displaced mesh, in median edges: longer ones bridge two parts of the chart."""


class _Base(NamedTuple):
    """Corners of each base triangle: place in the map (column, row), position, vertex normal."""

    places: FloatArray
    points: FloatArray
    normals: FloatArray


class _Scan(NamedTuple):
    """Triangles of a scan, and across each edge the triangle behind it (-1 at the border)."""

    vertices: FloatArray
    faces: npt.NDArray[np.int64]
    beyond: npt.NDArray[np.int64]


class _Hits(NamedTuple):
    """What the rays of the texels meet: how far, which triangle, weights of its second and third corner.

    The latter two may be empty where nobody asks for them.
    """

    distance: Float32Array
    face: npt.NDArray[np.int32]
    weights: Float32Array


def displacement_map(
    base: Mesh, scan: SurfaceTree, size: int = 1024, reach: float = 2.0, max_angle: float = 60.0
) -> DisplacementMap:
    """Return the signed distance from each point of a base mesh to a scan along the base's normal.

    Parameters
    ----------
    base : Mesh
        With uv; its vertex normals, interpolated over each triangle, are the directions.
    scan : SurfaceTree
        Of the scan, mm.
    size : int
        Texels along each side of the map.
    reach : float
        Farther than this, mm, is another surface.
    max_angle : float
        Between the ray and the scan's normal, degrees.

    Returns
    -------
    DisplacementMap
        NaN where the chart is empty or the scan shows nothing.

    Raises
    ------
    DataError
        The base has no chart.

    Notes
    -----
    facescape.md 3.2, displacement maps: "inverse-project the points to the raw mesh along normal directions".
    """
    hits = _Hits(np.full((size, size), np.nan, np.float32), np.empty((0, 0), np.int32), np.empty((0, 0, 2), np.float32))
    _follow(base, scan, size, reach, max_angle, hits)
    return DisplacementMap(hits.distance, reach)


def baked_colors(
    base: Mesh, scan: SurfaceTree, colors: UInt8Array, size: int = 1024, reach: float = 3.0, max_angle: float = 75.0
) -> BakedTexture:
    """Return the colours of a scan on the chart of a base mesh, along the same rays as `displacement_map`.

    Parameters
    ----------
    base, scan, size, reach, max_angle
        As there.
    colors : (N, 3) uint8
        Of the scan's vertices.

    Returns
    -------
    BakedTexture
        Black where nothing is known.
    """
    shape = (size, size)
    hits = _Hits(np.full(shape, np.nan, np.float32), np.full(shape, -1, np.int32), np.zeros((*shape, 2), np.float32))
    _follow(base, scan, size, reach, max_angle, hits)
    known = np.isfinite(hits.distance)
    corners = colors[scan.faces[hits.face[known]]].astype(np.float32)
    second, third = hits.weights[known, 0, None], hits.weights[known, 1, None]
    texture = np.zeros((*shape, 3), np.uint8)
    texture[known] = np.rint(corners[:, 0] * (1 - second - third) + corners[:, 1] * second + corners[:, 2] * third)
    return BakedTexture(texture, known)


def _follow(base: Mesh, scan: SurfaceTree, size: int, reach: float, max_angle: float, hits: _Hits) -> None:
    corners = _corners(base, size)
    surface = _Scan(scan.vertices, scan.faces, _beyond(scan.faces))
    near = scan.query(corners.points.mean(axis=1), reach + 2.0).face
    cosine = float(np.cos(np.radians(max_angle)))
    in_threads(lambda a, b: _measure(a, b, corners, surface, near, float(reach), cosine, hits), len(near))


def displaced_points(base: Mesh, displacement: DisplacementMap) -> Float32Array:
    """Return the (S, S, 3) points of a base mesh moved along its normals by a map, mm; NaN where it has none."""
    size = len(displacement.values)
    corners = _corners(base, size)
    points = np.full((size, size, 3), np.nan, np.float32)
    in_threads(lambda a, b: _displace(a, b, corners, displacement.values, points), len(base.faces))
    return points


def coarser(displacement: DisplacementMap, size: int) -> DisplacementMap:
    """Return a map of at most (size, size) texels, each the mean of those that it takes the place of."""
    values = displacement.values
    share = len(values) // size
    if share < 2 or len(values) % size:
        return displacement
    blocks = values.reshape(size, share, size, share)
    known = np.isfinite(blocks)
    count = known.sum(axis=(1, 3))
    total = np.where(known, blocks, 0).sum(axis=(1, 3))
    mean = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return DisplacementMap(mean.astype(np.float32), displacement.reach)


def displaced_mesh(base: Mesh, displacement: DisplacementMap) -> Mesh:
    """Return the surface of `displaced_points` as a mesh: two triangles for each four neighbouring texels."""
    points = displaced_points(base, displacement)
    known = np.isfinite(points[..., 0])
    number = np.where(known, np.cumsum(known).reshape(known.shape) - 1, -1)
    quads = np.stack([number[:-1, :-1], number[1:, :-1], number[1:, 1:], number[:-1, 1:]], axis=-1).reshape(-1, 4)
    quads = quads[(quads >= 0).all(axis=1)]
    vertices = points[known]
    edges = np.linalg.norm(vertices[quads] - vertices[np.roll(quads, 1, axis=1)], axis=2).max(axis=1)
    quads = quads[edges < _LONGEST_EDGE * max(float(np.median(edges)), 1e-9)] if len(quads) else quads
    return Mesh(vertices, quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3).astype(np.int32))


def _corners(base: Mesh, size: int) -> _Base:
    if base.uv is None:
        raise DataError("the template has no texture coordinates (uv); a displacement map needs a chart to lie on")
    uv = base.uv.astype(np.float64)
    # the centre of the top left texel is (0, 0), and uv counts from the lower left
    places = np.stack([uv[..., 0] * size - 0.5, (1 - uv[..., 1]) * size - 0.5], axis=-1)
    normals = base.vertex_normals().astype(np.float64)
    return _Base(places, base.vertices.astype(np.float64)[base.faces], normals[base.faces])


def _beyond(faces: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return (F, 3): the triangle across the edge opposite to each corner; -1 where there is none or more than one."""
    edges = np.sort(faces[:, [[1, 2], [2, 0], [0, 1]]].reshape(-1, 2), axis=1)
    keys = edges[:, 0] * (int(faces.max()) + 1) + edges[:, 1]
    order = np.argsort(keys, kind="stable")
    same = keys[order][1:] == keys[order][:-1]
    as_before, as_after = np.r_[False, same], np.r_[same, False]
    # the first of exactly two
    pair = np.flatnonzero(as_after & ~as_before & ~np.r_[as_after[1:], False])
    first, second = order[pair], order[pair + 1]
    found = np.full(len(keys), -1, np.int64)
    found[first], found[second] = second // 3, first // 3
    return found.reshape(-1, 3)


@numba.njit(inline="always")
def _edge(ax: float, ay: float, bx: float, by: float, px: float, py: float) -> float:
    return (bx - ax) * (py - ay) - (by - ay) * (px - ax)


@numba.njit(cache=True, nogil=True)
def _owns(e: float, dx: float, dy: float) -> bool:
    """Whether a texel belongs to a triangle as far as one edge decides: a texel on an edge has one owner."""
    return e > 0 or (e == 0 and (dy > 0 or (dy == 0 and dx < 0)))


@numba.njit(cache=True, nogil=True)
def _weights_at(place: FloatArray, column: int, row: int, weights: FloatArray) -> bool:
    """Fill the barycentric weights of a texel's centre; return whether the texel is the triangle's own."""
    ax, ay, bx, by, cx, cy = place[0, 0], place[0, 1], place[1, 0], place[1, 1], place[2, 0], place[2, 1]
    area = _edge(ax, ay, bx, by, cx, cy)
    if area == 0:
        return False
    sign = 1.0 if area > 0 else -1.0
    x, y = float(column), float(row)
    e0 = sign * _edge(bx, by, cx, cy, x, y)
    e1 = sign * _edge(cx, cy, ax, ay, x, y)
    e2 = sign * _edge(ax, ay, bx, by, x, y)
    weights[0], weights[1], weights[2] = e0 / (sign * area), e1 / (sign * area), e2 / (sign * area)
    return (
        _owns(e0, sign * (cx - bx), sign * (cy - by))
        and _owns(e1, sign * (ax - cx), sign * (ay - cy))
        and _owns(e2, sign * (bx - ax), sign * (by - ay))
    )


@numba.njit(cache=True, nogil=True)
def _blend(weights: FloatArray, corners: FloatArray, out: FloatArray) -> None:
    for k in range(3):
        out[k] = weights[0] * corners[0, k] + weights[1] * corners[1, k] + weights[2] * corners[2, k]


@numba.njit(cache=True, nogil=True)
def _box(place: FloatArray, size: int) -> Any:
    """Return the first and last column and row of the texels whose centres a triangle may hold."""
    left = max(int(np.ceil(min(place[0, 0], place[1, 0], place[2, 0]))), 0)
    right = min(int(np.floor(max(place[0, 0], place[1, 0], place[2, 0]))), size - 1)
    top = max(int(np.ceil(min(place[0, 1], place[1, 1], place[2, 1]))), 0)
    bottom = min(int(np.floor(max(place[0, 1], place[1, 1], place[2, 1]))), size - 1)
    return left, right, top, bottom


@numba.njit(cache=True, nogil=True)
def _walk(scan: Any, at: int, origin: FloatArray, direction: FloatArray) -> Any:
    """Follow a line over the scan from one triangle to the next until it meets one.

    Returns the triangle, how far, how steeply, and the weights of its second and third corner. The triangle is -1
    where the walk comes to the border, or to no end.
    """
    ox, oy, oz = origin[0], origin[1], origin[2]
    dx, dy, dz = direction[0], direction[1], direction[2]
    for _ in range(_LONGEST_WALK):
        a, b, c = scan.faces[at, 0], scan.faces[at, 1], scan.faces[at, 2]
        ax, ay, az = scan.vertices[a, 0], scan.vertices[a, 1], scan.vertices[a, 2]
        ux, uy, uz = scan.vertices[b, 0] - ax, scan.vertices[b, 1] - ay, scan.vertices[b, 2] - az
        vx, vy, vz = scan.vertices[c, 0] - ax, scan.vertices[c, 1] - ay, scan.vertices[c, 2] - az
        nx, ny, nz = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        length = nx * nx + ny * ny + nz * nz
        along = dx * nx + dy * ny + dz * nz
        if length == 0 or along == 0:
            return -1, 0.0, 0.0, 0.0, 0.0
        t = ((ax - ox) * nx + (ay - oy) * ny + (az - oz) * nz) / along
        px, py, pz = ox + t * dx - ax, oy + t * dy - ay, oz + t * dz - az
        w1 = ((py * vz - pz * vy) * nx + (pz * vx - px * vz) * ny + (px * vy - py * vx) * nz) / length
        w2 = ((uy * pz - uz * py) * nx + (uz * px - ux * pz) * ny + (ux * py - uy * px) * nz) / length
        w0 = 1 - w1 - w2
        if w0 >= _INSIDE and w1 >= _INSIDE and w2 >= _INSIDE:
            return at, t, along / np.sqrt(length), w1, w2
        corner = 0 if w0 <= w1 and w0 <= w2 else (1 if w1 <= w2 else 2)
        at = scan.beyond[at, corner]
        if at < 0:
            return -1, 0.0, 0.0, 0.0, 0.0
    return -1, 0.0, 0.0, 0.0, 0.0


@numba.njit(cache=True, nogil=True)
def _measure(
    first: int,
    last: int,
    base: Any,
    scan: Any,
    near: npt.NDArray[np.int64],
    reach: float,
    cosine: float,
    hits: Any,
) -> None:
    """Fill the texels of base triangles ``first`` to ``last``."""
    weights, origin, direction = np.empty(3), np.empty(3), np.empty(3)
    for face in range(first, last):
        if near[face] < 0:
            continue
        left, right, top, bottom = _box(base.places[face], len(hits.distance))
        at = near[face]
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                if not _weights_at(base.places[face], column, row, weights):
                    continue
                _blend(weights, base.points[face], origin)
                _blend(weights, base.normals[face], direction)
                norm = np.sqrt(direction[0] ** 2 + direction[1] ** 2 + direction[2] ** 2)
                if norm < 1e-9:
                    continue
                direction /= norm
                hit, t, facing, w1, w2 = _walk(scan, at, origin, direction)
                if hit < 0 and at != near[face]:
                    hit, t, facing, w1, w2 = _walk(scan, near[face], origin, direction)
                if hit < 0:
                    continue
                at = hit
                if abs(t) <= reach and facing >= cosine:
                    hits.distance[row, column] = t
                    if hits.face.size:
                        hits.face[row, column] = hit
                        hits.weights[row, column, 0], hits.weights[row, column, 1] = w1, w2


@numba.njit(cache=True, nogil=True)
def _displace(first: int, last: int, base: Any, values: Float32Array, points: Float32Array) -> None:
    """Fill the points of the texels of base triangles ``first`` to ``last``."""
    weights, origin, direction = np.empty(3), np.empty(3), np.empty(3)
    for face in range(first, last):
        left, right, top, bottom = _box(base.places[face], len(values))
        for row in range(top, bottom + 1):
            for column in range(left, right + 1):
                if np.isnan(values[row, column]) or not _weights_at(base.places[face], column, row, weights):
                    continue
                _blend(weights, base.points[face], origin)
                _blend(weights, base.normals[face], direction)
                norm = np.sqrt(direction[0] ** 2 + direction[1] ** 2 + direction[2] ** 2)
                for k in range(3):
                    points[row, column, k] = origin[k] + values[row, column] * direction[k] / norm
