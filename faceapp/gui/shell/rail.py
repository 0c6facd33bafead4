"""The tabs at the left: icon and word; icons alone on a narrow window."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.gui.theme import SIZES, color, font, surface
from faceapp.gui.widgets.buttons import ToolButton
from faceapp.gui.widgets.keycap import key_text
from faceapp.gui.widgets.painting import CENTER, draw_focus, draw_icon, draw_text, fill_rounded


class RailTab(QAbstractButton):
    """One tab; see `Rail`."""

    def __init__(self, title: str, icon_name: str, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon_name = icon_name
        self._narrow = False
        self.setText(title)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolTip(f"{title}  [{key_text(key)}]" if key else title)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.set_narrow(False)

    def set_narrow(self, narrow: bool) -> None:
        """Leave the word out."""
        self._narrow = narrow
        self.setFixedSize(QSize(38, 38) if narrow else QSize(62, 52))
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        if self.isChecked():
            fill_rounded(painter, rect, color("selection"), 8)
        elif self.underMouse():
            fill_rounded(painter, rect, color("raised"), 8)
        token = "accent" if self.isChecked() else "text2"
        top = (rect.height() - 22) / 2 if self._narrow else 8
        draw_icon(painter, QPointF((rect.width() - 22) / 2, top), self._icon_name, token, 22)
        if not self._narrow:
            word = QRectF(0, 32, rect.width(), 16)
            ink = color("text" if self.isChecked() else "text2")
            draw_text(painter, word, self.text(), font(11, 600 if self.isChecked() else 500), ink, CENTER)
        if self.hasFocus():
            draw_focus(painter, rect, 8)


class Rail(QWidget):
    """Tabs of the workspaces, with settings and help at the foot.

    Signals
    -------
    chosen(str)
        Identifier of the tab that was clicked.
    settingsClicked(), helpClicked()
    """

    chosen = Signal(str)
    settingsClicked = Signal()  # noqa: N815 - a Qt name
    helpClicked = Signal()  # noqa: N815

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "window")
        self._tabs: dict[str, RailTab] = {}
        self._narrow = False
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 4, 0, 8)
        self._column.setSpacing(4)
        self._column.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self._column.addStretch()
        self.settings = ToolButton("gear-six", "Settings")
        self.help = ToolButton("question", "Help", "F1")
        self.settings.clicked.connect(self.settingsClicked)
        self.help.clicked.connect(self.helpClicked)
        for button in (self.settings, self.help):
            self._column.addWidget(button, 0, Qt.AlignmentFlag.AlignHCenter)
        self.setFixedWidth(SIZES.rail)

    def add_tab(self, identifier: str, title: str, icon_name: str, key: str, position: int) -> None:
        """Add a tab at a position from the top."""
        tab = RailTab(title, icon_name, key)
        tab.set_narrow(self._narrow)
        tab.clicked.connect(lambda _=False: self._click(identifier))
        self._tabs[identifier] = tab
        self._column.insertWidget(position, tab, 0, Qt.AlignmentFlag.AlignHCenter)

    def _click(self, identifier: str) -> None:
        self.chosen.emit(identifier)

    def set_current(self, identifier: str) -> None:
        """Mark a tab."""
        for key, tab in self._tabs.items():
            tab.setChecked(key == identifier)

    def set_narrow(self, narrow: bool) -> None:
        """Leave the words out and take 48 instead of 74 px."""
        if narrow == self._narrow:
            return
        self._narrow = narrow
        self.setFixedWidth(SIZES.rail_narrow if narrow else SIZES.rail)
        for tab in self._tabs.values():
            tab.set_narrow(narrow)

    @property
    def tabs(self) -> tuple[str, ...]:
        """Identifiers of the tabs."""
        return tuple(self._tabs)
