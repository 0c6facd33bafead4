"""The right-hand side of the Calibration page: what to show next, what came out, which calibrations there are."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QVBoxLayout, QWidget

from faceapp.calibration.coverage import NextPose
from faceapp.gui.rig.next_pose_view import NextPoseView
from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Button
from faceapp.gui.widgets.labels import Fact, SectionHead, label, line
from faceapp.gui.widgets.states import Badge, State

_DRAWING, _DRAWING_NARROW = 150, 96
_LEFT_OUT_NARROW = ("Lengths", "Poses")


class CalibrationPanel(QWidget):
    """Next pose, result, calibrations.

    Signals
    -------
    takeAsked(), reportAsked()
    chosen(int)
        Number of a calibration in the list.
    """

    takeAsked = Signal()  # noqa: N815 - a Qt name
    reportAsked = Signal()  # noqa: N815 - a Qt name
    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        self.drawing = NextPoseView()
        self.todo, self.why = label("", "strong", wrap=True), label("", "body2", wrap=True)
        self.take = Button("Take", icon_name="camera", key="Space")
        self.badge = Badge("No calibration", State.NONE)
        self.report = Button("Open report", "quiet", icon_name="file-text")
        self.facts = {name: Fact(name) for name in ("Reprojection", "Epipolar, worst pair", "Lengths", "Flatness")}
        self.facts |= {name: Fact(name) for name in ("Points in head volume", "Board, bow", "Poses")}
        self.message = label("", "body2", wrap=True)
        self.calibrations = QListWidget()
        self.calibrations.setAccessibleName("Calibrations")
        self.calibrations.setMinimumHeight(44)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 8, 12, 8)
        column.setSpacing(4)
        column.addWidget(SectionHead("Next pose"))
        column.addWidget(self.drawing)
        column.addWidget(self.todo)
        column.addWidget(self.why)
        column.addWidget(self.take, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(line())
        column.addWidget(SectionHead("Result", self.badge))
        for fact in self.facts.values():
            column.addWidget(fact)
        column.addWidget(self.message)
        column.addWidget(self.report, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(line())
        column.addWidget(SectionHead("Calibrations"))
        column.addWidget(self.calibrations, 1)
        self.report.setEnabled(False)
        self.message.hide()
        self.take.clicked.connect(self.takeAsked)
        self.report.clicked.connect(self.reportAsked)
        self.calibrations.itemDoubleClicked.connect(lambda item: self.chosen.emit(self.calibrations.row(item)))

    def set_narrow(self, narrow: bool) -> None:
        """Draw smaller on a laptop."""
        self.drawing.setFixedHeight(_DRAWING_NARROW if narrow else _DRAWING)
        for name in _LEFT_OUT_NARROW:
            self.facts[name].setVisible(not narrow)

    def show_next(self, pose: NextPose | None, count: int) -> None:
        """Show what would help most."""
        self.drawing.show_pose(pose)
        if pose is None:
            self.todo.setText("Nothing is missing: calibrate")
            self.why.setText(f"{count} poses")
        else:
            self.todo.setText(pose.text)
            self.why.setText(pose.why)

    def show_figures(self, figures: dict[str, str], badge: str, state: State, message: str = "") -> None:
        """Show what came out; names are those of the facts."""
        for name, fact in self.facts.items():
            fact.set_value(figures.get(name, "–"))
        self.badge.show_state(badge, state)
        self.show_message(message)

    def show_message(self, message: str) -> None:
        """Say a sentence under the figures; an empty one takes it away."""
        self.message.setText(message)
        self.message.setVisible(bool(message))

    def show_calibrations(self, lines: Sequence[str]) -> None:
        """List the calibrations, the newest first."""
        self.calibrations.clear()
        for text in lines:
            self.calibrations.addItem(QListWidgetItem(text))
