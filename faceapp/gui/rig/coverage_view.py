"""What each sensor has seen of the board, cell by cell, and how well each pose fits; painted, no widgets inside."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from faceapp.gui.theme import color, font
from faceapp.gui.widgets.painting import CENTER, LEFT, draw_icon, draw_text

_HEAD, _GAP, _SIDE = 22, 16, 96
_FULL = 40
"""Corners in a cell at which its shade is the deepest."""


@dataclass(frozen=True, eq=False)
class SensorTile:
    """One sensor on the map.

    Parameters
    ----------
    name, title : str
        Of the camera, and for people (``Right / IR 1``).
    corners : (R, C) int64
        In each cell.
    spots : (N, 2) float64
        Corners as shares of width and height.
    views : int
        Good pictures.
    share : float
        Of the cells that are covered.
    error_px : float
        Of the calibration; NaN before one.
    is_doubtful : bool
        Whether somebody should look at it.
    """

    name: str
    title: str
    corners: npt.NDArray[np.int64]
    spots: npt.NDArray[np.float64]
    views: int
    share: float
    error_px: float = float("nan")
    is_doubtful: bool = False


class CoverageView(QWidget):
    """The maps of all sensors in a grid of three columns."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tiles: tuple[SensorTile, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName("Coverage of each sensor")

    def show_tiles(self, tiles: Sequence[SensorTile]) -> None:
        """Show what the sensors have seen."""
        self._tiles = tuple(tiles)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(900, 560)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), color("panel"))
        if not self._tiles:
            draw_text(painter, QRectF(self.rect()), "No picture of a board yet", font(13), color("text2"), CENTER)
            return
        columns = min(3, len(self._tiles))
        rows = math.ceil(len(self._tiles) / columns)
        width = (self.width() - 24 - (columns - 1) * _GAP) / columns
        height = (self.height() - 16 - (rows - 1) * _GAP) / rows
        for i, tile in enumerate(self._tiles):
            at = QPointF(12 + (i % columns) * (width + _GAP), 8 + (i // columns) * (height + _GAP))
            self._paint_tile(painter, tile, QRectF(at.x(), at.y(), width, height))

    def _paint_tile(self, painter: QPainter, tile: SensorTile, cell: QRectF) -> None:
        draw_text(painter, QRectF(cell.x(), cell.y(), cell.width(), _HEAD), tile.title, font(12, 600), color("text"))
        rows, columns = tile.corners.shape
        room = QRectF(cell.x(), cell.y() + _HEAD, cell.width() - _SIDE, cell.height() - _HEAD)
        side = min(room.width() / columns, room.height() / rows)
        picture = QRectF(room.x(), room.y(), side * columns, side * rows)
        painter.fillRect(picture, color("canvas"))
        deep = QColor(color("fill"))
        for row in range(rows):
            for column in range(columns):
                box = QRectF(picture.x() + column * side, picture.y() + row * side, side - 1, side - 1)
                count = int(tile.corners[row, column])
                if count < 3:
                    painter.fillRect(box, QBrush(color("line"), Qt.BrushStyle.BDiagPattern))
                else:
                    deep.setAlphaF(0.2 + 0.6 * min(count / _FULL, 1.0))
                    painter.fillRect(box, deep)
        painter.setPen(QPen(color("text"), 1.6))
        painter.drawPoints(
            [QPointF(picture.x() + u * picture.width(), picture.y() + v * picture.height()) for u, v in tile.spots]
        )
        self._paint_figures(painter, tile, QRectF(picture.right() + 10, room.y(), _SIDE, room.height()))

    def _paint_figures(self, painter: QPainter, tile: SensorTile, room: QRectF) -> None:
        ink = color("amber" if tile.is_doubtful else "text")
        error = "–" if math.isnan(tile.error_px) else f"{tile.error_px:.3f}\N{NO-BREAK SPACE}px"
        lines = (
            (error, "error"),
            (f"{tile.share:.0%}".replace("%", "\N{NO-BREAK SPACE}%"), "of the area"),
            (f"{tile.views}", "poses"),
        )
        for i, (figure, words) in enumerate(lines):
            top = room.y() + 38 * i
            if top + 32 > room.bottom():
                break
            draw_text(painter, QRectF(room.x(), top, room.width(), 17), figure, font(13, 600), ink, LEFT)
            draw_text(painter, QRectF(room.x(), top + 16, room.width(), 16), words, font(11), color("text2"), LEFT)
        if tile.is_doubtful:
            draw_icon(painter, QPointF(room.x(), room.y() + 116), "warning-fill", "amber", 14)


class PoseBars(QWidget):
    """The error of each pose; those that fit worse are marked by colour and sign."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._errors: Mapping[int, float] = {}
        self._doubtful: frozenset[int] = frozenset()
        self.setFixedHeight(150)
        self.setAccessibleName("Error of each pose")

    def show_errors(self, errors: Mapping[int, float], doubtful: Sequence[int] = ()) -> None:
        """Show the error of each pose, px."""
        self._errors, self._doubtful = dict(errors), frozenset(doubtful)
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), color("panel"))
        head = QRectF(12, 4, self.width() - 24, 20)
        draw_text(painter, head, "Error of each pose, px", font(12, 600), color("text"))
        if not self._errors:
            note = QRectF(self.rect()).adjusted(12, 24, -12, -8)
            draw_text(painter, note, "Known after Calibrate", font(12), color("text2"), CENTER)
            return
        room = QRectF(46, 32, self.width() - 58, self.height() - 52)
        top = max(self._errors.values()) * 1.15
        for share in (0.0, 0.5, 1.0):
            y = room.bottom() - share * room.height()
            painter.setPen(QPen(color("line"), 1))
            painter.drawLine(QPointF(room.x(), y), QPointF(room.right(), y))
            draw_text(painter, QRectF(4, y - 8, 38, 16), f"{top * share:.2f}", font(11), color("text2"), LEFT)
        step = room.width() / len(self._errors)
        for i, (pose, error) in enumerate(self._errors.items()):
            tall = room.height() * error / top
            box = QRectF(room.x() + i * step, room.bottom() - tall, max(step - 3, 1), tall)
            is_bad = pose in self._doubtful
            painter.fillRect(box, color("amber" if is_bad else "accent"))
            if is_bad:
                draw_icon(painter, QPointF(box.center().x() - 6, box.y() - 14), "warning-fill", "amber", 12)
            if i == 0 or (i + 1) % 10 == 0:
                text = QRectF(box.x() - 10, room.bottom() + 2, step + 20, 16)
                draw_text(painter, text, f"{pose}", font(11), color("text2"), CENTER)
