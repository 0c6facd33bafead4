"""In which of the known orders the points of a file stand: told by how they lie, refused where two orders fit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError
from faceapp.landmarks.point_orders import point_orders

FITS = 0.15
"""Root mean square distance of a face to the average one, in outer-eye distances, up to which an order fits."""
UNLIKE = 0.4
"""Least over greatest stretch of the average face below which what lies there is no face: a line, or one place."""
CLEARER = 1.5
"""How many times worse the second order must lie, over the points that the two place differently."""


@dataclass(frozen=True)
class OrderFit:
    """How well an order explains some points.

    Parameters
    ----------
    order : str
        See `point_orders`.
    error : float
        Root mean square distance to the average face, in outer-eye distances.
    mirrored : bool
        Whether the points lie as in a mirror: left and right are exchanged.
    """

    order: str
    error: float
    mirrored: bool


def recognise_order(points: npt.ArrayLike, shape: npt.ArrayLike) -> str:
    """Return the order in which points stand.

    Parameters
    ----------
    points : (n, 2) or (n, 3) array_like
        Pixels, v down, or mm; NaN is not placed.
    shape : (106, 3) array_like
        The average face in the scheme's order: x to the subject's left, y up, z out of the face; NaN is not known.

    Raises
    ------
    DataError
        No known order has as many points, none fits, or two fit about equally; the message says which, and that the
        order can be named.

    Notes
    -----
    The average face is laid onto the points by an affine camera for pixels, so that a turned head fits as well, or by
    an affine map in space. An order is the wrong one where that leaves points far from their places. A file whose left
    and right are exchanged fits its order with the wrong handedness, and is refused.
    """
    given, face = np.asarray(points, np.float64), np.asarray(shape, np.float64)
    counts = {name: len(ids) for name, ids in point_orders().items()}
    names = [name for name, count in counts.items() if count == len(given)]
    if not names:
        known = ", ".join(f"{name} ({count})" for name, count in counts.items())
        raise DataError(f"{len(given)} points; no known order has as many: {known}")
    fits, residuals = {}, {}
    for name in names:
        fits[name], residuals[name] = _fit(given, face, name)
    ranked = sorted(names, key=lambda name: fits[name].error)
    best = fits[ranked[0]]
    hint = f"say which with --order ({', '.join(names)})"
    if not best.error <= FITS:
        told = ", ".join(f"{n} is {fits[n].error:.2f}" for n in ranked)
        raise DataError(f"the points lie in none of the known orders (off by eye distances: {told}; {hint})")
    if best.mirrored:
        raise DataError(f"the points lie as in a mirror: their left and right are exchanged, or the picture is; {hint}")
    for other in ranked[1:]:
        differ = _places_differ(best.order, other) & np.isfinite(residuals[best.order] + residuals[other])
        own, theirs = (float(np.linalg.norm(residuals[n][differ])) for n in (best.order, other))
        if not theirs > CLEARER * own:
            raise DataError(f"the points fit {best.order} and {other} about equally well; {hint}")
    return best.order


def fit_order(points: npt.ArrayLike, shape: npt.ArrayLike, order: str) -> OrderFit:
    """Return how well one order explains points; arguments as in `recognise_order`."""
    return _fit(np.asarray(points, np.float64), np.asarray(shape, np.float64), order)[0]


def _places(values: FloatArray, order: str) -> FloatArray:
    return np.array([values[list(ids)].mean(axis=0) for ids in point_orders()[order]])


def _places_differ(a: str, b: str) -> npt.NDArray[np.bool_]:
    orders = point_orders()
    return np.array([x != y for x, y in zip(orders[a], orders[b], strict=True)])


def _fit(given: FloatArray, face: FloatArray, order: str) -> tuple[OrderFit, FloatArray]:
    model = _places(face, order)
    used = np.isfinite(given).all(axis=1) & np.isfinite(model).all(axis=1)
    residual = np.full(len(given), np.nan)
    if used.sum() < 8:
        raise DataError(f"{int(used.sum())} points are placed; at least 8 are needed to tell their order")
    middle = model[used].mean(axis=0)
    there = given[used] - given[used].mean(axis=0)
    turn, *_ = np.linalg.lstsq(model[used] - middle, there, rcond=None)
    stretch = np.linalg.svd(turn, compute_uv=False)
    size = float(stretch[0]) * float(np.linalg.norm(face[66] - face[79]))  # an outer-eye distance in the file's unit
    residual[used] = np.linalg.norm((model[used] - middle) @ turn - there, axis=1) / max(size, 1e-12)
    is_face = stretch[-1] > UNLIKE * stretch[0]
    error = float(np.sqrt(np.mean(residual[used] ** 2))) if is_face else float("inf")
    if given.shape[1] == 3:
        return OrderFit(order, error, bool(np.linalg.det(turn) < 0)), residual
    # Seen from the front, with v down, the axes of the picture turn against those of the face.
    return OrderFit(order, error, bool(np.cross(turn[:, 0], turn[:, 1])[2] > 0)), residual
