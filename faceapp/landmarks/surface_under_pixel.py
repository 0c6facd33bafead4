"""Where the ray of a pixel meets the scan between its vertices, told by the depth image of the pixel's camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.rig import CameraModel

_NEAR, _SPREAD = 2, 0.7
"""Half a side of the window in which the surface is a plane, and the sigma of its weights, pixels."""
_STEP_MM = 1.2
"""Depths that differ by more than this a pixel are two surfaces."""


@dataclass(frozen=True, eq=False)
class UnderPixels:
    """What some pixels show of a scan.

    Parameters
    ----------
    points : (n, 3) float64
        On the scan, rig frame, mm; NaN where the scan is not near.
    normals : (n, 3) float64
        Unit, towards the camera's side; NaN where not known.
    pixel_distance : (n,) float64
        To the nearest pixel that shows the scan; inf where there is none.
    """

    points: FloatArray
    normals: FloatArray
    pixel_distance: FloatArray


def points_under_pixels(
    pixels: npt.ArrayLike, camera: CameraModel, depth: Float32Array, max_pixels: float = 6.0
) -> UnderPixels:
    """Put pixels onto the surface.

    Parameters
    ----------
    pixels : (n, 2) array_like
        Sub-pixel coordinates.
    camera : CameraModel
        Whose picture.
    depth : (H, W) float32
        Of the scan at the pixels' centres, NaN where there is none.
    max_pixels : float
        Beyond it the scan is too far from the pixel; over a hole of less (an eye, a nostril) its rim is continued.

    Notes
    -----
    Depth is linear on the screen in its inverse, so a plane through the inverse depths of the pixels round the point is
    the triangle under it, and averages the noise of the scan.
    """
    at = np.asarray(pixels, np.float64).reshape(-1, 2)
    points, normals = np.full((len(at), 3), np.nan), np.full((len(at), 3), np.nan)
    distance = np.full(len(at), np.inf)
    left = np.flatnonzero(np.isfinite(at).all(axis=1))
    for reach, spread in ((_NEAR, _SPREAD), (int(np.ceil(max_pixels)), max_pixels / 2)):
        if not len(left):
            break
        over_hole = reach != _NEAR
        plane, near = _planes(at[left], depth, reach, spread, level=over_hole)
        near = np.where(near <= (max_pixels if over_hole else 1.0), near, np.inf)
        good = np.isfinite(near) & (plane[:, 0] > 0)
        rows = left[good]
        distance[rows] = near[good]
        points[rows], normals[rows] = _in_space(at[rows], plane[good], camera)
        if over_hole:
            normals[rows] = np.nan
        left = left[~good]
    return UnderPixels(points, normals, distance)


def _planes(
    at: FloatArray, depth: Float32Array, reach: int, spread: float, *, level: bool
) -> tuple[FloatArray, FloatArray]:
    """Return (n, 3) inverse depth and its slopes at each point, and the (n,) distance to the nearest known pixel.

    ``level``: without slopes, which the rim of a hole does not tell.
    """
    height, width = depth.shape
    offsets = np.arange(-reach, reach + 1)
    dv, du = (grid.ravel() for grid in np.meshgrid(offsets, offsets, indexing="ij"))
    middle = np.rint(at).astype(int)
    column, row = middle[:, :1] + du, middle[:, 1:] + dv
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    z = depth[np.clip(row, 0, height - 1), np.clip(column, 0, width - 1)].astype(np.float64)
    x, y = column - at[:, :1], row - at[:, 1:]
    away = np.hypot(x, y)
    known = inside & np.isfinite(z)
    reference = np.where(known, away, np.inf).argmin(axis=1)[:, None]
    nearest = np.take_along_axis(np.where(known, away, np.inf), reference, axis=1)
    own = np.take_along_axis(z, reference, axis=1)
    steps = np.maximum(np.hypot(x - np.take_along_axis(x, reference, 1), y - np.take_along_axis(y, reference, 1)), 1)
    with np.errstate(invalid="ignore"):
        same = known & (np.abs(z - own) <= _STEP_MM * steps)
    weight = np.where(same, np.exp(-0.5 * (away / spread) ** 2), 0.0)
    inverse = np.where(same, 1 / np.where(same, z, 1.0), 0.0)
    terms = np.stack([np.ones_like(x), x, y], axis=-1)
    left = np.einsum("nk,nki,nkj->nij", weight, terms, terms)
    right = np.einsum("nk,nki,nk->ni", weight, terms, inverse)
    stiff = 40.0 if level else 1e-6
    left += np.diag([1e-12, stiff, stiff])
    return np.linalg.solve(left, right[..., None])[..., 0], nearest[:, 0]


def _in_space(at: FloatArray, plane: FloatArray, camera: CameraModel) -> tuple[FloatArray, FloatArray]:
    ideal = camera.undistort(at)
    rays = camera.rig_from_camera.turn(np.column_stack([ideal, np.ones(len(ideal))]))
    points = camera.centre + rays / plane[:, :1]
    x, y = ideal.T
    slope_x, slope_y = plane[:, 1] * camera.K[0, 0], plane[:, 2] * camera.K[1, 1]
    local = np.stack([slope_x, slope_y, plane[:, 0] - slope_x * x - slope_y * y], axis=1)
    local *= -1 / np.linalg.norm(local, axis=1, keepdims=True)
    return points, camera.rig_from_camera.turn(local)
