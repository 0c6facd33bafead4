"""Buttons with keys, tool buttons and the segmented control."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QWidget
from typing_extensions import override

from faceapp.gui.theme import SIZES, font, icon, restyle
from faceapp.gui.widgets.keycap import KeyCap, key_text


class Button(QPushButton):
    """A button with a verb, perhaps an icon and the cap of its key.

    Parameters
    ----------
    text : str
        A verb; ends in "…" when a question follows.
    kind : str
        ``plain``, ``primary`` (one a screen), ``quiet`` or ``danger``.
    icon_name : str
        Phosphor icon before the text.
    key : str
        Shortcut shown as a cap at the right; the action itself binds it.
    tall : bool
        36 px instead of 30, for verdicts.
    """

    def __init__(
        self,
        text: str,
        kind: str = "plain",
        icon_name: str = "",
        key: str = "",
        tall: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._kind, self._icon_name, self._words = kind, icon_name, text
        self.setProperty("kind", kind)
        self.setProperty("keyed", bool(key))
        self.setProperty("tall", tall)
        self._height = SIZES.verdict if tall else SIZES.control
        self.setFixedHeight(self._height)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keys with the picture
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self._cap = KeyCap(key, kind == "primary", self) if key else None
        self._show(text, icon_name)

    def _show(self, text: str, icon_name: str) -> None:
        # QSS knows no gap between icon and text: a leading space makes it.
        super().setText(f" {text}" if icon_name else text)
        if icon_name:
            tokens = {"primary": "on_fill", "danger": "red"}
            self.setIcon(icon(icon_name, tokens.get(self._kind, "text2")))
            self.setIconSize(QSize(16, 16))

    def set_key(self, key: str) -> None:
        """Show another key; an empty text takes the cap away."""
        if self._cap is None and key:
            self._cap = KeyCap(key, self._kind == "primary", self)
            self._cap.show()
        elif self._cap is not None:
            self._cap.set_key(key)
            self._cap.setVisible(bool(key))
        restyle(self, keyed=bool(key))
        self.updateGeometry()

    def set_words(self, text: str) -> None:
        """Say another verb."""
        self._words = text
        self._show(text, self._icon_name)

    def set_busy(self, text: str = "") -> None:
        """Show that the act is under way (``Saving…``); the empty text ends it."""
        self.setEnabled(not text)
        if text:
            self._show(text, "circle-notch")
        else:
            if not self._icon_name:
                self.setIcon(icon("circle-notch").__class__())
            self._show(self._words, self._icon_name)

    @override
    def sizeHint(self) -> QSize:
        text = QFontMetricsF(font(13, 600)).horizontalAdvance(self.text())
        width = round(text) + 28 + (18 if not self.icon().isNull() else 0)
        if self._cap is not None:
            width += self._cap.sizeHint().width() + 10
        return QSize(width, self._height)

    @override
    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._cap is not None:
            size = self._cap.sizeHint()
            self._cap.setGeometry(
                self.width() - size.width() - 8, (self.height() - size.height()) // 2, size.width(), size.height()
            )


class ToolButton(QToolButton):
    """A square button with an icon of 18 px.

    Parameters
    ----------
    icon_name : str
        Phosphor icon.
    tip : str
        What it does; the key is added.
    key : str
        Shortcut for the tool tip.
    checkable : bool
        Whether it stays down.
    side : int
        Width and height.
    """

    def __init__(
        self,
        icon_name: str,
        tip: str,
        key: str = "",
        checkable: bool = False,
        side: int = 30,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setIcon(icon(icon_name))
        self.setIconSize(QSize(18, 18) if side >= 28 else QSize(14, 14))
        self.setFixedSize(side, side)
        self.setCheckable(checkable)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._tip = tip
        self.set_key(key)
        self.setAccessibleName(tip)

    def set_key(self, key: str) -> None:
        """Name another key in the tool tip."""
        self.setToolTip(f"{self._tip}  [{key_text(key)}]" if key else self._tip)


class Segmented(QFrame):
    """One of a few, side by side.

    Parameters
    ----------
    options : sequence of (str, str)
        Identifier and title.
    floating : bool
        Whether it stands on a picture.
    padding : int
        Pixels beside each title, left and right together.

    Signals
    -------
    changed(str)
        The identifier chosen by a person.
    """

    changed = Signal(str)

    def __init__(
        self,
        options: Sequence[tuple[str, str]],
        floating: bool = False,
        padding: int = 32,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setProperty("role", "segments")
        self.setProperty("floating", floating)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._buttons: dict[str, QToolButton] = {}
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(0)
        metrics = QFontMetricsF(font(13, 600))  # bold is the widest it gets
        for identifier, title in options:
            button = QToolButton()
            button.setProperty("kind", "segment")
            button.setProperty("tight", padding < 32)
            button.setText(title)
            button.setCheckable(True)
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.setFixedSize(round(metrics.horizontalAdvance(title)) + padding, 26)
            button.clicked.connect(lambda _=False, key=identifier: self._choose(key))
            row.addWidget(button)
            self._buttons[identifier] = button
        self._current = ""
        if options:
            self.set_current(options[0][0])

    @property
    def current(self) -> str:
        """Identifier of the one that is chosen."""
        return self._current

    def set_current(self, identifier: str) -> None:
        """Choose without a signal.

        Raises
        ------
        KeyError
            There is no such option.
        """
        self._buttons[identifier].setChecked(True)
        for key, button in self._buttons.items():
            button.setChecked(key == identifier)
        self._current = identifier

    def set_enabled(self, identifier: str, enabled: bool) -> None:
        """Switch one option on or off."""
        self._buttons[identifier].setEnabled(enabled)

    def show_option(self, identifier: str, shown: bool) -> None:
        """Show one option or leave it out."""
        self._buttons[identifier].setVisible(shown)

    def _choose(self, identifier: str) -> None:
        before = self._current
        self.set_current(identifier)
        if identifier != before:
            self.changed.emit(identifier)


def set_wrong(widget: QWidget, wrong: bool) -> None:
    """Give a field the red edge of a value that cannot be used, or take it away."""
    if bool(widget.property("wrong")) != wrong:
        restyle(widget, wrong=wrong)
