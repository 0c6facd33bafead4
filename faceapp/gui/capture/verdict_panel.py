"""The panel at the right of Capture: what the take is worth, group by group, and what to do with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.gui.capture.figures import advice_of, motion_words, percent, rows_of
from faceapp.gui.capture.protocol import Expression
from faceapp.gui.theme import restyle, surface
from faceapp.gui.widgets.buttons import Button
from faceapp.gui.widgets.keycap import KeyCap
from faceapp.gui.widgets.labels import SectionHead, label
from faceapp.gui.widgets.layouts import empty_layout
from faceapp.gui.widgets.metrics import MetricRow
from faceapp.gui.widgets.states import Badge, State

if TYPE_CHECKING:
    from faceapp.app.take_figures import GroupFigures

STATES = {-1: State.NONE, 0: State.GOOD, 1: State.CHECK, 2: State.BAD}
_ROWS = ("Coverage", "Modulation", "Saturation", "Motion", "Frames", "Time")
_TABLE = ("Points", "Coverage", "Motion", "Frames")


class _Room(QScrollArea):
    """Where figures stand above the buttons; tells when its height changes."""

    resized = Signal()

    def __init__(self, inner: QWidget) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setWidget(inner)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.resized.emit()


class VerdictPanel(QWidget):
    """Figures of the take and the buttons of the operator.

    Signals
    -------
    accepted(), retaken(), skipped(), shot()
    """

    accepted = Signal()
    retaken = Signal()
    skipped = Signal()
    shot = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 10, 0, 12)
        outer.setSpacing(4)
        outer.addLayout(self._head())
        self._inner = QWidget()
        column = QVBoxLayout(self._inner)
        column.setContentsMargins(12, 0, 12, 0)
        column.setSpacing(4)
        self._rows = {name: MetricRow(name) for name in _ROWS}
        for row in self._rows.values():
            column.addWidget(row)
        column.addSpacing(4)
        self._advice = self._make_advice()
        column.addWidget(self._advice)
        column.addSpacing(4)
        self._table_head = SectionHead("Groups")
        column.addWidget(self._table_head)
        self._table = QWidget()
        self._grid = QGridLayout(self._table)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(6)
        column.addWidget(self._table)
        column.addStretch()
        self._next = self._make_next()
        column.addWidget(self._next)
        self._room = _Room(self._inner)
        self._room.resized.connect(self._fit)
        outer.addWidget(self._room, 1)
        outer.addSpacing(4)
        outer.addLayout(self._make_buttons())
        self._narrow = False
        self.clear("", "")

    def _head(self) -> QHBoxLayout:
        head = QHBoxLayout()
        head.setContentsMargins(12, 0, 12, 0)
        head.setSpacing(8)
        self._title = label("", "title")
        self._take = label("", "body2")
        self._badge = Badge()
        head.addWidget(self._title)
        head.addWidget(self._take)
        head.addStretch()
        head.addWidget(self._badge)
        return head

    def _make_advice(self) -> QWidget:
        card = QWidget()
        surface(card, "check")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(12, 8, 12, 8)
        inside.setSpacing(2)
        self._advice_text = label("", wrap=True)
        self._advice_todo = label("", "body2", wrap=True)
        inside.addWidget(self._advice_text)
        inside.addWidget(self._advice_todo)
        return card

    def _make_next(self) -> QWidget:
        card = QWidget()
        surface(card, "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(12, 10, 12, 10)
        inside.setSpacing(4)
        self._next_title = label("", "strong")
        self._next_prompt = label("", "body2", wrap=True)
        row = QHBoxLayout()
        row.setSpacing(8)
        self._next_key = KeyCap("Space")
        row.addWidget(self._next_key)
        self._next_hint = label("3, 2, 1, shoot", "secondary")
        row.addWidget(self._next_hint)
        row.addStretch()
        self._next_words = QWidget()
        words = QVBoxLayout(self._next_words)
        words.setContentsMargins(0, 0, 0, 0)
        words.setSpacing(4)
        words.addWidget(self._next_prompt)
        words.addLayout(row)
        inside.addWidget(self._next_title)
        inside.addWidget(self._next_words)
        return card

    def _make_buttons(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setContentsMargins(12, 0, 12, 0)
        column.setSpacing(4)
        self.shoot = Button("Shoot", "primary", key="Space", tall=True)
        self.accept = Button("Accept", "primary", key="Return", tall=True)
        self.retake = Button("Retake", key="Backspace", tall=True)
        self.skip = Button("Skip…", key="N", tall=True)
        for button, signal in (
            (self.shoot, self.shot),
            (self.accept, self.accepted),
            (self.retake, self.retaken),
            (self.skip, self.skipped),
        ):
            button.clicked.connect(lambda _=False, s=signal: s.emit())
        column.addWidget(self.shoot)
        column.addWidget(self.accept)
        column.addSpacing(4)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.retake, 1)
        row.addWidget(self.skip, 1)
        column.addLayout(row)
        return column

    # Showing

    def set_narrow(self, narrow: bool) -> None:
        """Leave bars and the table of groups out on a laptop."""
        self._narrow = narrow
        for row in self._rows.values():
            row.set_compact(narrow)
        self._fit()

    def show_next(self, title: str, expression: Expression, hint: str) -> None:
        """Say what is shot, or what Space will shoot and when."""
        self._next_title.setText(f"{title}: {expression.title.lower()}")
        self._next_prompt.setText(f"“{expression.prompt}”")
        self._next_hint.setText(hint)
        self._next_hint.setVisible(bool(hint))
        self._next_key.setVisible(bool(hint))
        self._fit()

    def show_acts(self, can_shoot: bool, judging: bool) -> None:
        """Switch the buttons: one of them is blue."""
        self.shoot.setVisible(not judging)
        self.shoot.setEnabled(can_shoot)
        self.accept.setVisible(judging)
        self.retake.setEnabled(judging)

    def clear(self, title: str, take: str, badge: str = "", state: State = State.NONE) -> None:
        """Show a take of which nothing is known yet."""
        self._title.setText(title)
        self._take.setText(take)
        self._badge.show_state(badge, state)
        self._badge.setVisible(bool(badge))
        self.show_figures({}, {})

    def show_badge(self, text: str, state: State) -> None:
        """Say where the take is."""
        self._badge.show_state(text, state)
        self._badge.setVisible(bool(text))

    def show_figures(
        self, groups: Mapping[str, GroupFigures], failures: Mapping[str, str], seconds: float | None = None
    ) -> None:
        """Show what is known so far; with ``seconds`` the take is whole."""
        for figure in rows_of(groups, seconds):
            self._rows[figure.name].set_value(
                figure.value, STATES[figure.grade], figure.fraction, figure.limit, figure.tip
            )
            self._rows[figure.name].set_compact(self._narrow)
        self._show_groups(groups)
        grade, badge, text, todo = advice_of(groups, failures) if seconds is not None else (0, "", "", "")
        self._advice.setVisible(bool(text))
        self._advice_text.setText(text)
        self._advice_todo.setText(todo)
        restyle(self._advice, surface="bad" if grade == 2 else "check")
        self._fit()
        if seconds is not None:
            self.show_badge(badge, STATES[grade])

    def _fit(self) -> None:
        """Show what fits whole beside figures and advice: a notice above may leave no room for the rest.

        The table of groups goes first, then the words of what comes next; what does not fit even so is scrolled.
        """
        has_table = not self._narrow and self._grid.count() > 0
        for table, following, words in (
            (has_table, True, True),
            (False, True, True),
            (False, True, False),
            (False, False, False),
        ):
            self._table_head.setVisible(table)
            self._table.setVisible(table)
            self._next.setVisible(following)
            self._next_words.setVisible(words)
            if self._needed() <= self._room.viewport().height():
                return

    def _needed(self) -> int:
        """Return the height that the shown parts need, px."""
        following, column = self._next.layout(), self._inner.layout()
        assert following is not None and column is not None
        following.invalidate()
        self._next.updateGeometry()  # what the column remembers of it is from before its words went
        column.invalidate()
        fixed = column.totalSizeHint().height()
        return column.totalHeightForWidth(self._room.width()) if column.hasHeightForWidth() else fixed

    def _show_groups(self, groups: Mapping[str, GroupFigures]) -> None:
        empty_layout(self._grid)
        if not groups:
            return
        rank = {"right": 0, "middle": 1, "left": 2}
        names = sorted(groups, key=lambda n: rank.get(n, 9))
        for row, name in enumerate(_TABLE, start=1):
            self._grid.addWidget(label(name, "body2"), row, 0)
        self._grid.setColumnStretch(0, 1)
        for column, name in enumerate(names, start=1):
            group = groups[name]
            head = label(name.capitalize(), "secondary")
            cells: list[QLabel] = [
                label(f"{group.points:,}" if group.points else "–"),
                label(percent(group.coverage)),
                label(motion_words(group.motion)),
                label(f"{group.frames} of {group.wanted}"),
            ]
            for row, cell in enumerate([head, *cells]):
                self._grid.addWidget(cell, row, column, Qt.AlignmentFlag.AlignRight)
