"""A projector as a view: calibrated from the phase of an ordinary capture, and compared with each later one.

Every point that two cameras measure has the position x at which the projector lit it. What x is where, is a camera of
one row: x = (p1 . X) / (p3 . X). From thousands of points its seven figures follow; what a column does not show, its
height above all, is set level with the cameras, and no decoder asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform

COLUMNS, ROWS = 1280, 1024
"""Of the projector's picture, where nobody says; only x = u / columns is ever used."""

_LEAST_POINTS = 500
_MOST_POINTS = 40_000
_LEAST_DEPTH_MM = 15.0
_ROUNDS = 12
_HUBER = 2.0


@dataclass(frozen=True, eq=False)
class ProjectorFit:
    """A projector that was calibrated from phase.

    Parameters
    ----------
    optics : CameraModel
        The projector as a camera.
    residual_px : float
        Robust spread of the points about it, columns.
    points : int
        That were used.
    """

    optics: CameraModel
    residual_px: float
    points: int


def fit_projector(
    name: str, points: npt.ArrayLike, field: npt.ArrayLike, cameras: Sequence[CameraModel]
) -> ProjectorFit:
    """Calibrate a projector from points whose position in its field is known.

    Parameters
    ----------
    name : str
        Of the projector.
    points : (N, 3) array_like
        Rig frame, mm; a surface with depth, such as a head, or several.
    field : (N,) array_like
        x, 0 to 1 across the field.
    cameras : sequence of CameraModel
        Of its group; the projector is set level with them.

    Returns
    -------
    ProjectorFit

    Raises
    ------
    DataError
        There are too few points, or they lie in a plane: a wall shows no depth.
    """
    where, x = np.asarray(points, np.float64), np.asarray(field, np.float64)
    known = np.isfinite(where).all(axis=1) & np.isfinite(x)
    where, x = where[known], x[known]
    if len(where) < _LEAST_POINTS:
        raise DataError(f"{name}: {len(where)} points with a phase, at least {_LEAST_POINTS} are needed")
    step = max(len(where) // _MOST_POINTS, 1)
    where, u = where[::step], x[::step] * COLUMNS
    middle = where.mean(axis=0)
    spread = np.linalg.svd(where - middle, compute_uv=False) / np.sqrt(len(where))
    if spread[2] < _LEAST_DEPTH_MM / 3:
        raise DataError(f"{name}: the points lie nearly in a plane; take a head, or the board in several poses")
    scale = float(spread[0])
    homogeneous = np.column_stack([(where - middle) / scale, np.ones(len(where))])
    rows = _refined(_linear(homogeneous, u), homogeneous, u)
    # Back into millimetres: rows act on X through (X - middle) / scale.
    back = np.eye(4)
    back[:3, :3] /= scale
    back[:3, 3] = -middle / scale
    first, third = rows.reshape(2, 4) @ back
    optics = _camera(name, first, third, cameras)
    off = phase_residual_px(where, u / COLUMNS, optics)
    return ProjectorFit(optics, robust_px(off), len(where))


def phase_residual_px(points: npt.ArrayLike, field: npt.ArrayLike, optics: CameraModel) -> FloatArray:
    """Return the (N,) columns by which points lie off where the projector lit them.

    A camera that turned moves the points that it measures, and they leave the columns by which they were found: the
    early sign that a calibration is no longer right.
    """
    pixels, _ = optics.project(points)
    return np.asarray(np.asarray(field, np.float64) * optics.width - pixels[:, 0])


def robust_px(residual: npt.ArrayLike) -> float:
    """Return the spread of residuals about 0, deaf to a few bad ones; NaN for none."""
    off = np.abs(np.asarray(residual, np.float64))
    off = off[np.isfinite(off)]
    return float(1.4826 * np.median(off)) if len(off) else float("nan")


def _linear(points: FloatArray, u: FloatArray) -> FloatArray:
    """The rows p1, p3 (8,) by the direct linear transform."""
    size = np.abs(u).max()
    system = np.hstack([points, -(u / size)[:, None] * points])
    _, vectors = np.linalg.eigh(system.T @ system)
    rows = vectors[:, 0].copy()
    rows[:4] *= size
    return rows if (points @ rows[4:]).mean() > 0 else -rows


def _refined(rows: FloatArray, points: FloatArray, u: FloatArray) -> FloatArray:
    """Gauss-Newton on the columns themselves, with little weight for bad points."""
    for _ in range(_ROUNDS):
        rows = rows / np.linalg.norm(rows[4:7])
        depth = points @ rows[4:]
        seen = (points @ rows[:4]) / depth
        rest = u - seen
        scale = max(1.4826 * float(np.median(np.abs(rest))), 1e-6)
        weight = np.sqrt(np.minimum(1, _HUBER * scale / np.maximum(np.abs(rest), 1e-12)))
        slope = np.hstack([points, -seen[:, None] * points]) / depth[:, None]
        step = np.linalg.lstsq(slope * weight[:, None], rest * weight, rcond=1e-10)[0]
        rows = rows + step
    return rows / np.linalg.norm(rows[4:7])


def _camera(name: str, first: FloatArray, third: FloatArray, cameras: Sequence[CameraModel]) -> CameraModel:
    size = float(np.linalg.norm(third[:3]))
    first, third = first / size, third / size
    ahead = third[:3]
    centre = float(first[:3] @ ahead)
    across = first[:3] - centre * ahead
    focal = float(np.linalg.norm(across))
    across = across / focal
    down = np.cross(ahead, across)
    level = np.mean([c.centre for c in cameras], axis=0)
    shift = np.array([(first[3] - centre * third[3]) / focal, -level @ down, third[3]])
    u, _, vt = np.linalg.svd(np.stack([across, down, ahead]))
    pose = RigidTransform(u @ vt, shift).inverse()
    k = np.array([[focal, 0, centre], [0, focal, ROWS / 2], [0, 0, 1.0]])
    return CameraModel(name, COLUMNS, ROWS, k, np.zeros(5), pose)
