"""A picture that can be zoomed and shifted: the ground on which `PictureView` draws landmarks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QImage, QPainter, QResizeEvent
from PySide6.QtWidgets import QFrame, QGraphicsItem, QGraphicsScene, QGraphicsView, QStyleOptionGraphicsItem, QWidget
from typing_extensions import override

from faceapp.gui.picture.pyramid import Pyramid
from faceapp.gui.picture.tones import Tones

_MOST_ZOOM = 40.0


class _PictureItem(QGraphicsItem):
    """Draws the level of the pyramid that fits the zoom; the centre of the top-left pixel is (0, 0)."""

    def __init__(self) -> None:
        super().__init__()
        self.pyramid: Pyramid | None = None
        self.tones = Tones()
        self.setFlag(QGraphicsItem.GraphicsItemFlag.ItemUsesExtendedStyleOption)

    def set_pyramid(self, pyramid: Pyramid | None) -> None:
        self.prepareGeometryChange()
        self.pyramid = pyramid
        self.update()

    @override
    def boundingRect(self) -> QRectF:
        if self.pyramid is None:
            return QRectF()
        return QRectF(-0.5, -0.5, self.pyramid.width, self.pyramid.height)

    @override
    def paint(self, painter: QPainter, option: QStyleOptionGraphicsItem, widget: QWidget | None = None) -> None:
        if self.pyramid is None:
            return
        device = painter.device()
        scale = painter.worldTransform().m11() * (device.devicePixelRatioF() if device is not None else 1.0)
        level = self.pyramid.level_for(scale)
        image = self.pyramid.levels[level]
        whole = self.boundingRect()
        sx, sy = image.width() / whole.width(), image.height() / whole.height()
        # One pixel more on each side, or smoothing would show the edge of the repainted part.
        border = 2 * 2**level
        part = option.exposedRect.adjusted(-border, -border, border, border).intersected(whole)
        source = QRectF((part.x() + 0.5) * sx, (part.y() + 0.5) * sy, part.width() * sx, part.height() * sy)
        # Above 6 times the pixels themselves are wanted.
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, scale < 6)
        if self.tones.plain:
            painter.drawImage(part, image, source)
        else:
            painter.drawImage(part, self.tones.applied(image, source, part, scale, scale < 6))


class PictureCanvas(QGraphicsView):
    """Zoom, position and coordinates of a picture.

    Signals
    -------
    viewChanged()
        Zoom or position changed.
    """

    viewChanged = Signal()  # noqa: N815 - a Qt name

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scene = QGraphicsScene(self)
        self._item = _PictureItem()
        self._scene.addItem(self._item)
        self.setScene(self._scene)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTransformationAnchor(QGraphicsView.ViewportAnchor.NoAnchor)
        self.setResizeAnchor(QGraphicsView.ViewportAnchor.AnchorViewCenter)
        self.setViewportUpdateMode(QGraphicsView.ViewportUpdateMode.MinimalViewportUpdate)
        self.setOptimizationFlag(QGraphicsView.OptimizationFlag.DontSavePainterState)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._fitted = True

    def set_picture(self, picture: QImage | Pyramid | npt.NDArray[np.uint8] | None, keep_view: bool = False) -> None:
        """Show a picture; ``keep_view``: at the zoom and place of the one before.

        For more than a few megapixels hand in a `Pyramid` that a thread has built.
        """
        pyramid = picture if isinstance(picture, Pyramid) or picture is None else Pyramid.build(picture)
        self._item.set_pyramid(pyramid)
        if pyramid is not None:
            margin = max(pyramid.width, pyramid.height)
            self._scene.setSceneRect(self._item.boundingRect().adjusted(-margin, -margin, margin, margin))
        if not keep_view:
            self.fit()
        self.viewport().update()

    @property
    def pyramid(self) -> Pyramid | None:
        """The picture."""
        return self._item.pyramid

    @property
    def tones(self) -> Tones:
        """Brightness and contrast."""
        return self._item.tones

    def set_tones(self, tones: Tones) -> None:
        """Show the picture brighter or darker, with more contrast or less."""
        self._item.tones = tones
        self._item.update()

    @property
    def zoom(self) -> float:
        """Screen pixels per picture pixel."""
        return self.transform().m11()

    def fit(self) -> None:
        """Show the whole picture."""
        rect = self._item.boundingRect()
        if not rect.isEmpty():
            self._show(rect)
        self._fitted = True

    def zoom_to(self, zoom: float, at: QPointF | None = None) -> None:
        """Zoom so that the point of the widget ``at`` (the middle) stays where it is."""
        centre = at if at is not None else QPointF(self.viewport().rect().center())
        fixed = self.to_picture(centre)
        smallest = min(self.width() / max(1.0, self._item.boundingRect().width()), 1.0) * 0.25
        wanted = min(max(zoom, smallest), _MOST_ZOOM)
        self.scale(wanted / self.zoom, wanted / self.zoom)
        shift = self.to_screen(*fixed) - centre
        self._shift(shift)
        self._fitted = False
        self._view_changed()

    def centre_on(self, u: float, v: float) -> None:
        """Bring a picture point into the middle."""
        self.centerOn(u, v)
        self._view_changed()

    def _show(self, rect: QRectF) -> None:
        self.fitInView(rect, Qt.AspectRatioMode.KeepAspectRatio)
        self._view_changed()

    def _shift(self, by: QPointF) -> None:
        for bar, step in ((self.horizontalScrollBar(), by.x()), (self.verticalScrollBar(), by.y())):
            bar.setValue(bar.value() + round(step))

    def _view_changed(self) -> None:
        self.viewport().update()
        self.viewChanged.emit()

    def to_picture(self, at: QPointF) -> tuple[float, float]:
        """Return picture coordinates of a point of the widget."""
        inverse, _ = self.viewportTransform().inverted()
        point = inverse.map(at)
        return point.x(), point.y()

    def to_screen(self, u: float, v: float) -> QPointF:
        """Return the point of the widget of picture coordinates."""
        return self.viewportTransform().map(QPointF(u, v))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._fitted:
            self.fit()
