"""Which theme is on, and the one place that puts it on the application."""

from __future__ import annotations

import functools

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QWidget

from faceapp.gui.theme.fonts import font, load_fonts
from faceapp.gui.theme.stylesheet import style_sheet
from faceapp.gui.theme.tokens import DARK, LIGHT, Tokens


class Theme(QObject):
    """The theme of the application.

    Signals
    -------
    changed()
        After the palette and the style sheet were exchanged.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._tokens = DARK
        self._more_contrast = False

    @property
    def tokens(self) -> Tokens:
        """Colours in use."""
        return self._tokens

    @property
    def more_contrast(self) -> bool:
        """Whether fields have an edge too."""
        return self._more_contrast

    def apply(self, name: str, more_contrast: bool | None = None) -> None:
        """Put ``dark`` or ``light`` on the application.

        Parameters
        ----------
        name : str
            Any other word means dark.
        more_contrast : bool, optional
            Edges round fields; unchanged by default.
        """
        self._tokens = LIGHT if name == "light" else DARK
        if more_contrast is not None:
            self._more_contrast = more_contrast
        application = QApplication.instance()
        if not isinstance(application, QApplication):
            return
        load_fonts()
        scheme = Qt.ColorScheme.Dark if self._tokens.dark else Qt.ColorScheme.Light
        application.styleHints().setColorScheme(scheme)  # title bars of Windows and macOS
        if application.style().name().lower() != "fusion":
            application.setStyle("Fusion")
        application.setStyleSheet("")  # from one sheet to the next takes Qt three times as long as over none: 130 ms
        application.setFont(font())
        application.setPalette(_palette(self._tokens))
        application.setStyleSheet(style_sheet(self._tokens, self._more_contrast))
        self.changed.emit()


@functools.cache
def theme() -> Theme:
    """Return the theme of this process."""
    return Theme()


def tokens() -> Tokens:
    """Return the colours in use."""
    return theme().tokens


@functools.lru_cache(maxsize=256)
def _color(value: str) -> QColor:
    return QColor(value)


def color(token: str, alpha: float = 1.0) -> QColor:
    """Return a colour by the name of its token or as ``#RRGGBB``."""
    result = QColor(_color(token if token.startswith("#") else getattr(tokens(), token)))
    if alpha < 1:
        result.setAlphaF(alpha)
    return result


def surface(widget: QWidget, name: str) -> None:
    """Give a widget the ground ``canvas``, ``window``, ``panel``, ``raised`` or ``card``."""
    widget.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)  # without it a Python subclass stays bare
    widget.setProperty("surface", name)


def restyle(widget: QWidget, **properties: object) -> None:
    """Set properties that the style sheet looks at, and make it look again."""
    for name, value in properties.items():
        widget.setProperty(name, value)
    style = widget.style()
    style.unpolish(widget)
    style.polish(widget)
    widget.update()


def _palette(t: Tokens) -> QPalette:
    palette = QPalette()
    role = QPalette.ColorRole
    for where, value in {
        role.Window: t.window,
        role.WindowText: t.text,
        role.Base: t.field,
        role.AlternateBase: t.panel,
        role.Text: t.text,
        role.Button: t.raised,
        role.ButtonText: t.text,
        role.BrightText: t.red,
        role.ToolTipBase: t.raised,
        role.ToolTipText: t.text,
        role.PlaceholderText: t.text3,
        role.Highlight: t.selection,
        role.HighlightedText: t.text,
        role.Link: t.accent,
        role.Accent: t.accent,
        role.Light: t.hover,
        role.Midlight: t.raised,
        role.Mid: t.line,
        role.Dark: t.press,
        role.Shadow: t.canvas,
    }.items():
        palette.setColor(where, QColor(value))
    for where in (role.WindowText, role.Text, role.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, where, QColor(t.edge))
    return palette
