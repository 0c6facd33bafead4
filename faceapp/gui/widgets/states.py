"""A state is a shape, a word and a colour: the same five everywhere."""

from __future__ import annotations

import enum

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from faceapp.gui.theme import color, font
from faceapp.gui.widgets.painting import LEFT, draw_icon, draw_text, fill_rounded

_BADGE_HEIGHT = 22
_PADDING = 7


@enum.unique
class State(enum.Enum):
    """How a thing stands: the icon, the colour and the tint that belong together."""

    GOOD = ("check-circle-fill", "green", "green_tint")
    CHECK = ("warning-fill", "amber", "amber_tint")
    BAD = ("x-circle-fill", "red", "red_tint")
    WORK = ("info-fill", "accent", "info_tint")
    NONE = ("circle-dashed", "text2", "raised")

    @property
    def icon(self) -> str:
        """Name of the filled icon."""
        return self.value[0]

    @property
    def token(self) -> str:
        """Colour of icon and word."""
        return self.value[1]

    @property
    def tint(self) -> str:
        """Ground of a badge."""
        return self.value[2]


def badge_width(text: str) -> float:
    """Return the width of a badge that says ``text``."""
    return QFontMetricsF(font(12, 500)).horizontalAdvance(text) + 2 * _PADDING + 12 + 5


def draw_badge(painter: QPainter, at: QPointF, text: str, state: State, selected: bool = False) -> float:
    """Draw a badge with its left centre at ``at``; return its width. On a selected row it sits on ``panel``."""
    width = badge_width(text)
    rect = QRectF(at.x(), round(at.y() - _BADGE_HEIGHT / 2), width, _BADGE_HEIGHT)
    fill_rounded(painter, rect, color("panel" if selected else state.tint), 5)
    draw_icon(painter, QPointF(rect.x() + _PADDING, rect.y() + 5), state.icon, state.token, 12)
    draw_text(painter, rect.adjusted(_PADDING + 17, 0, 0, 0), text, font(12, 500), color(state.token))
    return width


class Badge(QWidget):
    """A badge: icon and word on a tint.

    Parameters
    ----------
    text : str
        One or two words.
    state : State
        Shape and colour.
    """

    def __init__(self, text: str = "", state: State = State.NONE, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self._state = text, state
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)

    @property
    def text(self) -> str:
        """The word."""
        return self._text

    @property
    def state(self) -> State:
        """The state."""
        return self._state

    def show_state(self, text: str, state: State) -> None:
        """Say something else."""
        self._text, self._state = text, state
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(round(badge_width(self._text) + 0.5), _BADGE_HEIGHT)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        draw_badge(painter, QPointF(0, self.height() / 2), self._text, self._state)


class StateLabel(QWidget):
    """Icon and words without a ground, as in the status bar.

    Signals
    -------
    clicked()
    """

    clicked = Signal()

    def __init__(
        self, text: str = "", state: State = State.NONE, size: int = 12, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._text, self._state, self._size = text, state, size
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)

    @property
    def text(self) -> str:
        """The words."""
        return self._text

    def show_state(self, text: str, state: State) -> None:
        """Say something else."""
        self._text, self._state = text, state
        self.setAccessibleName(text)
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(round(QFontMetricsF(font(self._size)).horizontalAdvance(self._text)) + 22, 20)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        draw_icon(painter, QPointF(0, (self.height() - 14) / 2), self._state.icon, self._state.token, 14)
        rect = QRectF(self.rect().adjusted(20, 0, 2, 0))
        draw_text(painter, rect, self._text, font(self._size), color("text2"), LEFT)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton and self.rect().contains(event.position().toPoint()):
            self.clicked.emit()
