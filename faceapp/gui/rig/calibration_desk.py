"""The work of the Calibration page without its widgets: pictures to the disk, boards found, what is missing next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from faceapp.calibration.coverage import NextPose, coverage_of, next_pose
from faceapp.calibration.detection import BoardDetector
from faceapp.calibration.observations import BoardView, CameraSeat
from faceapp.calibration.target import BoardTarget
from faceapp.core.signals import Reporter
from faceapp.gui.rig.coverage_view import SensorTile

if TYPE_CHECKING:
    from faceapp.app.calibrating import CalibrationResult
    from faceapp.core.rig import Rig
    from faceapp.devices.protocols import ConnectedRig

_MOST_SPOTS = 500


@dataclass(frozen=True, eq=False)
class Overview:
    """What is to be shown of all pictures so far; made on a thread.

    Parameters
    ----------
    tiles : tuple of SensorTile
        Of each camera.
    next : NextPose or None
        What would help most.
    lines : tuple of (int, str, bool)
        Each pose: its number, what it is worth in words, whether it counts.
    """

    tiles: tuple[SensorTile, ...]
    next: NextPose | None
    lines: tuple[tuple[int, str, bool], ...]


@dataclass(eq=False)
class CalibrationDesk:
    """Pictures of one calibration that is being made.

    Parameters
    ----------
    target : BoardTarget
        What is shown.
    folder : Path or None
        Where its pictures are; ``None`` before the first.
    views : list of BoardView
        What they show.
    result : CalibrationResult or None
        Of the last Calibrate.
    is_asked : bool
        Whether it was looked for pictures on the disk that are not calibrated yet.
    """

    target: BoardTarget = field(default_factory=BoardTarget)
    folder: Path | None = None
    views: list[BoardView] = field(default_factory=list)
    result: CalibrationResult | None = None
    is_asked: bool = False

    @property
    def poses(self) -> tuple[int, ...]:
        """Numbers of the poses that were taken."""
        return tuple(sorted({v.pose for v in self.views}))

    @property
    def next_number(self) -> int:
        """Number of the next pose."""
        return max(self.poses, default=0) + 1

    def take(self, devices: ConnectedRig, root: Path, rig: str) -> list[BoardView]:
        """Take a pose with all cameras, to the disk first; on a thread."""
        from faceapp.app.calibrating import new_calibration_folder
        from faceapp.app.pose_taking import take_pose
        from faceapp.formats.images import read_image

        if self.folder is None:
            self.folder = new_calibration_folder(root, rig)
        number = self.next_number
        files = take_pose(devices, self.folder, number)
        detector = BoardDetector(self.target)
        return [detector.find(name, number, read_image(file)) for name, file in files.items()]

    def resume(self, root: Path, rig: str, reporter: Reporter) -> None:
        """Read the pictures of an unfinished calibration, if there is one; on a thread."""
        from faceapp.app.calibrating import find_boards_in, new_calibration_folder
        from faceapp.app.pose_taking import poses_in

        folder = new_calibration_folder(root, rig)
        if self.folder is None and poses_in(folder):
            views = find_boards_in(folder, self.target, reporter)
            if self.folder is None:
                self.folder, self.views = folder, views

    def drop(self, pose: int) -> None:
        """Forget a pose and put its pictures aside."""
        self.views = [v for v in self.views if v.pose != pose]
        if self.folder is None:
            return
        for file in (self.folder / "pictures").glob(f"*/{pose:04}.png"):
            aside = self.folder / "left-out" / file.parent.name
            aside.mkdir(parents=True, exist_ok=True)
            file.replace(aside / file.name)

    def overview(self, seats: list[CameraSeat], titles: dict[str, str]) -> Overview:
        """Return what is to be shown; on a thread."""
        errors, doubtful = self._errors()
        tiles = []
        for seat in seats:
            covered = coverage_of(self.views, self.target, seat.name)
            mine = [(v.pixels + 0.5) / v.size for v in self.views if v.camera == seat.name and v.is_good]
            spots = np.concatenate(mine) if mine else np.zeros((0, 2))
            tiles.append(
                SensorTile(
                    seat.name,
                    titles.get(seat.name, seat.name),
                    covered.corners,
                    spots[:: max(len(spots) // _MOST_SPOTS, 1)],
                    covered.views,
                    covered.share,
                    errors.get(seat.name, float("nan")),
                    seat.name in doubtful,
                )
            )
        lines = tuple(self._line(pose) for pose in self.poses)
        return Overview(tuple(tiles), next_pose(self.views, self.target, seats), lines)

    def _errors(self) -> tuple[dict[str, float], set[str]]:
        if self.result is None:
            return {}, set()
        found = self.result.solution.adjustment
        names = [s.name for s in self.result.solution.seats]
        figures = {m.name: m.value for m in self.result.report.metrics}
        errors = {n: float(figures[f"{n}.reprojection_rms"] or 0.0) for n in names}
        typical = float(np.median(found.sigma_px))
        return errors, {n for n, s in zip(names, found.sigma_px, strict=True) if s > 2 * typical}

    def _line(self, pose: int) -> tuple[int, str, bool]:
        mine = [v for v in self.views if v.pose == pose]
        good = [v for v in mine if v.is_good]
        shown = [v for v in mine if v.refusal and len(v)]
        text = f"{len(good)} cameras" if len(good) != 1 else "1 camera"
        if shown:
            text += f"; {shown[0].camera} {shown[0].refusal.split(':')[0]}"
        return pose, text if good or shown else "no board seen", bool(good)


def seats_of_rig(rig: Rig) -> list[CameraSeat]:
    """Return the seats of all cameras of a rig."""
    seats = []
    for group in rig.groups:
        seats += [CameraSeat(c.name, group.name, "ir") for c in group.infrared]
        seats += [CameraSeat(group.rgb.name, group.name, "rgb")] if group.rgb is not None else []
    return seats


class LiveBoards:
    """Finds the board in live pictures, one at a time on a thread; pictures that come meanwhile give way.

    Parameters
    ----------
    run : callable
        Runs work on a thread and hands its result to a function on the interface's thread.
    show : callable
        Takes the camera, the picture with the corners drawn into it, and how many there are.
    """

    def __init__(
        self, run: Callable[[Callable[[], Any], Callable[[Any], object]], object], show: Callable[..., object]
    ) -> None:
        self._run, self._show = run, show
        self._waiting: dict[str, np.ndarray] = {}
        self._busy = False
        self._detector: BoardDetector | None = None
        self.target = BoardTarget()

    def offer(self, camera: str, image: np.ndarray) -> None:
        """Take a live picture."""
        self._waiting[camera] = image
        if not self._busy:
            self._next()

    def _next(self) -> None:
        if not self._waiting:
            return
        camera = next(iter(self._waiting))
        image = self._waiting.pop(camera)
        self._busy = True
        self._run(lambda: self._find(camera, image), lambda found: self._done(*found))

    def _find(self, camera: str, image: np.ndarray) -> tuple[str, np.ndarray, int]:
        import cv2

        if self._detector is None or self._detector.target != self.target:
            self._detector = BoardDetector(self.target)
        view = self._detector.find(camera, 0, image)
        drawn = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image.copy()
        drawn = np.ascontiguousarray(drawn)
        for u, v in view.pixels:
            cv2.circle(drawn, (round(u), round(v)), 3, (63, 224, 255), 1, cv2.LINE_AA)
        return camera, drawn, len(view)

    def _done(self, camera: str, drawn: np.ndarray, count: int) -> None:
        self._busy = False
        self._show(camera, drawn, count)
        self._next()
