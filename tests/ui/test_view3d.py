"""The 3D view: a picture, picking, colours, cameras."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QRectF, Qt
from PySide6.QtGui import QImage

from faceapp.core.cloud import PointCloud
from faceapp.core.landmarks import Landmarks3D, LandmarkScheme
from faceapp.core.mesh import Mesh
from faceapp.gui.theme.colormaps import NAMES, colorize, colormap
from faceapp.gui.view3d.camera import OrbitCamera
from faceapp.gui.view3d.layers import ColorBy, Edges, LayerStyle, Scalars
from faceapp.gui.view3d.linking import link
from faceapp.gui.view3d.overlay import SCALE_ROOM, bar_plate, nice_length
from faceapp.gui.view3d.pieces import PIECE_TRIANGLES, PROXY_POINTS, PROXY_TRIANGLES, cut, uncut
from faceapp.gui.view3d.scene import Scene
from faceapp.gui.view3d.view import View3D


@pytest.fixture
def view(qtbot: Any) -> Any:
    shown = View3D()
    shown.resize(400, 300)
    shown.show()
    qtbot.waitExposed(shown)
    yield shown
    shown.shut_down()
    shown.close()


def rgb(image: QImage) -> np.ndarray[Any, Any]:
    image = image.convertToFormat(QImage.Format.Format_RGB888)
    rows = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return rows[:, : image.width() * 3].reshape(image.height(), image.width(), 3).astype(int)


def test_a_mesh_gives_a_shaded_picture(view: View3D, ball: Mesh) -> None:
    empty = rgb(view.screenshot(False))
    view.set_layer("ball", ball)
    picture = rgb(view.screenshot(False))
    changed = np.abs(picture - empty).sum(axis=2) > 30
    assert 0.2 < changed.mean() < 0.6
    assert picture[changed].std() > 10
    assert not changed[:5].any()


def test_a_hit_lies_on_the_front(view: View3D, ball: Mesh) -> None:
    view.set_layer("ball", ball)
    hit = view.pick(200, 150)
    assert hit is not None
    assert hit.position == pytest.approx((0, 0, 80), abs=1.0)
    assert hit.weights is not None
    corners = ball.vertices[ball.faces[hit.face]]
    assert hit.weights @ corners == pytest.approx(hit.position, abs=1e-3)
    assert view.pick(3, 3) is None


def test_a_click_picks_and_a_drag_turns(qtbot: Any, view: View3D, ball: Mesh) -> None:
    view.set_layer("ball", ball)
    with qtbot.waitSignal(view.picked) as signal:
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
    assert signal.args[0].layer == "ball"
    before = view.camera.position
    with qtbot.waitSignal(view.cameraChanged):
        qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
        qtbot.mouseMove(view, QPoint(260, 150))
        qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(260, 150))
    assert view.camera.position[0] < before[0] - 10  # things follow the mouse: the camera goes the other way


def test_a_cloud_is_drawn_and_picked(view: View3D, ball: Mesh) -> None:
    colors = np.tile(np.array([[200, 30, 30]], np.uint8), (len(ball.vertices), 1))
    view.set_layer("cloud", PointCloud(ball.vertices, colors=colors), LayerStyle(ColorBy.COLOR))
    picture = rgb(view.screenshot(False))
    assert ((picture[..., 0] > 150) & (picture[..., 1] < 80)).sum() > 500
    hit = view.pick(200, 150)
    assert hit is not None
    assert hit.position[2] > 60


def test_heat_map_has_the_colours_of_its_map(view: View3D, ball: Mesh) -> None:
    values = np.where(ball.vertices[:, 0] > 0, 0.6, -0.6).astype(np.float32)
    style = LayerStyle(ColorBy.SCALARS, lit=False)
    view.set_layer("ball", ball, style, Scalars(values, -0.6, 0.6))
    picture = rgb(view.screenshot(False))
    assert picture[150, 240] == pytest.approx(colormap("vik")[255].astype(int), abs=8)
    assert picture[150, 160] == pytest.approx(colormap("vik")[0].astype(int), abs=8)


def test_layers_can_be_hidden_and_split(view: View3D, ball: Mesh) -> None:
    empty = rgb(view.screenshot(False))
    view.set_layer("ball", ball)
    view.set_layer("wire", ball, LayerStyle(edges=Edges.ONLY), visible=False)
    view.show_layer("ball", False)
    assert np.abs(rgb(view.screenshot(False)) - empty).max() < 3
    view.show_layer("ball")
    view.set_compare(["ball"], ["nothing"])
    picture = np.abs(rgb(view.screenshot(False)) - empty).sum(axis=2) > 30
    assert picture[150, 150]
    assert not picture[110, 250]


def test_linked_cameras_follow(qtbot: Any, view: View3D, ball: Mesh) -> None:
    other = View3D()
    view.set_layer("ball", ball)
    other.set_layer("ball", ball)
    unlink = link(view, other)
    view.set_camera(view.camera.turned(50, 0, 300))
    assert other.camera.rotation == pytest.approx(view.camera.rotation)
    unlink()
    view.set_camera(view.camera.turned(50, 0, 300))
    assert other.camera.rotation != pytest.approx(view.camera.rotation)
    other.shut_down()


def test_landmarks_behind_the_surface_are_known(view: View3D, ball: Mesh, scheme: LandmarkScheme) -> None:
    points = np.full((106, 3), np.nan)
    points[0], points[1] = (0, 0, 80), (10, 0, -80)
    view.set_layer("ball", ball)
    view.set_landmarks(Landmarks3D(points=points), scheme)
    view.finish()
    marks = view._marks()
    assert marks is not None
    assert marks.hidden is not None
    assert marks.hidden[:2].tolist() == [False, True]
    assert view.landmark_at(200, 150) == 0


def test_a_landmark_is_dragged_over_the_surface(qtbot: Any, view: View3D, ball: Mesh, scheme: LandmarkScheme) -> None:
    points = np.full((106, 3), np.nan)
    points[0] = 0, 0, 80
    view.set_layer("ball", ball)
    view.set_landmarks(Landmarks3D(points=points), scheme)
    view.set_editable(True)
    view.finish()
    with qtbot.waitSignal(view.landmarkMoved) as signal:
        qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(200, 150))
        qtbot.mouseMove(view, QPoint(215, 150))
        qtbot.mouseMove(view, QPoint(230, 150))
        qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(230, 150))
    index, *position = signal.args
    assert index == 0
    assert position[0] > 10
    assert np.linalg.norm(position) == pytest.approx(80, abs=1)


def test_a_large_layer_is_made_ready_on_a_thread(qtbot: Any, view: View3D) -> None:
    rng = np.random.default_rng(0)
    view.set_layer("cloud", PointCloud(rng.normal(0, 30, (150_000, 3)).astype(np.float32)))
    empty = rgb(view.screenshot(False))
    qtbot.waitUntil(lambda: "cloud" in view._layers.ready, timeout=5000)
    assert np.abs(rgb(view.screenshot(False)) - empty).max() > 30


def test_proxies_are_small_and_pieces_are_whole(ball: Mesh) -> None:
    rng = np.random.default_rng(0)
    pieces = cut(PointCloud(rng.normal(0, 30, (200_000, 3)).astype(np.float32)))
    assert pieces.proxy.count == PROXY_POINTS
    assert sorted(np.concatenate([p.vertices for p in pieces.whole]).tolist()) == list(range(200_000))
    n = 260
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    grid = np.stack([x.ravel(), y.ravel(), np.zeros(n * n)], axis=1).astype(np.float32)
    a = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + n], 1), np.stack([a + 1, a + n + 1, a + n], 1)]).astype(np.int32)
    pieces = cut(Mesh(grid, faces))
    assert 2_000 < pieces.proxy.count <= PROXY_TRIANGLES * 1.2
    assert sum(p.count for p in pieces.whole) == len(faces)
    assert cut(ball).small


def test_pieces_of_a_large_mesh_are_cut_when_they_are_drawn() -> None:
    n = 400
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    grid = np.stack([x.ravel(), y.ravel(), np.zeros(n * n)], axis=1).astype(np.float32)
    a = (np.arange(n - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + n], 1), np.stack([a + 1, a + n + 1, a + n], 1)]).astype(np.int32)
    whole = cut(Mesh(grid, faces)).whole
    assert len(whole) == -(-len(faces) // PIECE_TRIANGLES) > 2
    assert whole[1] is whole[1] and whole[-1] is whole[len(whole) - 1]
    assert np.array_equal(np.concatenate([p.vertices[p.faces] for p in whole]), faces)
    assert [p.count for p in whole[1:]] == [p.count for p in list(whole)[1:]]
    with pytest.raises(IndexError, match="piece"):
        whole[len(whole)]


def test_in_a_hurry_the_proxies_do_and_the_whole_follows(qtbot: Any, view: View3D, ball: Mesh) -> None:
    wholes: list[bool] = []
    view.pictured.connect(lambda picture: wholes.append(picture.request.whole))
    view.set_hurried(True)
    view.set_layer("ball", ball)
    qtbot.waitUntil(lambda: wholes == [False], timeout=10_000)
    qtbot.wait(500)
    assert wholes == [False]
    view.set_hurried(False)
    qtbot.waitUntil(lambda: wholes == [False, True], timeout=10_000)


def test_camera_projects_where_its_rays_go() -> None:
    camera = OrbitCamera.home((-80, -80, -80), (80, 80, 80), 1.5).turned(70, -30, 300)
    points = np.array([[10.0, -20, 30], [0, 0, 0], [-60, 40, -10]])
    pixels, depth = camera.project(points, 450, 300)
    assert (depth > 0).all()
    for point, (x, y) in zip(points, pixels, strict=True):
        origin, direction = camera.ray(x, y, 450, 300)
        along = (point - origin) @ direction
        assert origin + along * direction == pytest.approx(point, abs=1e-6)


def test_a_mirrored_colour_never_leaves_the_table() -> None:
    for name in NAMES:
        assert colormap(name).shape == (256, 3)
    colours = colorize([-9.0, -0.6, 0.6, 9.0, np.nan], "vik", -0.6, 0.6)
    assert (colours[0] == colours[1]).all()
    assert (colours[2] == colours[3]).all()
    assert colours[4].tolist() == [0x7A, 0x7E, 0x86]


def test_scale_bar_has_round_lengths() -> None:
    assert [nice_length(v) for v in (0.7, 1, 49, 51, 240)] == [0.5, 1, 20, 50, 200]


def test_vtk_draws_on_one_other_thread(qtbot: Any, ball: Mesh, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: set[int] = set()
    for name in ("__init__", "hold", "render_proxy", "step", "pixels", "distances", "close"):
        real = getattr(Scene, name)

        def noted(self: Scene, *values: Any, real: Any = real) -> Any:
            threads.add(threading.get_ident())
            return real(self, *values)

        monkeypatch.setattr(Scene, name, noted)
    other = View3D()
    other.resize(300, 200)
    other.show()
    other.set_layer("ball", ball)
    qtbot.waitUntil(lambda: other._picture is not None and other._picture.request.whole, timeout=10_000)
    other.shut_down()
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_a_slow_picture_holds_nothing_up_and_the_newest_one_comes(
    qtbot: Any, view: View3D, ball: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.set_layer("ball", ball)
    qtbot.waitUntil(lambda: view._picture is not None)
    gate, real = threading.Event(), Scene.render_proxy

    def slow(self: Scene, *values: Any) -> None:
        gate.wait(10)
        real(self, *values)

    monkeypatch.setattr(Scene, "render_proxy", slow)
    for _ in range(5):  # each of these would wait for the gate if drawing were done here
        view.set_camera(view.camera.turned(10, 0, 300))
        view.repaint()
    wanted = view.camera
    assert view.shown_camera is not wanted
    gate.set()
    qtbot.waitUntil(lambda: view.shown_camera is wanted, timeout=10_000)


def test_pictures_of_a_camera_on_the_move_are_shown(
    qtbot: Any, view: View3D, ball: Mesh, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.set_layer("ball", ball)
    qtbot.waitUntil(lambda: view._picture is not None)
    begun, gate, real = threading.Event(), threading.Event(), Scene.render_proxy

    def slow(self: Scene, *values: Any) -> None:
        begun.set()
        gate.wait(10)
        real(self, *values)

    monkeypatch.setattr(Scene, "render_proxy", slow)
    first = view.camera.turned(10, 0, 300)
    view.set_camera(first)
    view.repaint()
    assert begun.wait(10)
    seen: list[OrbitCamera] = []
    arrived = view._picture_arrived
    monkeypatch.setattr(view, "_picture_arrived", lambda p: (seen.append(p.request.camera), arrived(p)))
    view.set_camera(first.turned(10, 0, 300))
    view.repaint()
    gate.set()
    qtbot.waitUntil(lambda: view.shown_camera is view.camera, timeout=10_000)
    assert seen[0] is first


def test_a_stream_of_clouds_is_shown_though_newer_ones_come(view: View3D, ball: Mesh) -> None:
    def stream(factor: float) -> None:
        cloud = PointCloud(ball.vertices * np.float32(factor))
        view.stream_layer("live", cloud, uncut(cloud), LayerStyle())

    stream(1.0)
    camera = view.camera
    older = view._artist.draw_now(view._request(False))
    stream(1.5)
    assert np.array_equal(view.camera.focus, camera.focus) and view.camera.distance == camera.distance
    view._picture_arrived(older)
    assert view._picture is older  # else a machine slower than the stream would show nothing
    view.set_layer("take", ball)
    view._picture_arrived(view._artist.draw_now(view._request(False)))
    assert view._picture is not older
    view.remove_layer("live")
    view._picture = None
    view._picture_arrived(older)
    assert view._picture is None  # what it shows is no more


def test_a_slow_machine_draws_fewer_pixels_while_things_move(view: View3D) -> None:
    for _ in range(5):
        view._keep_pace(0.2)
    small = view._request(False)
    assert small.height == 300 // 3
    assert view._request(True).height == 300
    for _ in range(5):
        view._keep_pace(0.001)
    assert view._request(False).height == 300


def test_a_view_looks_at_what_arrives_until_a_person_has_turned_it(qtbot: Any, view: View3D, ball: Mesh) -> None:
    small = Mesh(ball.vertices * 0.1, ball.faces)
    view.set_layer("small", small)
    near = view.camera.distance
    view.set_layer("ball", ball)
    assert view.camera.distance > 5 * near
    view.set_camera(view.camera.turned(20, 0, 300))
    kept = view.camera
    view.set_layer("large", Mesh(ball.vertices * 2, ball.faces))
    assert view.camera is kept
    view.clear()
    view.home()
    view.set_layer("small", small)
    assert view.camera.distance == pytest.approx(near)


@pytest.mark.parametrize("width", [280, 360, 420, 480, 900])
def test_the_colour_bar_leaves_the_scale_bar_free(qtbot: Any, view: View3D, ball: Mesh, width: int) -> None:
    values = ball.vertices[:, 0] / 100
    view.resize(width, 400)
    view.set_layer("ball", ball, LayerStyle(ColorBy.SCALARS), Scalars(values, -0.6, 0.6))
    frame = QRectF(view.rect())
    corner = view.scale_frame(frame)
    scale = QRectF(corner.right() - SCALE_ROOM, corner.bottom() - 34, SCALE_ROOM, 34)
    assert not scale.intersects(bar_plate(frame))
    assert frame.contains(scale)
    view.remove_layer("ball")
    assert view.scale_frame(frame) == frame
