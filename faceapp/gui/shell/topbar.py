"""Menu bar, breadcrumb and the box that opens the command palette, in one bar of 44 px."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QAbstractButton, QHBoxLayout, QMenu, QMenuBar, QSizePolicy, QToolButton, QWidget
from typing_extensions import override

from faceapp.gui.shell.actions import MENUS, ActionRegistry
from faceapp.gui.theme import SIZES, color, font, surface
from faceapp.gui.widgets.keycap import cap_width, draw_cap, key_text
from faceapp.gui.widgets.layouts import empty_layout
from faceapp.gui.widgets.messages import IconLabel
from faceapp.gui.widgets.painting import LEFT, draw_focus, draw_icon, draw_text, fill_rounded


class SearchBox(QAbstractButton):
    """Looks like a search field; a click opens the command palette."""

    def __init__(self, key: str = "Ctrl+K", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.key = key
        self._narrow = False
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setAccessibleName("Search or run a command")
        self.set_narrow(False)

    def set_narrow(self, narrow: bool) -> None:
        """Take 220 instead of 300 px."""
        self._narrow = narrow
        self.setFixedSize(220 if narrow else 300, 28)
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        ground = "hover" if self.underMouse() else "raised"
        fill_rounded(painter, rect, color(ground), 6)
        draw_icon(painter, QPointF(10, 7), "magnifying-glass", "text2", 14)
        words = "Search or run" if self._narrow else "Search or run a command"
        text = key_text(self.key)
        width = cap_width(text)
        draw_text(painter, rect.adjusted(30, 0, -width - 12, 0), words, font(12), color("text2"), LEFT)
        draw_cap(painter, QPointF(rect.right() - width - 5, rect.center().y()), text)
        if self.hasFocus():
            draw_focus(painter, rect)


class Breadcrumb(QWidget):
    """Project, subject, sample, result; the last one is where we are.

    Signals
    -------
    chosen(int)
        Which one was clicked.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(2)
        self._texts: list[str] = []
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)

    @property
    def texts(self) -> list[str]:
        """What is shown."""
        return list(self._texts)

    def set_texts(self, texts: Sequence[str]) -> None:
        """Show these, from the project down."""
        if list(texts) == self._texts:
            return
        self._texts = list(texts)
        empty_layout(self._row)
        for i, text in enumerate(texts):
            if i:
                self._row.addWidget(IconLabel("caret-right", "text3", 12))
            crumb = QToolButton()
            crumb.setText(text)
            crumb.setProperty("kind", "crumb")
            crumb.setProperty("last", i == len(texts) - 1)
            crumb.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            crumb.setFixedHeight(28)
            if i == len(texts) - 1:
                crumb.setMinimumWidth(self._bold_width(text))
            crumb.clicked.connect(lambda _=False, n=i: self.chosen.emit(n))
            self._row.addWidget(crumb)

    @staticmethod
    def _bold_width(text: str) -> int:
        # A tool button in a tight row elides to "..." unless the bold metrics give it its width.
        return round(QFontMetricsF(font(13, 600)).horizontalAdvance(text)) + 14


class TopBar(QWidget):
    """The bar at the top.

    Parameters
    ----------
    registry : ActionRegistry
        Fills the menus.
    """

    def __init__(self, registry: ActionRegistry, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "window")
        self.setFixedHeight(SIZES.top)
        self._registry = registry
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(8)
        self.menu_bar = QMenuBar()
        self.menu_bar.setNativeMenuBar(False)  # in a layout it would vanish into the desktop's bar
        self.menus: dict[str, QMenu] = {}
        for name in MENUS:
            menu = self.menu_bar.addMenu(name)
            menu.setToolTipsVisible(True)
            menu.aboutToShow.connect(lambda menu=menu, name=name: registry.fill_menu(menu, name))
            self.menus[name] = menu
        self.crumbs = Breadcrumb()
        self.search = SearchBox()
        self.menu_bar.setFixedHeight(30)
        row.addWidget(self.menu_bar, 0, Qt.AlignmentFlag.AlignVCenter)
        self._line = QWidget()
        self._line.setFixedSize(QSize(1, 20))
        surface(self._line, "line")
        row.addWidget(self._line)
        row.addWidget(self.crumbs)
        row.addStretch(1)
        row.addWidget(self.search)
        registry.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show the menus that hold something, at the width their titles need."""
        for name, menu in self.menus.items():
            menu.menuAction().setVisible(bool(self._registry.of_menu(name)))
        self.menu_bar.setMinimumWidth(self.menu_bar.sizeHint().width())

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), color("window"))
        painter.fillRect(self._line.geometry(), color("line"))
