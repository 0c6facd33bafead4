"""A lead plans in the window, two annotators work off their queues, one of them drifts from the gold and is told of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from faceapp.app.annotating import AnnotationSession
from faceapp.app.annotation_plan import gold_annotator, is_blind, queue_of
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.subject import Sample
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import write_mesh
from faceapp.gui.annotate.workspace import AnnotateWorkspace
from faceapp.gui.program.program import Program
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.widgets.states import StateLabel
from faceapp.landmarks.history import SCAN
from faceapp.store.project import Project
from tests.ui.programs import messages, prompt, start
from tests.unit.test_agreement import face

GOLD, OWN = 6, 2
NOSE = range(51, 66)


def make_project(folder: Path) -> Path:
    """Samples of a scan alone, with a first guess; the lead has handed in all but two."""
    with Project.create(folder, rig="no-such-rig") as project:
        project.add_subject()
        mesh = Mesh(face().astype(np.float32), np.array([[0, 1, 2]], np.int32))
        for _ in range(GOLD + OWN):
            with project.new_sample("S0001", "neutral") as (_, inside):
                (inside / "scan").mkdir()
                write_mesh(inside / "scan" / "mesh.ply", mesh)
                write_landmarks(inside / "landmarks" / "prefill" / "scan.json", Landmarks3D(points=face()))
        for sample in project.samples()[:GOLD]:
            session = AnnotationSession.open(project, sample, "LL")
            session.move(SCAN, {i: face()[i] for i in NOSE}, "place")
            session.submit()
    return folder


def plan_in_the_window(qtbot: Any, program: Program, annotate: AnnotateWorkspace) -> None:
    """Two annotators for each sample, three quarters gold; what the lead has handed in is gold."""
    page = annotate.plans.page
    program.window.run_action("annotate.plan")
    qtbot.waitUntil(lambda: page.overview is not None, timeout=60_000)
    page.fields.annotators.setText("AA, BB")
    page.fields.each.setValue(2)
    page.fields.more.setValue(0)
    page.fields.gold.setValue(75)
    page.fields.use.click()
    qtbot.waitUntil(lambda: any("for AA, BB" in text for text in messages(program)), timeout=60_000)
    page.table.selectAll()
    page.gold.click()
    prompt(program).accept()
    qtbot.waitUntil(lambda: any(f"gold: {GOLD} samples" in text for text in messages(program)), timeout=60_000)


def work_off(qtbot: Any, program: Program, annotate: AnnotateWorkspace, who: str, rise: float) -> list[Sample]:
    """Hand in the whole queue of one annotator through the window, each time further off; return the order of work."""
    rng = np.random.default_rng(5)
    program.context.operator = who
    qtbot.waitUntil(lambda: len(annotate.queue) == GOLD + OWN, timeout=60_000)
    annotate.go_on()
    done: list[Sample] = []
    for k in range(GOLD + OWN):

        def ready() -> bool:
            desk = annotate.desk
            return desk is not None and desk.session.annotator == who and desk.sample not in done

        qtbot.waitUntil(ready, timeout=60_000)
        desk = annotate.desk
        assert desk is not None
        assert program.context.project is not None
        assert is_blind(program.context.project, desk.sample), "nobody sees the points of others before handing in"
        off = (2 + rise * k) * rng.normal(size=(len(NOSE), 3))
        desk.session.move(SCAN, dict(zip(NOSE, face()[list(NOSE)] + off, strict=True)), "place")
        done.append(desk.sample)
        annotate.submit()
        words = f"Yours: {k + 1} of {GOLD + OWN} submitted"
        qtbot.waitUntil(lambda words=words: annotate.groups.mine.text() == words, timeout=60_000)
    return done


def test_plan_queues_gold_and_the_alarm(qtbot: Any, tmp_path: Path) -> None:
    folder = make_project(tmp_path / "p")
    program = start(qtbot, WindowSettings(tmp_path / "window.ini"), folder, "LL")
    program.window.show_workspace("annotate")
    annotate = program.window.workspace("annotate")
    assert isinstance(annotate, AnnotateWorkspace)
    qtbot.waitUntil(lambda: annotate.desk is not None, timeout=60_000)
    plan_in_the_window(qtbot, program, annotate)
    project = program.context.project
    assert project is not None
    gold = {s.id for s in project.samples() if gold_annotator(project.sample_folder(s))}
    assert len(gold) == GOLD
    for who in ("AA", "BB"):
        queue = [q.sample.id for q in queue_of(project, who)]
        assert len(queue) == len(set(queue)) == GOLD + OWN
        assert gold < set(queue)
    assert queue_of(project, "AA") != queue_of(project, "BB"), "the gold stands at other places"

    for who, rise in (("AA", 1.5), ("BB", 0.0)):
        work_off(qtbot, program, annotate, who, rise)
        annotate.go_on()
        assert any(f"Nothing else is left in the queue of {who}" in text for text in messages(program))

    program.window.run_action("annotate.agreement")
    page = annotate.agreement
    qtbot.waitUntil(lambda: page.found is not None, timeout=60_000)
    told = [alarm.text for alarm in page.findChildren(StateLabel)]
    assert len(told) == 1
    assert told[0].startswith("AA drifts from gold samples")
    page.against.set_current("gold")
    page.show_tables()
    assert f"{2 * GOLD} comparisons" in page.said.text()

    page.plan.click()
    plan = annotate.plans.page
    qtbot.waitUntil(lambda: plan.overview is not None and plan.progress.isHidden(), timeout=60_000)
    rows = [plan.loads.topLevelItem(k) for k in range(plan.loads.topLevelItemCount())]
    found = {row.text(0): [row.text(c) for c in range(1, 6)] for row in rows if row is not None}
    n = str(GOLD + OWN)
    assert found["AA"] == ["0", "0", n, str(GOLD), n]
    assert found["BB"] == ["0", "0", n, str(GOLD), n]
    program.window.run_action("annotate.undo")  # the gold, in one step
    qtbot.waitUntil(
        lambda: any("Taken back: the landmarks of LL" in text for text in messages(program)), timeout=60_000
    )
    assert not any(gold_annotator(project.sample_folder(s)) for s in project.samples())
    file = project.sample_folder(project.samples()[0]) / "landmarks" / "gold.jsonl"
    journal = [json.loads(line) for line in file.read_text().splitlines()]
    assert [(entry["annotator"], entry["by"]) for entry in journal] == [("LL", "LL"), ("", "BB")]
    program.window.close()
