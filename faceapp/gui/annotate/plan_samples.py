"""The samples of the plan as a table: whose each is, how far, and whose landmarks are its gold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QItemSelection,
    QItemSelectionModel,
    QItemSelectionRange,
    QModelIndex,
    QPersistentModelIndex,
    Qt,
)
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeView
from typing_extensions import override

from faceapp.gui.capture.protocol import title_of

if TYPE_CHECKING:
    from faceapp.app.annotation_plan import PlannedSample
    from faceapp.core.subject import Sample

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_COLUMNS = ("Sample", "Annotators", "Given", "How far", "Gold")
_TIPS = (
    "A double click opens it",
    "In whose queue it is",
    "Whether the plan deals it out, a person gave it, or it is in everybody else's queue as gold",
    "Who has begun, and how far they are",
    "Whose landmarks are the right ones",
)
_WIDTHS = (230, 190, 110, 300, 80)


def sample_words(planned: PlannedSample) -> tuple[str, ...]:
    """Return the row of a sample."""
    sample = planned.sample
    take = f" {sample.take}" if sample.take > 1 else ""
    owners = ", ".join([*planned.owners, *(["Anybody"] if planned.free else [])])
    far = ", ".join(f"{who} {state.value}" for who, state in planned.standings.items())
    given = "By hand" if planned.by_hand else "As gold" if planned.gold else "By the plan"
    return f"{sample.subject}  {title_of(sample.expression)}{take}", owners, given, far or "Not begun", planned.gold


class SamplesModel(QAbstractTableModel):
    """Rows of `PlannedSample`; their words are made when they are shown."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: tuple[PlannedSample, ...] = ()

    def set_rows(self, rows: Sequence[PlannedSample]) -> None:
        """Show other samples."""
        self.beginResetModel()
        self.rows = tuple(rows)
        self.endResetModel()

    @override
    def rowCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(self.rows)

    @override
    def columnCount(self, parent: Index = _ROOT) -> int:
        return 0 if parent.isValid() else len(_COLUMNS)

    @override
    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return sample_words(self.rows[index.row()])[index.column()]
        return None

    @override
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _COLUMNS[section]
        if orientation is Qt.Orientation.Horizontal and role == Qt.ItemDataRole.ToolTipRole:
            return _TIPS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None


class SamplesTable(QTreeView):
    """The table; several rows can be chosen with Shift and Ctrl."""

    def __init__(self) -> None:
        super().__init__()
        self.samples = SamplesModel()
        self.setModel(self.samples)
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setAllColumnsShowFocus(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setStyleSheet("QTreeView::item { padding: 5px 8px; }")
        self.setAccessibleName("Samples of the plan")
        header = self.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        header.setSectionsMovable(False)
        for k, width in enumerate(_WIDTHS):
            header.resizeSection(k, width)

    def show_rows(self, rows: Sequence[PlannedSample]) -> None:
        """Show other samples; those that were chosen stay so where they are still shown."""
        kept = {_key(p.sample) for p in self.chosen()}
        self.samples.set_rows(rows)
        again = [k for k, planned in enumerate(rows) if _key(planned.sample) in kept]
        choice = QItemSelection()
        for first, last in _runs(again):  # row by row the model takes minutes for a few thousand
            ends = self.samples.index(first, 0), self.samples.index(last, len(_COLUMNS) - 1)
            choice.append(QItemSelectionRange(*ends))
        self.selectionModel().select(choice, QItemSelectionModel.SelectionFlag.Select)

    def chosen(self) -> tuple[PlannedSample, ...]:
        """Return the samples that are chosen, in the order of the table."""
        ranges = self.selectionModel().selection().toList()
        rows = {k for part in ranges for k in range(part.top(), part.bottom() + 1)}
        return tuple(self.samples.rows[k] for k in sorted(rows))

    def sample_at(self, index: Index) -> Sample:
        """Return the sample of a row."""
        return self.samples.rows[index.row()].sample

    def choose(self, sample: Sample) -> None:
        """Choose one sample, if it is shown."""
        for k, planned in enumerate(self.samples.rows):
            if _key(planned.sample) == _key(sample):
                flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
                self.selectionModel().setCurrentIndex(self.samples.index(k, 0), flags)


def _key(sample: Sample) -> tuple[str, str]:
    return sample.subject, sample.id


def _runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return ascending numbers as (first, last) of what follows each other."""
    found: list[tuple[int, int]] = []
    for k in numbers:
        if found and found[-1][1] == k - 1:
            found[-1] = found[-1][0], k
        else:
            found.append((k, k))
    return found
