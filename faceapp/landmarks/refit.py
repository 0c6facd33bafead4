"""Moving what nobody touched after what a person placed: the most likely rest of the face, given some of its points."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import BoolArray, FloatArray
from faceapp.core.landmarks import LandmarkScheme
from faceapp.landmarks.error_shapes import shipped_shapes

_UNKNOWN = 0.045
"""Error of a first guess that does not tell its own, in outer-eye distances: a mean shape put into a face."""
_NEAR, _FAR = 0.13, 0.25
"""How far errors go together: along one curve, and over the face; outer-eye distances."""
_ON_CURVE = 0.7
"""Share of the error that points of one curve have in common with their neighbours there."""
_POSE_OF_GUESS, _POSE_OF_NETWORK = 3.0, 0.12
"""Error of place, turn and size of the whole, in errors of a point: large where the guess knows no face."""
_LEAST = 0.003
"""Least error of a guess, in outer-eye distances."""
_ASSUMED = 0.15
"""Share of what is assumed of errors beside what was measured, so that nothing measured on few is taken as certain."""
_BY_HAND = 0.002
"""How exactly a person places a point, in outer-eye distances."""


@dataclass(frozen=True, eq=False)
class Refitted:
    """All points after a refit.

    Parameters
    ----------
    points : (n, 2) float64
        Pixels; (n, 3), mm, on a scan.
    sigma : (n,) float64
        One standard deviation of each coordinate, pixels: what is left of the guess's own.
    """

    points: FloatArray
    sigma: FloatArray


def refit(
    scheme: LandmarkScheme,
    guess: npt.ArrayLike,
    pinned: npt.ArrayLike,
    sigma: npt.ArrayLike | None = None,
    noise: npt.ArrayLike | None = None,
) -> Refitted:
    """Return all points, those that are pinned where they are, the others moved after them.

    Parameters
    ----------
    scheme : LandmarkScheme
        Which points share a curve.
    guess : (n, 2) array_like
        The first guess, pixels.
    pinned : (n, 2) array_like
        What a person placed, or what is known from another view; NaN elsewhere.
    sigma : (n,) array_like, optional
        Error of each point of the guess, pixels; NaN where it is not known.
    noise : (n,) array_like, optional
        Error of each pinned point, pixels: one that has some moves towards its guess too. NaN: placed by a person, and
        it stays.

    Notes
    -----
    The errors of a guess are a Gaussian process over the face: a wrong place, turn and size of the whole, and errors
    that neighbours share, most along one curve; those of the program's own network go together as it was measured
    (`error_shapes`). What is left of the moves of the pinned points is their conditional mean (Rasmussen and Williams,
    Gaussian Processes for Machine Learning, 2006, eq. 2.25 and 2.26). Points that are certain move little, whatever
    their neighbours did.
    """
    at, fixed = np.asarray(guess, np.float64), np.asarray(pinned, np.float64)
    known = np.asarray(np.isfinite(fixed).all(axis=1) & np.isfinite(at).all(axis=1))
    size = face_size(scheme, at)
    told = np.full(len(at), np.nan) if sigma is None else np.asarray(sigma, np.float64) / size
    covariance = size**2 * _covariance(scheme, at, size, told)
    axes = at.shape[1]
    variance = np.diag(covariance).reshape(-1, axes).mean(axis=1)
    if not known.any():
        return Refitted(np.where(np.isfinite(fixed), fixed, at), np.sqrt(variance))
    own = np.full(len(at), np.nan) if noise is None else np.asarray(noise, np.float64)
    error = np.where(np.isfinite(own), own, _BY_HAND * size)
    rows = np.repeat(known, axes)
    inner = covariance[np.ix_(rows, rows)] + np.diag(np.repeat(error[known] ** 2, axes))
    across = covariance[:, rows]
    weights = np.linalg.solve(inner, across.T)
    moves = (weights.T @ (fixed[known] - at[known]).ravel()).reshape(-1, axes)
    left = variance - np.einsum("ij,ji->i", across, weights).reshape(-1, axes).mean(axis=1)
    stays = known & ~np.isfinite(own)
    return Refitted(np.where(stays[:, None], fixed, at + moves), np.sqrt(np.maximum(left, 0.0)))


def face_size(scheme: LandmarkScheme, points: FloatArray) -> float:
    """Return the outer-eye distance that fits all placed points best, in their unit; it does not shrink with yaw."""
    shape = scheme.mean_shape
    placed = np.isfinite(points).all(axis=1)
    if placed.sum() < 2:
        return 1.0
    spread = [np.linalg.norm(xy[placed] - xy[placed].mean(axis=0), axis=1) for xy in (points, shape)]
    return max(float(np.sqrt((spread[0] ** 2).sum() / (spread[1] ** 2).sum())), 1e-9)


def _covariance(scheme: LandmarkScheme, at: FloatArray, size: float, told: FloatArray) -> FloatArray:
    """(d n, d n) of the d coordinates of all points, in outer-eye distances."""
    by_network = bool(np.isfinite(told).any())
    error = np.where(np.isfinite(told), np.maximum(told, _LEAST), _UNKNOWN)
    pose = (_POSE_OF_NETWORK if by_network else _POSE_OF_GUESS) * float(np.median(error))
    assumed = np.asarray(np.kron(_assumed(scheme, at / size, error, pose), np.eye(at.shape[1])), np.float64)
    shapes = shipped_shapes() if by_network and at.shape[1] == 2 and np.isfinite(at).all() else None
    if shapes is None:
        return assumed
    scale = np.repeat(error, 2)
    measured = shapes.at(scheme, at, size).reshape(len(scale), -1) * np.outer(scale, scale)
    return np.asarray((1 - _ASSUMED) * measured + _ASSUMED * assumed, np.float64)


def _assumed(scheme: LandmarkScheme, at: FloatArray, error: FloatArray, pose: float) -> FloatArray:
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
