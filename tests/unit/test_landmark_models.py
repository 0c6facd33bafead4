"""Somebody else's landmark model: its mapping file, its order of points, and MediaPipe in its own environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from faceapp.cli.main import main
from faceapp.core.errors import DataError
from faceapp.core.landmarks import PlacedBy
from faceapp.formats.images import read_image
from faceapp.formats.landmark_files import read_landmarks
from faceapp.landmarks.face_finder import FaceBox
from faceapp.landmarks.foreign_models import OnnxMapping, detect_by_mapping, detect_in_box, read_mapping
from faceapp.landmarks.point_orders import from_mediapipe, point_orders, to_scheme
from faceapp.landmarks.scheme import load_scheme

SCHEME = load_scheme()
BOX = FaceBox(140.0, 90.0, 100.0, 1.0)


def coordinate_model(file: Path, count: int) -> None:
    """A network of four nodes: its points stand on a line from (r, b) to (b, r), the picture's mean red and blue."""
    steps = np.linspace(0, 1, count).astype(np.float32)
    table = np.stack([1 - steps, steps], axis=1)  # x = r (1 - t) + b t, y = b (1 - t) + r t
    red_blue = np.array([[1, 0], [0, 0], [0, 1]], np.float32)
    mix = np.stack([table, table[:, ::-1]], axis=2).transpose(1, 0, 2).reshape(2, 2 * count)
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "select"], ["two"]),
        helper.make_node("MatMul", ["two", "mix"], ["points"]),
    ]
    constants = [numpy_helper.from_array(red_blue, "select"), numpy_helper.from_array(mix.astype(np.float32), "mix")]
    _save(file, nodes, constants, [1, 3, 64, 64], [1, 2 * count])


def heat_model(file: Path, count: int) -> None:
    """A network that takes a grey picture for each of its maps."""
    nodes = [helper.make_node("Expand", ["picture", "shape"], ["points"])]
    constants = [numpy_helper.from_array(np.array([1, count, 64, 64], np.int64), "shape")]
    _save(file, nodes, constants, [1, 1, 64, 64], [1, count, 64, 64])


