"""Closing holes on request: what comes out was not measured, and the caller has asked for it."""

from __future__ import annotations

import numba
import numpy as np

from faceapp.core.arrays import BoolArray, FloatArray, IntArray
from faceapp.geometry.half_edges import MOST_NEIGHBOURS, HalfEdges, fan, following, half_edges, preceding

_INNERMOST = 7
_SHRINK = 0.6


def fill_holes(
    vertices: FloatArray, faces: IntArray, across: float, allowed: BoolArray | None = None
) -> tuple[FloatArray, IntArray]:
    """Close each hole with rings of triangles towards its middle.

    Parameters
    ----------
    vertices : (V, 3) float64
        mm.
    faces : (F, 3) int32
        An oriented manifold.
    across : float
        Holes whose border reaches farther than half of this from its middle stay, mm.
    allowed : (V,) bool, optional
        A hole stays if one vertex of its border is not allowed.

    Returns
    -------
    vertices : (W, 3) float64
        All old ones, the new ones behind them.
    faces : (G, 3) int32
        All old ones, the new ones behind them.
    """
    mesh = half_edges(faces, len(vertices))
    border = np.flatnonzero(mesh.twin < 0)
    begin = mesh.origin[border].astype(np.int64)
    end = faces.ravel()[np.where(border % 3 == 2, border - 2, border + 1)].astype(np.int64)
    onward = dict(zip(begin.tolist(), end.tolist(), strict=True))
    new_vertices, new_faces = [vertices], [faces]
    count = len(vertices)
    while onward:
        first, after = onward.popitem()
        loop = [first]
        while after != first:
            loop.append(after)
            after = onward.pop(after)
        rim = vertices[loop]
        if 2 * np.linalg.norm(rim - rim.mean(axis=0), axis=1).max() > across:
            continue
        if allowed is not None and not allowed[loop].all():
            continue
        patch_vertices, patch_faces = _rings(np.array(loop, np.int32), rim, count)
        new_vertices.append(patch_vertices)
        new_faces.append(patch_faces)
        count += len(patch_vertices)
    return np.concatenate(new_vertices), np.concatenate(new_faces).astype(np.int32)


def _rings(loop: IntArray, rim: FloatArray, count: int) -> tuple[FloatArray, IntArray]:
    """Rings of half as many vertices each, down to one in the middle: no vertex gets more than a few triangles."""
    middle = rim.mean(axis=0)
    vertices, faces = [], []
    while len(loop) > _INNERMOST:
        inner = np.arange(count, count + (len(loop) + 1) // 2, dtype=np.int32)
        rim = middle + _SHRINK * (rim[::2] - middle)
        count += len(inner)
        after = np.roll(loop, -1)
        # A triangle on each edge of the loop, and one on each edge of the ring inside.
        faces.append(np.stack([after, loop, np.repeat(inner, 2)[: len(loop)]], axis=1))
        faces.append(np.stack([np.roll(loop[::2], -1), inner, np.roll(inner, -1)], axis=1))
        vertices.append(rim)
        loop = inner
    faces.append(np.stack([np.roll(loop, -1), loop, np.full(len(loop), count, np.int32)], axis=1))
    vertices.append(middle[None])
    return np.concatenate(vertices), np.concatenate(faces).astype(np.int32)


@numba.njit(cache=True, nogil=True)
def relax_unmeasured(mesh: HalfEdges, places: FloatArray, chosen: BoolArray) -> None:
    """Move chosen inner vertices to the mean of their neighbours, one after the other: a membrane over the hole.

    Parameters
    ----------
    mesh : HalfEdges
        As it is.
    places : (V, 3) float64
        Changed in place, mm.
    chosen : (V,) bool
        Which vertices.
    """
    leaving = np.empty(MOST_NEIGHBOURS, np.int32)
    for v in range(len(chosen)):
        if not chosen[v] or mesh.leaving[v] < 0:
            continue
        faces = fan(mesh, v, leaving)
        if faces < 3:
            continue
        for k in range(3):
            total = 0.0
            for i in range(faces):
                h = leaving[i]
                total += places[mesh.origin[following(h)], k] + places[mesh.origin[preceding(h)], k]
            places[v, k] = total / (2 * faces)
