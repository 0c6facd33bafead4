"""Several clouds of one surface become one: blended where they overlap, each fading out towards its own border."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numba
import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from faceapp.core.arrays import BoolArray, Float32Array
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError
from faceapp.geometry.cell_grid import CellGrid, cell_grid, find_key, in_threads, point_runs

_FADE_MM = 6.0
"""A group's weight rises from nothing at its border to all of it so far inside."""
_LEAST_FADE = 1e-3
_JUMP = 8.0
"""Neighbouring pixels whose points lie farther apart than so many spacings are on both sides of a depth edge."""
_LEAST_SIGMA = 1e-3
_CORRELATION = 1.2
"""Neighbouring pixels share some noise by resampling: means are worse than those of free errors (measured)."""
_SAME_SIDE = 0.5
_SLAB = 0.5


@dataclass(frozen=True, eq=False)
class MergedCloud:
    """The blended cloud.

    Parameters
    ----------
    cloud : PointCloud
        With ``group``: whose point each was.
    redundant : int
        Points that went because another group sees their spot better.
    """

    cloud: PointCloud
    redundant: int


def border_fade(cloud: PointCloud, spacing: float) -> Float32Array:
    """Return weights (N,) that fall to nearly nothing towards the border of what one camera has measured.

    Parameters
    ----------
    cloud : PointCloud
        Without pixels all weights are 1: nobody knows where its border is.
    spacing : float
        Of its points, mm.

    Notes
    -----
    Distances are those in the picture: steps between pixels, at the spacing of the points.
    """
    if cloud.pixels is None or not len(cloud):
        return np.ones(len(cloud), np.float32)
    place = np.rint(cloud.pixels - cloud.pixels.min(axis=0)).astype(np.int64) + 2
    width, height = (int(v) + 3 for v in place.max(axis=0))
    index = np.full((height, width), -1, np.int32)
    index[place[:, 1], place[:, 0]] = np.arange(len(cloud), dtype=np.int32)
    measured = (index >= 0).astype(np.uint8)
    # Rounding leaves single pixels out; they are no border.
    measured = cv2.morphologyEx(measured, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    for axis in (0, 1):
        a = index[:-1] if axis == 0 else index[:, :-1]
        b = index[1:] if axis == 0 else index[:, 1:]
        both = np.flatnonzero((a >= 0) & (b >= 0))
        gap = np.linalg.norm(cloud.points[a.ravel()[both]] - cloud.points[b.ravel()[both]], axis=1)
        row, column = np.unravel_index(both[gap > _JUMP * spacing], a.shape)
        measured[row, column] = 0
        measured[row + (axis == 0), column + (axis == 1)] = 0
    inside = cv2.distanceTransform(measured, cv2.DIST_L2, 3)[place[:, 1], place[:, 0]] * np.float32(spacing / _FADE_MM)
    ramp = np.clip(inside, 0, 1)
    return np.maximum(ramp * ramp * (3 - 2 * ramp), np.float32(_LEAST_FADE)).astype(np.float32)


def merge_clouds(clouds: Mapping[str, PointCloud], fades: Mapping[str, Float32Array], radius: float) -> MergedCloud:
    """Blend clouds that lie on each other.

    Every point goes along its normal onto the moving average of all groups, weighted by ``fade / sigma**2``; of the
    groups that see a spot only the points of the one with the largest weight stay.

    Parameters
    ----------
    clouds : mapping of str to PointCloud
        With normals, colours and sigma.
    fades : mapping of str to (N,) float32
        From `border_fade`.
    radius : float
        Of the moving average, mm.

    Raises
    ------
    DataError
        A cloud lacks normals, colours or sigma.
    """
    names = tuple(clouds)
    points = np.concatenate([clouds[n].points for n in names])
    normals = np.concatenate([_known(clouds[n].normals, n, "normals") for n in names])
    colors = np.concatenate([_known(clouds[n].colors, n, "colours") for n in names])
    sigma = np.concatenate([_known(clouds[n].sigma, n, "sigma") for n in names])
    group = np.concatenate([np.full(len(clouds[n]), i, np.uint8) for i, n in enumerate(names)])
    fade = np.concatenate([fades[n] for n in names])
    grid = cell_grid(points, radius)
    order = grid.order
    points, normals, colors, group = points[order], normals[order], colors[order], group[order]
    sigma = np.maximum(np.nan_to_num(sigma[order], nan=1.0), np.float32(_LEAST_SIGMA))
    fade = fade[order]
    placed, turned = np.empty_like(points), np.empty_like(normals)
    painted, sure = np.empty_like(colors), np.empty_like(sigma)
    best = np.empty(len(points), np.bool_)

    def part(first: int, last: int) -> None:
        _merge(
            grid, points, normals, colors, sigma, fade, group, len(names),
            placed, turned, painted, sure, best, first, last,
        )  # fmt: skip

    in_threads(part, len(points))
    merged = PointCloud(
        placed[best], turned[best], painted[best], sure[best], None, group[best], "", names
    )  # fmt: skip
    return MergedCloud(merged, int((~best).sum()))


def _known(values: npt.NDArray[np.generic] | None, group: str, what: str) -> np.ndarray:
    if values is None:
        raise DataError(f"fusion: the cloud of {group} has no {what}")
    return values


@numba.njit(cache=True, nogil=True)
def _merge(
    grid: CellGrid,
    points: Float32Array,
    normals: Float32Array,
    colors: npt.NDArray[np.uint8],
    sigma: Float32Array,
    fade: Float32Array,
    group: npt.NDArray[np.uint8],
    groups: int,
    placed: Float32Array,
    turned: Float32Array,
    painted: npt.NDArray[np.uint8],
    sure: Float32Array,
    best: npt.NDArray[np.bool_],
    first: int,
    last: int,
) -> None:
    runs = np.empty((9, 2), np.int64)
    weight_of = np.empty(groups, np.float32)
    reach = np.float32(grid.size * grid.size)
    slab = np.float32(_SLAB * _SLAB) * reach
    cell, count = -1, 0
    for i in range(first, last):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        # Points come cell by cell, and all of a cell have the same neighbours.
        if cell < 0 or i >= grid.start[cell + 1]:
            cell = int(np.searchsorted(grid.start, i, side="right")) - 1 if cell < 0 else cell + 1
            count = point_runs(grid, x, y, z, runs)
        u, v, w = normals[i, 0], normals[i, 1], normals[i, 2]
        weight_of[:] = 0
        total = height = variance = np.float32(0)
        su = sv = sw = np.float32(0)
        paint = red = green = blue = np.float32(0)
        for r in range(count):
            for j in range(runs[r, 0], runs[r, 1]):
                dx, dy, dz = x - points[j, 0], y - points[j, 1], z - points[j, 2]
                far = dx * dx + dy * dy + dz * dz
                if far >= reach:
                    continue
                cosine = u * normals[j, 0] + v * normals[j, 1] + w * normals[j, 2]
                if cosine < _SAME_SIDE:
                    continue
                along = dx * (u + normals[j, 0]) + dy * (v + normals[j, 1]) + dz * (w + normals[j, 2])
                along /= np.float32(1) + cosine
                if along * along > slab:
                    continue
                near = np.float32(1) - far / reach
                near *= near
                weight = near * fade[j] / (sigma[j] * sigma[j])
                total += weight
                height += weight * along
                variance += weight * weight * sigma[j] * sigma[j]
                weight_of[group[j]] += weight
                su += weight * normals[j, 0]
                sv += weight * normals[j, 1]
                sw += weight * normals[j, 2]
                # Colour has no noise worth an average: near points alone keep it crisp.
                tint = near * near * near * fade[j]
                paint += tint
                red += tint * colors[j, 0]
                green += tint * colors[j, 1]
                blue += tint * colors[j, 2]
        height /= total
        placed[i, 0], placed[i, 1], placed[i, 2] = x - height * u, y - height * v, z - height * w
        length = np.sqrt(su * su + sv * sv + sw * sw)
        turned[i, 0], turned[i, 1], turned[i, 2] = su / length, sv / length, sw / length
        # A mean is never worse than the point alone, which is what a lonely point's mean would say.
        sure[i] = min(np.float32(_CORRELATION) * np.sqrt(variance) / total, sigma[i])
        painted[i, 0] = np.uint8(red / paint + np.float32(0.5))
        painted[i, 1] = np.uint8(green / paint + np.float32(0.5))
        painted[i, 2] = np.uint8(blue / paint + np.float32(0.5))
        best[i] = True
        for g in range(groups):
            if weight_of[g] > weight_of[group[i]]:
                best[i] = False


def large_enough(cloud: PointCloud, link: float, least: int) -> BoolArray:
    """Return which points (N,) belong to a part of at least so many points.

    Parameters
    ----------
    cloud : PointCloud
        Any.
    link : float
        Points in neighbouring cubes of this size hang together, mm.
    least : int
        Points.
    """
    grid = cell_grid(cloud.points, link)
    pairs = _neighbour_cells(grid)
    n = len(grid.keys)
    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), (n, n))
    _, label = connected_components(links, directed=False)
    many = np.bincount(label, np.diff(grid.start))
    keep = np.empty(len(cloud), bool)
    keep[grid.order] = np.repeat(many[label] >= least, np.diff(grid.start))
    return keep


@numba.njit(cache=True, nogil=True)
def _neighbour_cells(grid: CellGrid) -> npt.NDArray[np.int64]:
    pairs = np.empty((13 * len(grid.keys), 2), np.int64)
    count = 0
    ny, nz = grid.extent[1], grid.extent[2]
    for c in range(len(grid.keys)):
        for step in range(14, 27):  # the half of the neighbours whose keys are larger
            di, dj, dk = step // 9 - 1, step // 3 % 3 - 1, step % 3 - 1
            other = find_key(grid.keys[c] + (di * ny + dj) * nz + dk, grid.keys, grid.table)
            if other >= 0:
                pairs[count, 0], pairs[count, 1] = c, other
                count += 1
    return pairs[:count].copy()
