"""From phase to inverse depth on a pinhole grid: two cameras, or one camera and a calibrated projector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.frames import PhaseMap
from faceapp.core.rig import CameraModel
from faceapp.fringe.phase_kernel import match_rows
from faceapp.fringe.pinhole_grid import PinholeGrid

_JUMP_OF_MEDIAN = 5.0
"""Neighbours that differ by more than this many median steps lie on two surfaces."""


@dataclass(frozen=True, eq=False)
class InverseDepth:
    """Inverse depth along a grid's z.

    Parameters
    ----------
    grid : PinholeGrid
        Of the group's first camera.
    value, sigma : (H, W) float32
        1/mm; NaN is no surface.
    """

    grid: PinholeGrid
    value: Float32Array
    sigma: Float32Array


def field_position(phase: PhaseMap) -> tuple[Float32Array, Float32Array]:
    """Return x (0 to 1 across the projector's field) and its variance, (H, W) float32, NaN where invalid."""
    scale = np.float32(1 / (2 * np.pi * phase.frequency))
    return phase.phase * scale, (phase.sigma * scale) ** 2


def typical_step(position: Float32Array) -> float:
    """Return the median absolute difference of neighbouring valid pixels along rows and columns, at least 1e-9."""
    across = np.abs(np.diff(position[::4], axis=1))
    across = across[np.isfinite(across)]
    down = np.abs(np.diff(position[:, ::4], axis=0))
    down = down[np.isfinite(down)]
    if not len(across) and not len(down):
        return 1e-9
    return max(float(np.median(values)) for values in (across, down) if len(values)) + 1e-9


def match_cameras(phases: tuple[PhaseMap, PhaseMap], grids: tuple[PinholeGrid, PinholeGrid]) -> InverseDepth:
    """Phase correspondence of two cameras along epipolar rows, with linear interpolation between pixels.

    Parameters
    ----------
    phases : pair of PhaseMap
        Of the two cameras.
    grids : pair of PinholeGrid
        From `epipolar_grids`.

    Returns
    -------
    InverseDepth
        On the first grid.

    Notes
    -----
    ``1/z = d / (f b)`` with the disparity d in pixels, focal length f and baseline b; the variance of d is
    ``(w1 var1 + w2 var2) / |dx/du|^2`` with w the squared interpolation weights.
    """
    rectified = []
    for phase, grid in zip(phases, grids, strict=True):
        x, variance = field_position(phase)
        rectified.append(grid.resample(x, variance, _JUMP_OF_MEDIAN * typical_step(x)))
    (x1, var1), (x2, var2) = rectified
    rows = min(len(x1), len(x2))
    x1, var1, x2, var2 = x1[:rows], var1[:rows], x2[:rows], var2[:rows]
    column = np.full(x1.shape, np.nan, np.float32)
    sigma = np.full(x1.shape, np.nan, np.float32)
    finite = x2[np.isfinite(x2)]
    if len(finite):
        step = typical_step(x2)
        low, high = float(finite.min()) - 1e-6, float(finite.max()) + 1e-6
        bins = int(np.clip((high - low) / step * 3, 256, 20000))
        match_rows(x1, var1, x2, var2, low, high, bins, _JUMP_OF_MEDIAN * step, column, sigma)
    first, second = grids
    baseline = float((second.centre - first.centre) @ first.rotation[:, 0])
    own = np.arange(x1.shape[1], dtype=np.float32) - np.float32(first.cx)
    disparity = own[None, :] - (column - np.float32(second.cx))
    value = disparity / np.float32(first.focal * baseline)
    spread = sigma / np.float32(first.focal * abs(baseline))
    bad = ~(value > 0)
    value[bad] = np.nan
    spread[bad] = np.nan
    return InverseDepth(_cropped(first, rows), value.astype(np.float32), spread)


def _cropped(grid: PinholeGrid, rows: int) -> PinholeGrid:
    return PinholeGrid(grid.rotation, grid.centre, grid.focal, grid.cx, grid.cy, grid.map_u[:rows], grid.map_v[:rows])


def match_projector(phase: PhaseMap, grid: PinholeGrid, projector: CameraModel, axis: str) -> InverseDepth:
    """Intersection of each camera ray with the projector's column (or row) that lit it.

    Parameters
    ----------
    phase : PhaseMap
        Of the camera.
    grid : PinholeGrid
        From `straight_grid`.
    projector : CameraModel
        The projector as a camera; ``u = x width`` (or ``v = x height``).
    axis : {"u", "v"}
        Along which x runs.

    Returns
    -------
    InverseDepth
        On the grid; points outside the projector's picture are dropped.

    Notes
    -----
    The projector's lens bends its columns, so the depth is found by Newton steps on the column of the projection.
    """
    x, variance = field_position(phase)
    x, variance = grid.resample(x, variance, _JUMP_OF_MEDIAN * typical_step(x))
    rows, columns = np.nonzero(np.isfinite(x))
    along = 0 if axis == "u" else 1
    wanted = x[rows, columns].astype(np.float64) * (projector.width if along == 0 else projector.height)
    ones = np.ones(len(rows))
    rays = grid.points(rows.astype(float), columns.astype(float), ones) - grid.centre
    inverse = _start(grid, rays, projector, wanted, along)
    slope = np.full(len(inverse), np.nan)
    for _ in range(5):
        h = 1e-4 * inverse
        here = _column(grid, rays, projector, inverse, along)
        slope = (_column(grid, rays, projector, inverse + h, along) - here) / h
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = inverse + (wanted - here) / slope
        inverse[~(inverse > 0)] = np.nan
    pixels, _ = projector.project(grid.centre + rays / inverse[:, None])
    margin = 0.02 * np.array([projector.width, projector.height])
    size = np.array([projector.width, projector.height])
    inside = ((pixels > -margin) & (pixels < size + margin)).all(axis=1) & np.isfinite(inverse)
    value = np.full(x.shape, np.nan, np.float32)
    sigma = np.full(x.shape, np.nan, np.float32)
    value[rows[inside], columns[inside]] = inverse[inside]
    size_along = projector.width if along == 0 else projector.height
    spread = np.sqrt(variance[rows, columns].astype(np.float64)) * size_along / np.abs(slope)
    sigma[rows[inside], columns[inside]] = spread[inside]
    return InverseDepth(grid, value, sigma)


def _column(grid: PinholeGrid, rays: FloatArray, projector: CameraModel, inverse: FloatArray, along: int) -> FloatArray:
    pixels, _ = projector.project(grid.centre + rays / inverse[:, None])
    return pixels[:, along]


def _start(grid: PinholeGrid, rays: FloatArray, projector: CameraModel, wanted: FloatArray, along: int) -> FloatArray:
    """Inverse depth by the projector's plane of light, its lens taken as ideal."""
    ideal = (wanted - projector.K[along, 2]) / projector.K[along, along]
    camera_from_rig = projector.rig_from_camera.inverse()
    origin = camera_from_rig.apply(grid.centre)
    direction = camera_from_rig.turn(rays)
    with np.errstate(divide="ignore", invalid="ignore"):
        depth = (ideal * origin[2] - origin[along]) / (direction[:, along] - ideal * direction[:, 2])
        inverse: FloatArray = 1 / depth
    inverse[~(inverse > 0)] = np.nan
    return inverse
