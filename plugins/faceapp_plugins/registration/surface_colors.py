"""Colours on a mesh: averaged over a circle, how they change along the surface, and how even that surface is."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp

from faceapp.core.arrays import FloatArray
from faceapp.core.mesh import Mesh
from faceapp.geometry.deformation import vertex_links

BLUR_MM = 0.6
"""Standard deviation of the circle over which colours are averaged, on the scan and in the model alike: averaged over
circles of two sizes they differ at every edge, which pulls the edge away from itself."""

_ROUND = 0.43
"""Variance that a round of averaging over a vertex and its neighbours adds, in squared edges."""

_MOST_ROUNDS = 20

_ROUGH_WITHIN_MM = 1.5
"""Standard deviation of the circle: what a depth camera smooths is uneven over as much."""

_SLIVER = 0.05
"""Share of the usual triangle's size below which a colour's change over its height is noise."""


def rounds_of_averaging(deviation_mm: float, edge_mm: float) -> int:
    """Return how many rounds of averaging over rings are as wide as a circle of this standard deviation."""
    return min(round((deviation_mm / max(edge_mm, 1e-3)) ** 2 / _ROUND), _MOST_ROUNDS)


def ring_mean(faces: npt.NDArray[np.integer], vertices: int) -> sp.csr_array:
    """Return the (V, V) matrix that averages over a vertex and its neighbours."""
    total = sp.csr_array(vertex_links(faces, vertices) + sp.eye_array(vertices))
    return sp.csr_array(sp.diags_array(1 / total.sum(axis=1)) @ total)


def blurred(
    values: FloatArray, vertices: FloatArray, faces: npt.NDArray[np.int32], deviation_mm: float = BLUR_MM
) -> FloatArray:
    """Return (N, C) values averaged over a circle: as the model's are, and with less noise of the camera."""
    edge = float(np.median(np.linalg.norm(vertices[faces[:, 0]] - vertices[faces[:, 1]], axis=1)))
    mean = ring_mean(faces, len(values))
    for _ in range(rounds_of_averaging(deviation_mm, edge)):
        values = np.asarray(mean @ values)
    return values


def roughness(scan: Mesh) -> float:
    """Return how far the vertices of a scan lie from the mean of those about them, across the surface, mm (median)."""
    vertices, normals = scan.vertices.astype(np.float64), scan.vertex_normals().astype(np.float64)
    aside = vertices - blurred(vertices, vertices, scan.faces, _ROUGH_WITHIN_MM)
    return float(np.nanmedian(np.abs(np.einsum("nd,nd->n", aside, normals))))


def slopes(vertices: FloatArray, faces: npt.NDArray[np.int32], colors: FloatArray) -> FloatArray:
    """Return the (V, 3, 3) structure tensors of colours (V, C), summed over channels, mean over a vertex's triangles.

    The eigenvalue of a direction is the squared change of colour per mm in it.
    """
    gradient, size = _of_triangles(vertices, faces, colors)
    return _at_vertices(gradient @ gradient.swapaxes(1, 2), size, faces, len(vertices))


def gradients(vertices: FloatArray, faces: npt.NDArray[np.int32], colors: FloatArray) -> FloatArray:
    """Return the (V, 3, C) change of colours (V, C) per mm along the surface, mean over a vertex's triangles."""
    gradient, size = _of_triangles(vertices, faces, colors)
    return _at_vertices(gradient, size, faces, len(vertices))


def _of_triangles(
    vertices: FloatArray, faces: npt.NDArray[np.int32], colors: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the (F, 3, C) gradient in each triangle and its size (F,)."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double = np.linalg.norm(across, axis=1)
    double = np.maximum(double, _SLIVER * np.median(double))
    sides = corners[:, [2, 0, 1]] - corners[:, [1, 2, 0]]
    turned = np.cross(across[:, None], sides) / (double**2)[:, None, None]
    return np.einsum("fkd,fkc->fdc", turned, colors[faces]), double


def _at_vertices(values: FloatArray, size: FloatArray, faces: npt.NDArray[np.int32], vertices: int) -> FloatArray:
    """Return (V, A, B) means of values (F, A, B) of the triangles about each vertex, larger ones counting more."""
    corner, triangle = faces.ravel(), np.repeat(np.arange(len(faces)), 3)
    at = sp.coo_array((np.ones(faces.size), (corner, triangle)), (vertices, len(faces)))
    total = np.asarray(at @ size)
    mean = (at @ (values.reshape(len(faces), -1) * size[:, None])) / np.where(total > 0, total, 1.0)[:, None]
    return np.asarray(mean).reshape(vertices, *values.shape[1:])
