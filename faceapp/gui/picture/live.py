"""The live pictures of several cameras in one widget: whole pictures, never cropped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QImage, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from faceapp.gui.theme import color, font
from faceapp.gui.widgets.chips import CHIP_HEIGHT, draw_chip, draw_chips
from faceapp.gui.widgets.painting import CENTER, draw_text

_OVER = (255, 70, 70, 235)
_OVER_GAP = (255, 70, 70, 110)
_UNDER = (70, 130, 255, 235)
_UNDER_GAP = (70, 130, 255, 60)
_LARGEST = 1000  # px a side of the exposure mask: coarser than the picture, fast enough for every frame


@dataclass(eq=False)
class _Tile:
    name: str
    labels: tuple[str, ...]
    foot: str = ""
    pixels: npt.NDArray[np.uint8] | None = None  # kept: the QImage looks into its memory
    image: QImage | None = None
    aids: QImage | None = None
    photograph: bool = True
    guide: bool = False
    note: str = ""


def exposure_mask(pixels: npt.NDArray[np.uint8], over: int = 250, under: int = 6) -> npt.NDArray[np.uint8]:
    """Return (h, w, 4) RGBA: hatched red where the sensor is full, dotted blue where it sees nothing."""
    step = max(1, math.ceil(max(pixels.shape[:2]) / _LARGEST))
    small = pixels[::step, ::step]
    high = small if small.ndim == 2 else np.maximum(np.maximum(small[..., 0], small[..., 1]), small[..., 2])
    height, width = high.shape
    row, column = np.ogrid[:height, :width]
    hatch = ((row + column) % 8) < 4
    dots = ((row % 5) < 2) & ((column % 5) < 2)
    mask = np.zeros((height, width, 4), np.uint8)
    full, empty = high >= over, high <= under
    mask[full] = _OVER_GAP
    mask[full & hatch] = _OVER
    mask[empty] = _UNDER_GAP
    mask[empty & dots] = _UNDER
    return mask


class LiveView(QWidget):
    """N camera pictures in a grid.

    Signals
    -------
    clicked(str), doubleClicked(str)
        Name of the camera.
    """

    clicked = Signal(str)
    doubleClicked = Signal(str)  # noqa: N815 - a Qt name

    def __init__(self, columns: int = 1, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._columns = columns
        self._tiles: dict[str, _Tile] = {}
        self._over, self._under = True, False
        self._selected = ""
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)

    def set_cameras(self, cameras: Sequence[tuple[str, Sequence[str]]], columns: int) -> None:
        """Lay the grid out: names with the plates of each (``Right``, ``IR 1``), and how many columns."""
        old = self._tiles
        self._tiles = {name: old.get(name, _Tile(name, tuple(labels))) for name, labels in cameras}
        for name, labels in cameras:
            self._tiles[name].labels = tuple(labels)
        self._columns = max(1, columns)
        self.update()

    def set_aids(self, over: bool, under: bool = False) -> None:
        """Show where the sensor is full (red, hatched) and where it sees nothing (blue, dotted)."""
        self._over, self._under = over, under
        for tile in self._tiles.values():
            self._mask(tile)
        self.update()

    def set_picture(self, name: str, pixels: npt.NDArray[np.uint8] | None, aids: bool = True) -> None:
        """Show (H, W) grey or (H, W, 3) RGB; the array must not change afterwards. Unknown names do nothing.

        ``aids``: whether it is a photograph, whose exposure is marked.
        """
        tile = self._tiles.get(name)
        if tile is None:
            return
        if pixels is None:
            tile.pixels = tile.image = tile.aids = None
        else:
            tile.pixels = np.ascontiguousarray(pixels, np.uint8)
            height, width = tile.pixels.shape[:2]
            grey = tile.pixels.ndim == 2
            kind = QImage.Format.Format_Grayscale8 if grey else QImage.Format.Format_RGB888
            tile.image = QImage(tile.pixels.data, width, height, width * (1 if grey else 3), kind)
            tile.photograph = aids
            self._mask(tile)
        self.update(self.tile_rect(name))

    def set_foot(self, name: str, foot: str) -> None:
        """Show a plate at the foot: distance, gain, frames a second."""
        if name in self._tiles:
            self._tiles[name].foot = foot
            self.update(self.tile_rect(name))

    def set_note(self, name: str, note: str) -> None:
        """Say why there is no picture."""
        if name in self._tiles:
            self._tiles[name].note = note
            self.update(self.tile_rect(name))

    def set_guide(self, name: str, shown: bool) -> None:
        """Show the corners of the frame in which the head should be."""
        if name in self._tiles:
            self._tiles[name].guide = shown
            self.update(self.tile_rect(name))

    def set_selected(self, name: str) -> None:
        """Draw a ring round a camera; empty for none."""
        self._selected = name
        self.update()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the cameras, in the order of the grid."""
        return tuple(self._tiles)

    def _mask(self, tile: _Tile) -> None:
        tile.aids = None
        if tile.pixels is not None and tile.photograph and (self._over or self._under):
            mask = exposure_mask(tile.pixels, 250 if self._over else 256, 6 if self._under else -1)
            if mask[..., 3].any():
                height, width = mask.shape[:2]
                tile.aids = QImage(mask.data, width, height, width * 4, QImage.Format.Format_RGBA8888).copy()

    def tile_rect(self, name: str) -> QRect:
        """Return the cell of a camera."""
        names = list(self._tiles)
        if name not in names:
            return QRect()
        i = names.index(name)
        rows = math.ceil(len(names) / self._columns)
        column, row = i % self._columns, i // self._columns
        left, right = (round(c * (self.width() + 1) / self._columns) for c in (column, column + 1))
        top, bottom = (round(r * (self.height() + 1) / rows) for r in (row, row + 1))
        return QRect(left, top, right - left - 1, bottom - top - 1)

    def picture_rect(self, name: str) -> QRectF:
        """Return where the whole picture stands in its cell."""
        cell = QRectF(self.tile_rect(name))
        image = self._tiles[name].image if name in self._tiles else None
        if image is None or cell.isEmpty():
            return cell
        factor = min(cell.width() / image.width(), cell.height() / image.height())
        result = QRectF(0, 0, image.width() * factor, image.height() * factor)
        result.moveCenter(cell.center())
        return result

    @override
    def sizeHint(self) -> QSize:
        return QSize(344, 275 * max(1, math.ceil(len(self._tiles) / self._columns)))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(event.rect(), color("line"))
        for name, tile in self._tiles.items():
            cell = self.tile_rect(name)
            if event.region().intersects(cell):  # not its bounds: pictures of two corners do not dirty the rest
                self._paint_tile(painter, tile, QRectF(cell))

    def _paint_tile(self, painter: QPainter, tile: _Tile, cell: QRectF) -> None:
        painter.fillRect(cell, color("canvas"))
        where = self.picture_rect(tile.name)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if tile.image is not None:
            painter.drawImage(where, tile.image)
            if tile.aids is not None:
                painter.drawImage(where, tile.aids)
        else:
            draw_text(painter, cell, tile.note or "No picture yet", font(12), color("text2"), CENTER)
        if tile.guide:
            _draw_corners(painter, where)
        draw_chips(painter, QPointF(cell.x() + 8, cell.y() + 8), tile.labels)
        if tile.foot:
            draw_chip(painter, QPointF(cell.x() + 8, cell.bottom() - 8 - CHIP_HEIGHT), tile.foot)
        if tile.name == self._selected:
            painter.setPen(QPen(color("focus"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(cell.adjusted(1, 1, -1, -1))

    def _name_at(self, at: QPointF) -> str:
        return next((name for name in self._tiles if self.tile_rect(name).contains(at.toPoint())), "")

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        name = self._name_at(event.position())
        if name and event.button() == Qt.MouseButton.LeftButton:
            self.clicked.emit(name)

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        name = self._name_at(event.position())
        if name:
            self.doubleClicked.emit(name)


def _draw_corners(painter: QPainter, where: QRectF) -> None:
    """Draw four corners round the middle, where the head should be."""
    box = QRectF(0, 0, where.height() * 0.52, where.height() * 0.78)
    box.moveCenter(where.center())
    arm = 12.0
    painter.setPen(QPen(QColor("#4CC38A"), 2))
    for x, sx in ((box.left(), 1), (box.right(), -1)):
        for y, sy in ((box.top(), 1), (box.bottom(), -1)):
            painter.drawLine(QPointF(x, y), QPointF(x + sx * arm, y))
            painter.drawLine(QPointF(x, y), QPointF(x, y + sy * arm))
