"""Who the head is: 32 modes, smooth noise, age and its folds."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray, IntArray
from faceapp.morphable.head.figures import figures
from faceapp.morphable.head.fit import smoothstep

YOUNG = 25.0
"""Years up to which no age shows."""
OLD = 75.0
"""Years that the figures of age are for."""
_MIRROR_X = np.array([-1.0, 1.0, 1.0])


def mode_names() -> tuple[str, ...]:
    """Return the names of the 32 modes in their order."""
    return tuple(figures("identity")["identity"]["modes"])


def sex_offset() -> FloatArray:
    """Return (32,) standard deviations that a man's weights are shifted by; a woman's by minus the same."""
    offsets = figures("identity")["identity"]["male_offset_in_sd"]
    return np.array([offsets.get(name, 0.0) for name in mode_names()], np.float64)


def mean_correction() -> FloatArray:
    """Return (32,) standard deviations from the average of ICT-FaceKit to that of ANSUR II (its head is narrower)."""
    corrections = figures("identity")["identity"]["mean_correction_in_sd"]
    return np.array([corrections.get(name, 0.0) for name in mode_names()], np.float64)


def modes(places: FloatArray) -> FloatArray:
    """Return (32, C, 3) displacements for one standard deviation, mm, computed on the neutral cage (C, 3)."""
    pushes = figures("identity")["identity"]["push"]
    moves = [
        _push(places, pushes[name], np.tanh(places[:, 0] / 6)) if name in pushes else _warp(places, name)
        for name in mode_names()
    ]
    return np.stack(moves)


def _bump(places: FloatArray, centre: npt.ArrayLike, radii: npt.ArrayLike) -> FloatArray:
    folded = np.concatenate([np.abs(places[:, :1]), places[:, 1:]], axis=1)
    scaled = (folded - np.asarray(centre, float)) / np.asarray(radii, float)
    return np.asarray(np.exp(-0.5 * (scaled**2).sum(axis=1)), np.float64)


def _push(places: FloatArray, push: dict[str, Any], side: FloatArray) -> FloatArray:
    weight = _bump(places, push["centre"], push["radii"])
    move = np.asarray(push["move"], float)[None, :] * weight[:, None]
    move[:, 0] *= side
    return move


def _warp(places: FloatArray, name: str) -> FloatArray:
    """Return one of the modes whose formulas stand in the figures under ``warps``."""
    s = smoothstep
    x, y, z = places.T
    move = np.zeros_like(places)
    if name == "size":
        move = 0.030 * (places - [0, 0, -20])
    elif name == "head_breadth":
        move[:, 0] = 0.030 * x * (0.35 + 0.65 * s((y + 90) / 100))
    elif name == "head_length":
        move[:, 2] = -7 * s((30 - z) / 130) * s((y + 110) / 80)
    elif name == "lower_face_height":
        move[:, 1] = -3.8 * s((-43 - y) / 65) * s((z + 30) / 60)
    elif name == "mid_face_height":
        move[:, 1] = -2.8 * s((8 - y) / 52) * s((z + 40) / 60)
    elif name == "forehead_height":
        move[:, 1] = 4 * s((y - 25) / 80)
    elif name == "forehead_slope":
        move[:, 2] = -4.5 * s((y - 25) / 65) * s((z + 20) / 60)
    elif name == "fissure_height":
        upper = _bump(places, (31, 9.5, 75), (11, 3, 6))
        lower = _bump(places, (31, 0, 75), (11, 3, 6))
        move[:, 1] = 0.9 * upper - 0.35 * lower
    elif name == "neck_width":
        widening = 0.06 * s((-100 - y) / 35)
        move[:, 0], move[:, 2] = x * widening, (z + 40) * widening
    elif name == "ear_size":
        growth = 0.07 * s((np.abs(x) - 72) / 6) * s((20 - z) / 12)
        root = np.stack([71 * np.sign(x), np.full_like(y, -4), np.full_like(z, 4)], axis=1)
        move = (places - root) * growth[:, None]
    else:
        raise KeyError(name)
    return np.asarray(move, np.float64)


def noise(places: FloatArray, mirror: IntArray, seed: int) -> FloatArray:
    """Return (C, 3) of smooth displacement, mm: what no mode describes, a quarter of it different on the two sides."""
    rule = figures("identity")["identity"]["sampling"]
    rng = np.random.default_rng(seed)
    chosen = rng.choice(len(places), rule["noise_points"], replace=False)
    carried = rng.normal(size=(len(chosen), 3))
    squared = ((places[:, None, :] - places[None, chosen, :]) ** 2).sum(axis=2)
    move = np.exp(-0.5 * squared / rule["noise_scale_mm"] ** 2) @ carried
    symmetric = (move + move[mirror] * _MIRROR_X) / 2
    move = rule["noise_symmetric"] * symmetric + (1 - rule["noise_symmetric"]) * move
    return np.asarray(move * (rule["noise_sd_mm"] / np.abs(move).std()), np.float64)


def ageing(places: FloatArray) -> FloatArray:
    """Return (C, 3) displacements at 75 years, mm, computed on the neutral cage."""
    x, y, z = places.T
    side = np.sign(x)
    total = np.zeros_like(places)
    for push in figures("identity")["identity"]["age"]["push"]:
        total += _push(places, push, side)
    total[:, 1] -= 8 * smoothstep((np.abs(x) - 71) / 4) * smoothstep((18 - z) / 10) * smoothstep((10 - y) / 45)
    return total


def share_of_age(years: float) -> float:
    """Return 0 up to 25 years, 1 at 75, linear between and beyond."""
    return max(years - YOUNG, 0.0) / (OLD - YOUNG)


def fold_heights(surface: FloatArray) -> FloatArray:
    """Return (V,) heights of the folds at 75 years, mm, for the vertices (V, 3) of the average head's fine mesh.

    Notes
    -----
    The fold lines live on the average head, so that they follow the identity by address.
    """
    folded = np.concatenate([np.abs(surface[:, :1]), surface[:, 1:]], axis=1)
    heights = np.zeros(len(surface))
    for fold in figures("identity")["folds"]:
        width = fold["half_width"]
        distance, place = _along(folded, np.asarray(fold["line"], float))
        taper = np.sin(np.pi * np.clip(place, 0.03, 0.97)) ** 0.6
        groove = -np.exp(-0.5 * (distance / width) ** 2)
        ridge = 0.45 * np.exp(-0.5 * ((distance - 2.4 * width) / (1.2 * width)) ** 2)
        heights += fold["depth_at_75"] * taper * (groove + ridge)
    return heights


def _along(points: FloatArray, line: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the distance of each point to a polyline and the place of its foot, 0 to 1 of the length."""
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    before = np.concatenate([[0.0], np.cumsum(lengths)])
    best, place = np.full(len(points), np.inf), np.zeros(len(points))
    for k, (a, b) in enumerate(itertools.pairwise(line)):
        t = np.clip((points - a) @ (b - a) / lengths[k] ** 2, 0, 1)
        gap = np.linalg.norm(points - a - t[:, None] * (b - a), axis=1)
        nearer = gap < best
        best[nearer] = gap[nearer]
        place[nearer] = (before[k] + t[nearer] * lengths[k]) / before[-1]
    return best, place
