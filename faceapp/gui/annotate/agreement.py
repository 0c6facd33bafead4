"""The agreement screen: how well annotators agree, who drifts, who did how much."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QBrush, QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QHBoxLayout,
    QSplitter,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from faceapp.gui.annotate.tables import align_figures, figures_table, number_words
from faceapp.gui.shell.actions import TAKES_KEYS
from faceapp.gui.theme import color, surface
from faceapp.gui.widgets.buttons import Button, Segmented
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.layouts import empty_layout
from faceapp.gui.widgets.metrics import ProgressBar
from faceapp.gui.widgets.states import State, StateLabel

if TYPE_CHECKING:
    from faceapp.app.agreement import Agreement
    from faceapp.core.signals import Reporter
    from faceapp.store.project import Project

_AGAINST = (("others", "Each other"), ("gold", "Gold samples"))
_BY = (("group", "Groups"), ("point", "Points"))
_COLUMNS = ("Part", "Compared", "Placed", "Mean mm", "90 % mm", "% of eyes", "Along %", "Across %")
_TIPS = (
    "",
    "Points that both people's work holds",
    "Of these, points that one of the two placed by hand; the rest is the same first guess in both",
    "Mean distance on the scan",
    "Nine tenths of the distances on the scan are smaller",
    "Mean distance by the outer-eye distance",
    "Part along the curve, where points slide",
    "Part across the curve: what is wrong",
)
_WORK = ("Annotator", "Begun", "Submitted", "Acts", "Undone", "Points", "Hours", "s a sample")
_FAR = 0.03
"""Share of the outer-eye distance, across, from which a row is marked."""


class AgreementPage(QWidget):
    """Tables of agreement and work, in place of the pictures.

    Signals
    -------
    closed()
        Back to the sample.
    exportWanted()
        The tables as CSV files.
    planWanted()
        Who annotates what.
    """

    closed = Signal()
    planWanted = Signal()  # noqa: N815 - a Qt name
    exportWanted = Signal()  # noqa: N815 - a Qt name

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "window")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setProperty(TAKES_KEYS, True)  # keys of points must not act on what is hidden
        self.found: Agreement | None = None
        self.against, self.by = Segmented(_AGAINST), Segmented(_BY)
        self.who = QComboBox()
        self.who.setMinimumWidth(150)
        self.who.setAccessibleName("Annotator")
        self.plan = Button("Plan")
        self.plan.setToolTip("Who annotates what, how many each sample, and what is gold")
        self.export, self.back = Button("Export CSV…"), Button("Back", "primary", key="Esc")
        self.said = label("", "body2", wrap=True)
        self.progress = ProgressBar()
        self.alarms = QVBoxLayout()
        self.alarms.setSpacing(4)
        self.table, self.work = figures_table(_COLUMNS), figures_table(_WORK)
        for k, tip in enumerate(_TIPS):
            self.table.headerItem().setToolTip(k, tip)
        self._lay_out()
        self.against.changed.connect(lambda _: self.show_tables())
        self.by.changed.connect(lambda _: self.show_tables())
        self.who.currentIndexChanged.connect(lambda _: self.show_tables())
        self.export.clicked.connect(lambda _=False: self.exportWanted.emit())
        self.plan.clicked.connect(lambda _=False: self.planWanted.emit())
        self.back.clicked.connect(lambda _=False: self.closed.emit())

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(10)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(label("Agreement", "title"))
        head.addSpacing(12)
        for widget in (self.against, self.by, self.who):
            head.addWidget(widget)
        head.addStretch()
        head.addWidget(self.plan)
        head.addWidget(self.export)
        head.addWidget(self.back)
        column.addLayout(head)
        column.addWidget(self.progress)
        column.addWidget(self.said)
        column.addLayout(self.alarms)
        below = QWidget()
        inner = QVBoxLayout(below)
        inner.setContentsMargins(0, 8, 0, 0)
        inner.addWidget(label("Who did how much", "strong"))
        inner.addWidget(self.work)
        halves = QSplitter(Qt.Orientation.Vertical)
        halves.setChildrenCollapsible(False)
        halves.addWidget(self.table)
        halves.addWidget(below)
        halves.setStretchFactor(0, 3)
        halves.setStretchFactor(1, 1)
        column.addWidget(halves, 1)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.closed.emit()
            return
        super().keyPressEvent(event)

    @property
    def annotator(self) -> str:
        """Who is shown alone; empty for all."""
        return str(self.who.currentData() or "")

    def begin(self) -> None:
        """Say that the samples are being read."""
        self.found = None
        self.said.setText("Reading the samples…")
        self.progress.set_fraction(None)
        self.progress.show()
        self.export.setEnabled(False)
        for tree in (self.table, self.work):
            tree.clear()

    def show_progress(self, done: float | None, text: str) -> None:
        """Say how far the reading is."""
        self.progress.set_fraction(done)
        self.said.setText(f"Reading {text}…" if text else "Reading the samples…")

    def fail(self, text: str) -> None:
        """Say why there is nothing to show."""
        self.progress.hide()
        self.said.setText(text)

    def show_agreement(self, found: Agreement) -> None:
        """Show what was found."""
        self.found = found
        self.progress.hide()
        kept = self.annotator
        self.who.blockSignals(True)
        self.who.clear()
        self.who.addItem("All annotators", "")
        for work in found.annotators:
            self.who.addItem(work.annotator, work.annotator)
        self.who.setCurrentIndex(max(self.who.findData(kept), 0))
        self.who.blockSignals(False)
        self.export.setEnabled(bool(found.works))
        self._show_alarms()
        self._show_work()
        self.show_tables()

    def show_tables(self) -> None:
        """Show the figures of the chosen people and parts."""
        from faceapp.app.agreement import figures_of

        found = self.found
        self.table.clear()
        if found is None:
            return
        chosen = found.chosen(gold=self.against.current == "gold", annotator=self.annotator)
        self.said.setText(self._told(len(chosen)))
        for figures in figures_of(chosen, self.by.current) if chosen else ():
            name = figures.name.replace("_", " ")
            mm = [number_words(v, 2) for v in (figures.mm, figures.mm_p90)]
            shares = [number_words(100 * v, 2) for v in (figures.share, figures.along, figures.across)]
            counts = [str(figures.count), str(figures.moved)]
            row = QTreeWidgetItem([name[:1].upper() + name[1:], *counts, *mm, *shares])
            align_figures(row, len(_COLUMNS))
            wrong = figures.across if math.isfinite(figures.across) else figures.share
            if wrong >= _FAR:
                row.setForeground(0, QBrush(color("amber")))
                row.setText(0, f"{row.text(0)}  \N{WARNING SIGN}")
                row.setToolTip(0, f"{100 * wrong:.1f} % of the outer-eye distance apart: worth talking over")
            self.table.addTopLevelItem(row)

    def _told(self, count: int) -> str:
        assert self.found is not None
        skipped = f" {len(self.found.skipped)} samples could not be read." if self.found.skipped else ""
        if count:
            pairs = "comparison" if count == 1 else "comparisons"
            return f"{count} {pairs}. Points slide along curves: what counts is the part across.{skipped}"
        if self.against.current == "gold":
            return (
                "No gold sample was annotated yet. Sample, Mark as gold says that somebody's landmarks of a sample are "
                f"right; it then turns up, unmarked, in everybody's queue.{skipped}"
            )
        return f"No sample was annotated by two people yet. Plan says how many each sample gets.{skipped}"

    def _show_alarms(self) -> None:
        from faceapp.app.agreement import drifts

        assert self.found is not None
        empty_layout(self.alarms)
        for d in drifts(self.found):
            against = "gold samples" if d.against == "gold" else "the others"
            words = (
                f"{d.annotator} drifts from {against}: {100 * d.first:.1f} % of the eye distance at first, "
                f"{100 * d.last:.1f} % now ({d.samples} samples)"
            )
            self.alarms.addWidget(StateLabel(words, State.CHECK, 13))

    def _show_work(self) -> None:
        assert self.found is not None
        self.work.clear()
        for w in self.found.annotators:
            counts = [str(v) for v in (w.begun, w.submitted, w.acts, w.undone, w.points)]
            row = QTreeWidgetItem([w.annotator, *counts, number_words(w.hours, 2), number_words(w.median_seconds, 0)])
            align_figures(row, len(_WORK))
            self.work.addTopLevelItem(row)


def read_agreement(project: Project, reporter: Reporter) -> Agreement:
    """Compare everybody; on a thread."""
    from faceapp.app.agreement import agreement_of

    return agreement_of(project, reporter)


def write_tables(folder: Path, found: Agreement, annotator: str) -> Callable[[], object]:
    """Return the job that writes the CSV files."""

    def write() -> object:
        from faceapp.app.agreement_files import write_agreement

        return write_agreement(folder, found, annotator=annotator)

    return write
