"""Depth images of points: what one camera group does not see of a head, the others have."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array
from faceapp.core.cloud import PointCloud
from faceapp.core.rig import CameraModel

_NEIGHBOURS = 3
"""Known pixels round an empty one that make it known too: points of another group lie apart at a slant."""


def completed_depth(depth: Float32Array, camera: CameraModel, clouds: list[PointCloud]) -> Float32Array:
    """Return a depth image whose gaps show the points of other clouds.

    Parameters
    ----------
    depth : (H, W) float32
        What the camera's own group measured, mm along z; NaN where that is nothing.
    camera : CameraModel
        Whose picture.
    clouds : list of PointCloud
        Of the other groups, rig frame; points that show the camera their back do not count.
    """
    image = np.full(depth.shape, np.inf, np.float32)
    for cloud in clouds:
        points = cloud.points
        if cloud.normals is not None:
            way = camera.centre.astype(np.float32) - points
            points = points[np.einsum("nd,nd->n", way, cloud.normals) > 0]
        pixels, z = camera.project(points)
        _splat(pixels, z, image)
    image[np.isinf(image)] = np.nan
    joined = np.where(np.isfinite(depth), depth, image)
    return _without_gaps(joined, _NEIGHBOURS)


@numba.njit(cache=True, nogil=True)
def _splat(pixels: npt.NDArray[np.float64], z: npt.NDArray[np.float64], image: Float32Array) -> None:
    height, width = image.shape
    for i in range(len(pixels)):
        u, v = pixels[i, 0], pixels[i, 1]
        if not (u > -1 and v > -1 and u < width and v < height) or z[i] <= 0:
            continue
        column, row = int(np.rint(u)), int(np.rint(v))
        if 0 <= row < height and 0 <= column < width and z[i] < image[row, column]:
            image[row, column] = z[i]


@numba.njit(cache=True, nogil=True)
def _without_gaps(image: Float32Array, least: int) -> Float32Array:
    """Give empty pixels the mean of the pixels round them, where enough of these are known."""
    height, width = image.shape
    result = image.copy()
    for row in range(1, height - 1):
        for column in range(1, width - 1):
            if np.isnan(image[row, column]):
                total, known = 0.0, 0
                for r in range(row - 1, row + 2):
                    for c in range(column - 1, column + 2):
                        if not np.isnan(image[r, c]):
                            total += image[r, c]
                            known += 1
                if known >= least:
                    result[row, column] = total / known
    return result
