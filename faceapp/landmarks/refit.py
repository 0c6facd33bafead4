"""Moving what nobody touched after what a person placed: the most likely rest of the face, given some of its points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import BoolArray, FloatArray
from faceapp.core.landmarks import LandmarkScheme

_UNKNOWN = 0.045
"""Error of a first guess that does not tell its own, in outer-eye distances: a mean shape put into a face."""
_NEAR, _FAR = 0.13, 0.25
"""How far errors go together: along one curve, and over the face; outer-eye distances."""
_ON_CURVE = 0.7
"""Share of the error that points of one curve have in common with their neighbours there."""
_POSE_OF_GUESS, _POSE_OF_NETWORK = 3.0, 0.12
"""Error of place, turn and size of the whole, in errors of a point: large where the guess knows no face."""
_BY_HAND = 0.002
"""How exactly a person places a point, in outer-eye distances."""


def refit(
    scheme: LandmarkScheme,
    guess: npt.ArrayLike,
    pinned: npt.ArrayLike,
    sigma: npt.ArrayLike | None = None,
) -> FloatArray:
    """Return all points, those that are pinned where they are, the others moved after them.

    Parameters
    ----------
    scheme : LandmarkScheme
        Which points share a curve.
    guess : (n, 2) array_like
        The first guess, pixels.
    pinned : (n, 2) array_like
        What a person placed; NaN elsewhere.
    sigma : (n,) array_like, optional
        Error of each point of the guess, pixels; NaN where it is not known.

    Notes
    -----
    The errors of a guess are a Gaussian process over the face: a wrong place, turn and size of the whole, and errors
    that neighbours share, most along one curve. What is left of the moves of the pinned points is their conditional
    mean (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, eq. 2.25). Points that are certain move
    little, whatever their neighbours did.
    """
    at, fixed = np.asarray(guess, np.float64), np.asarray(pinned, np.float64)
    known = np.asarray(np.isfinite(fixed).all(axis=1) & np.isfinite(at).all(axis=1))
    result = np.where(np.isfinite(fixed), fixed, at)
    if not known.any():
        return result
    size = face_size(scheme, at)
    told = np.full(len(at), np.nan) if sigma is None else np.asarray(sigma, np.float64) / size
    error = np.where(np.isfinite(told), np.maximum(told, 0.003), _UNKNOWN)
    pose = (_POSE_OF_NETWORK if np.isfinite(told).any() else _POSE_OF_GUESS) * float(np.median(error))
    covariance = _covariance(scheme, at / size, error, pose)
    inner = covariance[np.ix_(known, known)] + _BY_HAND**2 * np.eye(int(known.sum()))
    moves = covariance[:, known] @ np.linalg.solve(inner, fixed[known] - at[known])
    return np.where(known[:, None], fixed, at + moves)


def face_size(scheme: LandmarkScheme, points: FloatArray) -> float:
    """Return the outer-eye distance that fits all placed points best, in their unit; it does not shrink with yaw."""
    shape = scheme.mean_shape
    placed = np.isfinite(points).all(axis=1)
    if placed.sum() < 2:
        return 1.0
    spread = [np.linalg.norm(xy[placed] - xy[placed].mean(axis=0), axis=1) for xy in (points, shape)]
    return max(float(np.sqrt((spread[0] ** 2).sum() / (spread[1] ** 2).sum())), 1e-9)


def _covariance(scheme: LandmarkScheme, at: FloatArray, error: FloatArray, pose: float) -> FloatArray:
    placed = np.nan_to_num(at - np.nanmean(at, axis=0))
    apart = np.linalg.norm(placed[:, None] - placed[None], axis=2)
    over_face = np.exp(-0.5 * (apart / _FAR) ** 2)
    on_curve = np.exp(-0.5 * (apart / _NEAR) ** 2) * _together(scheme)
    local = np.outer(error, error) * ((1 - _ON_CURVE) * over_face + _ON_CURVE * on_curve)
    return local + pose**2 * (1 + placed @ placed.T)


def _together(scheme: LandmarkScheme) -> BoolArray:
    group = np.zeros(len(scheme), int)
    for number, members in enumerate(scheme.groups):
        group[list(members.indices)] = number
    return np.asarray(group[:, None] == group[None])
