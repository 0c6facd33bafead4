"""The live pictures at the left: three or all nine, and of the last take the phase and the modulation."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from faceapp.gui.capture.rig_link import CameraPlace
from faceapp.gui.picture.live import LiveView
from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Segmented

Pixels = npt.NDArray[np.uint8]
MODES = (("live", "Live"), ("phase", "Phase"), ("modulation", "Modulation"))


class LivePanel(QWidget):
    """Tiles of the cameras with a choice of what they show.

    ``live`` shows what comes from the cameras; ``phase`` and ``modulation`` what was decoded of the last take, in the
    tiles of the infrared cameras.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.modes = Segmented(MODES, padding=18)
        self.modes.changed.connect(lambda _: self._show_all())
        head = QVBoxLayout()
        head.setContentsMargins(8, 6, 8, 6)
        head.addWidget(self.modes, 0, Qt.AlignmentFlag.AlignLeft)
        column.addLayout(head)
        self.view = LiveView()
        column.addWidget(self.view, 1)
        self._cameras: tuple[CameraPlace, ...] = ()
        self._columns = 1
        self._waiting = "No picture yet"
        self._pictures: dict[str, dict[str, Pixels]] = {mode: {} for mode, _ in MODES}
        self._scanned: dict[str, Pixels] = {}
        self._group = ""

    def set_cameras(self, cameras: tuple[CameraPlace, ...], columns: int, preparing: bool) -> None:
        """Lay out tiles for these cameras; say what they wait for."""
        self._cameras, self._columns = cameras, columns
        self._waiting = "Preparing…" if preparing else "No picture yet"
        self._show_all()

    def take_live(self, camera: str, picture: Pixels) -> None:
        """Show what a camera sees now."""
        self._pictures["live"][camera] = picture
        if self.modes.current == "live" and camera not in self._scanned:
            self.view.set_picture(camera, picture)

    def set_scanned(self, group: str) -> None:
        """Say which group is scanned live: its infrared tiles wait for the phase; empty for none."""
        if group != self._group:
            self._group = group
            self.clear_scanned()

    def clear_scanned(self) -> None:
        """Forget what the live scan saw."""
        self._scanned.clear()
        self._show_all()

    def take_scanned(self, camera: str, picture: Pixels) -> None:
        """Show the phase that the live scan sees now, in place of the camera's picture."""
        first = camera not in self._scanned
        self._scanned[camera] = picture
        if self.modes.current == "live":
            self.view.set_picture(camera, picture, aids=False)
            if first:
                self._show_all()

    def take_decoded(self, mode: str, camera: str, picture: Pixels) -> None:
        """Keep the phase or the modulation of the last take, and show it where it is asked for."""
        self._pictures[mode][camera] = picture
        if self.modes.current == mode:
            self._show_all()

    def clear_decoded(self) -> None:
        """Forget the take before."""
        self._pictures["phase"].clear()
        self._pictures["modulation"].clear()
        if self.modes.current != "live":
            self._show_all()

    def show_mode(self, mode: str) -> None:
        """Show live pictures, phase or modulation."""
        self.modes.set_current(mode)
        self._show_all()

    def _show_all(self) -> None:
        mode = self.modes.current
        live = mode == "live"
        self.view.set_cameras([(c.name, self._labels(c, live)) for c in self._cameras], self._columns)
        self.view.set_aids(live)
        for camera in self._cameras:
            scanned = live and camera.name in self._scanned
            picture = self._scanned[camera.name] if scanned else self._pictures[mode].get(camera.name)
            if picture is None and mode != "live" and camera.role == "rgb":
                picture = self._of_group(mode, camera.group)
            waits = live and camera.role == "ir" and camera.group == self._group
            note = "No phase yet" if waits else self._waiting if live else "Not decoded yet"
            self.view.set_guide(camera.name, live and camera.role == "rgb" and self._columns == 1)
            self.view.set_note(camera.name, note)
            self.view.set_picture(camera.name, picture, aids=not scanned)

    def _labels(self, camera: CameraPlace, live: bool) -> tuple[str, ...]:
        if live and camera.name in self._scanned:
            return (*camera.labels, "Phase")
        return camera.labels if live or camera.role == "ir" else (camera.labels[0], "IR 1")

    def _of_group(self, mode: str, group: str) -> Pixels | None:
        """The colour camera decodes nothing: its tile shows the first infrared one of its group."""
        names = sorted(name for name in self._pictures[mode] if name.startswith(f"{group}-"))
        return self._pictures[mode][names[0]] if names else None
