"""What Capture asks: a new subject, why an expression is skipped, where a take belongs, which rig."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QSpinBox, QWidget

from faceapp.core.subject import CONSENT_SCOPES, GENDERS, Sample, Subject
from faceapp.gui.capture.protocol import load_expressions, title_of
from faceapp.gui.shell.prompt import Prompt

_SCOPES = {
    "record": "Record",
    "research": "Research",
    "pictures": "Pictures",
    "shape": "Shape",
    "publish": "Publish",
}


def ask_subject(make: Callable[[int | None, str, tuple[str, ...]], object]) -> Prompt:
    """Return the question for a new subject; a code is given, never a name."""
    age = QSpinBox()
    age.setRange(-1, 120)
    age.setValue(-1)
    age.setSpecialValueText("Not known")
    age.setFixedSize(112, 30)
    age.lineEdit().setTextMargins(8, 0, 0, 0)  # the style sheet's padding does not reach a spin box's own field
    gender = QComboBox()
    for word in GENDERS:
        gender.addItem(word.capitalize() if word != "unknown" else "Not known", word)
    gender.setCurrentIndex(GENDERS.index("unknown"))
    scopes = QWidget()
    row = QHBoxLayout(scopes)
    row.setContentsMargins(0, 0, 0, 0)
    boxes: dict[str, QCheckBox] = {}
    for scope in CONSENT_SCOPES:
        boxes[scope] = QCheckBox(_SCOPES.get(scope, scope))
        row.addWidget(boxes[scope])

    def take() -> str:
        consent = tuple(scope for scope, box in boxes.items() if box.isChecked())
        if "record" not in consent:
            return "Without consent to record nobody can be captured: tick Record once it is given."
        make(None if age.value() < 0 else age.value(), str(gender.currentData()), consent)
        return ""

    return Prompt(
        "New subject",
        [("Age", age), ("Gender", gender), ("Consent", scopes)],
        "Add subject",
        take,
        "The next free code is given; names are never kept.",
    )


def ask_reason(expression: str, skip: Callable[[str], object]) -> Prompt:
    """Return the question why an expression is skipped."""
    reason = QComboBox()
    reason.setEditable(True)
    reason.addItems(["Cannot do it", "Does not want to", "Tired", "No time"])
    reason.setMinimumWidth(240)

    def take() -> str:
        words = reason.currentText().strip()
        if not words:
            return "Give a reason; it is kept with the subject."
        skip(words)
        return ""

    return Prompt(f"Skip {title_of(expression).lower()}?", [("Reason", reason)], "Skip expression", take)


def ask_place(sample: Sample, subjects: Sequence[Subject], move: Callable[[str, str], object]) -> Prompt:
    """Return the question where a take really belongs."""
    who = QComboBox()
    who.addItems([s.code for s in subjects])
    who.setCurrentText(sample.subject)
    what = QComboBox()
    for expression in load_expressions():
        what.addItem(expression.title, expression.name)
    what.setCurrentIndex(max(0, what.findData(sample.expression)))

    def take() -> str:
        target = who.currentText(), str(what.currentData())
        if target == (sample.subject, sample.expression):
            return "That is where it lies; choose another subject or expression."
        move(*target)
        return ""

    title = f"Move take {sample.take} of {title_of(sample.expression).lower()} to"
    return Prompt(title, [("Subject", who), ("Expression", what)], "Move take", take)


def ask_rig(current: str, choose: Callable[[str], object]) -> Prompt:
    """Return the question which rig to connect."""
    rig = QLineEdit(current)
    rig.setMinimumWidth(420)

    def take() -> str:
        words = rig.text().strip()
        if not words:
            return "Give a driver, a .toml file, or a capture bundle to replay."
        choose(words)
        return ""

    return Prompt("Which rig?", [("Driver, file or bundle", rig)], "Connect", take)
