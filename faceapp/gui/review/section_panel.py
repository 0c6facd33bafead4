"""A plane through the face: where it cuts scan and registration, and a slider that moves it."""

from __future__ import annotations

import math

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.core.arrays import FloatArray
from faceapp.core.mesh import Mesh
from faceapp.geometry.plane_section import plane_section
from faceapp.gui.theme import MARKS, color, font
from faceapp.gui.view3d.overlay import Strokes, nice_length
from faceapp.gui.widgets.buttons import Segmented
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.painting import CENTER, draw_text

_STEPS_PER_MM = 4
_AXES = {"sagittal": 0, "horizontal": 1, "frontal": 2}
_ACROSS = {0: (2, 1), 1: (0, 2), 2: (0, 1)}
_DOWN = {1}
"""Axes whose section is seen from above: the front of the face is at the bottom."""


class SectionPlot(QWidget):
    """Both contours in their plane, to scale; the wheel zooms, a drag shifts, a double click shows all."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(60)
        self._contours: tuple[FloatArray, FloatArray] = (np.zeros((0, 2, 2)), np.zeros((0, 2, 2)))
        self._zoom, self._centre = 1.0, np.zeros(2)
        self._box = np.array([[-100.0, -100.0], [100.0, 100.0]])
        self._grip: QPointF | None = None

    @property
    def contours(self) -> tuple[FloatArray, FloatArray]:
        """(N, 2, 2) segments of the scan and of the result, mm in the plane."""
        return self._contours

    def set_contours(self, scan: FloatArray, result: FloatArray, new_plane: bool) -> None:
        """Show the segments, (N, 2, 2) mm; the zoom stays while the plane only moves."""
        self._contours = scan, result
        points = result.reshape(-1, 2) if len(result) else scan.reshape(-1, 2)
        if len(points):
            self._box = np.array([points.min(axis=0), points.max(axis=0)])
            if new_plane or self._zoom == 1:
                self._show_all()
        self.update()

    def _show_all(self) -> None:
        self._zoom, self._centre = 1.0, self._box.mean(axis=0)

    @property
    def _pixels_per_mm(self) -> float:
        width, height = np.maximum(self._box[1] - self._box[0], 1.0)
        return float(min((self.width() - 32) / width, (self.height() - 20) / height)) * self._zoom

    @override
    def sizeHint(self) -> QSize:
        return QSize(300, 160)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for segments, ink, width in (
            (self._contours[0], color("text2"), 2.4),
            (self._contours[1], color("accent"), 1.4),
        ):
            painter.setPen(QPen(QColor(ink), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
            painter.drawLines(self._lines(segments))
        mm = nice_length(max(0.01, 90 / max(self._pixels_per_mm, 1e-6)))
        length = mm * self._pixels_per_mm
        right, y = self.width() - 14, self.height() - 10
        painter.setPen(QPen(color("text2"), 1.5))
        painter.drawLine(QLineF(right - length, y, right, y))
        words = f"{mm:g}\N{NO-BREAK SPACE}mm"
        draw_text(painter, QRectF(right - length, y - 18, length, 16), words, font(11, 600), color("text2"), CENTER)

    def _lines(self, segments: FloatArray) -> list[QLineF]:
        scale = self._pixels_per_mm
        middle = np.array([self.width() / 2, self.height() / 2])
        ends = middle + (segments - self._centre) * scale * [1.0, -1.0]
        flat = ends.reshape(-1, 4)
        seen = ~((flat.max(axis=1) < -1e5) | (flat.min(axis=1) > 1e5))
        return [QLineF(*row) for row in flat[seen].tolist()]

    @override
    def wheelEvent(self, event: QWheelEvent) -> None:
        factor = 1.2 ** (event.angleDelta().y() / 120)
        under = self._mm_at(event.position())
        self._zoom = min(max(self._zoom * factor, 1.0), 200.0)
        if self._zoom == 1:
            self._show_all()
        else:
            self._centre += under - self._mm_at(event.position())
        self.update()
        event.accept()

    def _mm_at(self, at: QPointF) -> FloatArray:
        away = np.array([at.x() - self.width() / 2, self.height() / 2 - at.y()])
        return self._centre + away / max(self._pixels_per_mm, 1e-6)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._grip = event.position()

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        if self._grip is not None:
            self._centre = self._centre + self._mm_at(self._grip) - self._mm_at(event.position())
            self._grip = event.position()
            self.update()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grip = None

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._show_all()
        self.update()


class SectionPanel(QWidget):
    """Direction and place of the plane, and the plot.

    Signals
    -------
    moved()
        The plane was moved or turned: `strokes` are other ones.
    """

    moved = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scan: Mesh | None = None
        self._result: Mesh | None = None
        self._cuts: tuple[FloatArray, FloatArray] = (np.zeros((0, 2, 3)), np.zeros((0, 2, 3)))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(8)
        titles = (("sagittal", "Profile"), ("horizontal", "Across"), ("frontal", "Front"))
        self.direction = Segmented(titles, padding=20)
        self.direction.changed.connect(lambda _: self._turned())
        self.place = QSlider(Qt.Orientation.Horizontal)
        self.place.setAccessibleName("Where the plane cuts")
        self.place.valueChanged.connect(lambda _: self._cut(False))
        self.at = label("", "secondary")
        self.at.setFixedWidth(72)
        self.at.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.direction)
        row.addWidget(self.place, 1)
        row.addWidget(self.at)
        column.addLayout(row)
        self.plot = SectionPlot()
        column.addWidget(self.plot, 1)

    @property
    def axis(self) -> int:
        """Which coordinate is the same all over the plane."""
        return _AXES[self.direction.current]

    @property
    def strokes(self) -> tuple[Strokes, ...]:
        """Both contours for a 3D view."""
        inks = (MARKS.white, MARKS.active)
        return tuple(Strokes(cut, ink, 1.6, near_half=True) for cut, ink in zip(self._cuts, inks, strict=True))

    def show_meshes(self, scan: Mesh | None, result: Mesh | None) -> None:
        """Cut these; the plane stays where it is as far as it still meets them."""
        self._scan, self._result = scan, result
        self._set_range(keep=True)
        self._cut(False)

    def step(self, mm: float) -> None:
        """Move the plane."""
        self.place.setValue(self.place.value() + round(mm * _STEPS_PER_MM))

    def _turned(self) -> None:
        self._set_range(keep=False)
        self._cut(True)

    def _set_range(self, keep: bool) -> None:
        mesh = self._result or self._scan
        if mesh is None or not len(mesh.vertices):
            return
        values = mesh.vertices[:, self.axis]
        low, high = math.floor(float(values.min())), math.ceil(float(values.max()))
        fresh = not keep or self.place.minimum() == 0 == self.place.value()
        self.place.blockSignals(True)
        self.place.setRange(low * _STEPS_PER_MM, high * _STEPS_PER_MM)
        if fresh:
            middle = float(np.median(values)) if self.axis == 0 else low + 0.55 * (high - low)
            self.place.setValue(round(middle * _STEPS_PER_MM))
        self.place.blockSignals(False)

    def _cut(self, new_plane: bool) -> None:
        axis, at = self.axis, self.place.value() / _STEPS_PER_MM
        self.at.setText(f"{'xyz'[axis]} {at:+.1f}\N{NO-BREAK SPACE}mm".replace("-", "−"))
        empty = np.zeros((0, 2, 3))
        cuts = [
            empty if m is None else plane_section(m.vertices, m.faces, axis, at) for m in (self._scan, self._result)
        ]
        self._cuts = cuts[0], cuts[1]
        across = list(_ACROSS[axis])
        signs = np.array([1.0, -1.0 if axis in _DOWN else 1.0])
        flat = [cut[..., across] * signs for cut in self._cuts]
        self.plot.set_contours(flat[0], flat[1], new_plane)
        self.moved.emit()
