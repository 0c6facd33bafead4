"""The large picture with its landmarks: zoom under the cursor, drag, place on release."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from faceapp.core.arrays import FloatArray
from faceapp.gui.picture.canvas import PictureCanvas
from faceapp.gui.picture.marks import MarkSet, draw_cursor, draw_marks, reach
from faceapp.gui.picture.model import LandmarkModel
from faceapp.gui.picture.modes import Mode, draw_stroke
from faceapp.gui.theme import MARKS, color, theme
from faceapp.gui.widgets.chips import CHIP_HEIGHT, draw_chip

_ON_MARK = 10.0  # px within which a press takes a point


class PictureView(PictureCanvas):
    """A picture of up to 24 megapixels with landmarks.

    The wheel zooms under the cursor; the middle button, Space-free dragging beside a point, or Shift and drag shift
    the picture. A press within 10 px of a point and 4 px of movement drag it, with Ctrl along its curve (`set_slider`);
    a click moves the nearest point of the active group. The model changes when the button is released. In
    `Mode.CURVE` the left button draws, in `Mode.CLICKS` it gives places, one a click.

    Parameters
    ----------
    model : LandmarkModel, optional
        Landmarks and state of editing; without it a plain picture viewer.
    small : bool
        Whether this is a small side view: other groups as dots, no labels.
    editable : bool
        Whether the mouse moves points.

    Signals
    -------
    pointMoving(int, float, float)
        While a point is dragged, picture coordinates.
    pointMoved(int, float, float)
        A point was placed; the model has it already.
    pointClicked(int)
        A press on a point without a drag.
    strokeDrawn(object)
        (m, 2) picture coordinates of what was drawn in `Mode.CURVE`.
    placeGiven(float, float)
        A click in `Mode.CLICKS`, picture coordinates.
    hovered(float, float)
        The cursor, picture coordinates; NaN when it left.
    viewChanged()
        Zoom or position changed.
    """

    pointMoving = Signal(int, float, float)  # noqa: N815 - Qt names
    pointMoved = Signal(int, float, float)  # noqa: N815
    pointClicked = Signal(int)  # noqa: N815
    strokeDrawn = Signal(object)  # noqa: N815
    placeGiven = Signal(float, float)  # noqa: N815
    hovered = Signal(float, float)

    def __init__(
        self,
        model: LandmarkModel | None = None,
        small: bool = False,
        editable: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._small, self._editable = small, editable
        self._model: LandmarkModel | None = None
        self._stop: Callable[[], None] = lambda: None
        self._chips: tuple[str, ...] = ()
        self._foot = ""
        self._show_marks, self._show_zoom = True, not small
        self._hover, self._dragging = -1, -1
        self._drag_at: tuple[float, float] | None = None
        self._grab = QPointF()
        self._press: QPointF | None = None
        self._press_mark = -1
        self._panning = False
        self._moved = False
        self._mode = Mode.SELECT
        self._stroke: list[tuple[float, float]] = []
        self._places: list[tuple[float, float]] = []
        self._slider: Callable[[int, float, float], tuple[float, float]] | None = None
        self._names = False
        self._blink = QTimer(self)
        self._blink.setInterval(350)
        self._blink.timeout.connect(self._toggle_blink)
        theme().changed.connect(self._restyle)
        self._restyle()
        self.set_model(model)

    # What is shown

    def set_model(self, model: LandmarkModel | None) -> None:
        """Show and edit other landmarks."""
        self._stop()
        self._model = model
        self._hover = self._dragging = -1
        self._stop = model.on_change(self._model_changed) if model is not None else lambda: None
        self._model_changed()

    @property
    def model(self) -> LandmarkModel | None:
        """Landmarks and state of editing."""
        return self._model

    def set_chips(self, *texts: str, foot: str = "") -> None:
        """Show plates at the upper left (the zoom is added) and one at the lower left."""
        self._chips, self._foot = tuple(t for t in texts if t), foot
        self.viewport().update()

    def set_marks_shown(self, shown: bool) -> None:
        """Show or hide the landmarks."""
        self._show_marks = shown
        self.viewport().update()

    @property
    def marks_shown(self) -> bool:
        """Whether landmarks are shown."""
        return self._show_marks

    def set_names(self, shown: bool) -> None:
        """Show the names of the active group's points beside them."""
        self._names = shown
        self.viewport().update()

    @property
    def mode(self) -> Mode:
        """What the left button does."""
        return self._mode

    def set_mode(self, mode: Mode) -> None:
        """Let the left button do something else; what was begun is forgotten."""
        self._mode = mode
        self._stroke, self._places = [], []
        self._press = None
        cross = mode is not Mode.SELECT
        self.viewport().setCursor(Qt.CursorShape.CrossCursor if cross else Qt.CursorShape.ArrowCursor)
        self.viewport().update()

    def set_slider(self, slide: Callable[[int, float, float], tuple[float, float]] | None) -> None:
        """Say where a point goes that is dragged with Ctrl to some picture coordinates."""
        self._slider = slide

    def set_blinking(self, on: bool) -> None:
        """Let the landmarks blink."""
        if on:
            self._blink.start()
        else:
            self._blink.stop()
            self.set_marks_shown(True)

    def _toggle_blink(self) -> None:
        self.set_marks_shown(not self._show_marks)

    def _restyle(self) -> None:
        self.setBackgroundBrush(color("canvas"))
        self.viewport().update()

    def _model_changed(self) -> None:
        self.viewport().update()

    def show_points(self, indices: npt.ArrayLike, margin: float = 0.6) -> None:
        """Zoom to some points with a margin relative to their extent; does nothing where none is placed."""
        if self._model is None:
            return
        xy = self._model.landmarks.points[np.asarray(indices, int)]
        xy = xy[np.isfinite(xy).all(axis=1)]
        if not len(xy):
            return
        low, high = xy.min(axis=0), xy.max(axis=0)
        extent = max(float((high - low).max()), 20.0)
        grow = extent * margin
        self._show(QRectF(low[0], low[1], high[0] - low[0], high[1] - low[1]).adjusted(-grow, -grow, grow, grow))
        self._fitted = False

    # Painting

    def _screen(self, points: FloatArray) -> FloatArray:
        t = self.viewportTransform()
        return points * (t.m11(), t.m22()) + (t.dx(), t.dy())

    def marks(self) -> MarkSet | None:
        """Return what is drawn, in screen pixels."""
        model = self._model
        if model is None:
            return None
        points = model.landmarks.points
        if self._drag_at is not None and self._dragging >= 0:
            points = points.copy()
            points[self._dragging] = self._drag_at
        t = self.viewportTransform()
        sigma = model.landmarks.sigma
        residuals = {i: (u * t.m11() + t.dx(), v * t.m22() + t.dy(), mm) for i, (u, v, mm) in model.residuals.items()}
        return MarkSet(
            self._screen(points),
            model.landmarks.placed_by,
            model.landmarks.visibility,
            model.scheme,
            model.active_group,
            model.active_point,
            self._hover,
            model.selection,
            residuals,
            [(other.initials, self._screen(other.points)) for other in model.others],
            self._small,
            sigma=None if sigma is None else sigma * t.m11(),
            locked=model.locked,
            names=self._names,
        )

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self.viewport())
        frame = QRectF(self.viewport().rect())
        painter.setClipRegion(event.region())
        if self._show_marks:
            marks = self.marks()
            if marks is not None:
                draw_marks(painter, marks, frame, QRectF(event.rect()))
        self._paint_drawing(painter)
        texts = list(self._chips)
        if self._show_zoom and self._item.pyramid is not None:
            texts.append(f"{self.zoom * 100:.0f}\N{NO-BREAK SPACE}%")
        x = 10.0
        for text in texts:
            x = draw_chip(painter, QPointF(x, 10), text).right() + 8
        if self._foot:
            draw_chip(painter, QPointF(10, frame.bottom() - 10 - CHIP_HEIGHT), self._foot)

    def _paint_drawing(self, painter: QPainter) -> None:
        """Draw the stroke under way, and the places given so far."""
        draw_stroke(painter, [self.to_screen(u, v) for u, v in self._stroke])
        for u, v in self._places:
            draw_cursor(painter, self.to_screen(u, v))

    def _update_around(self, *rects: QRectF) -> None:
        for rect in rects:
            if not rect.isEmpty():
                self.viewport().update(rect.toAlignedRect().adjusted(-2, -2, 2, 2))

    # Mouse

    def mark_at(self, at: QPointF) -> int:
        """Return the point under the cursor, one of the active group before others; -1 for none."""
        if self._model is None or not self._show_marks:
            return -1
        u, v = self.to_picture(at)
        for only_active in (True, False):
            if only_active and self._model.group is None:
                continue
            index, distance = self._model.nearest(u, v, only_active)
            if distance * self.zoom <= _ON_MARK:
                return index
        return -1

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._press, self._moved, self._panning = event.position(), False, False
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        left = event.button() == Qt.MouseButton.LeftButton
        if left and not shift and self._mode is not Mode.SELECT:
            self._press_mark = -1
            self._stroke = [self.to_picture(event.position())] if self._mode is Mode.CURVE else []
            event.accept()
            return
        self._press_mark = self.mark_at(event.position()) if left and self._editable and not shift else -1
        if event.button() == Qt.MouseButton.MiddleButton or (left and self._press_mark < 0):
            self._panning = True
            self._grab = event.position()
        elif self._press_mark >= 0 and self._model is not None:
            self._grab = event.position() - self.to_screen(*self._model.landmarks.points[self._press_mark])
        event.accept()

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        now = event.position()
        self.hovered.emit(*self.to_picture(now))
        if self._press is None:
            self._set_hover(self.mark_at(now) if self._editable else -1)
            return
        if not self._moved and (now - self._press).manhattanLength() < MARKS.drag_threshold:
            return
        self._moved = True
        if self._stroke:
            self._stroke.append(self.to_picture(now))
            self.viewport().update()
        elif self._panning:
            self._shift(self._grab - now)
            self._grab = now
            self._fitted = False
            self._view_changed()
        elif self._press_mark >= 0 and self._model is not None:
            self._drag_to(now - self._grab, bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier))

    def _drag_to(self, at: QPointF, along: bool) -> None:
        assert self._model is not None
        first = self._dragging < 0
        if first:
            self._dragging = self._press_mark
            self._model.activate_point(self._press_mark)
        before = self.marks()
        u, v = self.to_picture(at)
        if along and self._slider is not None:
            u, v = self._slider(self._dragging, u, v)
        self._drag_at = (u, v)
        after = self.marks()
        assert before is not None and after is not None
        self._update_around(reach(before, self._dragging), reach(after, self._dragging))
        self.pointMoving.emit(self._dragging, u, v)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            return
        self._press = None
        if self._mode is not Mode.SELECT and not self._panning:
            self._give(event.position())
            return
        dragged, at = self._dragging, self._drag_at
        self._dragging, self._drag_at = -1, None
        if self._model is None or event.button() != Qt.MouseButton.LeftButton:
            return
        if dragged >= 0 and at is not None:
            self._place(dragged, *at)
        elif not self._moved and self._press_mark >= 0:
            self._model.activate_point(self._press_mark)
            self.pointClicked.emit(self._press_mark)
        elif not self._moved and self._editable and self._item.pyramid is not None:
            u, v = self.to_picture(event.position())
            target = self._model.target_of_click(u, v)
            if target >= 0 and self._model.group is not None and self._item.boundingRect().contains(u, v):
                self._model.active_point = target
                self._place(target, u, v)

    def _give(self, at: QPointF) -> None:
        """Hand out the stroke that was drawn, or the place that was clicked."""
        stroke, self._stroke = self._stroke, []
        u, v = self.to_picture(at)
        if self._mode is Mode.CURVE and self._moved:
            self.strokeDrawn.emit(np.array(stroke))
        elif self._mode is Mode.CLICKS and not self._moved and self._item.boundingRect().contains(u, v):
            self._places.append((u, v))
            self.placeGiven.emit(u, v)
        self.viewport().update()

    def _place(self, index: int, u: float, v: float) -> None:
        assert self._model is not None
        self._model.place(index, u, v)
        self.pointMoved.emit(index, u, v)

    def cancel_drag(self) -> bool:
        """Put the dragged point back; return whether there was one."""
        was = self._dragging >= 0
        self._press, self._dragging, self._drag_at = None, -1, None
        self.viewport().update()
        return was

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if steps:
            self.zoom_to(self.zoom * 1.2**steps, event.position())
        event.accept()

    @override
    def leaveEvent(self, event: QEvent) -> None:
        self._set_hover(-1)
        self.hovered.emit(float("nan"), float("nan"))

    def _set_hover(self, index: int) -> None:
        if index == self._hover:
            return
        before, self._hover = self._hover, index
        if self._mode is not Mode.SELECT:
            return
        self.viewport().setCursor(Qt.CursorShape.PointingHandCursor if index >= 0 else Qt.CursorShape.ArrowCursor)
        marks = self.marks()
        if marks is not None:
            self._update_around(*(reach(marks, i) for i in (before, index) if i >= 0))
