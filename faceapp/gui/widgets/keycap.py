"""Keys as caps, and the hint bar that is made of them."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QKeySequence, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from faceapp.gui.theme import SIZES, color, font, surface
from faceapp.gui.widgets.painting import CENTER, draw_text, fill_rounded

_HEIGHT = 18
_MOST_HINTS = 7


def key_text(shortcut: str) -> str:
    """Return a shortcut as it stands on a cap: ``Ctrl+K`` becomes ``Ctrl K``, ``Left`` an arrow."""
    words = {"Left": "←", "Right": "→", "Up": "↑", "Down": "↓", "Return": "Enter", "Del": "Delete"}
    shown = QKeySequence(shortcut).toString(QKeySequence.SequenceFormat.NativeText) or shortcut
    if len(shown) > 1:
        shown = " ".join(words.get(part, part) for part in shown.split("+") if part)
    return shown


def cap_width(text: str) -> float:
    """Return the width of the cap of a key."""
    return max(_HEIGHT, QFontMetricsF(font(11, 600)).horizontalAdvance(text) + 11)


def draw_cap(painter: QPainter, at: QPointF, text: str, on_fill: bool = False) -> float:
    """Draw a cap with its left centre at ``at``; return its width."""
    width = cap_width(text)
    rect = QRectF(round(at.x()), round(at.y() - _HEIGHT / 2), round(width), _HEIGHT)
    if on_fill:
        fill_rounded(painter, rect, color("on_fill", 0.16), 4, color("on_fill", 0.65))
        ink = color("on_fill")
    else:
        fill_rounded(painter, rect, color("window" if color("window").lightness() < 128 else "panel"), 4, color("edge"))
        ink = color("text")
    draw_text(painter, rect, text, font(11, 600), ink, CENTER)
    return width


class KeyCap(QWidget):
    """The cap of a key; lets clicks through.

    Parameters
    ----------
    key : str
        A shortcut such as ``Ctrl+K``.
    on_fill : bool
        Whether it stands on a blue button.
    """

    def __init__(self, key: str, on_fill: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self._on_fill = key_text(key), on_fill
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def set_key(self, key: str) -> None:
        """Show another key."""
        self._text = key_text(key)
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(round(cap_width(self._text)) + 1, _HEIGHT)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        if not self.isEnabled():
            painter.setOpacity(0.45)
        draw_cap(painter, QPointF(0, self.height() / 2), self._text, self._on_fill and self._is_blue())

    def _is_blue(self) -> bool:
        """Whether the button below is blue now: not while a question has the blue one."""
        above: QWidget | None = self
        while above is not None and not above.property("asking"):
            above = above.parentWidget()
        return above is None and self.isEnabled()


class HintBar(QWidget):
    """One line of keys and what they do, at most seven.

    Hints that do not fit are left out from the right.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._hints: list[tuple[tuple[str, ...], str]] = []
        self.setFixedHeight(SIZES.hint)
        surface(self, "window")

    def set_hints(self, hints: Sequence[tuple[Sequence[str] | str, str]]) -> None:
        """Show hints: keys (one or several) and a word or two, the most useful first."""
        self._hints = [
            ((keys,) if isinstance(keys, str) else tuple(keys), words) for keys, words in hints[:_MOST_HINTS]
        ]
        self.setAccessibleName(", ".join(f"{' '.join(keys)} {words}" for keys, words in self._hints))
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), color("window"))
        metrics = QFontMetricsF(font(12))
        x, middle = float(SIZES.margin), self.height() / 2
        for keys, words in self._hints:
            needed = sum(cap_width(key_text(key)) + 4 for key in keys) + 6 + metrics.horizontalAdvance(words)
            if x + needed > self.width() - SIZES.margin:
                break
            for key in keys:
                x += draw_cap(painter, QPointF(x, middle), key_text(key)) + 4
            x += 3
            rect = QRectF(x, 0, metrics.horizontalAdvance(words) + 2, self.height())
            x += draw_text(painter, rect, words, font(12), color("text2")) + 16
