"""The samples that wait for a verdict, at the left of Review, and how far it is."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Segmented
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.metrics import ProgressBar
from faceapp.gui.widgets.samples import SampleEntry, SampleList


class QueuePanel(QWidget):
    """A list of samples with their state."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        self.which = Segmented((("queue", "Suspicious"), ("all", "All")), padding=20)
        self._title = label("Queue", "strong")
        head = QHBoxLayout()
        head.addWidget(self._title)
        head.addStretch()
        head.addWidget(self.which)
        column.addLayout(head)
        self._bar = ProgressBar(thickness=6)
        column.addWidget(self._bar)
        self._far, self._pace = label("", "secondary"), label("", "secondary")
        far = QHBoxLayout()
        far.addWidget(self._far)
        far.addStretch()
        far.addWidget(self._pace)
        column.addLayout(far)
        self.samples = SampleList("rows", QSize(200, 58))
        column.addWidget(self.samples, 1)
        self._note = label("", "secondary", wrap=True)
        column.addWidget(self._note)

    def set_narrow(self, narrow: bool) -> None:
        """Show pictures of the samples alone, or words too."""
        self.setFixedWidth(78 if narrow else 286)
        for widget in (self._title, self.which, self._far, self._pace):
            widget.setVisible(not narrow)

    def show_entries(
        self, entries: list[SampleEntry], current: str, judged: int, of: int, pace: str, note: str
    ) -> None:
        """Show the samples with their state.

        Parameters
        ----------
        entries : list of SampleEntry
            In the order of the queue.
        current : str
            Identifier of the one on the screen.
        judged, of : int
            How far it is.
        pace : str
            How long a verdict takes.
        note : str
            Why there are none.
        """
        self.samples.set_entries(entries)
        if self.samples.entries.row_of(current) < 0:
            self.samples.clearSelection()
        self.samples.set_current(current)
        self._bar.set_fraction(judged / max(1, of))
        self._far.setText(f"{judged} of {of} judged")
        self._pace.setText(pace)
        self._note.setText(note)
        self._note.setVisible(bool(note))
