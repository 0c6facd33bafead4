"""Annotate through keys and mouse: what the window shows after each, and that one undo takes it back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest

from faceapp.core.landmarks import PlacedBy, Visibility
from faceapp.gui.annotate.workspace import AnnotateWorkspace
from faceapp.gui.picture.modes import Mode
from faceapp.gui.picture.tones import Tones
from faceapp.gui.shell.window_actions import show_keys
from faceapp.landmarks.history import SCAN
from faceapp.landmarks.spline import FIVE_POINTS
from tests.ui.test_annotate import CONTROL, NONE, active, annotate, drag

__all__ = ["annotate"]  # a fixture
LEFT = Qt.MouseButton.LeftButton


def key(workspace: AnnotateWorkspace, wanted: Qt.Key, modifiers: Any = NONE) -> None:
    QTest.keyClick(workspace.program.window, wanted, modifiers)


def points(workspace: AnnotateWorkspace) -> np.ndarray:
    assert workspace.desk is not None
    return workspace.desk.session.positions(workspace.main).copy()


def stroke(workspace: AnnotateWorkspace, path: np.ndarray) -> None:
    port, view = workspace.picture.viewport(), workspace.picture
    on_screen = [view.to_screen(u, v).toPoint() for u, v in path]
    QTest.mousePress(port, LEFT, NONE, on_screen[0])
    for at in on_screen[1:]:
        QTest.mouseMove(port, at)
    QTest.mouseRelease(port, LEFT, NONE, on_screen[-1])


def test_refit_moves_what_nobody_touched_and_comes_back(annotate: AnnotateWorkspace) -> None:
    annotate.choose_point(84)
    before = points(annotate)
    drag(annotate, 84, QPoint(30, 12))
    placed = points(annotate)
    key(annotate, Qt.Key.Key_F)
    after = points(annotate)
    np.testing.assert_allclose(after[84], placed[84])
    assert after[95, 0] > before[95, 0] + 1
    key(annotate, Qt.Key.Key_Z, CONTROL)
    np.testing.assert_allclose(points(annotate)[95], before[95], atol=1e-3)


def test_the_rest_follows_a_placed_point_in_one_act(annotate: AnnotateWorkspace) -> None:
    key(annotate, Qt.Key.Key_F, Qt.KeyboardModifier.ShiftModifier)
    assert annotate.bar.live.isChecked()
    desk = annotate.desk
    assert desk is not None
    annotate.choose_point(84)
    before = {v: desk.session.positions(v).copy() for v in desk.names}
    drag(annotate, 84, QPoint(30, 12))
    moved = points(annotate) - before[annotate.main]
    assert 1 < moved[95, 0] < moved[84, 0]
    side = desk.session.positions("left-rgb") - before["left-rgb"]
    assert side[95, 0] > 1
    assert annotate.groups.far.text() == "1 of 106 checked"
    key(annotate, Qt.Key.Key_Z, CONTROL)
    for view in desk.names:
        np.testing.assert_allclose(desk.session.positions(view), before[view], atol=1e-3)


def test_mirror_and_even_spacing(annotate: AnnotateWorkspace) -> None:
    annotate.choose_group("brow_right")
    before = points(annotate)
    drag(annotate, 35, QPoint(16, -20))
    key(annotate, Qt.Key.Key_M)
    np.testing.assert_allclose(points(annotate)[33:42], before[33:42], atol=1.0)
    annotate.choose_group("contour")
    annotate.choose_point(8)
    key(annotate, Qt.Key.Key_E)
    steps = np.linalg.norm(np.diff(points(annotate)[:17], axis=0), axis=1)
    np.testing.assert_allclose(steps, steps.mean(), rtol=0.05)


def test_symmetric_editing_is_a_switch(annotate: AnnotateWorkspace) -> None:
    annotate.choose_group("mouth_outer")
    before = points(annotate)
    key(annotate, Qt.Key.Key_X)
    assert annotate.bar.symmetric.isChecked()
    drag(annotate, 84, QPoint(-16, 8))
    moved = points(annotate) - before
    assert moved[84, 0] < -1
    np.testing.assert_allclose(moved[90], moved[84] * (-1, 1), atol=0.3)
    key(annotate, Qt.Key.Key_X)
    drag(annotate, 84, QPoint(16, 0))
    np.testing.assert_allclose(points(annotate)[90] - before[90], moved[90], atol=0.05)


def test_a_drawn_curve_takes_its_points(annotate: AnnotateWorkspace) -> None:
    annotate.choose_group("contour")
    annotate.show_face()
    before = points(annotate)
    key(annotate, Qt.Key.Key_W)
    assert annotate.picture.mode is Mode.CURVE
    stroke(annotate, before[4:13] + np.array([4.0, 0.0]))
    assert annotate.desk is not None
    marks = annotate.desk.session.landmarks(annotate.main)
    assert [i for i, by in enumerate(marks.placed_by) if by is PlacedBy.PERSON] == list(range(4, 13))
    assert (marks.points[5:12, 0] > before[5:12, 0] + 1.5).all()
    key(annotate, Qt.Key.Key_Escape)
    assert annotate.picture.mode is Mode.SELECT
    key(annotate, Qt.Key.Key_Z, CONTROL)
    np.testing.assert_allclose(points(annotate), before)


def test_ctrl_and_drag_slides_along_the_curve(annotate: AnnotateWorkspace) -> None:
    annotate.choose_group("contour")
    annotate.show_face()
    before = points(annotate)
    port, view = annotate.picture.viewport(), annotate.picture
    at, to = (view.to_screen(*before[i]).toPoint() for i in (10, 11))
    away = at + (to - at) * 0.5 + QPoint(-30, 10)
    QTest.mousePress(port, LEFT, CONTROL, at)
    for place in (at + QPoint(5, 5), away):
        event_move(port, place)
    QTest.mouseRelease(port, LEFT, CONTROL, away)
    after = points(annotate)
    line = np.linspace(before[10], before[11], 50)
    assert np.linalg.norm(after[10] - before[10]) > 0.5
    assert np.linalg.norm(line - after[10], axis=1).min() < 0.5


def event_move(port: Any, at: QPoint) -> None:
    """A mouse move with Ctrl held, which QTest.mouseMove cannot say."""
    from PySide6.QtCore import QEvent, QPointF
    from PySide6.QtGui import QMouseEvent
    from PySide6.QtWidgets import QApplication

    place = QPointF(at)
    event = QMouseEvent(QEvent.Type.MouseMove, place, port.mapToGlobal(place), LEFT, LEFT, CONTROL)
    QApplication.sendEvent(port, event)


def test_five_clicks_begin_a_face(annotate: AnnotateWorkspace) -> None:
    wanted = points(annotate)[list(FIVE_POINTS)] + (6.0, 3.0)
    annotate.show_face()
    key(annotate, Qt.Key.Key_C)
    assert annotate.told.startswith("1 of 5")
    for u, v in wanted:
        QTest.mouseClick(annotate.picture.viewport(), LEFT, NONE, annotate.picture.to_screen(u, v).toPoint())
    np.testing.assert_allclose(points(annotate)[list(FIVE_POINTS)], wanted, atol=0.8)
    assert annotate.groups.far.text() == "5 of 106 checked"
    assert annotate.picture.mode is Mode.SELECT


def test_a_locked_point_is_not_dragged(annotate: AnnotateWorkspace) -> None:
    annotate.choose_point(33)
    key(annotate, Qt.Key.Key_L)
    before = points(annotate)
    assert annotate.groups.point.text() == "Point 33, locked"
    drag(annotate, 33, QPoint(20, 0))
    np.testing.assert_allclose(points(annotate), before, atol=1e-3)
    key(annotate, Qt.Key.Key_L)
    drag(annotate, 33, QPoint(20, 0))
    assert points(annotate)[33, 0] > before[33, 0] + 1


def test_a_point_dragged_on_the_scan_is_followed_by_the_pictures(annotate: AnnotateWorkspace) -> None:
    desk = annotate.desk
    assert desk is not None
    target = desk.session.landmarks_3d.points[90] + (4.0, 2.0, 0.0)
    annotate.views.view.landmarkMoved.emit(90, *(float(v) for v in target))
    np.testing.assert_allclose(desk.session.landmarks_3d.points[90], target, atol=1e-3)
    for view in desk.session.views:
        assert view.camera is not None
        shown = desk.session.landmarks(view.name)
        np.testing.assert_allclose(shown.points[90], view.camera.project(target)[0], atol=0.01)
        assert shown.placed_by[90] is PlacedBy.PROJECTION
    assert desk.session.state_of(SCAN, 90) is not None
    drag(annotate, 90, QPoint(10, 0))  # what is said later counts
    assert desk.session.state_of(SCAN, 90) is None
    key(annotate, Qt.Key.Key_Z, CONTROL)
    key(annotate, Qt.Key.Key_Z, CONTROL)
    assert np.linalg.norm(desk.session.landmarks_3d.points[90] - target) > 3


def test_brightness_and_contrast(annotate: AnnotateWorkspace) -> None:
    grey = annotate.picture.grab().toImage().pixelColor(400, 500).value()
    key(annotate, Qt.Key.Key_Period)
    assert annotate.picture.tones == Tones(10, 0)
    assert annotate.picture.grab().toImage().pixelColor(400, 500).value() > grey + 5
    annotate.program.window.run_action("annotate.as-taken")
    assert annotate.picture.tones.plain
    assert Tones(0, 50).table()[200] > 200
    assert Tones(0, 50).table()[60] < 60


def test_uncertain_groups_and_points_come_first(annotate: AnnotateWorkspace) -> None:
    desk = annotate.desk
    assert desk is not None
    model = desk.models[annotate.main]
    sigma = np.full(106, 2.0)
    sigma[84:96], sigma[88] = 8.0, 12.0
    from dataclasses import replace

    model.walked = ()
    model.landmarks = replace(model.landmarks, sigma=sigma)
    assert model.group_walk[0] == "mouth_outer"
    model.activate("mouth_outer")
    assert active(annotate) == 88


def test_changed_keys_stand_in_tips_and_hints(annotate: AnnotateWorkspace) -> None:
    registry = annotate.program.window.actions_registry
    assert "[F]" in registry.tip("annotate.refit")
    registry.set_key("annotate.refit", "Q")
    assert "[Q]" in annotate.bar.refit.toolTip()
    assert "Q refit" in annotate.hints.accessibleName()
    annotate.choose_point(84)
    drag(annotate, 84, QPoint(30, 12))
    before = points(annotate)
    key(annotate, Qt.Key.Key_F)
    np.testing.assert_allclose(points(annotate), before)
    key(annotate, Qt.Key.Key_Q)
    assert np.abs(points(annotate) - before).max() > 0.5


def test_names_and_visibility_on_demand(annotate: AnnotateWorkspace) -> None:
    key(annotate, Qt.Key.Key_N)
    assert annotate.bar.names.isChecked()
    assert annotate.picture.marks() is not None
    assert annotate.picture.marks().names  # type: ignore[union-attr]
    annotate.choose_point(60)
    key(annotate, Qt.Key.Key_V)
    assert annotate.desk is not None
    assert annotate.desk.session.landmarks(annotate.main).visibility[60] is Visibility.OCCLUDED


@pytest.mark.parametrize("narrow", [False, True])
def test_the_guide_shows_the_active_point(qtbot: Any, annotate: AnnotateWorkspace, narrow: bool) -> None:
    qtbot.waitUntil(lambda: annotate.views.guide._image is not None, timeout=10_000)
    annotate.set_narrow(narrow)
    annotate.views.tabs.set_current("guide")
    annotate.views._show()
    annotate.choose_point(90)
    assert annotate.views.guide.isVisible()
    middle = annotate.views.guide.grab().toImage()
    annotate.choose_point(33)
    assert annotate.views.guide.grab().toImage() != middle


def test_keys_are_changed_in_a_panel_and_kept(annotate: AnnotateWorkspace) -> None:
    window = annotate.program.window
    panel = show_keys(window)
    panel.choose("annotate.mirror")
    assert panel.field.keySequence().toString() == "M"
    panel.field.setKeySequence(QKeySequence("B"))
    panel.change.click()
    assert window.actions_registry.key("annotate.mirror") == "B"
    assert window.actions_registry.key("annotate.blink") == ""
    assert "Blink" in panel.said.text()
    assert window.settings.keys == {"annotate.mirror": "B", "annotate.blink": ""}
    panel.default.click()
    assert window.actions_registry.key("annotate.mirror") == "M"
    panel.close()
