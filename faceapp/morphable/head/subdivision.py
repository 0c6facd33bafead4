"""Catmull-Clark subdivision as one sparse matrix; old vertices keep their numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse

from faceapp.core.arrays import FloatArray, IntArray

# Corners of child k of a quad: corner k, the edge after it, the quad's middle, the edge before it.
_CHILDREN = 4


@dataclass(frozen=True, eq=False)
class Refinement:
    """A quad mesh subdivided some times.

    Parameters
    ----------
    matrix : (V, C) sparse float64
        Rows of the refined vertices in those of the cage; rows 0..C-1 are the cage's own.
    quads : (Q, 4) int32
        Children 4 i .. 4 i + 3 belong to quad i of the level before.
    mirror : (V,) int32
        The vertex on the other side.
    """

    matrix: sparse.csr_array[np.float64]
    quads: IntArray
    mirror: IntArray


def refine(quads: IntArray, mirror: IntArray, levels: int) -> Refinement:
    """Subdivide a quad mesh.

    Parameters
    ----------
    quads : (Q, 4) int32
        Counter-clockwise; the second half mirrors the first, corner 0 to corner 0.
    mirror : (C,) int32
        The vertex on the other side.
    levels : int
        How often; 0 gives the mesh itself.

    Notes
    -----
    Catmull and Clark 1978; open borders by the cubic B-spline rule (1/8, 3/4, 1/8).
    """
    matrix: sparse.csr_array[np.float64] = sparse.eye_array(len(mirror), format="csr")
    other = (np.arange(len(quads)) + len(quads) // 2) % len(quads)
    for _ in range(levels):
        step, children, mirror = _once(quads, mirror, other)
        turned = np.array([0, 3, 2, 1])
        other = (_CHILDREN * other[:, None] + turned[None, :]).ravel()
        matrix = sparse.csr_array(step @ matrix)
        quads = children
    return Refinement(matrix, quads, mirror)


def _once(
    quads: IntArray, mirror: IntArray, other: npt.NDArray[np.intp]
) -> tuple[sparse.csr_array[np.float64], IntArray, IntArray]:
    n, m = len(mirror), len(quads)
    following = np.roll(quads, -1, axis=1)
    low, high = np.minimum(quads, following).astype(np.int64), np.maximum(quads, following).astype(np.int64)
    keys, edge = np.unique((low * n + high).ravel(), return_inverse=True)
    e = len(keys)
    ends = np.stack([keys // n, keys % n], axis=1)
    corner = sparse.csr_array((np.full(4 * m, 0.25), (np.repeat(np.arange(m), 4), quads.ravel())), shape=(m, n))
    middle = sparse.csr_array((np.full(2 * e, 0.5), (np.repeat(np.arange(e), 2), ends.ravel())), shape=(e, n))
    faces_of_edge = sparse.csr_array((np.ones(4 * m), (edge.ravel(), np.repeat(np.arange(m), 4))), shape=(e, m))
    border = np.asarray(faces_of_edge.sum(axis=1)).ravel() == 1
    inner = sparse.diags_array(np.where(border, 0.0, 0.5))
    edge_rows = (
        inner @ middle
        + sparse.diags_array(np.where(border, 0.0, 0.25)) @ faces_of_edge @ corner
        + sparse.diags_array(np.where(border, 1.0, 0.0)) @ middle
    )
    vertex_rows = _vertex_rows(quads, corner, middle, ends, border, n)
    step = sparse.csr_array(sparse.vstack([vertex_rows, corner, edge_rows]))
    after = edge.reshape(m, 4) + n + m
    centre = np.broadcast_to(np.arange(m)[:, None] + n, (m, 4))
    children = np.stack([quads, after, centre, np.roll(after, 1, axis=1)], axis=2).reshape(-1, 4).astype(np.int32)
    a, b = mirror[ends[:, 0]].astype(np.int64), mirror[ends[:, 1]].astype(np.int64)
    edge_mirror = np.searchsorted(keys, np.minimum(a, b) * n + np.maximum(a, b))
    new_mirror = np.concatenate([mirror, other + n, edge_mirror + n + m]).astype(np.int32)
    return step, children, new_mirror


def _vertex_rows(
    quads: IntArray,
    corner: sparse.csr_array[np.float64],
    middle: sparse.csr_array[np.float64],
    ends: npt.NDArray[np.int64],
    border: npt.NDArray[np.bool_],
    n: int,
) -> sparse.csr_array[np.float64]:
    m, e = len(quads), len(ends)
    faces_at = sparse.csr_array((np.ones(4 * m), (quads.ravel(), np.repeat(np.arange(m), 4))), shape=(n, m))
    edges_at = sparse.csr_array((np.ones(2 * e), (ends.ravel(), np.repeat(np.arange(e), 2))), shape=(n, e))
    valence: FloatArray = np.asarray(edges_at.sum(axis=1)).ravel()
    n_faces: FloatArray = np.asarray(faces_at.sum(axis=1)).ravel()
    at_border = np.zeros(n, bool)
    at_border[ends[border]] = True
    smooth = ~at_border
    face_mean = sparse.diags_array(np.where(smooth, 1 / (n_faces * valence), 0.0)) @ faces_at @ corner
    edge_mean = sparse.diags_array(np.where(smooth, 2 / valence**2, 0.0)) @ edges_at @ middle
    own = sparse.diags_array(np.where(smooth, (valence - 3) / valence, 0.5))
    # 1/8, 3/4, 1/8 is a half of the vertex itself and a quarter of the middle of each of its two border edges.
    open_edges = sparse.diags_array(np.where(border, 0.25, 0.0))
    along = sparse.diags_array(at_border.astype(float)) @ edges_at @ open_edges @ middle
    return sparse.csr_array(face_mean + edge_mean + own + along)


def subdivided(matrix: sparse.csr_array[np.float64], values: FloatArray) -> FloatArray:
    """Return values (V, k) of the refined vertices from those of the cage (C, k)."""
    return np.asarray(matrix @ values, np.float64)


def inherit_corners(values: FloatArray, levels: int) -> FloatArray:
    """Carry values of quad corners, such as chart coordinates, to the children by bilinear interpolation.

    Parameters
    ----------
    values : (Q, 4, k) float64
        Of each corner of each quad.
    levels : int
        How often the mesh is subdivided.

    Returns
    -------
    (Q * 4**levels, 4, k) float64
    """
    for _ in range(levels):
        after = (values + np.roll(values, -1, axis=1)) / 2
        centre = np.broadcast_to(values.mean(axis=1, keepdims=True), values.shape)
        values = np.stack([values, after, centre, np.roll(after, 1, axis=1)], axis=2)
        values = values.reshape(-1, 4, values.shape[-1])
    return values


def inherit_quads(values: npt.NDArray[np.int32], levels: int) -> npt.NDArray[np.int32]:
    """Carry a value of each quad to its children."""
    return np.repeat(values, _CHILDREN**levels)


def triangulate(quads: IntArray) -> IntArray:
    """Return (2 Q, 3) int32: triangles 2 i and 2 i + 1 of quad i, split from corner 0 to corner 2."""
    return quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3).astype(np.int32)
