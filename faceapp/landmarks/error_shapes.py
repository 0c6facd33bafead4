"""How the errors of the shipped landmark network go together, measured on people that the program rendered."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np

import faceapp_resources
from faceapp.core.arrays import FloatArray
from faceapp.core.landmarks import LandmarkScheme

FILE = ("networks", "landmarks106-errors.npz")
_NOSE_TIP, _OUTER_EYES = 54, (66, 79)
_FRONTAL, _TURNED = 0.12, 0.26
"""Sideways place of the nose tip, in outer-eye distances, up to which a face is frontal and from which it is turned."""


@dataclass(frozen=True, eq=False)
class ErrorShapes:
    """Second moments of errors in units of the network's own sigma.

    Parameters
    ----------
    frontal, turned : (n, 2, n, 2) float64
        Of frontal faces, and of faces turned so that the nose tip is on the left of the eyes' middle in the picture.
    """

    frontal: FloatArray
    turned: FloatArray

    def at(self, scheme: LandmarkScheme, points: FloatArray, size: float) -> FloatArray:
        """Return the moments (n, 2, n, 2) for a face as it lies, between frontal and turned by its nose tip.

        Parameters
        ----------
        scheme : LandmarkScheme
            Its mirror.
        points : (n, 2) float64
            The guess, pixels.
        size : float
            Outer-eye distance, pixels.
        """
        aside = sideways(points, size)
        share = float(np.clip((abs(aside) - _FRONTAL) / (_TURNED - _FRONTAL), 0, 1))
        turned = self.turned if aside < 0 else mirrored(self.turned, np.asarray(scheme.mirror))
        return (1 - share) * self.frontal + share * turned


def sideways(points: FloatArray, size: float) -> float:
    """Return how far the nose tip lies to the right of the middle between the eyes, in outer-eye distances."""
    right, left = points[list(_OUTER_EYES)]
    axis = (left - right) / max(float(np.linalg.norm(left - right)), 1e-9)
    return float((points[_NOSE_TIP] - (right + left) / 2) @ axis) / size


def mirrored(moments: FloatArray, mirror: np.ndarray) -> FloatArray:
    """Return the moments (n, 2, n, 2) of the mirror image of a face."""
    there = moments[mirror][:, :, mirror].copy()
    there[:, 0] *= -1
    there[:, :, :, 0] *= -1
    return there


@functools.cache
def shipped_shapes() -> ErrorShapes | None:
    """Return what was measured of the network that ships with the program, ``None`` where the file is not there."""
    file = faceapp_resources.path(*FILE)
    if not file.is_file():
        return None
    with np.load(file) as data:
        return ErrorShapes(*(_whole(data[name]) for name in ("frontal", "turned")))


def packed(moments: FloatArray) -> np.ndarray:
    """Return the upper triangle of moments (n, 2, n, 2), float16: how they are kept on the disk."""
    flat = moments.reshape(2 * len(moments), -1)
    return flat[np.triu_indices(len(flat))].astype(np.float16)


def _whole(triangle: np.ndarray) -> FloatArray:
    n = round((np.sqrt(8 * len(triangle) + 1) - 1) / 2)
    flat = np.zeros((n, n))
    flat[np.triu_indices(n)] = triangle
    flat = flat + np.triu(flat, 1).T
    return flat.reshape(n // 2, 2, n // 2, 2)
