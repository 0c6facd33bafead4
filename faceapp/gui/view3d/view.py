"""The 3D view: VTK's picture painted by Qt, moved by our own camera."""

from __future__ import annotations

import logging
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QLinearGradient, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from faceapp.core.landmarks import Landmarks3D, LandmarkScheme
from faceapp.gui.picture.marks import MarkSet, draw_marks
from faceapp.gui.theme import color
from faceapp.gui.view3d.canvas import Canvas
from faceapp.gui.view3d.layers import Scalars, bar_of
from faceapp.gui.view3d.overlay import (
    SCALE_ROOM,
    Strokes,
    bar_plate,
    draw_axes,
    draw_bar_panel,
    draw_caption,
    draw_scale,
    draw_strokes,
)
from faceapp.gui.view3d.picking import Pick
from faceapp.gui.widgets.chips import chip_width, draw_chip, draw_chips
from faceapp.gui.widgets.painting import draw_icon

_log = logging.getLogger(__name__)
_GRIP = 12  # px either side of the divider
_BAR_FROM, _SCALE_FROM = 260, 300  # px of the view from which there is room for them
_WIDE = 400  # px from which the name of the active point has its place
_ON_MARK = 9.0  # px within which the mouse is on a landmark


class View3D(Canvas):
    """Clouds and meshes with landmarks.

    Left button turns, middle or Shift with left shifts, the wheel zooms, a double click sets the focus. VTK draws on
    a thread of its own: a proxy while the camera moves, the whole picture when it rests.

    Signals
    -------
    picked(object)
        A `Pick`, on a click without a drag; ``None`` beside everything.
    landmarkClicked(int)
        A click on a landmark.
    landmarkMoved(int, float, float, float)
        A landmark was dragged over the surface (`set_editable`) and released, rig frame, mm.
    cameraChanged()
    splitChanged(float)
    """

    picked = Signal(object)
    landmarkClicked = Signal(int)  # noqa: N815 - Qt names
    landmarkMoved = Signal(int, float, float, float)  # noqa: N815
    splitChanged = Signal(float)  # noqa: N815

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self._compare_titles = ("", "")
        self._split = 0.5
        self._fade: float | None = None
        self._strokes: tuple[Strokes, ...] = ()
        self._landmarks: Landmarks3D | None = None
        self._scheme: LandmarkScheme | None = None
        self._group, self._point, self._hover = "", -1, -1
        self._editable = False
        self._chips: tuple[str, ...] = ()
        self._caption, self._credit = "", ""
        self._decorations = True
        self._press: QPointF | None = None
        self._last = QPointF()
        self._dragged = False
        self._drag_what = ""
        self._drag_position: npt.NDArray[np.float64] | None = None

    # What is painted over the picture

    def set_landmarks(self, landmarks: Landmarks3D | None, scheme: LandmarkScheme | None = None) -> None:
        """Show landmarks over the picture; the scheme is kept once given."""
        self._landmarks, self._scheme = landmarks, scheme or self._scheme
        if self._wants_depth != (landmarks is not None):
            self._wants_depth = landmarks is not None
            self.refresh()
        self.update()

    def set_active(self, group: str, point: int = -1) -> None:
        """Mark a group and a point."""
        self._group, self._point = group, point
        self.update()

    def set_editable(self, editable: bool) -> None:
        """Allow landmarks to be dragged over the surface."""
        self._editable = editable

    def set_chips(self, *texts: str) -> None:
        """Show plates at the upper left."""
        self._chips = tuple(text for text in texts if text)
        self.update()

    def set_caption(self, caption: str, credit: str = "") -> None:
        """Show a caption at the lower left and whose data it is at the lower right."""
        self._caption, self._credit = caption, credit
        self.update()

    def set_decorations(self, shown: bool) -> None:
        """Show axes, scale and colour bar, or leave them out (small views)."""
        self._decorations = shown
        self.update()

    def set_compare(
        self, left: Collection[str] = (), right: Collection[str] = (), titles: tuple[str, str] = ("", "")
    ) -> None:
        """Split the view by a line that can be dragged: these layers left of it, those right; nothing ends it."""
        self._compare = (tuple(left), tuple(right)) if left or right else None
        self._compare_titles = titles
        self.refresh()

    def set_fade(self, opacity: float | None) -> None:
        """Lay the right side of a comparison over the left at an opacity, 0 to 1; ``None``: beside it again."""
        self._fade = None if opacity is None else min(1.0, max(0.0, opacity))
        self.update()

    @property
    def fade(self) -> float | None:
        """Opacity of what lies over the other side, or ``None`` where the line divides them."""
        return self._fade

    def set_strokes(self, *strokes: Strokes) -> None:
        """Draw lines in space over the picture."""
        self._strokes = strokes
        self.update()

    @property
    def split(self) -> float:
        """Where the dividing line stands, 0 to 1."""
        return self._split

    def set_split(self, split: float) -> None:
        """Move the dividing line."""
        self._split = min(1.0, max(0.0, split))
        self.splitChanged.emit(self._split)
        self.update()

    def screenshot(self, decorations: bool = True) -> QImage:
        """Return the whole picture as it is shown, with marks and decorations or bare."""
        self.finish()
        width, height = self._pixel_size()
        image = QImage(width, height, QImage.Format.Format_RGB32)
        image.setDevicePixelRatio(self.devicePixelRatioF())
        painter = QPainter(image)
        self._paint(painter, decorations)
        painter.end()
        return image

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            if not self._closed:
                self._paint(painter, True)
        except Exception:  # Qt would abort
            _log.exception("the 3D view could not be painted")
            painter.fillRect(self.rect(), color("canvas"))

    def _paint(self, painter: QPainter, decorations: bool) -> None:
        if not self._fresh:
            self._ask_proxy()
        frame = QRectF(self.rect())
        self._paint_ground(painter, frame)
        x = frame.width() * self._split
        if self._picture is not None:
            self._paint_picture(painter, self._picture.images[0])
            if self._compare is not None and len(self._picture.images) > 1:
                painter.save()
                if self._fade is None:
                    painter.setClipRect(QRectF(x, 0, frame.width() - x, frame.height()))
                else:
                    painter.setOpacity(self._fade)
                self._paint_picture(painter, self._picture.images[1])
                painter.restore()
        for strokes in self._strokes:
            draw_strokes(painter, self.shown_camera, frame, strokes)
        self._paint_landmarks(painter, frame)
        if decorations:
            self._paint_decorations(painter, frame)
        if self._compare is not None and self._fade is None:
            self._paint_divider(painter, frame, x)

    def _paint_ground(self, painter: QPainter, frame: QRectF) -> None:
        ground = QLinearGradient(frame.topLeft(), frame.bottomLeft())
        ground.setColorAt(0, color("view_top"))
        ground.setColorAt(1, color("view_bottom"))
        painter.fillRect(frame, ground)

    def _paint_picture(self, painter: QPainter, image: QImage) -> None:
        """Draw a picture of VTK's; one of another size, or from before a change of size, keeps its proportions."""
        width = self.height() * image.width() / max(1, image.height())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, image.height() != self._pixel_size()[1])
        painter.drawImage(QRectF((self.width() - width) / 2, 0, width, self.height()), image)

    def _marks(self) -> MarkSet | None:
        if self._landmarks is None or self._scheme is None or len(self._landmarks.points) != len(self._scheme):
            return None
        points = self._landmarks.points
        if self._drag_position is not None and self._drag_what == "mark":
            points = points.copy()
            points[self._point] = self._drag_position
        xy, depth = self.shown_camera.project(points, self.width(), self.height())
        return MarkSet(
            xy,
            self._landmarks.placed_by,
            self._landmarks.visibility,
            self._scheme,
            self._group,
            self._point,
            self._hover,
            label=self.width() >= _WIDE,
            hidden=self._behind(xy, depth),
        )

    def _behind(self, xy: npt.NDArray[np.float64], depth: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_] | None:
        """Return which points lie behind the surface, by the depth of the last picture."""
        depths = self._picture.depths if self._picture is not None else None
        if depths is None:
            return None
        height, width = depths.shape
        at = np.nan_to_num(xy * (width / max(1, self.width())), nan=-1.0)
        inside = (at >= 0).all(axis=1) & (at[:, 0] < width) & (at[:, 1] < height)
        column = np.clip(at[:, 0], 0, width - 1).astype(int)
        row = np.clip(height - 1 - at[:, 1], 0, height - 1).astype(int)
        return inside & (depth > depths[row, column] + 4.0)

    def _paint_landmarks(self, painter: QPainter, frame: QRectF) -> None:
        marks = self._marks()
        if marks is not None:
            draw_marks(painter, marks, frame)

    def _paint_decorations(self, painter: QPainter, frame: QRectF) -> None:
        draw_chips(painter, QPointF(10, 10), self._chips)
        bottom = frame.bottom()
        if not self._decorations:
            if self._caption:
                draw_chip(painter, QPointF(10, bottom - 32), self._caption)
            return
        left = 14.0
        bar = self._bar()
        scale_frame = self.scale_frame(frame)
        if bar is not None and frame.width() > _BAR_FROM:
            draw_bar_panel(painter, bar, frame)
        elif frame.width() > 200:
            draw_axes(painter, self.shown_camera, QPointF(38, bottom - 40))
            left = 72.0
        if self._caption and bar is None:
            draw_caption(painter, QPointF(left, bottom - 8), self._caption)
        has_scale = frame.width() > _SCALE_FROM
        if has_scale:
            draw_scale(painter, self.shown_camera, scale_frame, frame.height())
        if self._credit:
            draw_caption(painter, QPointF(frame.right() - (172 if has_scale else 10), bottom - 8), self._credit, True)

    def scale_frame(self, frame: QRectF) -> QRectF:
        """Return the part of the view in whose corner the scale stands: beside the colour bar, else above it."""
        plate = bar_plate(frame)
        covered = self._bar() is not None and plate.right() + 16 > frame.right() - SCALE_ROOM
        return frame.adjusted(0, 0, 0, plate.top() - frame.bottom()) if covered else frame

    def _bar(self) -> Scalars | None:
        bars = (bar_of(layer.data, layer.style, layer.scalars) for layer in self._layers.visible.values())
        return next((bar for bar in bars if bar is not None), None)

    def _paint_divider(self, painter: QPainter, frame: QRectF, x: float) -> None:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(Qt.GlobalColor.white, 2))
        painter.drawLine(QPointF(x, 0), QPointF(x, frame.bottom()))
        painter.setBrush(Qt.GlobalColor.white)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawEllipse(QPointF(x, frame.center().y()), 13, 13)
        draw_icon(painter, QPointF(x - 7, frame.center().y() - 7), "arrows-left-right", "#1E2023", 14)
        left, right = self._compare_titles
        y = frame.bottom() - 66
        if left:
            draw_chip(painter, QPointF(x - 12 - chip_width(left), y), left)
        if right:
            draw_chip(painter, QPointF(x + 12, y), right)

    # Mouse

    def pick(self, x: float, y: float) -> Pick | None:
        """Return what lies under a point of the widget."""
        camera = self.camera
        origin, direction = camera.ray(x, y, self.width(), self.height())
        reach = camera.clipping[1] * 1.5 + camera.distance
        return self._layers.pick(origin, direction, reach, camera.mm_per_pixel(self.height()))

    def landmark_at(self, x: float, y: float) -> int:
        """Return the landmark under a point of the widget, or -1; points behind the surface do not count."""
        marks = self._marks()
        if marks is None:
            return -1
        distance = np.hypot(marks.xy[:, 0] - x, marks.xy[:, 1] - y)
        if marks.hidden is not None:
            distance = np.where(marks.hidden, np.inf, distance)
        distance = np.nan_to_num(distance, nan=np.inf)
        index = int(distance.argmin())
        return index if distance[index] <= _ON_MARK else -1

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._press = self._last = event.position()
        self._dragged = False
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        on_divider = self._on_divider(event.position())
        mark = self.landmark_at(event.position().x(), event.position().y())
        if event.button() == Qt.MouseButton.MiddleButton or (event.button() == Qt.MouseButton.LeftButton and shift):
            self._drag_what = "pan"
        elif event.button() != Qt.MouseButton.LeftButton:
            self._drag_what = ""
        elif on_divider:
            self._drag_what = "split"
        elif self._editable and mark >= 0:
            self._drag_what, self._point = "mark", mark
        else:
            self._drag_what = "turn"
        self._flight = None
        self._busy = self._drag_what in ("turn", "pan")

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        now = event.position()
        if self._press is None:
            self._hover_at(now)
            return
        if not self._dragged and (now - self._press).manhattanLength() < 4:
            return
        self._dragged = True
        delta = now - self._last
        self._last = now
        if self._drag_what == "turn":
            self.set_camera(self.camera.turned(delta.x(), delta.y(), self.height()))
        elif self._drag_what == "pan":
            self.set_camera(self.camera.panned(delta.x(), delta.y(), self.height()))
        elif self._drag_what == "split":
            self.set_split(now.x() / max(1, self.width()))
        elif self._drag_what == "mark":
            hit = self.pick(now.x(), now.y())
            if hit is not None:
                self._drag_position = hit.position
                self.update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if self._press is None:
            return
        self._press = None
        self._busy = False
        what, self._drag_what = self._drag_what, ""
        if what == "mark" and self._drag_position is not None:
            x, y, z = (float(v) for v in self._drag_position)
            self._drag_position = None
            self.landmarkMoved.emit(self._point, x, y, z)
        elif not self._dragged and event.button() == Qt.MouseButton.LeftButton and what != "split":
            mark = self.landmark_at(event.position().x(), event.position().y())
            if mark >= 0:
                self.landmarkClicked.emit(mark)
            else:
                self.picked.emit(self.pick(event.position().x(), event.position().y()))
        self.update()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        hit = self.pick(event.position().x(), event.position().y())
        if hit is not None:
            self.fly_to(self.camera.focused(hit.position))

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        steps = event.angleDelta().y() / 120
        if steps:
            self.set_camera(self.camera.zoomed(1.15**steps))
        event.accept()

    def _on_divider(self, at: QPointF) -> bool:
        divided = self._compare is not None and self._fade is None
        return divided and abs(at.x() - self.width() * self._split) <= _GRIP

    def _hover_at(self, at: QPointF) -> None:
        self.setCursor(Qt.CursorShape.SplitHCursor if self._on_divider(at) else Qt.CursorShape.ArrowCursor)
        mark = self.landmark_at(at.x(), at.y())
        if mark != self._hover:
            self._hover = mark
            self.update()
