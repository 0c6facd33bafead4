"""What a QPainter draws over a 3D picture: axes, scale, colour bar, captions."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen

from faceapp.gui.plots.colorbar import draw_color_bar
from faceapp.gui.theme import MARKS, color, font
from faceapp.gui.view3d.camera import OrbitCamera
from faceapp.gui.view3d.layers import Scalars
from faceapp.gui.widgets.chips import draw_chip
from faceapp.gui.widgets.painting import CENTER, LEFT, RIGHT, draw_text, fill_rounded

_HALO = QColor(0, 0, 0, 150)
_LONGEST = 140.0  # px of the scale bar
SCALE_ROOM = _LONGEST + 14
"""Pixels from the right edge that the scale bar may need."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """Lines in space that are drawn over a picture.

    Parameters
    ----------
    segments : (N, 2, 3) array_like
        Ends, rig frame, mm.
    ink : str
        ``#RRGGBB``.
    width : float
        Pixels.
    labels : tuple of str
        At the far ends; fewer, or none, leave the rest without.
    near_half : bool
        Whether what is farther than their middle is left out: a head hides it.
    """

    segments: npt.ArrayLike
    ink: str
    width: float = 1.5
    labels: tuple[str, ...] = ()
    near_half: bool = False


def draw_strokes(painter: QPainter, camera: OrbitCamera, frame: QRectF, strokes: Strokes) -> None:
    """Draw lines in space with a halo, and their labels on plates."""
    segments = np.asarray(strokes.segments, np.float64).reshape(-1, 2, 3)
    pixels, depths = camera.project(segments.reshape(-1, 3), frame.width(), frame.height())
    ends = pixels.reshape(-1, 2, 2)
    known = np.asarray(np.isfinite(ends).all(axis=(1, 2)))
    if strokes.near_half and len(depths):
        known &= depths.reshape(-1, 2).mean(axis=1) < (depths.min() + depths.max()) / 2
    lines = [QLineF(*(float(x) for x in pair.ravel())) for pair in ends[known]]
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    cap = Qt.PenCapStyle.RoundCap
    for ink, width in ((_HALO, strokes.width + 2.2), (QColor(strokes.ink), strokes.width)):
        painter.setPen(QPen(ink, width, Qt.PenStyle.SolidLine, cap))
        painter.drawLines(lines)
    for text, (_, end), shown in zip(strokes.labels, ends, known.tolist(), strict=False):
        if text and shown:
            draw_chip(painter, QPointF(float(end[0]) + 8, float(end[1]) - 12), text)


def draw_axes(painter: QPainter, camera: OrbitCamera, at: QPointF, length: float = 26) -> None:
    """Draw the axes of the rig frame with their letters."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    inks = (MARKS.axis_x, MARKS.axis_y, MARKS.axis_z)
    local = camera.rotation.T  # rows: x, y, z in right, up, back
    for axis in np.argsort(local[:, 2]):
        dx, dy = float(local[axis, 0]) * length, -float(local[axis, 1]) * length
        ink = QColor(inks[axis])
        painter.setPen(QPen(ink, 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        painter.drawLine(QLineF(at, QPointF(at.x() + dx, at.y() + dy)))
        grow = (length + 9) / length
        box = QRectF(at.x() + dx * grow - 8, at.y() + dy * grow - 8, 16, 16)
        if math.hypot(dx, dy) > 5:
            draw_text(painter, box, "xyz"[axis], font(11, 600), ink, CENTER)


def nice_length(most_mm: float) -> float:
    """Return the largest of 1, 2, 5, 10, 20, … mm that is not above ``most_mm``."""
    if most_mm <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(most_mm))
    return max(step * power for step in (1, 2, 5) if step * power <= most_mm * 1.0000001)


def draw_scale(painter: QPainter, camera: OrbitCamera, frame: QRectF, height: float) -> None:
    """Draw the scale bar at the lower right of ``frame`` in a view ``height`` high; it holds where the focus is."""
    mm_per_pixel = camera.mm_per_pixel(height)
    length = nice_length(min(_LONGEST, frame.width() / 4) * mm_per_pixel)
    width = length / mm_per_pixel
    right, y = frame.right() - 14, frame.bottom() - 14
    ink = color("text2")
    painter.setPen(QPen(ink, 1.5))
    painter.drawLine(QLineF(right - width, y, right, y))
    painter.drawLine(QLineF(right - width, y - 4, right - width, y + 0.5))
    painter.drawLine(QLineF(right, y - 4, right, y + 0.5))
    text = f"{length:g}\N{NO-BREAK SPACE}mm" if length >= 1 else f"{length * 1000:g}\N{NO-BREAK SPACE}µm"
    box = QRectF(right - max(width, 60), y - 20, max(width, 60), 16)
    draw_text(painter, box, text, font(11, 600), ink, CENTER if width >= 60 else RIGHT)


def draw_caption(painter: QPainter, at: QPointF, text: str, right: bool = False) -> None:
    """Draw a caption on a faint plate, ``at`` its lower left (or right) corner."""
    width = QFontMetricsF(font(11, 500)).horizontalAdvance(text) + 14
    plate = QRectF(round(at.x() - (width if right else 0)), at.y() - 20, width, 20)
    fill_rounded(painter, plate, color("view_bottom", 0.72), 5)
    draw_text(painter, plate, text, font(11, 500), color("text2"), CENTER)


def bar_plate(frame: QRectF) -> QRectF:
    """Return where the plate of the colour bar stands."""
    return QRectF(frame.left() + 10, frame.bottom() - 10 - 64, min(316.0, frame.width() - 20), 64)


def draw_bar_panel(painter: QPainter, bar: Scalars, frame: QRectF) -> QRectF:
    """Draw the colour bar on a plate at the lower left; return the plate."""
    plate = bar_plate(frame)
    fill_rounded(painter, plate, color("panel", 0.86), 8)
    inner = plate.adjusted(12, 6, -12, -6)
    draw_text(painter, QRectF(inner.x(), inner.y(), inner.width(), 18), bar.title, font(12), color("text"), LEFT)
    strip = QRectF(inner.x(), inner.y() + 20, inner.width(), 32)
    draw_color_bar(painter, strip, bar.colormap, bar.low, bar.high, bar.unit)
    return plate
