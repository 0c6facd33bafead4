"""Distances between surfaces: which part, how aligned, in which direction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import BoolArray, FloatArray
from faceapp.core.transforms import RigidTransform, Similarity
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.rigid import align_pairs


@dataclass(frozen=True, eq=False)
class SurfaceDistance:
    """Distances of points to a surface.

    Parameters
    ----------
    distance : (N,) float64
        Signed, mm, positive outside; NaN beyond the limit.
    alignment : Similarity
        Surface from points, as applied before measuring.
    """

    distance: FloatArray
    alignment: Similarity


def surface_distance(
    points: npt.ArrayLike,
    tree: SurfaceTree,
    region: BoolArray | None = None,
    *,
    align: str = "none",
    max_distance: float = np.inf,
    rounds: int = 20,
) -> SurfaceDistance:
    """Return the distances of points to a surface, after an alignment by closest points.

    Parameters
    ----------
    points : (N, 3) array_like
        mm.
    tree : SurfaceTree
        The surface.
    region : (N,) bool, optional
        The points that the alignment looks at; all are measured.
    align : {"none", "rigid", "similarity"}
        What may move before measuring.
    max_distance : float
        Farther points are NaN.
    rounds : int
        Of the alignment.
    """
    p = np.asarray(points, np.float64)
    chosen = np.ones(len(p), bool) if region is None else region
    total = Similarity(1.0, RigidTransform.identity())
    moved = p
    if align != "none":
        for _ in range(rounds):
            closest = tree.query(moved[chosen], max_distance)
            found = closest.face >= 0
            if found.sum() < 3:
                break
            limit = np.quantile(closest.distance[found], 0.95)
            found &= closest.distance <= limit
            fit = align_pairs(p[chosen][found], closest.points[found], scale=align == "similarity")
            change = float(np.abs(fit.apply(p) - moved).max())
            total, moved = fit, fit.apply(p)
            if change < 1e-3:
                break
    return SurfaceDistance(tree.signed_distance(moved, max_distance), total)
