"""What stands in the middle of Review while the first result of a sample is being made."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.messages import EmptyState
from faceapp.gui.widgets.metrics import ProgressBar

_BAR = 280  # px


class RunningState(QWidget):
    """A title, how far it is, and what one may do meanwhile.

    Parameters
    ----------
    title : str
        What runs.
    """

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        centre = Qt.AlignmentFlag.AlignHCenter
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(8)
        column.addStretch()
        words = "The status bar stops it. You can go on with other samples meanwhile."
        column.addWidget(EmptyState("hourglass-medium", f"{title}…", words))
        self.bar = ProgressBar()
        self.bar.setFixedWidth(_BAR)
        self.bar.set_fraction(None)
        self.far = label("", "secondary")
        column.addWidget(self.bar, 0, centre)
        column.addWidget(self.far, 0, centre)
        column.addStretch()

    def show_progress(self, done: float, text: str) -> None:
        """Show how much is done, 0 to 1, and what is being done."""
        self.bar.set_fraction(done)
        percent = f"{100 * done:.0f}\N{NO-BREAK SPACE}%"
        self.far.setText(f"{percent}, {text}" if text else percent)
