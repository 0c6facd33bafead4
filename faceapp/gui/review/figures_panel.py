"""The panel at the right of Review: figures per part, by what it was made, and the verdict."""

from __future__ import annotations

import math
import re

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.app.review_queue import QueueEntry
from faceapp.app.reviewing import REASONS as REASON_WORDS
from faceapp.gui.review.results import (
    SUSPICIOUS_P95_MM,
    LandmarkResidual,
    PartFigures,
    Result,
    millimetres,
    number,
    other_figures,
    parts_of,
)
from faceapp.gui.theme import color, font, surface
from faceapp.gui.widgets.buttons import Button
from faceapp.gui.widgets.labels import Fact, Figure, SectionHead, label, line
from faceapp.gui.widgets.layouts import empty_layout
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.painting import LEFT, RIGHT, draw_bar, draw_icon, draw_text, fill_rounded
from faceapp.gui.widgets.states import Badge, State

_ROW = 25
_CHECK_MM, _BAD_MM = 0.35, 0.55
_FAR_MM, _VERY_FAR_MM = 1.0, 2.0
_MOST_LANDMARKS = 8
REASONS = tuple(word.capitalize() for word in REASON_WORDS)


def state_of(p95: float) -> State:
    """Return how a 95th percentile stands against the limits."""
    if math.isnan(p95):
        return State.NONE
    return State.BAD if p95 >= _BAD_MM else State.CHECK if p95 >= _CHECK_MM else State.GOOD


