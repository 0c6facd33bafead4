"""Connectivity of oriented triangle meshes by half-edges, and the three local changes: flip, collapse, split.

Half-edge ``3 f + k`` runs from corner k of face f to the next one. ``origin`` holds the vertex where each begins (-1:
the face is gone), ``twin`` the half-edge that runs the other way (-1: border), ``leaving`` one that leaves each vertex
(-1: the vertex is gone). All kernels keep a manifold a manifold.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray, IntArray
from faceapp.core.errors import DataError

Int32Array = npt.NDArray[np.int32]

MOST_NEIGHBOURS = 48
"""Vertices with more faces than this are left alone."""


class HalfEdges(NamedTuple):
    """Arrays of a mesh that changes in place, with room to grow.

    Parameters
    ----------
    origin, twin : (3 F,) int32
        See above.
    leaving : (V,) int32
        See above.
    counts : (2,) int64
        Faces and vertices in use, those that are gone among them.
    """

    origin: Int32Array
    twin: Int32Array
    leaving: Int32Array
    counts: npt.NDArray[np.int64]


def half_edges(faces: IntArray, vertices: int, room: int = 0) -> HalfEdges:
    """Return the connectivity of a mesh.

    Parameters
    ----------
    faces : (F, 3) int32
        Oriented; each edge has one or two faces.
    vertices : int
        How many there are; each is used.
    room : int
        How many vertices may be added later.

    Raises
    ------
    DataError
        An edge has more than two faces, or two that are turned against each other.
    """
    origin = np.full(3 * (len(faces) + 2 * room), -1, np.int32)
    origin[: 3 * len(faces)] = faces.ravel()
    twin = np.full(len(origin), -1, np.int32)
    leaving = np.full(vertices + room, -1, np.int32)
    if not _connect(origin, len(faces), vertices, twin, leaving):
        raise DataError("the mesh is not an oriented manifold: some edge has two faces on the same side")
    return HalfEdges(origin, twin, leaving, np.array([len(faces), vertices], np.int64))


@numba.njit(cache=True, nogil=True)
def _connect(origin: Int32Array, faces: int, vertices: int, twin: Int32Array, leaving: Int32Array) -> bool:
    """Find twins among the half-edges that leave the other end; lists by vertex take no sorting."""
    start = np.zeros(vertices + 1, np.int32)
    for h in range(3 * faces):
        start[origin[h] + 1] += 1
    for v in range(vertices):
        start[v + 1] += start[v]
    place = start[:-1].copy()
    listed = np.empty(3 * faces, np.int32)
    for h in range(3 * faces):
        listed[place[origin[h]]] = h
        place[origin[h]] += 1
        leaving[origin[h]] = h
    for h in range(3 * faces):
        a, b = origin[h], origin[following(h)]
        for i in range(start[b], start[b + 1]):
            other = listed[i]
            if origin[following(other)] == a:
                if twin[h] >= 0:
                    return False
                twin[h] = other
        for i in range(start[a], start[a + 1]):
            if listed[i] != h and origin[following(listed[i])] == b:
                return False
    return True


@numba.njit(cache=True, nogil=True, inline="always")
def following(h: int) -> int:
    """Return the next half-edge of the face."""
    return h + 1 if h % 3 != 2 else h - 2


@numba.njit(cache=True, nogil=True, inline="always")
def preceding(h: int) -> int:
    """Return the half-edge of the face before."""
    return h - 1 if h % 3 != 0 else h + 2


@numba.njit(cache=True, nogil=True)
def fan(mesh: HalfEdges, v: int, leaving: Int32Array) -> int:
    """List the half-edges that leave a vertex, counter-clockwise.

    Returns
    -------
    int
        How many faces there are round the vertex; negative where it lies on the border, 0 where they are too many.
    """
    first = mesh.leaving[v]
    h = first
    closed = True
    for _ in range(MOST_NEIGHBOURS):
        other = mesh.twin[h]
        if other < 0:
            closed = False
            break
        h = following(other)
        if h == first:
            break
    count = 0
    begun = h
    while count < MOST_NEIGHBOURS:
        leaving[count] = h
        count += 1
        h = mesh.twin[preceding(h)]
        if h < 0:
            return -count
        if h == begun:
            return count if closed else -count
    return 0


@numba.njit(cache=True, nogil=True)
def neighbours(mesh: HalfEdges, leaving: Int32Array, faces: int, around: Int32Array) -> int:
    """List the vertices round a vertex whose fan is known; returns how many there are."""
    count = abs(faces)
    for i in range(count):
        around[i] = mesh.origin[following(leaving[i])]
    if faces < 0:
        around[count] = mesh.origin[preceding(leaving[count - 1])]
        count += 1
    return count


@numba.njit(cache=True, nogil=True)
def joined(mesh: HalfEdges, a: int, b: int, leaving: Int32Array, around: Int32Array) -> bool:
    """Return whether two vertices share an edge."""
    count = neighbours(mesh, leaving, fan(mesh, a, leaving), around)
    found = False
    for i in range(count):
        found |= around[i] == b
    return found


@numba.njit(cache=True, nogil=True)
def turn_edge(mesh: HalfEdges, h: int) -> None:
    """Flip an inner edge: the two other corners of its faces are joined instead. The caller has checked that it may."""
    origin, twin, leaving = mesh.origin, mesh.twin, mesh.leaving
    t = twin[h]
    n, p, m, q = following(h), preceding(h), following(t), preceding(t)
    a, b, c, d = origin[h], origin[t], origin[p], origin[q]
    tn, tp, tm, tq = twin[n], twin[p], twin[m], twin[q]
    f, g = 3 * (h // 3), 3 * (t // 3)
    origin[f], origin[f + 1], origin[f + 2] = a, d, c
    origin[g], origin[g + 1], origin[g + 2] = d, b, c
    _pair(twin, f, tm)
    _pair(twin, f + 1, g + 2)
    _pair(twin, f + 2, tp)
    _pair(twin, g, tq)
    _pair(twin, g + 1, tn)
    leaving[a], leaving[d], leaving[c], leaving[b] = f, f + 1, f + 2, g + 1


@numba.njit(cache=True, nogil=True, inline="always")
def _pair(twin: Int32Array, h: int, other: int) -> None:
    twin[h] = other
    if other >= 0:
        twin[other] = h


@numba.njit(cache=True, nogil=True)
def collapse_edge(mesh: HalfEdges, h: int, fan_a: Int32Array, faces_a: int) -> None:
    """Merge the origin of an edge into its end. The caller has checked that it may and lists the origin's fan."""
    origin, twin, leaving = mesh.origin, mesh.twin, mesh.leaving
    a, b = origin[h], origin[following(h)]
    for i in range(abs(faces_a)):
        origin[fan_a[i]] = b
    leaving[a] = -1
    for side in (np.int64(h), np.int64(twin[h])):
        if side < 0:
            continue
        n, p = following(side), preceding(side)
        c = origin[p]
        tn, tp = twin[n], twin[p]
        # The face's two other edges become one.
        if tn >= 0:
            twin[tn] = tp
        if tp >= 0:
            twin[tp] = tn
        alive = tn if tn >= 0 else tp
        if origin[alive] == c:
            leaving[c], leaving[b] = alive, following(alive)
        else:
            leaving[b], leaving[c] = alive, following(alive)
        f = 3 * (side // 3)
        origin[f], origin[f + 1], origin[f + 2] = -1, -1, -1


@numba.njit(cache=True, nogil=True)
def split_edge(mesh: HalfEdges, h: int) -> int:
    """Put a vertex on an edge and return it; -1 where there is no room left."""
    origin, twin, leaving, counts = mesh.origin, mesh.twin, mesh.leaving, mesh.counts
    t = twin[h]
    if counts[1] >= len(leaving) or 3 * (counts[0] + 2) > len(origin):
        return -1
    v = counts[1]
    counts[1] += 1
    n, p = following(h), preceding(h)
    a, b, c = origin[h], origin[n], origin[p]
    e = 3 * counts[0]
    counts[0] += 1
    origin[n] = v
    origin[e], origin[e + 1], origin[e + 2] = v, b, c
    _pair(twin, e + 1, twin[n])
    _pair(twin, n, e + 2)
    leaving[v], leaving[a], leaving[b], leaving[c] = n, h, e + 1, p
    if t < 0:
        twin[e] = -1
        return v
    m = following(t)
    d = origin[preceding(t)]
    g = 3 * counts[0]
    counts[0] += 1
    origin[m] = v
    origin[g], origin[g + 1], origin[g + 2] = v, a, d
    _pair(twin, g + 1, twin[m])
    _pair(twin, m, g + 2)
    _pair(twin, h, g)
    _pair(twin, t, e)
    leaving[d] = preceding(t)
    return v


def packed(mesh: HalfEdges, *tables: FloatArray) -> tuple[IntArray, list[Any]]:
    """Return the faces (F, 3) int32 that are left, and of tables by vertex the rows that are left."""
    faces = mesh.origin[: 3 * mesh.counts[0]].reshape(-1, 3)
    faces = faces[faces[:, 0] >= 0]
    used = mesh.leaving[: mesh.counts[1]] >= 0
    new = (np.cumsum(used) - 1).astype(np.int32)
    return new[faces], [table[: mesh.counts[1]][used] for table in tables]


def without_pinches(faces: IntArray, vertices: int) -> tuple[IntArray, npt.NDArray[np.int64]]:
    """Give each fan of triangles a vertex of its own where several fans touch in one.

    Parameters
    ----------
    faces : (F, 3) int32
        Oriented; each edge has one or two faces.
    vertices : int
        How many there are; those without faces go.

    Returns
    -------
    faces : (F, 3) int32
        Numbered anew.
    source : (V,) int64
        Which vertex each one was.
    """
    mesh = half_edges(faces, vertices)
    corner = np.full(3 * len(faces), -1, np.int32)
    source = np.empty(3 * len(faces), np.int64)
    count = _number_fans(mesh, corner, source)
    return corner.reshape(-1, 3), source[:count].copy()


@numba.njit(cache=True, nogil=True)
def _number_fans(mesh: HalfEdges, corner: Int32Array, source: npt.NDArray[np.int64]) -> int:
    count = 0
    for first in range(len(corner)):
        if corner[first] >= 0:
            continue
        h = first
        while h >= 0 and corner[h] < 0:  # counter-clockwise
            corner[h] = count
            h = mesh.twin[preceding(h)]
        h = mesh.twin[first]
        while h >= 0 and corner[following(h)] < 0:  # clockwise
            corner[following(h)] = count
            h = mesh.twin[following(h)]
        source[count] = mesh.origin[first]
        count += 1
    return count
