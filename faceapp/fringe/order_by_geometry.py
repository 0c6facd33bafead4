"""Fringe orders without further frequencies: the calibrated rig tells them, where it can.

The wrapped phase of one frequency is cut into regions without a break; for each region the projector proposes the
orders that lie within the depth range, and the second camera, whose wrapped phase must be the same, chooses. A region
for which it does not clearly choose one is left out.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.errors import SequenceError
from faceapp.core.frames import FrameStack, PhaseMap
from faceapp.core.rig import CameraGroup, CameraModel
from faceapp.core.sequence import FringeSequence
from faceapp.fringe.order_by_depth_range import order_pair
from faceapp.fringe.order_kernel import (
    NOWHERE,
    SHIFTS,
    check_orders,
    drop_lonely,
    drop_small_parts,
    hand_out,
    set_orders,
    vote_orders,
)
from faceapp.fringe.row_blocks import over_rows
from faceapp.fringe.spatial_unwrapping import unwrap_regions
from faceapp.fringe.three_views import ThreeViews

DepthRange: TypeAlias = tuple[float, float]
"""Nearest and farthest depth along the z of a group's first camera, mm."""

_TOLERANCE = 0.06
_SMALLEST = 0.0004
_FEWEST = 60
_LEAST_SHARE = 0.5
_LEAD = 2.0
_LEAST_OF_CELL = 0.5
_LEAST_OF_REGION = 0.05
_PASSES = 2
_ROUNDS = 6
_UNSET, _CLASH = -2000, -1999
_LOWEST = -1000


@dataclass(frozen=True)
class OrderRules:
    """When the second camera has chosen.

    Parameters
    ----------
    tolerance : float
        Cycles by which the phases of the cameras may differ; noise is a hundredth, chance is spread over all.
    smallest : float
        Share of the picture of the smallest region; few pixels agree by chance.
    least_share : float
        Of the pixels that the second camera sees at the chosen order, those that must agree.
    lead : float
        How many times as many pixels must agree with the chosen order as with the next.
    """

    tolerance: float = _TOLERANCE
    smallest: float = _SMALLEST
    least_share: float = _LEAST_SHARE
    lead: float = _LEAD


def finest_fringes(sequence: FringeSequence) -> FringeSequence:
    """Return the steps of the finest frequency alone: all that a calibrated group needs."""
    steps = sequence.steps(sequence.frequencies[-1]) if sequence.frequencies else ()
    return FringeSequence(tuple(sequence.exposures[i] for i in steps), sequence.axis)


def finest_frames(stack: FrameStack) -> FrameStack:
    """Return the frames of the finest frequency alone; they need not have followed one another."""
    steps = list(stack.sequence.steps(stack.sequence.frequencies[-1]))
    return FrameStack(stack.camera, stack.frames[steps], finest_fringes(stack.sequence))


def depth_range_of(group: CameraGroup) -> DepthRange | None:
    """Return the depth range of what stands about the rig's origin; ``None`` where the group does not look there.

    Notes
    -----
    As deep as the first camera's view is wide there, half of it in front of the origin: a head fits a picture in every
    direction.
    """
    pixels = []
    for camera in group.infrared:
        pixel, depth = camera.project(np.zeros((1, 3)))
        pixels.append((pixel[0], depth[0], camera))
    for (u, v), z, camera in pixels:
        if not (z > 0 and 0 <= u < camera.width and 0 <= v < camera.height):
            return None
    _, z, first = pixels[0]
    reach = 0.5 * float(z) * max(first.width / first.K[0, 0], first.height / first.K[1, 1])
    return max(float(z) - reach, 0.1 * float(z)), float(z) + reach


def why_order_stays_open(group: CameraGroup, depth_range: DepthRange | None = None) -> str:
    """Return what a group lacks to find fringe orders by its geometry; empty where it lacks nothing."""
    if len(group.infrared) < 2:
        return f"group {group.name} would need a second calibrated infrared camera to tell it by the geometry"
    if group.projector.optics is None and depth_range is None:
        return (
            f"group {group.name} would need a calibrated projector to tell it by the geometry, "
            "or a depth range in which only one order lies"
        )
    if depth_range is None and depth_range_of(group) is None:
        return (
            f"group {group.name} does not look at the rig's origin: give depth_range_mm, so that the geometry tells it"
        )
    return ""


