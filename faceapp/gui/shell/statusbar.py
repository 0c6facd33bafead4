"""What runs, what is wrong, what is saved, and who sits here."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QToolButton, QWidget

from faceapp.gui.theme import SIZES, icon, surface
from faceapp.gui.widgets.buttons import ToolButton
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.metrics import ProgressBar, Spinner
from faceapp.gui.widgets.states import State, StateLabel


class StatusBar(QWidget):
    """The bar at the foot, 28 px.

    Signals
    -------
    jobCancelled(), jobClicked(), operatorClicked()
    stateClicked(str)
        Identifier of the state.
    """

    jobCancelled = Signal()  # noqa: N815 - Qt names
    jobClicked = Signal()  # noqa: N815
    operatorClicked = Signal()  # noqa: N815
    stateClicked = Signal(str)  # noqa: N815

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "window")
        self.setFixedHeight(SIZES.status)
        row = QHBoxLayout(self)
        row.setContentsMargins(SIZES.margin, 0, SIZES.margin, 0)
        row.setSpacing(10)
        self._job = QWidget()
        job = QHBoxLayout(self._job)
        job.setContentsMargins(0, 0, 0, 0)
        job.setSpacing(8)
        self._job_text = label("", "secondary")
        self._job_bar = ProgressBar(thickness=6)
        self._job_bar.setFixedWidth(120)
        self._job_far = label("", "secondary")
        self._job_cancel = ToolButton("x", "Cancel what runs", side=20)
        self._job_cancel.clicked.connect(self.jobCancelled)
        for widget in (Spinner(), self._job_text, self._job_bar, self._job_cancel, self._job_far):
            job.addWidget(widget)
        self._job.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self._job.hide()
        row.addWidget(self._job)
        row.addStretch()
        self._states: dict[str, StateLabel] = {}
        self._state_row = QHBoxLayout()
        self._state_row.setSpacing(16)
        row.addLayout(self._state_row)
        self._line = QWidget()
        self._line.setFixedSize(1, 14)
        surface(self._line, "line")
        row.addWidget(self._line)
        self._saved = label("", "secondary")
        row.addWidget(self._saved)
        self._operator = QToolButton()
        self._operator.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._operator.setIcon(icon("user-circle"))
        self._operator.setText(" Who?")
        self._operator.setFixedHeight(22)
        self._operator.setToolTip("Who sits here: every act carries these initials")
        self._operator.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._operator.clicked.connect(self.operatorClicked)
        row.addWidget(self._operator)

    def show_job(self, text: str, far: str = "", fraction: float | None = None, can_cancel: bool = True) -> None:
        """Show what runs: in words, how far in words, and as a fraction (``None``: not known)."""
        self._job_text.setText(text)
        self._job_far.setText(far)
        self._job_bar.set_fraction(fraction)
        self._job_cancel.setVisible(can_cancel)
        self._job.show()

    def clear_job(self) -> None:
        """Nothing runs."""
        self._job.hide()

    @property
    def job(self) -> str:
        """What runs, or an empty text."""
        return "" if self._job.isHidden() else self._job_text.text()

    def set_state(self, identifier: str, text: str, state: State, tip: str = "") -> None:
        """Show a state such as ``devices``, ``calibration`` or ``disk``; an empty text removes it."""
        if identifier not in self._states:
            if not text:
                return
            shown = StateLabel()
            shown.clicked.connect(lambda: self.stateClicked.emit(identifier))
            self._states[identifier] = shown
            self._state_row.addWidget(shown)
        self._states[identifier].show_state(text, state)
        self._states[identifier].setToolTip(tip)
        self._states[identifier].setVisible(bool(text))

    def state_text(self, identifier: str) -> str:
        """Return the words of a state."""
        return self._states[identifier].text if identifier in self._states else ""

    def set_saved(self, when: datetime | None) -> None:
        """Show when the last act reached the disk."""
        self._saved.setText(f"Saved {when:%H:%M:%S}" if when else "")

    def set_operator(self, initials: str) -> None:
        """Show who sits here; an empty text asks."""
        self._operator.setText(f" {initials or 'Who?'}")

    @property
    def operator(self) -> str:
        """The initials shown."""
        return self._operator.text().strip()
