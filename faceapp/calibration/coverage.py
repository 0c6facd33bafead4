"""What pictures of the board have covered so far, and which picture would help most next."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.calibration.observations import BoardView, CameraSeat
from faceapp.calibration.target import BoardTarget
from faceapp.core.arrays import FloatArray

COLUMNS, ROWS = 10, 8
"""Cells of a picture."""

LEAST_IN_CELL = 3
_TILT_BINS = 8
_LEAST_TILT_DEG, _ENOUGH_TILT_DEG = 12.0, 25.0
_LINKS = 4
_VIEWS = 10
_AREA = 0.8
_INNER = 0.85


@dataclass(frozen=True, eq=False)
class CameraCoverage:
    """What one camera has seen.

    Parameters
    ----------
    corners : (ROWS, COLUMNS) int64
        Corners in each cell of the picture.
    views : int
        Good pictures.
    tilts : (8,) bool
        Directions, by 45 degrees from the board's right on, in which the board has been tilted away.
    largest_tilt_deg : float
        Of the board.
    """

    corners: npt.NDArray[np.int64]
    views: int
    tilts: npt.NDArray[np.bool_]
    largest_tilt_deg: float

    @property
    def share(self) -> float:
        """Of the cells, how many hold enough corners."""
        return float((self.corners >= LEAST_IN_CELL).mean())


@dataclass(frozen=True)
class NextPose:
    """How to hold the board next.

    Parameters
    ----------
    text, why : str
        What to do, and what for.
    camera : str
        Whose picture it shall fill; empty where it is about two groups.
    groups : tuple of str
        Towards which group, or between which two.
    corner : tuple of float
        Where in the camera's picture the board's middle shall be, 0 to 1.
    tilt_deg, direction_deg : float
        How far it is turned away from the camera, and which way: 0 is its right side away, 90 its lower side.
    """

    text: str
    why: str
    camera: str = ""
    groups: tuple[str, ...] = ()
    corner: tuple[float, float] = (0.5, 0.5)
    tilt_deg: float = 0.0
    direction_deg: float = 0.0


def coverage_of(views: Sequence[BoardView], target: BoardTarget, camera: str) -> CameraCoverage:
    """Return what one camera has seen; refused pictures count for nothing."""
    mine = [v for v in views if v.camera == camera and v.is_good]
    corners = np.zeros((ROWS, COLUMNS), np.int64)
    tilts = np.zeros(_TILT_BINS, bool)
    largest = 0.0
    for view in mine:
        share = (view.pixels + 0.5) / view.size
        column = np.clip((share[:, 0] * COLUMNS).astype(int), 0, COLUMNS - 1)
        row = np.clip((share[:, 1] * ROWS).astype(int), 0, ROWS - 1)
        np.add.at(corners, (row, column), 1)
        tilt, direction = tilt_of(view, target)
        largest = max(largest, tilt)
        if tilt >= _LEAST_TILT_DEG:
            tilts[int(direction / (360 / _TILT_BINS) + 0.5) % _TILT_BINS] = True
    return CameraCoverage(corners, len(mine), tilts, largest)


def tilt_of(view: BoardView, target: BoardTarget) -> tuple[float, float]:
    """Return how far the board is turned from the camera, and in which direction of the picture, degrees.

    From the picture's affine part alone, so that no lens need be known; the direction is ambiguous by half a turn as
    far as the affine part goes, so the perspective decides.
    """
    import cv2

    homography, _ = cv2.findHomography(target.corners()[view.ids, :2], view.pixels, 0)
    if homography is None:
        return 0.0, 0.0
    h = homography / homography[2, 2]
    middle = h[:2, 2]
    affine = h[:2, :2] - np.outer(middle, h[2, :2])
    sizes = np.linalg.svd(affine, compute_uv=False)
    tilt = float(np.degrees(np.arccos(np.clip(sizes[1] / max(sizes[0], 1e-12), 0, 1))))
    # Depth grows along the gradient of the homography's denominator: that side is away.
    away = np.linalg.solve(affine.T, h[2, :2])
    return tilt, float(np.degrees(np.arctan2(away[1], away[0])) % 360)


def links_between(views: Sequence[BoardView], seats: Sequence[CameraSeat]) -> dict[tuple[str, str], int]:
    """Return how many poses cameras of two groups saw at once, for groups that are neighbours."""
    groups = neighbours_of(seats)
    of = {s.name: s.group for s in seats}
    seen: dict[int, set[str]] = {}
    for view in views:
        if view.is_good and view.camera in of:
            seen.setdefault(view.pose, set()).add(of[view.camera])
    return {pair: sum(1 for s in seen.values() if set(pair) <= s) for pair in groups}


def neighbours_of(seats: Sequence[CameraSeat]) -> list[tuple[str, str]]:
    """Return pairs of groups that stand side by side: the middle one is neighbour of the others."""
    names = list(dict.fromkeys(s.group for s in seats))
    if "middle" in names and len(names) > 2:
        return [(name, "middle") for name in names if name != "middle"]
    return list(itertools.pairwise(names))


def next_pose(views: Sequence[BoardView], target: BoardTarget, seats: Sequence[CameraSeat]) -> NextPose | None:
    """Return which picture would help most; ``None`` where nothing is missing.

    First what would make the calibration impossible: a group that saw nothing, groups that nothing joins. Then
    tilt, then the corners of the pictures.
    """
    covered = {s.name: coverage_of(views, target, s.name) for s in seats}
    blind = [s for s in seats if not covered[s.name].views]
    if blind:
        seat = blind[0]
        return NextPose(
            f"Show the board to the {seat.group} group", f"{seat.name} has seen no board yet", seat.name, (seat.group,)
        )
    weak = sorted(links_between(views, seats).items(), key=lambda item: item[1])
    if weak and weak[0][1] < _LINKS:
        (a, b), count = weak[0]
        return NextPose(
            f"Turn the board half way between {a} and {b}",
            f"{count} of {_LINKS} poses seen by both groups at once; they join their frames",
            "",
            (a, b),
        )
    tilted = _tilt_wanted(covered, seats)
    if tilted is not None:
        return tilted
    return _area_wanted(covered, seats)


def _tilt_wanted(covered: Mapping[str, CameraCoverage], seats: Sequence[CameraSeat]) -> NextPose | None:
    worst = min(seats, key=lambda s: int(covered[s.name].tilts.sum()))
    coverage = covered[worst.name]
    if coverage.tilts.sum() >= _TILT_BINS // 2 and coverage.largest_tilt_deg >= _ENOUGH_TILT_DEG:
        return None
    # The direction farthest from those that were seen.
    seen = np.flatnonzero(coverage.tilts)
    gaps = [min((abs((b - s + 4) % 8 - 4) for s in seen), default=4) for b in range(_TILT_BINS)]
    direction = int(np.argmax(np.array(gaps))) * 360 / _TILT_BINS
    side = {0: "right", 45: "lower right", 90: "lower", 135: "lower left"}
    side |= {180: "left", 225: "upper left", 270: "upper", 315: "upper right"}
    return NextPose(
        f"Turn the {side[int(direction)]} side of the board 35° away from the {worst.group} group",
        f"{worst.name} has seen it tilted in {int(coverage.tilts.sum())} of {_TILT_BINS // 2} directions",
        worst.name,
        (worst.group,),
        tilt_deg=35.0,
        direction_deg=direction,
    )


def _area_wanted(covered: Mapping[str, CameraCoverage], seats: Sequence[CameraSeat]) -> NextPose | None:
    worst = min(seats, key=lambda s: covered[s.name].share)
    coverage = covered[worst.name]
    if coverage.share >= _AREA and coverage.views >= _VIEWS:
        return None
    place = _emptiest(coverage.corners)
    across = "left" if place[0] < 0.4 else "right" if place[0] > 0.6 else "middle"
    down = "top" if place[1] < 0.4 else "bottom" if place[1] > 0.6 else "middle"
    where = "the middle" if across == down == "middle" else f"the {down} {across}".replace("middle ", "").strip()
    return NextPose(
        f"Bring the board to {where} of {worst.name}'s picture",
        f"{coverage.share:.0%} of its picture is covered, {coverage.views} good pictures",
        worst.name,
        (worst.group,),
        corner=place,
        tilt_deg=20.0,
    )


def _emptiest(corners: npt.NDArray[np.int64]) -> tuple[float, float]:
    """The middle of the empty cells in the emptiest part of the picture, 0 to 1."""
    empty = corners < LEAST_IN_CELL
    third: dict[tuple[int, int], FloatArray] = {}
    for r, rows in enumerate(np.array_split(np.arange(ROWS), 3)):
        for c, columns in enumerate(np.array_split(np.arange(COLUMNS), 3)):
            third[r, c] = empty[np.ix_(rows, columns)].astype(np.float64)
    row, column = max(third, key=lambda key: float(third[key].mean()))
    return _INNER * (column / 2 - 0.5) + 0.5, _INNER * (row / 2 - 0.5) + 0.5
