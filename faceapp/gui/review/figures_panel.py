"""The panel at the right of Review: figures per part, by what it was made, and the verdict."""

from __future__ import annotations

import math

from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.gui.review.results import PartFigures, Result, millimetres, number, other_figures, parts_of
from faceapp.gui.theme import color, font, surface
from faceapp.gui.widgets.buttons import Button
from faceapp.gui.widgets.labels import Fact, Figure, SectionHead, label, line
from faceapp.gui.widgets.painting import LEFT, RIGHT, draw_bar, draw_icon, draw_text
from faceapp.gui.widgets.states import Badge, State

_ROW = 25
_CHECK_MM, _BAD_MM = 0.35, 0.55
REASONS = ("Eyes", "Nose", "Mouth", "Contour", "Folds", "Bad scan")


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
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def parts(self) -> tuple[PartFigures, ...]:
        """What is shown."""
        return self._parts

    def set_parts(self, parts: tuple[PartFigures, ...]) -> None:
        """Show these."""
        self._parts = parts
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
            draw_bar(painter, bar, min(1.0, part.p95 / 0.7) if part.p95 == part.p95 else 0.0,
                     state.token if loud else "accent")  # fmt: skip
            draw_text(painter, rect.adjusted(0, 0, -76, 0), millimetres(part.mean), font(13), color("text2"), RIGHT)
            ink = color(state.token if loud else "text")
            draw_text(painter, rect, millimetres(part.p95), font(13, 600), ink, RIGHT)


class FiguresPanel(QWidget):
    """Figures and verdict.

    Signals
    -------
    judged(str, str)
        ``accept``, ``maybe`` or ``reject``, and the reason.
    """

    judged = Signal(str, str)

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
        self.parts = PartTable()
        self._inside.addWidget(self.parts)
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

    def show_result(self, result: Result | None, title: str, verdict: str) -> None:
        """Show the figures of a result, or that there is none."""
        self.title.setText(title)
        can_judge = result is not None and result.stage == "register"
        for button in (self.accept, self.maybe, self.reject, *self.reasons):
            button.setEnabled(can_judge)
        self._clear_facts()
        self._show_badge(result, verdict)
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
        self.parts.set_parts(parts_of(report))
        self._add(SectionHead("Figures"))
        for name, value in other_figures(result):
            self._add(Fact(name, value))
        self._add(SectionHead("Made by"))
        self._add(label(result.made, "body2", wrap=True))
        for warning in report.warnings:
            self._add(label(warning, "check", wrap=True))

    def _show_badge(self, result: Result | None, verdict: str) -> None:
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
        elif result.stage == "register" and number(result.report, "face.residual_p95") > 0.5:
            self.badge.show_state("Suspicious", State.CHECK)
        else:
            self.badge.show_state("Not judged", State.NONE)

    def _add(self, widget: QWidget) -> None:
        self._facts.addWidget(widget)

    def _clear_facts(self) -> None:
        while self._facts.count():
            item = self._facts.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f}\N{NO-BREAK SPACE}%"
