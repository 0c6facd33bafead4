"""Ideal pinhole grids laid over real cameras: lens distortion gone, rows epipolar where there are two cameras.

The phase map is resampled, never the frames: one map instead of a dozen.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.rig import CameraModel


@dataclass(frozen=True, eq=False)
class PinholeGrid:
    """A grid of ideal pixels and where each lies in the real picture.

    Parameters
    ----------
    rotation : (3, 3) float64
        Grid directions to the rig frame (x right, y down, z forward).
    centre : (3,) float64
        Optical centre in the rig frame, mm.
    focal : float
        Pixels.
    cx, cy : float
        Principal point, pixels.
    map_u, map_v : (H, W) float32
        Pixel of the real picture; -1 outside of it.
    """

    rotation: FloatArray
    centre: FloatArray
    focal: float
    cx: float
    cy: float
    map_u: Float32Array
    map_v: Float32Array

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.map_u.shape[0], self.map_u.shape[1]

    def points(self, rows: FloatArray, columns: FloatArray, depth: FloatArray) -> FloatArray:
        """Return (N, 3) points of the rig frame at that depth along the grid's z, mm."""
        local = np.stack(
            [(columns - self.cx) / self.focal, (rows - self.cy) / self.focal, np.ones_like(depth)], axis=-1
        )
        return (local * depth[:, None]) @ self.rotation.T + self.centre


def straight_grid(camera: CameraModel) -> PinholeGrid:
    """Return the camera's own grid without its lens distortion."""
    rotation = camera.rig_from_camera.rotation
    focal = float(camera.K[0, 0] + camera.K[1, 1]) / 2
    low, high = _extent(camera, rotation)
    return _grid(camera, rotation, focal, low, high)


def epipolar_grids(first: CameraModel, second: CameraModel) -> tuple[PinholeGrid, PinholeGrid]:
    """Return grids of two cameras whose rows correspond.

    Notes
    -----
    Both look along the mean of the optical axes, turned so that x runs along the baseline (Fusiello et al. 2000).
    Each keeps a principal point of its own, so that cameras that converge strongly keep their picture whole.
    """
    baseline = second.centre - first.centre
    x = baseline / np.linalg.norm(baseline)
    forward = first.rig_from_camera.rotation[:, 2] + second.rig_from_camera.rotation[:, 2]
    if x @ first.rig_from_camera.rotation[:, 0] < 0 and abs(x @ first.rig_from_camera.rotation[:, 0]) > 0.5:
        x = -x  # the second camera stands to the left: keep the pictures upright
    y = np.cross(forward, x)
    y /= np.linalg.norm(y)
    rotation = np.stack([x, y, np.cross(x, y)], axis=1)
    focal = float(first.K[0, 0] + first.K[1, 1] + second.K[0, 0] + second.K[1, 1]) / 4
    extents = [_extent(camera, rotation) for camera in (first, second)]
    top = max(low[1] for low, _ in extents)
    bottom = min(high[1] for _, high in extents)
    grids = [
        _grid(camera, rotation, focal, np.array([low[0], top]), np.array([high[0], bottom]))
        for camera, (low, high) in zip((first, second), extents, strict=True)
    ]
    return grids[0], grids[1]


def _border(camera: CameraModel) -> FloatArray:
    """Ideal (N, 2) image coordinates along the picture's edge."""
    u, v = np.linspace(0, camera.width - 1, 65), np.linspace(0, camera.height - 1, 65)
    sides = [(u, 0 * u), (u, 0 * u + camera.height - 1), (0 * v, v), (0 * v + camera.width - 1, v)]
    return camera.undistort(np.concatenate([np.stack(side, axis=1) for side in sides]))


def _extent(camera: CameraModel, rotation: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Smallest box of grid image coordinates that holds the picture."""
    ideal = _border(camera)
    rays = np.concatenate([ideal, np.ones((len(ideal), 1))], axis=1)
    local = rays @ camera.rig_from_camera.rotation.T @ rotation
    flat = local[:, :2] / local[:, 2:]
    return flat.min(axis=0), flat.max(axis=0)


def _grid(camera: CameraModel, rotation: FloatArray, focal: float, low: FloatArray, high: FloatArray) -> PinholeGrid:
    columns, rows = (np.ceil((high - low) * focal).astype(int) + 1).tolist()
    cx, cy = (-low * focal).tolist()
    x = (np.arange(columns) - cx) / focal
    y = (np.arange(rows) - cy) / focal
    rays = np.stack([*np.meshgrid(x, y), np.ones((rows, columns))], axis=-1)
    local = rays @ (camera.rig_from_camera.rotation.T @ rotation).T
    ideal = local[..., :2] / local[..., 2:]
    # Outside the picture a strong lens polynomial folds back into it: only the calibrated circle counts.
    reach = float(np.max(np.sum(_border(camera) ** 2, axis=1))) * 1.001
    inside = (local[..., 2] > 0) & (np.sum(ideal**2, axis=-1) <= reach)
    pixels = camera.distort(np.where(inside[..., None], ideal, 0.0))
    pixels[~inside] = -1
    return PinholeGrid(
        rotation,
        camera.centre,
        focal,
        cx,
        cy,
        pixels[..., 0].astype(np.float32),
        pixels[..., 1].astype(np.float32),
    )
