"""Annotate: a plane with 106 points, seen by three cameras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from faceapp.app.annotating import AnnotationSession, standing_of
from faceapp.app.sample_views import AnnotationView
from faceapp.core.cloud import PointCloud
from faceapp.core.landmarks import Landmarks2D, PlacedBy, Visibility
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform
from faceapp.gui.annotate import workspace as module
from faceapp.gui.annotate.desk import Desk
from faceapp.gui.annotate.workspace import AnnotateWorkspace
from faceapp.gui.picture.model import OtherMarks
from faceapp.gui.picture.pyramid import Pyramid
from faceapp.gui.program.program import Program
from faceapp.gui.shell.settings import WindowSettings
from faceapp.landmarks.scheme import load_scheme
from faceapp.store.project import Project
from tests.ui.programs import messages, start, tiny_project

SIZE = (400, 320)
PLANE = 10.0
NONE = Qt.KeyboardModifier.NoModifier
CONTROL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)


def camera(name: str, x: float) -> CameraModel:
    pose = np.array([[1, 0, 0, x], [0, -1, 0, 0], [0, 0, -1, 700], [0, 0, 0, 1]], float)
    k = np.array([[900.0, 0, 199.5], [0, 900.0, 159.5], [0, 0, 1]])
    return CameraModel(
        name=name, width=SIZE[0], height=SIZE[1], K=k, distortion=np.zeros(5),
        rig_from_camera=RigidTransform(pose[:3, :3], pose[:3, 3]),
    )  # fmt: skip


def make_desk(folder: Path, sample: Any, by: str) -> Desk:
    scheme = load_scheme()
    x, y = np.meshgrid(np.arange(-140, 140, 1.0), np.arange(-110, 110, 1.0))
    plane = np.stack([x, y, np.full(x.shape, PLANE)], axis=-1).reshape(-1, 3).astype(np.float32)
    face = np.column_stack([scheme.mean_shape * (60, -60), np.full(len(scheme), PLANE)])
    views, clouds, depths, prefill = [], {}, {}, {}
    for group, place in (("middle", 0.0), ("right", -40.0), ("left", 40.0)):
        model = camera(f"{group}-rgb", place)
        views.append(AnnotationView(model.name, group, np.full((SIZE[1], SIZE[0], 3), 120, np.uint8), model))
        clouds[group] = PointCloud(plane, normals=np.tile([0, 0, 1], (len(plane), 1)).astype(np.float32))
        depths[model.name] = np.full((SIZE[1], SIZE[0]), 690.0, np.float32)
        points, _ = model.project(face)
        prefill[model.name] = Landmarks2D(
            points=points, placed_by=(PlacedBy.PREFILL,) * len(scheme), view=model.name, image_size=SIZE
        )
    session = AnnotationSession.of(folder / by, by, tuple(views), clouds, depths, None, prefill)
    return Desk(sample, session, scheme, {v.name: Pyramid.build(v.picture) for v in views})


@pytest.fixture
def annotate(qtbot: Any, settings: WindowSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    folder = tiny_project(tmp_path / "p", "no-such-rig")
    with Project.open(folder) as project:
        for expression in ("neutral", "smile"):
            with project.new_sample("S0001", expression):
                pass

    def open_desk(project: Project, sample: Any, by: str, reporter: Any) -> Desk:
        reporter.progress(0.5, "reading")
        if sample.expression == "smile":
            raise module.FaceappError("the capture has no colour picture")
        return make_desk(tmp_path / "landmarks", sample, by)

    monkeypatch.setattr(module, "open_desk", open_desk)
    program = start(qtbot, settings, folder)
    program.window.show_workspace("annotate")
    workspace = program.window.workspace("annotate")
    assert isinstance(workspace, AnnotateWorkspace)
    qtbot.waitUntil(lambda: workspace.desk is not None, timeout=20_000)
    qtbot.wait(20)
    workspace.bar.live.setChecked(False)  # one point moves at a time, so that each act is seen by itself
    yield workspace
    program.window.close()


def active(workspace: AnnotateWorkspace) -> int:
    assert workspace.desk is not None
    return workspace.desk.models[workspace.main].active_point


def drag(workspace: AnnotateWorkspace, index: int, by: QPoint) -> None:
    assert workspace.desk is not None
    port = workspace.picture.viewport()
    at = workspace.picture.to_screen(*workspace.desk.models[workspace.main].landmarks.points[index]).toPoint()
    QTest.mousePress(port, Qt.MouseButton.LeftButton, NONE, at)
    QTest.mouseMove(port, at + by / 2)
    QTest.mouseMove(port, at + by)
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, NONE, at + by)


def test_a_point_placed_once_appears_everywhere(annotate: AnnotateWorkspace) -> None:
    desk = annotate.desk
    assert desk is not None
    annotate.choose_group("nose_bridge")
    index = active(annotate)
    before = {v: desk.session.landmarks(v).points[index].copy() for v in desk.names}
    drag(annotate, index, QPoint(30, 0))
    moved = {v: desk.session.landmarks(v).points[index] - before[v] for v in desk.names}
    assert moved["middle-rgb"][0] > 2
    for view in desk.names:  # the same shift in every view, up to the spacing of the scan
        np.testing.assert_allclose(moved[view], moved["middle-rgb"], atol=0.7)
    assert desk.session.landmarks("left-rgb").placed_by[index] is PlacedBy.PROJECTION
    assert annotate.groups.by.value == "MH"
    assert annotate.groups.far.text() == "1 of 106 checked"
    assert annotate.program.window.status._saved.text().startswith("Saved")


def test_undo_and_redo_show_the_point_they_changed(annotate: AnnotateWorkspace) -> None:
    desk, window = annotate.desk, annotate.program.window
    assert desk is not None
    annotate.choose_group("nose_bridge")
    index = active(annotate)
    before = desk.session.landmarks(annotate.main).points[index].copy()
    QTest.keyClick(window, Qt.Key.Key_Right)
    QTest.keyClick(window, Qt.Key.Key_Down, SHIFT)
    at = lambda: desk.session.landmarks(annotate.main).points[index]  # noqa: E731
    np.testing.assert_allclose(at(), before + np.array([1, 5]), atol=1e-3)
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert active(annotate) != index
    QTest.keyClick(window, Qt.Key.Key_Z, CONTROL)
    assert active(annotate) == index
    QTest.keyClick(window, Qt.Key.Key_Z, CONTROL)
    np.testing.assert_allclose(desk.session.landmarks(annotate.main).points[index], before, atol=1e-3)
    assert not annotate.bar.undo.isEnabled()
    QTest.keyClick(window, Qt.Key.Key_Z, CONTROL | SHIFT)
    np.testing.assert_allclose(at(), before + np.array([1, 0]), atol=1e-3)


def test_keys_walk_groups_points_and_views(annotate: AnnotateWorkspace) -> None:
    desk, window = annotate.desk, annotate.program.window
    assert desk is not None
    model = desk.models["middle-rgb"]
    groups = [g.name for g in desk.scheme.groups]
    QTest.keyClick(window, Qt.Key.Key_Space)
    assert model.active_group == groups[1]
    QTest.keyClick(window, Qt.Key.Key_Tab)
    assert model.active_point == desk.scheme.groups[1].indices[1]
    QTest.keyClick(window, Qt.Key.Key_2, ALT)
    assert annotate.main == desk.names[1]
    assert desk.models[annotate.main].active_point == model.active_point  # the same point in every view


def test_visibility_hide_and_reset(annotate: AnnotateWorkspace) -> None:
    desk, window = annotate.desk, annotate.program.window
    assert desk is not None
    annotate.choose_point(33)
    QTest.keyClick(window, Qt.Key.Key_V)
    assert desk.session.landmarks(annotate.main).visibility[33] is Visibility.OCCLUDED
    assert annotate.groups.seen.text == "Occluded"
    QTest.keyClick(window, Qt.Key.Key_R)
    assert desk.session.landmarks(annotate.main).placed_by[33] is PlacedBy.PREFILL
    QTest.keyClick(window, Qt.Key.Key_H)
    assert not annotate.picture.marks_shown
    QTest.keyClick(window, Qt.Key.Key_H)
    assert annotate.picture.marks_shown


def test_submit_opens_the_next_sample_and_says_when_it_cannot(qtbot: Any, annotate: AnnotateWorkspace) -> None:
    desk = annotate.desk
    assert desk is not None
    QTest.keyClick(annotate.program.window, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: annotate.opening.title == "This sample cannot be annotated", timeout=10_000)
    assert (desk.session.folder / "submitted.jsonl").is_file()
    QTest.keyClick(annotate.program.window, Qt.Key.Key_A)
    qtbot.waitUntil(lambda: annotate.desk is not None and annotate.desk.sample.expression == "neutral", timeout=10_000)
    assert messages(annotate.program) == []


def test_points_of_other_annotators(annotate: AnnotateWorkspace) -> None:
    desk = annotate.desk
    assert desk is not None
    marks = OtherMarks("JK", desk.session.landmarks("middle-rgb").points + 3)
    desk.others["middle-rgb"] = (marks,)
    annotate.program.window.run_action("annotate.others")
    assert desk.models["middle-rgb"].others == (marks,)
    assert [who for who, _ in desk.annotators()] == ["MH, in work", "JK"]
    annotate.program.window.run_action("annotate.others")
    assert desk.models["middle-rgb"].others == ()


def test_without_a_sample_it_says_what_to_do(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program: Program = start(qtbot, settings, tiny_project(tmp_path / "p", "no-such-rig"))
    program.window.show_workspace("annotate")
    workspace = program.window.workspace("annotate")
    assert isinstance(workspace, AnnotateWorkspace)
    assert workspace.opening.title == "No sample yet"
    program.window.close()


def test_submitted_work_is_known_after_a_restart(annotate: AnnotateWorkspace, tmp_path: Path) -> None:
    desk = annotate.desk
    assert desk is not None
    assert desk.state_words == "First guess, nothing checked yet"
    drag(annotate, 90, QPoint(12, 4))
    assert desk.state_words == ""
    assert desk.annotators()[0][0] == "MH, in work"
    desk.submit()
    again = make_desk(tmp_path / "landmarks", desk.sample, "MH")
    assert again.annotators()[0][0] == "MH, submitted"
    assert again.state_words == "Submitted"
    again.session.undo()
    assert again.annotators()[0][0] == "MH, in work"
    assert make_desk(tmp_path / "landmarks", desk.sample, "MH").annotators()[0][0] == "MH, in work"


def test_how_far_other_annotators_are(tmp_path: Path, annotate: AnnotateWorkspace) -> None:
    desk = annotate.desk
    assert desk is not None
    drag(annotate, 90, QPoint(12, 4))
    assert standing_of(desk.session.folder) == "in work"
    desk.submit()
    assert standing_of(desk.session.folder) == "submitted"
    assert standing_of(tmp_path) == "from files"


def test_the_words_over_the_picture_are_whole(annotate: AnnotateWorkspace) -> None:
    assert "First guess, nothing checked yet" in annotate.picture._chips
    assert not any("First guess" in chip for small in annotate.views.smalls for chip in small._chips)
