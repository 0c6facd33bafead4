"""Spots that relaxation cannot mend (folds, tiny handles, needles) are cut out and closed anew."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import BoolArray, FloatArray, IntArray
from faceapp.geometry.half_edges import half_edges, without_pinches
from faceapp.geometry.hole_filling import fill_holes

_LEAST_ANGLE_DEG = 15.0
_FOLD = -0.5
"""Cosine between neighbouring triangles below which the mesh is folded there (120 degrees)."""
_LONGEST = 2.5
_WIDEST_CUT = 8.0
"""Holes of the cutting up to this many edges across are closed."""


def smallest_angles(vertices: npt.ArrayLike, faces: IntArray) -> FloatArray:
    """Return the smallest angle (F,) float64 of each triangle, degrees; 0 where it has no area."""
    a, b, c = (np.asarray(vertices, np.float64)[faces[:, i]] for i in range(3))
    least = np.full(len(faces), np.inf)
    for p, q, r in ((a, b, c), (b, c, a), (c, a, b)):
        u, v = q - p, r - p
        angle = np.arctan2(np.linalg.norm(np.cross(u, v), axis=1), np.einsum("nd,nd->n", u, v))
        least = np.minimum(least, angle)
    return np.degrees(least)


def bad_faces(vertices: FloatArray, faces: IntArray, edge: FloatArray) -> BoolArray:
    """Return which triangles (F,) are needles, far too long, or folded back on a neighbour.

    Parameters
    ----------
    vertices : (V, 3) float64
        mm.
    faces : (F, 3) int32
        An oriented manifold.
    edge : (V,) float64
        Wanted lengths, mm.
    """
    corners = vertices[faces]
    longest = np.linalg.norm(corners - np.roll(corners, -1, axis=1), axis=2).max(axis=1)
    bad = (smallest_angles(vertices, faces) < _LEAST_ANGLE_DEG) | (longest > _LONGEST * edge[faces].mean(axis=1))
    normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
    twin = half_edges(faces, len(vertices)).twin
    inner = np.flatnonzero(twin >= 0)
    folded = inner[np.einsum("nd,nd->n", normal[inner // 3], normal[twin[inner] // 3]) < _FOLD]
    bad[folded // 3] = True
    return np.asarray(bad)


def cut_and_close(vertices: FloatArray, faces: IntArray, sizes: FloatArray) -> tuple[FloatArray, IntArray, FloatArray]:
    """Take bad triangles away with all that touch them, and close the holes that come of it.

    Parameters
    ----------
    vertices : (V, 3) float64
        mm.
    faces : (F, 3) int32
        An oriented manifold.
    sizes : (V,) float64
        Wanted edge lengths, mm.

    Returns
    -------
    vertices, faces, sizes
        The repaired mesh; holes that were there before are still there.
    """
    bad = bad_faces(vertices, faces, sizes)
    if not bad.any():
        return vertices, faces, sizes
    touched = np.zeros(len(vertices), bool)
    touched[faces[bad]] = True
    kept = faces[~touched[faces].any(axis=1)]
    if not len(kept):
        return vertices, faces, sizes
    mesh = half_edges(faces, len(vertices))
    inner = np.ones(len(vertices), bool)
    inner[mesh.origin[mesh.twin < 0]] = False
    kept, source = without_pinches(kept, len(vertices))
    vertices, sizes, inner = vertices[source], sizes[source], inner[source]
    filled, closed = fill_holes(vertices, kept, _WIDEST_CUT * float(np.median(sizes)), inner)
    added = np.full(len(filled) - len(vertices), float(np.median(sizes)))
    return filled, closed, np.concatenate([sizes, added])
