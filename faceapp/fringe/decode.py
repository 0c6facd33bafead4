"""One group from frames to a point cloud: phase, correspondence, surface, colour, depth images."""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, UInt8Array, frozen
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DecodeError, SequenceError
from faceapp.core.frames import FrameStack, PhaseMap
from faceapp.core.rig import CameraGroup, CameraModel
from faceapp.core.sequence import FringeSequence
from faceapp.fringe.colour import colour_points, grey_points
from faceapp.fringe.demodulation import PhaseLimits, decode_phase, decode_wrapped_phase
from faceapp.fringe.exposures import merge_phases
from faceapp.fringe.motion import motion_of, without_motion
from faceapp.fringe.order_by_geometry import DepthRange, order_phases, prepare_orders, why_order_stays_open
from faceapp.fringe.pinhole_grid import PinholeGrid, epipolar_grids, straight_grid
from faceapp.fringe.projector_gamma import without_gamma
from faceapp.fringe.scratch import scratch
from faceapp.fringe.surface import SurfaceRules, grid_faces, grid_points
from faceapp.fringe.surface_tables import Points
from faceapp.fringe.triangulation import InverseDepth, drop_outside, match_cameras, match_projector, matched_shape
from faceapp.fringe.unwrapping import plan_unwrapping
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
    compensate_motion : bool
        Whether a drift during the finest steps is taken out where the head moved noticeably and the sensor's noise
        is stated.
    depth_range_mm : pair of float, optional
        Nearest and farthest depth along the z of the group's first camera. Needed only where the sequence leaves the
        fringe order open and the geometry tells it; without it what stands about the rig's origin is meant, see
        `faceapp.fringe.order_by_geometry.depth_range_of`. Two cameras without a calibrated projector need it, and
        give nothing outside of it.
    """

    limits: PhaseLimits = field(default_factory=PhaseLimits)
    smooth: bool = False
    max_sigma_px: float = 1.0
    max_unknown_sigma_px: float = 3.0
    min_island: float = 0.0003
    depth_range_mm: DepthRange | None = None
    compensate_motion: bool = True


@dataclass(frozen=True, eq=False)
class GroupScan:
    """What one group measured.

    Parameters
    ----------
    cloud : PointCloud
        Points in the rig frame, their pixels in the group's first camera.
    grid : PinholeGrid
        On which they were measured.
    cells : (N,) int32
        Place of each point in the grid, ``row * width + column``, rising: the cloud is organised.
    phases : tuple of PhaseMap
        One an infrared camera.
    depths : dict of str to (H, W) float32
        Depth image of each camera, mm, NaN where there is no surface.
    noise_known : bool
        Whether sigma comes from the sensor's stated noise.
    """

    cloud: PointCloud
    grid: PinholeGrid
    cells: npt.NDArray[np.int32]
    phases: tuple[PhaseMap, ...]
    depths: dict[str, Float32Array]
    noise_known: bool

    @functools.cached_property
    def faces(self) -> npt.NDArray[np.int32]:
        """(F, 3) int32: triangles between neighbouring pixels of the cloud."""
        return frozen(grid_faces(self.cells, self.cloud.points, self.grid), np.int32, (None, 3), "faces")


def decode_group(
    group: CameraGroup,
    stacks: dict[str, FrameStack],
    white_levels: dict[str, float],
    picture: UInt8Array | None = None,
    settings: DecodeSettings = DecodeSettings(),
    *,
    depth_images: bool = True,
    threads: int = 0,
    more: Sequence[Mapping[str, FrameStack]] = (),
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
        Whether to render the depth image of every camera.
    threads : int
        How many share the work; 0 is one for each core.
    more : sequence of mapping of str to FrameStack
        Frames of other exposures of the same burst, shot right after it, by camera.

    Returns
    -------
    GroupScan

    Raises
    ------
    DecodeError
        No point survives.
    SequenceError
        The sequence cannot be unwrapped, nor does the group's geometry tell the fringe orders.
    """
    first = group.infrared[0]
    phases = _phases(group, (stacks, *more), white_levels, settings, threads)
    known = phases[0].noise_known
    rules = SurfaceRules(
        settings.smooth, settings.max_sigma_px if known else settings.max_unknown_sigma_px, settings.min_island
    )
    coloured = group.rgb if picture is not None else None
    with _triangulated(group, phases, stacks[first.name].sequence.axis, threads) as depth:
        if group.projector.optics is None and settings.depth_range_mm is not None:
            drop_outside(depth, first, *settings.depth_range_mm)
        found = grid_points(depth, rules, coloured, threads)
        grid = depth.grid
    if not len(found.points):
        raise DecodeError(_why_no_point(group, phases, stacks[first.name].sequence, settings))
    colors, picture_pixels = _colours(group, found, stacks[first.name], white_levels[first.name], picture, threads)
    cloud = PointCloud(
        found.points,
        found.normals,
        colors,
        found.sigma,
        found.pixels,
        camera=first.name,
        groups=(group.name,),
        picture_pixels=picture_pixels,
        picture_camera=coloured.name if coloured is not None else "",
    )
    scan = GroupScan(cloud, grid, found.cells, phases, {}, known)
    return with_depth_images(scan, group) if depth_images else scan


