"""Local changes of a triangle mesh, one edge at a time: Delaunay flips, collapses of short edges, splits of long ones.

The criteria are those of isotropic remeshing (Botsch and Kobbelt, SGP 2004); lengths are measured in the size that is
wanted at the place.
"""

from __future__ import annotations

import numba
import numpy as np

from faceapp.core.arrays import FloatArray
from faceapp.geometry.half_edges import (
    MOST_NEIGHBOURS,
    HalfEdges,
    Int32Array,
    collapse_edge,
    fan,
    following,
    joined,
    neighbours,
    preceding,
    split_edge,
    turn_edge,
)

_MOST_DEGREE = 10
_UPRIGHT = 0.3
"""Cosine between a triangle and the surface's normal below which a change is refused: it would fold the mesh."""


@numba.njit(cache=True, nogil=True)
def _edge_size(places: FloatArray, sizes: FloatArray, a: int, b: int) -> float:
    """Length of an edge in wanted lengths."""
    x, y, z = places[a, 0] - places[b, 0], places[a, 1] - places[b, 1], places[a, 2] - places[b, 2]
    return np.sqrt(x * x + y * y + z * z) * 2.0 / (sizes[a] + sizes[b])


@numba.njit(cache=True, nogil=True)
def _opposite_angle(places: FloatArray, a: int, b: int, c: int) -> tuple[float, float]:
    """Cosine and sine of the angle at c over the edge a-b, both times the product of the sides."""
    ux, uy, uz = places[a, 0] - places[c, 0], places[a, 1] - places[c, 1], places[a, 2] - places[c, 2]
    vx, vy, vz = places[b, 0] - places[c, 0], places[b, 1] - places[c, 1], places[b, 2] - places[c, 2]
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    return ux * vx + uy * vy + uz * vz, np.sqrt(x * x + y * y + z * z)


@numba.njit(cache=True, nogil=True)
def _upright(places: FloatArray, normals: FloatArray, a: int, b: int, c: int) -> bool:
    """Whether a triangle faces the way its corners' normals do."""
    ux, uy, uz = places[b, 0] - places[a, 0], places[b, 1] - places[a, 1], places[b, 2] - places[a, 2]
    vx, vy, vz = places[c, 0] - places[a, 0], places[c, 1] - places[a, 1], places[c, 2] - places[a, 2]
    x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
    nx = normals[a, 0] + normals[b, 0] + normals[c, 0]
    ny = normals[a, 1] + normals[b, 1] + normals[c, 1]
    nz = normals[a, 2] + normals[b, 2] + normals[c, 2]
    along = x * nx + y * ny + z * nz
    if along <= 0.0:
        return False
    return along * along > _UPRIGHT * _UPRIGHT * (x * x + y * y + z * z) * (nx * nx + ny * ny + nz * nz)


@numba.njit(cache=True, nogil=True)
def flip_to_delaunay(mesh: HalfEdges, places: FloatArray, normals: FloatArray, passes: int) -> int:
    """Flip inner edges whose opposite angles sum to more than half a turn, until none is left or after some passes.

    Parameters
    ----------
    mesh : HalfEdges
        Changed in place.
    places, normals : (V, 3) float64
        Of the vertices, mm; unit.
    passes : int
        At most.

    Returns
    -------
    int
        Flips made.
    """
    leaving = np.empty(MOST_NEIGHBOURS, np.int32)
    around = np.empty(MOST_NEIGHBOURS + 1, np.int32)
    total = 0
    for _ in range(passes):
        done = 0
        for h in range(3 * mesh.counts[0]):
            t = mesh.twin[h]
            if mesh.origin[h] < 0 or t < h:
                continue
            a, b = mesh.origin[h], mesh.origin[t]
            c, d = mesh.origin[preceding(h)], mesh.origin[preceding(t)]
            cos_c, sin_c = _opposite_angle(places, a, b, c)
            cos_d, sin_d = _opposite_angle(places, a, b, d)
            scale = np.sqrt((cos_c * cos_c + sin_c * sin_c) * (cos_d * cos_d + sin_d * sin_d))
            if sin_c * cos_d + cos_c * sin_d >= -1e-6 * scale or c == d:
                continue
            if not (_upright(places, normals, a, d, c) and _upright(places, normals, d, b, c)):
                continue
            if _least_degree(mesh, a, leaving) or _least_degree(mesh, b, leaving):
                continue
            if joined(mesh, c, d, leaving, around):
                continue
            turn_edge(mesh, h)
            done += 1
        total += done
        if done == 0:
            break
    return total


@numba.njit(cache=True, nogil=True)
def _least_degree(mesh: HalfEdges, v: int, leaving: Int32Array) -> bool:
    """Whether a vertex must not lose a face: three inside, one on the border, or too many to list."""
    faces = fan(mesh, v, leaving)
    return -2 < faces < 4


