"""What Annotate and Review show while there is nothing to work on: an empty state, or how far the opening is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from faceapp.gui.theme import surface
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.messages import Act, EmptyState
from faceapp.gui.widgets.metrics import ProgressBar


class Opening(QStackedWidget):
    """An empty state, or progress."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "window")
        page = QWidget()
        column = QVBoxLayout(page)
        column.addStretch()
        self._title = label("", "strong")
        self._bar = ProgressBar()
        self._bar.setFixedWidth(280)
        self._far = label("", "body2")
        for widget in (self._title, self._bar, self._far):
            column.addWidget(widget, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch()
        self.addWidget(page)
        self._empty: EmptyState | None = None
        self.title = ""

    def say(self, icon: str, title: str, text: str, acts: Sequence[Act] = ()) -> None:
        """Say what is missing and what to do."""
        if self._empty is not None:
            self.removeWidget(self._empty)
            self._empty.deleteLater()
        self.title = title
        self._empty = EmptyState(icon, title, text, acts)
        self.addWidget(self._empty)
        self.setCurrentWidget(self._empty)

    def begin(self, title: str) -> None:
        """Say what is being opened."""
        self.title = title
        self._title.setText(title)
        self.show_progress(None, "")
        self.setCurrentIndex(0)

    def show_progress(self, done: float | None, text: str) -> None:
        """Say how far it is."""
        self._bar.set_fraction(done)
        self._far.setText(text[:1].upper() + text[1:])
