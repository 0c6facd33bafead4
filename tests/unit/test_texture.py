"""A texture shows on the mesh what the cameras saw there, once, without steps; it survives a file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from faceapp.core.errors import DataError
from faceapp.core.mesh import Mesh
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform
from faceapp.formats.mesh_files import read_any_mesh, write_textured_mesh
from faceapp.geometry.rigid import rotation_of
from faceapp.geometry.texture import TextureView, textured
from tests.unit.test_geometry import bumpy


def camera(name: str, turn: float) -> CameraModel:
    """Looks at the plate from 400 mm away, from the side by some radians."""
    k = np.array([[1200.0, 0, 319.5], [0, 1200.0, 239.5], [0, 0, 1]])
    look = rotation_of([0, turn, 0])
    pose = RigidTransform(look @ np.diag([1.0, -1.0, -1.0]), look @ np.array([0.0, 0.0, 400.0]))
    return CameraModel(name, 640, 480, k, np.array([-0.05, 0.02, 0, 0, 0.0]), pose)


def paint(points: np.ndarray) -> np.ndarray:
    """A colour that varies smoothly over space: what is true at a place."""
    x, y = points[:, 0], points[:, 1]
    return np.stack([128 + 60 * np.sin(x / 9), 128 + 60 * np.cos(y / 7), 100 + 0 * x], axis=1)


def view(mesh: Mesh, name: str, turn: float, gain: float = 1.0) -> TextureView:
    """The picture that a camera takes of the painted plate."""
    from scipy.interpolate import griddata

    model = camera(name, turn)
    pixels, _ = model.project(mesh.vertices)
    v, u = np.mgrid[0:480, 0:640]
    picture = griddata(pixels, gain * paint(mesh.vertices), (u, v), method="linear", fill_value=0)
    return TextureView(model, np.clip(np.rint(picture), 0, 255).astype(np.uint8), mesh.vertices.astype(float))


@pytest.fixture(scope="module")
def plate() -> Mesh:
    bare = bumpy(120, 100.0)
    grey = np.full((len(bare.vertices), 3), 77, np.uint8)
    return Mesh(bare.vertices, bare.faces, bare.vertex_normals(), grey)


def sampled(mesh: Mesh, weights: tuple[float, float, float] = (0.4, 0.3, 0.3)) -> np.ndarray:
    """The texture's colour (F, 3) inside each triangle."""
    assert mesh.uv is not None
    assert mesh.texture is not None
    height, width = mesh.texture.shape[:2]
    uv = np.einsum("k,fkd->fd", weights, mesh.uv)
    column, row = np.rint(uv[:, 0] * width - 0.5), np.rint((1 - uv[:, 1]) * height - 0.5)
    return mesh.texture[row.astype(int), column.astype(int)].astype(float)


def inside(mesh: Mesh, weights: tuple[float, float, float] = (0.4, 0.3, 0.3)) -> np.ndarray:
    return np.einsum("k,fkd->fd", weights, mesh.vertices[mesh.faces])


def test_each_triangle_shows_what_is_there(plate: Mesh) -> None:
    done = textured(plate, [view(plate, "left", 0.5), view(plate, "right", -0.5)])
    seen, true = sampled(done), paint(inside(plate))
    x, y = inside(plate)[:, :2].T
    middle = np.maximum(np.abs(x), np.abs(y)) < 44
    assert np.abs(seen - true)[middle].mean() < 3
    assert np.quantile(np.abs(seen - true)[middle], 0.99) < 14
    assert done.uv.min() >= 0
    assert done.uv.max() <= 1


def test_two_pictures_of_different_brightness_blend(plate: Mesh) -> None:
    done = textured(plate, [view(plate, "left", 0.5, 0.8), view(plate, "right", -0.5, 1.2)])
    ratio = sampled(done)[:, 2] / 100
    x, y = inside(plate)[:, :2].T
    ratio, x = ratio[np.abs(y) < 30], x[np.abs(y) < 30]
    steps = np.array([np.median(ratio[np.abs(x - at) < 1]) for at in np.arange(-40, 41, 2.0)])
    assert np.abs(np.diff(steps)).max() < 0.12
    assert steps.max() - steps.min() > 0.05


def test_what_no_camera_sees_has_the_colour_of_its_corners(plate: Mesh) -> None:
    behind = Mesh(plate.vertices, plate.faces[:, ::-1].copy(), -plate.normals, plate.colors)
    done = textured(behind, [view(plate, "front", 0.0)])
    assert (sampled(done) == 77).all()


def test_a_moved_subject_is_painted_where_the_camera_saw_it(plate: Mesh) -> None:
    """The picture was taken before the plate moved by 5 mm; where the camera saw each vertex is given."""
    before = view(plate, "front", 0.0)
    after = Mesh(plate.vertices + np.array([5, 0, 0], np.float32), plate.faces, plate.normals, plate.colors)
    done = textured(after, [before])
    x, y = inside(after)[:, :2].T
    middle = np.maximum(np.abs(x), np.abs(y)) < 40
    assert np.abs(sampled(done) - paint(inside(plate)))[middle].mean() < 3


def test_a_texture_survives_a_file(plate: Mesh, tmp_path: Path) -> None:
    done = textured(plate, [view(plate, "left", 0.5), view(plate, "right", -0.5)])
    files = write_textured_mesh(tmp_path / "plate.obj", done)
    assert [f.name for f in files] == ["plate.obj", "plate.mtl", "plate.png"]
    back = read_any_mesh(tmp_path / "plate.obj")
    np.testing.assert_array_equal(back.faces, done.faces)
    np.testing.assert_allclose(back.vertices, done.vertices, atol=1e-5)
    np.testing.assert_allclose(back.uv, done.uv, atol=1e-6)
    np.testing.assert_array_equal(back.texture, done.texture)
    with pytest.raises(DataError, match="no texture"):
        write_textured_mesh(tmp_path / "bare.obj", plate)


def test_an_atlas_keeps_to_its_size(plate: Mesh) -> None:
    done = textured(plate, [view(plate, "left", 0.5), view(plate, "right", -0.5)], widest=500)
    assert done.texture.shape[1] <= 500


def test_what_gives_no_texture_is_refused(plate: Mesh) -> None:
    front = view(plate, "front", 0.0)
    with pytest.raises(DataError, match="at least one"):
        textured(plate, [])
    with pytest.raises(DataError, match="colours"):
        textured(Mesh(plate.vertices, plate.faces), [front])
    with pytest.raises(DataError, match="not of its camera's size"):
        textured(plate, [TextureView(front.camera, front.picture[:100], front.points)])
