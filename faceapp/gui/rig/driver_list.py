"""The drivers at the left: found, missing or wrong, each with its sentence, and the devices that they see."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from faceapp.app.device_listing import DriverEntry, Standing
from faceapp.app.rig_writing import PLACES
from faceapp.devices.records import FoundCamera
from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Button, ToolButton
from faceapp.gui.widgets.labels import SectionHead, label
from faceapp.gui.widgets.layouts import empty_layout
from faceapp.gui.widgets.messages import IconLabel
from faceapp.gui.widgets.states import State

STATES = {
    Standing.FOUND: State.GOOD,
    Standing.NOTHING: State.NONE,
    Standing.MISSING: State.CHECK,
    Standing.WRONG: State.BAD,
}
_TITLES = {
    "camera": "Camera drivers",
    "projector": "Projector drivers",
    "trigger": "Trigger boxes",
    "rig": "Rig drivers",
}
_NOWHERE = "not used"
_DETAIL = "device-detail"
_SLICE_S = 0.01


class DriverList(QWidget):
    """Drivers, their devices, and where each camera stands.

    Signals
    -------
    refreshed()
        Look again what is plugged in.
    write_asked()
        Make a rig file of the places.
    """

    refreshed = Signal()
    write_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        self.refresh = ToolButton("arrow-clockwise", "Look again what is plugged in", "F5")
        self.refresh.clicked.connect(self.refreshed)
        self.write = Button("Write rig file…", icon_name="floppy-disk")
        self.write.clicked.connect(self.write_asked)
        self.write.setEnabled(False)
        self._narrow = False
        self._places: dict[str, QComboBox] = {}
        self._cameras: dict[str, FoundCamera] = {}
        self.entries: tuple[DriverEntry, ...] = ()
        self._building: Iterator[None] = iter(())
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(0)
        self._later.timeout.connect(self._go_on)
        inner = QWidget()
        self._rows = QVBoxLayout(inner)
        self._rows.setContentsMargins(12, 4, 12, 12)
        self._rows.setSpacing(4)
        self._rows.addWidget(label("Looking what is plugged in…", "body2"))
        self._rows.addStretch()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        head = QHBoxLayout()
        head.setContentsMargins(12, 8, 12, 4)
        head.addWidget(label("Devices", "title"), 1)
        head.addWidget(self.refresh)
        column.addLayout(head)
        column.addWidget(scroll, 1)
        foot = QHBoxLayout()
        foot.setContentsMargins(12, 8, 12, 12)
        foot.addWidget(self.write)
        foot.addStretch()
        column.addLayout(foot)

    def show_busy(self, busy: bool) -> None:
        """Say that somebody looks already."""
        self.refresh.setEnabled(not busy)

    def show_entries(self, entries: Sequence[DriverEntry], guess: dict[str, str]) -> None:
        """Show drivers; cameras whose place was chosen keep it, the others get the guess."""
        places = {**guess, **{serial: combo.currentText() for serial, combo in self._places.items()}}
        self.entries = ()
        self.write.setEnabled(False)
        empty_layout(self._rows)
        self._places, self._cameras = {}, {}
        self._building = self._build(tuple(entries), places)
        self._go_on()

    def _go_on(self) -> None:
        """Make rows for a while; a long list is made in several events."""
        end = time.perf_counter() + _SLICE_S
        for _ in self._building:
            if time.perf_counter() > end:
                self._later.start()
                return

    def _build(self, entries: tuple[DriverEntry, ...], places: dict[str, str]) -> Iterator[None]:
        for kind, title in _TITLES.items():
            self._rows.addWidget(SectionHead(title))
            for entry in (e for e in entries if e.kind == kind):
                self._rows.addWidget(_DriverRow(entry))
                yield
                for camera in entry.cameras:
                    self._rows.addWidget(self._camera_row(camera, places.get(camera.serial, _NOWHERE)))
                    yield
                named = [(p.serial, p.model) for p in entry.projectors] + [(t.serial, t.model) for t in entry.triggers]
                for serial, model in named:
                    self._rows.addWidget(_indented(serial or model, model))
        self._rows.addStretch()
        self.set_narrow(self._narrow)
        self.write.setEnabled(bool(self._cameras))
        self.entries = entries

    def set_narrow(self, narrow: bool) -> None:
        """Leave the models out where there is no room for them."""
        self._narrow = narrow
        for words in self.findChildren(QLabel, _DETAIL):
            words.setVisible(not narrow)

    def _camera_row(self, camera: FoundCamera, place: str) -> QWidget:
        combo = QComboBox()
        combo.addItems([_NOWHERE, *PLACES])
        combo.setCurrentText(place)
        combo.setFixedWidth(118)
        combo.setToolTip(f"Where {camera.serial} stands, left and right of the subject")
        combo.setAccessibleName(f"Place of {camera.serial}")
        if camera.driver != "pattern":
            self._places[camera.serial] = combo
            self._cameras[camera.serial] = camera
        else:
            combo.hide()
        row = _indented(camera.serial, camera.model, combo)
        row.setToolTip(", ".join(filter(None, (camera.model, camera.where, camera.wrong))))
        return row

    def places(self) -> dict[str, str]:
        """Return the place of each camera that has one, by serial number."""
        return {serial: c.currentText() for serial, c in self._places.items() if c.currentText() != _NOWHERE}

    @property
    def cameras(self) -> list[FoundCamera]:
        """Those that may stand in a rig file."""
        return list(self._cameras.values())


class _DriverRow(QWidget):
    def __init__(self, entry: DriverEntry) -> None:
        super().__init__()
        state = STATES[entry.standing]
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 4, 0, 2)
        column.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(IconLabel(state.icon, state.token, 14))
        row.addWidget(label(entry.title or entry.name, wrap=True), 1)
        row.addWidget(label(entry.standing.value, "secondary"))
        column.addLayout(row)
        self.setAccessibleName(f"{entry.name}: {entry.standing.value}. {entry.sentence}")
        self.setToolTip(entry.name)
        if entry.sentence and entry.standing in (Standing.MISSING, Standing.WRONG):
            words = label(entry.sentence[:1].upper() + entry.sentence[1:], "secondary", wrap=True)
            words.setContentsMargins(22, 0, 0, 0)
            column.addWidget(words)


def _indented(name: str, detail: str, trailing: QWidget | None = None) -> QWidget:
    result = QWidget()
    row = QHBoxLayout(result)
    row.setContentsMargins(22, 0, 0, 0)
    row.setSpacing(8)
    row.addWidget(label(name))
    if detail != name:
        words = label(detail, "secondary")
        words.setObjectName(_DETAIL)
        row.addWidget(words)
    row.addStretch()
    if trailing is not None:
        row.addWidget(trailing)
    return result
