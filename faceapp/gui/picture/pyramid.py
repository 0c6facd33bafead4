"""A picture with its halves, quarters and so on, so that a small zoom is smooth and fast."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

_SMALLEST = 512


def to_image(pixels: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]) -> QImage:
    """Return a QImage of its own memory from (H, W) grey or (H, W, 3) RGB; 16 bits are shown by their upper 8."""
    eight = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else np.asarray(pixels, np.uint8)
    eight = np.ascontiguousarray(eight)
    height, width = eight.shape[:2]
    grey = eight.ndim == 2
    kind = QImage.Format.Format_Grayscale8 if grey else QImage.Format.Format_RGB888
    return QImage(eight.data, width, height, width * (1 if grey else 3), kind).copy()


@dataclass(frozen=True, eq=False)
class Pyramid:
    """Levels of a picture, each half the one before; made by `build`, on any thread."""

    levels: tuple[QImage, ...]

    @staticmethod
    def build(picture: QImage | npt.NDArray[np.uint8]) -> Pyramid:
        """Make the levels: 0.2 s for 24 megapixels, so call it on a thread for large pictures."""
        image = picture if isinstance(picture, QImage) else to_image(picture)
        level = image.convertToFormat(QImage.Format.Format_RGB32)
        levels = [level]
        while max(level.width(), level.height()) > 2 * _SMALLEST:
            level = level.scaled(
                max(1, level.width() // 2),
                max(1, level.height() // 2),
                Qt.AspectRatioMode.IgnoreAspectRatio,
                Qt.TransformationMode.SmoothTransformation,
            )
            levels.append(level)
        return Pyramid(tuple(levels))

    @property
    def width(self) -> int:
        """Pixels of the picture itself."""
        return self.levels[0].width()

    @property
    def height(self) -> int:
        """Pixels of the picture itself."""
        return self.levels[0].height()

    def level_for(self, scale: float) -> int:
        """Return the coarsest level that still has a pixel for each pixel of the screen."""
        level = 0
        while level + 1 < len(self.levels) and scale * 2 ** (level + 1) <= 1.0001:
            level += 1
        return level
