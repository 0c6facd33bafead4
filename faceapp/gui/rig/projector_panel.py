"""A projector at the right of the Devices page: what it is, how it is now, its light, what it cannot."""

from __future__ import annotations

import math

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSpinBox, QVBoxLayout, QWidget

from faceapp.app.projector_care import ProjectorReport
from faceapp.devices.projector_records import ProjectorState
from faceapp.gui.widgets.buttons import Button
from faceapp.gui.widgets.labels import Fact, SectionHead, label
from faceapp.gui.widgets.layouts import empty_layout
from faceapp.gui.widgets.states import Badge, State

_UNIT = "\N{NO-BREAK SPACE}"
_WARM_C = 60.0
_FACTS = ("Device", "Firmware", "Trigger out", "Flash", "Temperature")
_UNKNOWN = -1


class ProjectorPanel(QWidget):
    """Facts of one projector, and its brightness to be set.

    Signals
    -------
    update_asked()
        Firmware of a file is to be put into it.
    brightness_asked(float)
        0 to 1.
    """

    update_asked = Signal()
    brightness_asked = Signal(float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.badge = Badge("Not connected", State.NONE)
        self.facts = {name: Fact(name) for name in _FACTS}
        self.update_button = Button("Update firmware…", "quiet", "upload-simple")
        self.update_button.clicked.connect(self.update_asked)
        self.kept = label("", "secondary", wrap=True)
        self._words = QVBoxLayout()
        self._words.setSpacing(4)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(SectionHead("Projector", self.badge))
        for name, fact in self.facts.items():
            column.addWidget(fact)
            if name == "Firmware":
                column.addLayout(self._make_brightness())
                column.addWidget(self.kept)
        column.addLayout(self._words)
        row = QHBoxLayout()
        row.addWidget(self.update_button)
        row.addStretch()
        column.addLayout(row)
        self.show_report(None)

    def _make_brightness(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        self.brightness = box = QSpinBox()
        box.setLocale(QLocale.c())
        box.setSuffix(f"{_UNIT}%")
        box.setSpecialValueText("–")
        box.setRange(_UNKNOWN, 100)
        box.setSingleStep(5)
        box.setKeyboardTracking(False)
        box.setFixedSize(84, 30)
        box.lineEdit().setTextMargins(8, 0, 0, 0)  # the style sheet's padding does not reach a spin box's own field
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # a wheel that scrolls the page changes no light
        box.setAccessibleName("Brightness of the projector")
        box.valueChanged.connect(self._brightness_changed)
        row.addWidget(label("Brightness", "body2"))
        row.addStretch()
        row.addWidget(box)
        return row

    def _brightness_changed(self, value: int) -> None:
        if value != _UNKNOWN:
            self.brightness_asked.emit(value / 100)

    @property
    def words(self) -> tuple[str, ...]:
        """Sentences that are shown."""
        items = (self._words.itemAt(i) for i in range(self._words.count()))
        return tuple(w.text() for item in items if item is not None and (w := item.widget()) is not None)  # type: ignore[attr-defined]

    def show_report(self, report: ProjectorReport | None) -> None:
        """Show a projector; nothing without one."""
        empty_layout(self._words)
        for fact in self.facts.values():
            fact.set_value("–")
        self.update_button.setVisible(report is not None and report.info.updates)
        self._show_brightness(report)
        if report is None:
            self.badge.show_state("Not connected", State.NONE)
            return
        info, state = report.info, report.state
        self.facts["Device"].set_value(" ".join(filter(None, (info.driver, info.serial))))
        self.facts["Firmware"].set_value(info.version or "–")
        if info.flash is not None:
            width, delay = 1000 * info.flash.width_s, 1000 * info.flash.delay_s
            when = f"exposure {info.flash.after}" if info.flash.after >= 0 else "the last exposure"
            self.facts["Flash"].set_value(f"{width:g}{_UNIT}ms, {delay:g}{_UNIT}ms after {when}")
        if state is not None:
            self._show_state(state)
        if report.troubles:
            self.badge.show_state("Look at it", State.BAD)
        elif state is None:
            self.badge.show_state("Connected", State.NONE)
        else:
            self.badge.show_state("Lit" if state.is_lit else "Ready", State.WORK if state.is_lit else State.GOOD)
        for trouble in report.troubles:
            self._words.addWidget(label(trouble[:1].upper() + trouble[1:], "bad", wrap=True))
        for sentence in info.cannot:
            self._words.addWidget(label(sentence[:1].upper() + sentence[1:], "secondary", wrap=True))

    def _show_brightness(self, report: ProjectorReport | None) -> None:
        known = report.brightness if report is not None else None
        adjusts = report is not None and report.info.adjusts
        self.brightness.blockSignals(True)
        self.brightness.setMinimum(_UNKNOWN if known is None else 0)
        self.brightness.setValue(_UNKNOWN if known is None else round(100 * known))
        self.brightness.blockSignals(False)
        self.brightness.setEnabled(adjusts)
        self.brightness.setToolTip(
            "Light of the projector; the rig file and the project keep it" if adjusts else "It takes no brightness"
        )
        if not adjusts:
            self.show_kept("")

    def show_kept(self, words: str) -> None:
        """Say under the brightness where it is kept."""
        self.kept.setText(words)
        self.kept.setVisible(bool(words))

    def _show_state(self, state: ProjectorState) -> None:
        has = state.settings
        if has.trigger_width_s is not None and has.trigger_delay_s is not None:
            width, delay = 1000 * has.trigger_width_s, 1000 * has.trigger_delay_s
            self.facts["Trigger out"].set_value(f"{width:g}{_UNIT}ms after {delay:g}{_UNIT}ms")
        if not math.isnan(state.temperature_c):
            role = "check" if state.temperature_c > _WARM_C else ""
            self.facts["Temperature"].set_value(f"{state.temperature_c:.1f}{_UNIT}°C", role)

    def show_progress(self, share: float) -> None:
        """Say how far an update is."""
        self.badge.show_state(f"Updating, {100 * share:.0f}{_UNIT}%", State.WORK)
        self.update_button.setEnabled(False)

    def end_progress(self) -> None:
        """Allow the next update."""
        self.update_button.setEnabled(True)
