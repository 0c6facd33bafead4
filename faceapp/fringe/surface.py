"""From inverse depth on a grid to the points of one group, and the triangles between them."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, UInt8Array
from faceapp.core.rig import CameraModel
from faceapp.fringe.islands import drop_islands
from faceapp.fringe.pinhole_grid import PinholeGrid
from faceapp.fringe.plane_fit_kernel import CHUNK, calm_rows
from faceapp.fringe.row_blocks import over_rows
from faceapp.fringe.scratch import scratch
from faceapp.fringe.surface_kernel import fit_rows, keep_rows, pack_rows
from faceapp.fringe.surface_tables import Grid, Points, Poses, SurfaceLimits
from faceapp.fringe.triangulation import InverseDepth

_STEEPEST = 3.0
"""One pixel of grid steps the inverse depth by slope / f: 3 / f admits surfaces up to about 70 degrees of tilt."""

_MIN_NEIGHBOURS = 6
_MIN_ISLAND_PX = 10


@dataclass(frozen=True)
class SurfaceRules:
    """Which pixels become points.

    Parameters
    ----------
    smooth : bool
        Whether points are those of the 5 x 5 plane fit (less noise) instead of the measured ones.
    max_sigma_px : float
        A point whose depth is less sure than this many pixel footprints is dropped.
    min_island : float
        Share of the grid's pixels below which a patch of its own is dropped.
    """

    smooth: bool = False
    max_sigma_px: float = 1.0
    min_island: float = 0.0003


def grid_points(
    depth: InverseDepth, rules: SurfaceRules, colour_camera: CameraModel | None = None, threads: int = 0
) -> Points:
    """Return the points of an inverse-depth grid with normals, sigma and pixels, in the order of rows and columns.

    Parameters
    ----------
    depth : InverseDepth
        From a match.
    rules : SurfaceRules
        What is dropped.
    colour_camera : CameraModel, optional
        In which the points are placed too.
    threads : int
        How many share the work; 0 is one for each core.
    """
    grid = depth.grid
    focal = np.float32(grid.focal)
    centre_px = np.float32(grid.cx), np.float32(grid.cy)
    limits = SurfaceLimits(
        np.float32(_STEEPEST / grid.focal), np.float32(_MIN_NEIGHBOURS), np.float32(rules.max_sigma_px), rules.smooth
    )
    height, width = depth.value.shape
    calm = np.empty((height, -(-width // CHUNK)), np.uint8)
    flat = Grid(depth.value, depth.sigma, depth.spans, np.empty((0, 0), np.float32), calm, focal, *centre_px)
    over_rows(lambda first, last: calm_rows(first, last, flat, limits, calm), height, threads=threads)
    fitted_shape = (height, width) if rules.smooth else (0, 0)
    with scratch((height, width), np.uint8) as keep, scratch(fitted_shape, np.float32) as fitted:
        if rules.smooth:
            over_rows(lambda first, last: fit_rows(first, last, flat, limits, fitted), height, threads=threads)
            flat = flat._replace(fitted=fitted)
        over_rows(lambda first, last: keep_rows(first, last, flat, limits, keep), height, threads=threads)
        drop_islands(keep, max(int(rules.min_island * keep.size), _MIN_ISLAND_PX))
        starts = np.zeros(height + 1, np.int64)
        np.cumsum(_row_counts(keep), out=starts[1:])
        n = int(starts[-1])
        out = _empty_points(n, n if colour_camera is not None else 0)
        colour = np.empty(0, np.float32) if colour_camera is None else _camera_row(colour_camera)
        rotation, centre = grid.rotation.ravel().astype(np.float32), grid.centre.astype(np.float32)
        poses = Poses(grid.map_u, grid.map_v, rotation, centre, colour)

        def pack(first: int, last: int) -> None:
            pack_rows(first, last, flat, limits, keep, starts, poses, out)

        over_rows(pack, height, threads=threads)
    return out


def _camera_row(camera: CameraModel) -> Float32Array:
    """Camera-from-rig rotation and translation, K, distortion and centre as 25 float32 values."""
    inverse = camera.rig_from_camera.inverse()
    k = camera.K
    parts = [inverse.rotation.ravel(), inverse.translation, [k[0, 0], k[0, 1], k[0, 2], k[1, 1], k[1, 2]]]
    return np.concatenate([*parts, camera.distortion, camera.centre]).astype(np.float32)


def _empty_points(n: int, placed: int) -> Points:
    return Points(
        np.empty((n, 3), np.float32),
        np.empty((n, 3), np.float32),
        np.empty(n, np.float32),
        np.empty((n, 2), np.float32),
        np.empty(n, np.int32),
        np.empty((4, placed), np.float32),
    )


@numba.njit(cache=True, nogil=True)
def _row_counts(keep: UInt8Array) -> npt.NDArray[np.int64]:
    counts = np.zeros(len(keep), np.int64)
    for row in range(len(keep)):
        for j in range(keep.shape[1]):
            counts[row] += keep[row, j]
    return counts


def grid_faces(cells: npt.NDArray[np.int32], points: Float32Array, grid: PinholeGrid) -> npt.NDArray[np.int32]:
    """Return (F, 3) int32 triangles between neighbouring pixels: two for each whole cell that lies on one surface.

    Parameters
    ----------
    cells : (N,) int32
        Place of each point in the grid, rising.
    points : (N, 3) float32
        Rig frame, mm.
    grid : PinholeGrid
        Where they were measured.
    """
    z = ((points - grid.centre.astype(np.float32)) @ grid.rotation[:, 2].astype(np.float32)).astype(np.float32)
    faces = np.empty((2 * len(cells), 3), np.int32)
    count = _join_cells(cells, z, np.int64(grid.shape[1]), np.float32(6.0 / grid.focal), faces)
    return faces[:count]


@numba.njit(cache=True, nogil=True)
def _join_cells(
    cells: npt.NDArray[np.int32], z: Float32Array, width: int, steepest: np.float32, faces: npt.NDArray[np.int32]
) -> int:
    """Walk two rows at once: ``below`` is the point under the current one, if any."""
    n = len(cells)
    below = 0
    count = 0
    for i in range(n - 1):
        under = cells[i] + width
        while below < n and cells[below] < under:
            below += 1
        if cells[i + 1] != cells[i] + 1 or cells[i + 1] % width == 0 or below + 1 >= n:
            continue
        if cells[below] != under or cells[below + 1] != under + 1:
            continue
        a, b, c, d = z[i], z[i + 1], z[below], z[below + 1]
        low, high = min(min(a, b), min(c, d)), max(max(a, b), max(c, d))
        if high - low < steepest * low:
            faces[count, 0], faces[count, 1], faces[count, 2] = i, below, i + 1
            faces[count + 1, 0], faces[count + 1, 1], faces[count + 1, 2] = i + 1, below, below + 1
            count += 2
    return count
