"""The loupe: the picture round a point, enlarged, with a cross of four ticks."""

from __future__ import annotations

import math

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from faceapp.gui.picture.model import LandmarkModel
from faceapp.gui.picture.pyramid import Pyramid
from faceapp.gui.theme import MARKS, color
from faceapp.gui.widgets.chips import CHIP_HEIGHT, draw_chip

_GAP, _TICK = 8.0, 34.0


class Loupe(QWidget):
    """Part of a picture, enlarged; the point in the middle is never covered.

    Parameters
    ----------
    factor : int
        Screen pixels per picture pixel.
    """

    def __init__(self, factor: int = 6, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._factor = factor
        self._pyramid: Pyramid | None = None
        self._model: LandmarkModel | None = None
        self._centre = (math.nan, math.nan)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(80, 80)

    def set_source(self, pyramid: Pyramid | None, model: LandmarkModel | None = None) -> None:
        """Look into another picture, with the curves of its landmarks."""
        self._pyramid, self._model = pyramid, model
        self.update()

    def look_at(self, u: float, v: float) -> None:
        """Bring a picture point into the middle; NaN shows nothing."""
        self._centre = (u, v)
        self.update()

    @property
    def centre(self) -> tuple[float, float]:
        """The picture point in the middle."""
        return self._centre

    def set_factor(self, factor: int) -> None:
        """Enlarge more or less."""
        self._factor = factor
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(280, 214)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), color("canvas"))
        u, v = self._centre
        if self._pyramid is None or not (math.isfinite(u) and math.isfinite(v)):
            return
        f, middle = float(self._factor), QRectF(self.rect()).center()
        source = QRectF(u + 0.5 - middle.x() / f, v + 0.5 - middle.y() / f, self.width() / f, self.height() / f)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        whole = QRectF(0, 0, self._pyramid.width, self._pyramid.height)
        part = source.intersected(whole)
        target = QRectF((part.x() - source.x()) * f, (part.y() - source.y()) * f, part.width() * f, part.height() * f)
        painter.drawImage(target, self._pyramid.levels[0], part)
        self._draw_curves(painter, middle, u, v, f)
        self._draw_cross(painter, middle)
        draw_chip(painter, QPointF(10, 10), f"{self._factor} ×")
        draw_chip(painter, QPointF(10, self.height() - 10 - CHIP_HEIGHT), f"u {u:.2f}   v {v:.2f} px")

    def _draw_curves(self, painter: QPainter, middle: QPointF, u: float, v: float, f: float) -> None:
        model = self._model
        if model is None or model.group is None:
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(MARKS.active), MARKS.curve_active))
        members = set(model.group.indices)
        points = model.landmarks.points.copy()
        if model.active_point >= 0:
            points[model.active_point] = (u, v)
        for a, b in model.scheme.edges.tolist():
            if a in members and b in members:
                (x1, y1), (x2, y2) = (points[[a, b]] - (u, v)) * f
                if all(map(math.isfinite, (x1, y1, x2, y2))):
                    painter.drawLine(QLineF(middle.x() + x1, middle.y() + y1, middle.x() + x2, middle.y() + y2))

    def _draw_cross(self, painter: QPainter, at: QPointF) -> None:
        ticks = [
            QLineF(at.x() + dx * _GAP, at.y() + dy * _GAP, at.x() + dx * _TICK, at.y() + dy * _TICK)
            for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))
        ]
        halo = QColor(Qt.GlobalColor.black)
        halo.setAlphaF(MARKS.halo_alpha)
        painter.setPen(QPen(halo, MARKS.stroke + 2 * MARKS.halo_width))
        painter.drawLines(ticks)
        painter.setPen(QPen(QColor(MARKS.cursor), MARKS.stroke))
        painter.drawLines(ticks)
