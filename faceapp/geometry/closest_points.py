"""Closest points on triangles: a tree of boxes, built once and asked many times, in compiled code."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError

_LEAF = 4

_AT_ONCE = 2048
"""Points that one thread looks for: the same ones with any number of threads, so that the answers are the same."""


@dataclass(frozen=True, eq=False)
class ClosestPoints:
    """The answers of `SurfaceTree.query`.

    Parameters
    ----------
    points : (N, 3) float64
        Closest point of the surface; NaN where none is near enough.
    distance : (N,) float64
        mm, not negative; inf where none is near enough.
    face : (N,) int64
        Triangle; -1 where none is near enough.
    weights : (N, 3) float64
        Barycentric weights on it.
    """

    points: FloatArray
    distance: FloatArray
    face: npt.NDArray[np.int64]
    weights: FloatArray


class SurfaceTree:
    """A tree of boxes over triangles.

    Parameters
    ----------
    vertices : (V, 3) array_like
        mm.
    faces : (F, 3) array_like of int
        At least one triangle.

    Raises
    ------
    DataError
        There are no triangles.
    """

    def __init__(self, vertices: npt.ArrayLike, faces: npt.ArrayLike) -> None:
        self.vertices = np.ascontiguousarray(vertices, np.float64)
        self.faces = np.ascontiguousarray(faces, np.int64)
        if not len(self.faces):
            raise DataError("a surface without triangles has no closest points")
        corners = self.vertices[self.faces]
        centres = corners.mean(axis=1)
        self._order, self._nodes = _build(centres)
        low, high = _boxes(self._nodes, self._order, corners.min(axis=1), corners.max(axis=1))
        self._boxes = np.concatenate([low, high], axis=1)
        del corners
        # neighbours in the tree are neighbours in memory, which a search feels
        self._corners = self.vertices[self.faces[self._order]]

    def query(self, points: npt.ArrayLike, max_distance: float = np.inf) -> ClosestPoints:
        """Return the closest point of the surface to each of (N, 3) points.

        Parameters
        ----------
        points : (N, 3) array_like
            mm.
        max_distance : float
            Farther ones are not looked for.
        """
        p = np.ascontiguousarray(points, np.float64)
        n = len(p)
        found = np.full((n, 3), np.nan)
        distance = np.full(n, np.inf)
        face = np.full(n, -1, np.int64)
        weights = np.full((n, 3), np.nan)

        def search(first: int) -> None:
            some = slice(first, first + _AT_ONCE)
            _query(
                p[some], self._corners, self._order, self._nodes, self._boxes, float(max_distance),
                found[some], distance[some], face[some], weights[some],
            )  # fmt: skip

        firsts = range(0, n, _AT_ONCE)
        if len(firsts) < 2:
            search(0)
        else:
            with ThreadPoolExecutor(os.cpu_count()) as threads:
                list(threads.map(search, firsts))
        return ClosestPoints(found, distance, face, weights)

    def signed_distance(self, points: npt.ArrayLike, max_distance: float = np.inf) -> FloatArray:
        """Return (N,) distances, positive on the side that the triangles' normals point to; NaN where none is near."""
        closest = self.query(points, max_distance)
        known = closest.face >= 0
        a, b, c = (self.vertices[self.faces[closest.face[known], i]] for i in range(3))
        side = np.einsum(
            "nd,nd->n", np.asarray(points, np.float64)[known] - closest.points[known], np.cross(b - a, c - a)
        )
        signed = np.full(len(known), np.nan)
        signed[known] = np.where(side < 0, -1.0, 1.0) * closest.distance[known]
        return signed

    def border_faces(self) -> npt.NDArray[np.bool_]:
        """Return (F,) bool: triangles with an edge that no other triangle shares."""
        edges = np.sort(self.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1)
        keys = edges[:, 0] * len(self.vertices) + edges[:, 1]
        _, inverse, count = np.unique(keys, return_inverse=True, return_counts=True)
        return np.asarray((count[inverse] == 1).reshape(-1, 3).any(axis=1))


