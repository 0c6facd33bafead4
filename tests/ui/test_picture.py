"""The picture view: dragging, clicking, marks, live pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter

from faceapp.core.landmarks import LandmarkScheme, PlacedBy, Visibility
from faceapp.gui.picture.live import LiveView, exposure_mask
from faceapp.gui.picture.loupe import Loupe
from faceapp.gui.picture.marks import MarkSet, draw_marks
from faceapp.gui.picture.model import LandmarkModel
from faceapp.gui.picture.pyramid import Pyramid, to_image
from faceapp.gui.picture.view import PictureView

GREY = QColor(128, 128, 128)


def open_view(qtbot: Any, model: LandmarkModel) -> PictureView:
    view = PictureView(model)
    qtbot.addWidget(view)
    view.resize(800, 800)
    picture = QImage(800, 800, QImage.Format.Format_RGB32)
    picture.fill(GREY)
    view.set_picture(picture)
    view.show()
    qtbot.waitExposed(view)
    view.fit()
    return view


def drag(qtbot: Any, view: PictureView, start: QPoint, by: QPoint) -> None:
    port = view.viewport()
    qtbot.mousePress(port, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(port, start + by / 2)
    qtbot.mouseMove(port, start + by)
    qtbot.mouseRelease(port, Qt.MouseButton.LeftButton, pos=start + by)


def test_a_drag_places_the_point_on_release(qtbot: Any, model: LandmarkModel) -> None:
    view = open_view(qtbot, model)
    model.activate_point(90)
    u, v = model.landmarks.points[90]
    start = view.to_screen(u, v).toPoint()
    moving: list[int] = []
    view.pointMoving.connect(lambda index, *_: moving.append(index))
    with qtbot.waitSignal(view.pointMoved) as signal:
        drag(qtbot, view, start, QPoint(40, 20))
    index, new_u, new_v = signal.args
    assert (index, set(moving)) == (90, {90})
    assert (new_u - u, new_v - v) == pytest.approx((40 / view.zoom, 20 / view.zoom), abs=1.5 / view.zoom)
    assert model.landmarks.placed_by[90] is PlacedBy.PERSON
    assert tuple(model.landmarks.points[90]) == (new_u, new_v)


def test_three_pixels_are_no_drag(qtbot: Any, model: LandmarkModel) -> None:
    view = open_view(qtbot, model)
    model.activate("mouth_outer")
    before = model.landmarks.points.copy()
    with qtbot.waitSignal(view.pointClicked) as signal:
        drag(qtbot, view, view.to_screen(*before[90]).toPoint(), QPoint(2, 1))
    assert signal.args == [90]
    assert (model.landmarks.points == before).all()


def test_a_click_moves_the_nearest_point_of_the_active_group(qtbot: Any, model: LandmarkModel) -> None:
    view = open_view(qtbot, model)
    model.activate("mouth_outer")
    corner = model.landmarks.points[90]
    at = view.to_screen(corner[0] + 40, corner[1] + 3)
    with qtbot.waitSignal(view.pointMoved) as signal:
        qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=at.toPoint())
    assert signal.args[0] == 90
    assert view.model is not None
    assert view.model.active_point == 90


def test_a_drag_beside_the_points_shifts_the_picture(qtbot: Any, model: LandmarkModel) -> None:
    view = open_view(qtbot, model)
    view.zoom_to(2.0)
    before = model.landmarks.points.copy()
    corner = view.to_picture(QPointF(0, 0))
    drag(qtbot, view, QPoint(20, 780), QPoint(60, -60))
    moved = view.to_picture(QPointF(0, 0))
    assert (model.landmarks.points == before).all()
    assert (corner[0] - moved[0], corner[1] - moved[1]) == pytest.approx((30, -30), abs=1.5)


def test_zoom_keeps_what_is_under_the_cursor(qtbot: Any, model: LandmarkModel) -> None:
    view = open_view(qtbot, model)
    at = QPointF(300, 500)
    before = view.to_picture(at)
    view.zoom_to(view.zoom * 3, at)
    assert view.to_picture(at) == pytest.approx(before, abs=1.0)


def test_the_centre_of_the_first_pixel_is_zero(qtbot: Any, model: LandmarkModel) -> None:
    view = open_view(qtbot, model)
    pixels = np.zeros((800, 800), np.uint8)
    pixels[400, 300] = 255
    view.set_picture(pixels)
    model.set_landmarks(model.landmarks.with_point(0, (np.nan, np.nan), PlacedBy.UNKNOWN))
    view.set_marks_shown(False)
    view.zoom_to(20.0)
    view.centre_on(300, 400)
    image = view.viewport().grab().toImage()
    at = view.to_screen(300, 400)
    assert image.pixelColor(at.toPoint()).red() > 250
    assert image.pixelColor((at + QPointF(15, 0)).toPoint()).red() < 5


def ink(marks: MarkSet, at: tuple[float, float], colour: str) -> set[tuple[int, int]]:
    """Return the offsets from ``at`` of pixels that are close to a colour."""
    image = QImage(200, 200, QImage.Format.Format_RGB32)
    image.fill(GREY)
    painter = QPainter(image)
    draw_marks(painter, marks, QRectF(0, 0, 200, 200))
    painter.end()
    wanted = QColor(colour)
    found = set()
    for x in range(200):
        for y in range(200):
            c = image.pixelColor(x, y)
            if max(abs(c.red() - wanted.red()), abs(c.green() - wanted.green()), abs(c.blue() - wanted.blue())) < 60:
                found.add((round(x - at[0]), round(y - at[1])))
    return found


def one_point(scheme: LandmarkScheme, by: PlacedBy, visibility: Visibility, **more: Any) -> MarkSet:
    xy = np.full((106, 2), np.nan)
    xy[90] = 100.5, 100.5
    return MarkSet(xy, (by,) * 106, (visibility,) * 106, scheme, **more)


def test_marks_tell_the_states_apart_by_shape(qapp: Any, scheme: LandmarkScheme) -> None:
    at = (100.0, 100.0)
    ring = ink(one_point(scheme, PlacedBy.PREFILL, Visibility.VISIBLE), at, "#FFFFFF")
    disc = ink(one_point(scheme, PlacedBy.PERSON, Visibility.VISIBLE), at, "#FFFFFF")
    diamond = ink(one_point(scheme, PlacedBy.PERSON, Visibility.OCCLUDED), at, "#FFFFFF")
    assert (0, 0) not in ring
    assert (3, 0) in ring
    assert (0, 0) in disc
    assert (0, 0) not in diamond
    assert (4, 0) in diamond
    assert (3, 3) not in diamond  # a ring of this width would pass here
    assert (2, 2) in ring


def test_the_active_point_has_a_ring_and_four_ticks(qapp: Any, scheme: LandmarkScheme) -> None:
    marks = one_point(
        scheme, PlacedBy.PERSON, Visibility.VISIBLE, active_group="mouth_outer", active_point=90, label=False
    )
    yellow = ink(marks, (100.0, 100.0), "#FFD84A")
    assert {(14, 0), (-14, 0), (0, 14), (0, -14)} <= yellow
    assert (10, 10) not in yellow
    assert (0, 0) in ink(marks, (100.0, 100.0), "#3FE0FF")


def test_model_walks_groups_and_points(model: LandmarkModel) -> None:
    model.activate("mouth_outer", 84)
    model.next_point()
    assert model.active_point == 85
    model.next_point(-2)
    assert model.active_point == 95
    model.next_group()
    assert model.active_group == "mouth_inner"
    for _ in range(len(model.scheme.groups)):
        model.next_group()
    assert model.active_group == "mouth_inner"


def test_model_tells_its_listeners_until_told_to_stop(model: LandmarkModel) -> None:
    heard: list[int] = []
    stop = model.on_change(lambda: heard.append(1))
    model.place(3, 10, 20)
    stop()
    model.place(3, 11, 20)
    assert heard == [1]


def test_pyramid_takes_the_level_of_the_zoom() -> None:
    pyramid = Pyramid.build(np.zeros((3000, 4000), np.uint8))
    assert [level.width() for level in pyramid.levels] == [4000, 2000, 1000]
    assert [pyramid.level_for(s) for s in (2, 1, 0.5, 0.3, 0.25, 0.01)] == [0, 0, 1, 1, 2, 2]


def test_rgb_stays_rgb() -> None:
    pixels = np.zeros((2, 3, 3), np.uint8)
    pixels[0, 0] = 200, 10, 30
    assert to_image(pixels).pixelColor(0, 0) == QColor(200, 10, 30)


def test_live_pictures_are_whole_and_over_is_red(qtbot: Any) -> None:
    view = LiveView()
    qtbot.addWidget(view)
    view.resize(344, 900)
    view.set_cameras([("a", ("Right", "IR 1")), ("b", ("Middle",)), ("c", ("Left",))], 1)
    pixels = np.full((100, 125), 90, np.uint8)
    pixels[:, :60] = 255
    view.set_picture("a", pixels)
    rect, cell = view.picture_rect("a"), QRectF(view.tile_rect("a"))
    assert cell.contains(rect)
    assert rect.width() / rect.height() == pytest.approx(1.25)
    image = view.grab().toImage()
    left = image.pixelColor(int(rect.left()) + 40, int(rect.center().y()))
    right = image.pixelColor(int(rect.right()) - 40, int(rect.center().y()))
    assert left.red() > left.green() + 40
    assert right == QColor(90, 90, 90)
    with qtbot.waitSignal(view.clicked) as signal:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=view.tile_rect("b").center())
    assert signal.args == ["b"]


def test_exposure_mask_is_hatched() -> None:
    mask = exposure_mask(np.full((20, 20), 255, np.uint8))
    assert len(np.unique(mask[..., 3])) == 2
    assert not exposure_mask(np.full((20, 20), 100, np.uint8)).any()


def test_loupe_enlarges(qtbot: Any) -> None:
    loupe = Loupe(6)
    qtbot.addWidget(loupe)
    loupe.resize(280, 214)
    pixels = np.zeros((100, 100), np.uint8)
    pixels[:, 51:] = 255
    loupe.set_source(Pyramid.build(pixels))
    loupe.look_at(50, 50)
    image = loupe.grab().toImage()
    assert image.pixelColor(135, 60).red() < 40
    assert image.pixelColor(155, 60).red() > 215
