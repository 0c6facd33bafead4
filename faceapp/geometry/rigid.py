"""Rigid and similarity alignment: paired points, and trimmed point-to-plane ICP for what has no pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from faceapp.core.arrays import BoolArray, FloatArray
from faceapp.core.errors import DataError
from faceapp.core.transforms import RigidTransform, Similarity


def align_pairs(
    source: npt.ArrayLike, target: npt.ArrayLike, weights: npt.ArrayLike | None = None, *, scale: bool = False
) -> Similarity:
    """Least-squares alignment of paired points, never a reflection.

    Parameters
    ----------
    source, target : (N, 3) array_like
        Pairs, mm; pairs with a NaN are left out.
    weights : (N,) array_like, optional
        Not negative.
    scale : bool
        Whether the scale is free (else 1).

    Returns
    -------
    Similarity
        Target from source.

    Raises
    ------
    DataError
        Fewer than three pairs, or all on a line.

    Notes
    -----
    Umeyama, IEEE TPAMI 13(4), 1991.
    """
    a, b = np.asarray(source, np.float64), np.asarray(target, np.float64)
    w = np.ones(len(a)) if weights is None else np.asarray(weights, np.float64)
    use = np.isfinite(a).all(axis=1) & np.isfinite(b).all(axis=1) & (w > 0)
    if use.sum() < 3:
        raise DataError(f"alignment needs at least three point pairs, got {int(use.sum())}")
    a, b, w = a[use], b[use], w[use] / w[use].sum()
    ca, cb = w @ a, w @ b
    a0, b0 = a - ca, b - cb
    u, s, vt = np.linalg.svd((b0 * w[:, None]).T @ a0)
    if s[1] < 1e-9 * max(s[0], 1e-12):
        raise DataError("alignment: the points lie on a line, the rotation about it stays open")
    d = np.array([1.0, 1.0, np.sign(np.linalg.det(u @ vt))])
    rotation = u @ np.diag(d) @ vt
    factor = float((s * d).sum() / (w @ np.sum(a0**2, axis=1))) if scale else 1.0
    return Similarity(factor, RigidTransform(rotation, cb - factor * rotation @ ca))


@dataclass(frozen=True)
class IcpResult:
    """What ICP found.

    Parameters
    ----------
    transform : RigidTransform
        Target from source.
    residual : float
        Root mean square distance to the target's planes over the pairs in use, mm.
    pairs : int
        In use at the end.
    rounds : int
        Done.
    """

    transform: RigidTransform
    residual: float
    pairs: int
    rounds: int


def icp(
    source: FloatArray,
    source_normals: FloatArray,
    target: FloatArray,
    target_normals: FloatArray,
    *,
    start: RigidTransform | None = None,
    keep: float = 0.8,
    max_distance: float = 5.0,
    max_angle_deg: float = 45.0,
    rounds: int = 40,
    tree: cKDTree | None = None,
) -> IcpResult:
    """Trimmed point-to-plane ICP.

    Parameters
    ----------
    source, target : (N, 3), (M, 3) float64
        mm.
    source_normals, target_normals : (N, 3), (M, 3) float64
        Unit.
    start : RigidTransform, optional
        Where the source begins.
    keep : float
        Share of the closest pairs that count.
    max_distance : float
        Pairs farther apart do not count, mm.
    max_angle_deg : float
        Nor pairs whose normals differ more.
    rounds : int
        At most.
    tree : cKDTree, optional
        Of the target, if the caller has one.

    Returns
    -------
    IcpResult

    Raises
    ------
    DataError
        Fewer than 20 pairs: the surfaces do not overlap there.

    Notes
    -----
    Chen and Medioni (1992) with the trimming of Chetverikov et al. (2002).
    """
    tree = tree or cKDTree(target)
    transform = start or RigidTransform.identity()
    cosine = np.cos(np.radians(max_angle_deg))
    residual, used, done = np.inf, 0, 0
    while done < rounds:
        done += 1
        points, normals = transform.apply(source), transform.turn(source_normals)
        distance, nearest = (np.asarray(v) for v in tree.query(points, distance_upper_bound=max_distance))
        found = np.isfinite(distance)
        pair = np.where(found, np.asarray(nearest), 0)
        found &= np.einsum("nd,nd->n", normals, target_normals[pair]) > cosine
        if found.sum() < 20:
            raise DataError(
                f"ICP: only {int(found.sum())} points of the two surfaces overlap within {max_distance:g} mm"
            )
        limit = np.quantile(distance[found], keep)
        found &= distance <= limit
        p, q, n = points[found], target[pair[found]], target_normals[pair[found]]
        step = _plane_step(p, q, n)
        transform = step @ transform
        used = int(found.sum())
        residual = float(np.sqrt(np.mean(np.einsum("nd,nd->n", step.apply(p) - q, n) ** 2)))
        turn = np.arccos(np.clip((np.trace(step.rotation) - 1) / 2, -1, 1))
        if turn < 1e-6 and np.linalg.norm(step.translation) < 1e-4:
            break
    return IcpResult(transform, residual, used, done)


def _plane_step(p: FloatArray, q: FloatArray, n: FloatArray) -> RigidTransform:
    """The small motion that brings p onto the planes (q, n), linear in its rotation about the centre."""
    centre = p.mean(axis=0)
    jacobian = np.concatenate([np.cross(p - centre, n), n], axis=1)
    gap = np.einsum("nd,nd->n", q - p, n)
    scale = max(float(np.abs(p - centre).max()), 1.0)
    jacobian[:, :3] /= scale
    normal = jacobian.T @ jacobian + 1e-9 * len(p) * np.eye(6)
    x = np.linalg.solve(normal, jacobian.T @ gap)
    rotation = rotation_of(x[:3] / scale)
    return RigidTransform(rotation, centre + x[3:] - rotation @ centre)


def rotation_of(vector: npt.ArrayLike) -> FloatArray:
    """Return the (3, 3) rotation about ``vector`` (3,) by its length in radians."""
    v = np.asarray(vector, np.float64)
    angle = float(np.linalg.norm(v))
    if angle < 1e-12:
        return np.eye(3)
    x, y, z = v / angle
    k = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    rotation: FloatArray = np.eye(3) + np.sin(angle) * k + (1 - np.cos(angle)) * k @ k
    return rotation


def voxel_subset(points: FloatArray, size: float) -> npt.NDArray[np.intp]:
    """Return the index of one point of each cube of ``size`` mm, in the order of the points."""
    cells = np.floor((points - points.min(axis=0)) / size).astype(np.int64)
    extent = cells.max(axis=0) + 1
    keys = (cells[:, 0] * extent[1] + cells[:, 1]) * extent[2] + cells[:, 2]
    _, first = np.unique(keys, return_index=True)
    return np.sort(first)


def near_any(points: FloatArray, others: FloatArray, distance: float) -> BoolArray:
    """Return which points (N,) have one of ``others`` within ``distance`` mm."""
    found = np.asarray(cKDTree(others).query(points, distance_upper_bound=distance)[0])
    return np.asarray(np.isfinite(found))
