"""How good a calibration is: errors per camera and picture, epipolar errors, lengths, flatness, precision in a head."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.calibration.observations import BoardView, CameraSeat
from faceapp.calibration.solving import Solution, head_points, middle_of
from faceapp.calibration.target import BoardTarget
from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError
from faceapp.core.rig import CameraModel
from faceapp.geometry.rigid import align_pairs

_DRAWS = 60


@dataclass(frozen=True, eq=False)
class BoardErrors:
    """What pairs of cameras make of boards that they saw together.

    Parameters
    ----------
    epipolar_px : dict of str to (N,) float64
        Distance of a corner from its epipolar line, by pair of cameras.
    length_mm : (N,) float64
        Errors of distances between corners at the ends of rows and columns.
    off_plane_mm : (N,) float64
        Distance of corners from the board's shape.
    """

    epipolar_px: dict[str, FloatArray]
    length_mm: FloatArray
    off_plane_mm: FloatArray


def triangulate(cameras: Sequence[CameraModel], pixels: Sequence[npt.ArrayLike]) -> FloatArray:
    """Return the (N, 3) points nearest to the rays of pixels (N, 2) in two or more cameras, rig frame, mm."""
    left = np.zeros((len(np.asarray(pixels[0])), 3, 3))
    right = np.zeros((len(left), 3))
    for camera, seen in zip(cameras, pixels, strict=True):
        ray = camera.rays(seen)
        ray = ray / np.linalg.norm(ray, axis=1, keepdims=True)
        across = np.eye(3) - ray[:, :, None] * ray[:, None, :]
        left += across
        right += across @ camera.centre
    return np.asarray(np.linalg.solve(left, right[:, :, None])[:, :, 0])


def epipolar_px(first: CameraModel, second: CameraModel, a: npt.ArrayLike, b: npt.ArrayLike) -> FloatArray:
    """Return the (N,) distances of pixels from the epipolar lines of their partners, the mean of both ways, px."""
    way = second.rig_from_camera.inverse() @ first.rig_from_camera
    t = way.translation
    essential = np.array([[0, -t[2], t[1]], [t[2], 0, -t[0]], [-t[1], t[0], 0]]) @ way.rotation
    x = np.column_stack([first.undistort(a), np.ones(len(np.asarray(a)))])
    y = np.column_stack([second.undistort(b), np.ones(len(x))])
    there, back = x @ essential.T, y @ essential
    off = np.abs((y * there).sum(axis=1))
    one = off / np.linalg.norm(there[:, :2], axis=1) * second.K[0, 0]
    other = off / np.linalg.norm(back[:, :2], axis=1) * first.K[0, 0]
    return np.asarray((one + other) / 2)


def pairs_of(seats: Sequence[CameraSeat]) -> list[tuple[str, str]]:
    """Return the pairs of infrared cameras of each group; of a group without, all pairs of its cameras."""
    found = []
    for group in dict.fromkeys(s.group for s in seats):
        mine = [s for s in seats if s.group == group]
        infrared = [s.name for s in mine if s.role == "ir"]
        found += list(itertools.combinations(infrared if len(infrared) > 1 else [s.name for s in mine], 2))
    return found


def board_errors(
    views: Sequence[BoardView],
    cameras: Mapping[str, CameraModel],
    pairs: Sequence[tuple[str, str]],
    target: BoardTarget,
    shape: npt.ArrayLike,
) -> BoardErrors:
    """Measure boards by pairs of cameras, independently of the poses that an adjustment found."""
    by_key = {(v.camera, v.pose): v for v in views if v.is_good}
    flat = target.corners()
    form = flat.copy()
    form[:, 2] += target.shape_basis(flat) @ np.asarray(shape, np.float64)
    epipolar: dict[str, list[FloatArray]] = {}
    lengths, heights = [], []
    for a, b in pairs:
        for pose in sorted({p for _, p in by_key}):
            if (a, pose) not in by_key or (b, pose) not in by_key:
                continue
            first, second = by_key[a, pose], by_key[b, pose]
            ids, i, j = np.intersect1d(first.ids, second.ids, return_indices=True)
            if len(ids) < 12:
                continue
            seen = first.pixels[i], second.pixels[j]
            epipolar.setdefault(f"{a} / {b}", []).append(epipolar_px(cameras[a], cameras[b], *seen))
            points = triangulate((cameras[a], cameras[b]), seen)
            lengths.append(_length_errors(target, ids, points))
            try:
                moved = align_pairs(points, form[ids]).rigid.apply(points)
            except DataError:
                continue  # corners of a single row have no plane
            heights.append((moved - form[ids])[:, 2])
    joined = {pair: np.concatenate(parts) for pair, parts in epipolar.items()}
    return BoardErrors(joined, _joined(lengths), _joined(heights))


def _joined(parts: list[FloatArray]) -> FloatArray:
    return np.concatenate(parts) if parts else np.zeros(0)


def _length_errors(target: BoardTarget, ids: npt.NDArray[np.int64], points: FloatArray) -> FloatArray:
    """Errors of the longest distance in each row and column of corners, mm."""
    wide, flat = target.columns - 1, target.corners()[ids]
    found = []
    for line in (ids // wide, ids % wide):
        for number in np.unique(line):
            mine = np.flatnonzero(line == number)
            if len(mine) > 3:
                ends = mine[[0, -1]]
                found.append(
                    np.linalg.norm(np.diff(points[ends], axis=0)) - np.linalg.norm(np.diff(flat[ends], axis=0))
                )
    return np.array(found, np.float64)


def view_errors(solution: Solution) -> FloatArray:
    """Return the (C, P) rms distance of the corners of each picture from where they should be, px; NaN for none.

    Corners that were left out as bad do not count.
    """
    found, corners = solution.adjustment, solution.corners
    shape = len(solution.seats), len(solution.poses)
    key = (corners.camera * shape[1] + corners.pose)[found.used]
    square = (found.residuals[found.used] ** 2).sum(axis=1)
    total = np.bincount(key, square, minlength=shape[0] * shape[1])
    count = np.bincount(key, minlength=shape[0] * shape[1])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.sqrt(total / count).reshape(shape))


def head_precision_mm(solution: Solution, draws: int = _DRAWS) -> dict[str, float]:
    """Return how far points in a head may lie off, by what the pictures leave open: 95th percentile of each group.

    Calibrations are drawn from the covariance; each triangulates the head by its pairs of cameras and is laid onto
    the middle group, as a fused scan is.
    """
    points = head_points()
    pairs = pairs_of(solution.seats)
    group_of = {s.name: s.group for s in solution.seats}
    middle = middle_of(solution.seats)
    seen = {name: model.project(points)[0] for name, model in solution.cameras.items()}
    errors: dict[str, list[FloatArray]] = {}
    for cameras in solution.drawn_cameras(draws):
        found: dict[str, FloatArray] = {}
        for a, b in pairs:
            found.setdefault(group_of[a], triangulate((cameras[a], cameras[b]), (seen[a], seen[b])))
        anchor = found.get(middle, next(iter(found.values())) if found else points)
        move = align_pairs(anchor, points).rigid
        for group, where in found.items():
            errors.setdefault(group, []).append(np.linalg.norm(move.apply(where) - points, axis=1))
    return {group: float(np.percentile(np.concatenate(parts), 95)) for group, parts in errors.items()}
