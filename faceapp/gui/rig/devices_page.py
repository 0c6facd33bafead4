"""Devices: which drivers there are, which of them can be used, what the cameras see, and whether they can shoot."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.app.device_listing import DriverEntry, list_drivers
from faceapp.app.rig_writing import places_for, rig_text, write_rig
from faceapp.core.errors import FaceappError
from faceapp.gui.bridge import Background, Relay
from faceapp.gui.capture.questions import ask_rig
from faceapp.gui.capture.rig_link import RigState
from faceapp.gui.picture.live import LiveView
from faceapp.gui.program.jobs import words_of
from faceapp.gui.program.program import Program
from faceapp.gui.rig.checks_desk import ChecksDesk
from faceapp.gui.rig.driver_list import DriverList
from faceapp.gui.rig.pages import RigPage
from faceapp.gui.rig.projector_desk import ProjectorDesk
from faceapp.gui.rig.trial_panel import TrialPanel
from faceapp.gui.shell.actions import Action
from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Button
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.layouts import empty_layout
from faceapp.gui.widgets.messages import EmptyState, MessageBar
from faceapp.gui.widgets.states import Badge, State

if TYPE_CHECKING:
    from faceapp.app.device_trial import GroupTrial
    from faceapp.devices.protocols import ConnectedRig

_SIDE, _SIDE_NARROW = 372, 300


class DevicesPage(RigPage):
    """The page.

    Parameters
    ----------
    program, background, relay
        See `RigPage`.
    """

    def __init__(self, program: Program, background: Background, relay: Relay) -> None:
        super().__init__(program, background, relay)
        self.drivers = DriverList()
        self.trials = TrialPanel()
        self.live = LiveView()
        self.badge = Badge("No rig", State.NONE)
        self._rig_name = label("No rig", "strong")
        self.connect_button = Button("Connect", icon_name="plugs")
        self.choose_button = Button("Choose rig…", "quiet")
        self._middle = QStackedWidget()
        self._empty = QWidget()
        QVBoxLayout(self._empty).setContentsMargins(0, 0, 0, 0)
        self._middle.addWidget(self._empty)
        self._middle.addWidget(self.live)
        self._here = self._looking = self._bursting = False
        self._results: tuple[GroupTrial, ...] = ()
        self._tried: ConnectedRig | None = None
        self._selected = ""
        self.projectors = ProjectorDesk(
            self, self.trials.projector, program, relay, self.link, lambda: not self._bursting, self._rig_changed
        )
        self.checks = ChecksDesk(
            self.trials,
            program,
            relay,
            self.link,
            lambda: not self._bursting and not self.projectors.updating,
            self._rig_changed,
        )
        self._lay_out()

    def _lay_out(self) -> None:
        bar = QWidget()
        surface(bar, "panel")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 7, 12, 7)
        row.setSpacing(8)
        row.addWidget(self._rig_name)
        row.addWidget(self.badge)
        row.addStretch()
        row.addWidget(self.choose_button)
        row.addWidget(self.connect_button)
        middle = QVBoxLayout()
        middle.setSpacing(1)
        middle.addWidget(bar)
        middle.addWidget(self._middle, 1)
        columns = QHBoxLayout(self)
        columns.setContentsMargins(0, 0, 0, 0)
        columns.setSpacing(1)
        columns.addWidget(self.drivers)
        columns.addLayout(middle, 1)
        columns.addWidget(self.trials)
        self.set_narrow(False)

    @override
    def begin(self) -> None:
        self.drivers.refreshed.connect(self.look)
        self.drivers.write_asked.connect(self.ask_file)
        self.trials.burst_asked.connect(self.try_burst)
        self.trials.wiring_asked.connect(self.checks.check_wiring)
        self.trials.exposure_asked.connect(self.checks.set_exposure)
        self.live.clicked.connect(self.select)
        self.connect_button.clicked.connect(self.connect_rig)
        self.choose_button.clicked.connect(self.choose_rig)
        self.link.changed.connect(self._rig_changed)
        self.link.pictured.connect(self._take_picture)
        self.context.project_changed.connect(self._rig_changed)
        self._rig_changed()

    @override
    def actions_of(self) -> Sequence[Action]:
        return (
            Action("rig.look", "Look what is plugged in", self.look, "F5", menu="Run", icon="arrow-clockwise"),
            Action("rig.burst", "Test burst", self.try_burst, "T", menu="Run", icon="lightning"),
            Action("rig.wiring", "Self-test of the wiring", self.checks.check_wiring, menu="Run", icon="plugs"),
            Action("rig.exposure", "Set up exposure and light", self.checks.set_exposure, menu="Run", icon="aperture"),
            Action("rig.firmware", "Update firmware…", self.projectors.ask_image, menu="Run", icon="upload-simple"),
            Action("rig.connect", "Connect rig", self.connect_rig, menu="Run", icon="plugs"),
            Action("rig.choose", "Choose rig for the window…", self.choose_rig, menu="Run", icon="video-camera"),
            Action("rig.write", "Write rig file…", self.ask_file, menu="Run", icon="floppy-disk"),
        )

    @override
    def enter(self) -> None:
        self._here = True
        self._rig_changed()
        self.projectors.enter()
        if not self.drivers.entries:
            self.look()

    @override
    def leave(self) -> None:
        self._here = False
        self.projectors.leave()
        if not self._bursting and not self.checks.running:
            self.link.stream(())

    @override
    def shut_down(self) -> None:
        self.projectors.leave()

    @override
    def set_narrow(self, narrow: bool) -> None:
        self.drivers.set_narrow(narrow)
        for side in (self.drivers, self.trials):
            side.setFixedWidth(_SIDE_NARROW if narrow else _SIDE)

    # Drivers

    def look(self) -> None:
        """List the drivers and what they see, on a thread."""
        if self._looking:
            return
        self._looking = True
        self.drivers.show_busy(True)

        def show(entries: tuple[DriverEntry, ...]) -> None:
            self._looking = False
            self.drivers.show_busy(False)
            cameras = [c for entry in entries for c in entry.cameras if c.driver != "pattern"]
            self.drivers.show_entries(entries, places_for(cameras))

        def failed(error: BaseException) -> None:
            self._looking = False
            self.drivers.show_busy(False)
            self.program.show_failure("The devices cannot be listed", error)

        self.background.run(list_drivers, show, failed)

    def ask_file(self) -> None:
        """Ask where the rig file goes, and write it."""
        if not self.drivers.cameras:
            self.program.window.show_error(
                "No rig file is written", "No camera is plugged in.", "Plug cameras in, then look again."
            )
            return
        project = self.context.project
        start = (project.folder if project is not None else Path.home()) / "rig.toml"
        chosen, _ = QFileDialog.getSaveFileName(self, "Write a rig file", str(start), "Rig files (*.toml)")
        if chosen:
            self.write_file(Path(chosen))

    def write_file(self, file: Path) -> None:
        """Write a rig file of the cameras that have a place; the dialog has asked whether one may be replaced."""
        projectors = [p for entry in self.drivers.entries for p in entry.projectors]
        cameras, places = self.drivers.cameras, self.drivers.places()
        file = file.with_suffix(".toml")

        def work() -> None:
            write_rig(file, rig_text(cameras, places, projectors, file.stem), force=True)

        def done(_: Any) -> None:
            bar = MessageBar(
                f"{file.name} is written",
                f"{len(places)} cameras by serial number, in {file.parent}.",
                "Check wiring and places in it, then connect it.",
                State.GOOD,
                [("Connect it", lambda: self._use_rig(str(file)))],
            )
            self.program.window.show_message(bar)

        self.background.run(work, done, lambda e: self.program.show_failure("The rig file is not written", e))

    # The rig

    def connect_rig(self) -> None:
        """Connect the rig of the window again, or ask which."""
        name = self.context.rig or self.link.name
        if name:
            self.link.connect(name)
        else:
            self.choose_rig()

    def choose_rig(self) -> None:
        """Ask which rig."""
        self.program.window.ask(ask_rig(self.context.rig or self.link.name, self._use_rig))

    def _use_rig(self, name: str) -> None:
        if self.context.project is not None:
            self.context.set_rig(name)  # Capture connects it for the whole window
        else:
            self.link.connect(name)

    def _rig_changed(self) -> None:
        link = self.link
        name = Path(link.name).name or Path(self.context.rig).name
        self._rig_name.setText(name or "No rig")
        states = {
            RigState.NONE: ("Not connected", State.NONE),
            RigState.CONNECTING: ("Connecting", State.WORK),
            RigState.READY: (f"{link.count} devices", State.GOOD),
            RigState.FAILED: ("Not connected", State.BAD),
        }
        self.badge.show_state(*states[link.state])
        self.connect_button.set_words("Connect" if link.devices is None else "Connect again")
        self.connect_button.updateGeometry()
        ready = link.state is RigState.READY
        if link.devices is not self._tried:
            self._results, self._tried = (), link.devices
            self.trials.clear()
            self.projectors.forget()
        self.trials.set_ready(ready and not self._bursting and not self.checks.running)
        if ready:
            self._show_cameras()
        else:
            self._show_empty(name)
        self._middle.setCurrentIndex(1 if ready else 0)

    def _show_empty(self, name: str) -> None:
        layout = self._empty.layout()
        assert layout is not None
        empty_layout(layout)
        error = words_of(self.link.error)[0] if self.link.error is not None else ""
        acts = [("Connect", self.connect_rig), ("Choose rig…", self.choose_rig)]
        if self.link.state is RigState.CONNECTING:
            state = EmptyState("plugs", f"Connecting {name}", "Each device is opened and asked who it is.")
        elif error:
            state = EmptyState("plugs", f"{name} is not connected", error, acts, primary=False)
        else:
            todo = "Give the places of the cameras at the left, write a rig file, and connect it."
            state = EmptyState("plugs", "No rig is connected", todo, acts if name else acts[1:], primary=False)
        layout.addWidget(state)
        self.select("")

    def _show_cameras(self) -> None:
        cameras = sorted(self.link.cameras(), key=lambda c: c.labels[1])
        columns = max(1, len({c.group for c in cameras}))
        self.live.set_cameras([(c.name, c.labels) for c in cameras], columns)
        names = [c.name for c in cameras]
        self.select(self._selected if self._selected in names else names[0] if names else "")
        if self._here and not self._bursting and not self.checks.running and not self.projectors.updating:
            self.link.stream(names)

    def _take_picture(self, camera: str, picture: Any) -> None:
        if self._here:
            self.live.set_picture(camera, picture)

    def select(self, name: str) -> None:
        """Show a camera at the right."""
        self._selected = name
        self.live.set_selected(name)
        devices = self.link.devices
        camera = devices.cameras.get(name) if devices is not None else None
        trials = (t for result in self._results for t in result.cameras if t.info.name == name)
        info = camera.info if camera is not None else None
        self.trials.show_camera(info, next(trials, None))
        self.projectors.show_group(info.group if info is not None else "")

    # The test burst

    @property
    def _is_busy(self) -> bool:
        return self._bursting or self.checks.running or self.projectors.updating

    def try_burst(self) -> None:
        """Let every group shoot once; nothing is kept."""
        devices = self.link.devices
        if devices is None or self.link.state is not RigState.READY or self._is_busy:
            return
        self._bursting = True
        self.trials.clear()
        self.trials.show_running("")

        def work() -> tuple[GroupTrial, ...]:
            from faceapp.app.device_trial import try_group

            self.link.pause(devices)
            results = []
            for group in devices.rig.groups:
                self.relay.post(partial(self.trials.show_running, group.name))
                results.append(try_group(devices, group.name))
            return tuple(results)

        self.link.run(work, lambda results: self._burst_done(devices, results), self._burst_failed)

    def _burst_done(self, devices: ConnectedRig, results: tuple[GroupTrial, ...]) -> None:
        self._bursting = False
        if devices is self.link.devices:
            self._results, self._tried = results, devices
            self.trials.show_trials(results)
        self._rig_changed()

    def _burst_failed(self, error: BaseException) -> None:
        self._bursting = False
        self.trials.clear()
        self._rig_changed()
        if isinstance(error, FaceappError):
            self.program.show_failure("The test burst failed", error, [("Try again", self.try_burst)])
        else:
            self.program.show_failure("The test burst failed", error)
