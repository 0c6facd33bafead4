"""The agreement screen and the annotator's queue in the window."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from faceapp.app.agreement import Agreement, Comparison
from faceapp.app.annotation_work import SampleWork
from faceapp.gui.annotate.agreement import AgreementPage
from faceapp.gui.annotate.workspace import AnnotateWorkspace
from faceapp.landmarks.scheme import load_scheme
from tests.ui.test_annotate import annotate

__all__ = ["annotate"]  # a fixture
START = datetime(2026, 3, 1, tzinfo=UTC)


def comparison(k: int, error: float, gold: bool) -> Comparison:
    n = len(load_scheme())
    values = np.full(n, error)
    return Comparison(
        f"S0001/neutral/{k}", "AA", "GG" if gold else "BB", gold, START + timedelta(hours=k), 90 * values, values,
        0.6 * values, 0.8 * values, np.ones(n, bool),
    )  # fmt: skip


def found(gold: bool = True) -> Agreement:
    works = tuple(SampleWork(f"S0001/neutral/{k}", who, 15, 1, 15, 60.0, True, START) for who in "AB" for k in range(3))
    pairs = tuple(comparison(k, 0.01 * (1 + k / 4), gold) for k in range(8))
    return Agreement((*pairs, comparison(9, 0.02, False)), works)


def texts(page: AgreementPage, row: int) -> list[str]:
    item = page.table.topLevelItem(row)
    assert item is not None
    return [item.text(k) for k in range(8)]


def test_tables_follow_what_is_chosen(qtbot: Any) -> None:
    page = AgreementPage()
    qtbot.addWidget(page)
    page.show_agreement(found())
    assert page.table.topLevelItemCount() == 1 + len(load_scheme().groups)
    assert texts(page, 0) == ["All", "106", "106", "1.80", "1.80", "2.00", "1.20", "1.60"]
    page.against.set_current("gold")
    page.show_tables()
    assert texts(page, 0)[1] == str(8 * 106)
    page.by.set_current("point")
    page.show_tables()
    assert page.table.topLevelItemCount() == 106
    page.who.setCurrentIndex(page.who.findData("B"))
    assert page.table.topLevelItemCount() == 0
    assert page.work.topLevelItemCount() == 2


def test_who_drifts_stands_above_the_tables(qtbot: Any) -> None:
    page = AgreementPage()
    qtbot.addWidget(page)
    told = found()
    works = tuple(SampleWork(c.sample, "AA", 15, 1, 15, 60.0, True, c.at) for c in told.comparisons)
    page.show_agreement(Agreement(told.comparisons, works))
    assert page.alarms.count() == 1
    page.show_agreement(Agreement((), ()))
    assert page.alarms.count() == 0
    assert "two people" in page.said.text()
    assert not page.export.isEnabled()


def test_the_screen_opens_over_the_pictures_and_goes(qtbot: Any, annotate: AnnotateWorkspace, tmp_path: Path) -> None:
    annotate.program.window.run_action("annotate.agreement")
    page = annotate.agreement
    assert annotate.stack.currentWidget() is page
    qtbot.waitUntil(lambda: page.found is not None, timeout=10_000)
    assert "two people" in page.said.text()
    annotate.write_agreement(tmp_path / "tables", found())
    qtbot.waitUntil(lambda: (tmp_path / "tables" / "drift.csv").is_file(), timeout=10_000)
    with (tmp_path / "tables" / "gold-groups.csv").open() as stream:
        assert next(csv.DictReader(stream))["count"] == str(8 * 106)
    QTest.keyClick(page, Qt.Key.Key_Escape)
    assert annotate.stack.currentIndex() == 1


def test_the_queue_says_what_is_mine(qtbot: Any, annotate: AnnotateWorkspace) -> None:
    qtbot.waitUntil(lambda: annotate.groups.mine.text() != "", timeout=10_000)
    assert annotate.groups.mine.text() == "Yours: 0 of 2 submitted"
    assert annotate.next_sample is not None
    assert annotate.next_sample.expression == "smile"


@pytest.mark.parametrize("blind", [True, False])
def test_points_of_others_are_hidden_where_two_people_annotate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, blind: bool
) -> None:
    from faceapp.app import annotation_plan
    from faceapp.core.signals import Reporter
    from faceapp.gui.annotate.desk import open_desk
    from faceapp.store.project import Project
    from tests.unit.test_importing import picture

    with Project.create(tmp_path / "p") as project:
        project.add_subject()
        from faceapp.app.annotating import AnnotationSession
        from faceapp.app.importing import import_sample

        sample = import_sample(project, "S0001", [picture(tmp_path / "a.png")])
        other = AnnotationSession.open(project, sample, "BB")
        other.place("01-front", 54, 30.0, 30.0)
        other.submit()
        plan = annotation_plan.AnnotationPlan(double_share=1.0 if blind else 0.0)
        annotation_plan.change_plan(project, plan)
        desk = open_desk(project, sample, "AA", Reporter())
        assert bool(desk.others.get("01-front")) is not blind
        desk.session.place("01-front", 54, 31.0, 30.0)
        desk.submit()
        assert open_desk(project, sample, "AA", Reporter()).others["01-front"][0].initials == "BB"
