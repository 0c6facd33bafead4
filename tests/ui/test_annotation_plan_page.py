"""The plan of annotation in the window: made, seen, taken back; gold samples; what a read-only project says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QItemSelectionModel
from PySide6.QtWidgets import QComboBox, QLineEdit

from faceapp.app.annotation_plan import AnnotationPlan, assign, assigned_to, change_plan, gold_annotator, plan_of
from faceapp.core.subject import Sample
from faceapp.gui.annotate.plan_page import PlanPage
from faceapp.gui.annotate.workspace import AnnotateWorkspace
from faceapp.gui.program.context import Content
from faceapp.gui.shell.settings import WindowSettings
from faceapp.store.project import Project
from tests.ui.programs import messages, prompt, start, tiny_project
from tests.ui.test_annotate import annotate
from tests.unit.test_agreement import annotate as work_on

__all__ = ["annotate"]  # a fixture


def shown_plan(qtbot: Any, workspace: AnnotateWorkspace) -> PlanPage:
    workspace.program.window.run_action("annotate.plan")
    page = workspace.plans.page
    settle(qtbot, workspace)
    return page


def settle(qtbot: Any, workspace: AnnotateWorkspace) -> None:
    page = workspace.plans.page
    qtbot.waitUntil(lambda: page.overview is not None and page.progress.isHidden(), timeout=20_000)


def wait_for(qtbot: Any, workspace: AnnotateWorkspace, words: str) -> None:
    qtbot.waitUntil(lambda: any(words in text for text in messages(workspace.program)), timeout=20_000)
    settle(qtbot, workspace)


def open_project(workspace: AnnotateWorkspace) -> Project:
    assert workspace.context.project is not None
    return workspace.context.project


def samples_of(workspace: AnnotateWorkspace) -> tuple[Sample, ...]:
    return open_project(workspace).samples()


def submit(workspace: AnnotateWorkspace, sample: Sample, who: str, *, submit: bool = True) -> None:
    work_on(open_project(workspace), sample, who, {54: np.zeros(3)}, submit=submit)


def settings_on_disk(workspace: AnnotateWorkspace) -> dict[str, Any]:
    told = json.loads((open_project(workspace).folder / "project.json").read_text())
    return dict(told.get("annotation") or {})


def row(page: PlanPage, k: int) -> list[str]:
    return [page.table.samples.index(k, c).data() for c in range(5)]


def loads(page: PlanPage) -> dict[str, list[str]]:
    items = [page.loads.topLevelItem(k) for k in range(page.loads.topLevelItemCount())]
    return {i.text(0): [i.text(c) for c in range(1, 5)] for i in items if i is not None}


def test_all_is_in_the_menu_and_the_palette(annotate: AnnotateWorkspace) -> None:
    registry = annotate.program.window.actions_registry
    for name in ("annotate.plan", "annotate.gold", "annotate.gold-back"):
        assert registry.is_available(name)
        assert registry.tip(name)
        assert any(action.id == name and action.menu == "Sample" for action in annotate.actions_of())
    page = annotate.plans.page
    for widget in (page.fields.use, page.assign, page.gold, page.gold_back, page.undo, page.redo, page.agreement):
        assert widget.toolTip()


def test_a_plan_is_made_and_taken_back(qtbot: Any, annotate: AnnotateWorkspace) -> None:
    page = shown_plan(qtbot, annotate)
    assert "Nobody is listed" in page.said.text()
    assert [row(page, k)[1] for k in range(2)] == ["Anybody", "Anybody"]
    assert not page.fields.use.isEnabled()
    assert not page.undo.isEnabled()
    page.fields.annotators.setText("aa; MH")
    page.fields.each.setValue(2)
    page.fields.gold.setValue(20)
    page.fields.use.click()
    wait_for(qtbot, annotate, "The samples are for AA, MH")
    told = settings_on_disk(annotate)
    assert (told["annotators"], told["per_sample"], told["gold_share"], told["by"]) == (["AA", "MH"], 2, 0.2, "MH")
    assert set(row(page, 0)[1].split(", ")) == {"AA", "MH"}
    assert loads(page) == {"AA": ["2", "0", "0", "0"], "MH": ["2", "0", "0", "0"]}
    assert not page.fields.is_edited
    annotate.program.window.run_action("annotate.undo")
    wait_for(qtbot, annotate, "Taken back: the samples are for AA, MH")
    assert settings_on_disk(annotate)["annotators"] == []
    assert page.fields.annotators.text() == ""
    assert page.redo.isEnabled()
    page.redo.click()
    qtbot.waitUntil(lambda: settings_on_disk(annotate)["annotators"] == ["AA", "MH"], timeout=20_000)
    settle(qtbot, annotate)
    qtbot.waitUntil(lambda: loads(page).get("AA") == ["2", "0", "0", "0"], timeout=20_000)


def test_the_queue_follows_the_plan(qtbot: Any, annotate: AnnotateWorkspace) -> None:
    qtbot.waitUntil(lambda: annotate.groups.mine.text() == "Yours: 0 of 2 submitted", timeout=20_000)
    page = shown_plan(qtbot, annotate)
    page.fields.annotators.setText("AA")
    page.fields.accept()
    qtbot.waitUntil(lambda: annotate.queue == (), timeout=20_000)
    assert annotate.groups.mine.isHidden()


def test_initials_that_nobody_can_have_are_not_written(qtbot: Any, annotate: AnnotateWorkspace) -> None:
    page = shown_plan(qtbot, annotate)
    for wrong, words in (("AA, ../B", "letters and digits"), ("AA, aa", "listed twice")):
        page.fields.annotators.setText(wrong)
        page.fields.accept()
        assert words in page.fields.wrong.text()
        assert page.fields.wrong.isVisible()
    assert settings_on_disk(annotate) == {}
    page.fields.annotators.setText("AA, B")
    assert page.fields.wrong.isHidden()


def test_what_is_being_written_stays_when_the_samples_are_read_again(qtbot: Any, annotate: AnnotateWorkspace) -> None:
    page = shown_plan(qtbot, annotate)
    page.fields.annotators.setText("AA, B")
    page.fields.more.setValue(33)
    annotate.plans.read()
    settle(qtbot, annotate)
    assert page.fields.annotators.text() == "AA, B"
    assert page.fields.more.value() == 33
    annotate.context.samples_changed.emit()
    assert annotate.stack.currentWidget() is page
    # A share that nobody touches here keeps the decimals that the command line gave it.
    change_plan(open_project(annotate), AnnotationPlan(("QQ",), 0.125, 0.1))
    page.fields.forget()
    annotate.plans.read()
    qtbot.waitUntil(lambda: page.fields.annotators.text() == "QQ", timeout=20_000)
    page.fields.annotators.setText("QQ, RR")
    page.fields.accept()
    wait_for(qtbot, annotate, "QQ, RR")
    assert settings_on_disk(annotate)["gold_share"] == 0.125


def test_samples_are_given_by_hand(qtbot: Any, annotate: AnnotateWorkspace) -> None:
    project, samples = open_project(annotate), samples_of(annotate)
    change_plan(project, AnnotationPlan(("AA",), 0.0, 0.0))
    page = shown_plan(qtbot, annotate)
    assert not page.assign.isEnabled()
    page.table.choose(samples[1])
    page.assign.click()
    asked = prompt(annotate.program)
    field = asked.findChildren(QLineEdit)[0]
    field.setText("b.b")
    asked.accept()
    assert "letters and digits" in asked.wrong.text()
    field.setText("bb cc")
    asked.accept()
    wait_for(qtbot, annotate, "for BB, CC")
    assert assigned_to(project.sample_folder(samples[1])) == ("BB", "CC")
    assert row(page, 1)[1:4] == ["BB, CC", "By hand", "Not begun"]
    assert [p.sample for p in page.chosen] == [samples[1]], "what was chosen stays chosen"
    page.show_of.setCurrentIndex(page.show_of.findData("@CC"))
    assert [p.sample for p in page.table.samples.rows] == [samples[1]]
    page.show_of.setCurrentIndex(page.show_of.findData("hand"))
    assert len(page.table.samples.rows) == 1
    page.undo.click()
    wait_for(qtbot, annotate, "Taken back")
    assert assigned_to(project.sample_folder(samples[1])) == ()
    page.show_of.setCurrentIndex(0)
    assert row(page, 1)[1:3] == ["AA", "By the plan"]


def test_several_samples_become_gold_at_once(qtbot: Any, annotate: AnnotateWorkspace) -> None:
    project, samples = open_project(annotate), samples_of(annotate)
    for sample in samples:
        submit(annotate, sample, "GG")
    submit(annotate, samples[0], "BB")
    page = shown_plan(qtbot, annotate)
    page.table.setFocus()
    page.table.selectAll()
    page.gold.click()
    asked = prompt(annotate.program)
    choice = asked.findChildren(QComboBox)[0]
    assert [choice.itemText(k) for k in range(choice.count())] == ["BB, 1 of 2 submitted", "GG, 2 of 2 submitted"]
    choice.setCurrentIndex(1)
    asked.accept()
    wait_for(qtbot, annotate, "The landmarks of GG are gold: 2 samples")
    assert [gold_annotator(project.sample_folder(s)) for s in samples] == ["GG", "GG"]
    assert [row(page, k)[2:] for k in range(2)] == [
        ["As gold", "BB submitted, GG submitted", "GG"],
        ["As gold", "GG submitted", "GG"],
    ]
    page.table.selectionModel().select(
        page.table.samples.index(0, 0),
        QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows,
    )
    page.gold_back.click()
    qtbot.waitUntil(lambda: gold_annotator(project.sample_folder(samples[0])) == "", timeout=20_000)
    wait_for(qtbot, annotate, "not gold")
    page.undo.click()
    wait_for(qtbot, annotate, "Taken back")
    assert gold_annotator(project.sample_folder(samples[0])) == "GG"


def test_the_current_sample_becomes_gold_and_no_longer_is(qtbot: Any, annotate: AnnotateWorkspace) -> None:
    window, project = annotate.program.window, open_project(annotate)
    sample = annotate.context.sample
    assert sample is not None
    folder = project.sample_folder(sample)
    window.run_action("annotate.gold")

    def wait(words: str) -> None:
        qtbot.waitUntil(lambda: any(words in m for m in messages(annotate.program)), timeout=20_000)

    wait("Nobody has annotated it")
    submit(annotate, sample, "GG", submit=False)
    window.run_action("annotate.gold")
    wait("GG has begun, nobody has submitted")
    window.run_action("annotate.gold-back")
    wait("no gold sample")
    submit(annotate, sample, "GG")
    window.run_action("annotate.gold")
    qtbot.waitUntil(lambda: any("Whose landmarks" in m for m in messages(annotate.program)), timeout=20_000)
    prompt(annotate.program).accept()
    wait("The landmarks of GG are gold")
    assert gold_annotator(folder) == "GG"
    assert "gold" not in annotate.groups.mine.text().lower(), "nobody is told which samples are gold"
    window.run_action("annotate.gold-back")
    wait("not gold")
    assert gold_annotator(folder) == ""
    journal = [json.loads(line) for line in (folder / "landmarks" / "gold.jsonl").read_text().splitlines()]
    assert [(entry["annotator"], entry["by"]) for entry in journal] == [("GG", "MH"), ("", "MH")]


def test_undo_on_the_page_leaves_the_points_behind_it_alone(qtbot: Any, annotate: AnnotateWorkspace) -> None:
    desk = annotate.desk
    assert desk is not None
    desk.session.place(annotate.main, 54, 200.0, 150.0)
    shown_plan(qtbot, annotate)
    annotate.program.window.run_action("annotate.undo")
    annotate.program.window.run_action("annotate.agreement")
    annotate.program.window.run_action("annotate.undo")
    annotate.program.window.run_action("annotate.redo")
    assert desk.session.can_undo
    annotate.uncover()
    annotate.program.window.run_action("annotate.undo")
    assert not desk.session.can_undo


def test_a_change_that_the_disk_refuses_is_told_and_not_shown(qtbot: Any, annotate: AnnotateWorkspace) -> None:
    project, samples = open_project(annotate), samples_of(annotate)
    page = shown_plan(qtbot, annotate)
    page.table.choose(samples[1])
    moved = project.correct_sample(samples[1], by="LL", expression="anger")  # by the command line, since it was read
    page.assign.click()
    prompt(annotate.program).findChildren(QLineEdit)[0].setText("BB")
    prompt(annotate.program).accept()
    wait_for(qtbot, annotate, "no longer there")
    assert not page.undo.isEnabled()
    assert assigned_to(project.sample_folder(moved)) == ()
    assert not project.sample_folder(samples[1]).exists()
    qtbot.waitUntil(lambda: "Anger" in row(page, 1)[0], timeout=20_000)


def test_a_double_click_opens_the_sample_and_escape_goes_back(qtbot: Any, annotate: AnnotateWorkspace) -> None:
    page = shown_plan(qtbot, annotate)
    page.table.doubleClicked.emit(page.table.samples.index(1, 0))
    assert annotate.context.sample == samples_of(annotate)[1]
    assert annotate.stack.currentWidget() is not page


def test_a_read_only_project_shows_the_plan_and_says_why_it_stays(
    qtbot: Any, settings: WindowSettings, tmp_path: Path
) -> None:
    folder = tiny_project(tmp_path / "p", "no-such-rig")
    with Project.open(folder) as project:
        for expression in ("neutral", "smile"):
            with project.new_sample("S0001", expression):
                pass
        change_plan(project, AnnotationPlan(("AA", "BB")))
        assign(project, project.samples()[0], ("BB",))
    program = start(qtbot, settings, folder)
    assert program.context.project is not None
    program.context.project.close()
    other = Project.open(folder, read_only=True)
    program.context.take_project(other, Content.read(other))
    program.window.show_workspace("annotate")
    workspace = program.window.workspace("annotate")
    assert isinstance(workspace, AnnotateWorkspace)
    page = shown_plan(qtbot, workspace)
    assert "read-only" in page.said.text()
    assert row(page, 0)[1:3] == ["BB", "By hand"]
    assert not page.fields.annotators.isEnabled()
    page.table.selectAll()
    for button in (page.fields.use, page.assign, page.gold, page.gold_back, page.undo, page.redo):
        assert not button.isEnabled()
    for act in ("annotate.gold", "annotate.gold-back"):
        program.window.run_action(act)
        assert any("The plan cannot be changed" in text and "read-only" in text for text in messages(program))
    assert plan_of(other).annotators == ("AA", "BB")
    program.window.close()


def test_without_a_project_or_a_sample_it_says_what_to_do(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program = start(qtbot, settings, tiny_project(tmp_path / "p", "no-such-rig"))
    program.window.show_workspace("annotate")
    workspace = program.window.workspace("annotate")
    assert isinstance(workspace, AnnotateWorkspace)
    page = shown_plan(qtbot, workspace)
    assert page.listed.currentWidget() is page.empty
    program.window.run_action("annotate.gold")
    assert any("No sample is open" in text for text in messages(program))
    before = program.context.take_project(None)
    assert before is not None
    before.close()
    assert workspace.stack.currentWidget() is not page
    program.window.run_action("annotate.plan")
    assert any("No project is open" in text for text in messages(program))
    program.window.close()
