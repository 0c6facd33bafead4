"""Rotations as vectors, many at a time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray


def rotation_of(vectors: npt.ArrayLike) -> FloatArray:
    """Return the (..., 3, 3) rotations about (..., 3) vectors by their length in radians (Rodrigues)."""
    v = np.asarray(vectors, np.float64)
    angle = np.linalg.norm(v, axis=-1)[..., None, None]
    cross = skew(v)
    small = angle < 1e-8
    safe = np.where(small, 1.0, angle)
    first = np.where(small, 1.0, np.sin(safe) / safe)
    second = np.where(small, 0.5, (1 - np.cos(safe)) / safe**2)
    return np.eye(3) + first * cross + second * (cross @ cross)


def vector_of(rotation: npt.ArrayLike) -> FloatArray:
    """Return the (3,) vector of a rotation (3, 3)."""
    r = np.asarray(rotation, np.float64)
    axis = np.array([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1]]) / 2
    sine, cosine = float(np.linalg.norm(axis)), float((np.trace(r) - 1) / 2)
    if sine < 1e-6 and cosine > 0:
        return axis
    if sine < 1e-6:  # half a turn: the axis is in the symmetric part
        column = int(np.argmax(np.diag(r)))
        half = (r + np.eye(3))[:, column]
        return np.pi * half / np.linalg.norm(half)
    return axis * (np.arctan2(sine, cosine) / sine)


def angle_between(first: npt.ArrayLike, second: npt.ArrayLike) -> FloatArray:
    """Return the (...) angle between rotations (..., 3, 3), rad."""
    turn = np.swapaxes(np.asarray(first, np.float64), -1, -2) @ np.asarray(second, np.float64)
    # The chord is exact where the trace is not: at small angles.
    chord = np.linalg.norm(turn - np.eye(3), axis=(-2, -1)) / np.sqrt(8)
    return 2 * np.arcsin(np.clip(chord, 0, 1))


def skew(vectors: npt.ArrayLike) -> FloatArray:
    """Return the (..., 3, 3) matrices whose product with a vector is the cross product."""
    v = np.asarray(vectors, np.float64)
    zero = np.zeros(v.shape[:-1])
    rows = [
        np.stack([zero, -v[..., 2], v[..., 1]], axis=-1),
        np.stack([v[..., 2], zero, -v[..., 0]], axis=-1),
        np.stack([-v[..., 1], v[..., 0], zero], axis=-1),
    ]
    return np.stack(rows, axis=-2)
