"""How fast Annotate answers: a drag on 24 megapixels, 2D to 3D, a pick on 2.5 million cells, the next sample.

The limits stand in `design/interface.md`: 16.7 ms at the 95th percentile, 5 ms, 16 ms, 150 ms warm.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from faceapp.app.annotating import AnnotationSession
from faceapp.app.annotation_data import AnnotationData
from faceapp.app.landmark_edits import place_and_refit
from faceapp.app.sample_views import AnnotationView
from faceapp.core.cloud import PointCloud
from faceapp.core.landmarks import Landmarks2D, PlacedBy, Visibility
from faceapp.core.mesh import Mesh
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform
from faceapp.geometry.depth_rendering import render_depth
from faceapp.gui.annotate import workspace as module
from faceapp.gui.annotate.desk import Desk
from faceapp.gui.annotate.workspace import AnnotateWorkspace
from faceapp.gui.picture.model import LandmarkModel
from faceapp.gui.picture.pyramid import Pyramid
from faceapp.gui.picture.tones import Tones
from faceapp.gui.picture.view import PictureView
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.view3d.picking import CloudPicker, MeshPicker
from faceapp.landmarks.history import SCAN, Placed
from faceapp.landmarks.scheme import load_scheme
from faceapp.store.project import Project
from tests.ui.programs import start, tiny_project

LARGE = (6000, 4000)
SCHEME = load_scheme()
NONE = Qt.KeyboardModifier.NoModifier


def hill(columns: int, rows: int) -> Mesh:
    """A face-like hill of some vertices, 240 x 300 mm."""
    x, y = np.meshgrid(np.linspace(-120, 120, columns), np.linspace(-150, 150, rows))
    z = 70 - (x**2 + 0.6 * y**2) / 260 + 1.5 * np.sin(x / 6) * np.cos(y / 7)
    a = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + columns + 1], 1), np.stack([a, a + columns + 1, a + columns], 1)])
    return Mesh(np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32), faces.astype(np.int32))


def camera(name: str, x: float, size: tuple[int, int]) -> CameraModel:
    f = 2.2 * size[0]
    k = np.array([[f, 0, size[0] / 2], [0, f, size[1] / 2], [0, 0, 1]])
    return CameraModel(name, *size, k, np.zeros(5), RigidTransform(np.diag([1.0, -1, -1]), np.array([x, 0, 700.0])))


def data_of(size: tuple[int, int], mesh: Mesh) -> AnnotationData:
    """Three pictures of a scan."""
    rng = np.random.default_rng(0)
    picture = np.repeat(rng.integers(0, 255, (size[1], size[0], 1), np.uint8), 3, axis=2)
    face = np.column_stack([SCHEME.mean_shape * (90, -90), np.full(106, 60.0)])
    views, depths, prefill = [], {}, {}
    for group, place in (("middle", 0.0), ("right", -60.0), ("left", 60.0)):
        model = camera(f"{group}-rgb", place, size)
        views.append(AnnotationView(model.name, group, picture, model))
        depths[model.name] = render_depth(mesh.vertices, mesh.faces, model)
        marks = Landmarks2D(points=model.project(face)[0], placed_by=(PlacedBy.PREFILL,) * 106, view=model.name)
        prefill[model.name] = marks
    return AnnotationData(tuple(views), {}, depths, mesh, prefill)


@pytest.mark.parametrize("tones", [Tones(), Tones(15, 25)], ids=["as-taken", "brighter"])
def test_drag_on_24_megapixels(benchmark: Any, qapp: QApplication, tones: Tones) -> None:
    """One mouse move of a drag with everything painted; the figure is the 95th percentile."""
    rng = np.random.default_rng(0)
    picture = np.repeat(rng.integers(0, 255, (LARGE[1], LARGE[0], 1), np.uint8), 3, axis=2)
    model = LandmarkModel(SCHEME, Landmarks2D(points=SCHEME.mean_shape * 1500 + (3000, 1600)))
    model.activate("mouth_outer")
    view = PictureView(model)
    view.resize(1150, 940)
    view.show()
    view.set_picture(Pyramid.build(picture))
    view.set_tones(tones)
    view.show_points(range(106), 0.18)
    qapp.processEvents()
    port = view.viewport()
    at = view.to_screen(*model.landmarks.points[84]).toPoint()
    QTest.mousePress(port, Qt.MouseButton.LeftButton, NONE, at)
    steps = iter(range(100_000))

    def move() -> None:
        step = next(steps)
        QTest.mouseMove(port, at + QPoint(8 + step % 60, 8 + (step // 2) % 40))
        qapp.processEvents()

    move()
    benchmark.pedantic(move, rounds=400, warmup_rounds=20)
    milliseconds = np.array(benchmark.stats.stats.data) * 1000
    benchmark.extra_info["p95_ms"] = round(float(np.percentile(milliseconds, 95)), 2)
    told = benchmark.extra_info["p95_ms"]
    print(f"\ndrag on 24 megapixels: median {np.median(milliseconds):.2f} ms, p95 {told} ms")
    QTest.mouseRelease(port, Qt.MouseButton.LeftButton, NONE, at)
    view.close()


@pytest.mark.parametrize("size", [(1280, 1024), LARGE], ids=["1.3MP", "24MP"])
def test_from_a_moved_point_to_all_views(benchmark: Any, tmp_path: Path, size: tuple[int, int]) -> None:
    """2D to 3D and into the other two pictures, occlusion included, on a scan of 100,000 vertices; no journal."""
    session = AnnotationSession(tmp_path / "AB", "AB", data_of(size, hill(283, 354)))
    state = session._journal.state
    at = session.landmarks("middle-rgb").points[84]
    steps = iter(range(1_000_000))

    def move() -> None:
        shift = 0.1 * (next(steps) % 50)
        state["middle-rgb", 84] = Placed((float(at[0]) + shift, float(at[1])), Visibility.VISIBLE)
        session._board.update(state)

    benchmark(move)


def test_an_act_with_its_journal(benchmark: Any, tmp_path: Path) -> None:
    """Place a point: on the disk, on the scan, in all views."""
    session = AnnotationSession(tmp_path / "AB", "AB", data_of((1280, 1024), hill(283, 354)))
    u, v = session.landmarks("middle-rgb").points[84]
    benchmark(lambda: session.place("middle-rgb", 84, u, v))


def test_an_act_after_which_the_rest_follows(benchmark: Any, tmp_path: Path) -> None:
    data = data_of((1280, 1024), hill(310, 320))
    guess = {name: replace(marks, sigma=np.full(106, 6.0)) for name, marks in data.prefill.items()}
    session = AnnotationSession(tmp_path / "MH", "MH", replace(data, prefill=guess))
    steps = iter(range(10_000))

    def act() -> None:
        k = next(steps)
        u, v = session.landmarks("middle-rgb").points[k % 106]
        place_and_refit(session, "middle-rgb", k % 106, u + 2 * (-1) ** k, v)

    benchmark.pedantic(act, rounds=20, warmup_rounds=2)


def test_pick_on_two_and_a_half_million_cells(benchmark: Any) -> None:
    mesh = hill(1120, 1120)
    assert len(mesh.faces) > 2_500_000
    picker = MeshPicker(mesh)
    rng = np.random.default_rng(0)
    rays = iter([np.array([*rng.uniform(-100, 100, 2), 700.0]) for _ in range(5000)] * 50)
    hit = picker.pick("scan", next(rays), np.array([0.0, 0, -1]), 1500)
    assert hit is not None
    benchmark(lambda: picker.pick("scan", next(rays), np.array([0.0, 0, -1]), 1500))


def test_next_sample_warm(benchmark: Any, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the key to the painted sample; the neighbour was made ready while the first one was worked on."""
    folder = tiny_project(tmp_path / "p", "no-such-rig")
    with Project.open(folder) as project:
        for expression in ("neutral", "smile"):
            with project.new_sample("S0001", expression):
                pass
    data = data_of((1280, 1024), hill(283, 354))
    pyramids = {v.name: Pyramid.build(v.picture) for v in data.views}

    def open_desk(_: Project, sample: Any, by: str, __: Any) -> Desk:
        session = AnnotationSession(tmp_path / sample.expression / by, by, data)
        return Desk(sample, session, SCHEME, pyramids)

    monkeypatch.setattr(module, "open_desk", open_desk)
    program = start(qtbot, WindowSettings(tmp_path / "window.ini"), folder)
    program.window.show_workspace("annotate")
    workspace = program.window.workspace("annotate")
    assert isinstance(workspace, AnnotateWorkspace)
    qtbot.waitUntil(lambda: workspace.desk is not None, timeout=60_000)
    steps = iter([1, -1] * 1000)

    def wait_for_neighbours() -> None:
        qtbot.waitUntil(lambda: len(workspace.prefetch._ready) == 1, timeout=20_000)
        qtbot.wait(30)

    def step() -> None:
        workspace.step_sample(next(steps))
        QApplication.processEvents()

    before = workspace.desk
    benchmark.pedantic(step, setup=wait_for_neighbours, rounds=30)
    assert workspace.desk is not None
    assert workspace.desk is before or workspace.main != SCAN
    program.window.close()


def test_pick_on_a_cloud_of_three_groups(benchmark: Any) -> None:
    """A drag on the scan of a sample that is not fused yet."""
    rng = np.random.default_rng(0)
    normals = rng.normal(size=(1_600_000, 3)).astype(np.float32)
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    picker = CloudPicker(PointCloud(80 * normals, normals=normals), 0.25)
    rays = iter([np.array([*rng.uniform(-50, 50, 2), 700.0]) for _ in range(5000)] * 50)
    benchmark(lambda: picker.pick("scan", next(rays), np.array([0.0, 0, -1]), 1.0))
