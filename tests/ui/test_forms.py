"""Forms, histogram, lists."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDoubleSpinBox, QSpinBox

from faceapp.gui.forms.form import ParameterForm
from faceapp.gui.plots.histogram import Histogram
from faceapp.gui.widgets.grouplist import GroupEntry, GroupList, Progress
from faceapp.gui.widgets.keycap import key_text
from faceapp.gui.widgets.metrics import MetricRow
from faceapp.gui.widgets.samples import SampleEntry, SampleList
from faceapp.gui.widgets.states import State
from faceapp.pipeline.parameters import Between, Choice, Unit, build, describe
from faceapp.pipeline.registry import find_plugins


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Parameters of a test."""

    max_distance: Annotated[float, Between(0.1, 15), Unit("mm")] = 5.0
    """A scan point farther off is not used."""
    rounds: Annotated[int, Between(1, 50)] = 10
    """How often."""
    symmetric: bool = False
    """Both sides alike."""
    solver: Annotated[str, Choice("cholesky", "conjugate_gradients")] = "cholesky"
    """How the system is solved."""


def test_form_gives_values_that_build_the_parameters(qtbot: Any) -> None:
    form = ParameterForm(describe(Settings))
    qtbot.addWidget(form)
    assert build(Settings, form.value()) == Settings()
    with qtbot.waitSignal(form.valueChanged):
        form.setValue({"max_distance": 0.35, "rounds": 7, "symmetric": True, "solver": "conjugate_gradients", "old": 1})
    expected = Settings(max_distance=0.35, rounds=7, symmetric=True, solver="conjugate_gradients")
    assert build(Settings, form.value()) == expected
    assert set(form.changed_from_default) == {"max_distance", "rounds", "symmetric", "solver"}
    form.reset("rounds")
    assert form.value()["rounds"] == 10


def test_form_keeps_limits_and_shows_units(qtbot: Any) -> None:
    form = ParameterForm(describe(Settings))
    qtbot.addWidget(form)
    field = form.field("max_distance")
    assert isinstance(field, QDoubleSpinBox)
    assert field.text() == "5.0\N{NO-BREAK SPACE}mm"
    form.setValue({"max_distance": 99.0})
    assert form.value()["max_distance"] == 15.0


def test_typing_into_a_form_changes_its_value(qtbot: Any) -> None:
    form = ParameterForm(describe(Settings))
    qtbot.addWidget(form)
    form.show()
    field = form.field("rounds")
    assert isinstance(field, QSpinBox)
    field.setFocus()
    field.selectAll()
    with qtbot.waitSignal(form.valueChanged):
        qtbot.keyClicks(field, "23")
        qtbot.keyClick(field, Qt.Key.Key_Return)
    assert form.value()["rounds"] == 23


def test_histogram_counts_the_outliers_too(qtbot: Any) -> None:
    plot = Histogram(bins=4)
    qtbot.addWidget(plot)
    plot.resize(300, 180)
    plot.set_values([-9, -0.4, 0.1, 0.1, 0.5, 9, np.nan], -0.6, 0.6, limits=(-0.2, 0.2))
    assert plot.counts.tolist() == [2, 0, 2, 2]
    assert not plot.grab().isNull()


def test_group_list_tells_what_was_chosen(qtbot: Any) -> None:
    groups = GroupList()
    qtbot.addWidget(groups)
    groups.set_entries([GroupEntry(n, n, "0 of 9", Progress.UNTOUCHED) for n in "abc"])
    groups.resize(groups.sizeHint())
    with qtbot.waitSignal(groups.activated) as signal:
        qtbot.mouseClick(groups, Qt.MouseButton.LeftButton, pos=groups.rect().center())
    assert signal.args == ["b"]
    assert groups.current == "b"


@pytest.mark.parametrize("layout", ["rows", "strip", "cards"])
def test_sample_list_tells_what_was_chosen(qtbot: Any, layout: str) -> None:
    samples = SampleList(layout)
    qtbot.addWidget(samples)
    samples.resize(400, 300)
    samples.set_entries([SampleEntry(str(n), f"S{n:04}", "Smile", "Lips 0.7 mm", State.CHECK) for n in range(3)])
    samples.set_current("0")
    samples.show()
    with qtbot.waitSignal(samples.chosen) as signal:
        at = samples.visualRect(samples.entries.index(1)).center()
        qtbot.mouseClick(samples.viewport(), Qt.MouseButton.LeftButton, pos=at)
    assert signal.args == ["1"]
    key = Qt.Key.Key_Down if layout == "rows" else Qt.Key.Key_Right
    with qtbot.waitSignal(samples.chosen) as signal:
        qtbot.keyClick(samples, key)
    assert signal.args == ["2"]
    assert not samples.grab().isNull()


def test_metric_says_its_state_in_words_for_screen_readers(qtbot: Any) -> None:
    row = MetricRow("Motion")
    qtbot.addWidget(row)
    row.set_value("0.31 mm", State.CHECK, 0.77, 0.75)
    assert row.accessibleName() == "Motion: 0.31 mm"
    assert row.sizeHint().height() > 26


def test_keys_read_as_on_the_keyboard() -> None:
    assert [key_text(k) for k in ("Ctrl+K", "Return", "Left", "F")] == ["Ctrl K", "Enter", "←", "F"]


def test_every_plugins_form_is_as_narrow_as_its_panel(qtbot: Any) -> None:
    """At 1366 pixels the Run panel leaves 286 to a form that scrolls; wider, and its fields are cut off."""
    for plugin in find_plugins()[0]:
        form = ParameterForm(describe(plugin.parameters))
        qtbot.addWidget(form)
        assert form.minimumSizeHint().width() <= 286, plugin.name
