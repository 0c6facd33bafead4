"""Who sits in the simulated rig, and what may be asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import write_mesh
from faceapp_hardware.simulated.description import default_rig_file, read_rig_description
from faceapp_hardware.simulated.heads import HeadSource
from faceapp_hardware.simulated.obj_reading import read_obj
from faceapp_hardware.simulated.options import parse_options


def source(**options: Any) -> HeadSource:
    return HeadSource(parse_options(options), 0.75)


def ball(shift: float = 0.0) -> Mesh:
    """An octahedron of 80 mm."""
    corners = 80 * np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1]], np.float32)
    faces = [[0, 2, 4], [2, 1, 4], [1, 3, 4], [3, 0, 4], [2, 0, 5], [1, 2, 5], [3, 1, 5], [0, 3, 5]]
    return Mesh(corners + np.float32(shift), np.array(faces, np.int32))


def test_a_code_is_a_person_and_a_take_is_a_pose() -> None:
    heads = source(seed=4)
    again = source(seed=4)
    one = heads.parameters("S0001")
    np.testing.assert_array_equal(one.identity, again.parameters("S0001").identity)
    assert np.abs(one.identity - heads.parameters("S0002").identity).max() > 0.5
    assert np.abs(one.identity - source(seed=5).parameters("S0001").identity).max() > 0.5
    first, second = heads.pose("S0001", "smile", 1), heads.pose("S0001", "smile", 2)
    np.testing.assert_array_equal(first.matrix, again.pose("S0001", "smile", 1).matrix)
    turn = (first.inverse() @ second).rotation
    angle = np.degrees(np.arccos((np.trace(turn) - 1) / 2))
    assert 0.2 < angle < 15
    assert 0.1 < np.linalg.norm(first.translation - second.translation) < 15
    np.testing.assert_array_equal(source(seed=4, pose=0).pose("S0001", "smile", 1).matrix, np.eye(4))


def test_an_expression_moves_the_face_of_the_same_person() -> None:
    heads = source(seed=4, pose=0)
    neutral, smile = heads.surface("S0001", "neutral", 1), heads.surface("S0001", "smile", 1)
    way = np.linalg.norm(neutral.mesh.vertices - smile.mesh.vertices, axis=1)
    assert 3 < way.max() < 30
    assert np.median(way) < 1
    unknown = heads.surface("S0001", "word_of_ones_own", 1)
    np.testing.assert_array_equal(neutral.mesh.vertices, unknown.mesh.vertices)
    assert neutral.landmarks is not None
    assert neutral.landmarks.shape == (106, 3)
    assert 0 < neutral.gloss.mean() < 0.2


def test_a_person_can_be_ordered() -> None:
    weights = np.linspace(-1, 1, 32)
    person = source(sex="male", age=61.0, identity=list(weights), tone=5, hair=2, iris=2).parameters("S0001")
    assert (person.sex, person.age, person.tone, person.hair, person.iris) == ("male", 61.0, 5, 2, 2)
    np.testing.assert_allclose(person.identity, weights)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"colour": 1}, "no option 'colour'; it has head"),
        ({"seed": "x"}, "option seed"),
        ({"scale": 3}, "option scale: 3 is not between"),
        ({"sex": "other"}, "sex 'other'"),
        ({"age": -1}, "age -1"),
        ({"identity": [0, 1]}, "option identity: 2 weights, 32"),
        ({"identity": "a,b"}, "option identity"),
        ({"first_id": 0}, "option first_id"),
        ({"head": "nowhere.ply"}, "option head: nowhere.ply is missing"),
        ({"head_landmarks": __file__}, "head_landmarks needs the option head"),
        ({"head": __file__}, "neither .ply nor .obj"),
    ],
)
def test_wrong_options_are_named(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words.replace(".", r"\.")):
        parse_options(options)


def test_a_head_from_a_file_stays_where_it_is(tmp_path: Path) -> None:
    write_mesh(tmp_path / "head.ply", ball())
    marks = Landmarks3D(points=np.tile([0.0, 0.0, 80.0], (106, 1)))
    write_landmarks(tmp_path / "marks.json", marks)
    heads = source(head=tmp_path / "head.ply", head_landmarks=tmp_path / "marks.json")
    surface = heads.surface("S0001", "smile", 3)
    np.testing.assert_allclose(surface.mesh.vertices, ball().vertices)
    np.testing.assert_allclose(surface.infrared, 0.75)
    np.testing.assert_allclose(surface.landmarks, marks.points)
    moved = source(head=tmp_path / "head.ply", pose=1.0).surface("S0001", "smile", 3)
    assert 0.1 < np.abs(moved.mesh.vertices - ball().vertices).max() < 30
    assert moved.landmarks is None


def test_a_head_out_of_sight_is_refused(tmp_path: Path) -> None:
    write_mesh(tmp_path / "far.ply", ball(1000.0))
    with pytest.raises(DataError, match=r"far\.ply: the middle of the mesh is at \(1000, 1000, 1000\) mm"):
        source(head=tmp_path / "far.ply").surface("S0001", "neutral", 1)
    write_mesh(tmp_path / "points.ply", Mesh(ball().vertices, np.zeros((0, 3), np.int32)))
    with pytest.raises(DataError, match=r"points\.ply has no triangles"):
        source(head=tmp_path / "points.ply").surface("S0001", "neutral", 1)


def test_colours_of_a_file_become_albedo(tmp_path: Path) -> None:
    colours = np.tile(np.array([[250, 200, 180], [60, 40, 30]], np.uint8), (3, 1))
    mesh = ball()
    write_mesh(tmp_path / "head.ply", Mesh(mesh.vertices, mesh.faces, colors=colours))
    infrared = source(head=tmp_path / "head.ply").surface("", "neutral", 1).infrared
    assert (infrared[0::2] > 0.8).all()
    assert (infrared[1::2] < 0.25).all()


def test_obj_with_a_texture(tmp_path: Path) -> None:
    picture = np.zeros((4, 4, 3), np.uint8)
    picture[:2, :, 2] = 255  # red above, in OpenCV's order
    cv2.imwrite(str(tmp_path / "skin.png"), picture)
    (tmp_path / "head.mtl").write_text("newmtl skin\nmap_Kd skin.png\n")
    (tmp_path / "head.obj").write_text(
        "mtllib head.mtl\nv 0 0 0\nv 50 0 0\nv 50 50 0\nv 0 50 0\n"
        "vt 0.1 0.1\nvt 0.9 0.1\nvt 0.9 0.9\nvt 0.1 0.9\nf 1/1 2/2 3/3 4/4\nf -4/1 -3/2 -2/3\n"
    )
    mesh = read_obj(tmp_path / "head.obj")
    assert mesh.faces.tolist() == [[0, 1, 2], [0, 2, 3], [0, 1, 2]]
    assert mesh.uv is not None
    assert mesh.texture is not None
    np.testing.assert_allclose(mesh.uv[1], [[0.1, 0.1], [0.9, 0.9], [0.1, 0.9]])
    assert mesh.colors is not None
    assert mesh.colors.tolist() == [[0, 0, 0], [0, 0, 0], [255, 0, 0], [255, 0, 0]]
    (tmp_path / "broken.obj").write_text("v 0 0 0\nf 1 2 3\n")
    with pytest.raises(DataError, match=r"broken\.obj, line 2: 2 names an entry that is not there"):
        read_obj(tmp_path / "broken.obj")


def test_a_scaled_rig_sees_the_same() -> None:
    full, half = (read_rig_description(default_rig_file(), scale).rig for scale in (1.0, 0.5))
    assert full.calibration_id != half.calibration_id
    corner = np.array([[40.0, -70.0, 30.0]])
    for a, b in zip(full.cameras, half.cameras, strict=True):
        assert (b.width, b.height) == (640, 512)
        assert b.K[0, 2] == pytest.approx((0.5 * 1280 - 1) / 2)
        np.testing.assert_allclose(b.project(corner)[0], 0.5 * (a.project(corner)[0] + 0.5) - 0.5)


def test_the_rig_file_says_what_it_lacks(tmp_path: Path) -> None:
    text = default_rig_file().read_text(encoding="utf-8")
    (tmp_path / "rig.toml").write_text(text.replace("peak_counts", "peek_counts"))
    with pytest.raises(UsageError, match="lacks the field 'peak_counts'"):
        read_rig_description(tmp_path / "rig.toml")
    (tmp_path / "rig.toml").write_text(text.replace("bits = 8", "bits = 12"))
    with pytest.raises(UsageError, match="8 bits"):
        read_rig_description(tmp_path / "rig.toml")
    with pytest.raises(UsageError, match="is missing"):
        read_rig_description(tmp_path / "none.toml")
