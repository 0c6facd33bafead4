"""What to say when something went wrong, or when there is nothing yet. Never in a box of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget

from faceapp.gui.theme import icon, mono, pixmap, surface, theme
from faceapp.gui.widgets.buttons import Button, ToolButton
from faceapp.gui.widgets.keycap import KeyCap
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.states import State

Act = tuple[str, Callable[[], object]]
_GROUNDS = {State.GOOD: "good", State.CHECK: "check", State.BAD: "bad", State.WORK: "info", State.NONE: "card"}


class IconLabel(QLabel):
    """An icon that follows the theme."""

    def __init__(self, name: str, token: str = "text2", size: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._token, self._size = name, token, size
        self.setFixedSize(size, size)
        theme().changed.connect(self._draw)
        self._draw()

    def set_icon(self, name: str, token: str) -> None:
        """Show another icon."""
        self._name, self._token = name, token
        self._draw()

    def _draw(self) -> None:
        self.setPixmap(pixmap(self._name, self._token, self._size, self.devicePixelRatioF()))


class MessageBar(QWidget):
    """What happened, to which thing, what to do; buttons that do it; details to unfold and copy.

    Parameters
    ----------
    title : str
        What happened, in a few words.
    text : str
        To which thing, with numbers.
    todo : str
        What to do.
    state : State
        Icon and ground.
    acts : sequence of (str, callable)
        Buttons that do it.
    details : str
        For the developers; folded away.
    closable : bool
        Whether a cross removes it.

    Signals
    -------
    closed()
    """

    closed = Signal()

    def __init__(
        self,
        title: str,
        text: str = "",
        todo: str = "",
        state: State = State.BAD,
        acts: Sequence[Act] = (),
        details: str = "",
        closable: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        surface(self, _GROUNDS[state])
        self._details = details
        self.setAccessibleName(f"{title}. {text} {todo}")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(6)
        if title:
            head = QHBoxLayout()
            head.setSpacing(8)
            head.addWidget(IconLabel(state.icon, state.token, 16))
            head.addWidget(label(title, "title"), 1)
            if closable:
                cross = ToolButton("x", "Close", side=24)
                cross.clicked.connect(self._close)
                head.addWidget(cross)
            column.addLayout(head)
        if text:
            column.addWidget(label(text, wrap=True))
        if todo:
            column.addWidget(label(todo, "" if title else "body2", wrap=True))
        if acts or details:
            row = QHBoxLayout()
            row.setSpacing(8)
            for words, act in acts:
                button = Button(words)
                button.clicked.connect(lambda _=False, run=act: run())
                row.addWidget(button)
            row.addStretch()
            if details:
                copy = Button("Copy details", "quiet", "copy")
                copy.clicked.connect(self.copy_details)
                row.addWidget(copy)
            column.addLayout(row)
        self._fold: Button | None = None
        self._text: QPlainTextEdit | None = None
        if details:
            self._fold = Button("Details", "quiet", "caret-right")
            self._fold.clicked.connect(lambda: self.unfold(self._text is None or self._text.isHidden()))
            column.addWidget(self._fold, 0, Qt.AlignmentFlag.AlignLeft)
            self._text = QPlainTextEdit(details)
            self._text.setProperty("role", "details")
            self._text.setReadOnly(True)
            self._text.setFont(mono())
            lines = min(10, details.count("\n") + 1)
            self._text.setFixedHeight(lines * 17 + 22)
            self._text.hide()
            column.addWidget(self._text)

    def unfold(self, shown: bool) -> None:
        """Show or hide the details."""
        if self._text is not None and self._fold is not None:
            self._text.setVisible(shown)
            self._fold.setIcon(icon("caret-down" if shown else "caret-right"))

    def copy_details(self) -> None:
        """Put the details on the clipboard."""
        QGuiApplication.clipboard().setText(self._details)

    def _close(self) -> None:
        self.hide()
        self.closed.emit()


class EmptyState(QWidget):
    """What to do first, where there is nothing yet.

    Parameters
    ----------
    icon_name : str
        Phosphor icon.
    title, text : str
        What is missing; what to do.
    acts : sequence of (str, callable)
        The first stands out; it is blue if ``primary``.
    keys : sequence of str
        Shortcuts of the acts, shown as caps.
    """

    def __init__(
        self,
        icon_name: str,
        title: str,
        text: str,
        acts: Sequence[Act] = (),
        keys: Sequence[str] = (),
        primary: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        centre = Qt.AlignmentFlag.AlignHCenter
        column = QVBoxLayout(self)
        column.setContentsMargins(24, 24, 24, 24)
        column.setSpacing(8)
        column.addStretch()
        column.addWidget(IconLabel(icon_name, "text2", 32), 0, centre)
        column.addWidget(label(title, "strong"), 0, centre)
        words = label(text, "body2", wrap=True)
        words.setAlignment(centre)
        # A wrapped label that is centred by its layout is given one line: it takes its size from the words.
        width = min(520, words.fontMetrics().horizontalAdvance(text) + 16)
        box = words.fontMetrics().boundingRect(QRect(0, 0, width, 2000), int(Qt.TextFlag.TextWordWrap), text)
        words.setFixedSize(QSize(width, box.height() + 6))
        column.addWidget(words, 0, centre)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch()
        for i, (verb, act) in enumerate(acts):
            button = Button(verb, "quiet" if i else "primary" if primary else "plain")
            button.clicked.connect(lambda _=False, run=act: run())
            row.addWidget(button)
            if i < len(keys) and keys[i]:
                row.addWidget(KeyCap(keys[i]))
        row.addStretch()
        column.addSpacing(4)
        column.addLayout(row)
        column.addStretch()
