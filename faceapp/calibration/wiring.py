"""Cables that were exchanged, found when a rig is calibrated: a camera that stands where another was drawn."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np

from faceapp.core.arrays import FloatArray
from faceapp.core.rig import CameraModel, Rig
from faceapp.geometry.rigid import align_pairs

_FAR_MM = 25.0
_CLEARLY = 0.4
_AHEAD_MM = 300.0


def swapped_cables(cameras: Mapping[str, CameraModel], like: Rig) -> tuple[str, str] | None:
    """Return the two cameras that show each other's picture, as far as an earlier or a drawn rig tells.

    Parameters
    ----------
    cameras : mapping of str to CameraModel
        As they were calibrated, in whatever frame.
    like : Rig
        How they stood before, or should stand.

    Returns
    -------
    tuple of str or None
        ``None`` where all stand about where they should.
    """
    known = {c.name: c for c in like.cameras if c.name in cameras}
    names = list(known)
    if len(names) < 3:
        return None
    places = {n: _places(cameras[n]) for n in names}
    wanted = np.concatenate([_places(known[n]) for n in names])
    straight = _distance([places[n] for n in names], wanted)
    if straight < _FAR_MM:
        return None
    tried = []
    for a, b in itertools.combinations(names, 2):
        other = {a: b, b: a}
        tried.append((_distance([places[other.get(n, n)] for n in names], wanted), (a, b)))
    best, pair = min(tried)
    return pair if best < _CLEARLY * straight else None


def _places(camera: CameraModel) -> FloatArray:
    """The camera's centre and a point before it."""
    return camera.rig_from_camera.apply([[0.0, 0.0, 0.0], [0.0, 0.0, _AHEAD_MM]])


def _distance(places: list[FloatArray], wanted: FloatArray) -> float:
    found = np.concatenate(places)
    rest = align_pairs(found, wanted).rigid.apply(found) - wanted
    return float(np.sqrt((rest**2).sum(axis=1).mean()))
