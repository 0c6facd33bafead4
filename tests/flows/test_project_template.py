"""A lab's own mesh as its template: imported, its anchors placed in the window, used by every registration."""

from __future__ import annotations

import dataclasses
import functools
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtWidgets import QLineEdit

from faceapp.app.importing import import_sample
from faceapp.app.landmark_exchange import import_landmarks
from faceapp.app.project_template import project_template, template_file, use_template
from faceapp.app.sample_stages import register_sample, stale_reasons
from faceapp.app.template import OWN_TEMPLATE, own_template
from faceapp.cli.main import main
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks3D, PlacedBy
from faceapp.core.mesh import Mesh
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import read_mesh, write_mesh
from faceapp.formats.template_files import write_template
from faceapp.gui.annotate.workspace import AnnotateWorkspace
from faceapp.gui.review.workspace import ReviewWorkspace
from faceapp.gui.shell.settings import WindowSettings
from faceapp.morphable.head import load_head, random_parameters
from faceapp.store.project import Project
from tests.ui.programs import messages, prompt, start, tiny_project


@functools.cache
def head(seed: int, level: int) -> tuple[Mesh, Landmarks3D]:
    """A person's head and its landmarks."""
    shape = load_head(level).shape(random_parameters(seed), "neutral")
    mesh = Mesh(shape.skin.vertices, shape.skin.faces)
    return mesh, Landmarks3D(points=shape.landmarks, placed_by=(PlacedBy.PERSON,) * len(shape.landmarks))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a mesh that is to become the template, and a scan to be registered, both with landmarks."""
    place = tmp_path_factory.mktemp("templates")
    with Project.open(tiny_project(place / "p", "no-such-rig", subjects=2)) as project:
        for subject, seed, level in (("S0001", 5, 1), ("S0002", 6, 2)):
            mesh, marks = head(seed, level)
            write_mesh(place / f"{subject}.ply", mesh)
            write_landmarks(place / f"{subject}.json", marks)
            sample = import_sample(project, subject, [place / f"{subject}.ply"])
            import_landmarks(project, sample, place / f"{subject}.json", "MH", "")
    return place


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """A copy of the project, its meshes beside it."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path / "p"


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    with Project.open(folder) as opened:
        yield opened


def test_from_a_mesh_in_the_window_to_registrations_with_it(
    qtbot: Any, tmp_path: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = start(qtbot, WindowSettings(tmp_path / "window.ini"), folder)
    context = program.context
    context.set_sample(next(s for s in context.samples() if s.subject == "S0001"))
    program.window.show_workspace("annotate")
    annotate = program.window.workspace("annotate")
    assert isinstance(annotate, AnnotateWorkspace)
    qtbot.waitUntil(lambda: annotate.desk is not None, timeout=60_000)
    marks = annotate.desk.session.landmarks_3d  # type: ignore[union-attr]
    annotate.templates.ask()
    asked = prompt(program)
    asked.accept()
    assert asked.isVisible(), "a template without a name is not made"
    asked.findChildren(QLineEdit)[0].setText("lab-head")
    asked.accept()
    qtbot.waitUntil(lambda: any("Template made" in text for text in messages(program)), timeout=120_000)
    project = context.project
    assert project is not None
    template = project_template(project)[0]
    mesh, _ = head(5, 1)
    np.testing.assert_array_equal(template.mesh.faces, mesh.faces)
    anchored = template.anchor_triangles[:, 0] >= 0
    gap = np.linalg.norm(template.landmarks_of(template.mesh.vertices) - marks.points, axis=1)[anchored]
    assert anchored.sum() >= 100
    assert np.median(gap) < 0.5

    program.window.show_workspace("review")
    review = program.window.workspace("review")
    assert isinstance(review, ReviewWorkspace)
    box = review.page.run.template
    qtbot.waitUntil(lambda: box.currentText() == "lab-head", timeout=20_000)
    scanned = next(s for s in context.samples() if s.subject == "S0002")
    context.set_sample(scanned)
    review.running.run("register", False)
    qtbot.waitUntil(lambda: not program.jobs.busy, timeout=120_000)
    run = next(project.sample_folder(scanned).glob("runs/register-*"))
    assert len(read_mesh(run / "registered.ply").vertices) == len(mesh.vertices)
    assert not stale_reasons(project, scanned, run)
    qtbot.waitUntil(lambda: review.results is not None and "register" in review.results.results, timeout=60_000)
    assert review.results is not None
    assert review.results.results["register"].anchors is not None, "landmarks are shown with their residuals"

    box.setCurrentIndex(0)
    box.activated.emit(0)
    qtbot.waitUntil(lambda: template_file(project) is None, timeout=20_000)
    assert stale_reasons(project, scanned, run) == ("the project has another template",)
    program.window.close()

    assert main(["template", "use", str(folder), str(folder / "templates" / "lab-head.json")]) == 0
    capsys.readouterr()
    with Project.open(folder) as again:
        assert template_file(again) == folder / "templates" / "lab-head.json"
        assert register_sample(again, scanned) == run


def written(folder: Path, name: str, scale: float = 1.0) -> Path:
    """A template file in a folder of its own."""
    own = own_template()
    folder.mkdir()
    mesh = own.mesh.with_vertices(own.mesh.vertices * np.float32(scale))
    write_template(folder / f"{name}.json", dataclasses.replace(own, name=name, mesh=mesh))
    return folder / f"{name}.json"


def test_a_template_from_elsewhere_is_kept_with_the_project(project: Project, tmp_path: Path) -> None:
    elsewhere = written(tmp_path / "else", "theirs", 1.1)
    use_template(project, elsewhere)
    for file in elsewhere.parent.iterdir():
        file.unlink()
    kept = project_template(project)[0]
    np.testing.assert_allclose(kept.mesh.vertices, 1.1 * own_template().mesh.vertices, rtol=1e-5)
    use_template(project, None)
    assert project_template(project)[0] is own_template()


def test_another_template_of_the_same_name_is_not_written_over(project: Project, tmp_path: Path) -> None:
    first, second = written(tmp_path / "a", "mine"), written(tmp_path / "b", "mine", 1.1)
    use_template(project, first)
    use_template(project, first)
    with pytest.raises(UsageError, match="another template mine already"):
        use_template(project, second)
    np.testing.assert_array_equal(project_template(project)[0].mesh.vertices, own_template().mesh.vertices)
    moved = np.roll(own_template().anchor_weights, 1, axis=1)
    third = written(tmp_path / "d", "mine")
    write_template(third, dataclasses.replace(own_template(), name="mine", anchor_weights=moved))
    with pytest.raises(UsageError, match="another template mine already"):
        use_template(project, third)
    with pytest.raises(UsageError, match="letters, digits"):
        use_template(project, written(tmp_path / "c", "my head"))


def test_a_template_that_is_gone_is_named(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.change_settings({"template": "templates/gone.json"})
    with pytest.raises(DataError, match=f"faceapp template use .* {OWN_TEMPLATE}"):
        project_template(project)
    project.close()
    assert main(["verify", str(project.folder)]) == 1
    assert "gone.json" in capsys.readouterr().err
    assert main(["info", str(project.folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert "templates/gone.json" in json.dumps(told)
