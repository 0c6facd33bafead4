"""Displacements that vary smoothly over a surface: what rigid motion leaves between two scans."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.geometry.cell_grid import CellGrid, cell_grid, in_threads, point_runs

_LINKS = 6
_REACH = 2.0
"""Nodes within so many spacings of a point move it."""
_MODEL_ERROR_MM = 0.01
"""A node's gap is not trusted further than this, however many points it was averaged over."""
_PIN_MM = 10.0
"""Standard deviation of a displacement nobody has measured: keeps the equations solvable."""
_ROOM = 10
_SMALLEST_WEIGHT = 1e-9


@dataclass(frozen=True, eq=False)
class SmoothDisplacement:
    """A displacement for each of some nodes, blended in between.

    Parameters
    ----------
    grid : CellGrid
        Of the nodes, cells as wide as a node reaches.
    nodes, shifts : (M, 3) float32
        By cell, mm.
    """

    grid: CellGrid
    nodes: Float32Array
    shifts: Float32Array

    def at(self, points: FloatArray) -> FloatArray:
        """Return the displacement (N, 3) of points (N, 3), mm; 0 where no node reaches."""
        out = np.zeros((len(points), 3))
        p = np.ascontiguousarray(points, np.float64)
        in_threads(lambda first, last: _blend_shifts(self.grid, self.nodes, self.shifts, p, out, first, last), len(p))
        return out


@dataclass(frozen=True, eq=False)
class Gaps:
    """Gaps between two surfaces at points of one of them.

    Parameters
    ----------
    points, normals : (N, 3) float64
        mm; unit.
    gap : (N,) float64
        How far each has to go along its normal, mm; NaN where the other surface is not near.
    variance : (N,) float64
        Of the gap, mm^2.
    """

    points: FloatArray
    normals: FloatArray
    gap: FloatArray
    variance: FloatArray


def displacement_that_closes(gaps: Gaps, spacing: float, roughness: float) -> SmoothDisplacement | None:
    """Return the smoothest displacement that closes gaps as far as they are sure.

    Parameters
    ----------
    gaps : Gaps
        Of all points that shall move, those without a gap among them.
    spacing : float
        Of the nodes, mm.
    roughness : float
        How much two neighbouring nodes' displacements may differ (one standard deviation), mm.

    Returns
    -------
    SmoothDisplacement or None
        Nothing where fewer than ten nodes know a gap.

    Notes
    -----
    Nodes of a membrane, three unknowns each: gaps hold them along the normal, their neighbours in all directions
    (compare Allen, Curless and Popovic, SIGGRAPH 2003). Beyond the overlap the membrane goes on level.
    """
    nodes = _nodes_of(gaps, spacing)
    known = nodes.weight > 0
    if known.sum() < _ROOM:
        return None
    count = len(nodes.points)
    pairs = _linked(nodes.points, 3.0 * spacing)
    ones = np.full(len(pairs), 1.0 / roughness**2)
    links = sp.coo_array((ones, (pairs[:, 0], pairs[:, 1])), (count, count))
    both = (links + links.T).tocsr()
    laplacian = sp.diags_array(np.asarray(both.sum(axis=1)).ravel() + 1 / _PIN_MM**2) - both
    outer = nodes.weight[:, None, None] * nodes.normals[:, :, None] * nodes.normals[:, None, :]
    data = sp.bsr_array((outer, np.arange(count), np.arange(count + 1)), shape=(3 * count, 3 * count))
    matrix = sp.csc_matrix(sp.kron(laplacian, sp.eye_array(3)) + data)
    right = ((nodes.weight * np.where(known, nodes.gap, 0.0))[:, None] * nodes.normals).ravel()
    solver = splu(matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    shifts = solver.solve(right).reshape(-1, 3)
    grid = cell_grid(nodes.points, _REACH * spacing)
    return SmoothDisplacement(
        grid, nodes.points[grid.order].astype(np.float32), shifts[grid.order].astype(np.float32)
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Nodes:
    points: FloatArray
    normals: FloatArray
    gap: FloatArray
    weight: FloatArray


def _nodes_of(gaps: Gaps, spacing: float) -> _Nodes:
    """Means over cubes: place and normal of all points, the gap of those that know one, and how sure it is."""
    grid = cell_grid(gaps.points, spacing)
    cell = np.empty(len(gaps.points), np.int64)
    cell[grid.order] = np.repeat(np.arange(len(grid.keys)), np.diff(grid.start))
    count = len(grid.keys)
    many = np.diff(grid.start).astype(np.float64)
    points = np.stack([np.bincount(cell, gaps.points[:, k], count) / many for k in range(3)], axis=1)
    known = np.isfinite(gaps.gap)
    weight = np.where(known, 1 / gaps.variance, 0.0)
    total: FloatArray = np.bincount(cell, weight, count).astype(np.float64)
    sure = np.maximum(total, _SMALLEST_WEIGHT)
    pull = np.asarray(np.bincount(cell, np.where(known, weight * gaps.gap, 0.0), count), np.float64)
    heavier = weight + _SMALLEST_WEIGHT
    turned = np.stack([np.bincount(cell, heavier * gaps.normals[:, k], count) for k in range(3)], axis=1)
    normals = np.asarray(turned, np.float64)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    trusted = np.where(total > 0, 1 / (1 / sure + _MODEL_ERROR_MM**2), 0.0)
    return _Nodes(points, normals, np.asarray(pull / sure), trusted)


def _linked(points: FloatArray, farthest: float) -> np.ndarray:
    """Pairs (P, 2) of near nodes, each once."""
    distance, near = (np.asarray(v) for v in cKDTree(points).query(points, k=_LINKS + 1))
    rows = np.repeat(np.arange(len(points)), _LINKS)
    columns, far = near[:, 1:].ravel(), distance[:, 1:].ravel()
    fine = far < farthest
    pairs = np.sort(np.stack([rows[fine], columns[fine]], axis=1), axis=1)
    return np.unique(pairs, axis=0)


@numba.njit(cache=True, nogil=True)
def _blend_shifts(
    grid: CellGrid,
    nodes: Float32Array,
    shifts: Float32Array,
    points: FloatArray,
    out: FloatArray,
    first: int,
    last: int,
) -> None:
    runs = np.empty((9, 2), np.int64)
    reach = grid.size * grid.size
    for i in range(first, last):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        total = sx = sy = sz = 0.0
        for r in range(point_runs(grid, x, y, z, runs)):
            for j in range(runs[r, 0], runs[r, 1]):
                dx, dy, dz = x - nodes[j, 0], y - nodes[j, 1], z - nodes[j, 2]
                far = dx * dx + dy * dy + dz * dz
                if far >= reach:
                    continue
                fade = 1.0 - far / reach
                weight = fade * fade * fade
                total += weight
                sx += weight * shifts[j, 0]
                sy += weight * shifts[j, 1]
                sz += weight * shifts[j, 2]
        if total > 0.0:
            out[i, 0], out[i, 1], out[i, 2] = sx / total, sy / total, sz / total
