"""Two cameras and the projector between them, as the compiled passes see them: rays, columns, phase between pixels."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.frames import KNOWN_ABOVE

_KNOWN = np.float32(KNOWN_ABOVE)
_FX, _SKEW, _CX, _FY, _CY, _K1, _K2, _P1, _P2, _K3 = range(10)


class ThreeViews(NamedTuple):
    """Two cameras and the projector between them, seen from the first camera.

    Parameters
    ----------
    rays : (H, W, 2) float32
        Ideal image coordinates of each pixel of the first camera.
    near, far : float
        Depth range along the first camera's z, mm.
    frequency : float
        Fringes across the field.
    field : float
        Projector pixels along the axis of the fringes; ``x field`` is a pixel.
    along_v : bool
        Whether the axis of the fringes is v.
    rounds : int
        How often to aim at a column of the projector: once where its lens does not bend.
    tolerance : float
        Cycles by which the wrapped phases of the cameras may differ.
    to_projector, to_second : (3, 4) float64
        Rotation and translation out of the first camera's frame.
    projector, second : (10,) float64
        ``fx skew cx fy cy k1 k2 p1 p2 k3``.
    """

    rays: Float32Array
    near: float
    far: float
    frequency: float
    field: float
    along_v: bool
    rounds: int
    tolerance: float
    to_projector: FloatArray
    to_second: FloatArray
    projector: FloatArray
    second: FloatArray


@numba.njit(inline="always")
def pixel_of(x: Any, y: Any, z: Any, pose: Any, lens: Any) -> Any:
    """Return the pixel of a point, and the depth, in the view that the pose leads to."""
    px = pose[0, 0] * x + pose[0, 1] * y + pose[0, 2] * z + pose[0, 3]
    py = pose[1, 0] * x + pose[1, 1] * y + pose[1, 2] * z + pose[1, 3]
    pz = pose[2, 0] * x + pose[2, 1] * y + pose[2, 2] * z + pose[2, 3]
    ideal_x, ideal_y = px / pz, py / pz
    r2 = ideal_x * ideal_x + ideal_y * ideal_y
    radial = 1 + r2 * (lens[_K1] + r2 * (lens[_K2] + r2 * lens[_K3]))
    xd = ideal_x * radial + 2 * lens[_P1] * ideal_x * ideal_y + lens[_P2] * (r2 + 2 * ideal_x * ideal_x)
    yd = ideal_y * radial + lens[_P1] * (r2 + 2 * ideal_y * ideal_y) + 2 * lens[_P2] * ideal_x * ideal_y
    return lens[_FX] * xd + lens[_SKEW] * yd + lens[_CX], lens[_FY] * yd + lens[_CY], pz


@numba.njit(inline="always")
def column_of(x: Any, y: Any, z: Any, views: Any) -> Any:
    """Return the projector's pixel along the fringes' axis at a depth of a ray; NaN behind the projector."""
    u, v, depth = pixel_of(x * z, y * z, z, views.to_projector, views.projector)
    return (v if views.along_v else u) if depth > 0 else np.nan


@numba.njit(inline="always")
def depth_at(x: Any, y: Any, wanted: Any, views: Any) -> Any:
    """Return the depth at which a ray meets a column of the projector; 0 where it does not.

    The lens is undone by aiming again at where an ideal projector would have to, which converges fast.
    """
    pose, lens = views.to_projector, views.projector
    axis = 1 if views.along_v else 0
    focal, centre = (lens[_FY], lens[_CY]) if views.along_v else (lens[_FX], lens[_CX])
    along = pose[axis, 0] * x + pose[axis, 1] * y + pose[axis, 2]
    forward = pose[2, 0] * x + pose[2, 1] * y + pose[2, 2]
    aim = (wanted - centre) / focal
    z = 0.0
    for i in range(views.rounds):
        below = along - aim * forward
        if below == 0:
            return 0.0
        z = (aim * pose[2, 3] - pose[axis, 3]) / below
        if not z > 0:
            return 0.0
        if i == views.rounds - 1:
            break
        miss = wanted - column_of(x, y, z, views)
        if not abs(miss) > 0.01:
            break
        aim += miss / focal
    return z


@numba.njit(inline="always")
def cycles_at(position: Any, frequency: Any, u: Any, v: Any) -> Any:
    """Return the phase between four pixels, cycles up to a whole number; NaN where they are not of one surface."""
    height, width = position.shape
    if not (u >= 0 and v >= 0 and u < width - 1 and v < height - 1):
        return np.nan
    iu, iv = int(u), int(v)
    p, q = u - iu, v - iv
    a = position[iv, iu]
    b, c, d = position[iv, iu + 1], position[iv + 1, iu], position[iv + 1, iu + 1]
    if min(min(a, b), min(c, d)) <= _KNOWN:
        return np.nan
    a, b, c, d = a * frequency, b * frequency, c * frequency, d * frequency
    b -= a + np.rint(b - a)
    c -= a + np.rint(c - a)
    d -= a + np.rint(d - a)
    if max(max(abs(b), abs(c)), abs(d)) > 0.45:
        return np.nan
    return a + (1 - q) * p * b + q * ((1 - p) * c + p * d)
