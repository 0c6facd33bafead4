"""Smooth deformation of a mesh: cotangent bending with a stiffness of its own at each vertex, and its solver."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from scipy.sparse.linalg import SuperLU, splu

from faceapp.core.arrays import FloatArray


def cotangent_matrix(vertices: FloatArray, faces: npt.NDArray[np.integer]) -> sp.csc_array:
    """Return the (V, V) cotangent Laplacian, rows summing to zero, negative cotangents cut at a small positive value.

    Parameters
    ----------
    vertices : (V, 3) float64
        mm.
    faces : (F, 3) int
        Triangles; flat ones weigh little.

    Notes
    -----
    Pinkall and Polthier, Experimental Mathematics 2(1), 1993.
    """
    n = len(vertices)
    rows, columns, values = [], [], []
    for k in range(3):
        i, j, o = faces[:, (k + 1) % 3], faces[:, (k + 2) % 3], faces[:, k]
        a, b = vertices[i] - vertices[o], vertices[j] - vertices[o]
        area = np.maximum(np.linalg.norm(np.cross(a, b), axis=1), 1e-6)
        weight = np.clip(0.5 * np.einsum("nd,nd->n", a, b) / area, 0.02, 20.0)
        rows += [i, j]
        columns += [j, i]
        values += [weight, weight]
    off = sp.coo_array((np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))), (n, n)).tocsc()
    return sp.csc_array(off - sp.diags_array(off.sum(axis=1)))


def bending_matrix(
    vertices: FloatArray, faces: npt.NDArray[np.integer], areas: FloatArray, stiffness: FloatArray
) -> sp.csc_array:
    """Return ``L^T diag(stiffness / area) L``: the bending energy of a displacement as a quadratic form.

    Parameters
    ----------
    vertices, faces
        The rest shape.
    areas : (V,) float64
        mm^2 of each vertex.
    stiffness : (V,) float64
        Relative, about 1.
    """
    laplace = cotangent_matrix(vertices, faces)
    typical = float(np.median(areas[areas > 0]))
    weight = stiffness / np.maximum(areas, 0.05 * typical)
    return sp.csc_array(laplace.T @ sp.diags_array(weight) @ laplace)


def vertex_links(faces: npt.NDArray[np.integer], vertices: int) -> sp.csr_array:
    """Return the (V, V) matrix that has 1 where two vertices share an edge."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    edges = np.concatenate([edges, edges[:, ::-1]])
    link = sp.coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), (vertices, vertices)).tocsr()
    link.data[:] = 1.0
    return link


def smooth_over_mesh(values: FloatArray, faces: npt.NDArray[np.integer], rounds: int = 10) -> FloatArray:
    """Return (V,) values after rounds of averaging with the neighbours, so that parts have no hard borders."""
    link = vertex_links(faces, len(values))
    degree = np.maximum(link.sum(axis=1), 1.0)
    smoothed = values.astype(np.float64)
    for _ in range(rounds):
        smoothed = 0.5 * smoothed + 0.5 * np.where(link.sum(axis=1) > 0, link @ smoothed / degree, smoothed)
    return smoothed


@dataclass(frozen=True, eq=False)
class Attraction:
    """Where the data pull each vertex.

    Parameters
    ----------
    weight : (V,) float64
        0 where nothing pulls.
    target : (V, 3) float64
        Closest points; any value where the weight is 0.
    normal : (V, 3) float64
        Unit normals there.
    tangential : float, or (V, 3, 3) float64
        Share of the pull that also acts along the surface; symmetric matrices where it is not alike in all directions.
    """

    weight: FloatArray
    target: FloatArray
    normal: FloatArray
    tangential: float | FloatArray

    def pull(self, gap: FloatArray) -> FloatArray:
        """Return the (V, 3) pull that gaps (V, 3) to the targets make."""
        across = np.einsum("nd,nd->n", self.normal, gap)[:, None] * self.normal
        if isinstance(self.tangential, float):
            return self.weight[:, None] * (across + self.tangential * gap)
        return self.weight[:, None] * (across + np.einsum("nde,ne->nd", self.tangential, gap))

    @property
    def mean_pull(self) -> FloatArray:
        """(V,) float64: the pull of a gap of 1 mm, mean over all directions."""
        if isinstance(self.tangential, float):
            return self.weight * (1 / 3 + self.tangential)
        return self.weight * (1 + np.trace(self.tangential, axis1=1, axis2=2)) / 3


class DeformationSolver:
    """Minimises bending, data and landmark energy of one stage.

    Point-to-plane data couple x, y and z. The scalar matrix with their mean is factored once a stage and serves all
    three axes as preconditioner of conjugate gradients on the coupled system.

    Parameters
    ----------
    bending : (V, V) sparse
        From `bending_matrix`, times the stiffness of the stage.
    landmark_rows : (L, V) sparse
        Barycentric rows.
    landmark_weight : float
        Of each row.
    """

    def __init__(self, bending: sp.csc_array, landmark_rows: sp.csr_array, landmark_weight: float) -> None:
        self._rows = landmark_rows
        self._beta = landmark_weight
        self._smooth = sp.csc_array(bending + landmark_weight * (landmark_rows.T @ landmark_rows))
        self._factor: SuperLU | None = None
        self._goal = 0.0

    def solve(
        self, rest: FloatArray, start: FloatArray, data: Attraction, landmarks: FloatArray, *, rounds: int = 15
    ) -> FloatArray:
        """Return the (V, 3) displacement that minimises the energy, from the displacement ``start``.

        Parameters
        ----------
        rest : (V, 3) float64
            Rest shape.
        start : (V, 3) float64
            Displacement to begin with.
        data : Attraction
            Closest points.
        landmarks : (L, 3) float64
            Targets of the landmark rows.
        rounds : int
            Steps of conjugate gradients.
        """
        if self._factor is None:
            scalar = self._smooth + sp.diags_array(data.mean_pull + 1e-9)
            self._factor = splu(
                sp.csc_matrix(scalar),
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )
        right = data.pull(data.target - rest) + self._beta * (self._rows.T @ (landmarks - self._rows @ rest))
        if not self._goal:
            # once a stage: from round to round the pull changes little, and this costs as much as a step
            self._goal = 1e-6 * max(float(np.sum(right * self._factor.solve(right))), 1e-12)
        return self._conjugate_gradients(start, right, data, rounds)

    def _apply(self, u: FloatArray, data: Attraction) -> FloatArray:
        return np.asarray(self._smooth @ u + data.pull(u) + 1e-9 * u)

    def _conjugate_gradients(self, start: FloatArray, right: FloatArray, data: Attraction, rounds: int) -> FloatArray:
        if self._factor is None:
            raise RuntimeError("factor first")
        u = start.copy()
        residual = right - self._apply(u, data)
        z = self._factor.solve(residual)
        direction = z.copy()
        energy = float(np.sum(residual * z))
        for _ in range(rounds):
            if energy <= self._goal:
                break
            applied = self._apply(direction, data)
            step = energy / float(np.sum(direction * applied))
            u += step * direction
            residual -= step * applied
            z = self._factor.solve(residual)
            after = float(np.sum(residual * z))
            direction = z + after / energy * direction
            energy = after
        return u
