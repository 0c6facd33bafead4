"""Take back the folds of a deformation: where triangles turned over, the surroundings say where the surface lies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import spsolve

from faceapp.core.arrays import FloatArray
from faceapp.core.mesh import Mesh

_WIDEST_RING = 6


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
        what still folds grows up to six triangles.
    """
    free = np.zeros(len(rest), np.bool_)
    found = displacement
    for _ in range(_WIDEST_RING):
        folds = turned_over(Mesh((rest + found).astype(np.float32), faces), region)
        if not folds.any():
            break
        free[faces[folds]] = True
        free[faces[free[faces].any(axis=1)]] = True
        inside, outside = np.flatnonzero(free), np.flatnonzero(~free)
        rows = bending[inside].tocsc()
        found = found.copy()
        found[inside] = spsolve(sp.csc_matrix(rows[:, inside]), -(rows[:, outside] @ displacement[outside]))
    return found
