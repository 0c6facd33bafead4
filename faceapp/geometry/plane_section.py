"""Where a plane cuts a mesh."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray


def plane_section(vertices: npt.ArrayLike, faces: npt.NDArray[np.integer], axis: int, at: float) -> FloatArray:
    """Return the (N, 2, 3) segments in which the plane ``coordinate[axis] = at`` cuts a mesh, mm.

    Parameters
    ----------
    vertices : (V, 3) array_like
        mm; triangles with a corner that is not finite are passed over.
    faces : (F, 3) int
        Triangles.
    axis : int
        0 to 2: the coordinate that is the same all over the plane.
    at : float
        Its value, mm.

    Notes
    -----
    Each triangle with a corner on either side gives one segment; a corner in the plane counts as above it, so that no
    segment comes twice.
    """
    points = np.asarray(vertices, np.float64)
    above = points[:, axis] >= at
    count = above[faces].sum(axis=1)
    crossed = faces[(count == 1) | (count == 2)]
    crossed = crossed[np.isfinite(points[crossed]).all(axis=(1, 2))]
    lone = above[crossed] == (above[crossed].sum(axis=1) == 1)[:, None]
    first = np.argmax(lone, axis=1)
    rows = np.arange(len(crossed))
    tip = points[crossed[rows, first]]
    ends = [points[crossed[rows, (first + k) % 3]] for k in (1, 2)]
    return np.stack([_between(tip, end, axis, at) for end in ends], axis=1)


def _between(a: FloatArray, b: FloatArray, axis: int, at: float) -> FloatArray:
    t = (at - a[:, axis]) / (b[:, axis] - a[:, axis])
    found = a + t[:, None] * (b - a)
    found[:, axis] = at
    return found