@numba.njit(cache=True, nogil=True)
def _build(centres: FloatArray) -> Any:
    """Split at the median of the longest side; node = (first, count, right child), left child follows its parent."""
    n = len(centres)
    order = np.arange(n)
    nodes = np.zeros((2 * (n // 2 + 1) + 8, 3), np.int64)
    stack = np.zeros((128, 3), np.int64)
    top = 0
    used = 0
    stack[0, 0], stack[0, 1], stack[0, 2] = 0, n, -1
    top = 1
    while top > 0:
        top -= 1
        first, count, parent = stack[top, 0], stack[top, 1], stack[top, 2]
        node = used
        used += 1
        if parent >= 0:
            nodes[parent, 2] = node
        nodes[node, 0] = first
        nodes[node, 1] = count
        if count <= _LEAF:
            continue
        part = order[first : first + count]
        axis = 0
        widest = -1.0
        for k in range(3):
            values = centres[part, k]
            width = values.max() - values.min()
            if width > widest:
                widest = width
                axis = k
        order[first : first + count] = part[np.argsort(centres[part, axis])]
        half = count // 2
        nodes[node, 1] = -count
        stack[top, 0], stack[top, 1], stack[top, 2] = first + half, count - half, node
        stack[top + 1, 0], stack[top + 1, 1], stack[top + 1, 2] = first, half, -1
        top += 2
    return order, nodes[:used].copy()


@numba.njit(cache=True, nogil=True)
def _boxes(nodes: Any, order: Any, low: FloatArray, high: FloatArray) -> Any:
    n = len(nodes)
    box_low = np.empty((n, 3))
    box_high = np.empty((n, 3))
    for node in range(n - 1, -1, -1):
        first, count = nodes[node, 0], nodes[node, 1]
        if count > 0:
            for k in range(3):
                box_low[node, k] = np.inf
                box_high[node, k] = -np.inf
                for i in range(first, first + count):
                    box_low[node, k] = min(box_low[node, k], low[order[i], k])
                    box_high[node, k] = max(box_high[node, k], high[order[i], k])
        else:
            left, right = node + 1, nodes[node, 2]
            for k in range(3):
                box_low[node, k] = min(box_low[left, k], box_low[right, k])
                box_high[node, k] = max(box_high[left, k], box_high[right, k])
    return box_low, box_high


@numba.njit(cache=True, nogil=True)
def _box_distance(p: FloatArray, box: FloatArray) -> float:
    total = 0.0
    for k in range(3):
        gap = max(max(box[k] - p[k], p[k] - box[3 + k]), 0.0)
        total += gap * gap
    return total


@numba.njit(cache=True, nogil=True)
def _dot(a: Any, b: Any) -> float:
    return float(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


@numba.njit(cache=True, nogil=True)
def _from_to(a: Any, b: Any) -> Any:
    """Return the vector as numbers: an array would be allocated for each triangle."""
    return b[0] - a[0], b[1] - a[1], b[2] - a[2]


@numba.njit(cache=True, nogil=True)
def _on_triangle(p: FloatArray, a: FloatArray, b: FloatArray, c: FloatArray) -> Any:
    """Barycentric weights of the closest point (Ericson, Real-Time Collision Detection, 5.1.5)."""
    ab, ac, ap = _from_to(a, b), _from_to(a, c), _from_to(a, p)
    d1, d2 = _dot(ab, ap), _dot(ac, ap)
    if d1 <= 0 and d2 <= 0:
        return 1.0, 0.0, 0.0
    bp = _from_to(b, p)
    d3, d4 = _dot(ab, bp), _dot(ac, bp)
    if d3 >= 0 and d4 <= d3:
        return 0.0, 1.0, 0.0
    vc = d1 * d4 - d3 * d2
    if vc <= 0 and d1 >= 0 and d3 <= 0 and d1 != d3:  # equal where the edge has no length
        v = d1 / (d1 - d3)
        return 1.0 - v, v, 0.0
    cp = _from_to(c, p)
    d5, d6 = _dot(ab, cp), _dot(ac, cp)
    if d6 >= 0 and d5 <= d6:
        return 0.0, 0.0, 1.0
    vb = d5 * d2 - d1 * d6
    if vb <= 0 and d2 >= 0 and d6 <= 0 and d2 != d6:
        w = d2 / (d2 - d6)
        return 1.0 - w, 0.0, w
    va = d3 * d6 - d5 * d4
    if va <= 0 and d4 - d3 >= 0 and d5 - d6 >= 0:
        total = (d4 - d3) + (d5 - d6)
        w = (d4 - d3) / total if total > 0 else 0.0
        return 0.0, 1.0 - w, w
    total = va + vb + vc
    if total <= 0:
        return 1.0, 0.0, 0.0
    v, w = vb / total, vc / total
    return 1.0 - v - w, v, w


@numba.njit(cache=True, nogil=True)
def _squared_distance(p: FloatArray, corners: FloatArray) -> float:
    a, b, c = corners[0], corners[1], corners[2]
    wa, wb, wc = _on_triangle(p, a, b, c)
    total = 0.0
    for k in range(3):
        gap = p[k] - (wa * a[k] + wb * b[k] + wc * c[k])
        total += gap * gap
    return total


@numba.njit(cache=True, nogil=True)
def _query(
    points: FloatArray,
    corners: FloatArray,
    order: Any,
    nodes: Any,
    boxes: FloatArray,
    max_distance: float,
    found: FloatArray,
    distance: FloatArray,
    face: Any,
    weights: FloatArray,
) -> None:
    stack, box = np.empty(128, np.int64), np.empty(128)
    last = -1
    for i in range(len(points)):
        p = points[i]
        if not np.isfinite(p[0] + p[1] + p[2]):
            continue
        best = max_distance * max_distance
        nearest = -1
        if last >= 0:
            # Points that follow each other are mostly neighbours: what is farther than the last triangle is skipped.
            d = _squared_distance(p, corners[last])
            if d <= best:
                best = d
                nearest = last
        stack[0], box[0] = 0, 0.0
        top = 1
        while top > 0:
            top -= 1
            if box[top] > best:
                continue
            node = stack[top]
            first, count = nodes[node, 0], nodes[node, 1]
            if count > 0:
                for j in range(first, first + count):
                    d = _squared_distance(p, corners[j])
                    if d <= best:
                        best = d
                        nearest = j
                continue
            left, right = node + 1, nodes[node, 2]
            to_left, to_right = _box_distance(p, boxes[left]), _box_distance(p, boxes[right])
            # The nearer child is looked into first, so that the farther one is mostly skipped.
            if to_left < to_right:
                stack[top], stack[top + 1] = right, left
                box[top], box[top + 1] = to_right, to_left
            else:
                stack[top], stack[top + 1] = left, right
                box[top], box[top + 1] = to_left, to_right
            top += 2
        if nearest < 0:
            continue
        last = nearest
        a, b, c = corners[nearest, 0], corners[nearest, 1], corners[nearest, 2]
        wa, wb, wc = _on_triangle(p, a, b, c)
        for k in range(3):
            found[i, k] = wa * a[k] + wb * b[k] + wc * c[k]
        distance[i] = np.sqrt(best)
        face[i] = order[nearest]
        weights[i, 0], weights[i, 1], weights[i, 2] = wa, wb, wc
