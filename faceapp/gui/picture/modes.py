"""What the left button does on a picture, and how a stroke under way looks."""

from __future__ import annotations

import enum
from collections.abc import Sequence

from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from faceapp.gui.theme import MARKS


@enum.unique
class Mode(enum.Enum):
    """What the left button does."""

    SELECT = "select"
    CURVE = "curve"
    CLICKS = "clicks"


def draw_stroke(painter: QPainter, points: Sequence[QPointF]) -> None:
    """Draw the line that a person is drawing, in screen pixels."""
    if not points:
        return
    line = QPolygonF(list(points))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for width, ink in ((MARKS.curve_active + 2 * MARKS.halo_width, "#000000"), (2.0, MARKS.cursor)):
        painter.setPen(QPen(QColor(ink), width))
        painter.drawPolyline(line)
