"""The fields of the plan of annotation: who annotates, how many each sample, what share is gold."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import TYPE_CHECKING

from PySide6.QtCore import QLocale, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.core.errors import UsageError
from faceapp.gui.widgets.buttons import Button, set_wrong
from faceapp.gui.widgets.labels import label

if TYPE_CHECKING:
    from faceapp.app.annotation_plan import AnnotationPlan

_MOST_EACH = 9


def initials_of(text: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """Return the initials in a text as the program writes them; those that are known as they are."""
    return tuple(word if word in known else word.upper() for word in re.split(r"[\s,;]+", text) if word)


class PlanFields(QWidget):
    """One row of fields.

    Signals
    -------
    useWanted(AnnotationPlan)
        A person wants this plan.
    """

    useWanted = Signal(object)  # noqa: N815 - a Qt name

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._plan: AnnotationPlan | None = None
        self._on = True
        self.annotators = QLineEdit()
        self.annotators.setPlaceholderText("Everybody, first come, first served")
        self.annotators.setToolTip("Initials, with commas between; with none all samples are for everybody")
        self.annotators.setMinimumWidth(240)
        self.each = _spin(1, _MOST_EACH, "", "How many annotators each sample gets")
        self.more = _spin(0, 100, "%", "Share of the samples that one annotator more gets, to see how well they agree")
        self.gold = _spin(0, 100, "%", "Share of each queue that is gold: samples whose right landmarks are known")
        self.use = Button("Use this plan", "primary")
        self.use.setToolTip("Deal the samples out like this; who has begun a sample keeps it")
        self.wrong = label("", "bad", wrap=True)
        self.wrong.hide()
        self._lay_out()
        self.annotators.textChanged.connect(lambda _: self._edited())
        for box in (self.each, self.more, self.gold):
            box.valueChanged.connect(lambda _: self._edited())
        self.use.clicked.connect(lambda _=False: self.accept())

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(6)
        row = QHBoxLayout()
        row.setSpacing(8)
        for name, field in (
            ("Annotators", self.annotators), ("For each sample", self.each), ("One more for", self.more),
            ("Gold in a queue", self.gold),
        ):  # fmt: skip
            words = label(name, "body2")
            words.setBuddy(field)
            field.setAccessibleName(name)
            row.addWidget(words)
            row.addWidget(field, 1 if field is self.annotators else 0)
            row.addSpacing(4)
        row.addWidget(self.use)
        column.addLayout(row)
        column.addWidget(self.wrong)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accept()
            return
        super().keyPressEvent(event)

    @property
    def is_edited(self) -> bool:
        """Whether the fields say something else than the plan that is in force."""
        return self._plan is not None and self._told() != self._shown(self._plan)

    def show_plan(self, plan: AnnotationPlan) -> None:
        """Show the plan that is in force; what a person is writing stays."""
        edited = self.is_edited
        self._plan = plan
        if not edited:
            who, each, more, gold = self._shown(plan)
            self.annotators.setText(", ".join(who))
            for box, value in ((self.each, each), (self.more, more), (self.gold, gold)):
                box.setValue(value)
        self._edited()

    def forget(self) -> None:
        """Show nothing: another project comes."""
        self._plan = None
        self.annotators.clear()
        self._edited()

    def set_on(self, on: bool) -> None:
        """Let a person change the plan, or not."""
        self._on = on
        for field in (self.annotators, self.each, self.more, self.gold):
            field.setEnabled(on)
        self._edited()

    def accept(self) -> None:
        """Ask for the plan that the fields say, or say what is wrong with them."""
        if not self._on or not self.is_edited:
            return
        from faceapp.app.annotation_plan import AnnotationPlan, check_initials

        assert self._plan is not None
        who, each, more, gold = self._told()
        now = self._shown(self._plan)
        try:
            check_initials(who)
        except UsageError as error:
            self._say(str(error))
            return
        # A share that nobody touched keeps its decimals, which a file or the command line may have given it.
        double = self._plan.double_share if more == now[2] else more / 100
        golden = self._plan.gold_share if gold == now[3] else gold / 100
        self.useWanted.emit(AnnotationPlan(who, golden, double, each))

    def _told(self) -> tuple[tuple[str, ...], int, int, int]:
        known = self._plan.annotators if self._plan is not None else ()
        return initials_of(self.annotators.text(), known), self.each.value(), self.more.value(), self.gold.value()

    @staticmethod
    def _shown(plan: AnnotationPlan) -> tuple[tuple[str, ...], int, int, int]:
        each = min(plan.per_sample, _MOST_EACH)
        return plan.annotators, each, round(100 * plan.double_share), round(100 * plan.gold_share)

    def _edited(self) -> None:
        self._say("")
        self.use.setEnabled(self._on and self.is_edited)

    def _say(self, text: str) -> None:
        self.wrong.setText(f"{text[:1].upper()}{text[1:]}." if text else "")
        self.wrong.setVisible(bool(text))
        set_wrong(self.annotators, bool(text))


def _spin(low: int, high: int, unit: str, tip: str) -> QSpinBox:
    box = QSpinBox()
    box.setRange(low, high)
    box.setLocale(QLocale.c())
    box.setSuffix(f"\N{NO-BREAK SPACE}{unit}" if unit else "")
    box.setFixedSize(76 if unit else 60, 30)
    box.lineEdit().setTextMargins(8, 0, 0, 0)  # the style sheet's padding does not reach a spin box's own field
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    box.setToolTip(tip)
    return box
