"""Reviewing in the real window by keys: register, judge, repair by a moved landmark and a pin, compare, export."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from faceapp.app.plugin_check import small_input
from faceapp.app.repairing import read_repairs
from faceapp.app.sample_stages import register_sample, runs_of, stale_reasons
from faceapp.cli.main import main
from faceapp.core.mesh import Mesh
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import write_mesh
from faceapp.gui.program.program import Program
from faceapp.gui.review.workspace import ReviewWorkspace
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.start import make_program
from faceapp.gui.view3d.picking import Pick
from faceapp.pipeline.stages import RegistrationInput
from faceapp.store.project import Project

MOUTH_CORNER = 90


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two imported scans of one subject with landmarks, the neutral registered."""
    subject = small_input("register")
    assert isinstance(subject, RegistrationInput) and subject.landmarks is not None
    place = tmp_path_factory.mktemp("review") / "pilot"
    with Project.create(place) as project:
        project.add_subject(consent=("record", "shape"))
        for expression, stretch in (("neutral", 1.0), ("smile", 1.02)):
            with project.new_sample("S0001", expression) as (_, sample_folder):
                (sample_folder / "scan").mkdir()
                vertices = subject.scan.vertices * np.array([stretch, 1, 1], np.float32)
                write_mesh(sample_folder / "scan" / "mesh.ply", Mesh(vertices, subject.scan.faces))
                marks = subject.landmarks.points * [stretch, 1, 1]
                prefill = sample_folder / "landmarks" / "prefill" / "scan.json"
                prefill.parent.mkdir(parents=True)
                write_landmarks(prefill, type(subject.landmarks)(points=marks, placed_by=subject.landmarks.placed_by))
        register_sample(project, project.samples()[0])
    return place


@pytest.fixture
def review(qtbot: Any, folder: Path, tmp_path: Path) -> Iterator[ReviewWorkspace]:
    settings = WindowSettings(tmp_path / "window.ini")
    settings.set_text("operator/initials", "MH")
    program: Program = make_program(settings, folder, preload=False)
    program.window.resize(1600, 900)
    program.window.show()
    qtbot.waitUntil(lambda: program.window.current != "" and program.context.project is not None, timeout=20_000)
    program.window.activateWindow()
    program.window.show_workspace("review")
    workspace = program.window.workspace("review")
    assert isinstance(workspace, ReviewWorkspace)
    qtbot.waitUntil(lambda: workspace.results is not None and bool(workspace.list.queue.entries), timeout=60_000)
    yield workspace
    qtbot.waitUntil(lambda: not workspace.background._futures, timeout=60_000)
    program.window.close()
    program.window.deleteLater()
    program.deleteLater()
    qtbot.wait(1)


def test_register_judge_repair_compare_export(
    qtbot: Any, review: ReviewWorkspace, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program, context, page = review.program, review.context, review.page
    project = context.project
    assert project is not None
    neutral, smile = context.samples()
    key = lambda what: QTest.keyClick(program.window, what)  # noqa: E731
    idle = lambda: not program.jobs.busy  # noqa: E731

    # the fused scan stands there before any registration, with what to do next beside it
    page.queue.which._choose("all")
    context.set_sample(smile)
    qtbot.waitUntil(lambda: page.shown is not None and page.shown.sample == smile, timeout=20_000)
    assert page.views.first_note.isVisible()
    qtbot.waitUntil(lambda: set(page.compare.layer_names) == {"scan"})
    program.window.run_action("review.register")
    qtbot.waitUntil(idle, timeout=120_000)
    qtbot.waitUntil(lambda: page.result is not None, timeout=20_000)
    qtbot.waitUntil(lambda: len(review.list.queue.entries) == 2, timeout=20_000)
    qtbot.waitUntil(lambda: bool(page.siblings.shown), timeout=20_000)
    assert [sibling.sample for sibling in page.siblings.shown] == [neutral]

    # verdicts by keys
    context.set_sample(neutral)
    qtbot.waitUntil(lambda: review.results is not None and review.results.sample == neutral, timeout=20_000)
    key(Qt.Key.Key_J)
    qtbot.waitUntil(lambda: context.sample == smile, timeout=20_000)
    qtbot.waitUntil(lambda: review.results is not None and review.results.sample == smile, timeout=20_000)
    first = page.result
    assert first is not None

    # repair: a moved landmark and a pin are in the journal before they are shown
    key(Qt.Key.Key_R)
    qtbot.waitUntil(lambda: review.repairs.is_ready, timeout=60_000)
    assert page.views.repairing and page.compare.layer_names == ("scan",)
    marks = first.landmarks
    assert marks is not None
    aim = marks.points[MOUTH_CORNER] + [1.5, 0.0, 0.0]
    page.compare.landmarkMoved.emit(MOUTH_CORNER, *aim)
    qtbot.waitUntil(lambda: MOUTH_CORNER in review.repairs.repairs.landmarks, timeout=20_000)
    key(Qt.Key.Key_P)
    assert page.repair.pin.isChecked()
    vertex = 4000
    page.heat.picked.emit(Pick("heat", first.mesh.vertices[vertex].astype(float), 500.0, vertex))
    page.compare.picked.emit(Pick("scan", first.mesh.vertices[vertex] + np.array([0.0, 1.0, 0.0]), 500.0, 7))
    qtbot.waitUntil(lambda: vertex in review.repairs.repairs.pins, timeout=20_000)
    QTest.keyClick(program.window, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not review.repairs.repairs.pins, timeout=20_000)
    assert MOUTH_CORNER in read_repairs(project.sample_folder(smile)).landmarks
    assert stale_reasons(project, smile, first.folder) == ("a landmark was moved",)

    # register again: both can be seen
    page.repair.run.click()
    qtbot.waitUntil(idle, timeout=120_000)
    qtbot.waitUntil(lambda: page.result is not None and page.result.folder != first.folder, timeout=20_000)
    assert page.shown is not None and page.shown.before is not None
    assert page.shown.before.folder == first.folder
    assert page.result is not None and page.result.anchors is not None and first.anchors is not None
    moved = np.linalg.norm(page.result.anchors[MOUTH_CORNER] - first.anchors[MOUTH_CORNER])
    assert moved > 0.2
    assert stale_reasons(project, smile, page.result.folder) == ()
    assert len(runs_of(project, smile, "register")) == 2
    page.show_side("figures")
    key(Qt.Key.Key_O)
    qtbot.waitUntil(lambda: page.compare.layer_names == ("before",))
    key(Qt.Key.Key_3)
    qtbot.waitUntil(
        lambda: (e := review.list.queue.entry(smile)) is not None and e.verdict_of("MH") == "reject", timeout=20_000
    )

    # the same from the command line, with the window still open
    assert main(["review", "export", str(project.folder), "--out", str(tmp_path / "told")]) == 0
    assert main(["info", str(project.folder)]) == 0
    capsys.readouterr()
    assert "reject" in (tmp_path / "told" / "verdicts.csv").read_text()
    assert (tmp_path / "told" / "registrations.html").read_text(encoding="utf-8").count("data:image/jpeg") == 2