def _why_no_point(
    group: CameraGroup, phases: tuple[PhaseMap, ...], sequence: FringeSequence, settings: DecodeSettings
) -> str:
    known, lit = (
        float(np.mean([count / p.position.size for count, p in zip(counts, phases, strict=True)]))
        for counts in ([p.valid_pixels for p in phases], [p.lit_pixels for p in phases])
    )
    if lit > 0.01 and known < 0.5 * lit and not check_sequence(group, sequence, settings.depth_range_mm):
        return (
            f"group {group.name}: no point was found: {lit:.1%} of the pixels are lit, but the geometry tells the "
            f"fringe order of {known:.1%} only. Narrow the depth range about the head, add a lower frequency to the "
            "sequence, or check the calibration of the projector"
        )
    return (
        f"group {group.name}: no point was found ({known:.1%} of the pixels have a phase). "
        "Check the light, the order of the exposures and the calibration"
    )


def check_sequence(group: CameraGroup, sequence: FringeSequence, depth_range: DepthRange | None = None) -> bool:
    """Return whether a group decodes a sequence in time (else by its geometry).

    Raises
    ------
    SequenceError
        It does neither; the message says what is missing.
    """
    try:
        plan_unwrapping(sequence)
    except SequenceError as error:
        lacking = why_order_stays_open(group, depth_range) if sequence.frequencies else "no fringes"
        if lacking:
            raise SequenceError(f"{error}; {lacking}" if sequence.frequencies else str(error)) from error
        return False
    return True


def _phases(
    group: CameraGroup,
    shots: Sequence[Mapping[str, FrameStack]],
    white_levels: dict[str, float],
    settings: DecodeSettings,
    threads: int,
) -> tuple[PhaseMap, ...]:
    """Absolute phase of each infrared camera: from the sequence where it tells the order, else from the geometry."""
    sequence = shots[0][group.infrared[0].name].sequence
    in_time = check_sequence(group, sequence, settings.depth_range_mm)
    decode = decode_phase if in_time else decode_wrapped_phase
    phases = tuple(
        merge_phases([decode(shot[c.name], c.sensor, white_levels[c.name], settings.limits, threads) for shot in shots])
        for c in group.infrared
    )
    if not in_time:
        return order_phases(group, phases, sequence.axis, settings.depth_range_mm, threads)
    if settings.compensate_motion:
        # where the noise is not stated a projector's gamma may leave the residual, and there is no drift to take out
        phases = tuple(without_motion(p, sequence) if p.noise_known and motion_of(p).is_doubtful else p for p in phases)
    if len(phases) == 1:  # the projector is the second view; two cameras see the same bend
        phases = (without_gamma(phases[0], sequence, group.projector.gamma),)
    return phases


def _colours(
    group: CameraGroup,
    found: Points,
    stack: FrameStack,
    white: float,
    picture: UInt8Array | None,
    threads: int,
) -> tuple[UInt8Array, Float32Array | None]:
    """Colour from the picture, and the place there, where its camera sees the point; else the infrared's grey."""
    if group.rgb is None or picture is None:
        return grey_points(found.pixels, stack, white), None
    footprint = float(group.rgb.K[0, 0] / group.infrared[0].K[0, 0])
    colors, pixels = colour_points(found.places, group.rgb, np.ascontiguousarray(picture), footprint, threads)
    hidden = np.flatnonzero(np.isnan(pixels[:, 0]))
    colors[hidden] = grey_points(found.pixels[hidden], stack, white)
    return colors, pixels


def with_depth_images(scan: GroupScan, group: CameraGroup) -> GroupScan:
    """Return the scan with the depth image of every camera of its group; those that are there stay."""
    lacking = [camera for camera in group.cameras if camera.name not in scan.depths]
    with ThreadPoolExecutor(2) as pool:
        images = pool.map(lambda camera: render_depth(scan.cloud.points, scan.faces, camera), lacking)
        made = {camera.name: image for camera, image in zip(lacking, images, strict=True)}
    return replace(scan, depths={**scan.depths, **made})


def prepare_group(group: CameraGroup) -> None:
    """Make what decoding a group needs of its calibration now, so that its first capture does not wait for it."""
    _cached_grids(*group.infrared[:2])
    prepare_orders(group)


@contextmanager
def _triangulated(group: CameraGroup, phases: tuple[PhaseMap, ...], axis: str, threads: int) -> Iterator[InverseDepth]:
    """Lend the inverse depth of a group: its arrays serve the next group too."""
    if len(group.infrared) >= 2:
        grids = _cached_grids(*group.infrared[:2])
        shape = matched_shape(*grids)
        with scratch(shape, np.float32) as value, scratch(shape, np.float32) as sigma:
            yield match_cameras((phases[0], phases[1]), (grids[0], grids[1]), threads, (value, sigma))
        return
    if group.projector.optics is None:
        raise DecodeError(f"group {group.name}: one camera needs a calibrated projector")
    (grid,) = _cached_grids(group.infrared[0])
    yield match_projector(phases[0], grid, group.projector.optics, axis)


_MOST_GRIDS = 8
_grids: dict[tuple[int, ...], tuple[tuple[CameraModel, ...], tuple[PinholeGrid, ...]]] = {}
_grids_lock = threading.Lock()


def _cached_grids(*cameras: CameraModel) -> tuple[PinholeGrid, ...]:
    """A rig decodes the same groups again and again; a grid costs more than the rest of a group's decoding."""
    key = tuple(map(id, cameras))
    with _grids_lock:
        found = _grids.get(key)
        if found is None:
            if len(_grids) >= _MOST_GRIDS:
                _grids.pop(next(iter(_grids)))
            made = epipolar_grids(*cameras) if len(cameras) == 2 else (straight_grid(cameras[0]),)
            found = _grids[key] = (cameras, made)  # the cameras are kept, so that their ids stay theirs
        return found[1]
