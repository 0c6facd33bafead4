"""Points in the orders of other programs, as the 106 of the scheme."""

from __future__ import annotations

import functools
import json

import numpy as np
import numpy.typing as npt
from scipy.interpolate import RBFInterpolator

import faceapp_resources
from faceapp.core.arrays import BoolArray, FloatArray
from faceapp.core.errors import DataError
from faceapp.core.landmarks import LandmarkScheme


@functools.cache
def point_orders() -> dict[str, tuple[tuple[int, ...], ...]]:
    """Return the known orders: point ``k`` of one is the mean of the scheme's points ``orders[name][k]``."""
    data = json.loads(faceapp_resources.path("schemes", "orders.json").read_text(encoding="utf-8"))
    return {name: tuple(tuple(int(i) for i in ids) for ids in order) for name, order in data["orders"].items()}


def to_scheme(points: npt.ArrayLike, order: str, scheme: LandmarkScheme) -> tuple[FloatArray, BoolArray]:
    """Return the scheme's 106 points of points in another order, and which of them that order holds.

    Parameters
    ----------
    points : (n, 2) array_like
        Pixels.
    order : str
        ``jd106``, ``insightface106``, ``sensetime106``, ``wflw98`` or ``ibug68``.

    Returns
    -------
    points : (106, 2) float64
        Those that the order lacks are the mean shape's, bent by a thin-plate spline through those that it has.
    held : (106,) bool
        Which the order holds itself.

    Raises
    ------
    DataError
        The order is unknown, or the number of points is another.
    """
    orders = point_orders()
    given = np.asarray(points, np.float64)
    if order not in orders:
        raise DataError(f"landmark order {order!r} is not known; known are {', '.join(orders)}")
    if given.shape != (len(orders[order]), 2):
        raise DataError(f"{order}: {len(given)} points, {len(orders[order])} are expected")
    made, held = np.full((len(scheme), 2), np.nan), np.zeros(len(scheme), bool)
    for place, ids in zip(given, orders[order], strict=True):
        if len(ids) == 1:
            made[ids[0]], held[ids[0]] = place, True
    if not held.all():
        mean = np.array([scheme.mean_shape[list(ids)].mean(axis=0) for ids in orders[order]])
        mean, rows = np.unique(mean, axis=0, return_index=True)  # points that coincide in the mean shape
        bend = RBFInterpolator(mean, given[rows], kernel="thin_plate_spline")
        made[~held] = bend(scheme.mean_shape[~held])
    return made, held


@functools.cache
def _mediapipe_weights() -> FloatArray:
    data = json.loads(faceapp_resources.path("schemes", "mediapipe478.json").read_text(encoding="utf-8"))
    matrix = np.zeros((len(data["indices"]), 478))
    for row, (ids, weights) in enumerate(zip(data["indices"], data["weights"], strict=True)):
        matrix[row, ids] = weights
    return matrix


def from_mediapipe(mesh: npt.ArrayLike) -> FloatArray:
    """Return (106, 2) of MediaPipe's 478 points (478, 2).

    Raises
    ------
    DataError
        Another number of points; the mesh of 468 has no irises.
    """
    points = np.asarray(mesh, np.float64)
    if points.shape != (478, 2):
        raise DataError(f"MediaPipe's mesh: {len(points)} points, 478 are expected (the model with irises)")
    return _mediapipe_weights() @ points
