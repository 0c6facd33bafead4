"""Strokes that several widgets and delegates share; each is cheap enough for a table's cell."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen

from faceapp.gui.theme import color, pixmap

VCENTER = Qt.AlignmentFlag.AlignVCenter
LEFT = Qt.AlignmentFlag.AlignLeft | VCENTER
RIGHT = Qt.AlignmentFlag.AlignRight | VCENTER
CENTER = Qt.AlignmentFlag.AlignCenter


def draw_icon(painter: QPainter, at: QPointF, name: str, token: str, size: int = 16) -> None:
    """Draw an icon with its top-left corner at ``at``."""
    device = painter.device()
    ratio = device.devicePixelRatioF() if device is not None else 1.0
    painter.drawPixmap(QPointF(round(at.x()), round(at.y())), pixmap(name, token, size, ratio))


def draw_text(
    painter: QPainter,
    rect: QRectF | QRect,
    text: str,
    what: QFont,
    ink: QColor,
    align: Qt.AlignmentFlag = LEFT,
) -> float:
    """Draw one line, elided where it does not fit; return the width drawn."""
    metrics = QFontMetricsF(what)
    shown = text
    if metrics.horizontalAdvance(text) > rect.width() + 0.5:
        shown = metrics.elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
    painter.setFont(what)
    painter.setPen(ink)
    painter.drawText(QRectF(rect), int(align), shown)
    return metrics.horizontalAdvance(shown)


def fill_rounded(painter: QPainter, rect: QRectF, ground: QColor, radius: float, rim: QColor | None = None) -> None:
    """Fill a rounded rectangle, with a 1 px rim inside it if one is given."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(ground)
    if rim is None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawRoundedRect(rect, radius, radius)
    else:
        painter.setPen(QPen(rim, 1))
        painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)


def draw_bar(painter: QPainter, rect: QRectF, fraction: float, token: str) -> None:
    """Draw a progress bar: a track and the part of it that is done."""
    radius = rect.height() / 2
    fill_rounded(painter, rect, color("line"), radius)
    if fraction > 0:
        done = QRectF(rect)
        done.setWidth(max(rect.height(), rect.width() * min(1.0, fraction)))
        fill_rounded(painter, done, color(token), radius)


def draw_focus(painter: QPainter, rect: QRectF, radius: float = 6) -> None:
    """Draw the 2 px focus ring inside a rectangle."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(color("focus"), 2))
    painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), radius - 1, radius - 1)
