"""Take back the folds of a deformation: where triangles turned over, the surroundings say where the surface lies."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.csgraph import connected_components
from scipy.sparse.linalg import spsolve

from faceapp.core.arrays import FloatArray
from faceapp.core.mesh import Mesh
from faceapp.geometry.deformation import vertex_links

_WIDEST_BEND = 3
_EVENING_RINGS = [done // 2 for done in range(20)]

_SLIVER = 0.1
"""Of the median area of a region: triangles smaller than that have no side that says anything."""


def turned_over(mesh: Mesh, region: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return triangles that look against the mean normal of their corners.

    Parameters
    ----------
    mesh : Mesh
        F triangles of V vertices.
    region : (V,) bool
        Where to look.

    Returns
    -------
    (F,) bool
        Turned triangles of the region. Slivers are none of them: at the corners of an eye, where the lids meet, true
        shapes have many, and vertices moved to open those ended far from their places.
    """
    inside = region[mesh.faces].all(axis=1)
    towards = mesh.vertex_normals()[mesh.faces].sum(axis=1)
    normals = mesh.face_normals()
    size = np.linalg.norm(normals, axis=1)
    usual = np.median(size[inside]) if inside.any() else 0.0
    against = np.einsum("nd,nd->n", normals, towards) < 0
    return np.asarray(against & inside & (size > _SLIVER * usual))


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
        Vertices round a fold take the place that bends least between those beyond; the others stay. Where that still
        folds, as at the corner of a puckered mouth whose rest shape has a crease, they spread evenly instead: with even
        weights a disc laid into a convex outline has no fold (Tutte 1963).

    Notes
    -----
    What is relaxed leaves the scan, so the patches are as small as opens the fold: wide ones took brows a millimetre
    off.
    """
    link = vertex_links(faces, len(rest))

    def folded(moved: FloatArray) -> npt.NDArray[np.bool_]:
        """(V,) bool: corners of turned triangles."""
        corners = np.zeros(len(rest), np.bool_)
        corners[faces[turned_over(Mesh((rest + moved).astype(np.float32), faces), region)]] = True
        return corners

    bent, free = _opened(displacement, bending, folded, link, range(1, _WIDEST_BEND + 1))
    stuck = folded(bent)
    if not stuck.any():
        return bent
    whole = np.where(_patches_of(stuck, free, link)[:, None], displacement, bent)
    umbrella = sp.csr_array(link - sp.diags_array(link.sum(axis=1)))
    places = rest + whole
    evened, _ = _opened(places, umbrella, lambda found: folded(found - rest), link, _EVENING_RINGS)
    return evened - rest


def _opened(
    values: FloatArray,
    matrix: sp.csc_array | sp.csr_array,
    folded: Callable[[FloatArray], npt.NDArray[np.bool_]],
    link: sp.csr_array,
    rings: Iterable[int],
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    """Return values whose folds are relaxed, in patches that grow by rings while they fold, and what was freed."""
    _, piece = connected_components(link)
    free = np.zeros(len(values), np.bool_)
    found = values
    for ring in rings:
        near = folded(found)
        if not near.any():
            break
        for _ in range(ring):
            near |= link @ near > 0
        free |= near
        # of a piece of the mesh that is free as a whole nothing says where it lies
        free &= np.isin(piece, piece[~free])
        found = _relaxed(matrix, values, free) if free.any() else values
    return found, free


def _patches_of(some: npt.NDArray[np.bool_], free: npt.NDArray[np.bool_], link: sp.csr_array) -> npt.NDArray[np.bool_]:
    """(V,) bool: the connected patches of freed vertices that some lie in."""
    inside = np.flatnonzero(free)
    _, patch = connected_components(link[inside][:, inside])
    found = np.zeros(len(free), np.bool_)
    found[inside] = np.isin(patch, patch[some[inside]])
    return found


def _relaxed(matrix: sp.csc_array | sp.csr_array, values: FloatArray, free: npt.NDArray[np.bool_]) -> FloatArray:
    """Return (V, 3) values whose free rows solve ``matrix @ values = 0`` between the others, which stay."""
    inside, outside = np.flatnonzero(free), np.flatnonzero(~free)
    rows = matrix[inside].tocsc()
    found = values.copy()
    found[inside] = spsolve(sp.csc_matrix(rows[:, inside]), -(rows[:, outside] @ values[outside]))
    return found
