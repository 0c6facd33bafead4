"""Depth images of triangles seen by a calibrated camera, lens distortion included, by a compiled z-buffer."""

from __future__ import annotations

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array
from faceapp.core.rig import CameraModel


def render_depth(points: npt.ArrayLike, faces: npt.ArrayLike, camera: CameraModel) -> Float32Array:
    """Return the depth image of a triangulated surface.

    Parameters
    ----------
    points : (V, 3) array_like
        Rig frame, mm.
    faces : (F, 3) array_like of int
        Triangles; both sides count.
    camera : CameraModel
        Seen from here.

    Returns
    -------
    (H, W) float32
        Depth along the camera's z at each pixel's centre, mm; NaN where there is no surface.
    """
    pixels, depth = camera.project(points)
    image = np.full((camera.height, camera.width), np.inf, np.float32)
    triangles = np.ascontiguousarray(faces, np.int64)
    _rasterise(np.ascontiguousarray(pixels), np.ascontiguousarray(depth), triangles, image)
    image[np.isinf(image)] = np.nan
    return image


@numba.njit(cache=True, nogil=True)
def _rasterise(
    pixels: npt.NDArray[np.float64],
    depth: npt.NDArray[np.float64],
    faces: npt.NDArray[np.int64],
    image: Float32Array,
) -> None:
    height, width = image.shape
    for f in range(len(faces)):
        i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
        if not (depth[i] > 0 and depth[j] > 0 and depth[k] > 0):
            continue
        ax, ay = pixels[i, 0], pixels[i, 1]
        bx, by = pixels[j, 0], pixels[j, 1]
        cx, cy = pixels[k, 0], pixels[k, 1]
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area == 0.0 or not np.isfinite(area):
            continue
        left = max(int(np.ceil(min(ax, bx, cx))), 0)
        right = min(int(np.floor(max(ax, bx, cx))), width - 1)
        top = max(int(np.ceil(min(ay, by, cy))), 0)
        bottom = min(int(np.floor(max(ay, by, cy))), height - 1)
        for row in range(top, bottom + 1):
            for col in range(left, right + 1):
                wa = ((bx - col) * (cy - row) - (by - row) * (cx - col)) / area
                wb = ((cx - col) * (ay - row) - (cy - row) * (ax - col)) / area
                wc = 1.0 - wa - wb
                if wa < -1e-9 or wb < -1e-9 or wc < -1e-9:
                    continue
                # Depth is linear on the screen in its inverse.
                z = 1.0 / (wa / depth[i] + wb / depth[j] + wc / depth[k])
                if z < image[row, col]:
                    image[row, col] = z


def visible_points(
    points: npt.ArrayLike, camera: CameraModel, depth: Float32Array, tolerance: float
) -> npt.NDArray[np.bool_]:
    """Return which points (N, 3) a camera sees, given its depth image.

    Parameters
    ----------
    points : (N, 3) array_like
        Rig frame, mm.
    camera : CameraModel
        Whose view it is.
    depth : (H, W) float32
        From `render_depth`.
    tolerance : float
        mm: a point that lies less than this behind the surface counts as seen.

    Returns
    -------
    (N,) bool
        Inside the picture and not hidden.
    """
    pixels, z = camera.project(points)
    with np.errstate(invalid="ignore"):
        inside = (
            (pixels[:, 0] >= 0)
            & (pixels[:, 0] <= camera.width - 1)
            & (pixels[:, 1] >= 0)
            & (pixels[:, 1] <= camera.height - 1)
        )
    nearest = np.rint(np.where(inside[:, None], pixels, 0)).astype(int)
    surface = depth[nearest[:, 1], nearest[:, 0]]
    with np.errstate(invalid="ignore"):
        hidden = z > surface + tolerance
    return np.asarray(inside & ~hidden)
