"""Colour bars with their limits written beside them."""

from __future__ import annotations

import functools

import numpy as np
from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QImage, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from faceapp.gui.theme import color, font
from faceapp.gui.theme.colormaps import colormap
from faceapp.gui.widgets.painting import CENTER, LEFT, RIGHT, draw_text


@functools.cache
def colormap_image(name: str) -> QImage:
    """Return a colour map as a picture of 256 x 1."""
    table = np.ascontiguousarray(colormap(name))
    return QImage(table.tobytes(), 256, 1, 256 * 3, QImage.Format.Format_RGB888).copy()


def number_text(value: float, signed: bool = False) -> str:
    """Return a number with few digits, the real minus, and a plus where signs matter."""
    text = f"{abs(value):.3g}"
    if value < 0:
        return f"−{text}"
    return f"+{text}" if signed and value > 0 else text


def draw_color_bar(painter: QPainter, rect: QRectF, name: str, low: float, high: float, unit: str) -> None:
    """Draw a strip of 10 px with its limits, and zero if it lies between them, below."""
    strip = QRectF(rect.x(), rect.y(), rect.width(), 10)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
    painter.drawImage(strip, colormap_image(name))
    line = QRectF(rect.x(), rect.y() + 13, rect.width(), 16)
    ink, what = color("text"), font(11, 500)
    signed = low < 0 < high
    draw_text(painter, line, number_text(low, signed), what, ink, LEFT)
    draw_text(painter, line, f"{number_text(high, signed)}\N{NO-BREAK SPACE}{unit}".rstrip(), what, ink, RIGHT)
    if signed:
        x = strip.x() - low / (high - low) * strip.width()
        draw_text(painter, QRectF(x - 30, line.y(), 60, 16), "0", what, ink, CENTER)


class ColorBar(QWidget):
    """A colour bar as a widget.

    Parameters
    ----------
    name : str
        Colour map.
    """

    def __init__(self, name: str = "vik", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._low, self._high, self._unit = name, -1.0, 1.0, ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_range(self, low: float, high: float, unit: str = "", name: str | None = None) -> None:
        """Show other limits, perhaps of another map."""
        self._low, self._high, self._unit = low, high, unit
        self._name = name or self._name
        self.setAccessibleName(f"{low:g} to {high:g} {unit}")
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(200, 30)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        draw_color_bar(QPainter(self), QRectF(self.rect()), self._name, self._low, self._high, self._unit)
