"""From boards in pictures to a calibrated rig in the frame of its middle group."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from faceapp.calibration.adjustment import Adjustment, Freedom, adjust
from faceapp.calibration.observations import BoardView, CameraSeat
from faceapp.calibration.projection import CAMERA_TERMS, LENS_TERMS, Corners, State
from faceapp.calibration.starting import (
    CameraStart,
    check_links,
    corners_of,
    join_cameras,
    matrix_of,
    start_camera,
    state_of,
)
from faceapp.calibration.target import BoardTarget
from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError
from faceapp.core.rig import CameraModel, Rig
from faceapp.core.transforms import RigidTransform
from faceapp.geometry.rigid import align_pairs

HEAD_MM = (160.0, 220.0, 160.0)
"""Width, height and depth of the volume of a head about the rig's origin."""


@dataclass(frozen=True, eq=False)
class Solution:
    """A calibrated rig.

    Parameters
    ----------
    target : BoardTarget
        What was shown.
    seats : tuple of CameraSeat
        Of all cameras, in the order of the adjustment.
    poses : tuple of int
        Numbers of the board's poses.
    views : tuple of BoardView
        That were used.
    corners : Corners
        Of those, in the adjustment's order.
    adjustment : Adjustment
        In the frame of its reference camera.
    rig_from_reference : RigidTransform
        The rig's frame.
    cameras : dict of str to CameraModel
        In the rig frame.
    """

    target: BoardTarget
    seats: tuple[CameraSeat, ...]
    poses: tuple[int, ...]
    views: tuple[BoardView, ...]
    corners: Corners
    adjustment: Adjustment
    rig_from_reference: RigidTransform
    cameras: dict[str, CameraModel]

    def drawn_cameras(self, count: int, seed: int = 0) -> list[dict[str, CameraModel]]:
        """Return calibrations drawn from the covariance: what else the pictures would admit."""
        state, found = self.adjustment.state, self.adjustment
        factor = np.linalg.cholesky(found.covariance + 1e-18 * np.eye(len(found.covariance)))
        rng = np.random.default_rng(seed)
        drawn = []
        for _ in range(count):
            step = np.zeros(len(found.free))
            step[found.free] = factor @ rng.standard_normal(len(factor))
            wide = len(self.seats) * CAMERA_TERMS
            moved = state.moved(
                step[:wide].reshape(-1, CAMERA_TERMS), np.zeros((len(state.board_shift), 6)), step[wide:]
            )
            drawn.append(_models(self.seats, self.views, moved, self.rig_from_reference))
        return drawn


def solve_rig(
    views: Sequence[BoardView],
    target: BoardTarget,
    seats: Sequence[CameraSeat],
    like: Rig | None = None,
    told: Callable[[float, str], None] | None = None,
) -> Solution:
    """Calibrate all cameras of a rig.

    Parameters
    ----------
    views : sequence of BoardView
        Of all cameras and poses; refused ones are left out.
    target : BoardTarget
        What they show.
    seats : sequence of CameraSeat
        The cameras of the rig.
    like : Rig, optional
        An earlier calibration: the new frame lies where its middle group's frame lay.
    told : callable, optional
        Hears of progress, 0 to 1 and in words; may raise to stop the work.

    Returns
    -------
    Solution

    Raises
    ------
    DataError
        Pictures are missing; it says which.
    """
    told = told or (lambda _, __: None)
    names = [s.name for s in seats]
    good = [v for v in views if v.is_good and v.camera in names]
    seen = {name: {v.pose for v in good if v.camera == name} for name in names}
    blind = [name for name, poses in seen.items() if not poses]
    if blind:
        raise DataError(f"{', '.join(blind)} saw no board in any picture; show the board to each camera")
    check_links(seen, {s.name: s.group for s in seats})
    starts: dict[str, CameraStart] = {}
    for i, name in enumerate(names):
        told(0.3 * i / len(names), f"lens of {name}")
        starts[name] = start_camera([v for v in good if v.camera == name], target)
    reference = reference_of(seats)
    placed, boards = join_cameras(starts, reference)
    poses = sorted(boards)
    corners = corners_of(good, names, poses, target)
    start = state_of(names, poses, starts, placed, boards, corners.basis.shape[1])
    freedom = Freedom.of_all(len(names), names.index(reference))
    rounds = 0

    def round_told(text: str) -> None:
        nonlocal rounds
        rounds += 1
        told(0.3 + 0.65 * rounds / (rounds + 8), f"adjusting: {text}")

    found = adjust(start, corners, freedom, told=round_told)
    raw = _models(seats, good, found.state, RigidTransform.identity())
    frame = _frame_like(raw, seats, like) if like is not None else None
    frame = frame or natural_frame(raw, seats)
    told(1.0, "adjusted")
    cameras = _models(seats, good, found.state, frame)
    return Solution(target, tuple(seats), tuple(poses), tuple(good), corners, found, frame, cameras)


