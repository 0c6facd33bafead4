"""A form made from the parameters of a plugin."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from faceapp.gui.forms.fields import Field, range_of, title_of
from faceapp.gui.theme import restyle
from faceapp.gui.widgets.buttons import ToolButton
from faceapp.gui.widgets.labels import label
from faceapp.pipeline.parameters import ParameterInfo, Value


class ParameterForm(QWidget):
    """Name, limits, a way back to the default, field and explanation of each parameter.

    Parameters
    ----------
    parameters : sequence of ParameterInfo
        From ``faceapp.pipeline.parameters.describe``.

    Signals
    -------
    valueChanged()
        A person, or `setValue`, changed something.
    """

    valueChanged = Signal()  # noqa: N815 - Qt names

    def __init__(self, parameters: Sequence[ParameterInfo], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fields: dict[str, Field] = {}
        self._titles: dict[str, QLabel] = {}
        self._backs: dict[str, ToolButton] = {}
        self._quiet = True
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.setColumnStretch(0, 1)
        for i, info in enumerate(parameters):
            self._add_row(grid, 3 * i, info)
        grid.setRowStretch(3 * len(parameters), 1)
        self._quiet = False
        self._mark()

    def _add_row(self, grid: QGridLayout, row: int, info: ParameterInfo) -> None:
        field = Field(info, self._edited)
        self._fields[info.name] = field
        title = label(title_of(info))
        title.setBuddy(field.widget)
        self._titles[info.name] = title
        back = ToolButton("arrow-counter-clockwise", "Back to the default", side=24)
        back.clicked.connect(lambda _=False, name=info.name: self.reset(name))
        policy = back.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # nothing jumps when it comes
        back.setSizePolicy(policy)
        self._backs[info.name] = back
        grid.addWidget(title, row, 0)
        grid.addWidget(back, row, 1)
        grid.addWidget(field.widget, row, 2, Qt.AlignmentFlag.AlignRight)
        # The limits stand with the explanation: a column of theirs would make the form wider than its panel.
        limits = range_of(info)
        told = " ".join(filter(None, (info.doc, limits and f"From {limits}.")))
        if told:
            grid.addWidget(label(told, "secondary", wrap=True), row + 1, 0, 1, 3)
        grid.setRowMinimumHeight(row + 2, 8)

    def value(self) -> dict[str, Value]:
        """Return all values by name, as JSON can hold them."""
        return {name: field.get() for name, field in self._fields.items()}

    def setValue(self, values: Mapping[str, Any]) -> None:  # noqa: N802 - a Qt name
        """Show values; names that are left out stay, unknown ones are ignored (an older preset may have them)."""
        before = self.value()
        self._quiet = True
        for name, value in values.items():
            if name in self._fields:
                self._fields[name].set(value)
        self._quiet = False
        self._mark()
        if self.value() != before:
            self.valueChanged.emit()

    def reset(self, name: str = "") -> None:
        """Go back to the default of one parameter, or of all."""
        names = [name] if name else list(self._fields)
        self.setValue({n: self._fields[n].info.default for n in names})

    @property
    def changed_from_default(self) -> tuple[str, ...]:
        """Names of the parameters that are not at their default."""
        return tuple(name for name, field in self._fields.items() if field.get() != field.info.default)

    def field(self, name: str) -> QWidget:
        """Return the widget of a parameter."""
        return self._fields[name].widget

    def _edited(self) -> None:
        if not self._quiet:
            self._mark()
            self.valueChanged.emit()

    def _mark(self) -> None:
        changed = self.changed_from_default
        for name, back in self._backs.items():
            back.setVisible(name in changed)
            role = "strong" if name in changed else ""
            if (self._titles[name].property("role") or "") != role:
                restyle(self._titles[name], role=role)
