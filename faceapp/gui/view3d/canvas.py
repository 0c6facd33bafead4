"""A widget that holds layers and a camera and keeps VTK's picture of them up to date."""

from __future__ import annotations

import time
from collections.abc import Collection

import numpy as np
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh
from faceapp.gui.bridge import Relay
from faceapp.gui.theme import color, theme
from faceapp.gui.view3d.camera import OrbitCamera
from faceapp.gui.view3d.drawing import Picture, Request
from faceapp.gui.view3d.layers import LayerStyle, Scalars
from faceapp.gui.view3d.pieces import Pieces
from faceapp.gui.view3d.render_thread import Artist
from faceapp.gui.view3d.store import LayerStore

_STILL_AFTER = 140  # ms without movement before the whole picture is made
_FADE = 250  # ms of a camera's flight
_SLOW_S, _FAST_S = 0.04, 0.012  # of a frame while things move: above it gets fewer pixels, below more
_MOST_SHRINK = 3


class Canvas(QWidget):
    """Layers, camera and pictures of a 3D view; `View3D` adds the mouse and what is painted over it.

    Signals
    -------
    cameraChanged()
    pictured(object)
        A `Picture` came onto the screen.
    """

    cameraChanged = Signal()  # noqa: N815 - a Qt name
    pictured = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(80, 80)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self._relay = Relay(self)
        self._layers = LayerStore(self._relay, self._layer_arrived)
        self._artist = Artist(lambda picture: self._relay.post(lambda: self._picture_arrived(picture)))
        self._camera: OrbitCamera | None = None
        self._fitted = False
        self._picture: Picture | None = None
        self._asked: Request | None = None
        self._wants_depth = False
        self._fresh = False
        self._busy = False
        self._hurried = False
        self._shrink = 1
        self._closed = False
        self._compare: tuple[Collection[str], Collection[str]] | None = None
        self._flight: tuple[OrbitCamera, OrbitCamera, float] | None = None
        self._still = QTimer(self)
        self._still.setSingleShot(True)
        self._still.setInterval(_STILL_AFTER)
        self._still.timeout.connect(self._ask_whole)
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
        pieces: Pieces | None = None,
    ) -> None:
        """Add or exchange a layer; a large one appears when a thread has made it ready, or at once if it was cut."""
        if self._layers.put(identifier, data, style or LayerStyle(), scalars, visible, pieces):
            self._layer_arrived(identifier)

    def stream_layer(self, identifier: str, data: PointCloud, pieces: Pieces, style: LayerStyle) -> None:
        """Show the newest of a series of clouds, cut on a thread (`uncut`); the camera stays once there is one."""
        first = self._layers.box() is None
        self._layers.put_ready(identifier, data, pieces, style)
        if first and not self._fitted:
            self._camera = None
        self.refresh()

    def _layer_arrived(self, identifier: str) -> None:
        if not self._fitted:
            self._camera = None
        if not self.isVisible():
            self._picture = None  # what stands there is of other things
        self.refresh()

    def remove_layer(self, identifier: str) -> None:
        """Take a layer away; one that is not there does nothing."""
        self._layers.drop(identifier)
        self.refresh()

    def clear(self) -> None:
        """Take all layers away; the camera stays."""
        for identifier in self._layers.names:
            self._layers.drop(identifier)
        self._picture = None
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
            box = self._layers.box()
            low, high = box if box is not None else (np.full(3, -120.0), np.full(3, 120.0))
            self._camera = OrbitCamera.home(low, high, self.width() / max(1, self.height()))
        return self._camera

    @property
    def shown_camera(self) -> OrbitCamera:
        """The camera of the picture on the screen, which may be a moment behind."""
        return self._picture.request.camera if self._picture is not None else self.camera

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
        """Look from the front at everything, also at what is still being made ready."""
        box = self._layers.box()
        if box is None:
            self._camera, self._fitted = None, False
        else:
            self.fly_to(OrbitCamera.home(*box, self.width() / max(1, self.height())))

    def fit(self) -> None:
        """Show everything from the same direction."""
        box = self._layers.box()
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
        self._still.stop()
        self.update()

    def _sets(self) -> tuple[tuple[str, ...], ...]:
        shown = tuple(self._layers.visible)
        if self._compare is None:
            return (shown,)
        return tuple(tuple(name for name in shown if name in side) for side in self._compare)

    def _pixel_size(self) -> tuple[int, int]:
        ratio = self.devicePixelRatioF()
        return max(8, round(self.width() * ratio)), max(8, round(self.height() * ratio))

    def _request(self, whole: bool) -> Request:
        width, height = self._pixel_size()
        if not whole:
            width, height = max(8, width // self._shrink), max(8, height // self._shrink)
        top, bottom = color("view_top"), color("view_bottom")
        ground = (top.red(), top.green(), top.blue()), (bottom.red(), bottom.green(), bottom.blue())
        layers = self._layers.ready
        return Request(layers, self._sets(), self.camera, width, height, ground, self._wants_depth, whole)

    def _ask_proxy(self) -> None:
        """Have what is shown now drawn, as fast as can be."""
        self._fresh = True
        self._asked = self._request(False)
        self._artist.ask(self._asked)

    def hasten(self) -> None:
        """Have what is shown now drawn already, while the interface is still busy with other things."""
        if self.isVisible() and not self._closed and not self._fresh:
            self._ask_proxy()

    def _ask_whole(self) -> None:
        if self._busy or self._hurried or self._closed:
            self._still.start()
            return
        self._asked = self._request(True)
        self._artist.ask(self._asked)

    def set_hurried(self, hurried: bool) -> None:
        """Draw the proxies alone while other work needs the processor; the whole picture follows after it."""
        self._hurried = hurried

    def _picture_arrived(self, picture: Picture) -> None:
        if self._closed or not self.isVisible() or not self._layers.shows(picture.request.layers):
            return
        self._picture = picture
        self.pictured.emit(picture)
        if not picture.request.whole:
            self._keep_pace(picture.seconds)
            if picture.request is self._asked:
                self._still.start()
        self.update()

    def _keep_pace(self, seconds: float) -> None:
        """Draw fewer pixels while things move on a machine that is slow or busy."""
        if seconds > _SLOW_S:
            self._shrink = min(_MOST_SHRINK, self._shrink + 1)
        elif seconds < _FAST_S:
            self._shrink = max(1, self._shrink - 1)

    def finish(self) -> None:
        """Draw the whole picture now, however long it takes (screenshots, tests)."""
        self._still.stop()
        self._asked = self._request(True)
        self._picture = self._artist.draw_now(self._asked)
        self._fresh = True

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
        for timer in (self._still, self._flight_timer):
            timer.stop()
        self._artist.forget()
        self._fresh = False

    def shut_down(self) -> None:
        """Let the thread and the graphics context go; the view is blank from here on."""
        if self._closed:
            return
        self._closed = True
        for timer in (self._still, self._flight_timer):
            timer.stop()
        self._layers.close()
        self._relay.close()
        self._artist.close()
