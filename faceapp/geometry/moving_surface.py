"""The smooth surface through oriented points: moving averages that neither noise nor curvature pulls aside.

Two points of a sphere (and, to second order, of any surface) are joined by a chord that is square to the sum of their
normals. The height of a position over the surface is therefore the weighted mean of ``(x - p).(n + m) / (1 + n.m)``
over near points p with normals m, n being the normal at x: a plane's formula without a plane's bias at curved places.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError
from faceapp.geometry.cell_grid import CellGrid, cell_grid, in_threads, point_runs

_LEAST_SIGMA = 1e-3
_SAME_SIDE = 0.5
"""Cosine between two normals of one sheet of surface; the other lip or the back of an ear is another sheet."""
_SLAB = 0.5
"""Points higher or lower than this share of the radius are of another sheet: a mean of both would be neither."""


def point_spacing(points: npt.ArrayLike, asked: int = 4000) -> float:
    """Return the median distance of points to their nearest neighbour, mm, asked of evenly chosen ones."""
    p = np.asarray(points)
    if len(p) < 2:
        raise DataError("one point has no spacing")
    tree = cKDTree(p, balanced_tree=False, compact_nodes=False)
    some = p[:: max(len(p) // asked, 1)]
    return float(np.median(np.asarray(tree.query(some, k=[2])[0])))


@dataclass(frozen=True, eq=False)
class MovingSurface:
    """Oriented points, sorted into cells, whose weighted mean is the surface.

    Parameters
    ----------
    grid : CellGrid
        Cells as large as the radius.
    points, normals : (N, 3) float32
        By cell, mm.
    weights : (N,) float32
        ``1 / sigma**2`` times whatever the caller gave.
    """

    grid: CellGrid
    points: Float32Array
    normals: Float32Array
    weights: Float32Array

    @property
    def radius(self) -> float:
        """Points farther than this from a position do not count, mm."""
        return self.grid.size

    def project(self, positions: FloatArray, normals: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Move positions along their normals onto the surface.

        Parameters
        ----------
        positions, normals : (M, 3) float64
            Where to begin, mm; unit.

        Returns
        -------
        positions, normals : (M, 3) float64
            Where no point is near, as they came.
        height : (M,) float64
            How far above the surface they were, mm; NaN where no point is near, inf where all points that are near
            lie on other sheets of surface.
        """
        places, turned, height = np.empty_like(positions), np.empty_like(normals), np.empty(len(positions))

        def part(first: int, last: int) -> None:
            _project(
                self.grid, self.points, self.normals, self.weights,
                positions, normals, places, turned, height, first, last,
            )  # fmt: skip

        in_threads(part, len(positions))
        return places, turned, height

    def blend(self, positions: FloatArray, normals: FloatArray, values: npt.ArrayLike) -> FloatArray:
        """Return the weighted means (M, D) of values (N, D), given in the order of the points that came in.

        Parameters
        ----------
        positions, normals : (M, 3) float64
            On the surface.
        values : (N, D) float
            Of each point; NaN comes back where none is near.
        """
        table = np.ascontiguousarray(np.asarray(values, np.float32)[self.grid.order])
        out = np.full((len(positions), table.shape[1]), np.nan)

        def part(first: int, last: int) -> None:
            _blend(self.grid, self.points, self.normals, self.weights, positions, normals, table, out, first, last)

        in_threads(part, len(positions))
        return out


def moving_surface(cloud: PointCloud, radius: float, weights: npt.ArrayLike | None = None) -> MovingSurface:
    """Return the surface of a cloud with normals.

    Parameters
    ----------
    cloud : PointCloud
        With normals; its sigma, where it has one, gives the weights.
    radius : float
        mm.
    weights : (N,) array_like, optional
        Factors, not negative.

    Raises
    ------
    DataError
        There are no points or no normals.
    """
    if cloud.normals is None:
        raise DataError("a surface needs normals in the cloud")
    grid = cell_grid(cloud.points, radius)
    weight = np.ones(len(cloud), np.float32)
    if cloud.sigma is not None:
        sigma = np.where(np.isfinite(cloud.sigma), cloud.sigma, np.float32(np.inf))
        weight = (np.float32(1) / np.maximum(sigma, np.float32(_LEAST_SIGMA)) ** 2).astype(np.float32)
    if weights is not None:
        weight = (weight * np.asarray(weights, np.float32)).astype(np.float32)
    order = grid.order
    return MovingSurface(grid, cloud.points[order], cloud.normals[order], weight[order])