def middle_of(seats: Sequence[CameraSeat]) -> str:
    """Return the group that holds the frame: ``middle``, else the one in the middle of the list."""
    groups = list(dict.fromkeys(s.group for s in seats))
    return "middle" if "middle" in groups else groups[len(groups) // 2]


def reference_of(seats: Sequence[CameraSeat]) -> str:
    """Return the camera that holds still in the adjustment: the first infrared one of the middle group."""
    mine = [s for s in seats if s.group == middle_of(seats)]
    return next((s for s in mine if s.role == "ir"), mine[0]).name


def _models(
    seats: Sequence[CameraSeat], views: Sequence[BoardView], state: State, frame: RigidTransform
) -> dict[str, CameraModel]:
    sizes = {v.camera: v.size for v in views}
    models = {}
    for i, seat in enumerate(seats):
        k, distortion = matrix_of(state.lens[i])
        pose = RigidTransform(orthonormal(state.camera_turn[i]), state.camera_shift[i]).inverse()
        models[seat.name] = CameraModel(seat.name, *sizes[seat.name], k, distortion, frame @ pose)
    return models


def orthonormal(matrix: FloatArray) -> FloatArray:
    """Return the nearest rotation: many small steps leave a trace of rounding."""
    u, _, vt = np.linalg.svd(matrix)
    return np.asarray(u @ vt)


def natural_frame(cameras: Mapping[str, CameraModel], seats: Sequence[CameraSeat]) -> RigidTransform:
    """Return the rig frame of cameras that are all in one frame, whatever frame that is.

    Origin where the optical axes come nearest to each other; z towards the middle of the middle group's infrared
    cameras, y up as those cameras see it.
    """
    middle = [s for s in seats if s.group == middle_of(seats)]
    infrared = [cameras[s.name] for s in middle if s.role == "ir"] or [cameras[s.name] for s in middle]
    centre = np.mean([c.centre for c in infrared], axis=0)
    origin = _nearest_to_axes(list(cameras.values()))
    if origin is None:
        origin = centre + 700.0 * np.mean([c.rig_from_camera.rotation[:, 2] for c in infrared], axis=0)
    z = centre - origin
    z /= np.linalg.norm(z)
    up = -np.mean([c.rig_from_camera.rotation[:, 1] for c in infrared], axis=0)
    x = np.cross(up, z)
    x /= np.linalg.norm(x)
    turn = np.stack([x, np.cross(z, x), z])
    return RigidTransform(turn, -turn @ origin)


def _nearest_to_axes(cameras: Sequence[CameraModel]) -> FloatArray | None:
    """The point with the least squared distance to all optical axes; ``None`` where they are parallel."""
    left, right = np.zeros((3, 3)), np.zeros(3)
    for camera in cameras:
        axis = camera.rig_from_camera.rotation[:, 2]
        across = np.eye(3) - np.outer(axis, axis)
        left += across
        right += across @ camera.centre
    if np.linalg.eigvalsh(left)[0] < 1e-3 * len(cameras):
        return None
    return np.asarray(np.linalg.solve(left, right))


def head_points(step_mm: float = 40.0) -> FloatArray:
    """Return (N, 3) points that fill the ellipsoid of a head about the origin, rig frame, mm."""
    half = np.array(HEAD_MM) / 2
    axes = [np.arange(-h, h + 1e-6, step_mm) for h in half]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    return points[((points / half) ** 2).sum(axis=1) <= 1.001]


def _frame_like(cameras: Mapping[str, CameraModel], seats: Sequence[CameraSeat], like: Rig) -> RigidTransform | None:
    """The frame in which the middle group stands as it stood; ``None`` where the earlier rig had no such group."""
    known = {c.name: c for c in like.cameras}
    mine = [s.name for s in seats if s.group == middle_of(seats) and s.name in known]
    if len(mine) < 2:
        return None
    # A camera's place and a point before it: what it sees there must come to lie where it lay.
    ahead = np.array([[0.0, 0, 0], [0, 0, 700], [60, 0, 700], [0, 60, 700]])
    source = np.concatenate([cameras[n].rig_from_camera.apply(ahead) for n in mine])
    wanted = np.concatenate([known[n].rig_from_camera.apply(ahead) for n in mine])
    return align_pairs(source, wanted).rigid


def scale_against(solution: Solution, like: Rig) -> float:
    """Return the distances between cameras over those of an earlier calibration, the median; NaN for one camera."""
    known = {c.name: c.centre for c in like.cameras if c.name in solution.cameras}
    names = sorted(known)
    ratios = [
        np.linalg.norm(solution.cameras[a].centre - solution.cameras[b].centre) / np.linalg.norm(known[a] - known[b])
        for i, a in enumerate(names)
        for b in names[i + 1 :]
        if np.linalg.norm(known[a] - known[b]) > 50
    ]
    return float(np.median(ratios)) if ratios else float("nan")


def lens_deviations(solution: Solution, camera: str) -> FloatArray:
    """Return the (9,) predicted deviations of a camera's lens."""
    cameras, _ = solution.adjustment.deviations()
    index = [s.name for s in solution.seats].index(camera)
    return cameras[index, :LENS_TERMS]
