"""Points from those of the other side: the reflection that the face itself shows, in a picture or in space."""

from __future__ import annotations

import numpy as np

from faceapp.core.arrays import BoolArray, FloatArray, IntArray
from faceapp.core.landmarks import LandmarkScheme

_LEAST_PAIRS = 4


def reflection(points: FloatArray, mirror: IntArray, use: BoolArray) -> tuple[FloatArray, FloatArray] | None:
    """Return the map that takes each point's partner to the point, ``x = matrix @ partner + shift``.

    Parameters
    ----------
    points : (n, d) float64
        Pixels or mm; NaN is not placed.
    mirror : (n,) int
        The partner of each point.
    use : (n,) bool
        Points that may say how the face lies.

    Returns
    -------
    tuple or None
        In a picture an affine map, for a turned face is not its own mirror image there; in space a rigid reflection.
        ``None`` where too few pairs are placed.
    """
    partner = points[mirror]
    good = use & np.isfinite(points).all(axis=1) & np.isfinite(partner).all(axis=1)
    if good.sum() < 2 * _LEAST_PAIRS:
        return None
    a, b = partner[good], points[good]
    if points.shape[1] == 2:
        solved, *_ = np.linalg.lstsq(np.column_stack([a, np.ones(len(a))]), b, rcond=None)
        return np.asarray(solved[:2].T, np.float64), np.asarray(solved[2], np.float64)
    ca, cb = a.mean(axis=0), b.mean(axis=0)
    u, _, vt = np.linalg.svd((a - ca).T @ (b - cb))
    turn = vt.T @ np.diag([1.0, 1.0, -np.sign(np.linalg.det(vt.T @ u.T))]) @ u.T
    return np.asarray(turn, np.float64), np.asarray(cb - turn @ ca, np.float64)


def from_other_side(scheme: LandmarkScheme, points: FloatArray, targets: list[int]) -> dict[int, FloatArray]:
    """Return where ``targets`` stand if the face is symmetric and their partners are right.

    Parameters
    ----------
    scheme : LandmarkScheme
        Which point is whose partner, and which slide with the view.
    points : (n, d) float64
        Pixels or mm.
    targets : list of int
        Points to be found; they and their partners do not say how the face lies where enough others do.
    """
    steady = np.ones(len(scheme), bool)
    steady[list(scheme.silhouette)] = False
    others = steady.copy()
    others[[*targets, *scheme.mirror[targets].tolist()]] = False
    found = reflection(points, scheme.mirror, others) or reflection(points, scheme.mirror, steady)
    if found is None:
        return {}
    matrix, shift = found
    moved = {i: matrix @ points[scheme.mirror[i]] + shift for i in targets}
    return {i: place for i, place in moved.items() if np.isfinite(place).all()}


def side_of(scheme: LandmarkScheme, index: int) -> int:
    """Return -1 for the subject's right, 1 for the left, 0 for the middle."""
    partner = int(scheme.mirror[index])
    if partner == index:
        return 0
    return -1 if scheme.mean_shape[index, 0] < scheme.mean_shape[partner, 0] else 1


def mirror_targets(scheme: LandmarkScheme, index: int) -> list[int]:
    """Return the points that a mirroring at ``index`` gives: its group, or its side of a group that spans both."""
    members = scheme.group_of(index).indices
    side = side_of(scheme, index)
    return [i for i in members if side_of(scheme, i) == side and side != 0]
