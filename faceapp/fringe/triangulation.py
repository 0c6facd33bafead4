"""From phase to inverse depth on a pinhole grid: two cameras, or one camera and a calibrated projector."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.errors import DecodeError
from faceapp.core.frames import KNOWN_ABOVE, PhaseMap
from faceapp.core.rig import CameraModel
from faceapp.fringe.match_kernel import NO_DEPTH, WIDEST, View, match_rows, match_space, rectify_rows
from faceapp.fringe.pinhole_grid import PinholeGrid
from faceapp.fringe.row_blocks import over_rows

_JUMP_OF_MEDIAN = 5.0
"""Neighbours that differ by more than this many median steps lie on two surfaces."""


@dataclass(frozen=True, eq=False)
class InverseDepth:
    """Inverse depth along a grid's z.

    Parameters
    ----------
    grid : PinholeGrid
        Of the group's first camera.
    value : (H, W) float32
        1/mm; `faceapp.fringe.match_kernel.NO_DEPTH` is no surface.
    sigma : (H, W) float32
        Its standard deviation, defined where there is surface.
    spans : (H, 2) int32
        Columns of each row between which there may be surface.
    """

    grid: PinholeGrid
    value: Float32Array
    sigma: Float32Array
    spans: npt.NDArray[np.int32]


def typical_step(phase: PhaseMap, lines: int = 16) -> float:
    """Return the median absolute difference of position of neighbouring valid pixels, at least 1e-9.

    Parameters
    ----------
    phase : PhaseMap
        Of one camera.
    lines : int
        About how many rows are looked at.

    Returns
    -------
    float
        The larger of the medians along rows and across them, share of the field.
    """
    every = max(len(phase.position) // lines, 1)
    below = phase.position[1::every]
    above = phase.position[::every][: len(below)]
    known, known_below = above > np.float32(KNOWN_ABOVE), below > np.float32(KNOWN_ABOVE)
    along = np.abs(np.diff(above, axis=1))[known[:, 1:] & known[:, :-1]]
    across = np.abs(below - above)[known & known_below]
    return max((float(np.median(s)) for s in (along, across) if len(s)), default=0.0) + 1e-9


def matched_shape(first: PinholeGrid, second: PinholeGrid) -> tuple[int, int]:
    """Return rows and columns of the inverse depth that two grids give."""
    return min(first.shape[0], second.shape[0]), first.shape[1]


def match_cameras(
    phases: tuple[PhaseMap, PhaseMap],
    grids: tuple[PinholeGrid, PinholeGrid],
    threads: int = 0,
    out: tuple[Float32Array, Float32Array] | None = None,
) -> InverseDepth:
    """Phase correspondence of two cameras along epipolar rows, with linear interpolation between pixels.

    Parameters
    ----------
    phases : pair of PhaseMap
        Of the two cameras.
    grids : pair of PinholeGrid
        From `epipolar_grids`.
    threads : int
        How many share the work; 0 is one for each core.
    out : pair of (H, W) float32, optional
        Arrays of `matched_shape` for the inverse depth and its sigma; else they are made.

    Returns
    -------
    InverseDepth
        On the first grid.

    Raises
    ------
    DecodeError
        A grid is wider than the matcher's rows.

    Notes
    -----
    ``1/z = d / (f b)`` with the disparity d in pixels, focal length f and baseline b; the variance of d is
    ``(w1 var1 + w2 var2) / |dx/du|^2`` with w the squared interpolation weights.
    """
    first, second = grids
    widest = max(first.shape[1], second.shape[1])
    if widest > WIDEST:
        raise DecodeError(f"{phases[0].camera}: its rectified picture is {widest} pixels wide; at most {WIDEST}")
    rows, _ = shape = matched_shape(first, second)
    value, sigma = out or (np.empty(shape, np.float32), np.empty(shape, np.float32))
    spans = np.zeros((rows, 2), np.int32)
    one, two = (_view(p, g) for p, g in zip(phases, grids, strict=True))
    jumps = tuple(np.float32(_JUMP_OF_MEDIAN * typical_step(p)) for p in phases)
    field = (np.float32(-0.51), np.float32(1.51)) if phases[0].frequency < 1 else (np.float32(-0.01), np.float32(1.01))
    baseline = float((second.centre - first.centre) @ first.rotation[:, 0])
    per_disparity = np.float32(1 / (first.focal * baseline))

    def work(top: int, bottom: int) -> None:
        space = match_space(first.shape[1], second.shape[1])
        match_rows(top, bottom, one, two, jumps, field, per_disparity, value, sigma, spans, space)

    over_rows(work, rows, threads=threads)
    return InverseDepth(_cropped(first, rows), value, sigma, spans)


def _view(phase: PhaseMap, grid: PinholeGrid) -> View:
    height, width = phase.position.shape
    position, variance = phase.position.ravel(), phase.variance.ravel()
    return View(position, variance, height, width, phase.blocks, grid.map_u, grid.map_v, np.float32(grid.cx))


def _cropped(grid: PinholeGrid, rows: int) -> PinholeGrid:
    return PinholeGrid(grid.rotation, grid.centre, grid.focal, grid.cx, grid.cy, grid.map_u[:rows], grid.map_v[:rows])


def drop_outside(depth: InverseDepth, camera: CameraModel, near: float, far: float) -> None:
    """Clear what lies outside a depth range along a camera's z, mm; the camera stands at the grid's centre."""
    grid = depth.grid
    tilt = grid.rotation.T @ camera.rig_from_camera.rotation[:, 2]
    rows, columns = grid.shape
    along = (np.arange(columns) - grid.cx) / grid.focal * tilt[0] + tilt[2]
    across = (np.arange(rows) - grid.cy) / grid.focal * tilt[1]
    forward = (along[None, :] + across[:, None]).astype(np.float32)
    outside = (depth.value * np.float32(near) > forward) | (depth.value * np.float32(far) < forward)
    depth.value[outside] = NO_DEPTH


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
    x, variance = _on_grid(phase, grid)
    rows, columns = np.nonzero(x > np.float32(KNOWN_ABOVE))
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
    value = np.full(x.shape, NO_DEPTH, np.float32)
    sigma = np.zeros(x.shape, np.float32)
    value[rows[inside], columns[inside]] = inverse[inside]
    size_along = projector.width if along == 0 else projector.height
    spread = np.sqrt(variance[rows, columns].astype(np.float64)) * size_along / np.abs(slope)
    sigma[rows[inside], columns[inside]] = spread[inside]
    spans = np.tile(np.array([0, x.shape[1]], np.int32), (len(x), 1))
    return InverseDepth(grid, value, sigma, spans)


def _on_grid(phase: PhaseMap, grid: PinholeGrid) -> tuple[Float32Array, Float32Array]:
    """Position and its variance on the grid."""
    x, variance = np.empty(grid.shape, np.float32), np.zeros(grid.shape, np.float32)
    rectify_rows(_view(phase, grid), np.float32(_JUMP_OF_MEDIAN * typical_step(phase)), x, variance)
    return x, variance


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
