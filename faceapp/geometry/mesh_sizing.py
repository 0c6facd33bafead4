"""How long edges should be from place to place: shorter where the surface bends."""

from __future__ import annotations

import numpy as np

from faceapp.core.arrays import FloatArray, IntArray

_FLAT_RADIUS_MM = 40.0
"""Flatter than this counts as flat."""
_FINEST = 0.35
"""Shortest edge, of the longest."""
_SMOOTHING_ROUNDS = 12


def smooth_over_edges(values: FloatArray, faces: IntArray, rounds: int) -> FloatArray:
    """Return values (V,) that took, round by round, half of the mean of their neighbours'."""
    a, b = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    n = len(values)
    degree = np.maximum(np.bincount(a, minlength=n) + np.bincount(b, minlength=n), 1)
    smooth = np.asarray(values, np.float64)
    for _ in range(rounds):
        total = np.bincount(a, smooth[b], minlength=n) + np.bincount(b, smooth[a], minlength=n)
        smooth = 0.5 * smooth + 0.5 * total / degree
    return smooth


def curvature_sizes(
    vertices: FloatArray, normals: FloatArray, faces: IntArray, strength: float, wanted: int
) -> FloatArray:
    """Return wanted edge lengths by curvature.

    Parameters
    ----------
    vertices, normals : (V, 3) float64
        mm; unit.
    faces : (F, 3) int32
        Triangles.
    strength : float
        0 asks for one length everywhere; 1 for lengths that go with the root of the radius of curvature, which keeps
        the height of the surface over the triangles alike.
    wanted : int
        Vertices that a mesh of these lengths shall have.

    Returns
    -------
    (V,) float64
        mm, smooth.
    """
    corners = vertices[faces]
    area = np.linalg.norm(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1) / 2
    if strength == 0:
        return np.full(len(vertices), np.sqrt(2 / np.sqrt(3) * area.sum() / wanted))
    sizes = _by_curvature(vertices, normals, faces, strength)
    needed = 2 / np.sqrt(3) * float(np.sum(area / sizes[faces].mean(axis=1) ** 2))
    return np.asarray(sizes * np.sqrt(needed / wanted))


def _by_curvature(vertices: FloatArray, normals: FloatArray, faces: IntArray, strength: float) -> FloatArray:
    """Lengths of edges (V,) beside those on flat skin."""
    a, b = faces[:, [0, 1, 2]].ravel(), faces[:, [1, 2, 0]].ravel()
    n = len(vertices)
    length = np.maximum(np.linalg.norm(vertices[a] - vertices[b], axis=1), 1e-6)
    # Very short edges would turn the noise of the normals into curvature.
    bend = np.linalg.norm(normals[a] - normals[b], axis=1) / np.maximum(length, np.median(length))
    degree = np.maximum(np.bincount(a, minlength=n) + np.bincount(b, minlength=n), 1)
    curvature = (np.bincount(a, bend, minlength=n) + np.bincount(b, bend, minlength=n)) / degree
    curvature = smooth_over_edges(curvature, faces, _SMOOTHING_ROUNDS // 2)
    sizes = np.maximum((1.0 + _FLAT_RADIUS_MM * curvature) ** (-0.5 * strength), _FINEST)
    return smooth_over_edges(sizes, faces, _SMOOTHING_ROUNDS)
