"""The whole journey in the real window: project, subject, capture, landmarks, fusion, registration, reconstruction."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from faceapp.core.landmarks import PlacedBy
from faceapp.core.subject import Verdict
from faceapp.devices.registry import driver_names
from faceapp.gui.annotate.workspace import AnnotateWorkspace
from faceapp.gui.capture.rig_link import RigState
from faceapp.gui.capture.workspace import CaptureWorkspace
from faceapp.gui.program.program import Program
from faceapp.gui.review.workspace import ReviewWorkspace
from faceapp.gui.shell.prompt import Prompt
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.start import make_program

pytestmark = pytest.mark.skipif("simulated" not in driver_names(), reason="the simulated rig is not installed")


def open_program(qtbot: Any, settings: Path) -> Program:
    program = make_program(WindowSettings(settings), preload=False)
    program.window.resize(1600, 900)
    program.window.show()
    qtbot.waitUntil(lambda: program.window.current != "", timeout=20_000)
    program.window.activateWindow()
    return program


def answer(program: Program, title: str) -> Prompt:
    prompt = next(p for p in program.window.findChildren(Prompt) if p.accessibleName().startswith(title))
    assert prompt.isVisible()
    return prompt


def key(program: Program, what: Qt.Key, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(program.window, what, modifiers)


def drag(annotate: AnnotateWorkspace, index: int, by: QPoint) -> None:
    assert annotate.desk is not None
    port = annotate.picture.viewport()
    start = annotate.picture.to_screen(*annotate.desk.session.landmarks(annotate.main).points[index]).toPoint()
    none = Qt.KeyboardModifier.NoModifier
    QTest.mousePress(port, Qt.MouseButton.LeftButton, none, start)
    QTest.mouseMove(port, start + by / 2)
    QTest.mouseMove(port, start + by)
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, none, start + by)


def shoot_and_accept(qtbot: Any, program: Program) -> None:
    capture = program.window.workspace("capture")
    assert isinstance(capture, CaptureWorkspace)
    capture.set_countdown(False)
    capture.new_subject()
    prompt = answer(program, "New subject")
    prompt.accept()
    assert "consent" in prompt.wrong.text()  # nobody is captured without it
    prompt.close_prompt()
    capture._add_subject(31, "female", ("record", "research"))
    qtbot.waitUntil(lambda: program.context.subject == "S0001")
    qtbot.waitUntil(lambda: capture.link.state is RigState.READY, timeout=60_000)
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=60_000)  # the rig renders the head first
    key(program, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: capture.judging, timeout=90_000)
    assert set(capture.page.stage.view.layer_names) == {"left", "middle", "right"}
    assert all(figures.points > 5000 for figures in capture._groups.values())
    key(program, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: [s.verdict for s in program.context.samples()] == [Verdict.ACCEPTED])
    qtbot.waitUntil(lambda: capture.expression == "mouth_stretch")


def annotate_a_point(qtbot: Any, program: Program) -> np.ndarray:
    program.window.show_workspace("annotate")
    annotate = program.window.workspace("annotate")
    assert isinstance(annotate, AnnotateWorkspace)
    qtbot.waitUntil(lambda: annotate.desk is not None, timeout=60_000)
    desk = annotate.desk
    assert desk is not None
    annotate.choose_group("mouth_outer")
    index = desk.models[annotate.main].active_point
    before = desk.session.landmarks(annotate.main).points[index].copy()
    drag(annotate, index, QPoint(14, -10))
    moved = desk.session.landmarks(annotate.main)
    assert moved.placed_by[index] is PlacedBy.PERSON
    assert np.linalg.norm(moved.points[index] - before) > 0.5
    control, shift = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
    key(program, Qt.Key.Key_Z, control)
    np.testing.assert_allclose(desk.session.landmarks(annotate.main).points[index], before)
    key(program, Qt.Key.Key_Z, control | shift)
    np.testing.assert_allclose(desk.session.landmarks(annotate.main).points[index], moved.points[index])
    return moved.points[index].copy()


def run_stages(qtbot: Any, program: Program) -> None:
    program.window.show_workspace("review")
    review = program.window.workspace("review")
    assert isinstance(review, ReviewWorkspace)
    qtbot.waitUntil(lambda: review.results is not None, timeout=30_000)
    for stage in ("fuse", "register", "reconstruct"):
        program.window.run_action(f"review.{stage}")
        assert program.window.status.job
        qtbot.waitUntil(lambda: not program.jobs.busy, timeout=120_000)
        assert [m for m in messages(program) if "S0001" in m] == []
    wait_for_result(qtbot, review, "reconstruct")
    assert review.page.result is not None and review.page.result.overlay is not None
    review.show_stage("register")
    assert review.page.figures.parts.parts
    assert review.page.result is not None
    assert review.page.histogram.counts.sum() > 1000
    key(program, Qt.Key.Key_J)
    sample = program.context.samples()[0]
    qtbot.waitUntil(lambda: review.list.standing(sample).verdict == "accept", timeout=20_000)


def wait_for_result(qtbot: Any, review: ReviewWorkspace, stage: str) -> None:
    qtbot.waitUntil(lambda: review.results is not None and stage in review.results.results, timeout=30_000)


def messages(program: Program) -> list[str]:
    layout = program.window._messages
    widgets = [layout.itemAt(i).widget() for i in range(layout.count())]
    return [w.accessibleName() for w in widgets if w is not None]


def close(qtbot: Any, program: Program) -> None:
    program.window.close()
    program.window.deleteLater()
    program.deleteLater()
    qtbot.wait(1)


@pytest.fixture
def programs(qtbot: Any) -> Any:
    """Programs of a test, closed at its end whatever happens."""
    made: list[Program] = []

    def start(settings: Path) -> Program:
        made.append(open_program(qtbot, settings))
        return made[-1]

    yield start
    for program in made:
        close(qtbot, program)


def test_from_nothing_to_a_judged_registration_and_back(
    qtbot: Any, tmp_path: Path, programs: Callable[[Path], Program]
) -> None:
    rig = tmp_path / "rig.toml"
    rig.write_text('driver = "simulated"\nscale = 0.25\n')
    program = programs(tmp_path / "window.ini")
    assert answer(program, "Who sits here?")
    program.context.operator = "MH"
    answer(program, "Who sits here?").close_prompt()
    program.files.make(tmp_path / "Pilot", "Pilot", str(rig))
    qtbot.waitUntil(lambda: program.context.project is not None, timeout=20_000)

    shoot_and_accept(qtbot, program)
    placed = annotate_a_point(qtbot, program)
    run_stages(qtbot, program)
    program.window.show_workspace("annotate")
    program.window.close()

    again = programs(tmp_path / "window.ini")
    qtbot.waitUntil(lambda: again.context.project is not None, timeout=20_000)
    assert (again.context.operator, again.context.project_name, again.window.current) == ("MH", "Pilot", "annotate")
    annotate = again.window.workspace("annotate")
    assert isinstance(annotate, AnnotateWorkspace)
    qtbot.waitUntil(lambda: annotate.desk is not None, timeout=60_000)
    assert annotate.desk is not None
    model = annotate.desk.models[annotate.main]
    assert model.active_group == "mouth_outer"
    np.testing.assert_allclose(
        annotate.desk.session.landmarks(annotate.main).points[model.active_point], placed, atol=1e-3
    )
    again.window.show_workspace("review")
    review = again.window.workspace("review")
    assert isinstance(review, ReviewWorkspace)
    wait_for_result(qtbot, review, "register")
    wait_for_result(qtbot, review, "reconstruct")
    qtbot.waitUntil(lambda: review.list.standing(again.context.samples()[0]).verdict == "accept", timeout=20_000)
