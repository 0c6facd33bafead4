"""A depth image with its camera becomes a scan."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.depth_targets import mesh_of_depth, read_depth_target
from faceapp.app.importing import are_importable, import_sample
from faceapp.cli.main import main
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform
from faceapp.formats.capture_bundle import describe_camera
from faceapp.formats.images import read_depth, write_depth, write_png
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import read_mesh
from faceapp.formats.reports import read_report
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.depth_rendering import render_depth
from faceapp.morphable.head import load_head, random_parameters
from faceapp.store.project import Project
from tests.ui.programs import tiny_project

SIZE = (480, 400)


@pytest.fixture(scope="module")
def camera() -> CameraModel:
    """Before the face, a little aside, with a lens that bends."""
    k = np.array([[900.0, 0, 240], [0, 900, 200], [0, 0, 1]])
    turn = np.radians(12.0)
    forward = np.array([-np.sin(turn), 0, -np.cos(turn)])
    down = np.array([0.0, -1, 0])
    rotation = np.column_stack([np.cross(down, forward), down, forward])
    return CameraModel("front", *SIZE, k, np.array([-0.08, 0.03, 0.001, -0.001, 0.0]),
                       RigidTransform(rotation, -700 * forward))  # fmt: skip


@pytest.fixture(scope="module")
def head() -> tuple[Mesh, Landmarks3D]:
    shape = load_head(2).shape(random_parameters(11), "neutral")
    return Mesh(shape.skin.vertices, shape.skin.faces), Landmarks3D(points=shape.landmarks)


@pytest.fixture
def folder(tmp_path: Path, camera: CameraModel, head: tuple[Mesh, Landmarks3D]) -> Path:
    """front.tiff, front.png (depth), colour.png, calibration.json, marks.json."""
    depth = render_depth(head[0].vertices, head[0].faces, camera)
    write_depth(tmp_path, "front", depth)
    picture = np.zeros((*depth.shape, 3), np.uint8)
    picture[..., 0] = np.arange(depth.shape[1]) // 2
    picture[..., 1] = 77
    write_png(tmp_path / "colour.png", picture)
    entry = {**describe_camera(camera), "rig_from_camera": camera.rig_from_camera.matrix.tolist()}
    calibration = {"schema": "faceapp/calibration", "schema_version": 1, "cameras": {"front": entry}}
    (tmp_path / "calibration.json").write_text(json.dumps(calibration))
    write_landmarks(tmp_path / "marks.json", head[1])
    return tmp_path


@pytest.mark.parametrize(("name", "bound"), [("front.tiff", 0.05), ("front.png", 0.08)])
def test_the_surface_is_where_it_was(folder: Path, head: tuple[Mesh, Landmarks3D], name: str, bound: float) -> None:
    mesh = read_depth_target(folder / name, folder / "calibration.json", folder / "colour.png")
    distance = SurfaceTree(head[0].vertices, head[0].faces).query(mesh.vertices).distance
    assert len(mesh.vertices) > 20_000
    assert np.percentile(distance, 99) < bound
    assert mesh.colors is not None
    assert (mesh.colors[:, 1] == 77).all()
    # it looks at its camera
    centre = np.array([700 * np.sin(np.radians(12)), 0, 700 * np.cos(np.radians(12))])
    assert ((centre - mesh.vertices) * mesh.vertex_normals()).sum(axis=1).min() > -100
    assert (((centre - mesh.vertices) * mesh.vertex_normals()).sum(axis=1) > 0).mean() > 0.99


def test_a_step_in_depth_is_no_surface(camera: CameraModel) -> None:
    depth = np.full((SIZE[1], SIZE[0]), 600.0, np.float32)
    depth[:, 240:] = 650.0
    mesh = mesh_of_depth(depth, camera)
    z = (mesh.vertices - camera.centre) @ camera.rig_from_camera.rotation[:, 2]
    assert np.ptp(z[mesh.faces], axis=1).max() < 1.0


def test_the_command_registers_it_by_texture(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = folder / "out"
    assert main(["register", str(folder / "front.tiff"), "--camera", str(folder / "calibration.json"), "--picture",
                 str(folder / "colour.png"), "--landmarks", str(folder / "marks.json"), "--plugin", "rigid",
                 "--out", str(out)]) == 0  # fmt: skip
    capsys.readouterr()
    report = read_report(out / "report.json")
    assert set(report.provenance.inputs) >= {"front.tiff", "calibration.json", "colour.png", "marks.json"}
    assert (out / "registered.ply").is_file()


def test_a_picture_without_a_camera_is_not_ignored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = str(folder / "colour.png")
    assert main(["register", str(folder / "front.tiff"), "--picture", picture, "--out", str(folder / "out")]) == 2
    assert "--camera" in capsys.readouterr().err


def test_files_dropped_together_become_a_sample(folder: Path) -> None:
    files = [folder / name for name in ("calibration.json", "colour.png", "front.tiff")]
    assert are_importable(files)
    assert not are_importable([folder / "front.tiff", folder / "marks.json"])
    assert not are_importable([folder / "calibration.json"]), "a calibration by itself is no sample"
    with Project.open(tiny_project(folder / "p", "no-such-rig")) as project:
        sample = import_sample(project, "S0001", files)
        kept = read_mesh(project.sample_folder(sample) / "scan" / "mesh.ply")
        assert len(kept.vertices) > 20_000
        assert kept.colors is not None
        with pytest.raises(UsageError, match="one depth image"):
            import_sample(project, "S0001", [folder / "calibration.json", folder / "colour.png"])
        assert len(project.samples()) == 1


def test_what_does_not_fit_is_named(folder: Path, camera: CameraModel, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"colour\.png is no depth image"):
        read_depth(folder / "colour.png")
    with pytest.raises(DataError, match="next to no surface"):
        mesh_of_depth(np.full((SIZE[1], SIZE[0]), np.nan, np.float32), camera)
    with pytest.raises(DataError, match=r"depth image has 10 x 10 pixels, the camera front 480 x 400"):
        mesh_of_depth(np.ones((10, 10), np.float32), camera)
    data = json.loads((folder / "calibration.json").read_text())
    data["cameras"]["other"] = data["cameras"]["front"]
    (folder / "two.json").write_text(json.dumps(data))
    shutil.copy(folder / "front.tiff", folder / "unknown.tiff")
    with pytest.raises(UsageError, match="name the depth image after its camera"):
        read_depth_target(folder / "unknown.tiff", folder / "two.json")
