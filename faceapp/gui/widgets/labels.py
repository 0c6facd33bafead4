"""Labels by role, section heads, lines, and rows of a name and a value."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from faceapp.gui.theme import font, restyle


def label(text: str = "", role: str = "", wrap: bool = False) -> QLabel:
    """Return a label of a role: ``figure``, ``title``, ``strong``, ``section``, ``body2``, ``secondary``, ``caption``.

    Also ``good``, ``check``, ``bad`` and ``mono``.
    """
    result = QLabel(text)
    result.setTextFormat(Qt.TextFormat.PlainText)
    if role:
        result.setProperty("role", role)
    if role == "figure":
        result.setFont(font(22, 600))  # without tabular figures
    if wrap:
        result.setWordWrap(True)
        result.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return result


def line() -> QFrame:
    """Return a horizontal line of 1 px."""
    result = QFrame()
    result.setProperty("role", "line")
    result.setFixedHeight(1)
    return result


class SectionHead(QWidget):
    """Head of a section: 12/600, perhaps with buttons or a caption at the right."""

    def __init__(self, text: str, *trailing: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self.title = label(text, "section")
        row.addWidget(self.title)
        row.addStretch()
        for widget in trailing:
            row.addWidget(widget)
        self.setFixedHeight(26)


class Fact(QWidget):
    """A name at the left and its value at the right, in one line."""

    def __init__(self, name: str, value: str = "–", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        self._name = label(name, "body2")
        self._value = label(value)
        row.addWidget(self._name)
        row.addStretch()
        row.addWidget(self._value)
        self.setFixedHeight(24)

    @property
    def value(self) -> str:
        """The value as shown."""
        return self._value.text()

    def set_value(self, value: str, role: str = "") -> None:
        """Show a value; role ``check`` or ``bad`` colours it."""
        self._value.setText(value)
        if (self._value.property("role") or "") != role:
            restyle(self._value, role=role)


class Figure(QWidget):
    """A large figure over its caption, as at the head of Review and Library."""

    def __init__(self, value: str, caption: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.value = label(value, "figure")
        self.caption = label(caption, "secondary")
        column.addWidget(self.value)
        column.addWidget(self.caption)
