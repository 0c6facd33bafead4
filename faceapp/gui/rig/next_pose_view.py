"""The next useful pose of the board, drawn as a camera would see it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from faceapp.calibration.coverage import NextPose
from faceapp.calibration.rotations import rotation_of
from faceapp.gui.theme import color, font
from faceapp.gui.widgets.painting import CENTER, draw_text

_DISTANCE = 3.2
_COLUMNS, _ROWS = 14, 11


class NextPoseView(QWidget):
    """A drawing of a board; between two groups it stands half turned to each."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pose: NextPose | None = None
        self.setFixedHeight(150)
        self.setAccessibleName("Next pose of the board")

    def show_pose(self, pose: NextPose | None) -> None:
        """Draw a pose; ``None`` where nothing is missing."""
        self._pose = pose
        self.setAccessibleDescription(pose.text if pose is not None else "Nothing is missing")
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(340, 150)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), color("canvas"))
        if self._pose is None:
            draw_text(painter, QRectF(self.rect()), "Nothing is missing", font(13), color("text2"), CENTER)
            return
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_board(painter, self._pose)

    def _turn(self, pose: NextPose) -> np.ndarray:
        if len(pose.groups) == 2:
            # Half way from the middle to the group at its side; the subject's left is at the right of the picture.
            sign = -1.0 if "left" in pose.groups else 1.0
            return rotation_of([0.0, sign * np.radians(28.0), 0.0])
        angle, tilt = np.radians(pose.direction_deg), np.radians(pose.tilt_deg)
        return rotation_of(tilt * np.array([np.sin(angle), -np.cos(angle), 0.0]))

    def _paint_board(self, painter: QPainter, pose: NextPose) -> None:
        scale = self.height() * 1.55
        middle = np.array([self.width() / 2, self.height() / 2])
        frame = self.height() * 0.94
        picture = QRectF(middle[0] - frame * 0.625, middle[1] - frame / 2, frame * 1.25, frame)
        painter.setPen(QPen(color("line"), 1, Qt.PenStyle.DashLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(picture)
        shift = (np.array(pose.corner) - 0.5) * (picture.width(), picture.height()) * 0.55
        turn = self._turn(pose)

        def spot(u: float, v: float) -> QPointF:
            place = turn @ np.array([(u - _COLUMNS / 2) / _ROWS, (v - _ROWS / 2) / _ROWS, 0.0])
            x, y = middle + shift + scale * place[:2] / (_DISTANCE + place[2])
            return QPointF(x, y)

        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color("plate_text"))
        painter.drawPolygon(QPolygonF([spot(0, 0), spot(_COLUMNS, 0), spot(_COLUMNS, _ROWS), spot(0, _ROWS)]))
        painter.setBrush(color("plate"))
        for row in range(_ROWS):
            for column in range(row % 2, _COLUMNS, 2):
                square = [spot(column + i, row + j) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1))]
                painter.drawPolygon(QPolygonF(square))
