"""Plates with text on pictures: a face never carries text without one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from faceapp.gui.theme import color, font
from faceapp.gui.widgets.painting import CENTER, draw_text, fill_rounded

CHIP_HEIGHT = 22
_ALPHA = 0.82


def chip_width(text: str) -> float:
    """Return the width of a chip that says ``text``."""
    return round(QFontMetricsF(font(12, 600)).horizontalAdvance(text)) + 16


def draw_chip(painter: QPainter, at: QPointF, text: str, ink: str = "plate_text") -> QRectF:
    """Draw a chip with its top-left corner at ``at``; return its rectangle."""
    rect = QRectF(round(at.x()), round(at.y()), chip_width(text), CHIP_HEIGHT)
    fill_rounded(painter, rect, color("plate", _ALPHA), 5)
    draw_text(painter, rect, text, font(12, 600), color(ink), CENTER)
    return rect


def draw_chips(painter: QPainter, at: QPointF, texts: Sequence[str]) -> None:
    """Draw several chips in a row."""
    x = at.x()
    for text in texts:
        x = draw_chip(painter, QPointF(x, at.y()), text).right() + 6


class Chips(QWidget):
    """Chips as a widget that lies on a picture and lets the mouse through."""

    def __init__(self, texts: Sequence[str] = (), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._texts = tuple(texts)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.resize(self.sizeHint())

    @property
    def texts(self) -> tuple[str, ...]:
        """What they say."""
        return self._texts

    def set_texts(self, *texts: str) -> None:
        """Say something else; empty texts are left out."""
        self._texts = tuple(text for text in texts if text)
        self.resize(self.sizeHint())
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        width = sum(chip_width(text) + 6 for text in self._texts)
        return QSize(max(1, round(width)), CHIP_HEIGHT)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        draw_chips(QPainter(self), QPointF(0, 0), self._texts)
