"""The right of the Devices page: what a camera is, which settings it took, and how the test burst went."""

from __future__ import annotations

import math
from collections.abc import Sequence

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from faceapp.app.device_trial import CameraTrial, GroupTrial
from faceapp.devices.records import CameraInfo, CameraSettings
from faceapp.gui.rig.projector_panel import ProjectorPanel
from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Button
from faceapp.gui.widgets.labels import Fact, SectionHead, label
from faceapp.gui.widgets.layouts import empty_layout
from faceapp.gui.widgets.messages import IconLabel
from faceapp.gui.widgets.states import Badge, State

_UNIT = "\N{NO-BREAK SPACE}"


class TrialPanel(QWidget):
    """Facts of the selected camera and of its group's projector, and the result of the last test burst.

    Signals
    -------
    burst_asked()
    wiring_asked()
        The self-test of the wiring is wanted.
    exposure_asked()
        Exposure, gain and light are to be set up.
    """

    burst_asked = Signal()
    wiring_asked = Signal()
    exposure_asked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        self._name = label("No camera", "title")
        self.facts = {
            name: Fact(name)
            for name in (
                "Driver",
                "Serial",
                "Pixels",
                "Format",
                "Trigger",
                "Exposure",
                "Gain",
                "Brightest",
                "Saturated",
            )
        }
        self.projector = ProjectorPanel()
        self.badge = Badge("Not tried", State.NONE)
        self.burst = Button("Test burst", "primary", "lightning", key="T")
        self.burst.clicked.connect(self.burst_asked)
        self.wiring = Button("Self-test", "quiet", "plugs")
        self.wiring.clicked.connect(self.wiring_asked)
        self.exposure = Button("Exposure", "quiet", "aperture")
        self.exposure.clicked.connect(self.exposure_asked)
        self._results = QVBoxLayout()
        self._results.setSpacing(4)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(12, 8, 12, 4)
        column.setSpacing(4)
        column.addWidget(self._name)
        for fact in self.facts.values():
            column.addWidget(fact)
        column.addSpacing(8)
        column.addWidget(self.projector)
        column.addSpacing(8)
        self._head = SectionHead("Tests", self.badge)
        column.addWidget(self._head)
        column.addLayout(self._results)
        column.addStretch()
        self._to_reveal = False
        self._scroll = scroll = QScrollArea()
        scroll.verticalScrollBar().rangeChanged.connect(self._range_changed)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inner)
        row = QHBoxLayout()
        row.setContentsMargins(12, 8, 12, 12)
        row.addWidget(self.burst)
        row.addStretch()
        checks = QHBoxLayout()
        checks.setContentsMargins(12, 8, 12, 0)
        checks.addWidget(self.wiring)
        checks.addWidget(self.exposure)
        checks.addStretch()
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.setSpacing(0)
        outer.addWidget(scroll, 1)
        outer.addLayout(checks)
        outer.addLayout(row)

    def show_camera(self, info: CameraInfo | None, trial: CameraTrial | None) -> None:
        """Show what a camera is and what it took; nothing without one."""
        for fact in self.facts.values():
            fact.set_value("–")
        self._name.setText(info.name if info is not None else "No camera")
        if info is None:
            return
        self.facts["Driver"].set_value(info.driver)
        self.facts["Serial"].set_value(info.serial or "–")
        self.facts["Pixels"].set_value(f"{info.width} × {info.height}")
        self.facts["Format"].set_value(info.pixel_format or f"{info.bits}{_UNIT}bit")
        self.facts["Trigger"].set_value(info.trigger or "–")
        if trial is None:
            self._show_settings(info.settings)
            return
        off = abs(trial.took.exposure_ms / trial.wanted.exposure_ms - 1) > 0.01
        asked = f" of {trial.wanted.exposure_ms:g}" if off else ""
        self.facts["Exposure"].set_value(f"{trial.took.exposure_ms:.2f}{_UNIT}ms{asked}", "check" if off else "")
        self.facts["Gain"].set_value(f"{trial.took.gain_db:.1f}{_UNIT}dB")
        if not math.isnan(trial.brightest):
            self.facts["Brightest"].set_value(f"{trial.brightest:.0f} of {(1 << info.bits) - 1}")
            full = trial.saturated > 0.01
            self.facts["Saturated"].set_value(f"{100 * trial.saturated:.1f}{_UNIT}%", "check" if full else "")

    def _show_settings(self, settings: CameraSettings | None) -> None:
        if settings is not None:
            self.facts["Exposure"].set_value(f"{settings.exposure_ms:.2f}{_UNIT}ms")
            self.facts["Gain"].set_value(f"{settings.gain_db:.1f}{_UNIT}dB")

    def show_running(self, group: str) -> None:
        """Say which group is tried now."""
        self.show_busy(f"Trying {group}" if group else "Trying")

    def show_busy(self, words: str) -> None:
        """Say what runs now; nothing else can be begun meanwhile."""
        self.badge.show_state(words, State.WORK)
        self.set_ready(False)

    def show_rows(self, words: str, state: State, rows: Sequence[tuple[bool, str, str, str]]) -> None:
        """Show a result: for each thing whether it is good, its name, a value, and a sentence."""
        self.clear()
        self.badge.show_state(words, state)
        for row in rows:
            self._add_row(*row)
        self._reveal()

    def _reveal(self) -> None:
        """Bring the result into sight: facts of devices stand above it."""
        self._to_reveal = True
        QTimer.singleShot(0, self, self._scroll_to_result)

    def _scroll_to_result(self) -> None:
        if self._to_reveal:
            self._scroll.verticalScrollBar().setValue(self._head.y())

    def _range_changed(self) -> None:
        """Scroll on as the rows of a result find their place, but not against the hand of a person."""
        self._scroll_to_result()
        self._to_reveal = False

    def show_trials(self, trials: Sequence[GroupTrial]) -> None:
        """Show the result of a test burst."""
        self.clear()
        good = all(trial.is_good for trial in trials)
        self.badge.show_state("Every frame came" if good else "Look at it", State.GOOD if good else State.BAD)
        for trial in trials:
            head = f"{trial.group.capitalize()}, {1000 * trial.seconds:.0f}{_UNIT}ms"
            self._add_row(not trial.fault, head, trial.projector, trial.fault)
            for camera in trial.cameras:
                rate = "" if math.isnan(camera.rate_hz) else f", {camera.rate_hz:.0f}{_UNIT}Hz"
                self._add_row(
                    not camera.fault, camera.info.name, f"{camera.frames} of {camera.expected}{rate}", camera.fault
                )
        self._reveal()

    def _add_row(self, good: bool, name: str, value: str, fault: str) -> None:
        state = State.GOOD if good else State.BAD
        holder = QWidget()
        column = QVBoxLayout(holder)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(IconLabel(state.icon, state.token, 14))
        row.addWidget(label(name), 1)
        row.addWidget(label(value, "" if good else "bad"))
        column.addLayout(row)
        if fault:
            column.addWidget(label(fault[:1].upper() + fault[1:], "secondary", wrap=True))
        self._results.addWidget(holder)

    def clear(self) -> None:
        """Forget the burst before."""
        self.badge.show_state("Not tried", State.NONE)
        empty_layout(self._results)

    def set_ready(self, ready: bool) -> None:
        """Allow a test burst and the checks of the rig, or not."""
        for button in (self.burst, self.wiring, self.exposure):
            button.setEnabled(ready)
