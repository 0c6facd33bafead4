"""Review: a made-up registration of a ball, and plugins that fail."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt

from faceapp.app import sample_stages
from faceapp.app.reviewing import reviews_of
from faceapp.app.upstream import TRACES, traces_of
from faceapp.core.errors import PluginError
from faceapp.core.mesh import Mesh
from faceapp.core.results import Metric, Provenance, Report
from faceapp.core.signals import Reporter
from faceapp.formats.ply import write_mesh
from faceapp.formats.reports import write_report
from faceapp.gui.review.page import ReviewPage
from faceapp.gui.review.queue_list import QueueList
from faceapp.gui.review.results import key_of, millimetres, part_title, parts_of
from faceapp.gui.review.workspace import ReviewWorkspace
from faceapp.gui.shell.settings import WindowSettings
from faceapp.store.project import Project
from tests.ui.programs import messages, start, tiny_project

METRICS = (
    Metric("face.residual_mean", 0.04),
    Metric("face.residual_p95", 0.58),
    Metric("face.seen", 0.97, "1"),
    Metric("brow_right.residual_mean", 0.02),
    Metric("brow_right.residual_p95", 0.06),
    Metric("brow_right.seen", 1.0, "1"),
    Metric("landmarks.residual_mean", 0.84),
)


def write_run(folder: Path, ball: Mesh) -> None:
    (folder / "scan").mkdir()
    write_mesh(folder / "scan" / "mesh.ply", ball)
    run = folder / "runs" / "register-nicp-0123456789"
    run.mkdir(parents=True)
    distance = np.linspace(-0.5, 0.5, len(ball.vertices)).astype(np.float32)
    write_mesh(run / "registered.ply", ball, {"distance": distance})
    made = Provenance("register/none", "1.0", seconds=2.7)
    write_report(run / "report.json", Report(METRICS, made, (), {TRACES: traces_of(folder, None)}))


@pytest.fixture
def review(qtbot: Any, settings: WindowSettings, tmp_path: Path, ball: Mesh) -> Any:
    folder = tiny_project(tmp_path / "p", "no-such-rig")
    with Project.open(folder) as project:
        with project.new_sample("S0001", "neutral") as (_, sample_folder):
            write_run(sample_folder, ball)
        with project.new_sample("S0001", "smile"):
            pass
    program = start(qtbot, settings, folder)
    program.window.show_workspace("review")
    workspace = program.window.workspace("review")
    assert isinstance(workspace, ReviewWorkspace)
    qtbot.waitUntil(lambda: workspace.results is not None and len(workspace.list.standings) == 2, timeout=20_000)
    yield workspace
    qtbot.waitUntil(lambda: is_settled(workspace), timeout=20_000)
    program.window.close()


def is_settled(review: ReviewWorkspace) -> bool:
    """Whether nothing is read in the background, nor will be of itself."""
    waiting = review._later.isActive() or review._queue_later.isActive()
    return not waiting and not review.background._futures and not review.program.background._futures


def test_a_registration_is_shown_with_its_figures(qtbot: Any, review: ReviewWorkspace) -> None:
    page = review.page
    assert page.result is not None and page.result.distance is not None
    assert page.histogram.counts.sum() == len(page.result.distance)
    assert [p.title for p in page.figures.parts.parts] == ["Brow, right"]
    assert page.figures.large[1].value.text() == "0.58\N{NO-BREAK SPACE}mm"
    assert page.figures.badge.text == "Suspicious"
    qtbot.waitUntil(lambda: set(page.compare.layer_names) == {"scan", "result"})


def test_verdicts_are_given_and_taken_back(qtbot: Any, review: ReviewWorkspace) -> None:
    window, context = review.program.window, review.context
    first, second = context.samples()
    review.page.queue.which._choose("all")
    qtbot.keyClick(window, Qt.Key.Key_3)
    qtbot.waitUntil(lambda: context.sample == second)
    qtbot.waitUntil(lambda: review.list.standing(first).verdict == "reject")
    assert context.project is not None
    review_of = reviews_of(context.project, first)["register-nicp-0123456789"]
    assert (review_of["reason"], review_of["by"]) == ("mouth", "MH")
    qtbot.waitUntil(lambda: review.results is not None and review.results.sample == second)
    assert not review.page.figures.accept.isEnabled()  # nothing to judge there
    qtbot.keyClick(window, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: context.sample == first and not review.list.standing(first).verdict)


def test_a_crashed_plugin_is_survived(qtbot: Any, review: ReviewWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: Any) -> Path:
        raise PluginError("nicp crashed (signal 11); the program goes on.\nFatal Python error: Segmentation fault")

    monkeypatch.setattr(sample_stages, "register_sample", crash)
    review.running.run("register", False)
    qtbot.waitUntil(lambda: any("signal 11" in m for m in messages(review.program)))
    assert not review.program.jobs.busy
    assert review.page.result is not None  # the earlier result stands


def test_a_stage_runs_on_all_samples_with_the_parameters_of_the_form(
    qtbot: Any, review: ReviewWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str | None, Any]] = []

    def register(project: Any, sample: Any, plugin: str | None, parameters: Any, reporter: Reporter) -> Path:
        reporter.progress(0.5, "halfway")
        asked.append((sample.expression, plugin, parameters))
        return Path("x")

    monkeypatch.setattr(sample_stages, "register_sample", register)
    run = review.page.run
    qtbot.waitUntil(lambda: bool(run._plugins))
    review.page.show_side("run")
    run.stage.set_current("register")
    run.show_stage()
    assert run.form is not None
    run.plugin.setCurrentIndex(max(0, run.plugin.findData("nicp")))
    run._show_form()
    run.form.setValue({"rounds": 7})
    run.run_all.click()
    qtbot.waitUntil(lambda: len(asked) == 2)
    assert [a[0] for a in asked] == ["neutral", "smile"]
    assert all(plugin == "nicp" and values["rounds"] == 7 for _, plugin, values in asked)
    assert run.values()["register/nicp"]["rounds"] == 7


def test_what_people_read() -> None:
    assert part_title("brow_right") == "Brow, right"
    assert millimetres(0.0396) == "40\N{NO-BREAK SPACE}µm"
    assert millimetres(float("nan")) == "–"
    assert parts_of(Report(METRICS, Provenance("x", "1")))[0].p95 == 0.06


def test_the_empty_page_says_what_runs(qtbot: Any, review: ReviewWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()

    def fuse(project: Project, sample: Any, reporter: Reporter) -> Path:
        reporter.progress(0.42, "fusing the clouds")
        gate.wait(20)
        return Path()

    monkeypatch.setattr(sample_stages, "fuse_sample", fuse)
    smile = next(s for s in review.context.samples() if s.expression == "smile")
    review.list.choose(key_of(smile))
    qtbot.waitUntil(lambda: empty_words(review) == "Nothing is fused yet", timeout=10_000)
    review.running.run("fuse", on_all=False)
    assert empty_words(review) == "Fusing S0001 smile"
    far = review.page._running_state
    assert far is not None
    qtbot.waitUntil(lambda: far.far.text().replace("\N{NO-BREAK SPACE}", " ") == "42 %, fusing the clouds")
    gate.set()
    qtbot.waitUntil(lambda: empty_words(review) == "Nothing is fused yet", timeout=10_000)


def empty_words(review: ReviewWorkspace) -> str:
    layout = review.page._empty_page.layout()
    assert layout is not None
    item = layout.itemAt(0)
    widget = item.widget() if item is not None else None
    return widget.accessibleName() if widget is not None else ""


def test_the_breadcrumb_names_the_subject_of_the_sample(review: ReviewWorkspace) -> None:
    review.context.set_subject("S0002")  # chosen in Capture, without a sample yet
    review.refresh()
    review._show_crumbs()
    assert review.program.window.top_bar.crumbs.texts[1] == "S0001"


def test_no_word_of_the_bar_is_cut_beside_a_reconstruction(qtbot: Any) -> None:
    page = ReviewPage()
    qtbot.addWidget(page)
    page.resize(1366, 860)  # what a screen of 1440 x 900 leaves beside the rail
    page.show()
    qtbot.waitExposed(page)
    page.runs.addItem("landmark-fit, newest")
    page.second.set_offered("photograph", True)
    try:
        for widget in (page.stage, page.color, page.second, page.side, page.runs):
            qtbot.waitUntil(lambda w=widget: w.width() >= w.sizeHint().width())
    finally:
        page.shut_down()


def test_scan_and_result_are_compared_in_several_ways(qtbot: Any, review: ReviewWorkspace) -> None:
    page = review.page
    qtbot.waitUntil(lambda: set(page.compare.layer_names) == {"scan", "result"})
    page.show_mode("fade")
    assert page.views.opacity.isVisible()
    assert page.compare.fade == pytest.approx(0.5)
    qtbot.keyClick(review.program.window, Qt.Key.Key_B)
    assert page.compare.fade in (0.0, 1.0)
    qtbot.keyClick(review.program.window, Qt.Key.Key_T)
    assert page.compare.layer_names == ("scan",) and page.compare.fade is None
    page.show_mode("split")
    qtbot.keyClick(review.program.window, Qt.Key.Key_B)
    assert page.compare.split in (0.0, 1.0)
    assert not page.second.offers("before") and not page.second.offers("photograph")
    page.color._chosen("absolute")
    assert page.heat._layers.look("heat")[1] is not None
    assert page.heat._layers.look("heat")[1].low == 0.0


def test_a_plane_cuts_scan_and_result(qtbot: Any, review: ReviewWorkspace) -> None:
    page = review.page
    qtbot.keyClick(review.program.window, Qt.Key.Key_S)
    assert page.foot_tab.current == "section"
    scan, result = page.section.plot.contours
    assert len(scan) == len(result) > 50
    assert np.linalg.norm(result, axis=2) == pytest.approx(80.0, abs=1.0)  # a ball of 80 mm cut in the middle
    page.section.step(60.0)
    smaller = page.section.plot.contours[1]
    assert np.linalg.norm(smaller, axis=2) == pytest.approx(np.sqrt(80.0**2 - 60.0**2), abs=1.5)
    assert len(page.heat._strokes) == 2
    qtbot.keyClick(review.program.window, Qt.Key.Key_S)
    assert page.foot_tab.current == "histogram" and not page.heat._strokes


def test_presets_fill_the_form(qtbot: Any, review: ReviewWorkspace) -> None:
    run = review.page.run
    qtbot.waitUntil(lambda: bool(run._plugins))
    run.stage.set_current("register")
    run.show_stage()
    run.plugin.setCurrentIndex(run.plugin.findData("nicp"))
    run._show_form()
    assert run.preset.currentText() == "Defaults"
    run.preset.setCurrentText("Smooth")
    run._take_preset()
    assert run.form is not None and run.form.value()["stiffness"] == 3.0
    run.form.setValue({"rounds": 9})
    assert run.preset.currentText() == "Own values"
    run.show_stage()
    assert run.form.value()["rounds"] == 9  # the last values stay


def test_the_list_follows_the_queue(qtbot: Any, review: ReviewWorkspace) -> None:
    page = review.page
    qtbot.waitUntil(lambda: len(review.list.queue.entries) == 1, timeout=20_000)
    assert page.queue.which.current == "queue"
    assert page.queue.samples.entries.rowCount() == 1
    qtbot.keyClick(review.program.window, Qt.Key.Key_K)
    qtbot.waitUntil(lambda: review.list.queue.judged == 1)
    assert page.queue._far.text() == "1 of 1 judged"
    assert page.queue.samples.entries.entry(0).note == "Maybe"
    qtbot.keyClick(review.program.window, Qt.Key.Key_U)
    qtbot.waitUntil(lambda: review.list.queue.judged == 0)
    assert len(QueueList(review.list.queue.entries, "AB").mine) == 1
    page.queue.which._choose("all")
    assert page.queue.samples.entries.rowCount() == 2
