"""Pictures and scans from outside: samples that can be annotated, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.annotating import AnnotationSession
from faceapp.app.importing import import_sample, is_importable
from faceapp.app.landmark_conversion import read_any_landmarks
from faceapp.app.landmark_exchange import export_landmarks
from faceapp.app.propagating import propagate_sample
from faceapp.cli.main import main
from faceapp.core.errors import DataError, UsageError
from faceapp.core.mesh import Mesh
from faceapp.formats.images import write_png
from faceapp.formats.ply import write_mesh
from faceapp.store.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with Project.create(tmp_path / "project") as project:
        project.add_subject(age=30)
        yield project


def picture(file: Path) -> Path:
    write_png(file, np.full((200, 260, 3), 120, np.uint8))
    return file


def test_one_photograph_and_three(project: Project, tmp_path: Path) -> None:
    front, left, right = (picture(tmp_path / f"{name}.png") for name in ("front", "left", "right"))
    alone = import_sample(project, "S0001", [front])
    three = import_sample(project, "S0001", [front, left, right], "smile")
    session = AnnotationSession.open(project, alone, "AB")
    assert [v.name for v in session.views] == ["01-front"]
    session.place("01-front", 54, 130.0, 100.0)
    assert session.landmarks_3d.placed.sum() == 0
    names = [v.name for v in AnnotationSession.open(project, three, "AB").views]
    assert names == ["01-front", "02-side", "03-side"]
    files = sorted(p.name for p in (project.sample_folder(three) / "pictures").iterdir())
    assert files == ["01-front.png", "02-side.png", "03-side.png"]  # a file's own name may name a person


def test_a_folder_of_pictures(project: Project, tmp_path: Path) -> None:
    (tmp_path / "shots").mkdir()
    for name in ("a", "b"):
        picture(tmp_path / "shots" / f"{name}.png")
    (tmp_path / "shots" / "notes.txt").write_text("x")
    assert is_importable(tmp_path / "shots")
    sample = import_sample(project, "S0001", [tmp_path / "shots"])
    assert len(AnnotationSession.open(project, sample, "AB").views) == 2


def test_a_mesh_is_annotated_without_pictures(project: Project, tmp_path: Path) -> None:
    x, y = np.meshgrid(np.arange(-90, 91, 4.0), np.arange(-120, 121, 4.0))
    points = np.stack([x, y, 60 - (x**2 + y**2) / 250], axis=-1).reshape(-1, 3).astype(np.float32)
    n = x.shape[1]
    a = (np.arange(x.shape[0] - 1)[:, None] * n + np.arange(n - 1)).ravel()
    faces = np.concatenate([np.stack([a, a + 1, a + n + 1], 1), np.stack([a, a + n + 1, a + n], 1)]).astype(np.int32)
    write_mesh(tmp_path / "face.ply", Mesh(points, faces))
    sample = import_sample(project, "S0001", [tmp_path / "face.ply"], "scan")
    session = AnnotationSession.open(project, sample, "AB")
    assert session.views == ()
    session.place_on_scan(54, points[500])
    np.testing.assert_allclose(session.landmarks_3d.points[54], points[500], atol=1e-3)
    session.close()
    again = AnnotationSession.open(project, sample, "AB")
    np.testing.assert_allclose(again.landmarks_3d.points[54], points[500], atol=1e-3)
    assert again.undo()


def test_what_is_refused(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="pictures of one face"):
        import_sample(project, "S0001", [])
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(DataError):
        import_sample(project, "S0001", [broken])
    assert project.samples() == ()
    assert not is_importable(tmp_path / "notes.txt")


def test_propagation_says_what_it_lacks(project: Project, tmp_path: Path) -> None:
    sample = import_sample(project, "S0001", [picture(tmp_path / "front.png")])
    with pytest.raises(UsageError, match="no other sample"):
        propagate_sample(project, sample)
    import_sample(project, "S0001", [picture(tmp_path / "front.png")], "smile")
    with pytest.raises(DataError, match="no scan"):
        propagate_sample(project, sample)


def test_the_command_makes_a_sample(project: Project, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    project.close()
    file = picture(tmp_path / "front.png")
    command = ["sample", "add", str(project.folder), "S0001", str(file), "--expression", "grin", "--json"]
    assert main(command) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["sample"] == "S0001/grin/1"


def test_what_was_placed_in_a_photograph_is_exported(project: Project, tmp_path: Path) -> None:
    sample = import_sample(project, "S0001", [picture(tmp_path / "front.png")])
    session = AnnotationSession.open(project, sample, "AB")
    session.place("01-front", 54, 130.0, 100.0)
    files = export_landmarks(project, sample, tmp_path / "out", "pts")
    assert [f.name for f in files] == ["S0001-neutral-1-01-front.pts"]
    np.testing.assert_allclose(read_any_landmarks(files[0], "jd106").marks.points[54], (130, 100), atol=1e-3)
