"""Anyone's mesh becomes a template."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.template import own_template
from faceapp.app.template_making import OTHER, import_template, make_template
from faceapp.cli.main import main
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import read_mesh, write_mesh
from faceapp.formats.template_files import read_template
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.morphable.head import load_head, random_parameters


@pytest.fixture(scope="module")
def strange() -> tuple[Mesh, Landmarks3D]:
    """A head of another topology and shape, a collar that belongs to no part, its landmarks."""
    head = load_head(1).shape(random_parameters(5), "neutral")
    keep = np.random.default_rng(1).permutation(len(head.skin.vertices))
    back = np.argsort(keep)
    vertices = np.concatenate([head.skin.vertices[keep], [[0, -400, 0], [40, -400, 0], [0, -400, 40]]])
    faces = np.concatenate([back[head.skin.faces], [[len(keep), len(keep) + 1, len(keep) + 2]]])
    uv = np.random.default_rng(2).random((len(faces), 3, 2)).astype(np.float32)
    return Mesh(vertices, faces.astype(np.int32), uv=uv), Landmarks3D(points=head.landmarks)


def test_a_mesh_with_landmarks_becomes_a_template(tmp_path: Path, strange: tuple[Mesh, Landmarks3D]) -> None:
    mesh, marks = strange
    write_mesh(tmp_path / "head.ply", mesh)
    write_landmarks(tmp_path / "marks.json", marks)
    made = import_template(tmp_path / "head.ply", tmp_path / "mine.json", landmarks=tmp_path / "marks.json")
    assert not made.guessed
    again = read_template(tmp_path / "mine.json")
    np.testing.assert_array_equal(again.mesh.vertices, mesh.vertices)
    np.testing.assert_array_equal(again.mesh.faces, mesh.faces)
    assert mesh.uv is not None and again.mesh.uv is not None
    np.testing.assert_array_equal(again.mesh.uv, mesh.uv)
    anchored = again.anchor_triangles[:, 0] >= 0
    assert anchored.sum() >= 100
    gap = np.linalg.norm(again.landmarks_of(mesh.vertices) - marks.points, axis=1)[anchored]
    assert np.median(gap) < 0.01
    # its parts are ours: a nose is where our nose comes to lie
    assert again.part_names == (*own_template().part_names, OTHER)
    assert (again.parts[-3:] == len(again.part_names) - 1).all()
    nose = again.parts == again.part_names.index("nose")
    tip = marks.points[54] if len(marks.points) == 106 else marks.points.mean(axis=0)
    assert 20 < nose.sum() < 0.2 * len(nose)
    assert np.linalg.norm(mesh.vertices[nose].mean(axis=0) - tip) < 30
    assert 0.1 < again.face.mean() < 0.8
    with pytest.raises(UsageError, match="exists"):
        import_template(tmp_path / "head.ply", tmp_path / "mine.json", landmarks=tmp_path / "marks.json")


def test_without_landmarks_the_anchors_are_a_guess(strange: tuple[Mesh, Landmarks3D]) -> None:
    mesh, marks = strange
    made = make_template(mesh, "guess")
    assert made.guessed
    inner = np.setdiff1d(np.arange(33, 106), np.flatnonzero(made.template.anchor_triangles[:, 0] < 0))
    gap = np.linalg.norm(made.template.landmarks_of(mesh.vertices) - marks.points, axis=1)[inner]
    assert np.mean(gap) < 5


def test_landmarks_beside_the_mesh_are_refused(strange: tuple[Mesh, Landmarks3D]) -> None:
    mesh, marks = strange
    with pytest.raises(DataError, match="in mm and in the same place"):
        make_template(mesh, "far", Landmarks3D(points=marks.points + 500.0))
    with pytest.raises(DataError, match="no triangles"):
        make_template(Mesh(mesh.vertices, np.zeros((0, 3), np.int32)), "cloud", marks)


def test_a_template_never_takes_the_place_of_its_own_mesh(tmp_path: Path, strange: tuple[Mesh, Landmarks3D]) -> None:
    write_mesh(tmp_path / "head.ply", strange[0])
    with pytest.raises(UsageError, match="itself"):
        import_template(tmp_path / "head.ply", tmp_path / "head.json", force=True)
    with pytest.raises(UsageError, match="JSON"):
        import_template(tmp_path / "head.ply", tmp_path / "head.ply.out")


def test_the_command_makes_a_template_that_registers(
    tmp_path: Path, strange: tuple[Mesh, Landmarks3D], capsys: pytest.CaptureFixture[str]
) -> None:
    mesh, marks = strange
    write_mesh(tmp_path / "head.ply", mesh)
    write_landmarks(tmp_path / "marks.json", marks)
    told = ["template", "import", str(tmp_path / "head.ply"), "--landmarks", str(tmp_path / "marks.json")]
    assert main([*told, "--out", str(tmp_path / "mine.json"), "--name", "Mine", "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["anchors"] + len(result["missing"]) == 106
    assert result["name"] == "Mine"
    scan = load_head(2).shape(random_parameters(9), "neutral")
    write_mesh(tmp_path / "scan.ply", Mesh(scan.skin.vertices, scan.skin.faces))
    write_landmarks(tmp_path / "scan.json", Landmarks3D(points=scan.landmarks))
    told = ["register", str(tmp_path / "scan.ply"), "--landmarks", str(tmp_path / "scan.json")]
    assert main([*told, "--template", str(tmp_path / "mine.json"), "--out", str(tmp_path / "out"), "--json"]) == 0
    registered = read_mesh(tmp_path / "out" / "registered.ply")
    assert len(registered.vertices) == len(mesh.vertices)
    face = read_template(tmp_path / "mine.json").face
    distance = SurfaceTree(scan.skin.vertices, scan.skin.faces).query(registered.vertices[face]).distance
    assert distance.mean() < 0.3
