"""The guide picture: where the active point is on the average face."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from faceapp.core.arrays import FloatArray, UInt8Array
from faceapp.gui.picture.pyramid import to_image
from faceapp.gui.theme import MARKS, color
from faceapp.gui.widgets.chips import draw_chip

_SHOWN = 300.0
"""Pixels of the picture across the widget."""


class Guide(QWidget):
    """The average face round the active point."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._image: QImage | None = None
        self._points = np.zeros((0, 2))
        self._index = -1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(80, 80)

    def set_picture(self, picture: UInt8Array, points: FloatArray) -> None:
        """Show this face; its points are those of the scheme."""
        self._image, self._points = to_image(picture), points
        self.update()

    def show_point(self, index: int) -> None:
        """Mark a point; -1 for none."""
        self._index = index
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(280, 214)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), color("canvas"))
        if self._image is None:
            return
        at = self._points[self._index] if 0 <= self._index < len(self._points) else self._points.mean(axis=0)
        across = _SHOWN if self._index >= 0 else float(self._image.width())
        factor = self.width() / across
        size = QSize(self._image.width(), self._image.height())
        half_w, half_h = self.width() / factor / 2, self.height() / factor / 2
        x = min(max(float(at[0]), half_w), max(size.width() - half_w, half_w))
        y = min(max(float(at[1]), half_h), max(size.height() - half_h, half_h))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawImage(QRectF(self.rect()), self._image, QRectF(x - half_w, y - half_h, 2 * half_w, 2 * half_h))
        if self._index >= 0:
            place = QPointF((at[0] - x + half_w) * factor, (at[1] - y + half_h) * factor)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            halo = QColor("#000000")
            halo.setAlphaF(MARKS.halo_alpha)
            for ink, width in ((halo, 4.5), (QColor(MARKS.cursor), 2.2)):
                painter.setPen(QPen(ink, width))
                painter.drawEllipse(place, 9, 9)
        draw_chip(painter, QPointF(10, 10), "Guide")
