"""Is the rig still as it was calibrated? Three pictures of the board tell, and name the camera that moved.

Each camera in turn is let move while all others hold still. Where one that moved is let, the boards fit again; where
another is let, they do not. A plane alone cannot show every turn of a camera, a board of known size can.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from faceapp.calibration.adjustment import Adjustment, Freedom, adjust
from faceapp.calibration.observations import BoardView
from faceapp.calibration.projection import CAMERA_TERMS, LENS_TERMS, Corners, State
from faceapp.calibration.rotations import angle_between, vector_of
from faceapp.calibration.solving import head_points
from faceapp.calibration.starting import Pose, board_pose, corners_of, lens_of
from faceapp.calibration.target import BoardTarget
from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError
from faceapp.core.rig import CameraModel

SIGMA_PX = 0.065
"""Of a coordinate of a corner, where the calibration does not say."""

_FITS = 1.35
_CLEAR_GAIN = 80.0
"""Of the squared misfit of all corners, in deviations; chance alone gives about 6, one for each figure of a pose."""

_LEAST_EFFECT_PX = 0.06
"""What moves less does no harm: a camera that rolled by 0.01 degrees."""

_WRONG_PX = 3.0
_SWAPPED_FITS = 2.0
_LEAST_SCALE = 0.0015
_REACH_MM = 500.0


@dataclass(frozen=True)
class Suspect:
    """What a camera would have to have done.

    Parameters
    ----------
    camera : str
        Which.
    misfit : float
        Of the boards when it is let move, in deviations; 1 is perfect.
    turn_deg : float
        How far it turned.
    about : str
        ``pitch``, ``yaw`` or ``roll``, whichever is most of it.
    shift_mm : float
        How far it moved.
    effect_px : float
        How far points in a head moved in its picture.
    """

    camera: str
    misfit: float
    turn_deg: float
    about: str
    shift_mm: float
    effect_px: float


@dataclass(frozen=True)
class RigCheck:
    """The answer of a check.

    Parameters
    ----------
    verdict : {"good", "moved", "swapped", "board", "unclear"}
        What is the matter.
    text : str
        In words, with what to do.
    misfit : float
        Of the boards as the rig was calibrated, in deviations; 1 is perfect.
    errors_px : dict of str to float
        Rms distance of the corners from where they should be, by camera.
    cameras : tuple of str
        That moved, or were swapped.
    suspects : tuple of Suspect
        All cameras, the likeliest first.
    square_mm : float
        What the squares of the board measure by this calibration; NaN where not asked.
    """

    verdict: str
    text: str
    misfit: float
    errors_px: dict[str, float]
    cameras: tuple[str, ...] = ()
    suspects: tuple[Suspect, ...] = ()
    square_mm: float = float("nan")

    @property
    def is_good(self) -> bool:
        """Whether a session may begin."""
        return self.verdict == "good"


@dataclass(frozen=True, eq=False)
class _Case:
    """Some views before some cameras."""

    target: BoardTarget
    names: tuple[str, ...]
    start: State
    corners: Corners
    sigma: FloatArray

    def fit(self, free: str | None = None) -> Adjustment:
        cameras = np.zeros((len(self.names), CAMERA_TERMS), bool)
        if free is not None:
            cameras[self.names.index(free), LENS_TERMS:] = True
        return adjust(self.start, self.corners, Freedom(cameras, shape=False), precision=1e-6)

    def misfit(self, found: Adjustment) -> float:
        """Rms of all coordinates over their deviation, the worst few apart."""
        off = (found.residuals**2).mean(axis=1) / self.sigma[self.corners.camera] ** 2
        off = np.sort(off)[: max(int(0.995 * len(off)), 1)]
        return float(np.sqrt(off.mean()))

    def gain(self, before: float, after: float) -> float:
        """How much the squared misfit falls from one fit to another, in deviations of the better one."""
        return 2 * len(self.corners.pixels) * ((before / after) ** 2 - 1)

    def errors(self, found: Adjustment) -> dict[str, float]:
        square = (found.residuals**2).sum(axis=1)
        return {
            name: float(np.sqrt(square[self.corners.camera == i].mean()))
            for i, name in enumerate(self.names)
            if (self.corners.camera == i).any()
        }


def check_rig(
    views: Sequence[BoardView],
    target: BoardTarget,
    cameras: Mapping[str, CameraModel],
    shape: FloatArray | None = None,
    sigma_px: Mapping[str, float] | None = None,
) -> RigCheck:
    """Check a calibrated rig with some pictures of the board.

    Parameters
    ----------
    views : sequence of BoardView
        Of one or more poses, three are best.
    target : BoardTarget
        What they show.
    cameras : mapping of str to CameraModel
        The calibration.
    shape : (S,) float64, optional
        Of the board, from the calibration; flat where not given.
    sigma_px : mapping of str to float, optional
        Deviations of corners, from the calibration.

    Returns
    -------
    RigCheck

    Raises
    ------
    DataError
        Too few cameras saw the board at once.
    """
    good = [v for v in views if v.is_good and v.camera in cameras]
    shape = np.zeros(target.shape_basis(np.zeros((1, 2))).shape[1]) if shape is None else np.asarray(shape, np.float64)
    sigma_px = sigma_px or {}
    poses = {v.pose for v in good}
    shared = {p for p in poses if sum(v.pose == p for v in good) > 1}
    if not shared:
        raise DataError("no two cameras saw the board at once; show it so that all cameras of a group see it")
    good = [v for v in good if v.pose in shared]
    case = _case(good, target, cameras, shape, sigma_px)
    found = case.fit()
    misfit, errors = case.misfit(found), case.errors(found)
    if misfit <= _FITS:
        suspects = _suspects(case, cameras)
        best = suspects[0]
        if not (best.effect_px > _LEAST_EFFECT_PX and case.gain(misfit, best.misfit) > _CLEAR_GAIN):
            text = f"the rig is as it was calibrated: {max(errors.values()):.3f} px at most, {len(shared)} poses"
            return RigCheck("good", text, misfit, errors, (), suspects)
    return _name_the_fault(good, target, cameras, shape, sigma_px, case, misfit, errors)


def _scale_is_off(scale: float) -> bool:
    return abs(scale - 1) > _LEAST_SCALE


def _name_the_fault(
    views: Sequence[BoardView],
    target: BoardTarget,
    cameras: Mapping[str, CameraModel],
    shape: FloatArray,
    sigma_px: Mapping[str, float],
    case: _Case,
    misfit: float,
    errors: dict[str, float],
) -> RigCheck:
    suspects = _suspects(case, cameras)
    best, second = suspects[0], suspects[1] if len(suspects) > 1 else None
    scale, scaled = _best_scale(views, target, cameras, shape, sigma_px)
    if scaled < best.misfit and case.gain(misfit, scaled) > _CLEAR_GAIN and _scale_is_off(scale):
        square = target.square_mm * scale
        text = (
            f"the board is not the one that was named: its squares measure {square:.3f} mm and not "
            f"{target.square_mm:g} mm. Take the board of the calibration, or give its measured lengths"
        )
        return RigCheck("board", text, misfit, errors, (), suspects, square)
    if best.misfit > _FITS and misfit * float(np.median(case.sigma)) > _WRONG_PX:
        swapped = _swapped(views, target, cameras, shape, sigma_px, errors)
        if swapped:
            a, b = swapped
            text = f"{a} and {b} show each other's picture: their cables are swapped. Change them back"
            return RigCheck("swapped", text, misfit, errors, swapped, suspects)
    if best.misfit <= max(_FITS, 0.5 * misfit) and (
        second is None or case.gain(second.misfit, best.misfit) > _CLEAR_GAIN
    ):
        text = (
            f"{best.camera} moved: {best.turn_deg:.3f}° ({best.about}), {best.shift_mm:.2f} mm; points in a head lie "
            f"{best.effect_px:.2f} px off in its picture. Fasten it and calibrate the rig again"
        )
        return RigCheck("moved", text, misfit, errors, (best.camera,), suspects)
    if misfit <= _FITS:
        text = f"the rig is as it was calibrated: {max(errors.values()):.3f} px at most"
        return RigCheck("good", text, misfit, errors, (), suspects)
    close = [s.camera for s in suspects if case.gain(s.misfit, best.misfit) <= _CLEAR_GAIN][:3]
    text = (
        f"the boards do not fit the calibration ({misfit:.1f} times the usual error), and more than one camera may "
        f"have moved: {', '.join(close)} first. Calibrate the rig again"
    )
    return RigCheck("unclear", text, misfit, errors, tuple(close), suspects)


def _case(
    views: Sequence[BoardView],
    target: BoardTarget,
    cameras: Mapping[str, CameraModel],
    shape: FloatArray,
    sigma_px: Mapping[str, float],
) -> _Case:
    names = tuple(n for n in cameras if any(v.camera == n for v in views))
    poses = sorted({v.pose for v in views})
    camera_from_rig = {n: cameras[n].rig_from_camera.inverse() for n in names}
    boards = []
    for pose in poses:
        ways = []
        for view in (v for v in views if v.pose == pose):
            back = cameras[view.camera].rig_from_camera
            ways.append(Pose(back.rotation, back.translation) @ board_pose(view, target, lens_of(cameras[view.camera])))
        boards.append(_agreed(ways))
    start = State(
        np.stack([lens_of(cameras[n]) for n in names]),
        np.stack([camera_from_rig[n].rotation for n in names]),
        np.stack([camera_from_rig[n].translation for n in names]),
        np.stack([b.turn for b in boards]),
        np.stack([b.shift for b in boards]),
        shape,
    )
    sigma = np.array([sigma_px.get(n, SIGMA_PX) for n in names])
    return _Case(target, names, start, corners_of(views, names, poses, target), sigma)


def _agreed(ways: Sequence[Pose]) -> Pose:
    turns, shifts = np.stack([w.turn for w in ways]), np.stack([w.shift for w in ways])
    apart = np.linalg.norm(shifts[:, None] - shifts[None], axis=2) / _REACH_MM
    return ways[int(np.argmin((angle_between(turns[:, None], turns[None]) + apart).sum(axis=1)))]


def _suspects(case: _Case, cameras: Mapping[str, CameraModel]) -> tuple[Suspect, ...]:
    found = [_suspect(case, name, cameras[name]) for name in case.names]
    return tuple(sorted(found, key=lambda s: s.misfit))


def _suspect(case: _Case, name: str, camera: CameraModel) -> Suspect:
    fit = case.fit(name)
    i = case.names.index(name)
    turn, shift = fit.state.camera_turn[i], fit.state.camera_shift[i]
    step = vector_of(turn @ case.start.camera_turn[i].T)
    moved = turn @ case.start.camera_turn[i].T @ -case.start.camera_shift[i] + shift
    points = head_points()
    before = points @ case.start.camera_turn[i].T + case.start.camera_shift[i]
    after = points @ turn.T + shift
    off = after[:, :2] / after[:, 2:] - before[:, :2] / before[:, 2:]
    effect = float(np.sqrt((off**2).sum(axis=1).mean()) * camera.K[0, 0])
    about = ("pitch", "yaw", "roll")[int(np.argmax(np.abs(step)))]
    turned = float(np.degrees(np.linalg.norm(step)))
    return Suspect(name, case.misfit(fit), turned, about, float(np.linalg.norm(moved)), effect)


def _best_scale(
    views: Sequence[BoardView],
    target: BoardTarget,
    cameras: Mapping[str, CameraModel],
    shape: FloatArray,
    sigma_px: Mapping[str, float],
) -> tuple[float, float]:
    """Return the size of the board over what it is said to be, and how well the boards then fit."""

    def misfit(scale: float) -> float:
        other = replace(target, square_mm=target.square_mm * scale)
        case = _case(views, other, cameras, shape, sigma_px)
        return case.misfit(case.fit())

    middle, width = 1.0, 0.1
    best = misfit(middle)
    while width > 2e-4:
        tried = {middle + step: misfit(middle + step) for step in (-width, width)}
        scale = min(tried, key=lambda s: tried[s])
        if tried[scale] < best:
            middle, best = scale, tried[scale]
        else:
            width /= 2
    return middle, best


def _swapped(
    views: Sequence[BoardView],
    target: BoardTarget,
    cameras: Mapping[str, CameraModel],
    shape: FloatArray,
    sigma_px: Mapping[str, float],
    errors: Mapping[str, float],
) -> tuple[str, str] | None:
    """Return the two cameras whose exchange makes the boards fit; those that fit worst are tried first."""
    pairs = sorted(itertools.combinations(cameras, 2), key=lambda p: -sum(errors.get(name, 0.0) for name in p))
    for a, b in pairs:
        if (cameras[a].width, cameras[a].height) != (cameras[b].width, cameras[b].height):
            continue
        names = {a: b, b: a}
        changed = [replace(v, camera=names.get(v.camera, v.camera)) for v in views]
        case = _case(changed, target, cameras, shape, sigma_px)
        if case.misfit(case.fit()) <= _SWAPPED_FITS:
            return a, b
    return None
