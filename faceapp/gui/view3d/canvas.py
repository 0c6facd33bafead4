"""A widget that holds layers and a camera and keeps VTK's picture of them up to date."""

from __future__ import annotations

import logging
import time
from collections.abc import Collection

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QImage, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh
from faceapp.gui.bridge import Relay
from faceapp.gui.theme import color, theme
from faceapp.gui.view3d.camera import OrbitCamera
from faceapp.gui.view3d.layers import LayerStyle, Scalars
from faceapp.gui.view3d.scene import Scene
from faceapp.gui.view3d.store import LayerStore

_log = logging.getLogger(__name__)
_STILL_AFTER = 140  # ms without movement before the whole picture is made
_FADE = 250  # ms of a camera's flight
# Shifts of less than a pixel; the mean of the four pictures has smooth edges, for no more than four short events.
_JITTER = ((0.125, 0.375), (-0.375, 0.125), (-0.125, -0.375), (0.375, -0.125))
_MOST_SLICES = 6  # above, one pass must do


class Canvas(QWidget):
    """Layers, camera and pictures of a 3D view; `View3D` adds the mouse and what is painted over it.

    Signals
    -------
    cameraChanged()
    """

    cameraChanged = Signal()  # noqa: N815 - a Qt name

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(80, 80)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._scene = Scene()
        self._relay = Relay(self)
        self._layers = LayerStore(self._scene, self._relay, self._layer_arrived)
        self._camera: OrbitCamera | None = None
        self._fitted = False
        self._images: list[QImage | None] = [None, None]
        self._depths: npt.NDArray[np.float32] | None = None
        self._wants_depth = False
        self._fresh = False
        self._busy = False
        self._slices: list[tuple[int, tuple[float, float]]] = []
        self._sum: npt.NDArray[np.uint16] | None = None
        self._passes = 0
        self._closed = False
        self._compare: tuple[Collection[str], Collection[str]] | None = None
        self._flight: tuple[OrbitCamera, OrbitCamera, float] | None = None
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(_STILL_AFTER)
        self._still.timeout.connect(self._start_whole)
        self._slice_timer = QTimer(self)
        self._slice_timer.setInterval(0)
        self._slice_timer.timeout.connect(self._next_slice)
        self._flight_timer = QTimer(self)
        self._flight_timer.setInterval(15)
        self._flight_timer.timeout.connect(self._fly)
        theme().changed.connect(self.refresh)

    # What is shown

    def set_layer(
        self,
        identifier: str,
        data: Mesh | PointCloud,
        style: LayerStyle | None = None,
        scalars: Scalars | None = None,
        visible: bool = True,
    ) -> None:
        """Add or exchange a layer; a large one appears when a thread has made it ready."""
        if self._layers.put(identifier, data, style or LayerStyle(), scalars, visible):
            self._layer_arrived(identifier)

    def _layer_arrived(self, identifier: str) -> None:
        if not self._fitted:
            self._camera = None
        self.refresh()

    def remove_layer(self, identifier: str) -> None:
        """Take a layer away; one that is not there does nothing."""
        self._layers.drop(identifier)
        self.refresh()

    def clear(self) -> None:
        """Take all layers away; the camera stays."""
        for identifier in self._layers.names:
            self._layers.drop(identifier)
        self.refresh()

    def set_style(self, identifier: str, style: LayerStyle, scalars: Scalars | None = None) -> None:
        """Give a layer another look; without ``scalars`` it keeps those it has."""
        self._layers.restyle(identifier, style, scalars or self._layers.look(identifier)[1])
        self.refresh()

    def style_of(self, identifier: str) -> LayerStyle:
        """Return the look of a layer."""
        return self._layers.look(identifier)[0]

    def show_layer(self, identifier: str, visible: bool = True) -> None:
        """Show or hide a layer."""
        self._layers.set_visible(identifier, visible)
        self.refresh()

    @property
    def layer_names(self) -> tuple[str, ...]:
        """Identifiers of the layers."""
        return self._layers.names

    # Camera

    @property
    def camera(self) -> OrbitCamera:
        """The camera."""
        if self._camera is None:
            box = self._scene.box()
            low, high = box if box is not None else (np.full(3, -120.0), np.full(3, 120.0))
            self._camera = OrbitCamera.home(low, high, self.width() / max(1, self.height()))
            self._fitted = box is not None
        return self._camera

    def set_camera(self, camera: OrbitCamera, quietly: bool = False) -> None:
        """Move the camera; ``quietly``: without the signal."""
        self._camera, self._fitted = camera, True
        self._moved()
        if not quietly:
            self.cameraChanged.emit()

    def fly_to(self, camera: OrbitCamera) -> None:
        """Move the camera there in 250 ms."""
        if not self.isVisible():
            self.set_camera(camera)
            return
        self._flight = self.camera, camera, time.perf_counter()
        self._flight_timer.start()

    def _fly(self) -> None:
        if self._flight is None:
            self._flight_timer.stop()
            return
        start, end, begun = self._flight
        t = min(1.0, (time.perf_counter() - begun) * 1000 / _FADE)
        if t >= 1:
            self._flight = None
            self._flight_timer.stop()
        self.set_camera(start.between(end, t * t * (3 - 2 * t)) if t < 1 else end)

    def home(self) -> None:
        """Look from the front at everything."""
        box = self._scene.box()
        if box is not None:
            self.fly_to(OrbitCamera.home(*box, self.width() / max(1, self.height())))

    def fit(self) -> None:
        """Show everything from the same direction."""
        box = self._scene.box()
        if box is not None:
            self.fly_to(self.camera.fitted(*box, self.width() / max(1, self.height())))

    def look_from(self, x: float, y: float, z: float) -> None:
        """Look from a direction of the rig frame (x: the subject's left, y: up, z: the front)."""
        self.fly_to(self.camera.looking((x, y, z)))

    # Rendering

    def refresh(self) -> None:
        """Draw anew: something other than the camera changed."""
        self._moved()

    def _moved(self) -> None:
        self._fresh = False
        self._slice_timer.stop()
        self.update()

    def _sets(self) -> list[Collection[str] | None]:
        return [None] if self._compare is None else list(self._compare)

    def _pixel_size(self) -> tuple[int, int]:
        ratio = self.devicePixelRatioF()
        return max(8, round(self.width() * ratio)), max(8, round(self.height() * ratio))

    def _take_picture(self, which: int) -> None:
        self._show_pixels(which, self._scene.pixels())
        if which == 0:
            self._depths = self._scene.distances() if self._wants_depth else None

    def _show_pixels(self, which: int, pixels: npt.NDArray[np.uint8]) -> None:
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, width * 4, QImage.Format.Format_RGBX8888)
        # VTK's rows start at the bottom; the flip also copies, so VTK may reuse its memory.
        self._images[which] = image.flipped(Qt.Orientation.Vertical).convertToFormat(QImage.Format.Format_RGB32)

    def _render_proxy(self) -> None:
        width, height = self._pixel_size()
        top, bottom = color("view_top"), color("view_bottom")
        self._scene.set_background((top.red(), top.green(), top.blue()), (bottom.red(), bottom.green(), bottom.blue()))
        for i, only in enumerate(self._sets()):
            self._scene.render_proxy(self.camera, width, height, only)
            self._take_picture(i)
        self._fresh = True
        self._still.start()

    def _start_whole(self) -> None:
        if self._busy:
            self._still.start()
            return
        passes = _JITTER if self._scene.slices() <= _MOST_SLICES else ((0.0, 0.0),)
        self._sum, self._passes = None, 0
        self._slices = [(which, shift) for which in range(len(self._sets())) for shift in passes]
        self._begin_slices()

    def _begin_slices(self) -> None:
        width, height = self._pixel_size()
        which, shift = self._slices[0]
        self._scene.begin(self.camera, width, height, self._sets()[which], shift)
        self._slice_timer.start()

    def _next_slice(self) -> None:
        if self._closed or not self._slices:
            self._slice_timer.stop()
            return
        try:
            if not self._scene.finished:  # drawing and fetching are two events
                self._scene.step()
                return
            self._add_pass(self._slices.pop(0)[0])
            if self._slices:
                self._begin_slices()
            else:
                self._slice_timer.stop()
                self.update()
        except Exception:  # an exception in a slot would end in Qt, unseen
            self._slice_timer.stop()
            _log.exception("the whole 3D picture could not be drawn")

    def _add_pass(self, which: int) -> None:
        """Add a picture to the sum; show the mean after the last."""
        pixels = self._scene.pixels()
        if self._sum is None:
            self._sum = pixels.astype(np.uint16)
        else:
            self._sum += pixels
        self._passes += 1
        if not self._slices or self._slices[0][0] != which:
            self._show_pixels(which, (self._sum // self._passes).astype(np.uint8))
            self._sum, self._passes = None, 0

    def finish(self) -> None:
        """Draw the whole picture now, however long it takes (screenshots, tests)."""
        if not self._fresh:
            self._render_proxy()
        self._still.stop()
        self._start_whole()
        while self._slice_timer.isActive():
            self._next_slice()

    # Life

    @override
    def sizeHint(self) -> QSize:
        return QSize(480, 400)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        if not self._fitted:
            self._camera = None
        self._moved()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        for timer in (self._still, self._slice_timer, self._flight_timer):
            timer.stop()
        self._fresh = False

    def shut_down(self) -> None:
        """Let the thread and the graphics context go; the view is blank from here on."""
        if self._closed:
            return
        self._closed = True
        for timer in (self._still, self._slice_timer, self._flight_timer):
            timer.stop()
        self._layers.close()
        self._relay.close()
        self._scene.close()
