"""Tables of figures in Annotate."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHeaderView, QTreeWidget, QTreeWidgetItem

_NAME_PX = 240


def figures_table(columns: tuple[str, ...]) -> QTreeWidget:
    """Return a table whose figures stand near the names: what is left of the width stays empty."""
    tree = QTreeWidget()
    tree.setHeaderLabels([*columns, ""])
    tree.setRootIsDecorated(False)
    tree.setUniformRowHeights(True)
    tree.setAllColumnsShowFocus(True)
    tree.setStyleSheet("QTreeView::item { padding: 5px 8px; }")
    header = tree.header()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setStretchLastSection(True)
    header.setMinimumSectionSize(60)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
    header.resizeSection(0, _NAME_PX)
    for k in range(1, len(columns)):
        tree.headerItem().setTextAlignment(k, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return tree


def align_figures(row: QTreeWidgetItem, columns: int) -> None:
    """Put the figures of a row to the right."""
    for k in range(1, columns):
        row.setTextAlignment(k, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


def number_words(value: float, digits: int) -> str:
    """Return a figure, or a dash for one that is not known."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "–"
