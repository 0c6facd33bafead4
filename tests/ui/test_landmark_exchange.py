"""Landmark files dropped on the window, and landmarks written for other programs."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PySide6.QtWidgets import QComboBox, QLineEdit

from faceapp.app.importing import import_sample
from faceapp.app.landmark_conversion import read_any_landmarks, write_any_landmarks
from faceapp.core.landmarks import Landmarks2D, PlacedBy
from faceapp.gui.annotate.workspace import AnnotateWorkspace
from faceapp.gui.program.program import Program
from faceapp.gui.shell.settings import WindowSettings
from faceapp.landmarks.scheme import load_scheme
from faceapp.store.project import Project
from tests.ui.programs import messages, prompt, start, tiny_project


@pytest.fixture
def annotate(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> Any:
    """Annotate with a picture from outside open."""
    folder = tiny_project(tmp_path / "p", "no-such-rig")
    shade = np.tile(np.linspace(60, 200, 400, dtype=np.uint8)[None, :, None], (400, 1, 3))
    cv2.imwrite(str(tmp_path / "portrait.png"), shade)
    with Project.open(folder) as project:
        import_sample(project, "S0001", [tmp_path / "portrait.png"])
    program: Program = start(qtbot, settings, folder)
    program.window.show_workspace("annotate")
    workspace = program.window.workspace("annotate")
    assert isinstance(workspace, AnnotateWorkspace)
    qtbot.waitUntil(lambda: workspace.desk is not None, timeout=60_000)
    yield workspace
    program.window.close()


def clicked(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """A .pts file of another program."""
    scheme = load_scheme()
    points = np.asarray(scheme.mean_shape) * 90 + (200.0, 200.0)
    file = tmp_path / "elsewhere.pts"
    marks = Landmarks2D(points=points, placed_by=(PlacedBy.PERSON,) * len(scheme), image_size=(400, 400))
    write_any_landmarks(file, marks, "pts")
    return file, points


def shown(annotate: AnnotateWorkspace) -> np.ndarray:
    assert annotate.desk is not None
    return np.asarray(annotate.desk.session.landmarks(annotate.main).points)


def test_a_dropped_file_becomes_work_of_who_sits_here(qtbot: Any, annotate: AnnotateWorkspace, tmp_path: Path) -> None:
    file, points = clicked(tmp_path)
    before, old = shown(annotate).copy(), annotate.desk
    annotate.program.files.open_paths([str(file)])
    asked = prompt(annotate.program)
    box = asked.findChild(QComboBox)
    assert box is not None and box.count() == 2
    asked.accept()
    qtbot.waitUntil(lambda: annotate.desk is not None and annotate.desk is not old, timeout=60_000)
    np.testing.assert_allclose(shown(annotate), points, atol=0.01)
    assert any("106 points" in text for text in messages(annotate.program))
    annotate.undo()
    np.testing.assert_allclose(shown(annotate), before, atol=1.0)


def test_pictures_of_another_sample_are_not_offered(annotate: AnnotateWorkspace, tmp_path: Path) -> None:
    """The sample was changed where Annotate does not follow: what it still has open says nothing of the new one."""
    file, _ = clicked(tmp_path)
    sample = annotate.program.context.sample
    assert sample is not None and annotate.desk is not None
    annotate.desk.sample = dataclasses.replace(sample, id=sample.id + "-other")
    annotate.program.files.open_paths([str(file)])
    box = prompt(annotate.program).findChild(QComboBox)
    assert box is not None and box.count() == 1


def test_a_file_of_something_else_says_why(qtbot: Any, annotate: AnnotateWorkspace, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a landmark\n")
    annotate.program.files.open_paths([str(tmp_path / "notes.txt")])
    prompt(annotate.program).accept()
    qtbot.waitUntil(lambda: any("not imported" in text for text in messages(annotate.program)), timeout=20_000)
    qtbot.waitUntil(lambda: annotate.desk is not None, timeout=60_000)


def test_landmarks_go_out_in_a_chosen_format(qtbot: Any, annotate: AnnotateWorkspace, tmp_path: Path) -> None:
    file, points = clicked(tmp_path)
    old = annotate.desk
    annotate.program.files.open_paths([str(file)])
    prompt(annotate.program).accept()
    qtbot.waitUntil(lambda: annotate.desk is not None and annotate.desk is not old, timeout=60_000)
    annotate.desk.submit()  # type: ignore[union-attr]
    annotate.exchange.ask_export()
    asked = prompt(annotate.program)
    field, kind = asked.findChild(QLineEdit), asked.findChild(QComboBox)
    assert field is not None and kind is not None
    field.setText(str(tmp_path / "out"))
    kind.setCurrentText("pts")
    asked.accept()
    qtbot.waitUntil(lambda: bool(list((tmp_path / "out").glob("*.pts"))), timeout=20_000)
    written = next((tmp_path / "out").glob("*.pts"))
    np.testing.assert_allclose(read_any_landmarks(written).marks.points, points, atol=0.05)
