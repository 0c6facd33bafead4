"""What lies in a project of a take, read on a thread: its clouds, its figures, a small picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QImageReader

from faceapp.core.cloud import PointCloud

if TYPE_CHECKING:
    from faceapp.app.take_figures import TakeFigures

SIZE = QSize(160, 160)
_FUSED = ("fused", "mesh")  # what fusing lays beside the clouds of the groups


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


def read_clouds(folder: Path) -> dict[str, PointCloud]:
    """Return the clouds of a sample by group; empty where nothing was decoded."""
    from faceapp.formats.ply import read_cloud

    files = sorted(file for file in (folder / "scan").glob("*.ply") if file.stem not in _FUSED)
    return {file.stem: read_cloud(file) for file in files}


def read_figures(folder: Path) -> TakeFigures | None:
    """Return what a take was judged by; ``None`` where that was not kept."""
    from faceapp.app.take_figures import read_take_figures

    return read_take_figures(folder)
