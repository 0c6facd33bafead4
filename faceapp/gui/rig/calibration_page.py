"""Calibration: show the board, take it, calibrate, read the report, use it; check it before a session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog
from typing_extensions import override

from faceapp.gui.capture.rig_link import LIVE_WIDTH, RigState
from faceapp.gui.rig.calibration_base import CHECK_POSES, CalibrationBase
from faceapp.gui.rig.calibration_desk import CalibrationDesk
from faceapp.gui.shell.actions import Action
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.app.calibrating import CalibrationResult
    from faceapp.calibration.checking import RigCheck
    from faceapp.calibration.observations import BoardView

_LIVE_WIDTH = 1000  # px; the markers of a board must be told apart


class CalibrationPage(CalibrationBase):
    """The page.

    Parameters
    ----------
    program, background, relay
        See `RigPage`.
    """

    @override
    def begin(self) -> None:
        self.views.changed.connect(self.show_view)
        self.panel.takeAsked.connect(self.take)
        self.panel.reportAsked.connect(self.open_report)
        self.panel.chosen.connect(self._choose)
        self.calibrate_button.clicked.connect(self.calibrate)
        self.use_button.clicked.connect(self.use)
        self.check_button.clicked.connect(self.check)
        self.print_button.clicked.connect(self.ask_board)
        self.drop_button.clicked.connect(self.leave_out)
        self.link.changed.connect(self._rig_changed)
        self.link.pictured.connect(self._take_picture)
        self.context.project_changed.connect(self._project_changed)
        self._project_changed()

    @override
    def actions_of(self) -> Sequence[Action]:
        return (
            Action("rig.take", "Take the board", self.take, "Space", menu="Run", icon="camera"),
            Action("rig.calibrate", "Calibrate", self.calibrate, "C", menu="Run", icon="target"),
            Action("rig.check", "Check the calibration with 3 poses", self.check, menu="Run", icon="seal-check"),
            Action("rig.print-board", "Print board…", self.ask_board, menu="Run", icon="ruler"),
        )

    @override
    def enter(self) -> None:
        self._here, self.link.live_width = True, _LIVE_WIDTH
        self._rig_changed()

    @override
    def leave(self) -> None:
        self._here, self.link.live_width = False, LIVE_WIDTH
        if not self._taking:
            self.link.stream(())

    # Project and rig

    def _project_changed(self) -> None:
        self.desk, self.check_desk, self._overview = CalibrationDesk(), None, None
        self.use_button.hide()
        self.poses.clear()
        self.panel.show_figures({}, "No calibration", State.NONE)
        self._list_calibrations()
        self._rig_changed()

    def _rig_changed(self) -> None:
        ready = self.link.state is RigState.READY and not self.link.preparing
        self._show_acts()
        if self.link.devices is None or not self._here:
            return
        cameras = self.link.cameras()
        columns = max(1, len({c.group for c in cameras}))
        ordered = sorted(cameras, key=lambda c: c.labels[1])  # a row for each kind, a column for each group
        self.live.set_cameras([(c.name, c.labels) for c in ordered], columns)
        self.live.set_aids(over=False)
        if ready and not self._taking:
            self.link.stream([c.name for c in cameras])
        if self.link.state is RigState.READY:
            self._resume()
            self._refresh()

    def _resume(self) -> None:
        """Go on with pictures that lie on the disk uncalibrated: the program was left, or killed, among them."""
        project, desk = self.context.project, self.desk
        if desk.is_asked or project is None or not self.context.can_write:
            return
        desk.is_asked = True
        root, name = project.folder / "calibrations", self.link.name

        def done(_: Any) -> None:
            if desk is self.desk:
                self._refresh()

        self.program.jobs.run("Reading pictures", lambda reporter: desk.resume(root, name, reporter), done)

    # Taking

    def take(self) -> None:
        """Take the board with all cameras, the groups in turn."""
        devices, project, desk = self.link.devices, self.context.project, self.current_desk
        if not self.can_take or devices is None or project is None:
            return
        self._taking = True
        self._show_acts()
        root, name = project.folder / "calibrations", self.link.name

        def work() -> list[BoardView]:
            self.link.pause(devices)
            try:
                return desk.take(devices, root, name)
            finally:
                self.link.follow(devices)

        def done(views: list[BoardView]) -> None:
            self._taking = False
            desk.views += views
            self._offer_calibrate()
            self.program.saved()
            self.link.prepare(("", "board", desk.next_number))
            self._refresh()
            self._rig_changed()
            if desk is self.check_desk and len(desk.poses) >= CHECK_POSES:
                self._finish_check(desk)

        self.link.run(work, done, self._take_failed)

    def _take_failed(self, error: BaseException) -> None:
        self._taking = False
        self._show_acts()
        self.program.show_failure("The board could not be taken", error)

    def leave_out(self) -> None:
        """Leave the pose that is chosen in the list out; its pictures are put aside."""
        item = self.poses.currentItem()
        if item is not None and not self._taking:
            self.desk.drop(int(item.data(Qt.ItemDataRole.UserRole)))
            self._offer_calibrate()
            self._refresh()

    # Calibrating

    def calibrate(self) -> None:
        """Adjust everything from the poses so far, as a job."""
        devices, desk = self.link.devices, self.desk
        if devices is None or desk.folder is None or not self.calibrate_button.isEnabled():
            return
        folder, rig, name = desk.folder, devices.rig, self.link.name
        operator, measured = self.context.operator, self.context.calibration_file() is not None

        def work(reporter: Any) -> CalibrationResult:
            from faceapp.app.calibrating import calibrate_folder

            return calibrate_folder(
                folder,
                desk.target,
                reporter,
                rig=Path(name).stem,
                like=rig,
                measured=measured,
                made_by=operator,
                views=list(desk.views),
            )

        def done(result: CalibrationResult) -> None:
            desk.result = result
            self._show_result(result)

        def failed(error: BaseException) -> None:
            self._show_acts()
            self.panel.show_figures({}, "Not calibrated", State.BAD, str(error))
            self.program.show_failure("The rig is not calibrated", error)

        self.program.jobs.run("Calibrating", work, done, failed)
        self._show_acts()

    def use(self) -> None:
        """Let captures of this project use the calibration; the rig connects again with it."""
        project, result = self.context.project, self.desk.result
        if project is None or result is None:
            return
        self._use_file(result.folder / "calibration.json")
        self._offer_calibrate()
        self.desk = CalibrationDesk()

    def _offer_calibrate(self) -> None:
        """Make Calibrate the next act again: the poses are no longer those of the result."""
        self.use_button.hide()
        self.calibrate_button.show()

    def _use_file(self, file: Path) -> None:
        project = self.context.project
        if project is None:
            return

        def work() -> None:
            from faceapp.app.calibration_use import use_calibration

            use_calibration(project, file)

        def done(_: Any) -> None:
            self.program.saved()
            self.program.show_calibration()
            self._list_calibrations()
            if self.link.name:
                self.link.connect(self.link.name)

        self.background.run(work, done, lambda e: self.program.show_failure("The calibration is not used", e))

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self._listed) and self.context.can_write:
            self._use_file(self._listed[row] / "calibration.json")

    def open_report(self) -> None:
        """Open the report in the browser."""
        if self._report is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._report)))

    # Checking and printing

    def check(self) -> None:
        """Begin a check: the next three poses are its own."""
        if self.context.calibration_file() is None:
            self.program.window.show_error(
                "Nothing to check",
                "This project uses no calibration yet.",
                "Calibrate the rig, then use the calibration.",
            )
            return
        assert self.context.project is not None
        place = self.context.project.folder / "calibrations" / "checks" / f"{datetime.now(UTC):%Y-%m-%dT%H-%M-%SZ}"
        self.check_desk = CalibrationDesk(self.desk.target, place)
        self.panel.show_message(f"Check: take {CHECK_POSES} poses, tilted, so that each group sees the board")
        self._refresh()
        self._show_acts()

    def _finish_check(self, desk: CalibrationDesk) -> None:
        project = self.context.project
        if project is None:
            return

        def work() -> RigCheck:
            from faceapp.app.calibration_use import board_of, check_pictures, current_calibration

            calibration = current_calibration(project)
            assert calibration is not None
            return check_pictures(desk.views, board_of(calibration) or desk.target, calibration)

        def done(answer: RigCheck) -> None:
            self.check_desk = None
            state = State.GOOD if answer.is_good else State.BAD
            self.panel.badge.show_state("Check passed" if answer.is_good else "Check failed", state)
            self.panel.show_message(answer.text[:1].upper() + answer.text[1:])
            self._refresh()
            self._show_acts()

        def failed(error: BaseException) -> None:
            self.check_desk = None
            self.program.show_failure("The check could not be made", error)
            self._show_acts()

        self.background.run(work, done, failed)

    def ask_board(self) -> None:
        """Ask where the board's PDF goes, and write it."""
        chosen, _ = QFileDialog.getSaveFileName(self, "Board to print", "board.pdf", "PDF (*.pdf)")
        if chosen:
            self.write_board(Path(chosen))

    def write_board(self, file: Path) -> None:
        """Write the board's PDF and open it."""
        target = self.desk.target

        def work() -> None:
            from faceapp.calibration.board_pdf import board_pdf
            from faceapp.formats.atomic import write_bytes

            write_bytes(file, board_pdf(target))

        def done(_: Any) -> None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(file)))

        self.background.run(work, done, lambda e: self.program.show_failure("The board is not written", e))