@numba.njit(cache=True, nogil=True, fastmath={"contract", "reassoc", "nsz"})
def _project(
    grid: CellGrid,
    points: Float32Array,
    normals: Float32Array,
    weights: Float32Array,
    places: FloatArray,
    turned: FloatArray,
    to_places: FloatArray,
    to_normals: FloatArray,
    heights: FloatArray,
    first: int,
    last: int,
) -> None:
    runs = np.empty((9, 2), np.int64)
    reach = grid.size * grid.size
    slab = _SLAB * _SLAB * reach
    for i in range(first, last):
        x, y, z = places[i, 0], places[i, 1], places[i, 2]
        u, v, w = turned[i, 0], turned[i, 1], turned[i, 2]
        total = height = su = sv = sw = 0.0
        lonely = True
        for r in range(point_runs(grid, x, y, z, runs)):
            for j in range(runs[r, 0], runs[r, 1]):
                dx, dy, dz = x - points[j, 0], y - points[j, 1], z - points[j, 2]
                far = dx * dx + dy * dy + dz * dz
                if far >= reach:
                    continue
                lonely = False
                cosine = u * normals[j, 0] + v * normals[j, 1] + w * normals[j, 2]
                if cosine < _SAME_SIDE:
                    continue
                along = dx * (u + normals[j, 0]) + dy * (v + normals[j, 1]) + dz * (w + normals[j, 2])
                along /= 1.0 + cosine
                if along * along > slab:
                    continue
                fade = 1.0 - far / reach
                weight = weights[j] * fade * fade
                height += weight * along
                total += weight
                su += weight * normals[j, 0]
                sv += weight * normals[j, 1]
                sw += weight * normals[j, 2]
        length = np.sqrt(su * su + sv * sv + sw * sw)
        if total > 0.0 and length > 0.0:
            height /= total
            heights[i] = height
            to_places[i, 0], to_places[i, 1], to_places[i, 2] = x - height * u, y - height * v, z - height * w
            to_normals[i, 0], to_normals[i, 1], to_normals[i, 2] = su / length, sv / length, sw / length
        else:
            heights[i] = np.nan if lonely else np.inf
            to_places[i, 0], to_places[i, 1], to_places[i, 2] = x, y, z
            to_normals[i, 0], to_normals[i, 1], to_normals[i, 2] = u, v, w


@numba.njit(cache=True, nogil=True)
def _blend(
    grid: CellGrid,
    points: Float32Array,
    normals: Float32Array,
    weights: Float32Array,
    places: FloatArray,
    turned: FloatArray,
    table: Float32Array,
    out: FloatArray,
    first: int,
    last: int,
) -> None:
    runs = np.empty((9, 2), np.int64)
    reach = grid.size * grid.size
    width = table.shape[1]
    for i in range(first, last):
        x, y, z = places[i, 0], places[i, 1], places[i, 2]
        total = 0.0
        for r in range(point_runs(grid, x, y, z, runs)):
            for j in range(runs[r, 0], runs[r, 1]):
                dx, dy, dz = x - points[j, 0], y - points[j, 1], z - points[j, 2]
                far = dx * dx + dy * dy + dz * dz
                if far >= reach:
                    continue
                cosine = turned[i, 0] * normals[j, 0] + turned[i, 1] * normals[j, 1] + turned[i, 2] * normals[j, 2]
                if cosine < _SAME_SIDE:
                    continue
                fade = 1.0 - far / reach
                weight = weights[j] * fade * fade
                if total == 0.0:
                    out[i] = 0.0
                total += weight
                for k in range(width):
                    out[i, k] += weight * table[j, k]
        if total > 0.0:
            for k in range(width):
                out[i, k] /= total


_RIM = 0.291
"""Distance of the weighted mean of a half disc from its straight border, in radii, under the weight used here."""


def rim_margin(surface: MovingSurface, positions: FloatArray, normals: FloatArray, reach: float) -> FloatArray:
    """Return (M,) how far inside the measured surface positions lie, in radii: negative beyond its rim.

    Parameters
    ----------
    surface : MovingSurface
        Of evenly thinned points.
    positions, normals : (M, 3) float64
        mm; unit.
    reach : float
        Positions farther than this from every point are outside in any case, mm.

    Notes
    -----
    Inside, the points near a position lie all round it; at the rim on one side only, so that their mean lies aside.
    """
    margin = np.empty(len(positions))

    def part(first: int, last: int) -> None:
        _rim_margin(surface.grid, surface.points, surface.normals, positions, normals, reach, margin, first, last)

    in_threads(part, len(positions))
    return margin


@numba.njit(cache=True, nogil=True)
def _rim_margin(
    grid: CellGrid,
    points: Float32Array,
    normals: Float32Array,
    places: FloatArray,
    turned: FloatArray,
    limit: float,
    margin: FloatArray,
    first: int,
    last: int,
) -> None:
    runs = np.empty((9, 2), np.int64)
    reach = grid.size * grid.size
    for i in range(first, last):
        x, y, z = places[i, 0], places[i, 1], places[i, 2]
        u, v, w = turned[i, 0], turned[i, 1], turned[i, 2]
        total = sx = sy = sz = 0.0
        least = reach
        for r in range(point_runs(grid, x, y, z, runs)):
            for j in range(runs[r, 0], runs[r, 1]):
                dx, dy, dz = points[j, 0] - x, points[j, 1] - y, points[j, 2] - z
                far = dx * dx + dy * dy + dz * dz
                if far >= reach or u * normals[j, 0] + v * normals[j, 1] + w * normals[j, 2] < 0.0:
                    continue
                least = min(least, far)
                fade = (1.0 - far / reach) ** 2
                total += fade
                sx += fade * dx
                sy += fade * dy
                sz += fade * dz
        if total == 0.0:
            margin[i] = -1.0
            continue
        sx, sy, sz = sx / total, sy / total, sz / total
        along = sx * u + sy * v + sz * w
        aside = np.sqrt(max(sx * sx + sy * sy + sz * sz - along * along, 0.0))
        margin[i] = min(_RIM - aside / grid.size, (limit - np.sqrt(least)) / grid.size)
