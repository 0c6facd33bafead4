"""Whether a camera sees a point of the scan: by the side that the skin shows it, and by what stands before it."""

from __future__ import annotations

import numpy as np

from faceapp.core.arrays import BoolArray, Float32Array, FloatArray
from faceapp.core.rig import CameraModel
from faceapp.geometry.depth_rendering import visible_points

HIDDEN_BEHIND_MM = 3.0
"""Without normals: a point this far behind the surface that a camera sees is hidden from it."""
OFF_SKIN_MM = 1.0
"""With normals a point is asked for this far off the skin, so that grazing skin does not hide itself."""
CLEAR_MM = 0.5
"""What stands less than this before such a point is the skin itself."""


def seen_from(camera: CameraModel, depth: Float32Array, points: FloatArray, normals: FloatArray | None) -> BoolArray:
    """Return which points of a scan a camera sees.

    Parameters
    ----------
    camera : CameraModel
        Whose view.
    depth : (H, W) float32
        What it sees of the scan, mm along z; NaN hides nothing.
    points : (n, 3) float64
        Rig frame, mm.
    normals : (n, 3) float64, optional
        Unit, outward; NaN where not known.

    Notes
    -----
    A blunt tolerance in depth calls skin hidden that a camera sees at a grazing angle, and skin seen that turns away:
    the sign of the normal says the second, and a point moved along the normal is clear of the first.
    """
    if normals is None:
        return visible_points(points, camera, depth, HIDDEN_BEHIND_MM)
    known = np.asarray(np.isfinite(normals).all(axis=1))
    way = camera.centre - points
    with np.errstate(invalid="ignore"):
        towards = np.einsum("nd,nd->n", way, normals) > 0
    moved = np.where(known[:, None], points + OFF_SKIN_MM * normals, points)
    seen = towards & visible_points(moved, camera, depth, CLEAR_MM)
    if known.all():
        return seen
    return np.where(known, seen, visible_points(points, camera, depth, HIDDEN_BEHIND_MM))
