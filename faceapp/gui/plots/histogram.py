"""A histogram whose bars have the colours of the map beside it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QLineF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from faceapp.gui.plots.colorbar import number_text
from faceapp.gui.theme import color, font
from faceapp.gui.theme.colormaps import colorize
from faceapp.gui.widgets.painting import CENTER, draw_text


class Histogram(QWidget):
    """Counts over a range, root scale by default so that rare large errors are seen.

    Parameters
    ----------
    bins : int
        How many bars.
    colormap : str
        Colours of the bars.
    """

    def __init__(self, bins: int = 60, colormap: str = "vik", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bins, self._colormap = bins, colormap
        self._counts = np.zeros(bins)
        self._low, self._high, self._unit = -1.0, 1.0, ""
        self._limits: tuple[float, ...] = ()
        self._root = True
        self._colors = np.zeros((bins, 3), np.uint8)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    @property
    def counts(self) -> npt.NDArray[np.float64]:
        """Counts of the bars; what lies outside the range is in the first and the last."""
        return self._counts

    def set_values(
        self,
        values: npt.ArrayLike,
        low: float,
        high: float,
        unit: str = "mm",
        limits: tuple[float, ...] = (),
        colormap: str | None = None,
        root: bool = True,
    ) -> None:
        """Show values.

        Parameters
        ----------
        values : array_like
            Not finite ones are left out.
        low, high : float
            Range; what lies outside counts in the outermost bars.
        unit : str
            Of the values.
        limits : tuple of float
            Dashed lines.
        colormap : str, optional
            Another map.
        root : bool
            Heights by the root of the counts.
        """
        numbers = np.asarray(values, np.float64).ravel()
        numbers = np.clip(numbers[np.isfinite(numbers)], low, high)
        self._counts, edges = np.histogram(numbers, self._bins, (low, high))
        self._counts = self._counts.astype(np.float64)
        self._low, self._high, self._unit, self._limits, self._root = low, high, unit, limits, root
        self._colormap = colormap or self._colormap
        self._colors = colorize((edges[:-1] + edges[1:]) / 2, self._colormap, low, high)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(300, 180)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        area = QRectF(12, 8, self.width() - 24, self.height() - 34)
        heights = np.sqrt(self._counts) if self._root else self._counts
        top = heights.max()
        if top > 0:
            width = area.width() / self._bins
            for i, height in enumerate((heights / top * area.height()).tolist()):
                if height > 0:
                    bar = QRectF(area.x() + i * width, area.bottom() - height, max(1.0, width - 1), height)
                    painter.fillRect(bar, QColor(*self._colors[i].tolist()))
                    painter.fillRect(QRectF(bar.x(), bar.y(), bar.width(), 1), color("edge"))  # white bars on white
        painter.setPen(QPen(color("line"), 1))
        painter.drawLine(QLineF(area.x(), area.bottom() + 0.5, area.right(), area.bottom() + 0.5))
        pen = QPen(color("text2"), 1, Qt.PenStyle.DashLine)
        painter.setPen(pen)
        for limit in self._limits:
            x = area.x() + (limit - self._low) / (self._high - self._low) * area.width()
            painter.drawLine(QLineF(round(x) + 0.5, area.y(), round(x) + 0.5, area.bottom()))
        steps = 6 if self.width() > 340 else 2
        signed = self._low < 0 < self._high
        for i in range(steps + 1):
            value = self._low + (self._high - self._low) * i / steps
            value = 0.0 if abs(value) < 1e-9 * (self._high - self._low) else value
            text = number_text(value, signed)
            if abs(i - steps / 2) < 0.1:
                text = f"{text}\N{NO-BREAK SPACE}{self._unit}".rstrip()
            x = area.x() + area.width() * i / steps
            x = min(max(x - 40, 0.0), self.width() - 80.0) if steps == 2 else x - 40
            draw_text(painter, QRectF(x, area.bottom() + 6, 80, 16), text, font(11), color("text2"), CENTER)
