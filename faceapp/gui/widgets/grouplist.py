"""The list of landmark groups: icon of the progress, title, how many are done."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from faceapp.gui.theme import color, font
from faceapp.gui.widgets.painting import LEFT, RIGHT, draw_focus, draw_icon, draw_text, fill_rounded


@enum.unique
class Progress(enum.Enum):
    """How far a group is: icon and colour."""

    DONE = ("check-circle-fill", "green")
    PARTLY = ("circle-half", "text2")
    UNTOUCHED = ("circle", "text3")
    WRONG = ("warning-fill", "amber")


@dataclass(frozen=True)
class GroupEntry:
    """One row of the list.

    Parameters
    ----------
    name : str
        Identifier.
    title : str
        As people read it.
    count : str
        ``7 of 12``, ``prefilled``.
    progress : Progress
        Icon at the left.
    """

    name: str
    title: str
    count: str
    progress: Progress


class GroupList(QWidget):
    """Rows of groups; one is current.

    Parameters
    ----------
    row_height : int
        38 on a large screen, 30 on a laptop.

    Signals
    -------
    activated(str)
        Name of the group that a person chose.
    """

    activated = Signal(str)

    def __init__(self, row_height: int = 38, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: tuple[GroupEntry, ...] = ()
        self._current = ""
        self._hover = -1
        self._row = row_height
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_entries(self, entries: Sequence[GroupEntry]) -> None:
        """Show these rows."""
        self._entries = tuple(entries)
        self.updateGeometry()
        self.update()

    def set_current(self, name: str) -> None:
        """Mark a row without a signal."""
        self._current = name
        self.update()

    def set_row_height(self, height: int) -> None:
        """Change the height of the rows."""
        self._row = height
        self.updateGeometry()
        self.update()

    @property
    def current(self) -> str:
        """Name of the current group."""
        return self._current

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, self._row * len(self._entries))

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def _at(self, y: float) -> int:
        row = int(y // self._row)
        return row if 0 <= row < len(self._entries) else -1

    def _choose(self, row: int) -> None:
        self._current = self._entries[row].name
        self.update()
        self.activated.emit(self._current)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        row = self._at(event.position().y())
        if row >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self._choose(row)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._hover = self._at(event.position().y())
        self.update()

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._hover = -1
        self.update()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()), 0)
        if not step or not self._entries:
            super().keyPressEvent(event)
            return
        rows = [i for i, entry in enumerate(self._entries) if entry.name == self._current]
        self._choose(((rows[0] if rows else -1) + step) % len(self._entries))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for i, entry in enumerate(self._entries):
            rect = QRectF(0, i * self._row + 1, self.width(), self._row - 2)
            selected = entry.name == self._current
            if selected:
                fill_rounded(painter, rect, color("selection"), 6)
                if self.hasFocus():
                    draw_focus(painter, rect)
            elif i == self._hover:
                fill_rounded(painter, rect, color("raised"), 6)
            name, token = entry.progress.value
            if selected and entry.progress is Progress.PARTLY:
                token = "accent"
            elif selected and token == "text3":
                token = "text2"
            draw_icon(painter, QPointF(8, rect.center().y() - 7), name, token, 14)
            untouched = entry.progress is Progress.UNTOUCHED and not selected
            line = rect.adjusted(32, 0, -8, 0)
            used = draw_text(painter, line, entry.count, font(12), color("text2" if not untouched else "text3"), RIGHT)
            ink = color("text2" if untouched else "text")
            draw_text(
                painter, line.adjusted(0, 0, -used - 8, 0), entry.title, font(13, 600 if selected else 500), ink, LEFT
            )
