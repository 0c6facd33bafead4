"""The page of the plan of annotation: who does which samples, which are gold, who did how much in what time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QSplitter,
    QStackedWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from faceapp.gui.annotate.plan_fields import PlanFields
from faceapp.gui.annotate.plan_samples import SamplesTable
from faceapp.gui.annotate.tables import align_figures, figures_table, number_words
from faceapp.gui.shell.actions import TAKES_KEYS
from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Button, ToolButton
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.messages import EmptyState
from faceapp.gui.widgets.metrics import ProgressBar

if TYPE_CHECKING:
    from faceapp.app.annotation_overview import Load, PlanOverview
    from faceapp.app.annotation_plan import PlannedSample

_LOADS = ("Annotator", "To do", "In work", "Submitted", "Gold", "Acts", "Undone", "Points", "Hours", "s a sample")
_TIPS = (
    "",
    "Samples of the queue that are not begun, gold ones among them",
    "Begun, or changed after they were handed in",
    "Handed in",
    "How many of the queue are gold; the annotator is not told which",
    "Edits",
    "Steps of undo",
    "Points of views that were placed or judged by hand",
    "From act to act; gaps of more than a minute are pauses",
    "Median over the samples that were handed in",
)
_ALL, _NOBODY, _GOLD, _BY_HAND = "", "?", "gold", "hand"


class PlanPage(QWidget):
    """Fields of the plan, the samples, the annotators; in place of the pictures.

    Signals
    -------
    closed()
        Back to the sample.
    agreementWanted()
        The screen of agreement.
    assignWanted(), goldWanted(), goldBackWanted()
        Of the samples that are chosen.
    openWanted(Sample)
        On a double click.
    undoWanted(), redoWanted()
        Of the changes that were made here.
    """

    closed = Signal()
    agreementWanted = Signal()  # noqa: N815 - a Qt name
    assignWanted = Signal()  # noqa: N815 - a Qt name
    goldWanted = Signal()  # noqa: N815 - a Qt name
    goldBackWanted = Signal()  # noqa: N815 - a Qt name
    openWanted = Signal(object)  # noqa: N815 - a Qt name
    undoWanted = Signal()  # noqa: N815 - a Qt name
    redoWanted = Signal()  # noqa: N815 - a Qt name

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "window")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setProperty(TAKES_KEYS, True)  # keys of points must not act on what is hidden
        self.overview: PlanOverview | None = None
        self._refusal = ""
        self._busy = False
        self._can_undo = self._can_redo = False
        self.fields, self.table = PlanFields(), SamplesTable()
        self.loads = figures_table(_LOADS)
        for k, tip in enumerate(_TIPS):
            self.loads.headerItem().setToolTip(k, tip)
        self.show_of = QComboBox()
        self.show_of.setMinimumWidth(180)
        self.show_of.setAccessibleName("Which samples")
        self.show_of.setToolTip("Which samples are listed; of one annotator, in the order of the queue")
        self.undo = ToolButton("arrow-counter-clockwise", "Take the last change of the plan back")
        self.redo = ToolButton("arrow-clockwise", "Make it again")
        self.assign = Button("Assign…")
        self.assign.setToolTip("Give the chosen samples to annotators, whatever the plan says")
        self.gold = Button("Mark as gold…")
        self.gold.setToolTip("Say whose landmarks of the chosen samples are the right ones")
        self.gold_back = Button("Take gold back")
        self.gold_back.setToolTip("The chosen samples are no longer gold")
        self.agreement, self.back = Button("Agreement"), Button("Back", key="Esc")
        self.agreement.setToolTip("How well annotators agree, with each other and with gold; who drifts")
        self.said, self.progress = label("", "body2", wrap=True), ProgressBar()
        self.empty = EmptyState(
            "list",
            "No sample yet",
            "Samples come from Capture, or as pictures and meshes dropped here.",
        )
        self.listed = QStackedWidget()
        self._lay_out()
        self._connect()
        self.begin()

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(10)
        column.addLayout(
            _row(label("Plan of annotation", "title"), None, self.undo, self.redo, self.agreement, self.back)
        )
        column.addWidget(self.fields)
        column.addWidget(self.progress)
        column.addWidget(self.said)
        column.addLayout(_row(label("Samples", "strong"), self.show_of, None, self.assign, self.gold, self.gold_back))
        below = QWidget()
        inner = QVBoxLayout(below)
        inner.setContentsMargins(0, 8, 0, 0)
        inner.addWidget(label("Who has how much to do, and did how much in what time", "strong"))
        inner.addWidget(self.loads)
        self.listed.addWidget(self.table)
        self.listed.addWidget(self.empty)
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.listed)
        halves.addWidget(below)
        halves.setStretchFactor(0, 3)
        halves.setStretchFactor(1, 2)
        column.addWidget(halves, 1)

    def _connect(self) -> None:
        for button, signal in (
            (self.back, self.closed), (self.agreement, self.agreementWanted), (self.assign, self.assignWanted),
            (self.gold, self.goldWanted), (self.gold_back, self.goldBackWanted), (self.undo, self.undoWanted),
            (self.redo, self.redoWanted),
        ):  # fmt: skip
            button.clicked.connect(lambda _=False, signal=signal: signal.emit())
        self.show_of.currentIndexChanged.connect(lambda _: self._show_samples())
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._show_acts())
        self.table.doubleClicked.connect(
            lambda index: self.openWanted.emit(self.table.samples.rows[index.row()].sample)
        )

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
            return
        super().keyPressEvent(event)

    def set_refusal(self, text: str) -> None:
        """Say why nothing can be changed; an empty text: it can."""
        self._refusal = text
        self.fields.set_on(not text)
        self._show_acts()

    def set_history(self, undo: str, redo: str) -> None:
        """Say which change can be taken back, and which made again; empty for none."""
        self._can_undo, self._can_redo = bool(undo), bool(redo)
        self.undo.setToolTip(f"Take back: {undo}" if undo else "No change to take back")
        self.redo.setToolTip(f"Make again: {redo}" if redo else "No change to make again")
        self._show_acts()

    def set_busy(self, busy: bool) -> None:
        """Let nothing be changed while a change is being written."""
        self._busy = busy
        self._show_acts()

    def forget(self) -> None:
        """Show nothing: another project comes."""
        self.overview = None
        self.fields.forget()
        self.table.show_rows(())
        self.loads.clear()

    def begin(self) -> None:
        """Say that the samples are being read; what was read before stays until then."""
        self.progress.set_fraction(None)
        self.progress.show()
        if self.overview is None:
            self.said.setText("Reading the samples…")
        self._show_acts()

    def show_progress(self, done: float | None) -> None:
        """Say how far the reading is."""
        self.progress.set_fraction(done)

    def fail(self, text: str) -> None:
        """Say why there is nothing to show."""
        self.progress.hide()
        self.said.setText(text)

    def show_overview(self, overview: PlanOverview) -> None:
        """Show what was read."""
        self.overview = overview
        self.progress.hide()
        self.fields.show_plan(overview.plan)
        self._show_choices()
        self._show_samples()
        self._show_loads()
        self.said.setText(self._told(overview))

    @property
    def chosen(self) -> tuple[PlannedSample, ...]:
        """The samples that are chosen."""
        return self.table.chosen()

    def _told(self, overview: PlanOverview) -> str:
        if self._refusal:
            return self._refusal
        plan, gold, words = overview.plan, overview.gold_count, []
        if overview.samples:
            words.append(f"{len(overview.samples)} sample{'s' * (len(overview.samples) > 1)}, {gold} of them gold.")
        if not plan.annotators:
            words.append("Nobody is listed: all are for everybody, first come, first served.")
        elif len(plan.annotators) < plan.per_sample + (plan.double_share > 0):
            words.append(f"Only {len(plan.annotators)} listed: too few to give samples to as many as the plan asks.")
        if overview.samples and not gold:
            words.append("Without gold samples nobody knows who drifts: mark some whose landmarks are certain.")
        return " ".join(words)

    def _show_choices(self) -> None:
        assert self.overview is not None
        kept = self.show_of.currentData() or _ALL
        self.show_of.blockSignals(True)
        self.show_of.clear()
        for words, key in (("All samples", _ALL), ("Nobody has begun", _NOBODY), ("Gold", _GOLD)):
            self.show_of.addItem(words, key)
        self.show_of.addItem("Given by hand", _BY_HAND)
        for load in self.overview.loads:
            self.show_of.addItem(f"Queue of {load.annotator}", f"@{load.annotator}")
        self.show_of.setCurrentIndex(max(self.show_of.findData(kept), 0))
        self.show_of.blockSignals(False)

    def _show_samples(self) -> None:
        overview = self.overview
        if overview is None:
            return
        self.listed.setCurrentWidget(self.table if overview.samples else self.empty)
        self.table.show_rows(_listed(overview, str(self.show_of.currentData() or _ALL)))
        self._show_acts()

    def _show_acts(self) -> None:
        free = not self._refusal and not self._busy and self.overview is not None
        chosen = self.chosen if free else ()
        self.assign.setEnabled(bool(chosen))
        self.gold.setEnabled(bool(chosen))
        self.gold_back.setEnabled(any(p.gold for p in chosen))
        self.undo.setEnabled(free and self._can_undo)
        self.redo.setEnabled(free and self._can_redo)

    def _show_loads(self) -> None:
        assert self.overview is not None
        self.loads.clear()
        for load in self.overview.loads:
            row = QTreeWidgetItem(_load_words(load))
            align_figures(row, len(_LOADS))
            self.loads.addTopLevelItem(row)


def _listed(overview: PlanOverview, which: str) -> tuple[PlannedSample, ...]:
    """Return the samples that a choice shows; of an annotator, in the order of the queue."""
    if which.startswith("@"):
        from faceapp.app.annotation_plan import queue_from

        by_key = {(p.sample.subject, p.sample.id): p for p in overview.samples}
        queue = queue_from(overview.plan, overview.samples, which[1:])
        return tuple(by_key[q.sample.subject, q.sample.id] for q in queue)
    if which == _NOBODY:
        return tuple(p for p in overview.samples if not p.standings)
    if which == _GOLD:
        return tuple(p for p in overview.samples if p.gold)
    return tuple(p for p in overview.samples if p.by_hand or which == _ALL)


def _load_words(load: Load) -> list[str]:
    counts = [str(v) for v in (load.to_do, load.in_work, load.submitted, load.gold)]
    who = load.annotator if load.planned else f"{load.annotator}, not in the plan"
    work = load.work
    if work is None:
        return [who, *counts, "0", "0", "0", number_words(0.0, 2), number_words(math.nan, 0)]
    done = [str(v) for v in (work.acts, work.undone, work.points)]
    return [who, *counts, *done, number_words(work.hours, 2), number_words(work.median_seconds, 0)]


def _row(*widgets: QWidget | None) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    for widget in widgets:
        if widget is None:
            row.addStretch()
        else:
            row.addWidget(widget)
    return row
