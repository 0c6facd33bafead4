"""What the Calibration page shows and how it is laid out; the acts are in `calibration_page`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QListWidget, QListWidgetItem, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.gui.bridge import Background, Relay
from faceapp.gui.capture.rig_link import RigState
from faceapp.gui.picture.live import LiveView
from faceapp.gui.program.program import Program
from faceapp.gui.rig.calibration_desk import CalibrationDesk, LiveBoards, Overview, seats_of_rig
from faceapp.gui.rig.calibration_panel import CalibrationPanel
from faceapp.gui.rig.coverage_view import CoverageView, PoseBars
from faceapp.gui.rig.pages import RigPage
from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Button, Segmented
from faceapp.gui.widgets.labels import SectionHead, label
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.app.calibrating import CalibrationResult

CHECK_POSES = 3
_POSES, _POSES_NARROW, _SIDE, _SIDE_NARROW = 260, 200, 340, 288
_ENOUGH_POSES = 8
_GOOD_PX, _FAIR_PX = 0.15, 0.4


class CalibrationBase(RigPage):
    """State of the page on the screen.

    Parameters
    ----------
    program, background, relay
        See `RigPage`.
    """

    def __init__(self, program: Program, background: Background, relay: Relay) -> None:
        super().__init__(program, background, relay)
        self.desk = CalibrationDesk()
        self.check_desk: CalibrationDesk | None = None
        self.views = Segmented([("live", "Live"), ("coverage", "Coverage")])
        self.live, self.coverage, self.bars = LiveView(3), CoverageView(), PoseBars()
        self.poses = QListWidget()
        self.poses.setAccessibleName("Poses")
        self.panel = CalibrationPanel()
        self.count = label("", "body2")
        self.calibrate_button = Button("Calibrate", "primary", key="C")
        self.use_button = Button("Use this calibration", "primary")
        self.check_button = Button("Check with 3 poses", "quiet")
        self.print_button = Button("Print board…", "quiet", icon_name="ruler")
        self.drop_button = Button("Leave out", "quiet", icon_name="trash")
        self.finder = LiveBoards(lambda work, done: background.run(work, done), self._show_live)
        self._overview: Overview | None = None
        self._listed: list[Path] = []
        self._report: Path | None = None
        self._here = self._taking = False
        self._lay_out()

    def _lay_out(self) -> None:
        bar = QWidget()
        surface(bar, "panel")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 7, 12, 7)
        row.setSpacing(8)
        row.addWidget(self.views)
        row.addWidget(self.count)
        row.addStretch()
        for button in (self.print_button, self.check_button, self.calibrate_button, self.use_button):
            row.addWidget(button)
        self.use_button.hide()
        self._middle = QStackedWidget()
        self._middle.addWidget(self.live)
        sensors = QWidget()
        column = QVBoxLayout(sensors)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.coverage, 1)
        column.addWidget(self.bars)
        self._middle.addWidget(sensors)
        left = QWidget()
        surface(left, "panel")
        column = QVBoxLayout(left)
        column.setContentsMargins(12, 8, 12, 8)
        column.addWidget(SectionHead("Poses", self.drop_button))
        column.addWidget(self.poses, 1)
        self._left = left
        middle = QVBoxLayout()
        middle.setSpacing(1)
        middle.addWidget(bar)
        middle.addWidget(self._middle, 1)
        columns = QHBoxLayout(self)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(1)
        columns.addWidget(left)
        columns.addLayout(middle, 1)
        columns.addWidget(self.panel)
        self.set_narrow(False)

    @override
    def set_narrow(self, narrow: bool) -> None:
        self._left.setFixedWidth(_POSES_NARROW if narrow else _POSES)
        self.panel.setFixedWidth(_SIDE_NARROW if narrow else _SIDE)
        self.panel.set_narrow(narrow)
        self.bars.setVisible(not narrow)

    def show_view(self, identifier: str) -> None:
        """Show the live pictures, or the coverage."""
        self.views.set_current(identifier)
        self._middle.setCurrentIndex(0 if identifier == "live" else 1)

    def _take_picture(self, camera: str, image: Any) -> None:
        if self._here and self.views.current == "live":
            self.finder.offer(camera, image)

    def _show_live(self, camera: str, drawn: Any, count: int) -> None:
        self.live.set_picture(camera, drawn, aids=False)
        self.live.set_foot(camera, f"{count} corners" if count else "")

    @property
    def current_desk(self) -> CalibrationDesk:
        """Whose pictures are taken: those of a check while one is under way."""
        return self.check_desk or self.desk

    @property
    def can_take(self) -> bool:
        """Whether Space would take a picture."""
        ready = self.link.state is RigState.READY and not self.link.preparing
        return ready and not self._taking and self.context.can_write

    def _refresh(self) -> None:
        """Reckon coverage and next pose anew on a thread, and show them."""
        devices, desk = self.link.devices, self.current_desk
        if devices is None:
            return
        seats = seats_of_rig(devices.rig)
        titles = {c.name: " / ".join(c.labels) for c in self.link.cameras()}
        order = [c.name for c in sorted(self.link.cameras(), key=lambda c: c.labels[1])]
        seats.sort(key=lambda s: order.index(s.name) if s.name in order else len(order))
        self.background.run(lambda: desk.overview(seats, titles), self._show_overview)

    def _show_overview(self, overview: Overview) -> None:
        self._overview = overview
        self.coverage.show_tiles(overview.tiles)
        self.poses.clear()
        for pose, text, counts in overview.lines:
            item = QListWidgetItem(f"{pose}   {text}" if counts else f"{pose}   refused: {text}")
            item.setData(Qt.ItemDataRole.UserRole, pose)
            item.setToolTip(text)
            self.poses.addItem(item)
        self.poses.scrollToBottom()
        if self.check_desk is not None:
            left = CHECK_POSES - len(self.check_desk.poses)
            self.panel.show_next(overview.next, len(overview.lines))
            self.panel.why.setText(f"Check: {left} poses left; let each group see the board, tilted")
        else:
            self.panel.show_next(overview.next, len(overview.lines))
        self._show_acts()

    def _show_acts(self) -> None:
        desk = self.desk
        busy = self.program.jobs.has("Calibrating")
        self.panel.take.setEnabled(self.can_take)
        self.calibrate_button.setEnabled(len(desk.poses) >= _ENOUGH_POSES and not busy and not self._taking)
        self.check_button.setEnabled(self.can_take and self.check_desk is None)
        self.drop_button.setEnabled(bool(desk.poses) and not self._taking)
        ready = self.link.state is RigState.READY
        count = len(self.current_desk.poses)
        words = "No rig is connected: see Devices" if not ready else f"{count} poses"
        if ready and not self.context.can_write:
            words = "Open a project: the pictures are kept in it"
        self.count.setText(words)

    def _show_result(self, result: CalibrationResult) -> None:
        figures = {m.name: m.value for m in result.report.metrics}
        worst = max((float(v or 0) for n, v in figures.items() if n.endswith("epipolar_p95")), default=0.0)
        head = max((float(v or 0) for n, v in figures.items() if n.endswith("head_precision_p95")), default=0.0)
        rms = float(figures["reprojection_rms"] or 0.0)
        px, mm, um = "\N{NO-BREAK SPACE}px", "\N{NO-BREAK SPACE}mm", "\N{NO-BREAK SPACE}µm"
        told = {
            "Reprojection": f"{rms:.3f}{px}",
            "Epipolar, worst pair": f"{worst:.2f}{px}",
            "Lengths": f"{1000 * float(figures['length_error_rms'] or 0):.0f}{um}",
            "Flatness": f"{1000 * float(figures['flatness_rms'] or 0):.0f}{um}",
            "Points in head volume": f"{1000 * head:.0f}{um}",
            "Board, bow": f"{float(figures['board_bow'] or 0):.2f}{mm}, solved",
            "Poses": f"{len(result.solution.poses)}",
        }
        warned = result.report.warnings[0] if result.report.warnings else ""
        state = State.GOOD if rms < _GOOD_PX and not warned else State.CHECK if rms < _FAIR_PX else State.BAD
        words = {State.GOOD: "Good", State.CHECK: "Look at it", State.BAD: "Poor"}[state]
        self.panel.show_figures(told, words, state, warned)
        self._report = result.folder / "report.html"
        self.panel.report.setEnabled(True)
        self.use_button.show()
        self.calibrate_button.hide()
        self._show_bars(result)
        self.show_view("coverage")
        self._refresh()
        self._list_calibrations()

    def _show_bars(self, result: CalibrationResult) -> None:
        import numpy as np

        from faceapp.calibration.quality import view_errors

        errors = np.sqrt(np.nanmean(view_errors(result.solution) ** 2, axis=0))
        doubtful = [p for p, e in zip(result.solution.poses, errors, strict=True) if e > 1.7 * np.median(errors)]
        self.bars.show_errors(dict(zip(result.solution.poses, errors.tolist(), strict=True)), doubtful)

    def _list_calibrations(self) -> None:
        project = self.context.project
        if project is None:
            self.panel.show_calibrations(())
            return
        current = self.context.calibration_file()

        def work() -> list[tuple[Path, str]]:
            from faceapp.app.calibration_use import list_calibrations

            found = []
            for folder, calibration, figures in list_calibrations(project.folder / "calibrations"):
                used = "   in use" if current is not None and folder == current.parent else ""
                rms = figures.get("reprojection_rms")
                error = f"{rms:.3f} px" if isinstance(rms, float) else ""
                found.append((folder, f"{calibration.made_at[:16].replace('T', ', ')}   {error}{used}"))
            return found

        def show(found: list[tuple[Path, str]]) -> None:
            if self.context.project is project:
                self._listed = [folder for folder, _ in found]
                self.panel.show_calibrations([text for _, text in found])

        self.background.run(work, show)
