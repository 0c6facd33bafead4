"""Where an adjustment starts: lenses one by one, poses by perspective, cameras joined by what they saw together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from faceapp.calibration.adjustment import Freedom, Priors, adjust
from faceapp.calibration.observations import BoardView
from faceapp.calibration.projection import LENS_TERMS, Corners, State
from faceapp.calibration.rotations import angle_between
from faceapp.calibration.target import BoardTarget
from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError
from faceapp.core.rig import CameraModel

_LEAST_VIEWS = 4
_REACH_MM = 500.0
_GOOD_PX = 0.5
_STARTING_VIEWS, _MANY = 14, 60


@dataclass(frozen=True, eq=False)
class Pose:
    """A rotation (3, 3) and a translation (3,), mm."""

    turn: FloatArray
    shift: FloatArray

    def __matmul__(self, other: Pose) -> Pose:
        return Pose(self.turn @ other.turn, self.turn @ other.shift + self.shift)

    def inverse(self) -> Pose:
        """Return the way back."""
        return Pose(self.turn.T, -self.turn.T @ self.shift)


@dataclass(frozen=True, eq=False)
class CameraStart:
    """One camera on its own.

    Parameters
    ----------
    lens : (9,) float64
        See `faceapp.calibration.projection.LENS`.
    boards : dict of int to Pose
        ``camera_from_board`` of each pose that it saw.
    error_px : float
        Root mean square of a coordinate.
    """

    lens: FloatArray
    boards: dict[int, Pose]
    error_px: float


def corners_of(
    views: Sequence[BoardView], cameras: Sequence[str], poses: Sequence[int], target: BoardTarget
) -> Corners:
    """Return all corners of the views, sorted by view, numbered as in ``cameras`` and ``poses``."""
    ordered = sorted(views, key=lambda v: (cameras.index(v.camera), poses.index(v.pose)))
    flat = target.corners()
    ids = np.concatenate([v.ids for v in ordered])
    counts = [len(v) for v in ordered]
    return Corners(
        np.repeat([cameras.index(v.camera) for v in ordered], counts),
        np.repeat([poses.index(v.pose) for v in ordered], counts),
        flat[ids],
        target.shape_basis(flat[ids]),
        np.concatenate([v.pixels for v in ordered]),
    )


def lens_of(model: CameraModel) -> FloatArray:
    """Return the (9,) lens figures of a calibrated camera."""
    k, d = model.K, model.distortion
    return np.array([k[0, 0], k[1, 1] / k[0, 0], k[0, 2], k[1, 2], d[0], d[1], d[2], d[3], d[4]])


def matrix_of(lens: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return K (3, 3) and the distortion (5,) of lens figures."""
    k = np.array([[lens[0], 0, lens[2]], [0, lens[0] * lens[1], lens[3]], [0, 0, 1.0]])
    return k, lens[[4, 5, 6, 7, 8]]


def start_camera(views: Sequence[BoardView], target: BoardTarget, known: CameraModel | None = None) -> CameraStart:
    """Find a camera's lens and the boards before it, from its own pictures alone.

    Parameters
    ----------
    views : sequence of BoardView
        Good ones of one camera.
    target : BoardTarget
        What they show.
    known : CameraModel, optional
        An earlier calibration, to start from.

    Raises
    ------
    DataError
        There are too few pictures.
    """
    name = views[0].camera if views else "a camera"
    if len(views) < _LEAST_VIEWS:
        raise DataError(
            f"{name} has {len(views)} good picture(s) of the board, at least {_LEAST_VIEWS} are needed; "
            "show it the board from several sides"
        )
    lens = _first_lens(views, target) if known is None else lens_of(known)
    some = _some_of(views)
    best = _refine(some, target, lens)
    if best.error_px > _GOOD_PX:  # with a better lens: a board may have been seen from the wrong side
        best = min(best, _refine(some, target, best.lens), key=lambda found: found.error_px)
    others = {v.pose: board_pose(v, target, best.lens) for v in views if v.pose not in best.boards}
    return CameraStart(best.lens, {**best.boards, **others}, best.error_px)


