"""One group from frames to a point cloud: phase, correspondence, surface, colour, depth images."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import BoolArray, Float32Array, UInt8Array
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DecodeError
from faceapp.core.frames import FrameStack, PhaseMap
from faceapp.core.rig import CameraGroup, CameraModel
from faceapp.fringe.colour import colour_points
from faceapp.fringe.demodulation import PhaseLimits, decode_phase
from faceapp.fringe.pinhole_grid import PinholeGrid, epipolar_grids, straight_grid
from faceapp.fringe.surface_kernel import fit_planes
from faceapp.fringe.triangulation import InverseDepth, match_cameras, match_projector
from faceapp.geometry.depth_rendering import render_depth


@dataclass(frozen=True)
class DecodeSettings:
    """How frames become points.

    Parameters
    ----------
    limits : PhaseLimits
        Masks of the phase.
    smooth : bool
        Whether points are those of the 5 x 5 plane fit (less noise) instead of the measured ones.
    max_sigma_px : float
        A point whose depth is less sure than this many pixel footprints is dropped.
    max_unknown_sigma_px : float
        The same where the sensor's noise is not stated: sigma then holds the fringes' harmonics too and is too large.
    min_island : float
        Share of the grid's pixels below which a patch of its own is dropped.
    """

    limits: PhaseLimits = field(default_factory=PhaseLimits)
    smooth: bool = False
    max_sigma_px: float = 1.0
    max_unknown_sigma_px: float = 3.0
    min_island: float = 0.0003


@dataclass(frozen=True, eq=False)
class GroupScan:
    """What one group measured.

    Parameters
    ----------
    cloud : PointCloud
        Points in the rig frame, their pixels in the group's first camera.
    faces : (F, 3) int32
        Triangles between neighbouring pixels of the cloud.
    phases : tuple of PhaseMap
        One an infrared camera.
    depths : dict of str to (H, W) float32
        Depth image of each camera, mm, NaN where there is no surface.
    noise_known : bool
        Whether sigma comes from the sensor's stated noise.
    """

    cloud: PointCloud
    faces: npt.NDArray[np.int32]
    phases: tuple[PhaseMap, ...]
    depths: dict[str, Float32Array]
    noise_known: bool


def decode_group(
    group: CameraGroup,
    stacks: dict[str, FrameStack],
    white_levels: dict[str, float],
    picture: UInt8Array | None = None,
    settings: DecodeSettings = DecodeSettings(),
    *,
    depth_images: bool = True,
) -> GroupScan:
    """Decode one camera group.

    Parameters
    ----------
    group : CameraGroup
        Two infrared cameras, or one and a calibrated projector.
    stacks : dict of str to FrameStack
        Frames of each infrared camera by its name.
    white_levels : dict of str to float
        Counts of saturation by camera.
    picture : (H, W, 3) uint8, optional
        Of the colour camera; without it points are grey by their brightness in the infrared.
    settings : DecodeSettings
        Masks and outlier rules.
    depth_images : bool
        Whether to render the depth image of every camera (the colour camera's is made where there is a picture).

    Returns
    -------
    GroupScan

    Raises
    ------
    DecodeError
        No point survives.
    SequenceError
        The sequence cannot be unwrapped.
    """
    with ThreadPoolExecutor(2) as pool:
        phases = tuple(
            pool.map(
                lambda camera: decode_phase(
                    stacks[camera.name], camera.sensor, white_levels[camera.name], settings.limits
                ),
                group.infrared,
            )
        )
    depth = _triangulate(group, phases, stacks[group.infrared[0].name].sequence.axis)
    brightness = stacks[group.infrared[0].name].frames.mean(axis=0, dtype=np.float32)
    max_sigma_px = settings.max_sigma_px if phases[0].noise_known else settings.max_unknown_sigma_px
    cloud, faces = _surface(depth, settings, max_sigma_px, group.infrared[0].name)
    if not len(cloud):
        lit = float(np.mean([np.isfinite(p.phase).mean() for p in phases]))
        raise DecodeError(
            f"group {group.name}: no point was found ({lit:.1%} of the pixels have a phase). "
            "Check the light, the order of the exposures and the calibration"
        )
    grey = _grey(cloud, brightness, white_levels[group.infrared[0].name])
    wanted = (
        list(group.cameras) if depth_images else [c for c in group.cameras if c is group.rgb and picture is not None]
    )
    depths = _depth_images(cloud, faces, wanted)
    colors = grey
    if group.rgb is not None and picture is not None:
        colors = colour_points(cloud.points, group.rgb, picture, depths[group.rgb.name], grey)
    cloud = PointCloud(
        cloud.points, cloud.normals, colors, cloud.sigma, cloud.pixels, camera=cloud.camera, groups=(group.name,)
    )
    return GroupScan(cloud, faces, phases, depths, phases[0].noise_known)


def with_depth_images(scan: GroupScan, group: CameraGroup) -> GroupScan:
    """Return the scan with the depth image of every camera of its group; those that are there stay."""
    lacking = [camera for camera in group.cameras if camera.name not in scan.depths]
    return replace(scan, depths={**scan.depths, **_depth_images(scan.cloud, scan.faces, lacking)})


def _depth_images(
    cloud: PointCloud, faces: npt.NDArray[np.int32], cameras: list[CameraModel]
) -> dict[str, Float32Array]:
    with ThreadPoolExecutor(2) as pool:
        images = pool.map(lambda camera: render_depth(cloud.points, faces, camera), cameras)
        return {camera.name: image for camera, image in zip(cameras, images, strict=True)}


def _triangulate(group: CameraGroup, phases: tuple[PhaseMap, ...], axis: str) -> InverseDepth:
    if len(group.infrared) >= 2:
        grids = _cached_epipolar(group)
        return match_cameras((phases[0], phases[1]), grids)
    if group.projector.optics is None:
        raise DecodeError(f"group {group.name}: one camera needs a calibrated projector")
    return match_projector(phases[0], straight_grid(group.infrared[0]), group.projector.optics, axis)


_grids: dict[int, tuple[CameraGroup, tuple[PinholeGrid, PinholeGrid]]] = {}


def _cached_epipolar(group: CameraGroup) -> tuple[PinholeGrid, PinholeGrid]:
    """A live rig decodes the same group again and again; its grids cost more than a match."""
    found = _grids.get(id(group))
    if found is None or found[0] is not group:
        if len(_grids) >= 6:
            _grids.pop(next(iter(_grids)))
        found = _grids[id(group)] = (group, epipolar_grids(group.infrared[0], group.infrared[1]))
    return found[1]


def _surface(
    depth: InverseDepth, settings: DecodeSettings, max_sigma_px: float, camera: str
) -> tuple[PointCloud, npt.NDArray[np.int32]]:
    shape = depth.value.shape
    names = ("fitted", "fitted_sigma", "residual", "slope_u", "slope_v")
    out = {name: np.empty(shape, np.float32) for name in names}
    # One pixel of grid steps the inverse depth by slope / f: 3 / f admits surfaces up to about 70 degrees of tilt.
    fit_planes(depth.value, depth.sigma, 3.0 / depth.grid.focal, 6, **out)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = 1 / depth.value
        footprint = z / depth.grid.focal
        sigma_z = depth.sigma * z * z
        off_fit = np.abs(out["residual"]) * z * z
        keep = (sigma_z < max_sigma_px * footprint) & (off_fit < np.maximum(5 * sigma_z, 0.5 * footprint))
    keep = _without_islands(keep, settings.min_island)
    index = np.full(shape, -1, np.int32)
    rows, columns = np.nonzero(keep)
    index[rows, columns] = np.arange(len(rows), dtype=np.int32)
    inverse = (out["fitted"] if settings.smooth else depth.value)[rows, columns].astype(np.float64)
    points = depth.grid.points(rows.astype(float), columns.astype(float), 1 / inverse)
    normals = _normals(depth.grid, rows, columns, out, points)
    sigma = (out["fitted_sigma"] if settings.smooth else depth.sigma)[rows, columns] / inverse**2
    # Beside a depth edge the phase itself is mixed: what the fit leaves over is the honest error there.
    sigma = np.where(off_fit[rows, columns] > 3 * sigma, off_fit[rows, columns], sigma)
    along_ray = np.linalg.norm(points - depth.grid.centre, axis=1) * inverse
    pixels = np.stack([depth.grid.map_u[rows, columns], depth.grid.map_v[rows, columns]], axis=1)
    cloud = PointCloud(
        points.astype(np.float32),
        normals.astype(np.float32),
        None,
        (sigma * along_ray).astype(np.float32),
        pixels,
        camera=camera,
    )
    return cloud, _grid_faces(index, (1 / depth.value).astype(np.float32), depth.grid.focal)


def _normals(
    grid: PinholeGrid,
    rows: npt.NDArray[np.intp],
    columns: npt.NDArray[np.intp],
    fit: dict[str, Float32Array],
    points: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Unit normals: on the plane ``n . P = 1`` the inverse depth is ``n . (x, y, 1)`` in ideal image coordinates."""
    a = fit["slope_u"][rows, columns].astype(np.float64) * grid.focal
    b = fit["slope_v"][rows, columns].astype(np.float64) * grid.focal
    w = fit["fitted"][rows, columns].astype(np.float64)
    c = w - a * (columns - grid.cx) / grid.focal - b * (rows - grid.cy) / grid.focal
    normals = np.stack([a, b, c], axis=1) @ grid.rotation.T
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    away = np.einsum("nd,nd->n", normals, points - grid.centre) > 0
    normals[away] *= -1
    return normals


def _without_islands(keep: BoolArray, share: float) -> BoolArray:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(keep.astype(np.uint8), connectivity=4)
    large = stats[:, cv2.CC_STAT_AREA] >= max(share * keep.size, 10)
    large[0] = False
    return np.asarray(large[labels]) if count > 1 else keep


def _grid_faces(index: npt.NDArray[np.int32], z: Float32Array, focal: float) -> npt.NDArray[np.int32]:
    """Two triangles for each cell whose corners are there and on one surface."""
    a, b, c, d = index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]
    corners = np.stack([z[:-1, :-1], z[:-1, 1:], z[1:, :-1], z[1:, 1:]])
    with np.errstate(invalid="ignore"):
        one_surface = corners.max(axis=0) - corners.min(axis=0) < 6.0 * corners.min(axis=0) / focal
    cell = (a >= 0) & (b >= 0) & (c >= 0) & (d >= 0) & one_surface
    a, b, c, d = a[cell], b[cell], c[cell], d[cell]
    return np.concatenate([np.stack([a, c, b], axis=1), np.stack([b, c, d], axis=1)]).astype(np.int32)


def _grey(cloud: PointCloud, brightness: Float32Array, white: float) -> UInt8Array:
    if cloud.pixels is None:
        raise DecodeError("a cloud without pixels has no brightness")
    nearest = np.rint(cloud.pixels).astype(int)
    v = np.clip(nearest[:, 1], 0, brightness.shape[0] - 1)
    u = np.clip(nearest[:, 0], 0, brightness.shape[1] - 1)
    values = brightness[v, u] * np.float32(255 / white)
    grey = np.clip(values * 1.6, 0, 255).astype(np.uint8)
    return np.repeat(grey[:, None], 3, axis=1)
