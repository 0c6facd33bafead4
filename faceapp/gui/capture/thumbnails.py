"""Small pictures of samples, read on a thread."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QImageReader

SIZE = QSize(160, 160)


def read_thumbnail(folder: Path) -> QImage | None:
    """Return the colour picture of the middle group of a sample, small; ``None`` where it has none."""
    frames = folder / "capture" / "frames"
    files = sorted(frames.glob("*rgb*/*.*"), key=lambda f: ("middle" not in f.parent.name, str(f)))
    if not files:
        return None
    reader = QImageReader(str(files[0]))
    size = reader.size()
    if size.isValid():
        reader.setScaledSize(size.scaled(SIZE, Qt.AspectRatioMode.KeepAspectRatio))
    image = reader.read()
    if image.isNull():
        return None
    side = min(image.width(), image.height())
    return image.copy((image.width() - side) // 2, (image.height() - side) // 2, side, side)
