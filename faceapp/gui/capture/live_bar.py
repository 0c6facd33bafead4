"""The line under Capture while a group is scanned live: how fast, how late, at what cost."""

from __future__ import annotations

import math
import time
from collections import deque
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from faceapp.gui.theme import SIZES, surface
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.states import Badge, State

if TYPE_CHECKING:
    from faceapp.capture.live import LiveRates

_OVER_S = 2.0
_SAY_EVERY_S = 0.5  # figures that change faster cannot be read
_SPACE = "\N{NO-BREAK SPACE}"


class DrawnRate:
    """How many pictures a second came onto the screen, over the last two seconds."""

    def __init__(self) -> None:
        self._at: deque[float] = deque(maxlen=256)
        self._begun = time.perf_counter()

    def count(self) -> None:
        """Count a picture."""
        self._at.append(time.perf_counter())

    @property
    def hz(self) -> float:
        """Pictures a second."""
        now = time.perf_counter()
        over = min(_OVER_S, max(now - self._begun, 1e-3))
        return sum(now - t < over for t in self._at) / over


class LiveBar(QWidget):
    """State and figures of the live scan, in words; what each figure means stands in its tool tip."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        self.setFixedHeight(SIZES.status)
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(16)
        self.badge = Badge("", State.WORK)
        row.addWidget(self.badge)
        self.figures = {name: label("", "secondary") for name in ("clouds", "frames", "lost", "age", "processor")}
        for figure in self.figures.values():
            figure.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
            row.addWidget(figure)
        row.addStretch()
        self._said_at = 0.0

    def show_state(self, text: str, state: State) -> None:
        """Say what the scan does, or why it shows nothing."""
        if (text, state) != (self.badge.text, self.badge.state):
            self.badge.show_state(text, state)

    def clear(self) -> None:
        """Show no figures: nothing has come yet."""
        self._said_at = 0.0
        for figure in self.figures.values():
            figure.setText("")
            figure.setToolTip("")

    def show_rates(self, rates: LiveRates, drawn_hz: float, age_s: float) -> None:
        """Show how it runs; twice a second at most.

        Parameters
        ----------
        rates : LiveRates
            Of the scanner.
        drawn_hz : float
            Clouds a second that came onto the screen.
        age_s : float
            From the last frame of a cloud until it was on the screen; NaN: not known.
        """
        now = time.perf_counter()
        if now - self._said_at < _SAY_EVERY_S:
            return
        self._said_at = now
        age = "" if math.isnan(age_s) else f"{1000 * age_s:.0f}{_SPACE}ms old"
        tells_rig = not math.isnan(rates.rig) and rates.rig > 0
        here = f"{100 * rates.decoder:.0f}{_SPACE}%"
        rig = f", simulated rig {100 * rates.rig:.0f}{_SPACE}%" if tells_rig else ""
        self._say(
            "clouds",
            f"{drawn_hz:.0f} clouds a second",
            f"{drawn_hz:.1f} clouds a second came onto the screen, {rates.clouds_hz:.1f} were measured, "
            "over the last two seconds",
        )
        self._say(
            "frames",
            f"{rates.frames_hz:.0f} frames a second",
            "Frames a second of each infrared camera of this group",
        )
        self._say(
            "lost",
            f"{rates.dropped} frames lost",
            "Frames of both cameras since the scan began that did not come; older ones of the same exposure stood in",
        )
        self._say("age", age, "From the last frame of a cloud until it stands on the screen")
        self._say(
            "processor",
            f"Processor: program {here}{rig}",
            "Processor time since the scan began, in parts of one core: this program with all its threads"
            + ("; and beside it the process that simulates the rig" if tells_rig else ""),
        )

    def _say(self, name: str, text: str, tip: str) -> None:
        figure = self.figures[name]
        if figure.text() != text:
            figure.setText(text)
            figure.setFixedWidth(max(figure.width() if figure.width() < 400 else 0, figure.sizeHint().width()))
        figure.setToolTip(tip)
