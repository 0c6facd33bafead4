"""Signs by which a registered mesh gives itself away: stretch, asymmetry, and surface that runs through itself."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from faceapp.core.arrays import FloatArray, IntArray
from faceapp.geometry.rigid import align_pairs

_MIRROR_TOLERANCE_MM = 2.0
_EPSILON = 1e-9


def triangle_stretch(rest: npt.ArrayLike, moved: npt.ArrayLike, faces: npt.ArrayLike) -> FloatArray:
    """Return how far each triangle was stretched or squeezed, beside the change of size of the whole.

    Parameters
    ----------
    rest, moved : (V, 3) array_like
        Before and after, mm.
    faces : (F, 3) array_like of int
        Triangles.

    Returns
    -------
    (F,) float64
        The larger absolute logarithm of the two singular values of the deformation in the triangle's plane, minus
        the median of their mean over all triangles: 0.7 is twice as long, or half. NaN for a flat triangle at rest.
    """
    before, after = (_planar(np.asarray(v, np.float64), np.asarray(faces)) for v in (rest, moved))
    with np.errstate(divide="ignore", invalid="ignore"):
        deformation = after @ np.linalg.pinv(before)
    singular = np.linalg.svd(deformation, compute_uv=False)
    logs = np.log(np.maximum(singular, 1e-6))
    flat = np.abs(np.linalg.det(before)) < 1e-9
    size = float(np.median(logs[~flat].mean(axis=1))) if (~flat).any() else 0.0
    stretch = np.abs(logs - size).max(axis=1)
    stretch[flat] = np.nan
    return np.asarray(stretch)


def _planar(vertices: FloatArray, faces: npt.NDArray[Any]) -> FloatArray:
    """(F, 2, 2): both edges of each triangle from its first corner, in a frame of its own plane, as columns."""
    a, b, c = (vertices[faces[:, i]] for i in range(3))
    u, v = b - a, c - a
    length = np.linalg.norm(u, axis=1)
    along = u / np.maximum(length, _EPSILON)[:, None]
    x = np.einsum("nd,nd->n", v, along)
    y = np.linalg.norm(v - x[:, None] * along, axis=1)
    planar = np.zeros((len(faces), 2, 2))
    planar[:, 0, 0], planar[:, 0, 1], planar[:, 1, 1] = length, x, y
    return planar


def mirror_pairs(vertices: npt.ArrayLike) -> IntArray:
    """Return (V,) int32: the vertex on the other side of ``x = 0``; -1 where a mesh has none within 2 mm."""
    v = np.asarray(vertices, np.float64)
    distance, found = cKDTree(v).query(v * (-1.0, 1.0, 1.0))
    return np.where(distance < _MIRROR_TOLERANCE_MM, found, -1).astype(np.int32)


def asymmetry(vertices: npt.ArrayLike, pairs: npt.NDArray[np.integer], region: npt.NDArray[np.bool_]) -> FloatArray:
    """Return how far each vertex lies from the mirrored place of its partner, after the best alignment of both.

    Parameters
    ----------
    vertices : (V, 3) array_like
        mm.
    pairs : (V,) int
        From `mirror_pairs` of the rest shape.
    region : (V,) bool
        By which the mirrored mesh is aligned; NaN is returned outside of it.

    Returns
    -------
    (V,) float64
        mm.
    """
    v = np.asarray(vertices, np.float64)
    used = region & (pairs >= 0)
    mirrored = v[np.maximum(pairs, 0)] * (-1.0, 1.0, 1.0)
    back = align_pairs(mirrored[used], v[used]).rigid
    gap = np.linalg.norm(back.apply(mirrored) - v, axis=1)
    return np.where(used, gap, np.nan)


def self_intersections(
    vertices: npt.ArrayLike, faces: npt.NDArray[np.integer], region: npt.NDArray[np.bool_]
) -> npt.NDArray[np.bool_]:
    """Return (F,) bool: triangles that another one, with which they share no corner, runs through.

    Parameters
    ----------
    vertices : (V, 3) array_like
        mm.
    faces : (F, 3) int
        Triangles.
    region : (V,) bool
        Triangles with a corner outside of it are not asked.
    """
    asked = np.flatnonzero(region[faces].all(axis=1))
    crossed = np.zeros(len(faces), np.bool_)
    if len(asked) < 2:
        return crossed
    corners = np.asarray(vertices, np.float64)[faces[asked]]
    centres = corners.mean(axis=1)
    reach = np.linalg.norm(corners - centres[:, None], axis=2).max(axis=1)
    # one triangle drawn very long must not make all pairs neighbours
    radius = 2 * float(np.percentile(reach, 99.5))
    near = cKDTree(centres).query_pairs(radius, output_type="ndarray").astype(np.int64)
    close = np.linalg.norm(centres[near[:, 0]] - centres[near[:, 1]], axis=1) < reach[near].sum(axis=1)
    found = _crossing(corners, faces[asked].astype(np.int64), near[close])
    crossed[asked[found]] = True
    return crossed


@numba.njit(cache=True, nogil=True)
def _pierces(p: FloatArray, q: FloatArray, t: FloatArray) -> bool:
    """Whether the segment from p to q runs through a triangle's inside."""
    ux, uy, uz = t[1, 0] - t[0, 0], t[1, 1] - t[0, 1], t[1, 2] - t[0, 2]
    vx, vy, vz = t[2, 0] - t[0, 0], t[2, 1] - t[0, 1], t[2, 2] - t[0, 2]
    dx, dy, dz = q[0] - p[0], q[1] - p[1], q[2] - p[2]
    hx, hy, hz = dy * vz - dz * vy, dz * vx - dx * vz, dx * vy - dy * vx
    det = ux * hx + uy * hy + uz * hz
    if abs(det) < 1e-12:
        return False
    sx, sy, sz = p[0] - t[0, 0], p[1] - t[0, 1], p[2] - t[0, 2]
    a = (sx * hx + sy * hy + sz * hz) / det
    if a <= _EPSILON or a >= 1 - _EPSILON:
        return False
    kx, ky, kz = sy * uz - sz * uy, sz * ux - sx * uz, sx * uy - sy * ux
    b = (dx * kx + dy * ky + dz * kz) / det
    if b <= _EPSILON or a + b >= 1 - _EPSILON:
        return False
    along = (vx * kx + vy * ky + vz * kz) / det
    return _EPSILON < along < 1 - _EPSILON


@numba.njit(cache=True, nogil=True)
def _crossing(corners: FloatArray, faces: npt.NDArray[np.int64], pairs: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    found = np.zeros(len(corners), np.bool_)
    for k in range(len(pairs)):
        i, j = pairs[k, 0], pairs[k, 1]
        if found[i] and found[j]:
            continue
        shared = False
        for a in range(3):
            for b in range(3):
                shared = shared or faces[i, a] == faces[j, b]
        if shared:
            continue
        for a in range(3):
            b = (a + 1) % 3
            if _pierces(corners[i, a], corners[i, b], corners[j]) or _pierces(corners[j, a], corners[j, b], corners[i]):
                found[i] = found[j] = True
                break
    return found
