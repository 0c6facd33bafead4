"""Measured values with their limits, and progress."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QPainter, QPaintEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.gui.theme import color, font
from faceapp.gui.widgets.buttons import Button
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.painting import LEFT, RIGHT, draw_bar, draw_icon, draw_text
from faceapp.gui.widgets.states import State


class MetricRow(QWidget):
    """Icon of the state, name, number with its unit, and a bar with a mark at the limit.

    Parameters
    ----------
    name : str
        What is measured.
    """

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._value, self._state = name, "–", State.NONE
        self._fraction: float | None = None
        self._limit: float | None = None
        self._compact = False
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_value(
        self, value: str, state: State, fraction: float | None = None, limit: float | None = None, tip: str = ""
    ) -> None:
        """Show a number.

        Parameters
        ----------
        value : str
            With its unit.
        state : State
            Against the limit.
        fraction, limit : float, optional
            Where the value and the limit stand on the bar, 0 to 1; without ``fraction`` there is no bar.
        tip : str
            The limit in words.
        """
        self._value, self._state, self._fraction, self._limit = value, state, fraction, limit
        self.setToolTip(tip)
        self.setAccessibleName(f"{self._name}: {value}")
        self.updateGeometry()
        self.update()

    def set_compact(self, compact: bool) -> None:
        """Leave the bar out, for small screens."""
        self._compact = compact
        self.updateGeometry()
        self.update()

    @property
    def state(self) -> State:
        """State shown."""
        return self._state

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, 26 if self._compact or self._fraction is None else 44)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        draw_icon(painter, QPointF(0, 5), self._state.icon, self._state.token, 16)
        line = QRectF(24, 0, self.width() - 24, 26)
        loud = self._state in (State.CHECK, State.BAD)
        ink = color(self._state.token if loud else "text")
        used = draw_text(painter, line, self._value, font(13, 600), ink, RIGHT)
        draw_text(painter, line.adjusted(0, 0, -used - 8, 0), self._name, font(13), color("text"), LEFT)
        if self._compact or self._fraction is None:
            return
        bar = QRectF(24, 29, self.width() - 24, 4)
        draw_bar(painter, bar, self._fraction, self._state.token if self._state is not State.NONE else "accent")
        if self._limit is not None:
            x = bar.x() + bar.width() * min(1.0, max(0.0, self._limit))
            painter.fillRect(QRectF(round(x) - 1, 26, 2, 10), color("text2"))


class ProgressBar(QWidget):
    """A bar of 4 px; without a fraction it runs to and fro.

    Parameters
    ----------
    token : str
        Colour of the part that is done.
    thickness : int
        Pixels.
    """

    def __init__(self, token: str = "accent", thickness: int = 4, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._token = token
        self._fraction: float | None = 0.0
        self._phase = 0.0
        self._timer = QTimer(self)
        self._timer.setInterval(40)
        self._timer.timeout.connect(self._step)
        self.setFixedHeight(thickness)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_fraction(self, fraction: float | None) -> None:
        """Show 0 to 1, or ``None`` for work of unknown length."""
        self._fraction = fraction
        self._run()
        self.update()

    def _run(self) -> None:
        if self._fraction is None and self.isVisible():
            self._timer.start()
        else:
            self._timer.stop()

    def _step(self) -> None:
        self._phase = (self._phase + 0.02) % 1.0
        self.update()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        self._run()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        whole = QRectF(self.rect())
        if self._fraction is not None:
            draw_bar(painter, whole, self._fraction, self._token)
            return
        draw_bar(painter, whole, 0, self._token)
        there_and_back = 1 - abs(2 * self._phase - 1)
        part = QRectF(
            whole.x() + whole.width() * 0.75 * there_and_back, whole.y(), whole.width() * 0.25, whole.height()
        )
        draw_bar(painter, part, 1, self._token)


class Spinner(QWidget):
    """A turning notch of 14 px."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._angle = 0
        self._timer = QTimer(self)
        self._timer.setInterval(60)
        self._timer.timeout.connect(self._step)
        self.setFixedSize(16, 16)

    def _step(self) -> None:
        self._angle = (self._angle + 30) % 360
        self.update()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        self._timer.start()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        self._timer.stop()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.translate(8, 8)
        painter.rotate(self._angle)
        draw_icon(painter, QPointF(-7, -7), "circle-notch", "accent", 14)


class JobRow(QWidget):
    """Work under way: spinner, what, how far, Cancel, and a bar below.

    Signals
    -------
    cancelled()
    """

    cancelled = Signal()

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(8)
        self._text = label(text)
        self._far = label("", "secondary")
        cancel = Button("Cancel", "quiet")
        cancel.clicked.connect(self.cancelled)
        row.addWidget(Spinner())
        row.addWidget(self._text, 1)
        row.addWidget(self._far, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(cancel)
        column.addLayout(row)
        self._bar = ProgressBar()
        column.addWidget(self._bar)

    def show_progress(self, text: str, far: str, fraction: float | None) -> None:
        """Say what runs, how far it is in words (``9 of 23, about 40 s left``) and as a fraction."""
        self._text.setText(text)
        self._far.setText(far)
        self._bar.set_fraction(fraction)
