"""Brightness and contrast of a picture as it is shown; the picture itself stays as it was taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QRectF
from PySide6.QtGui import QImage, QPainter

MOST = 100
"""Of both, up and down."""


@dataclass(frozen=True)
class Tones:
    """How a picture is shown.

    Parameters
    ----------
    brightness, contrast : int
        -100 to 100; 0 as it was taken.
    """

    brightness: int = 0
    contrast: int = 0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast"):
            object.__setattr__(self, name, max(-MOST, min(MOST, int(getattr(self, name)))))

    @property
    def plain(self) -> bool:
        """Whether nothing is changed."""
        return not self.brightness and not self.contrast

    def table(self) -> np.ndarray:
        """Return (256,) uint8: what each value is shown as."""
        gain = 2 ** (self.contrast / 50)
        values = (np.arange(256) - 127.5) * gain + 127.5 + 1.275 * self.brightness
        return np.clip(np.rint(values), 0, 255).astype(np.uint8)

    def applied(self, image: QImage, source: QRectF, target: QRectF, scale: float, smooth: bool) -> QImage:
        """Return a part of a picture at the size of the screen, in these tones."""
        width, height = max(1, round(target.width() * scale)), max(1, round(target.height() * scale))
        part = QImage(width, height, QImage.Format.Format_RGB32)
        painter = QPainter(part)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.drawImage(QRectF(0, 0, width, height), image, source)
        painter.end()
        values = np.frombuffer(part.bits(), np.uint8)
        values[:] = self.table()[values]
        return part
