"""Samples with thumbnails: as rows of a queue, and as cards of a strip or a grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRectF,
    QSize,
    QSizeF,
    Qt,
    Signal,
)
from PySide6.QtGui import QImage, QPainter, QPainterPath, QPen, QPixmap, QPixmapCache
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)
from typing_extensions import override

from faceapp.gui.theme import color, font
from faceapp.gui.widgets.painting import CENTER, LEFT, draw_icon, draw_text, fill_rounded
from faceapp.gui.widgets.states import State

_NARROW = 100  # px below which a row is its picture alone
Index = QModelIndex | QPersistentModelIndex
ENTRY_ROLE = int(Qt.ItemDataRole.UserRole) + 1


@dataclass(frozen=True)
class SampleEntry:
    """One sample as a row or a card.

    Parameters
    ----------
    id : str
        Identifier.
    title, subtitle : str
        ``S0147``, ``Eyes closed`` in a row; the expression alone on a card.
    note : str
        Second line.
    state : State
        Icon of the note (row) or of the corner (card).
    thumbnail : QImage or None
        Already of the size it is drawn in: scaling while painting is too slow.
    faded : bool
        For what is still to come.
    """

    id: str
    title: str
    subtitle: str = ""
    note: str = ""
    state: State = State.NONE
    thumbnail: QImage | None = None
    faded: bool = False


class SampleModel(QAbstractListModel):
    """The entries of a list; a change of one repaints one."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._entries: list[SampleEntry] = []
        self._rows: dict[str, int] = {}

    @override
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._entries)

    @override
    def data(self, index: Index, role: int = int(Qt.ItemDataRole.DisplayRole)) -> object:
        if not 0 <= index.row() < len(self._entries):
            return None
        entry = self._entries[index.row()]
        if role == ENTRY_ROLE:
            return entry
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return " ".join(part for part in (entry.title, entry.subtitle, entry.note) if part)
        return None

    def set_entries(self, entries: Sequence[SampleEntry]) -> None:
        """Exchange all entries."""
        self.beginResetModel()
        self._entries = list(entries)
        self._rows = {entry.id: row for row, entry in enumerate(self._entries)}
        self.endResetModel()

    def replace_entry(self, entry: SampleEntry) -> None:
        """Exchange the entry of the same identifier."""
        row = self._rows[entry.id]
        self._entries[row] = entry
        index = self.index(row)
        self.dataChanged.emit(index, index)

    def set_thumbnail(self, identifier: str, thumbnail: QImage) -> None:
        """Exchange one picture; an identifier that is gone does nothing."""
        if identifier in self._rows:
            self.replace_entry(replace(self._entries[self._rows[identifier]], thumbnail=thumbnail))

    def entry(self, row: int) -> SampleEntry:
        """Return the entry of a row."""
        return self._entries[row]

    def row_of(self, identifier: str) -> int:
        """Return the row of an identifier, or -1."""
        return self._rows.get(identifier, -1)


class _Delegate(QStyledItemDelegate):
    def __init__(self, cell: QSize, card: bool, picture_height: int, parent: QWidget) -> None:
        super().__init__(parent)
        self.cell, self.card, self.picture_height = cell, card, picture_height

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self.cell

    @override
    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        entry: SampleEntry = index.data(ENTRY_ROLE)
        painter.save()
        state = option.state
        selected = bool(state & QStyle.StateFlag.State_Selected)
        hover = bool(state & QStyle.StateFlag.State_MouseOver)
        rect = QRectF(option.rect)
        (self._card if self.card else self._row)(painter, rect, entry, selected, hover)
        painter.restore()

    def _row(self, painter: QPainter, rect: QRectF, entry: SampleEntry, selected: bool, hover: bool) -> None:
        rect = rect.adjusted(0, 1, 0, -1)
        if selected or hover:
            fill_rounded(painter, rect, color("selection" if selected else "raised"), 6)
        if rect.width() < _NARROW:
            self._thumbnail_only(painter, rect, entry)
            return
        side = self.picture_height
        picture = QRectF(rect.x() + 6, rect.center().y() - side / 2, side * 0.86, side)
        _draw_thumbnail(painter, picture, entry.thumbnail, entry.faded)
        left = picture.right() + 12
        top = QRectF(left, rect.center().y() - 20, rect.right() - left - 8, 20)
        used = draw_text(painter, top, entry.title, font(13, 600), color("text"), LEFT)
        draw_text(painter, top.adjusted(used + 8, 0, 0, 0), entry.subtitle, font(13), color("text2"), LEFT)
        if entry.note:
            draw_icon(painter, QPointF(left, rect.center().y() + 4), entry.state.icon, entry.state.token, 14)
            below = QRectF(left + 20, rect.center().y() + 1, rect.right() - left - 28, 20)
            draw_text(painter, below, entry.note, font(12), color("text2"), LEFT)

    def _thumbnail_only(self, painter: QPainter, rect: QRectF, entry: SampleEntry) -> None:
        """Draw a row of a narrow list: the picture and the state."""
        _draw_thumbnail(painter, rect.adjusted(2, 4, -2, -4), entry.thumbnail, entry.faded)
        if entry.state is not State.NONE:
            _draw_state(painter, QPointF(rect.right() - 16, rect.y() + 2), entry.state)

    def _card(self, painter: QPainter, rect: QRectF, entry: SampleEntry, selected: bool, hover: bool) -> None:
        rect = rect.adjusted(3, 3, -3, -3)
        fill_rounded(painter, rect, color("selection" if selected else "hover" if hover else "raised"), 8)
        picture = QRectF(rect.x() + 4, rect.y() + 6, rect.width() - 8, self.picture_height)
        _draw_thumbnail(painter, picture, entry.thumbnail, entry.faded)
        ink = color("text2" if entry.faded else "text")
        line = QRectF(rect.x() - 2, picture.bottom() + 2, rect.width() + 4, 17)
        draw_text(
            painter,
            line,
            entry.title,
            font(11, 500) if rect.width() < 90 else font(12, 600 if selected else 500),
            ink,
            CENTER,
        )
        draw_text(painter, line.translated(0, 15), entry.note, font(11), color("text2"), CENTER)
        if entry.state is not State.NONE:
            _draw_state(painter, QPointF(rect.right() - 20, rect.y() + 6), entry.state)
        if selected:
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(color("focus"), 2))
            painter.drawRoundedRect(rect.adjusted(1, 1, -1, -1), 7, 7)


