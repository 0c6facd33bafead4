"""Closest points of a triangle mesh, kept as triangle corners and weights."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from faceapp.core.arrays import FloatArray, IntArray

_CANDIDATES = 24


def closest_weights(points: FloatArray, a: FloatArray, b: FloatArray, c: FloatArray) -> FloatArray:
    """Return the barycentric weights of the closest point of each triangle to each point.

    Parameters
    ----------
    points, a, b, c : (..., 3) float64
        The point and the corners of its triangle, mm.

    Returns
    -------
    (..., 3) float64

    Notes
    -----
    The regions of Ericson, Real-Time Collision Detection (2005), section 5.1.5.
    """
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = _dot(ab, ab), _dot(ab, ac), _dot(ac, ac)
    d20, d21 = _dot(ap, ab), _dot(ap, ac)
    area = np.maximum(d00 * d11 - d01 * d01, 1e-30)
    v, w = (d11 * d20 - d01 * d21) / area, (d00 * d21 - d01 * d20) / area
    best = np.stack([1 - v - w, v, w], axis=-1)
    inside = (best >= 0).all(axis=-1)
    distance = np.where(inside, 0.0, np.inf)
    corners = np.stack([a, b, c], axis=-2)
    for first, second in ((0, 1), (1, 2), (2, 0)):
        start, end = corners[..., first, :], corners[..., second, :]
        along = end - start
        t = np.clip(_dot(points - start, along) / np.maximum(_dot(along, along), 1e-30), 0, 1)
        across = points - start - t[..., None] * along
        gap = _dot(across, across)
        candidate = np.zeros_like(best)
        candidate[..., first], candidate[..., second] = 1 - t, t
        better = ~inside & (gap < distance)
        best = np.where(better[..., None], candidate, best)
        distance = np.where(better, gap, distance)
    return np.asarray(best, np.float64)


def _dot(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.asarray(np.einsum("...k,...k->...", x, y), np.float64)


def attach(points: npt.ArrayLike, vertices: FloatArray, triangles: IntArray) -> tuple[IntArray, FloatArray]:
    """Find the closest point of a mesh to each point.

    Parameters
    ----------
    points : (n, 3) array_like
        mm.
    vertices : (V, 3) float64
        mm.
    triangles : (T, 3) int32
        The candidates; of similar size, for the search goes over their middles.

    Returns
    -------
    rows : (n,) int32
        Index into ``triangles``.
    weights : (n, 3) float64
        Of the triangle's corners, summing to 1.
    """
    asked = np.atleast_2d(np.asarray(points, np.float64))
    corners = vertices[triangles]
    tree = cKDTree(corners.mean(axis=1))
    candidates = np.asarray(tree.query(asked, k=min(_CANDIDATES, len(triangles)))[1])
    chosen = corners[candidates]
    spread = np.broadcast_to(asked[:, None, :], (*chosen.shape[:2], 3))
    weights = closest_weights(spread, chosen[:, :, 0], chosen[:, :, 1], chosen[:, :, 2])
    found = np.einsum("nck,nckd->ncd", weights, chosen)
    nearest = np.linalg.norm(found - spread, axis=2).argmin(axis=1)
    rows = np.arange(len(asked))
    return candidates[rows, nearest].astype(np.int32), weights[rows, nearest]
