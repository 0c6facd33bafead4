"""How soon the next registration stands with its heat map, through the real window: 150 ms warm (`interface.md`).

``test_the_next_registration`` is measured from the key to the first picture of the new heat map on the screen, which a
graphics card or the processor has drawn whole; its smooth edges follow while nothing is pressed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from faceapp.app.reviewing import read_reviews
from faceapp.app.sample_stages import own_neutral
from faceapp.app.template import own_template
from faceapp.app.upstream import TRACES, traces_of
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import Metric, Provenance, Report
from faceapp.core.subject import Sample
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import write_mesh
from faceapp.formats.reports import read_report, write_report
from faceapp.gui.program.program import Program
from faceapp.gui.review.workspace import ReviewWorkspace
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.start import make_program
from faceapp.gui.view3d.view import View3D
from faceapp.store.project import Project

SAMPLES = 21
SCAN_SIDE = 316
"""Squared, the vertices of a scan: 100,000."""


def _scan(rng: np.random.Generator) -> Mesh:
    """A surface of 100,000 vertices the size of a face, with colours."""
    x, y = np.meshgrid(np.linspace(-75, 75, SCAN_SIDE), np.linspace(-100, 100, SCAN_SIDE))
    z = 90 - 0.006 * x**2 - 0.004 * y**2 + rng.normal(0, 0.05, x.shape)
    points = np.stack([x, y, z], axis=-1).reshape(-1, 3).astype(np.float32)
    at = np.arange(SCAN_SIDE**2).reshape(SCAN_SIDE, SCAN_SIDE)
    a, b, c, d = (corner.ravel() for corner in (at[:-1, :-1], at[:-1, 1:], at[1:, 1:], at[1:, :-1]))
    faces = np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)]).astype(np.int32)
    return Mesh(points, faces, colors=rng.integers(80, 200, (len(points), 3)).astype(np.uint8))


def _fill(folder: Path, rng: np.random.Generator) -> None:
    template = own_template()
    (folder / "scan").mkdir()
    write_mesh(folder / "scan" / "mesh.ply", _scan(rng))
    run = folder / "runs" / "register-nicp-0123456789"
    run.mkdir(parents=True)
    vertices = template.mesh.vertices + rng.normal(0, 0.3, template.mesh.vertices.shape).astype(np.float32)
    distance = rng.normal(0, 0.2, len(vertices)).astype(np.float32)
    write_mesh(run / "registered.ply", template.mesh.with_vertices(vertices), {"distance": distance})
    write_landmarks(run / "landmarks.json", Landmarks3D(points=template.landmarks_of(template.mesh.vertices)))
    metrics = [Metric("face.residual_mean", 0.1), Metric("face.residual_p95", 0.4), Metric("face.seen", 0.95, "1")]
    for part in ("forehead", "eyes", "nose", "cheeks", "lips", "chin"):
        metrics += [Metric(f"{part}.residual_mean", 0.1), Metric(f"{part}.residual_p95", 0.4)]
    signs = {"residual.lips": float(rng.uniform(0.1, 0.3))}
    write_report(run / "report.json", Report(tuple(metrics), Provenance("register/nicp", "1"), (), {"signs": signs}))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng = np.random.default_rng(1)
    folder = tmp_path_factory.mktemp("review") / "pilot"
    with Project.create(folder) as made:
        for i in range(SAMPLES):
            code = made.add_subject(consent=("record",)).code if i % 3 == 0 else f"S{i // 3 + 1:04d}"
            with made.new_sample(code, ("neutral", "smile", "anger")[i % 3]) as (_, place):
                _fill(place, rng)
        for sample in made.samples():
            _sign(made, sample)
    return folder


def _sign(project: Project, sample: Sample) -> None:
    """Write what the registration was made from, as a real one does: nothing is stale."""
    place = project.sample_folder(sample)
    file = place / "runs" / "register-nicp-0123456789" / "report.json"
    report = read_report(file)
    traces = traces_of(place, own_neutral(project, sample))
    write_report(file, replace(report, extra={**report.extra, TRACES: traces}))


def _until(qapp: QApplication, what: Any, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        qapp.processEvents()
        time.sleep(0.001)


@pytest.fixture(params=[(1366, 768), (1920, 1080)], ids=lambda size: f"{size[0]}x{size[1]}")
def review(qapp: QApplication, project: Path, tmp_path: Path, request: Any) -> Iterator[ReviewWorkspace]:
    settings = WindowSettings(tmp_path / "window.ini")
    settings.set_text("operator/initials", "MH")
    program: Program = make_program(settings, project, preload=False)
    program.window.resize(*request.param)
    program.window.show()
    _until(qapp, lambda: program.window.current != "" and program.context.project is not None)
    program.window.activateWindow()
    program.window.show_workspace("review")
    workspace = program.window.workspace("review")
    assert isinstance(workspace, ReviewWorkspace)
    workspace.page.queue.which._choose("all")
    _until(qapp, lambda: workspace.results is not None and len(workspace.list.queue.entries) == SAMPLES)
    yield workspace
    _until(qapp, lambda: not workspace.background._futures)
    program.window.close()
    program.window.deleteLater()
    program.deleteLater()
    qapp.processEvents()


def _stands(review: ReviewWorkspace) -> bool:
    """Whether the heat map on the screen is that of the current sample."""
    sample, results, picture = review.context.sample, review.results, review.page.heat._picture
    if sample is None or results is None or results.sample.id != sample.id or picture is None:
        return False
    layer = picture.request.layers.get("heat")
    return layer is not None and layer.data is results.results["register"].mesh


def _settle(qapp: QApplication, review: ReviewWorkspace, at: int) -> None:
    """A reviewer looks: neighbours are read ahead, the whole pictures of all views are made."""
    review.context.set_sample(review.context.samples()[at])
    _until(qapp, lambda: _stands(review))
    views = [view for view in review.page.findChildren(View3D) if view.isVisible()]
    _until(qapp, lambda: all(view._picture is not None and view._picture.request.whole for view in views))
    _until(qapp, lambda: not review._later.isActive() and review.ahead.is_idle and not review.background._futures)
    _until(qapp, lambda: review.ahead.take(review.context.samples()[at + 1]) is not None)


@pytest.mark.parametrize("key", [Qt.Key.Key_Right, Qt.Key.Key_J], ids=["looked-at", "accepted"])
def test_the_next_registration(benchmark: Any, qapp: QApplication, review: ReviewWorkspace, key: Qt.Key) -> None:
    """Twenty in a row, by the arrow or by a verdict, which is on the disk before the next one stands."""
    at = [0]

    def settle() -> None:
        _settle(qapp, review, at[0])
        at[0] += 1

    def step() -> None:
        QTest.keyClick(review.program.window, key)
        wanted = review.context.samples()[at[0]].id
        while review.context.sample is None or review.context.sample.id != wanted or not _stands(review):
            qapp.processEvents()

    benchmark.pedantic(step, setup=settle, rounds=SAMPLES - 1)
    assert at[0] == SAMPLES - 1
    if key is Qt.Key.Key_J:
        project = review.context.project
        assert project is not None
        for sample in project.samples()[: SAMPLES - 1]:
            assert [r.verdict for r in read_reviews(project, sample)][-1] == "accept"
