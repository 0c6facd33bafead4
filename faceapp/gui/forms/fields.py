"""One field of a form: a number with its unit, a switch, a choice, a text."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QLocale, Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox, QWidget

from faceapp.pipeline.parameters import ParameterInfo, Value

_WIDTH = 112
_INT_LIMIT = 2**31 - 1


class Field:
    """A widget with a value of one type.

    Parameters
    ----------
    info : ParameterInfo
        What it edits.
    changed : callable
        Called after a person changed it.
    """

    def __init__(self, info: ParameterInfo, changed: Callable[[], object]) -> None:
        self.info = info
        self.widget: QWidget
        if info.type is bool:
            self.widget = self._switch(changed)
        elif info.choices:
            self.widget = self._choice(changed)
        elif info.type is int:
            self.widget = self._whole(changed)
        elif info.type is float:
            self.widget = self._real(changed)
        else:
            self.widget = self._text(changed)
        self.widget.setAccessibleName(title_of(info))
        self.set(info.default)

    def _switch(self, changed: Callable[[], object]) -> QWidget:
        box = QCheckBox()
        box.toggled.connect(lambda _: changed())
        return box

    def _choice(self, changed: Callable[[], object]) -> QWidget:
        box = QComboBox()
        for choice in self.info.choices:
            box.addItem(choice.replace("_", " "), choice)
        box.setMinimumWidth(_WIDTH)
        box.currentIndexChanged.connect(lambda _: changed())
        return box

    def _whole(self, changed: Callable[[], object]) -> QWidget:
        box = QSpinBox()
        low, high = self.info.low, self.info.high
        box.setRange(-_INT_LIMIT if low is None else math.ceil(low), _INT_LIMIT if high is None else math.floor(high))
        box.valueChanged.connect(lambda _: changed())
        return self._number(box)

    def _real(self, changed: Callable[[], object]) -> QWidget:
        box = _Real()
        low = -1e12 if self.info.low is None else self.info.low
        high = 1e12 if self.info.high is None else self.info.high
        box.setDecimals(12)  # the limits must not be rounded; `textFromValue` shows what is needed
        box.setRange(low, high)
        box.setSingleStep(_step(low, high, float(self.info.default)))
        box.valueChanged.connect(lambda _: changed())
        return self._number(box)

    def _number(self, box: QSpinBox | QDoubleSpinBox) -> QWidget:
        box.setProperty("bare", True)  # NoButtons and a style sheet together leave 1 px for the number
        box.setLocale(QLocale.c())
        box.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        box.setKeyboardTracking(False)
        box.setFixedWidth(_WIDTH)
        box.setFixedHeight(30)
        box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # the wheel does not take the focus
        if self.info.unit:
            box.setSuffix(f"\N{NO-BREAK SPACE}{self.info.unit}")
        return box

    def _text(self, changed: Callable[[], object]) -> QWidget:
        field = QLineEdit()
        field.setMinimumWidth(_WIDTH)
        field.editingFinished.connect(lambda: changed())
        return field

    def get(self) -> Value:
        """Return the value, of the type of the parameter."""
        widget = self.widget
        if isinstance(widget, QCheckBox):
            return widget.isChecked()
        if isinstance(widget, QComboBox):
            return str(widget.currentData())
        if isinstance(widget, QSpinBox):
            return int(widget.value())
        if isinstance(widget, QDoubleSpinBox):
            return float(widget.value())
        assert isinstance(widget, QLineEdit)
        return widget.text()

    def set(self, value: Value) -> None:
        """Show a value; a number out of its limits goes to the limit, an unknown choice changes nothing."""
        widget = self.widget
        if isinstance(widget, QCheckBox):
            widget.setChecked(bool(value))
        elif isinstance(widget, QComboBox):
            widget.setCurrentIndex(max(widget.findData(value), widget.currentIndex() if value else 0))
        elif isinstance(widget, QSpinBox):
            widget.setValue(int(value))
        elif isinstance(widget, QDoubleSpinBox):
            widget.setValue(float(value))
        elif isinstance(widget, QLineEdit):
            widget.setText(str(value))


class _Real(QDoubleSpinBox):
    """Shows as many digits as the number has, at most six."""

    def textFromValue(self, value: float) -> str:  # noqa: N802 - Qt's name
        if value == round(value) and abs(value) < 1e6:
            return f"{value:.1f}"
        return f"{value:.6g}"


def _step(low: float, high: float, value: float) -> float:
    """Return a step of 1, 2 or 5 times a power of ten that fits the size of the value."""
    size = abs(value) / 10 or (min(high - low, 100.0) / 20)
    power = 10.0 ** math.floor(math.log10(size)) if size > 0 else 1.0
    return next((m * power for m in (5.0, 2.0, 1.0) if m * power <= size * 1.001), power)


def title_of(info: ParameterInfo) -> str:
    """Return ``max_distance`` as ``Max distance``."""
    words = info.name.replace("_", " ")
    return words[:1].upper() + words[1:]


def range_of(info: ParameterInfo) -> str:
    """Return the limits as people read them: ``0.1 to 10``."""
    if info.low is None or info.high is None:
        return ""
    low, high = (f"{v:g}".replace("-", "−") for v in (info.low, info.high))
    return f"{low} to {high}"
