"""Landmarks as strokes on a picture, in screen pixels whatever the zoom; for 2D and 3D views alike."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

from faceapp.core.arrays import FloatArray
from faceapp.core.landmarks import LandmarkScheme, PlacedBy, Visibility
from faceapp.gui.theme import MARKS, font
from faceapp.gui.widgets.chips import draw_chip
from faceapp.gui.widgets.painting import CENTER, draw_text, fill_rounded


@dataclass(frozen=True, eq=False)
class MarkSet:
    """Everything that is drawn, in screen pixels.

    Parameters
    ----------
    xy : (n, 2) float64
        Where; NaN is not drawn.
    placed_by, visibility : sequence
        Of each point.
    scheme : LandmarkScheme
        Curves and names.
    active_group : str
        Drawn larger, in cyan.
    active_point, hover : int
        -1 for none.
    selection : collection of int
        Points with the hover ring.
    residuals : mapping
        Of a point: the screen position that other views want, and mm.
    others : sequence of (str, (n, 2) array)
        Initials and points of other annotators.
    small : bool
        Whether other groups are dots of 3 px.
    label : bool
        Whether the active point has its name beside it.
    hidden : (n,) bool, optional
        Points behind the surface, drawn faint.
    sigma : (n,) float64, optional
        How uncertain each point is, screen pixels; a broken ring shows it where it is more than the point itself.
    locked : collection of int
        Points that stay, drawn as squares.
    names : bool
        Whether the points of the active group have their names beside them.
    """

    xy: FloatArray
    placed_by: Sequence[PlacedBy]
    visibility: Sequence[Visibility]
    scheme: LandmarkScheme
    active_group: str = ""
    active_point: int = -1
    hover: int = -1
    selection: Collection[int] = ()
    residuals: Mapping[int, tuple[float, float, float]] | None = None
    others: Sequence[tuple[str, FloatArray]] = ()
    small: bool = False
    label: bool = True
    hidden: npt.NDArray[np.bool_] | None = None
    sigma: FloatArray | None = None
    locked: Collection[int] = ()
    names: bool = False


def draw_marks(painter: QPainter, marks: MarkSet, frame: QRectF, clip: QRectF | None = None) -> None:
    """Draw curves, then points, then what belongs to the active one.

    Parameters
    ----------
    painter : QPainter
        In screen coordinates.
    marks : MarkSet
        What to draw.
    frame : QRectF
        The view; labels stay inside, points outside it become wedges.
    clip : QRectF, optional
        The part that needs painting.
    """
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    group = next((g for g in marks.scheme.groups if g.name == marks.active_group), None)
    active = frozenset(group.indices) if group else frozenset[int]()
    _draw_curves(painter, marks, active)
    near = (clip or frame).adjusted(-24, -24, 24, 24)
    for i, (x, y) in enumerate(marks.xy.tolist()):
        if x == x and near.contains(x, y) and i not in active:
            _draw_point(painter, marks, i, QPointF(x, y), False)
    for i in active:
        x, y = (float(value) for value in marks.xy[i])
        if x == x and near.contains(x, y):
            _draw_point(painter, marks, i, QPointF(x, y), True)
    if marks.sigma is not None and not marks.small:
        _draw_doubts(painter, marks, near)
    if marks.names and not marks.small:
        draw_names(painter, marks, sorted(active), frame)
    for initials, points in marks.others:
        for x, y in points.tolist():
            if x == x and near.contains(x, y):
                draw_plus(painter, QPointF(x, y), initials if len(marks.others) and not marks.small else "")
    if marks.residuals and not marks.small:
        for i, (u, v, mm) in marks.residuals.items():
            if mm >= 1 and np.isfinite(marks.xy[i]).all():
                _draw_residual(painter, QPointF(*marks.xy[i]), QPointF(u, v), mm)
    for i in {marks.hover, *marks.selection} - {-1, marks.active_point}:
        if np.isfinite(marks.xy[i]).all():
            _haloed_ring(painter, QPointF(*marks.xy[i]), MARKS.ring_hover, _ink(MARKS.white))
    if marks.active_point >= 0 and np.isfinite(marks.xy[marks.active_point]).all():
        at = QPointF(*marks.xy[marks.active_point])
        if frame.contains(at):
            draw_cursor(painter, at)
            if marks.label and not marks.small:
                _draw_label(painter, at, marks, frame)
        else:
            _draw_wedge(painter, at, frame)
    painter.restore()


def reach(marks: MarkSet, index: int) -> QRectF:
    """Return the screen rectangle that a point, its curves and its label touch, for repainting."""
    if index < 0 or not np.isfinite(marks.xy[index]).all():
        return QRectF()
    touched = [index]
    edges = marks.scheme.edges
    touched += edges[edges[:, 0] == index, 1].tolist() + edges[edges[:, 1] == index, 0].tolist()
    xy = marks.xy[touched]
    xy = xy[np.isfinite(xy).all(axis=1)]
    low, high = xy.min(axis=0), xy.max(axis=0)
    result = QRectF(low[0], low[1], high[0] - low[0], high[1] - low[1]).adjusted(-22, -22, 22, 22)
    if index == marks.active_point:
        width = QFontMetricsF(font(12, 600)).horizontalAdvance(point_title(marks.scheme, index)) + 50
        x, y = marks.xy[index]
        result = result.united(QRectF(x - width, y - 46, 2 * width, 92))
    return result


def point_title(scheme: LandmarkScheme, index: int) -> str:
    """Return number and name of a point as people read them."""
    words = re.sub(r"(?<=[a-z])(?=\d)", " ", scheme.names[index].replace("_", " "))
    return f"{index}  {words}"


@functools.cache
def _ink(value: str, alpha: float = 1.0) -> QColor:
    result = QColor(value)
    result.setAlphaF(alpha)
    return result


@functools.cache
def _pen(value: str, width: float, alpha: float = 1.0, dashed: bool = False) -> QPen:
    pen = QPen(_ink(value, alpha), width)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap if dashed else Qt.PenCapStyle.RoundCap)
    if dashed:
        pen.setDashPattern([3.5, 3.5])
    return pen


def _halo(width: float, alpha: float = MARKS.halo_alpha) -> QPen:
    return _pen("#000000", width + 2 * MARKS.halo_width, alpha)


def _draw_curves(painter: QPainter, marks: MarkSet, active: frozenset[int]) -> None:
    solid: list[QLineF] = []
    dashed: list[QLineF] = []
    loud: list[QLineF] = []
    loud_dashed: list[QLineF] = []
    xy = marks.xy
    for a, b in marks.scheme.edges.tolist():
        if not (xy[a, 0] == xy[a, 0] and xy[b, 0] == xy[b, 0]):
            continue
        segment = QLineF(xy[a, 0], xy[a, 1], xy[b, 0], xy[b, 1])
        unseen = Visibility.OCCLUDED in (marks.visibility[a], marks.visibility[b])
        if marks.hidden is not None and (marks.hidden[a] or marks.hidden[b]):
            unseen = True
        if a in active and b in active:
            (loud_dashed if unseen else loud).append(segment)
        else:
            (dashed if unseen else solid).append(segment)
    # The halo of a thin curve is weaker: at full strength it would be the loudest line on the face.
    painter.setPen(_halo(MARKS.curve, 0.30))
    painter.drawLines(solid)
    painter.setPen(_pen(MARKS.white, MARKS.curve, MARKS.curve_alpha))
    painter.drawLines(solid)
    painter.setPen(_pen(MARKS.white, MARKS.curve, MARKS.curve_alpha, True))
    painter.drawLines(dashed)
    painter.setPen(_halo(MARKS.curve_active))
    painter.drawLines(loud)
    painter.setPen(_pen(MARKS.active, MARKS.curve_active))
    painter.drawLines(loud)
    painter.setPen(_pen(MARKS.active, MARKS.curve_active, 1.0, True))
    painter.drawLines(loud_dashed)


def _draw_point(painter: QPainter, marks: MarkSet, index: int, at: QPointF, active: bool) -> None:
    hidden = marks.hidden is not None and bool(marks.hidden[index])
    if (marks.small and not active) or (hidden and not active):
        painter.setPen(_pen("#000000", 1, 0.5 if not hidden else 0.25))
        painter.setBrush(_ink(MARKS.white, 0.9 if not hidden else 0.4))
        painter.drawEllipse(at, 1.5, 1.5)
        return
    ink = MARKS.active if active else MARKS.white
    diameter = MARKS.ring_active if active else MARKS.ring
    if marks.visibility[index] is Visibility.OCCLUDED:
        draw_diamond(painter, at, diameter, ink)
    elif index in marks.locked:
        draw_square(painter, at, diameter, ink)
    elif marks.placed_by[index] is PlacedBy.PERSON:
        draw_disc(painter, at, diameter, ink)
    else:
        _haloed_ring(painter, at, diameter, _ink(ink))


def _haloed_ring(painter: QPainter, at: QPointF, diameter: float, ink: QColor) -> None:
    radius = diameter / 2
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(_halo(MARKS.stroke))
    painter.drawEllipse(at, radius, radius)
    painter.setPen(QPen(ink, MARKS.stroke))
    painter.drawEllipse(at, radius, radius)


def draw_disc(painter: QPainter, at: QPointF, diameter: float, ink: str) -> None:
    """Draw the mark of a point that a person placed."""
    radius = (diameter + MARKS.stroke) / 2
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_ink("#000000", MARKS.halo_alpha))
    painter.drawEllipse(at, radius + MARKS.halo_width, radius + MARKS.halo_width)
    painter.setBrush(_ink(ink))
    painter.drawEllipse(at, radius, radius)


def draw_square(painter: QPainter, at: QPointF, diameter: float, ink: str) -> None:
    """Draw the mark of a locked point."""
    r = diameter / 2
    rect = QRectF(at.x() - r, at.y() - r, diameter, diameter)
    painter.setPen(_halo(MARKS.stroke))
    painter.setBrush(_ink(ink))
    painter.drawRect(rect)
    painter.setPen(_pen(ink, MARKS.stroke))
    painter.drawRect(rect)


def _draw_doubts(painter: QPainter, marks: MarkSet, near: QRectF) -> None:
    """Draw a broken ring of one sigma round the points that nobody has placed and that are uncertain."""
    assert marks.sigma is not None
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(_pen(MARKS.residual, 1.2, 0.9, True))
    for i in np.flatnonzero(np.nan_to_num(marks.sigma) > MARKS.ring_active).tolist():
        x, y = marks.xy[i]
        if marks.placed_by[i] is not PlacedBy.PERSON and x == x and near.contains(x, y):
            painter.drawEllipse(QPointF(x, y), marks.sigma[i], marks.sigma[i])


def draw_names(painter: QPainter, marks: MarkSet, indices: Sequence[int], frame: QRectF) -> None:
    """Write names beside points, each where it covers no other name."""
    taken: list[QRectF] = []
    metrics = QFontMetricsF(font(11))
    middle = np.nanmean(marks.xy[list(indices)], axis=0) if len(indices) else np.zeros(2)
    for i in indices:
        x, y = (float(v) for v in marks.xy[i])
        if x != x or i == marks.active_point or not frame.contains(x, y):
            continue
        text = point_title(marks.scheme, i)
        width = metrics.horizontalAdvance(text) + 10
        sides = ((x + 9, y - 8), (x - 9 - width, y - 8), (x - width / 2, y - 26), (x - width / 2, y + 10))
        places = [QRectF(left, top, width, 16) for left, top in sides]
        out_x, out_y = x - float(middle[0]), y - float(middle[1])
        outward = [p.center().x() * out_x + p.center().y() * out_y for p in places]
        places = [places[k] for k in np.argsort(outward)[::-1]]
        free = [p for p in places if frame.contains(p) and not any(p.intersects(other) for other in taken)]
        if free:
            taken.append(free[0])
            fill_rounded(painter, free[0], _ink("#0E0F11", 0.82), 4)
            draw_text(painter, free[0], text, font(11), _ink(MARKS.white), CENTER)


def draw_diamond(painter: QPainter, at: QPointF, diameter: float, ink: str) -> None:
    """Draw the mark of an occluded point."""
    r = diameter / 2 * 1.25
    shape = QPolygonF([QPointF(at.x(), at.y() - r), QPointF(at.x() + r, at.y()), QPointF(at.x(), at.y() + r)])
    shape.append(QPointF(at.x() - r, at.y()))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(_halo(MARKS.stroke))
    painter.drawPolygon(shape)
    painter.setPen(_pen(ink, MARKS.stroke))
    painter.drawPolygon(shape)


def draw_cursor(painter: QPainter, at: QPointF) -> None:
    """Draw the ring and the four ticks of the active point."""
    r = MARKS.ring_cursor / 2
    inner, outer = r - 2.5, r + MARKS.tick
    ticks = [
        QLineF(at.x() + dx * inner, at.y() + dy * inner, at.x() + dx * outer, at.y() + dy * outer)
        for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))
    ]
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(_halo(MARKS.stroke))
    painter.drawEllipse(at, r, r)
    painter.drawLines(ticks)
    painter.setPen(_pen(MARKS.cursor, MARKS.stroke))
    painter.drawEllipse(at, r, r)
    painter.drawLines(ticks)


def draw_plus(painter: QPainter, at: QPointF, initials: str = "") -> None:
    """Draw the mark of another annotator."""
    r = 4.5
    lines = [QLineF(at.x() - r, at.y(), at.x() + r, at.y()), QLineF(at.x(), at.y() - r, at.x(), at.y() + r)]
    painter.setPen(_halo(MARKS.stroke))
    painter.drawLines(lines)
    painter.setPen(_pen(MARKS.other, MARKS.stroke))
    painter.drawLines(lines)
    if initials:
        rect = QRectF(at.x() + 7, at.y() + 3, QFontMetricsF(font(11, 600)).horizontalAdvance(initials) + 8, 16)
        fill_rounded(painter, rect, _ink("#0E0F11", 0.82), 4)
        draw_text(painter, rect, initials, font(11, 600), _ink(MARKS.other), CENTER)


def _draw_residual(painter: QPainter, at: QPointF, wanted: QPointF, mm: float) -> None:
    segment = QLineF(at, wanted)
    painter.setPen(_halo(2.0))
    painter.drawLine(segment)
    painter.setPen(_pen(MARKS.residual, 2.0))
    painter.drawLine(segment)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_ink(MARKS.residual))
    painter.drawEllipse(wanted, 2.5, 2.5)
    text = f"{mm:.2f}\N{NO-BREAK SPACE}mm"
    width = QFontMetricsF(font(12, 600)).horizontalAdvance(text) + 16
    left = wanted.x() + 8 if wanted.x() >= at.x() else wanted.x() - 8 - width
    draw_chip(painter, QPointF(left, wanted.y() - 11), text, MARKS.residual)


def _draw_label(painter: QPainter, at: QPointF, marks: MarkSet, frame: QRectF) -> None:
    text = point_title(marks.scheme, marks.active_point)
    width = QFontMetricsF(font(12, 600)).horizontalAdvance(text) + 16
    x = at.x() + 20 if at.x() + 24 + width < frame.right() else at.x() - 20 - width
    y = at.y() + 11 if at.y() + 38 < frame.bottom() else at.y() - 33
    draw_chip(painter, QPointF(x, y), text)


def _draw_wedge(painter: QPainter, at: QPointF, frame: QRectF) -> None:
    """Point from the edge of the view to what lies outside it."""
    inner = frame.adjusted(14, 14, -14, -14)
    x = min(max(at.x(), inner.left()), inner.right())
    y = min(max(at.y(), inner.top()), inner.bottom())
    dx, dy = at.x() - x, at.y() - y
    length = max(1e-6, float(np.hypot(dx, dy)))
    dx, dy = dx / length, dy / length
    shape = QPainterPath(QPointF(x + 9 * dx, y + 9 * dy))
    shape.lineTo(QPointF(x - 3 * dx - 6 * dy, y - 3 * dy + 6 * dx))
    shape.lineTo(QPointF(x - 3 * dx + 6 * dy, y - 3 * dy - 6 * dx))
    shape.closeSubpath()
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(_halo(MARKS.stroke))
    painter.drawPath(shape)
    painter.setPen(_pen(MARKS.cursor, MARKS.stroke))
    painter.drawPath(shape)