@numba.njit(cache=True, nogil=True)
def collapse_short(
    mesh: HalfEdges, places: FloatArray, normals: FloatArray, sizes: FloatArray, limit: float, most: int
) -> int:
    """Collapse edges shorter than a share of the wanted length, where mesh and border stay whole.

    Parameters
    ----------
    mesh : HalfEdges
        Changed in place, as are ``places``.
    places, normals : (V, 3) float64
        Of the vertices, mm; unit.
    sizes : (V,) float64
        Wanted lengths of edges, mm.
    limit : float
        In wanted lengths.
    most : int
        Collapses at most.

    Returns
    -------
    int
        Collapses made.
    """
    room = np.empty((4, MOST_NEIGHBOURS + 1), np.int32)
    done = 0
    for h in range(3 * mesh.counts[0]):
        if done >= most:
            break
        if mesh.origin[h] < 0 or (mesh.twin[h] >= 0 and mesh.twin[h] < h):
            continue
        if _edge_size(places, sizes, mesh.origin[h], mesh.origin[following(h)]) < limit:
            done += _merge_ends(mesh, places, normals, h, room)
    return done


@numba.njit(cache=True, nogil=True)
def collapse_slivers(mesh: HalfEdges, places: FloatArray, normals: FloatArray, angle: float) -> int:
    """Collapse the shortest edge of each triangle that has a smaller angle than asked, in radians.

    Returns
    -------
    int
        Vertices that went.
    """
    room = np.empty((4, MOST_NEIGHBOURS + 1), np.int32)
    done = 0
    for f in range(mesh.counts[0]):
        if mesh.origin[3 * f] < 0:
            continue
        least, edge = np.inf, 0
        for h in range(3 * f, 3 * f + 3):
            # The smallest angle lies over the shortest edge.
            a, b = mesh.origin[h], mesh.origin[following(h)]
            cosine, sine = _opposite_angle(places, a, b, mesh.origin[preceding(h)])
            found = np.arctan2(sine, cosine)
            if found < least:
                least, edge = found, h
        if least < angle:
            done += _merge_ends(mesh, places, normals, edge, room)
    return done


@numba.njit(cache=True, nogil=True)
def _merge_ends(mesh: HalfEdges, places: FloatArray, normals: FloatArray, h: int, room: Int32Array) -> int:
    """Collapse an edge where the mesh and its border stay whole; 1 if it was done."""
    a, b = mesh.origin[h], mesh.origin[following(h)]
    fan_a, fan_b, ring_a, ring_b = room[0], room[1], room[2], room[3]
    faces_a, faces_b = fan(mesh, a, fan_a), fan(mesh, b, fan_b)
    edge = np.int64(h)
    if faces_a < 0 <= faces_b:
        # The inner end moves to the border, never the other way: it is the origin that goes.
        edge = np.int64(mesh.twin[h])
        a, b, faces_a, faces_b = b, a, faces_b, faces_a
        fan_a, fan_b = fan_b, fan_a
    if faces_a == 0 or faces_b == 0 or (faces_a < 0 and mesh.twin[h] >= 0):
        return 0
    count_a = neighbours(mesh, fan_a, faces_a, ring_a)
    count_b = neighbours(mesh, fan_b, faces_b, ring_b)
    if not _may_merge(mesh, edge, ring_a, count_a, ring_b, count_b, faces_a < 0):
        return 0
    x, y, z = places[b, 0], places[b, 1], places[b, 2]
    if (faces_a < 0) == (faces_b < 0):
        x, y, z = (x + places[a, 0]) / 2, (y + places[a, 1]) / 2, (z + places[a, 2]) / 2
    if not _stays_upright(mesh, places, normals, a, b, fan_a, abs(faces_a), fan_b, abs(faces_b), x, y, z):
        return 0
    collapse_edge(mesh, edge, fan_a, faces_a)
    places[b, 0], places[b, 1], places[b, 2] = x, y, z
    return 1


@numba.njit(cache=True, nogil=True)
def _may_merge(
    mesh: HalfEdges, h: int, ring_a: Int32Array, count_a: int, ring_b: Int32Array, count_b: int, border: bool
) -> bool:
    """The link condition, and no vertex left with too few or too many faces."""
    twin = mesh.twin[h]
    common = 0
    for i in range(count_a):
        for j in range(count_b):
            if ring_a[i] == ring_b[j]:
                common += 1
    if common != (1 if twin < 0 else 2):
        return False
    if count_a + count_b - common - 2 > _MOST_DEGREE or count_a + count_b - common - 2 < (3 if border else 4):
        return False
    spare = np.empty(MOST_NEIGHBOURS, np.int32)
    if _least_degree(mesh, mesh.origin[preceding(h)], spare):
        return False
    return twin < 0 or not _least_degree(mesh, mesh.origin[preceding(twin)], spare)


