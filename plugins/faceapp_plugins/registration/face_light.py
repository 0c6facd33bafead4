"""The light on a face and its texture, found together (beyond-3dmm.md Eq. 4 and 5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize as so

from faceapp.core.arrays import FloatArray
from faceapp_plugins.registration.texture_model import TextureModel

_OFF = 0.08
"""Differences of colour above this count less and less: moles, hair and what covers the face are in no model."""

_PRIOR = 0.01
"""Colour that a vertex must gain for a weight to go one standard deviation from the mean."""

_AMBIENT, _DIRECT, _TURN, _GLOSS = slice(0, 3), slice(3, 6), slice(6, 8), slice(8, 10)
_LIGHT = 10
_GLOSSIEST = 60.0


@dataclass(frozen=True, eq=False)
class FaceLight:
    """Ambient and parallel light, highlight, and the weights of the texture.

    Parameters
    ----------
    values : (10 + K,) float64
        Ambient RGB, parallel RGB, turn of its direction about y and x (rad), strength and exponent of the highlight,
        weights in standard deviations.
    """

    values: FloatArray

    @staticmethod
    def start(modes: int) -> FaceLight:
        """Return light from the front."""
        values = np.zeros(_LIGHT + modes)
        values[_AMBIENT], values[_DIRECT] = 0.6, 0.4
        values[_GLOSS] = 0.05, 10.0
        return FaceLight(values)

    def colors(self, model: TextureModel, normals: FloatArray) -> FloatArray:
        """Return the (V, 3) colours that vertices with normals (V, 3) show to somebody in front of the face.

        Notes
        -----
        Eq. 4: ``Amb T + Dir T <n, l> + k_s Dir <r, v>^nu`` with the direction ``r`` of the highest reflection; neither
        product falls below zero.
        """
        return _shaded(self.values, model.colors(self.values[_LIGHT:]), normals)


def _shaded(values: FloatArray, texture: FloatArray, normals: FloatArray) -> FloatArray:
    about_y, about_x = values[_TURN]
    light = np.array([np.sin(about_y) * np.cos(about_x), np.sin(about_x), np.cos(about_y) * np.cos(about_x)])
    facing = normals @ light
    reflected_z = np.clip(2 * facing * normals[:, 2] - light[2], 0.0, 1.0)
    strength, exponent = values[_GLOSS]
    gloss = np.where(facing > 0, strength * reflected_z**exponent, 0.0)
    shade = values[_AMBIENT] + values[_DIRECT] * np.maximum(facing, 0.0)[:, None]
    return np.asarray(texture * shade + values[_DIRECT] * gloss[:, None])


def fit_face_light(
    model: TextureModel, normals: FloatArray, seen: FloatArray, start: FaceLight, *, rounds: int = 12
) -> FaceLight:
    """Return light and texture under which the vertices look as the scan does.

    Parameters
    ----------
    model : TextureModel
        Of these vertices.
    normals : (V, 3) float64
        Of the vertices.
    seen : (V, 3) float64
        Colours of the scan there, 0 to 1.
    start : FaceLight
        To begin with.
    rounds : int
        Of the solver at most.

    Notes
    -----
    Eq. 5 by a trust region instead of Levenberg and Marquardt, for large differences count less (soft L1), and with
    the texture's weights held to its distribution.
    """
    count = len(model.modes)
    prior = _PRIOR * np.sqrt(len(normals))

    def residual(values: FloatArray) -> FloatArray:
        gap = _shaded(values, model.colors(values[_LIGHT:]), normals) - seen
        return np.concatenate([gap.ravel(), prior * values[_LIGHT:]])

    low = np.concatenate([np.zeros(6), [-1.4, -1.4, 0.0, 1.0], np.full(count, -4.0)])
    high = np.concatenate([np.full(6, 3.0), [1.4, 1.4, 1.0, _GLOSSIEST], np.full(count, 4.0)])
    found = so.least_squares(
        residual, np.clip(start.values, low, high), bounds=(low, high), loss="soft_l1", f_scale=_OFF, max_nfev=rounds
    )
    return FaceLight(np.asarray(found.x))
