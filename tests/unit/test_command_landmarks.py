"""``faceapp landmarks`` and landmark files: round trips, wrong counts, names that would leave the folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from faceapp.app import annotating
from faceapp.app.landmark_conversion import read_any_landmarks, write_any_landmarks
from faceapp.app.reconstructing import read_photographs
from faceapp.cli.main import main
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks2D
from faceapp.core.signals import Reporter
from faceapp.formats.landmark_files import read_landmarks, write_landmarks
from faceapp.store.project import Project
from tests.unit.bundles import SIZE, K, edit, pose, write_bundle


@pytest.fixture
def pilot(tmp_path: Path) -> Iterator[Path]:
    """A project with one sample of one small colour picture."""
    folder = tmp_path / "pilot"
    with Project.create(folder) as project:
        project.add_subject()
        with project.new_sample("S0001", "smile") as (_, sample):
            write_bundle(sample / "capture")
            (sample / "capture" / "frames" / "rgb").mkdir()
            cv2.imwrite(str(sample / "capture" / "frames" / "rgb" / "000.png"), np.full((*SIZE[::-1], 3), 90, np.uint8))
            calibration = {"width": SIZE[0], "height": SIZE[1], "K": K, "distortion": [0.0] * 5}
            calibration["rig_from_camera"] = pose(0.0)
            camera = {"name": "rgb", "role": "rgb", "frames": ["frames/rgb/000.png"], "calibration": calibration}
            edit(sample / "capture", lambda d: d["groups"][0]["cameras"].append(camera))
    yield folder


def marks_file(folder: Path, name: str = "marks.json", **changes: Any) -> Path:
    """A landmark file of the picture ``rgb``."""
    rng = np.random.default_rng(1)
    file = folder / name
    write_landmarks(file, Landmarks2D(points=rng.uniform(5, 150, (106, 2)).round(2), view="rgb", image_size=SIZE))
    if changes:
        file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))
    return file


def test_what_is_imported_is_exported(pilot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = marks_file(tmp_path)
    for kind in ("json", "csv"):
        given = tmp_path / f"given.{kind}"
        write_any_landmarks(given, read_landmarks(file), kind)
        arguments = [str(pilot), "S0001/smile/1"]
        assert main(["landmarks", "import", *arguments, str(given), "--annotator", kind, "--view", "rgb"]) == 0
        assert main(["landmarks", "select", *arguments, "--annotator", kind]) == 0
        assert main(["landmarks", "export", *arguments, "--out", str(tmp_path / kind), "--format", kind]) == 0
        back = read_any_landmarks(tmp_path / kind / f"S0001-smile-1-rgb.{kind}").marks
        np.testing.assert_allclose(back.points, read_landmarks(file).points, atol=1e-3)


def test_an_export_is_not_written_over(pilot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    marks = marks_file(tmp_path)
    main(["landmarks", "import", str(pilot), "S0001/smile/1", str(marks), "--annotator", "MH"])
    export = ["landmarks", "export", str(pilot), "S0001/smile/1", "--out", str(tmp_path / "out")]
    assert main(export) == 0
    file = tmp_path / "out" / "S0001-smile-1-rgb.json"
    file.write_text("mine")
    assert main(export) == 2
    assert "add --force" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert main([*export, "--force"]) == 0
    assert file.read_text() != "mine"


def test_a_lift_is_not_written_over(pilot: Path, tmp_path: Path) -> None:
    (tmp_path / "3d.json").write_text("mine")
    sample = next(pilot.glob("subjects/S0001/*-smile-1"))
    lift = ["landmarks", "lift", str(sample), "--landmarks", str(marks_file(tmp_path)), "--out"]
    assert main([*lift, str(tmp_path / "3d.json")]) == 2
    assert main([*lift, str(tmp_path)]) == 2
    assert main([*lift, str(tmp_path / "3d.json"), "--force"]) == 0
    assert read_landmarks(tmp_path / "3d.json").placed.any()


@pytest.mark.parametrize("name", ["../../../evil", "..", ".", "", "prefill", "a/b", ".hidden", "a b"])
def test_initials_stay_in_their_folder(pilot: Path, tmp_path: Path, name: str) -> None:
    before = sorted(tmp_path.rglob("journal.jsonl"))
    file = str(marks_file(tmp_path))
    assert main(["landmarks", "import", str(pilot), "S0001/smile/1", file, "--annotator", name]) == 2
    if name != "prefill":
        assert main(["landmarks", "select", str(pilot), "S0001/smile/1", "--annotator", name]) == 2
    assert sorted(tmp_path.rglob("journal.jsonl")) == before


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"points": [[1.0, 2.0]] * 100, "visibility": [], "placed_by": []}, "field points: 100 points"),
        ({"points": [[1.0, 2.0, 3.0]] * 106}, "field points[0]: 3 numbers"),
        ({"points": [[float("nan")] * 2] * 106}, "NaN is no number of JSON"),
        ({"scheme": "ibug68"}, "field scheme"),
        ({"visibility": ["visible"]}, "field visibility: 1 entries"),
        ({"schema_version": 9}, "newer than this program"),
        ({"view": "nobody"}, "say which with --view"),
    ],
)
def test_a_wrong_landmark_file_names_the_field(
    pilot: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], told: str
) -> None:
    file = marks_file(tmp_path, **changes)
    assert main(["landmarks", "import", str(pilot), "S0001/smile/1", str(file), "--annotator", "MH"]) in (1, 2)
    error = capsys.readouterr().err
    assert told in error
    assert "marks.json" in error


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "the braces around the points are missing"),
        ("version: 1\n{\n" + "1 2\n" * 68 + "}\n", "none of the known orders"),
        ("version: 1\n{\n" + "1 2\n" * 105 + "1\n}\n", "point 105 has 1 numbers"),
        ("version: 1\n{\n}\n", "0 points; no known order"),
    ],
)
def test_a_wrong_pts_file_says_what_is_wrong(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    (tmp_path / "a.pts").write_text(text)
    assert main(["info", str(tmp_path / "a.pts")]) == 1
    assert told in capsys.readouterr().err


def test_landmarks_are_measured_against_each_other(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(marks_file(tmp_path))
    none = str(marks_file(tmp_path, "none.json", points=[None] * 106))
    assert main(["measure", file, file, "--out", str(tmp_path / "same"), "--json"]) == 0
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["metrics"]["landmarks.mean"] == 0
    assert main(["measure", file, none, "--out", str(tmp_path / "none")]) == 1
    assert "no landmark that is placed in both" in capsys.readouterr().err
    assert main(["measure", file, file, "--region", "nose", "--out", str(tmp_path / "region")]) == 2


def test_a_project_that_may_not_be_written_is_exported_all_the_same(
    pilot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: Path, marks: object) -> None:
        raise DataError(f"cannot write {file}: Read-only file system")

    monkeypatch.setattr(annotating, "write_landmarks", refuse)
    assert main(["landmarks", "export", str(pilot), "S0001/smile/1", "--out", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "S0001-smile-1-rgb.json").is_file()


def test_a_capture_of_somebody_else_is_only_read(pilot: Path, tmp_path: Path) -> None:
    shutil.copytree(next(pilot.glob("subjects/S0001/*-smile-1/capture")), tmp_path / "theirs")
    before = sorted(tmp_path.glob("theirs/**/*"))
    photographs = read_photographs(tmp_path / "theirs", (), Reporter())
    assert [p.name for p in photographs] == ["rgb"]
    assert sorted(tmp_path.glob("theirs/**/*")) == before


@pytest.mark.parametrize("expression", ["../x", "a b", "a/b"])
def test_a_take_is_not_moved_out_of_its_folder(pilot: Path, expression: str) -> None:
    before = sorted(pilot.rglob("sample.json"))
    assert main(["sample", "move", str(pilot), "S0001/smile/1", "--expression", expression]) == 2
    assert sorted(pilot.rglob("sample.json")) == before
    assert main(["verify", str(pilot)]) == 0


def test_a_sample_without_pictures_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Project.create(tmp_path / "pilot") as project:
        project.add_subject()
        with project.new_sample("S0001", "smile") as (_, sample):
            write_bundle(sample / "capture")
    assert main(["landmarks", "export", str(tmp_path / "pilot"), "S0001/smile/1", "--out", str(tmp_path / "out")]) == 1
    assert "has no calibrated colour picture" in capsys.readouterr().err
