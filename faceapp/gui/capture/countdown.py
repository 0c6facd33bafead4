"""3, 2, 1 on a plate in the middle of the 3D view."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from faceapp.gui.theme import color, font
from faceapp.gui.widgets.painting import CENTER, draw_text, fill_rounded

STEP_MS = 700
_SIDE = 120


class Countdown(QWidget):
    """Counts over another widget and lets the mouse through.

    Signals
    -------
    finished()
        Not if it was stopped.
    """

    finished = Signal()

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.resize(_SIDE, _SIDE)
        self._left = 0
        self._timer = QTimer(self)
        self._timer.setInterval(STEP_MS)
        self._timer.timeout.connect(self._step)
        over.installEventFilter(self)
        self.hide()

    @property
    def running(self) -> bool:
        """Whether it counts."""
        return self._timer.isActive()

    def start(self) -> None:
        """Begin at 3."""
        self._left = 3
        self._place()
        self.show()
        self.raise_()
        self._timer.start()

    def stop(self) -> None:
        """Stop without a signal."""
        self._timer.stop()
        self.hide()

    def _step(self) -> None:
        self._left -= 1
        self.update()
        if not self._left:
            self.stop()
            self.finished.emit()

    def _place(self) -> None:
        parent = self.parentWidget()
        if parent is not None:
            self.move((parent.width() - _SIDE) // 2, (parent.height() - _SIDE) // 2)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        fill_rounded(painter, rect, color("plate", 0.82), 10)
        draw_text(painter, rect, str(self._left), font(64, 600), color("plate_text"), CENTER)
