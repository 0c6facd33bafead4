"""The panel where a registration is repaired: moved landmarks, pins, stiffer parts, and old beside new in figures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from faceapp.app.repairing import Repairs
from faceapp.gui.review.figures_panel import name_of
from faceapp.gui.review.results import Result, millimetres, number, part_title
from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Button, Segmented, ToolButton
from faceapp.gui.widgets.labels import Fact, SectionHead, label, line
from faceapp.gui.widgets.layouts import empty_layout

FACTORS = ("1", "3", "10", "30")
_FIGURES = (
    ("Face, mean", "face.residual_mean"),
    ("Face, p95", "face.residual_p95"),
    ("Landmarks, mean", "landmarks.residual_mean"),
)


class RepairPanel(QWidget):
    """What was put right, and the button that registers again.

    Signals
    -------
    pinning(bool)
        The next clicks choose a point of the registration, then its place on the scan.
    removed(str, int)
        A repair is to go: ``landmark`` or ``pin``, and its index.
    stiffened(str, float)
        A part and its factor.
    undone(), redone(), again()
    """

    pinning = Signal(bool)
    removed = Signal(str, int)
    stiffened = Signal(str, float)
    undone = Signal()
    redone = Signal()
    again = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        self._names: tuple[str, ...] = ()
        self._repairs = Repairs()
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(8)
        self.words = label("", "body2", wrap=True)
        column.addWidget(self.words)
        self.pin = Button("Pin a point", icon_name="target", key="P")
        self.pin.setCheckable(True)
        self.pin.toggled.connect(self.pinning)
        column.addWidget(self.pin)
        column.addLayout(self._stiffness_row())
        column.addWidget(line())
        inside = QWidget()
        self._list = QVBoxLayout(inside)
        self._list.setContentsMargins(0, 0, 6, 0)
        self._list.setSpacing(2)
        scroll = QScrollArea()
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.addWidget(scroll, 1)
        self._compared = QVBoxLayout()
        self._compared.setSpacing(0)
        column.addLayout(self._compared)
        column.addWidget(line())
        column.addLayout(self._foot())
        self.show_repairs(Repairs(), ())
        self.set_ready(False)

    def _stiffness_row(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(4)
        column.addWidget(SectionHead("Stiffness of a part, times"))
        row = QHBoxLayout()
        row.setSpacing(8)
        self.part = QComboBox()
        self.part.setAccessibleName("Part")
        self.part.currentIndexChanged.connect(lambda _: self._show_factor())
        self.factor = Segmented(tuple((f, f) for f in FACTORS), padding=20)
        self.factor.changed.connect(self._stiffen)
        row.addWidget(self.part, 1)
        row.addWidget(self.factor)
        column.addLayout(row)
        return column

    def _foot(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(8)
        undo = ToolButton("arrow-counter-clockwise", "Undo the last repair", "Ctrl+Z", side=36)
        redo = ToolButton("arrow-clockwise", "Do it again", "Ctrl+Shift+Z", side=36)
        undo.clicked.connect(self.undone)
        redo.clicked.connect(self.redone)
        self.run = Button("Register again", "primary", tall=True)
        self.run.clicked.connect(self.again)
        row.addWidget(undo)
        row.addWidget(redo)
        row.addWidget(self.run, 1)
        return row

    def set_parts(self, parts: Sequence[str]) -> None:
        """Offer the parts of the template."""
        if self.part.count() != len(parts):
            self.part.clear()
            for part in parts:
                self.part.addItem(part_title(part), part)

    def set_ready(self, ready: bool, words: str = "") -> None:
        """Say what to do, or why nothing can be done."""
        for widget in (self.pin, self.part, self.factor, self.run):
            widget.setEnabled(ready)
        guide = (
            "Drag a landmark on the scan to where it belongs. Or pin a point: click the registration, then the place "
            "on the scan. Then register again: old and new can be compared."
        )
        self.words.setText(words or (guide if ready else "Nothing to repair: the sample is not registered."))

    def show_repairs(self, repairs: Repairs, names: tuple[str, ...]) -> None:
        """List what was put right."""
        self._repairs, self._names = repairs, names or self._names
        empty_layout(self._list)
        self._list.addWidget(SectionHead("Repairs"))
        for index in sorted(repairs.landmarks):
            name = name_of(self._names[index]) if index < len(self._names) else ""
            self._list.addWidget(self._row(f"{index}  {name}", partial(self.removed.emit, "landmark", index)))
        for vertex in sorted(repairs.pins):
            self._list.addWidget(self._row(f"Pin of vertex {vertex}", partial(self.removed.emit, "pin", vertex)))
        for part, factor in sorted(repairs.stiffness.items()):
            words = f"{part_title(part)}, stiffness times {factor:g}"
            self._list.addWidget(self._row(words, partial(self.stiffened.emit, part, 1.0)))
        if not repairs:
            self._list.addWidget(label("None yet.", "secondary"))
        self._list.addStretch()
        self._show_factor()

    def show_compared(self, result: Result | None, before: Result | None) -> None:
        """Show the figures of the result and of the one before it."""
        empty_layout(self._compared)
        if result is None or before is None:
            return
        self._compared.addWidget(SectionHead("Before and now"))
        for title, name in _FIGURES:
            old, new = number(before.report, name), number(result.report, name)
            fact = Fact(title)
            fact.set_value(f"{millimetres(old)}  →  {millimetres(new)}", "check" if new > 1.02 * old else "")
            self._compared.addWidget(fact)

    def _row(self, text: str, act: Callable[[], object]) -> QWidget:
        widget = QWidget()
        row = QHBoxLayout(widget)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(label(text), 1)
        cross = ToolButton("x", f"Take back: {text}", side=24)
        cross.clicked.connect(lambda _=False: act())
        row.addWidget(cross)
        return widget

    def _show_factor(self) -> None:
        factor = f"{self._repairs.stiffness.get(str(self.part.currentData()), 1.0):g}"
        self.factor.set_current(factor if factor in FACTORS else FACTORS[0])

    def _stiffen(self, factor: str) -> None:
        if self.part.currentData() is not None:
            self.stiffened.emit(str(self.part.currentData()), float(factor))