def order_phases(
    group: CameraGroup,
    wrapped: tuple[PhaseMap, ...],
    axis: str,
    depth_range: DepthRange | None = None,
    threads: int = 0,
    rules: OrderRules = OrderRules(),
) -> tuple[PhaseMap, PhaseMap]:
    """Return the absolute phases of a group's two cameras.

    Parameters
    ----------
    group : CameraGroup
        Two infrared cameras and a calibrated projector; without one, the depth range must leave a single order.
    wrapped : tuple of PhaseMap
        Of the infrared cameras, from `faceapp.fringe.demodulation.decode_wrapped_phase`.
    axis : {"u", "v"}
        Along which x runs in the projector's picture.
    depth_range : pair of float, optional
        Else that of `depth_range_of`.
    threads : int
        How many share the work; 0 is one for each core.
    rules : OrderRules
        What is sure enough.

    Returns
    -------
    pair of PhaseMap
        Positions where both cameras agree; elsewhere the order stays open.

    Raises
    ------
    SequenceError
        The group is not calibrated well enough; the message says what is missing.
    """
    lacking = why_order_stays_open(group, depth_range)
    if lacking:
        raise SequenceError(lacking)
    one, two = wrapped[:2]
    if group.projector.optics is None:
        first, second = group.infrared[:2]
        near, far = _possible(group, depth_range)
        return order_pair((one, two), _rays(first), _pose(first, second), _lens(second), (near, far))
    views = three_views(group, axis, depth_range, one.frequency, rules.tolerance)
    shape = one.position.shape
    places, misses = np.full(shape, NOWHERE, np.int32), np.zeros(shape, np.float32)
    orders = np.full(shape, _UNSET, np.int16), np.full(two.position.shape, _UNSET, np.int16)
    labels, relative = np.empty(shape, np.int32), np.empty(shape, np.int16)
    parts, part_order = np.empty_like(labels), np.empty_like(relative)
    skip = np.zeros(shape, np.uint8)
    frequency = np.float32(one.frequency)
    smallest = max(round(rules.smallest * one.position.size), _FEWEST)
    for _ in range(_PASSES):
        sizes = unwrap_regions(one.position, frequency, skip, smallest, labels, relative)
        if not len(sizes):
            break
        shifts = _elect(one, two, labels, relative, sizes, views, rules)
        over_rows(
            lambda top, bottom, shifts=shifts: check_orders(  # type: ignore[misc]
                top, bottom, one.position, two.position, labels, relative, shifts, views, places, misses
            ),
            shape[0],
            threads=threads,
        )
        rest, failed = np.empty(shape, np.uint8), np.empty(shape, np.uint8)
        if drop_lonely(labels, places, _LEAST_OF_CELL, rest, failed):
            part_sizes = unwrap_regions(one.position, frequency, failed, 1, parts, part_order)
            drop_small_parts(labels, sizes, parts, part_sizes, _LEAST_OF_REGION, places, rest)
        left = int(np.count_nonzero(rest))
        set_orders(labels, relative, shifts, places, one.position, two.position, frequency, *orders, _UNSET, _CLASH)
        if left < smallest:
            break
        # What disagreed may be another surface, behind an edge that was bridged: it votes for itself
        skip = 1 - rest
    return _with_orders(one, orders[0], misses), _with_orders(two, orders[1], np.zeros((0, 0), np.float32))


def _elect(
    one: PhaseMap,
    two: PhaseMap,
    labels: npt.NDArray[np.int32],
    relative: npt.NDArray[np.int16],
    sizes: npt.NDArray[np.int32],
    views: ThreeViews,
    rules: OrderRules,
) -> npt.NDArray[np.int32]:
    """Return the (R,) int32 shift of each region's orders; ``SHIFTS`` where no order wins clearly."""
    seen, agreeing = np.zeros((2, len(sizes), SHIFTS), np.int32)
    vote_orders(one.position, two.position, labels, relative, sizes, views, seen, agreeing)
    everyone = np.arange(len(sizes))
    winner = np.argmax(agreeing, axis=1)
    votes = agreeing[everyone, winner].copy()
    agreeing[everyone, winner] = 0
    sure = (
        (votes >= rules.least_share * seen[everyone, winner])
        & (votes >= rules.lead * agreeing.max(axis=1))
        & (votes >= 10)
    )
    return np.where(sure, winner - SHIFTS // 2, SHIFTS).astype(np.int32)


def _with_orders(phase: PhaseMap, order: npt.NDArray[np.int16], misses: Float32Array) -> PhaseMap:
    position = np.empty_like(phase.position)
    blocks = np.zeros_like(phase.blocks)
    hand_out(phase.position, order, _LOWEST, np.float32(phase.frequency), misses, position, blocks)
    return replace(phase, position=position, blocks=blocks)


@functools.lru_cache(maxsize=16)
def _rays(camera: CameraModel) -> Float32Array:
    """(H, W, 2) float32: ideal image coordinates of every pixel."""
    v, u = np.mgrid[: camera.height, : camera.width]
    return camera.undistort(np.stack([u, v], axis=-1).astype(np.float64)).astype(np.float32)


def prepare_orders(group: CameraGroup) -> None:
    """Make what `order_phases` needs of a group's calibration now."""
    if not why_order_stays_open(group):
        _rays(group.infrared[0])


def three_views(
    group: CameraGroup, axis: str, depth_range: DepthRange | None, frequency: float, tolerance: float
) -> ThreeViews:
    """Return a group's geometry for the kernels; see `order_phases`, which checks that the group has one."""
    first, second = group.infrared[:2]
    projector = group.projector.optics
    near, far = _possible(group, depth_range)
    assert projector is not None
    return ThreeViews(
        _rays(first),
        float(near),
        float(far),
        float(frequency),
        float(projector.height if axis == "v" else projector.width),
        axis == "v",
        _ROUNDS if projector.distortion.any() or projector.K[0, 1] else 1,
        float(tolerance),
        _pose(first, projector),
        _pose(first, second),
        _lens(projector),
        _lens(second),
    )


def _possible(group: CameraGroup, depth_range: DepthRange | None) -> DepthRange:
    near, far = depth_range or depth_range_of(group) or (0.0, 0.0)
    if not 0 < near < far:
        raise SequenceError(f"group {group.name}: a depth range of {near:g} to {far:g} mm is not possible")
    return near, far


def _pose(source: CameraModel, target: CameraModel) -> FloatArray:
    """(3, 4) float64: from one camera's frame to another's."""
    return np.ascontiguousarray((target.rig_from_camera.inverse() @ source.rig_from_camera).matrix[:3])


def _lens(camera: CameraModel) -> FloatArray:
    k = camera.K
    return np.array([k[0, 0], k[0, 1], k[0, 2], k[1, 1], k[1, 2], *camera.distortion], np.float64)