@numba.njit(cache=True, nogil=True)
def _stays_upright(
    mesh: HalfEdges,
    places: FloatArray,
    normals: FloatArray,
    a: int,
    b: int,
    fan_a: Int32Array,
    faces_a: int,
    fan_b: Int32Array,
    faces_b: int,
    x: float,
    y: float,
    z: float,
) -> bool:
    """Whether no triangle round an edge folds over when both ends move to (x, y, z)."""
    ax, ay, az = places[a, 0], places[a, 1], places[a, 2]
    bx, by, bz = places[b, 0], places[b, 1], places[b, 2]
    places[a, 0], places[a, 1], places[a, 2] = x, y, z
    places[b, 0], places[b, 1], places[b, 2] = x, y, z
    fine = True
    for i in range(faces_a + faces_b):
        h = fan_a[i] if i < faces_a else fan_b[i - faces_a]
        other = b if i < faces_a else a
        p, q = mesh.origin[following(h)], mesh.origin[preceding(h)]
        if p == other or q == other:
            continue
        if not _upright(places, normals, mesh.origin[h], p, q):
            fine = False
            break
    places[a, 0], places[a, 1], places[a, 2] = ax, ay, az
    places[b, 0], places[b, 1], places[b, 2] = bx, by, bz
    return fine


@numba.njit(cache=True, nogil=True)
def split_long(
    mesh: HalfEdges, places: FloatArray, normals: FloatArray, sizes: FloatArray, limit: float, most: int
) -> int:
    """Split edges longer than a multiple of the wanted length that are the longest of their faces.

    Parameters
    ----------
    mesh, places, normals, sizes
        As in `collapse_short`; all four are written to, new vertices behind the old ones.
    limit : float
        In wanted lengths.
    most : int
        Splits at most.

    Returns
    -------
    int
        Splits made.
    """
    done = 0
    for h in range(3 * mesh.counts[0]):
        if done >= most:
            break
        if mesh.origin[h] < 0 or (mesh.twin[h] >= 0 and mesh.twin[h] < h):
            continue
        a, b = mesh.origin[h], mesh.origin[following(h)]
        size = _edge_size(places, sizes, a, b)
        if size <= limit or not _longest(mesh, places, sizes, h, size):
            continue
        v = split_edge(mesh, h)
        if v < 0:
            break
        length = 0.0
        for k in range(3):
            places[v, k] = (places[a, k] + places[b, k]) / 2
            normals[v, k] = normals[a, k] + normals[b, k]
            length += normals[v, k] * normals[v, k]
        for k in range(3):
            normals[v, k] /= max(np.sqrt(length), 1e-12)
        sizes[v] = (sizes[a] + sizes[b]) / 2
        done += 1
    return done


@numba.njit(cache=True, nogil=True)
def _longest(mesh: HalfEdges, places: FloatArray, sizes: FloatArray, h: int, size: float) -> bool:
    for side in (np.int64(h), np.int64(mesh.twin[h])):
        if side < 0:
            continue
        for other in (following(side), preceding(side)):
            if _edge_size(places, sizes, mesh.origin[other], mesh.origin[following(other)]) > size:
                return False
    return True


@numba.njit(cache=True, nogil=True)
def make_normals(origin: Int32Array, faces: int, places: FloatArray, normals: FloatArray) -> None:
    """Fill in the unit normals of all vertices: area-weighted means of the faces round them.

    Parameters
    ----------
    origin : (3 F,) int32
        Corners of the faces, three by three; faces that begin with -1 are gone.
    faces : int
        How many count.
    places, normals : (V, 3) float64
        mm; the second is filled.
    """
    normals[:] = 0.0
    for f in range(faces):
        a, b, c = origin[3 * f], origin[3 * f + 1], origin[3 * f + 2]
        if a < 0:
            continue
        ux, uy, uz = places[b, 0] - places[a, 0], places[b, 1] - places[a, 1], places[b, 2] - places[a, 2]
        vx, vy, vz = places[c, 0] - places[a, 0], places[c, 1] - places[a, 1], places[c, 2] - places[a, 2]
        x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
        for v in (a, b, c):
            normals[v, 0] += x
            normals[v, 1] += y
            normals[v, 2] += z
    for v in range(len(normals)):
        length = np.sqrt(normals[v, 0] ** 2 + normals[v, 1] ** 2 + normals[v, 2] ** 2)
        if length > 0:
            for k in range(3):
                normals[v, k] /= length
