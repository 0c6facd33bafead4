"""Take back the folds of a deformation: where triangles turned over, the surroundings say where the surface lies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

from faceapp.core.arrays import FloatArray
from faceapp.core.mesh import Mesh
from faceapp.geometry.deformation import vertex_links

_WIDEST_RING = 6
_EVENING_ROUNDS = 20


def turned_over(mesh: Mesh, region: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return (F,) bool: triangles of a region (V,) that look against the mean normal of their corners."""
    towards = mesh.vertex_normals()[mesh.faces].sum(axis=1)
    against = np.einsum("nd,nd->n", mesh.face_normals(), towards) < 0
    return np.asarray(against & region[mesh.faces].all(axis=1))


def untangled(
    rest: FloatArray,
    displacement: FloatArray,
    faces: npt.NDArray[np.int32],
    bending: sp.csc_array,
    region: npt.NDArray[np.bool_],
) -> FloatArray:
    """Return a displacement whose folds are bent smooth.

    Parameters
    ----------
    rest : (V, 3) float64
        Shape at rest, mm.
    displacement : (V, 3) float64
        Of each vertex.
    faces : (F, 3) int
        Triangles.
    bending : (V, V) sparse
        From `faceapp.geometry.deformation.bending_matrix`.
    region : (V,) bool
        Where folds matter.

    Returns
    -------
    (V, 3) float64
        Vertices round a fold take the place that bends least between those beyond; the others stay. The ring about
        what still folds grows up to six triangles. Where even that folds, as at the corner of a puckered mouth whose
        rest shape has a crease, they spread evenly between those beyond.
    """
    free = np.zeros(len(rest), np.bool_)
    found = displacement
    for _ in range(_WIDEST_RING):
        folds = turned_over(Mesh((rest + found).astype(np.float32), faces), region)
        if not folds.any():
            return found
        free[faces[folds]] = True
        free[faces[free[faces].any(axis=1)]] = True
        found = _relaxed(bending, displacement, free)
    return _evened(rest + found, faces, region) - rest


def _evened(vertices: FloatArray, faces: npt.NDArray[np.int32], region: npt.NDArray[np.bool_]) -> FloatArray:
    """Return (V, 3) vertices of which those round a fold lie in the middle of their neighbours.

    With even weights a disc laid into a convex outline has no fold (Tutte 1963); the discs here are small, and grow
    where the outline is not convex.
    """
    link = vertex_links(faces, len(vertices))
    umbrella = sp.csr_array(link - sp.diags_array(link.sum(axis=1)))
    free = np.zeros(len(vertices), np.bool_)
    found = vertices
    for done in range(_EVENING_ROUNDS):
        folds = turned_over(Mesh(found.astype(np.float32), faces), region)
        if not folds.any():
            break
        near = np.zeros_like(free)
        near[faces[folds]] = True
        for _ in range(done // 2):
            near[faces[near[faces].any(axis=1)]] = True
        free |= near
        found = _relaxed(umbrella, vertices, free)
    return found


def _relaxed(matrix: sp.csc_array | sp.csr_array, values: FloatArray, free: npt.NDArray[np.bool_]) -> FloatArray:
    """Return (V, 3) values whose free rows solve ``matrix @ values = 0`` between the others, which stay."""
    inside, outside = np.flatnonzero(free), np.flatnonzero(~free)
    rows = matrix[inside].tocsc()
    found = values.copy()
    found[inside] = spsolve(sp.csc_matrix(rows[:, inside]), -(rows[:, outside] @ values[outside]))
    return found
