"""Every action by its words: type, Enter, done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPersistentModelIndex, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QKeyEvent, QPainter, QStandardItem, QStandardItemModel
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsDropShadowEffect,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from faceapp.gui.shell.actions import Action, ActionRegistry
from faceapp.gui.theme import color, font, surface
from faceapp.gui.widgets.keycap import cap_width, draw_cap, key_text
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.messages import IconLabel
from faceapp.gui.widgets.painting import LEFT, RIGHT, draw_icon, draw_text, fill_rounded

_ROW = 34
_ROWS = 10
_ENTRY = int(Qt.ItemDataRole.UserRole) + 1


@dataclass(frozen=True)
class _Entry:
    action: Action
    key: str
    available: bool
    found: tuple[int, int]  # the part of the title that the words matched


def match(title: str, words: str) -> tuple[int, tuple[int, int]] | None:
    """Rank a title against what was typed.

    Returns
    -------
    rank, (start, length)
        The lower the better, and the part of the title to emphasise; ``None`` when a word is missing.
    """
    low, asked = title.casefold(), words.casefold().split()
    if any(word not in low for word in asked):
        return None
    if not asked:
        return 2, (0, 0)
    start = low.find(asked[0])
    at_word = start == 0 or not low[start - 1].isalnum()
    return (0 if start == 0 else 1 if at_word else 2), (start, len(asked[0]))


class _Delegate(QStyledItemDelegate):
    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        return QSize(100, _ROW)

    @override
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        entry: _Entry = index.data(_ENTRY)
        painter.save()
        rect = QRectF(option.rect).adjusted(4, 1, -4, -1)
        if option.state & QStyle.StateFlag.State_Selected:
            fill_rounded(painter, rect, color("selection"), 6)
        ink = color("text" if entry.available else "edge")
        if entry.action.icon:
            draw_icon(painter, QPointF(rect.x() + 10, rect.center().y() - 8), entry.action.icon, "text2", 16)
        right = rect.right() - 10
        if entry.key:
            width = cap_width(key_text(entry.key))
            draw_cap(painter, QPointF(right - width, rect.center().y()), key_text(entry.key))
            right -= width + 8
        side = QRectF(rect.x(), rect.y(), right - rect.x(), rect.height())
        used = draw_text(painter, side, entry.action.where, font(12), color("text2"), RIGHT)
        x, (start, length), title = rect.x() + 38, entry.found, entry.action.title
        pieces = ((title[:start], 400), (title[start : start + length], 600), (title[start + length :], 400))
        for text, weight in pieces:
            what = font(13, weight)
            line = QRectF(x, rect.y(), max(0.0, right - used - 12 - x), rect.height())
            draw_text(painter, line, text, what, ink, LEFT)
            x += QFontMetricsF(what).horizontalAdvance(text)
        painter.restore()


class CommandPalette(QFrame):
    """Search field and list of all actions, over the window.

    Parameters
    ----------
    window : QWidget
        The palette lies on it.
    registry : ActionRegistry
        Where the actions are.
    run : callable
        Called with the identifier of the chosen action.
    """

    def __init__(self, window: QWidget, registry: ActionRegistry, run: Callable[[str], None]) -> None:
        super().__init__(window)
        self._window, self._registry, self._run = window, registry, run
        self._before: QWidget | None = None
        surface(self, "floating")
        shadow = QGraphicsDropShadowEffect(self)
        shadow.setBlurRadius(36)
        shadow.setOffset(0, 8)
        shadow.setColor(QColor(0, 0, 0, 150))
        self.setGraphicsEffect(shadow)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        top = QHBoxLayout()
        top.setContentsMargins(10, 0, 8, 0)
        self.field = QLineEdit()
        self.field.setPlaceholderText("Search or run a command")
        self.field.setStyleSheet(
            "QLineEdit, QLineEdit:focus { border: none; background: transparent; padding: 0 6px; }"
        )
        self._count = label("", "secondary")
        top.addWidget(IconLabel("magnifying-glass", "text2", 16))
        top.addWidget(self.field, 1)
        top.addWidget(self._count)
        column.addLayout(top)
        self.list = QListView()
        surface(self.list, "none")
        self.list.setStyleSheet("QListView { background: transparent; }")
        self.list.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.list.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.list.setUniformItemSizes(True)
        self._model = QStandardItemModel(self)
        self.list.setModel(self._model)
        self._delegate = _Delegate(self.list)
        self.list.setItemDelegate(self._delegate)
        self.list.clicked.connect(lambda index: self._choose(index.row()))
        column.addWidget(self.list)
        self.field.textChanged.connect(self.search)
        self.field.installEventFilter(self)
        self.hide()

    @property
    def found(self) -> list[str]:
        """Identifiers of the actions listed."""
        return [self._model.item(row).data(_ENTRY).action.id for row in range(self._model.rowCount())]

    def open(self, words: str = "") -> None:
        """Show the palette with these words typed."""
        self._before = self._window.focusWidget()
        width = min(560, self._window.width() - 32)
        self.setFixedWidth(width)
        self.field.setText(words)
        self.search(words)
        self.move((self._window.width() - width) // 2, 56)
        self.show()
        self.raise_()
        self.field.setFocus()
        self.field.selectAll()

    def close_palette(self) -> None:
        """Hide it and give the focus back."""
        if self.isHidden():
            return
        self.hide()
        if self._before is not None:
            try:
                self._before.setFocus()
            except RuntimeError:  # the widget is gone
                self._window.setFocus()
        else:
            self._window.setFocus()
        self._before = None

    def search(self, words: str) -> None:
        """List the actions that hold all the words."""
        found: list[tuple[int, str, _Entry]] = []
        total = 0
        for action in self._registry:
            total += 1
            ranked = match(action.title, words)
            if ranked is None:  # the workspace's name finds its actions too
                ranked = match(f"{action.title} {action.where}", words)
                ranked = ranked and (3, (0, 0))
            if ranked is not None:
                entry = _Entry(action, self._registry.key(action.id), self._registry.is_available(action.id), ranked[1])
                found.append((ranked[0], action.title, entry))
        found.sort(key=lambda item: (not item[2].available, item[0], item[1]))
        self._model.clear()
        for _, title, entry in found:
            item = QStandardItem(title)
            item.setData(entry, _ENTRY)
            self._model.appendRow(item)
        self._count.setText(f"{len(found)} of {total}")
        self.list.setFixedHeight(max(1, min(_ROWS, len(found))) * _ROW)
        self.adjustSize()
        if found:
            self.list.setCurrentIndex(self._model.index(0, 0))

    def _choose(self, row: int) -> None:
        if not 0 <= row < self._model.rowCount():
            return
        entry: _Entry = self._model.item(row).data(_ENTRY)
        if entry.available:
            self.close_palette()
            self._run(entry.action.id)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.field and event.type() == QEvent.Type.FocusOut and not self.isHidden():
            self.hide()
        if watched is self.field and isinstance(event, QKeyEvent) and event.type() == QEvent.Type.KeyPress:
            row, last = self.list.currentIndex().row(), self._model.rowCount() - 1
            steps = {Qt.Key.Key_Down: 1, Qt.Key.Key_Up: -1, Qt.Key.Key_PageDown: _ROWS, Qt.Key.Key_PageUp: -_ROWS}
            key = Qt.Key(event.key())
            if key in steps:
                self.list.setCurrentIndex(self._model.index(max(0, min(last, row + steps[key])), 0))
                return True
            if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._choose(row)
                return True
            if key == Qt.Key.Key_Escape:
                self.close_palette()
                return True
        return super().eventFilter(watched, event)
