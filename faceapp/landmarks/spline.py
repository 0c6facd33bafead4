"""A first guess from five clicks: the mean shape bent onto them by a thin-plate spline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.interpolate import RBFInterpolator

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import UsageError
from faceapp.core.landmarks import LandmarkScheme

FIVE_POINTS = (66, 79, 54, 84, 90)
"""Outer corners of the right and the left eye, tip of the nose, right and left corner of the mouth."""
FIVE_NAMES = (
    "the outer corner of the right eye",
    "the outer corner of the left eye",
    "the tip of the nose",
    "the right corner of the mouth",
    "the left corner of the mouth",
)


def shape_on_clicks(scheme: LandmarkScheme, clicks: npt.ArrayLike) -> FloatArray:
    """Return the (n, 2) points of the mean shape where five of them are known.

    Parameters
    ----------
    scheme : LandmarkScheme
        Its mean shape; right and left are the subject's.
    clicks : (5, 2) array_like
        Pixels, in the order of `FIVE_POINTS`.

    Raises
    ------
    UsageError
        Two clicks fall together, or all lie on a line.

    Notes
    -----
    Bookstein, Principal warps: thin-plate splines and the decomposition of deformations (1989).
    """
    at = np.asarray(clicks, np.float64)
    if at.shape != (5, 2) or not np.isfinite(at).all():
        raise UsageError(f"five points (u, v) are expected, not an array of shape {at.shape}")
    spread = np.linalg.svd(at - at.mean(axis=0), compute_uv=False)
    if spread[1] < 0.02 * spread[0]:
        raise UsageError("the five points lie on a line; click both eyes, the nose and both corners of the mouth")
    bend = RBFInterpolator(scheme.mean_shape[list(FIVE_POINTS)], at, kernel="thin_plate_spline", degree=1)
    return np.asarray(bend(scheme.mean_shape), np.float64)
