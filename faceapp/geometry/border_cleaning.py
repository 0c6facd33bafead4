"""Flat and pointed triangles along the border of a mesh, which no flip can mend, are taken away."""

from __future__ import annotations

import numba
import numpy as np

from faceapp.core.arrays import FloatArray
from faceapp.geometry.half_edges import MOST_NEIGHBOURS, HalfEdges, fan, following, preceding

_FLAT = -0.64
"""Cosine of the angle over a border edge beyond which the triangle there is a sliver (130 degrees)."""
_POINTED = 0.82
"""Cosine of an angle of a triangle that hangs on one edge above which it is a thorn (35 degrees)."""


@numba.njit(cache=True, nogil=True)
def clean_border(mesh: HalfEdges, places: FloatArray) -> int:
    """Take away triangles that are flat on the border, and thorns that hang on one edge only.

    Parameters
    ----------
    mesh : HalfEdges
        Changed in place.
    places : (V, 3) float64
        mm.

    Returns
    -------
    int
        Vertices that went with them.
    """
    leaving = np.empty(MOST_NEIGHBOURS, np.int32)
    gone = 0
    for h in range(3 * mesh.counts[0]):
        if mesh.origin[h] < 0 or mesh.twin[h] >= 0:
            continue
        n, p = following(h), preceding(h)
        tn, tp = mesh.twin[n], mesh.twin[p]
        if tn >= 0 and tp >= 0:
            apex = mesh.origin[p]
            if _cosine(places, mesh.origin[h], mesh.origin[n], apex) < _FLAT and fan(mesh, apex, leaving) > 0:
                mesh.twin[tn], mesh.twin[tp] = -1, -1
                mesh.leaving[mesh.origin[h]] = tp
                mesh.leaving[mesh.origin[n]] = following(tn)
                mesh.leaving[apex] = tn
                _remove(mesh, h)
        elif tn >= 0 and tp < 0:
            # The two border edges p and h meet in a corner that only this triangle has.
            corner, a, b = mesh.origin[h], mesh.origin[n], mesh.origin[p]
            sharpest = max(_cosine(places, a, b, corner), _cosine(places, b, corner, a), _cosine(places, corner, a, b))
            if sharpest > _POINTED:
                mesh.twin[tn] = -1
                mesh.leaving[b] = tn
                mesh.leaving[a] = following(tn)
                mesh.leaving[corner] = -1
                _remove(mesh, h)
                gone += 1
    return gone


@numba.njit(cache=True, nogil=True)
def _remove(mesh: HalfEdges, h: int) -> None:
    f = 3 * (h // 3)
    for k in range(3):
        mesh.origin[f + k] = -1
        mesh.twin[f + k] = -1


@numba.njit(cache=True, nogil=True)
def _cosine(places: FloatArray, a: int, b: int, c: int) -> float:
    """Of the angle at c."""
    dot = uu = vv = 0.0
    for k in range(3):
        u, v = places[a, k] - places[c, k], places[b, k] - places[c, k]
        dot += u * v
        uu += u * u
        vv += v * v
    return dot / np.sqrt(max(uu * vv, 1e-30))