def _some_of(views: Sequence[BoardView]) -> list[BoardView]:
    """Enough views to start with, of every tilt, with every other corner; the adjustment takes all of all."""
    ordered = sorted(views, key=len, reverse=True)[: 2 * _STARTING_VIEWS]
    some = ordered[:: max(len(ordered) // _STARTING_VIEWS, 1)][:_STARTING_VIEWS]
    return [replace(v, ids=v.ids[::2], pixels=v.pixels[::2]) if len(v) > _MANY else v for v in some]


def _first_lens(views: Sequence[BoardView], target: BoardTarget) -> FloatArray:
    flat = target.corners().astype(np.float32)
    width, height = views[0].size
    some = sorted(views, key=len, reverse=True)[:25]
    k = cv2.initCameraMatrix2D(
        [flat[v.ids] for v in some], [v.pixels.astype(np.float32) for v in some], (width, height), 1.0
    )
    focal = float(k[0, 0])
    if not np.isfinite(focal) or not 0.3 * width < focal < 30 * width:
        focal = 2.0 * width
    return np.array([focal, 1, (width - 1) / 2, (height - 1) / 2, 0, 0, 0, 0, 0], np.float64)


def _refine(views: Sequence[BoardView], target: BoardTarget, lens: FloatArray) -> CameraStart:
    boards = {v.pose: board_pose(v, target, lens) for v in views}
    poses = sorted(boards)
    corners = corners_of(views, [views[0].camera], poses, target)
    start = State(
        lens[None],
        np.eye(3)[None],
        np.zeros((1, 3)),
        np.stack([boards[p].turn for p in poses]),
        np.stack([boards[p].shift for p in poses]),
        np.zeros(corners.basis.shape[1]),
    )
    found = adjust(start, corners, Freedom.of_all(1, 0, shape=False), Priors(aspect=1e-4, k3=0.05), precision=1e-3)
    state = found.state
    placed = {p: Pose(state.board_turn[i], state.board_shift[i]) for i, p in enumerate(poses)}
    return CameraStart(state.lens[0], placed, float(found.sigma_px[0]))


def board_pose(view: BoardView, target: BoardTarget, lens: FloatArray) -> Pose:
    """Return ``camera_from_board`` of one picture: of the two ways to see a plane the one that fits better.

    Raises
    ------
    DataError
        No pose explains the corners.
    """
    k, distortion = matrix_of(lens)
    flat = target.corners()[view.ids]
    count, turns, shifts, errors = cv2.solvePnPGeneric(flat, view.pixels, k, distortion, flags=cv2.SOLVEPNP_IPPE)
    if not count:
        raise DataError(f"{view.camera}, picture {view.pose}: no pose of the board explains its corners")
    best = int(np.argmin(np.ravel(errors)))
    turn, shift = cv2.solvePnPRefineLM(
        target.corners()[view.ids], view.pixels, k, distortion, turns[best], shifts[best]
    )
    return Pose(np.asarray(cv2.Rodrigues(turn)[0], np.float64), np.asarray(shift, np.float64).ravel())


def check_links(seen: Mapping[str, set[int]], groups: Mapping[str, str]) -> None:
    """Refuse cameras that no pose joins.

    Parameters
    ----------
    seen : mapping of str to set of int
        Poses that each camera saw.
    groups : mapping of str to str
        The group of each camera.

    Raises
    ------
    DataError
        It says between whom the board must be shown.
    """
    islands = islands_of(seen)
    if len(islands) < 2:
        return
    main = max(islands, key=len)
    told = []
    for island in islands:
        if island is main:
            continue
        here, there = sorted({groups[c] for c in island}), sorted({groups[c] for c in main})
        if set(here) & set(there):
            told.append(f"{', '.join(sorted(island))} saw no pose of the board that another camera saw too")
        else:
            told.append(
                f"show the board between {' and '.join(here)} and {' or '.join(there)}: both must see it at once"
            )
    raise DataError(f"no pose of the board joins all cameras: {'; '.join(told)}")


def islands_of(seen: Mapping[str, set[int]]) -> list[set[str]]:
    """Return the sets of cameras that common poses join."""
    islands: list[tuple[set[str], set[int]]] = []
    for camera, poses in seen.items():
        mine, numbers, rest = {camera}, set(poses), []
        for names, known in islands:
            if known & poses:
                mine |= names
                numbers |= known
            else:
                rest.append((names, known))
        islands = [*rest, (mine, numbers)]
    return [names for names, _ in islands]


def join_cameras(cameras: Mapping[str, CameraStart], reference: str) -> tuple[dict[str, Pose], dict[int, Pose]]:
    """Return ``camera_from_rig`` of every camera and ``rig_from_board`` of every pose; the rig is the reference.

    Cameras join the tree in the order of how many poses they share with one that is in it.
    """
    placed = {reference: Pose(np.eye(3), np.zeros(3))}
    while len(placed) < len(cameras):
        pairs = [(a, b) for a in placed for b in cameras if b not in placed]
        a, b = max(pairs, key=lambda pair: len(cameras[pair[0]].boards.keys() & cameras[pair[1]].boards.keys()))
        common = sorted(cameras[a].boards.keys() & cameras[b].boards.keys())
        if not common:
            raise DataError(f"no pose of the board joins {b} with the others")
        ways = [cameras[b].boards[p] @ cameras[a].boards[p].inverse() for p in common]
        placed[b] = _middle(ways) @ placed[a]
    boards: dict[int, Pose] = {}
    for pose in sorted({p for c in cameras.values() for p in c.boards}):
        ways = [placed[n].inverse() @ c.boards[pose] for n, c in cameras.items() if pose in c.boards]
        boards[pose] = _middle(ways)
    return placed, boards


def _middle(ways: Sequence[Pose]) -> Pose:
    """The one that the others are nearest to: a mean would be spoiled by a single wrong one."""
    turns, shifts = np.stack([w.turn for w in ways]), np.stack([w.shift for w in ways])
    off = (
        angle_between(turns[:, None], turns[None]) + np.linalg.norm(shifts[:, None] - shifts[None], axis=2) / _REACH_MM
    )
    return ways[int(np.argmin(off.sum(axis=1)))]


def state_of(
    cameras: Sequence[str],
    poses: Sequence[int],
    starts: Mapping[str, CameraStart],
    placed: Mapping[str, Pose],
    boards: Mapping[int, Pose],
    shape_terms: int,
) -> State:
    """Return the state of a whole rig to start from."""
    return State(
        np.stack([starts[c].lens for c in cameras]).reshape(-1, LENS_TERMS),
        np.stack([placed[c].turn for c in cameras]),
        np.stack([placed[c].shift for c in cameras]),
        np.stack([boards[p].turn for p in poses]),
        np.stack([boards[p].shift for p in poses]),
        np.zeros(shape_terms),
    )