class PartTable(QWidget):
    """A row for each part: bar, mean and 95th percentile."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._parts: tuple[PartFigures, ...] = ()
        self._before: dict[str, PartFigures] = {}
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def parts(self) -> tuple[PartFigures, ...]:
        """What is shown."""
        return self._parts

    def set_parts(self, parts: tuple[PartFigures, ...], before: tuple[PartFigures, ...] = ()) -> None:
        """Show these, in place of the bars the 95th percentiles of what was before."""
        self._parts, self._before = parts, {part.title: part for part in before}
        self.setVisible(bool(parts))
        words = (f"{p.title}: mean {millimetres(p.mean)}, p95 {millimetres(p.p95)}" for p in parts)
        self.setAccessibleName("; ".join(words))
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(280, _ROW * (len(self._parts) + 1))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        width = float(self.width())
        head = QRectF(0, 0, width, _ROW)
        draw_text(painter, head.adjusted(0, 0, -76, 0), "Mean", font(12), color("text2"), RIGHT)
        if self._before:
            draw_text(painter, head.adjusted(0, 0, -152, 0), "p95 before", font(12), color("text2"), RIGHT)
        draw_text(painter, head, "p95", font(12), color("text2"), RIGHT)
        for row, part in enumerate(self._parts, start=1):
            rect = QRectF(0, row * _ROW, width, _ROW)
            state = state_of(part.p95)
            loud = state in (State.CHECK, State.BAD)
            if loud:
                draw_icon(painter, QPointF(0, rect.y() + 5), state.icon, state.token, 14)
            length = 56 if width > 310 else 32
            bar = QRectF(width - 156 - length, rect.center().y() - 2, length, 4)
            name = QRectF(22, rect.y(), bar.x() - 30, _ROW)
            draw_text(painter, name, part.title, font(13, 500), color("text"), LEFT)
            if self._before:
                old = self._before.get(part.title)
                told = millimetres(old.p95) if old is not None else "–"
                draw_text(painter, rect.adjusted(0, 0, -152, 0), told, font(13), color("text2"), RIGHT)
            else:
                filled = min(1.0, part.p95 / 0.7) if part.p95 == part.p95 else 0.0
                draw_bar(painter, bar, filled, state.token if loud else "accent")
            draw_text(painter, rect.adjusted(0, 0, -76, 0), millimetres(part.mean), font(13), color("text2"), RIGHT)
            ink = color(state.token if loud else "text")
            draw_text(painter, rect, millimetres(part.p95), font(13, 600), ink, RIGHT)


class LandmarkTable(QWidget):
    """The landmarks that are farthest from their place on the registration.

    Signals
    -------
    chosen(int)
        A landmark was clicked.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: tuple[LandmarkResidual, ...] = ()
        self._current = -1
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    @property
    def rows(self) -> tuple[LandmarkResidual, ...]:
        """What is shown, the worst first."""
        return self._rows

    def set_residuals(self, residuals: tuple[LandmarkResidual, ...]) -> None:
        """Show the largest of these."""
        self._rows, self._current = residuals[:_MOST_LANDMARKS], -1
        self.setVisible(bool(self._rows))
        words = (f"{r.index} {name_of(r.name)} {millimetres(r.mm)}" for r in self._rows)
        self.setAccessibleName("; ".join(words))
        self.updateGeometry()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(280, _ROW * len(self._rows))

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for row, residual in enumerate(self._rows):
            rect = QRectF(0, row * _ROW, self.width(), _ROW)
            state = State.BAD if residual.mm >= _VERY_FAR_MM else State.CHECK if residual.mm >= _FAR_MM else State.NONE
            if row == self._current:
                fill_rounded(painter, rect.adjusted(-4, 1, 0, -1), color("selection"), 5)
            if state is not State.NONE:
                draw_icon(painter, QPointF(0, rect.y() + 5), state.icon, state.token, 14)
            draw_text(painter, rect.adjusted(22, 0, 0, 0), str(residual.index), font(13, 600), color("text"), LEFT)
            draw_text(painter, rect.adjusted(54, 0, -76, 0), name_of(residual.name), font(13), color("text2"), LEFT)
            ink = color("text" if state is State.NONE else state.token)
            draw_text(painter, rect, millimetres(residual.mm), font(13, 600), ink, RIGHT)

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        row = int(event.position().y() // _ROW)
        if 0 <= row < len(self._rows):
            self._current = row
            self.update()
            self.chosen.emit(self._rows[row].index)


def name_of(landmark: str) -> str:
    """Return ``mouth_outer_right1`` as ``Mouth outer right 1``."""
    words = re.sub(r"(?<=[a-z])(?=\d)", " ", landmark.replace("_", " "))
    return words[:1].upper() + words[1:]


class FiguresPanel(QWidget):
    """Figures and verdict.

    Signals
    -------
    judged(str, str)
        ``accept``, ``maybe`` or ``reject``, and the reason.
    again()
        The registration is to be made again.
    repair()
        It is to be repaired.
    """

    judged = Signal(str, str)
    again = Signal()
    repair = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 10, 12, 12)
        column.setSpacing(6)
        head = QHBoxLayout()
        self.title = label("", "title")
        self.badge = Badge()
        head.addWidget(self.title)
        head.addStretch()
        head.addWidget(self.badge)
        column.addLayout(head)
        self._figures = QHBoxLayout()
        self._figures.setSpacing(14)
        self.large = [Figure("–", name) for name in ("mean", "p95", "covered")]
        for figure in self.large:
            self._figures.addWidget(figure)
        self._figures.addStretch()
        column.addLayout(self._figures)
        column.addWidget(line())
        inside = QWidget()
        self._inside = QVBoxLayout(inside)
        self._inside.setContentsMargins(0, 0, 6, 0)
        self._inside.setSpacing(4)
        self._notes = QVBoxLayout()
        self._notes.setSpacing(6)
        self._inside.addLayout(self._notes)
        self.parts = PartTable()
        self._inside.addWidget(self.parts)
        self._landmark_head = SectionHead("Landmarks, largest residuals")
        self.landmarks = LandmarkTable()
        self._inside.addWidget(self._landmark_head)
        self._inside.addWidget(self.landmarks)
        self._facts = QVBoxLayout()
        self._facts.setSpacing(0)
        self._inside.addLayout(self._facts)
        self._inside.addStretch()
        scroll = QScrollArea()
        scroll.setWidget(inside)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        column.addWidget(scroll, 1)
        column.addWidget(line())
        column.addLayout(self._verdict())
        self.show_result(None, "", "")

    def _verdict(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(8)
        self.accept = Button("Accept", key="J", tall=True)
        self.maybe = Button("Maybe", key="K", tall=True)
        self.reject = Button("Reject", "danger", key="L", tall=True)
        for button, verdict in ((self.accept, "accept"), (self.maybe, "maybe"), (self.reject, "reject")):
            button.clicked.connect(lambda _=False, v=verdict: self.judged.emit(v, ""))
            row.addWidget(button, 1)
        column.addLayout(row)
        column.addWidget(label("Reject with a reason", "secondary"))
        grid = QGridLayout()
        grid.setSpacing(2)
        self.reasons: list[Button] = []
        for i, reason in enumerate(REASONS):
            button = Button(reason, "quiet", key=str(i + 1))
            button.clicked.connect(lambda _=False, r=reason: self.judged.emit("reject", r.lower()))
            grid.addWidget(button, i // 3, i % 3)
            self.reasons.append(button)
        column.addLayout(grid)
        return column

    def show_result(
        self,
        result: Result | None,
        title: str,
        verdict: str,
        entry: QueueEntry | None = None,
        before: Result | None = None,
    ) -> None:
        """Show the figures of a result, or that there is none.

        Parameters
        ----------
        result : Result or None
            On the screen.
        title : str
            Whose.
        verdict : str
            Of who sits here, or empty.
        entry : QueueEntry or None
            What the queue knows of it.
        before : Result or None
            What it is compared with.
        """
        self.title.setText(title)
        can_judge = result is not None and result.stage == "register"
        for button in (self.accept, self.maybe, self.reject, *self.reasons):
            button.setEnabled(can_judge)
        for layout in (self._facts, self._notes):
            empty_layout(layout)
        self._show_badge(result, verdict, entry)
        residuals = result.residuals if result is not None else ()
        self.landmarks.set_residuals(residuals)
        self._landmark_head.setVisible(bool(residuals))
        if result is None:
            for figure, name in zip(self.large, ("mean", "p95", "covered"), strict=True):
                figure.value.setText("–")
                figure.caption.setText(name)
            self.parts.set_parts(())
            return
        report = result.report
        if result.stage == "register":
            values = (
                ("mean", millimetres(number(report, "face.residual_mean"))),
                ("p95", millimetres(number(report, "face.residual_p95"))),
                ("covered", _share(number(report, "face.seen"))),
            )
        else:
            means = [m for m in report.metrics if m.name.startswith("face.distance_mean")]
            tails = [m for m in report.metrics if m.name.startswith("face.distance_p95")]
            values = (
                ("mean", millimetres(number(report, means[0].name)) if means else "–"),
                ("p95", millimetres(number(report, tails[0].name)) if tails else "–"),
                ("reprojection", f"{number(report, 'reprojection'):.1f}\N{NO-BREAK SPACE}px"),
            )
        for figure, (name, value) in zip(self.large, values, strict=True):
            figure.value.setText(value)
            figure.caption.setText(name)
        self.parts.set_parts(parts_of(report), parts_of(before.report) if before is not None else ())
        if entry is not None and result.folder == entry.run:
            self._show_notes(entry)
        self._add(SectionHead("Figures"))
        for name, value in other_figures(result):
            self._add(Fact(name, value))
        self._add(SectionHead("Made by"))
        self._add(label(result.made, "body2", wrap=True))
        for warning in report.warnings:
            self._add(label(warning, "check", wrap=True))

    def _show_notes(self, entry: QueueEntry) -> None:
        """Say why it is doubted and what it is no longer made of, with what to do about it."""
        if entry.stale:
            text = f"Stale: {'; '.join(entry.stale)}."
            acts = [("Register again", self.again.emit)]
            self._notes.addWidget(MessageBar("", text, state=State.CHECK, acts=acts, closable=False))
        if entry.words:
            text = f"{entry.words[:1].upper()}{entry.words[1:]}."
            acts = [("Repair", self.repair.emit)]
            self._notes.addWidget(MessageBar("", text, state=State.CHECK, acts=acts, closable=False))

    def _show_badge(self, result: Result | None, verdict: str, entry: QueueEntry | None) -> None:
        words = {
            "accept": ("Accepted", State.GOOD),
            "maybe": ("Maybe", State.CHECK),
            "reject": ("Rejected", State.BAD),
        }
        self.badge.setVisible(result is None or result.stage == "register")
        if result is None:
            self.badge.show_state("No result", State.NONE)
        elif verdict in words:
            self.badge.show_state(*words[verdict])
        elif entry is not None and entry.stale and entry.run == result.folder:
            self.badge.show_state("Stale", State.CHECK)
        elif result.stage == "register" and (
            number(result.report, "face.residual_p95") > SUSPICIOUS_P95_MM or (entry is not None and entry.suspicious)
        ):
            self.badge.show_state("Suspicious", State.CHECK)
        else:
            self.badge.show_state("Not judged", State.NONE)

    def _add(self, widget: QWidget) -> None:
        self._facts.addWidget(widget)


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}\N{NO-BREAK SPACE}%"