def _save(file: Path, nodes: list, constants: list, taken: list[int], given: list[int]) -> None:
    graph = helper.make_graph(
        nodes,
        "made by a test",
        [helper.make_tensor_value_info("picture", TensorProto.FLOAT, taken)],
        [helper.make_tensor_value_info("points", TensorProto.FLOAT, given)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    file.write_bytes(model.SerializeToString())


def plain_picture(red: int, blue: int) -> np.ndarray:
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[:, :, 0], picture[:, :, 2] = red, blue
    return picture


@pytest.mark.parametrize(("colour", "first"), [("RGB", (0.2, 0.8)), ("BGR", (0.8, 0.2))])
def test_coordinates_come_out_in_the_picture_and_colours_go_in_as_the_mapping_says(
    tmp_path: Path, colour: str, first: tuple[float, float]
) -> None:
    coordinate_model(tmp_path / "m.onnx", 106)
    mapping = OnnxMapping(
        model=tmp_path / "m.onnx", order="jd106", width=64, height=64, colour=colour, scale=1 / 255, box=1.28
    )  # type: ignore[arg-type]
    points, held = detect_in_box(plain_picture(51, 204), BOX, mapping, SCHEME)
    assert held.all()
    # Ranges run from the middle of the first pixel of the crop to that of the last: 2 px of the picture each.
    expected = np.array([140.0, 90.0]) + (np.array(first) - 0.5) * 63 * 2
    np.testing.assert_allclose(points[0], expected, atol=0.05)
    np.testing.assert_allclose(points[-1], np.array([140.0, 90.0]) * 2 - expected, atol=0.05)


def test_heat_maps_are_read_at_their_peaks(tmp_path: Path) -> None:
    heat_model(tmp_path / "m.onnx", 98)
    picture = np.zeros((200, 300, 3), np.uint8)
    picture[70:73, 150:153] = 200
    mapping = OnnxMapping(
        model=tmp_path / "m.onnx", order="wflw98", width=64, height=64, colour="GREY", box=1.28, form="heatmaps"
    )
    points, held = detect_in_box(picture, BOX, mapping, SCHEME)
    assert held.sum() == 98
    np.testing.assert_allclose(points[held], np.tile([151.0, 71.0], (98, 1)), atol=0.6)


def test_every_order_gives_the_mean_shape_back() -> None:
    mean = 80 * SCHEME.mean_shape + (100, 120)
    for name, order in point_orders().items():
        given = np.array([mean[list(ids)].mean(axis=0) for ids in order])
        points, held = to_scheme(given, name, SCHEME)
        np.testing.assert_allclose(points[held], mean[held], atol=1e-9, err_msg=name)
        # The spline goes through what is given, so that what is missing is in its place as well.
        np.testing.assert_allclose(points, mean, atol=1e-3, err_msg=name)
    assert len(point_orders()["ibug68"]) == 68


def test_missing_points_follow_a_bent_face() -> None:
    bent = 80 * SCHEME.mean_shape * (1.3, 0.9) + (100, 120) + 8 * np.sin(SCHEME.mean_shape[:, ::-1])
    given = np.array([bent[list(ids)].mean(axis=0) for ids in point_orders()["ibug68"]])
    points, held = to_scheme(given, "ibug68", SCHEME)
    assert (~held).sum() > 30
    assert np.linalg.norm(points - bent, axis=1).max() < 3.0


def test_a_mapping_file_is_read_and_its_faults_are_named(tmp_path: Path) -> None:
    coordinate_model(tmp_path / "net.onnx", 106)
    file = tmp_path / "net.toml"
    text = 'model = "net.onnx"\norder = "insightface106"\n[input]\nsize = [192, 192]\nmean = 127.5\nscale = 0.0078125\n'
    file.write_text(text + "[output]\nrange = [-1, 1]\n")
    mapping = read_mapping(file)
    assert isinstance(mapping, OnnxMapping)
    assert (mapping.width, mapping.low, mapping.high, mapping.mean) == (192, -1.0, 1.0, 127.5)
    for bad, named in (
        ('order = "mine"', "order"),
        ('model = "net.onnx"\norder = "jd106"\n[input]\nsize = [1]', "input.size"),
        ('model = "net.onnx"\norder = "jd106"\n[input]\nsize = [64, 64]\ncolour = "HSV"', "colour"),
        ('kind = "caffe"', "kind"),
        ("model = [", "no mapping file"),
        ('kind = "mediapipe"', "python"),
    ):
        file.write_text(bad)
        with pytest.raises(DataError, match=named):
            read_mapping(file)


def test_a_model_of_another_size_than_its_mapping_says_is_an_error(tmp_path: Path) -> None:
    coordinate_model(tmp_path / "m.onnx", 68)
    mapping = OnnxMapping(model=tmp_path / "m.onnx", order="jd106", width=64, height=64)
    with pytest.raises(DataError, match="136 numbers"):
        detect_in_box(plain_picture(1, 2), BOX, mapping, SCHEME)
    with pytest.raises(DataError, match="is missing"):
        detect_in_box(
            plain_picture(1, 2), BOX, OnnxMapping(model=tmp_path / "x", order="jd106", width=64, height=64), SCHEME
        )


def mediapipe_python() -> Path:
    python = Path(os.environ.get("FACEAPP_MEDIAPIPE_PYTHON", ""))
    if not python.is_file():
        pytest.skip("no environment with MediaPipe is named (FACEAPP_MEDIAPIPE_PYTHON=.../bin/python)")
    return python


def test_mediapipe_of_another_environment_prefills_a_photograph(data: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "mp.toml"
    mapping.write_text(f'kind = "mediapipe"\npython = "{mediapipe_python()}"\n')
    photo = data / "photos" / "portrait_047.jpg"
    assert main(["landmarks", "prefill", str(photo), "--model", str(mapping), "--out", str(tmp_path)]) == 0
    marks = read_landmarks(tmp_path / "portrait_047.json")
    assert set(marks.placed_by) == {PlacedBy.DETECTOR}
    reference = json.loads((data / "photos" / "reference_points.json").read_text())["pictures"][photo.name]
    there = from_mediapipe(np.array(reference["mediapipe478"])[:, :2])
    # Pixels of 1000; the reference was made on another machine.
    assert np.linalg.norm(marks.points - there, axis=1).mean() < 1.5


def test_a_model_file_of_a_face_landmarker_is_run_there(data: Path, tmp_path: Path) -> None:
    """A file as MediaPipe's landmarker takes it, put together of the two networks that its package brings along.

    They are of the older mesh, whose numbers the landmarker takes for another order: only that it runs is shown.
    """
    python = mediapipe_python()
    asked = [str(python), "-c", "import mediapipe; print(mediapipe.__path__[0])"]
    package = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip(), "modules")
    parts = {
        "face_detector.tflite": package / "face_detection" / "face_detection_short_range.tflite",
        "face_landmarks_detector.tflite": package / "face_landmark" / "face_landmark.tflite",
    }
    if not all(file.is_file() for file in parts.values()):
        pytest.skip("this version of MediaPipe brings no networks along")
    with zipfile.ZipFile(tmp_path / "face.task", "w") as bundle:
        for name, file in parts.items():
            bundle.write(file, name)
    mapping = tmp_path / "mp.toml"
    mapping.write_text(f'kind = "mediapipe"\npython = "{python}"\nmodel = "face.task"\n')
    photo = data / "photos" / "portrait_047.jpg"
    assert main(["landmarks", "prefill", str(photo), "--model", str(mapping), "--out", str(tmp_path)]) == 0
    marks = read_landmarks(tmp_path / "portrait_047.json")
    assert marks.points.shape == (106, 2) and np.isfinite(marks.points).all()
    assert set(marks.placed_by) == {PlacedBy.DETECTOR}
    (tmp_path / "face.task").write_bytes(b"no bundle")
    with pytest.raises(DataError, match="MediaPipe"):
        detect_by_mapping(read_image(photo), read_mapping(mapping), SCHEME)


def test_an_environment_without_mediapipe_says_how_to_get_it(data: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "mp.toml"
    mapping.write_text(f'kind = "mediapipe"\npython = "{sys.executable}"\n')
    image = read_image(data / "photos" / "portrait_047.jpg")
    with pytest.raises(DataError, match="pip install mediapipe"):
        detect_by_mapping(image, read_mapping(mapping), SCHEME)
    mapping.write_text('kind = "mediapipe"\npython = "nowhere"\n')
    with pytest.raises(DataError, match="is missing"):
        detect_by_mapping(image, read_mapping(mapping), SCHEME)
