"""Phosphor icons, drawn by QtSvg in the colours of the current theme."""

from __future__ import annotations

import functools

from PySide6.QtCore import QByteArray, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QIcon, QIconEngine, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from typing_extensions import override

import faceapp_resources
from faceapp.gui.theme.manager import color

_pixmaps: dict[tuple[str, str, int, float], QPixmap] = {}


@functools.cache
def _source(name: str) -> str:
    file = faceapp_resources.path("icons", f"{name}.svg")
    if not file.is_file():
        raise KeyError(f"there is no icon {name!r} in the program's icons")
    return file.read_text(encoding="utf-8")


def pixmap(name: str, token: str = "text2", size: int = 16, ratio: float = 1.0) -> QPixmap:
    """Return an icon as a picture.

    Parameters
    ----------
    name : str
        File name without ``.svg``; names that end in ``-fill`` are the filled ones.
    token : str
        Name of a theme colour, or ``#RRGGBB``.
    size : int
        Side in logical pixels.
    ratio : float
        Device pixels per logical pixel.

    Raises
    ------
    KeyError
        The program has no such icon.
    """
    tint = color(token).name()
    key = (name, tint, size, ratio)
    found = _pixmaps.get(key)
    if found is None:
        side = max(1, round(size * ratio))
        found = QPixmap(side, side)
        found.fill(Qt.GlobalColor.transparent)
        renderer = QSvgRenderer(QByteArray(_source(name).replace("currentColor", tint).encode()))
        painter = QPainter(found)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        renderer.render(painter, QRectF(0, 0, side, side))
        painter.end()
        found.setDevicePixelRatio(ratio)
        _pixmaps[key] = found
    return found


class _SvgEngine(QIconEngine):
    """Looks its colour up when it paints, so a change of theme needs no new icons."""

    def __init__(self, name: str, token: str, checked: str) -> None:
        super().__init__()
        self._name, self._token, self._checked = name, token, checked

    def _pixmap(self, side: int, mode: QIcon.Mode, state: QIcon.State, ratio: float) -> QPixmap:
        token = self._checked if state == QIcon.State.On else self._token
        if mode == QIcon.Mode.Disabled:
            token = "edge"
        return pixmap(self._name, token, side, ratio)

    @override
    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        side = min(rect.width(), rect.height())
        at = QRect(0, 0, side, side)
        at.moveCenter(rect.center())
        painter.drawPixmap(at, self._pixmap(side, mode, state, ratio))

    @override
    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        return self._pixmap(min(size.width(), size.height()), mode, state, 1.0)

    @override
    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        # Since Qt 6.8 the size is in logical pixels here, whatever older pages say.
        return self._pixmap(min(size.width(), size.height()), mode, state, scale)

    @override
    def clone(self) -> QIconEngine:
        copy = _SvgEngine(self._name, self._token, self._checked)
        _clones.append(copy)
        return copy


_clones: list[_SvgEngine] = []  # Qt holds clones by a bare pointer


@functools.cache
def icon(name: str, token: str = "text2", checked: str = "accent") -> QIcon:
    """Return a themed icon; ``checked`` is its colour on a button that is down."""
    _source(name)
    return QIcon(_SvgEngine(name, token, checked))
