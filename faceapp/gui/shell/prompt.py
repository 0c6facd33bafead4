"""A question above the workspace: a few fields, a verb, Cancel. Never a box in front of the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QAbstractSpinBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.gui.shell.actions import TAKES_KEYS
from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Button
from faceapp.gui.widgets.labels import label


class Prompt(QWidget):
    """Asks in one row.

    Parameters
    ----------
    title : str
        The question.
    fields : sequence of (str, QWidget)
        Name and field.
    verb : str
        On the button.
    accept : callable
        Returns what is wrong, or an empty text: then the prompt goes.
    text : str
        A sentence that explains.
    optional : bool
        Whether it can be left.

    Signals
    -------
    closed()
    """

    closed = Signal()

    def __init__(
        self,
        title: str,
        fields: Sequence[tuple[str, QWidget]],
        verb: str,
        accept: Callable[[], str],
        text: str = "",
        optional: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        surface(self, "raised")
        self.setProperty(TAKES_KEYS, True)
        self.setAccessibleName(title)
        self._accept = accept
        self._fields = [widget for _, widget in fields]
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 10)
        column.setSpacing(8)
        head = QHBoxLayout()
        head.setSpacing(12)
        head.addWidget(label(title, "title"))
        if text:
            head.addWidget(label(text, "body2"))
        head.addStretch()
        column.addLayout(head)
        row = QHBoxLayout()
        row.setSpacing(8)
        for name, widget in fields:
            if name:
                row.addWidget(label(name, "body2"))
            row.addWidget(widget)
            row.addSpacing(8)
        self.button = Button(verb, "primary")
        self.button.clicked.connect(self.accept)
        row.addWidget(self.button)
        if optional:
            cancel = Button("Cancel", "quiet")
            cancel.clicked.connect(self.close_prompt)
            row.addWidget(cancel)
        row.addStretch()
        column.addLayout(row)
        self.wrong = label("", "bad", wrap=True)
        self.wrong.hide()
        column.addWidget(self.wrong)

    def accept(self) -> None:
        """Do it; what is wrong is said below the fields."""
        wrong = self._accept()
        self.wrong.setText(wrong)
        self.wrong.setVisible(bool(wrong))
        if not wrong:
            self.close_prompt()

    def close_prompt(self) -> None:
        """Go."""
        self.hide()
        self.closed.emit()

    def take_focus(self) -> None:
        """Put the cursor into the first field."""
        if self._fields:
            self._fields[0].setFocus()
            if isinstance(self._fields[0], QLineEdit | QAbstractSpinBox):
                self._fields[0].selectAll()

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept()
        elif event.key() == Qt.Key.Key_Escape:
            self.close_prompt()
        else:
            super().keyPressEvent(event)
