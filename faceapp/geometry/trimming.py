"""Cutting triangle meshes: along a value's zero, and away from what is too small."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from faceapp.core.arrays import FloatArray, IntArray

_NEAREST_CUT = 0.05
"""A cut stays this share of an edge away from its ends, so that no triangle has two corners in one place."""


def cut_at_zero(vertices: FloatArray, faces: IntArray, values: FloatArray) -> tuple[FloatArray, IntArray]:
    """Return the part of a mesh where a value is not negative; triangles on the way are cut.

    Parameters
    ----------
    vertices : (V, 3) float64
        mm.
    faces : (F, 3) int32
        Oriented.
    values : (V,) float64
        By vertex.

    Returns
    -------
    vertices : (W, 3) float64
        All old ones, and those on the cuts behind them.
    faces : (G, 3) int32
        Oriented alike.
    """
    inside = values >= 0
    count = inside[faces].sum(axis=1)
    kept = faces[count == 3]
    one, two = faces[count == 1], faces[count == 2]
    # Turned so that the corner that differs from the other two comes first.
    one = _turned(one, np.argmax(inside[one], axis=1))
    two = _turned(two, np.argmin(inside[two], axis=1))
    corner = len(vertices)
    pairs = np.concatenate([one[:, [0, 1]], one[:, [0, 2]], two[:, [0, 1]], two[:, [0, 2]]])
    low, high = pairs.min(axis=1).astype(np.int64), pairs.max(axis=1).astype(np.int64)
    unique, inverse = np.unique(low * corner + high, return_inverse=True)
    low, high = unique // corner, unique % corner
    part = np.clip(values[low] / (values[low] - values[high]), _NEAREST_CUT, 1 - _NEAREST_CUT)[:, None]
    cuts = vertices[low] + part * (vertices[high] - vertices[low])
    n, m = len(one), len(two)
    new = corner + inverse
    to_b, to_c, of_b, of_c = new[:n], new[n : 2 * n], new[2 * n : 2 * n + m], new[2 * n + m :]
    triangles = [
        kept,
        np.stack([one[:, 0], to_b, to_c], axis=1),
        np.stack([of_b, two[:, 1], two[:, 2]], axis=1),
        np.stack([of_b, two[:, 2], of_c], axis=1),
    ]
    return np.concatenate([vertices, cuts]), np.concatenate(triangles).astype(np.int32)


def _turned(faces: IntArray, first: npt.NDArray[np.intp]) -> IntArray:
    return np.take_along_axis(faces, (first[:, None] + np.arange(3)) % 3, axis=1)


def large_parts(vertices: FloatArray, faces: IntArray, share: float) -> IntArray:
    """Return the faces of the parts whose area is at least a share of the largest part's.

    Parameters
    ----------
    vertices : (V, 3) float64
        mm.
    faces : (F, 3) int32
        Triangles; parts hang together by vertices.
    share : float
        0 keeps all.
    """
    if not len(faces):
        return faces
    n = len(vertices)
    a, b = faces[:, [0, 1]].ravel(), faces[:, [1, 2]].ravel()
    _, labels = connected_components(coo_array((np.ones(len(a), np.int8), (a, b)), (n, n)), directed=False)
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1)
    part = labels[faces[:, 0]]
    total = np.bincount(part, area)
    return faces[total[part] >= share * total.max()]
