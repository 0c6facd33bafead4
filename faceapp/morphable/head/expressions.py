"""What the head does: 21 displacement fields, and lips and lids that touch without crossing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import splu

from faceapp.core.arrays import FloatArray, IntArray
from faceapp.core.errors import UsageError
from faceapp.morphable.head.cage import COLUMNS, ROWS, cage
from faceapp.morphable.head.eyes_and_teeth import eyeball_radius
from faceapp.morphable.head.figures import figures
from faceapp.morphable.head.smoothness import differences, edges, second_differences
from faceapp.morphable.head.subdivision import subdivided

SIDES = ("eyeL", "eyeR")
_LEAST_GAP = 0.15
# Gap of the lips as the expressions leave it and as it shall be, mm; wider ones stay.
_LIP_GAPS = (-20.0, _LEAST_GAP, 0.25, 1.6, 2.8, 80.0)
_LIP_GAPS_WANTED = (_LEAST_GAP, _LEAST_GAP, 0.25, 0.25, 2.8, 80.0)
_UPPER_LIP = np.arange(11, 22)
_LOWER_LIP = (20 - _UPPER_LIP) % 24
_LIP_SHARE = {3: 0.3, 4: 0.7, 5: 1.0, 6: 1.0, 7: 0.6}
_UPPER_LID_SHARE = {1: -0.12, 2: -0.55, 3: -1.0, 4: -1.0, 5: -1.0}
_LOWER_LID_SHARE = {2: 0.55, 3: 1.0, 4: 1.0, 5: 1.0}
_LID_CLEARANCE = {5: 0.5, 4: 0.5, 3: 1.3, 2: 1.9}
_CORNEA_CLEARANCE = 0.7
_LEAST_CLEARANCE = 0.3


def expression_names() -> tuple[str, ...]:
    """Return the 21 expressions without ``neutral``, in the order of the basis."""
    return tuple(figures("expressions")["expressions"]["displacement"])


def expression_weights(expression: str | Mapping[str, float]) -> FloatArray:
    """Return (21,) weights of an expression's name or of a mixture.

    Raises
    ------
    UsageError
        A name is not one of the 22.
    """
    mixture = {expression: 1.0} if isinstance(expression, str) else dict(expression)
    names = expression_names()
    weights = np.zeros(len(names))
    for name, weight in mixture.items():
        if name in names:
            weights[names.index(name)] = weight
        elif name != "neutral":
            raise UsageError(f"expression {name!r}: expected neutral or one of {', '.join(names)}")
    return weights


def closing(weights: FloatArray) -> float:
    """Return how far the lids close, 0 to 1."""
    names = expression_names()
    total = sum(weights[names.index(n)] for n in figures("expressions")["expressions"]["masks"]["close_eyes"])
    return float(np.clip(total, 0, 1))


def key_points() -> dict[str, int]:
    """Return the cage vertex of each of the 95 key points; a name off the midline ends in ``_L`` or ``_R``."""
    listed = figures("expressions")["expressions"]
    topology = cage()
    found: dict[str, int] = {}
    for name, address in listed["key_points_address"].items():
        vertex = topology.vertex(address)
        if name in listed["midline"]:
            found[name] = vertex
        else:
            found[f"{name}_L"], found[f"{name}_R"] = vertex, int(topology.mirror[vertex])
    return found


def expression_fields() -> FloatArray:
    """Return (21, 1531, 3): displacement of each cage vertex by each expression, mm.

    Notes
    -----
    One factored least squares for all: key points, held vertices, second and first differences, ties between the
    rings inside mouth, lids and nostrils. A key point that an expression does not name stays where it is.
    """
    listed = figures("expressions")["expressions"]
    rule, points, topology = listed["field"], key_points(), cage()
    n = topology.size
    keys = np.array(list(points.values()))
    diagonal = np.zeros(n)
    np.add.at(diagonal, keys, rule["key_point"] ** 2)
    np.add.at(diagonal, _held(), rule["fixed"] ** 2)
    smooth = rule["smoothness"] * second_differences()
    stretch = rule["edge"] * differences(edges())
    tie = rule["tie"] * differences(_ties())
    system = sparse.diags_array(diagonal) + smooth.T @ smooth + stretch.T @ stretch + tie.T @ tie
    wanted = np.zeros((n, len(listed["displacement"]), 3))
    order = list(points)
    for k, displacement in enumerate(listed["displacement"].values()):
        for name, move in displacement.items():
            for key, sign in ((name, 1.0), (f"{name}_L", 1.0), (f"{name}_R", -1.0)):
                if key in points:
                    wanted[keys[order.index(key)], k] = [sign * move[0], move[1], move[2]]
    right = rule["key_point"] ** 2 * wanted
    solved = splu(sparse.csc_array(system)).solve(right.reshape(n, -1))
    return np.ascontiguousarray(solved.reshape(n, -1, 3).transpose(1, 0, 2))


def _held() -> IntArray:
    topology = cage()
    columns = [j for j in range(COLUMNS) if min(j, COLUMNS - j) >= 12]
    parts = [topology.grid[[0, 1, ROWS - 1, ROWS]].ravel(), topology.grid[:, columns].ravel(), topology.crown.ravel()]
    for name in ("earL", "earR"):
        parts += [topology.rings[name].ravel(), topology.caps[name].ravel()]
    vertices = np.unique(np.concatenate(parts))
    return vertices[vertices >= 0].astype(np.int32)


def _ties() -> IntArray:
    topology = cage()
    pairs = [
        np.stack([topology.rings[name][k], topology.rings[name][k + 1]], axis=1)
        for name, first in (("mouth", 5), ("eyeL", 3), ("eyeR", 3), ("nosL", 0), ("nosR", 0))
        for k in range(first, len(topology.rings[name]) - 1)
    ]
    return np.concatenate(pairs).astype(np.int32)


@dataclass(frozen=True, eq=False)
class Contact:
    """Keeps lips and lids from crossing, on the cage, measured on the subdivided surface.

    Parameters
    ----------
    matrix : (1531, 1531) sparse float64
        Rows of the cage's own vertices in the twice subdivided mesh.
    """

    matrix: sparse.csr_array[np.float64]

    def apply(self, places: FloatArray, closed: float, eyes: Mapping[str, FloatArray]) -> FloatArray:
        """Return the cage (1531, 3) with lips that touch where they nearly do, and lids closed by the given share.

        Parameters
        ----------
        places : (1531, 3) float64
            mm.
        closed : float
            0 leaves the lids as they are, 1 brings them together.
        eyes : dict of str to (3,) float64
            Centre of each eyeball, mm, under ``eyeL`` and ``eyeR``.
        """
        places = places.copy()
        apart = self._lip_gap(places)
        # Lips that nearly touch do touch: else a closed smile shows a slit of teeth.
        wanted = np.interp(apart, _LIP_GAPS, _LIP_GAPS_WANTED)
        for _ in range(figures("expressions")["expressions"]["contact"]["passes"]):
            self._set_lips(places, wanted)
            if closed > 0:
                for side in SIDES:
                    self._close_lids(places, side, closed)
                    self._clear_eyeball(places, side, eyes[side], closed)
        return places

    def _lip_gap(self, places: FloatArray) -> FloatArray:
        """Return (11,) heights of the upper lip's contact ring above the lower one's, mm."""
        contact = cage().rings["mouth"][5]
        height = subdivided(self.matrix, places[:, 1:2])[:, 0]
        return np.asarray(height[contact[_UPPER_LIP]] - height[contact[_LOWER_LIP]], np.float64)

    def _set_lips(self, places: FloatArray, wanted: FloatArray) -> None:
        ring = cage().rings["mouth"]
        lack = (wanted - self._lip_gap(places)) / 2
        for k, share in _LIP_SHARE.items():
            places[ring[k, _UPPER_LIP], 1] += share * lack
            places[ring[k, _LOWER_LIP], 1] -= share * lack

    def _close_lids(self, places: FloatArray, side: str, closed: float) -> None:
        ring = cage().rings[side]
        upper = np.arange(7, 14)
        lower = (12 - upper) % ring.shape[1]
        margin = ring[3]
        gap = self.matrix[margin[upper]] @ places[:, 1] - self.matrix[margin[lower]] @ places[:, 1]
        excess = closed * (gap - _LEAST_GAP)
        for k, share in _UPPER_LID_SHARE.items():
            places[ring[k, upper], 1] += share * 0.85 * excess
        for k, share in _LOWER_LID_SHARE.items():
            places[ring[k, lower], 1] += share * 0.15 * excess

    def _clear_eyeball(self, places: FloatArray, side: str, centre: FloatArray, closed: float) -> None:
        for k, clearance in _LID_CLEARANCE.items():
            vertices = cage().rings[side][k]
            offset = self.matrix[vertices] @ places - centre
            length = np.linalg.norm(offset, axis=1)
            direction = offset / length[:, None]
            base = figures("parts")["parts"]["eyeball"]["radius"]
            cornea = eyeball_radius(np.arccos(np.clip(direction[:, 2], -1, 1))) > base
            lack = np.maximum(base + clearance + _CORNEA_CLEARANCE * cornea - length, 0)
            places[vertices] += closed * lack[:, None] * direction


def clear_lids(surface: FloatArray, lids: IntArray, centre: FloatArray) -> None:
    """Move the lid vertices of one eye that lie nearer than 0.3 mm to its eyeball out to there, in place.

    Parameters
    ----------
    surface : (V, 3) float64
        The fine mesh, mm.
    lids : (n,) int32
        Vertices of this eye's rings.
    centre : (3,) float64
        Of the eyeball, mm.
    """
    offset = surface[lids] - centre
    length = np.linalg.norm(offset, axis=1)
    direction = offset / length[:, None]
    least = eyeball_radius(np.arccos(np.clip(direction[:, 2], -1, 1))) + _LEAST_CLEARANCE
    near = length < least
    surface[lids[near]] = centre + direction[near] * least[near, None]


def teeth_back(weights: FloatArray) -> float:
    """Return how far all teeth are drawn back, mm, for lips that roll in over them."""
    rule = figures("expressions")["expressions"]["masks"]["teeth_back_mm"]
    return float(sum(move * weights[expression_names().index(name)] for name, move in rule.items()))


def jaw_pose(weights: FloatArray) -> tuple[float, FloatArray]:
    """Return the share of the jaw's full opening and the glide (3,), mm, of an expression's weights (21,)."""
    names, jaw = expression_names(), figures("parts")["parts"]["jaw"]
    by_name = dict(zip(names, weights, strict=True))
    opening = sum(share * by_name[n] for n, share in figures("expressions")["expressions"]["masks"]["jaw"].items())
    aside = jaw["lateral_mm"] * (by_name["jaw_left"] - by_name["jaw_right"])
    return float(opening), np.array([aside, 0.0, jaw["forward_mm"] * by_name["jaw_forward"]])
