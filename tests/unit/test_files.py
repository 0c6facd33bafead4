"""What is written comes back; what is broken says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy, Visibility
from faceapp.core.mesh import Mesh
from faceapp.formats.atomic import append_line, new_folder, write_bytes
from faceapp.formats.landmark_files import read_landmarks, write_landmarks
from faceapp.formats.ply import read_cloud, read_mesh, read_ply, write_cloud, write_mesh
from faceapp.formats.point_files import read_points, write_points
from faceapp.formats.point_table import PointTable
from faceapp.formats.template_files import read_template


@given(
    points=hnp.arrays(np.float32, st.tuples(st.integers(0, 40), st.just(3)), elements=st.floats(-1e4, 1e4, width=32))
)
@settings(max_examples=30, deadline=None)
def test_a_cloud_comes_back_bit_for_bit(tmp_path_factory: pytest.TempPathFactory, points: np.ndarray) -> None:
    file = tmp_path_factory.mktemp("ply") / "cloud.ply"
    n = len(points)
    cloud = PointCloud(
        points,
        points,
        np.full((n, 3), 7, np.uint8),
        points[:, 0],
        points[:, :2],
        np.ones(n, np.uint8),
        "middle-ir-1",
        ("a", "b"),
        np.where(points[:, :2] > 0, points[:, :2], np.nan),
        "middle-rgb",
    )
    write_cloud(file, cloud)
    again = read_cloud(file)
    for name in ("points", "normals", "colors", "sigma", "pixels", "group", "picture_pixels"):
        np.testing.assert_array_equal(getattr(again, name), getattr(cloud, name))
    assert (again.camera, again.picture_camera, again.groups) == ("middle-ir-1", "middle-rgb", ("a", "b"))


def test_a_mesh_keeps_its_vertex_order_and_extra_figures(tmp_path: Path) -> None:
    mesh = Mesh([[0, 0, 0], [1, 0, 0], [0, 1, 0], [5, 5, 5]], [[0, 1, 2]])
    write_mesh(tmp_path / "m.ply", mesh, {"distance": np.array([0.5, np.nan, 1, 2], np.float32)})
    again = read_mesh(tmp_path / "m.ply")
    np.testing.assert_array_equal(again.vertices, mesh.vertices)
    np.testing.assert_array_equal(again.faces, mesh.faces)
    np.testing.assert_array_equal(read_ply(tmp_path / "m.ply").vertex["distance"], [0.5, np.nan, 1, 2])


def test_text_ply_and_polygons_are_read(tmp_path: Path) -> None:
    text = """ply
format ascii 1.0
element vertex 5
property double x
property double y
property double z
element face 2
property list uchar int vertex_indices
end_header
0 0 0
1 0 0
1 1 0
0 1 0
0 0 1
4 0 1 2 3
3 0 1 4
"""
    (tmp_path / "quads.ply").write_text(text)
    mesh = read_mesh(tmp_path / "quads.ply")
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 4]]


def test_a_truncated_ply_says_so(tmp_path: Path) -> None:
    mesh = Mesh(np.zeros((100, 3)), np.zeros((0, 3), np.int32))
    write_mesh(tmp_path / "m.ply", mesh)
    data = (tmp_path / "m.ply").read_bytes()
    (tmp_path / "m.ply").write_bytes(data[:-200])
    with pytest.raises(DataError, match="truncated"):
        read_mesh(tmp_path / "m.ply")


@pytest.mark.parametrize("dimension", [2, 3])
def test_landmarks_come_back(tmp_path: Path, dimension: int) -> None:
    points = np.random.default_rng(0).normal(size=(106, dimension)) * 100
    points[7] = np.nan
    kind = Landmarks2D if dimension == 2 else Landmarks3D
    marks = kind(points=points, annotator="MH", revision=3).with_point(
        5, points[6], PlacedBy.PERSON, Visibility.OCCLUDED
    )
    write_landmarks(tmp_path / "marks.json", marks)
    again = read_landmarks(tmp_path / "marks.json")
    np.testing.assert_allclose(again.points, marks.points, atol=1e-4)
    assert again.visibility == marks.visibility
    assert again.placed_by == marks.placed_by
    assert (again.annotator, again.revision) == ("MH", 3)


def test_pts_counts_from_one(tmp_path: Path) -> None:
    table = PointTable(points=np.arange(212.0).reshape(106, 2))
    write_points(tmp_path / "marks.pts", table, "pts")
    assert (tmp_path / "marks.pts").read_text().splitlines()[3] == "1.0000 2.0000"
    np.testing.assert_allclose(read_points(tmp_path / "marks.pts").points, table.points, atol=1e-4)


def test_a_wrong_number_of_landmarks_names_the_field(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text(
        '{"schema": "faceapp/landmarks", "schema_version": 1, "scheme": "jd106", "dimension": 2, "points": [[1, 2]]}'
    )
    with pytest.raises(DataError, match="field points: 1 points, jd106 has 106"):
        read_landmarks(tmp_path / "m.json")


def test_a_template_that_names_a_vertex_that_is_not_there(tmp_path: Path) -> None:
    write_mesh(tmp_path / "t.ply", Mesh(np.eye(3), [[0, 1, 2]]))
    anchors = ["null"] * 105 + ['{"vertex": 9}']
    (tmp_path / "t.json").write_text(
        '{"schema": "faceapp/template", "schema_version": 1, "name": "t", "mesh": "t.ply", "anchors": ['
        + ", ".join(anchors)
        + "]}"
    )
    with pytest.raises(DataError, match=r"anchors\[105\]: names vertex 9 of 3"):
        read_template(tmp_path / "t.json")


def test_a_file_that_cannot_be_written_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kept.txt"
    write_bytes(file, b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(DataError, match="No space left"):
        write_bytes(file, b"new")
    assert file.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["kept.txt"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), new_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("x")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
    with new_folder(tmp_path / "out") as folder:
        (folder / "a").write_text("x")
    with pytest.raises(UsageError, match="exists already"), new_folder(tmp_path / "out"):
        pass
    assert [p.name for p in tmp_path.iterdir()] == ["out"]


def test_a_journal_survives_half_a_line(tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    append_line(file, "one")
    with file.open("a") as stream:
        stream.write("half")
    append_line(file, "two")
    assert file.read_text().splitlines() == ["one", "half", "two"]
