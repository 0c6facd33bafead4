"""What commands say: JSON that any reader takes, a last line that is the result, a sentence and never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from faceapp.app import inspection
from faceapp.cli.main import main
from faceapp.core.landmarks import Landmarks2D
from faceapp.formats.landmark_files import write_landmarks
from tests.unit.bundles import write_bundle

ROOT = Path(__file__).parents[2]


def _strict(text: str) -> list[dict[str, Any]]:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is no JSON")

    return [json.loads(line, parse_constant=refuse) for line in text.splitlines()]


def write_ply(file: Path, points: Any, faces: Any = ()) -> Path:
    """An ASCII PLY, whatever the numbers."""
    head = ["ply", "format ascii 1.0", f"element vertex {len(points)}", *(f"property float {n}" for n in "xyz")]
    if len(faces):
        head += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    rows = [" ".join(map(str, p)) for p in points] + [" ".join(map(str, (3, *f))) for f in faces]
    file.write_text("\n".join([*head, "end_header", *rows]) + "\n")
    return file


def test_a_failure_ends_with_a_result_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["info", str(tmp_path / "nowhere"), "--json"]) == 1
    captured = capsys.readouterr()
    assert _strict(captured.out)[-1] == {
        "event": "result",
        "error": f"{tmp_path / 'nowhere'} does not exist",
        "exit_status": 1,
    }
    assert "does not exist" in captured.err


def test_numbers_that_json_lacks_become_null(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = write_ply(tmp_path / "nan.ply", [(0, 0, "nan"), (1, 2, 3)])
    assert main(["info", str(file), "--json"]) == 0
    assert _strict(capsys.readouterr().out)[-1]["box_mm"] == [[0.0, 0.0, None], [1.0, 2.0, None]]


@pytest.mark.parametrize(
    ("raised", "told"),
    [
        (PermissionError(13, "Permission denied", "there/x.ply"), "there/x.ply: Permission denied"),
        (ZeroDivisionError("division by zero"), "a fault of faceapp itself (ZeroDivisionError: division by zero)"),
        (MemoryError(), "the memory does not suffice"),
    ],
)
def test_what_nobody_foresaw_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raised: Exception, told: str
) -> None:
    def fail(path: Path) -> None:
        raise raised

    monkeypatch.setattr(inspection, "describe_path", fail)
    assert main(["info", "x"]) == 1
    error = capsys.readouterr().err
    assert told in error
    assert "Traceback" not in error


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def stop(path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(inspection, "describe_path", stop)
    assert main(["info", "x", "--json"]) == 130
    assert _strict(capsys.readouterr().out)[-1]["exit_status"] == 130


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "capture")
    program = [sys.executable, "-m", "faceapp", "decode", str(bundle), "--out", str(tmp_path / "out")]
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run(program, stdout=writer, stderr=subprocess.PIPE, cwd=ROOT, timeout=60, check=False)
    os.close(writer)
    assert ended.returncode == 1
    assert b"Traceback" not in ended.stderr
    assert b"Exception" not in ended.stderr


def test_a_group_is_named_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_bundle(tmp_path / "capture", groups=2)
    arguments = ["decode", str(bundle), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--min-modulation", "0.9"]) == 1
    assert capsys.readouterr().err.count("group left:") == 1
    (bundle / "frames" / "left-ir-1" / "003.png").unlink()
    assert main(arguments) == 1
    assert "group left: " in capsys.readouterr().err


def _grid() -> tuple[list[tuple[int, int, float]], list[tuple[int, int, int]]]:
    points = [(x, y, 0.1 * x * y) for y in range(4) for x in range(4)]
    corners = [4 * y + x for y in range(3) for x in range(3)]
    return points, [t for a in corners for t in ((a, a + 1, a + 5), (a, a + 5, a + 4))]


MESHES = {
    "empty.ply": ("", "empty.ply is empty"),
    "empty.obj": ("", "empty.obj is damaged: it has no vertices"),
    "empty.stl": ("", "empty.stl is damaged: it has no whole triangles"),
    "face.obj": ("v 1 2 3\nf 1 2 9\n", "face.obj is damaged"),
    "nan.obj": ("v 1 2 nan\nv 0 0 0\nv 0 1 0\nf 1 2 3\n", "nan.obj: a vertex is not finite"),
    "mesh.fbx": ("x", "mesh.fbx: .fbx is not a mesh"),
    "none.ply": ("ply\nformat ascii 1.0\nelement vertex 0\nproperty float x\nend_header\n", "none.ply has no vertices"),
}


@pytest.mark.parametrize("name", MESHES)
def test_a_broken_mesh_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    text, told = MESHES[name]
    (tmp_path / name).write_text(text)
    good = write_ply(tmp_path / "grid.ply", *_grid())
    assert main(["measure", str(tmp_path / name), str(good), "--out", str(tmp_path / "out")]) == 1
    assert told in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_is_no_mesh(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write_ply(tmp_path / "grid.ply", *_grid())
    assert main(["measure", str(tmp_path), str(good), "--out", str(tmp_path / "out")]) == 1
    assert "is a folder" in capsys.readouterr().err


def test_surfaces_that_are_far_apart_are_a_warning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points, faces = _grid()
    good = write_ply(tmp_path / "grid.ply", points, faces)
    far = write_ply(tmp_path / "far.ply", np.array(points) + 500)
    arguments = ["measure", str(far), str(good), "--align", "rigid", "--out", str(tmp_path / "out"), "--json"]
    assert main(arguments) == 0
    lines = _strict(capsys.readouterr().out)
    assert any(line["event"] == "warning" and "within 20 mm" in line["text"] for line in lines)
    assert lines[-1]["metrics"]["distance.mean"] is None


BAD_TEMPLATES: dict[str, tuple[dict[str, Any], str]] = {
    "label": ({"parts": {"names": ["a"], "labels": [5] * 16}}, "field parts.labels: label 5"),
    "narrow vertex": ({"narrow_face": [999]}, "field narrow_face: 999"),
    "narrow part": ({"narrow_face": ["zzz"]}, "field narrow_face: 'zzz'"),
    "no narrow face": ({"narrow_face": []}, "field narrow_face: it is empty"),
    "no anchors": ({"anchors": [None] * 106}, "field anchors: all are null"),
    "cloud": ({"mesh": "cloud.ply"}, "field mesh: cloud.ply has no triangles"),
    "outside": ({"mesh": "../grid.ply"}, "leaves the template's folder"),
}


@pytest.mark.parametrize("name", BAD_TEMPLATES)
def test_a_wrong_template_names_the_field(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    points, faces = _grid()
    write_ply(tmp_path / "grid.ply", points, faces)
    write_ply(tmp_path / "cloud.ply", points)
    change, told = BAD_TEMPLATES[name]
    template = {"schema": "faceapp/template", "schema_version": 1, "name": "mine", "mesh": "grid.ply"}
    template |= {"scheme": "jd106", "anchors": [{"vertex": 3}] * 106, **change}
    (tmp_path / "mine.json").write_text(json.dumps(template))
    assert main(["register", str(tmp_path / "grid.ply"), "--template", str(tmp_path / "mine.json")]) == 1
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["--takes", "0"],
        ["--takes", "-1"],
        ["--seed", "-5"],
        ["--expression", "a b"],
        ["--expression", ""],
        ["--rig", "nope"],
        ["--subject", ".."],
    ],
)
def test_a_capture_that_cannot_be_is_wrong_usage(tmp_path: Path, arguments: list[str]) -> None:
    main(["new", str(tmp_path / "pilot")])
    main(["subject", "add", str(tmp_path / "pilot")])
    options = ["--subject", "S0001", "--expression", "smile", *arguments]
    assert main(["capture", str(tmp_path / "pilot"), *options]) == 2


@pytest.mark.parametrize("arguments", [["--consent", "all"], ["--age", "-4"], ["--age", "400"]])
def test_a_subject_that_cannot_be_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    main(["new", str(tmp_path / "pilot")])
    assert main(["subject", "add", str(tmp_path / "pilot"), *arguments]) == 2
    assert arguments[0] in capsys.readouterr().err
    assert not list((tmp_path / "pilot" / "subjects").iterdir())


def test_a_mistyped_command_is_put_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["fues", "x", "--out", "y"]) == 2
    assert "fues is no command; did you mean fuse?" in capsys.readouterr().err


def test_landmarks_of_another_picture_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    photo, marks = tmp_path / "face.png", tmp_path / "marks.json"
    cv2.imwrite(str(photo), np.full((60, 80, 3), 90, np.uint8))
    points = np.full((106, 2), 30.0)
    write_landmarks(marks, Landmarks2D(points=points, view="other.png", image_size=(640, 480)))
    assert main(["reconstruct", str(photo), "--landmarks", str(marks), "--out", str(tmp_path / "out")]) == 1
    assert "is 80 x 60 pixels, its landmarks are of a picture of 640 x 480" in capsys.readouterr().err
    second = tmp_path / "second.json"
    write_landmarks(second, Landmarks2D(points=points, view="third.png", image_size=(80, 60)))
    both = ["--landmarks", str(marks), "--landmarks", str(second)]
    assert main(["reconstruct", str(photo), *both, "--out", str(tmp_path / "out")]) == 2
    assert "none of the landmark files is of this picture" in capsys.readouterr().err


def test_json_holds_in_a_terminal_without_unicode(tmp_path: Path) -> None:
    bundle = write_bundle(tmp_path / "Gespräch")
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    program = [sys.executable, "-m", "faceapp", "info", str(bundle), "--json"]
    ended = subprocess.run(program, capture_output=True, cwd=ROOT, env=environment, timeout=60, check=True)
    assert _strict(ended.stdout.decode("ascii"))[-1]["id"] == "Gespräch"