def _draw_state(painter: QPainter, at: QPointF, state: State) -> None:
    """Draw a state on a plate, for a picture may be as dark as the icon."""
    fill_rounded(painter, QRectF(at.x() - 2, at.y() - 2, 18, 18), color("panel"), 9)
    draw_icon(painter, at, state.icon, state.token, 14)


def _draw_thumbnail(painter: QPainter, rect: QRectF, image: QImage | None, faded: bool) -> None:
    if image is None or image.isNull():
        draw_icon(painter, QPointF(rect.center().x() - 10, rect.center().y() - 10), "image", "text3", 20)
        return
    device = painter.device()
    picture = _thumbnail(image, rect.size(), device.devicePixelRatioF() if device is not None else 1.0)
    size = picture.deviceIndependentSize()
    painter.setOpacity(0.45 if faded else 1.0)
    painter.drawPixmap(rect.center() - QPointF(size.width() / 2, size.height() / 2), picture)
    painter.setOpacity(1.0)


def _thumbnail(image: QImage, room: QSizeF, ratio: float) -> QPixmap:
    """Return a picture scaled into a room, with round corners; kept, because scaling it anew costs 0.5 ms a card."""
    key = f"thumbnail {image.cacheKey()} {room.width():g} {room.height():g} {ratio:g}"
    kept = QPixmap()
    if QPixmapCache.find(key, kept):
        return kept
    size = image.deviceIndependentSize().scaled(room, Qt.AspectRatioMode.KeepAspectRatio)
    result = QPixmap(max(1, round(size.width() * ratio)), max(1, round(size.height() * ratio)))
    result.setDevicePixelRatio(ratio)
    result.fill(Qt.GlobalColor.transparent)
    whole = QRectF(QPointF(0, 0), result.deviceIndependentSize())
    shape = QPainterPath()
    shape.addRoundedRect(whole, 4, 4)
    painter = QPainter(result)
    painter.setRenderHints(QPainter.RenderHint.SmoothPixmapTransform | QPainter.RenderHint.Antialiasing)
    painter.setClipPath(shape)
    painter.drawImage(whole, image)
    painter.end()
    QPixmapCache.insert(key, result)
    return result


class SampleList(QListView):
    """A list of samples.

    Parameters
    ----------
    layout : str
        ``rows`` (a queue), ``strip`` (cards in one line) or ``cards`` (cards that wrap).
    cell : QSize, optional
        Size of a row (its width is that of the list) or of a card.

    Signals
    -------
    chosen(str)
        A person clicked or moved to this sample.
    opened(str)
        A person double-clicked it or pressed Enter.
    """

    chosen = Signal(str)
    opened = Signal(str)

    def __init__(self, layout: str = "rows", cell: QSize | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        card = layout != "rows"
        cell = cell or (QSize(80, 130) if layout == "strip" else QSize(106, 172) if card else QSize(200, 64))
        self.entries = SampleModel(self)
        self.setModel(self.entries)
        self._card = card
        self.set_cell(cell)
        self.setMouseTracking(True)
        self.setUniformItemSizes(True)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        if card:
            self.setViewMode(QListView.ViewMode.IconMode)
            self.setMovement(QListView.Movement.Static)
            self.setResizeMode(QListView.ResizeMode.Adjust)
            self.setWrapping(layout == "cards")
            self.setFlow(QListView.Flow.LeftToRight)
        if layout == "strip":
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        if layout == "rows":
            self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.clicked.connect(lambda index: self.chosen.emit(self.entries.entry(index.row()).id))
        self.activated.connect(lambda index: self.opened.emit(self.entries.entry(index.row()).id))

    def set_cell(self, cell: QSize) -> None:
        """Give rows or cards another size."""
        self._delegate = _Delegate(cell, self._card, cell.height() - (48 if self._card else 12), self)
        self.setItemDelegate(self._delegate)
        self.doItemsLayout()

    def set_entries(self, entries: Sequence[SampleEntry]) -> None:
        """Exchange all entries; the current one stays if it is still there."""
        current = self.current
        self.entries.set_entries(entries)
        self.set_current(current)

    def set_current(self, identifier: str) -> None:
        """Select and scroll to a sample without a signal."""
        row = self.entries.row_of(identifier)
        if row >= 0:
            index = self.entries.index(row)
            self.setCurrentIndex(index)
            self.scrollTo(index)

    @property
    def current(self) -> str:
        """Identifier of the selected sample, or empty."""
        row = self.currentIndex().row()
        return self.entries.entry(row).id if row >= 0 else ""

    @override
    def moveCursor(self, cursorAction: QAbstractItemView.CursorAction, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        index = super().moveCursor(cursorAction, modifiers)
        if index.isValid() and index != self.currentIndex():
            self.chosen.emit(self.entries.entry(index.row()).id)
        return index
