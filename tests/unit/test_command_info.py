"""``faceapp info`` and ``verify`` on every kind of thing that lies about in a laboratory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from faceapp.cli.main import main
from tests.unit.bundles import write_bundle


def info(capsys: pytest.CaptureFixture[str], path: Path) -> dict[str, Any]:
    """Run ``faceapp info`` and return its result."""
    capsys.readouterr()
    assert main(["info", str(path), "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out.splitlines()[-1]))


def test_it_knows_meshes_pictures_rigs_and_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    found = info(capsys, tmp_path / "a.obj")
    assert (found["kind"], found["faces"], found["box_mm"]) == ("mesh", 1, [[0, 0, 0], [1, 1, 0]])
    cv2.imwrite(str(tmp_path / "a.PNG"), np.zeros((4, 6), np.uint16))
    assert info(capsys, tmp_path / "a.PNG")["type"] == "uint16"
    (tmp_path / "rig.toml").write_text('driver = "simulated"\nscale = 0.4\n')
    assert info(capsys, tmp_path / "rig.toml")["driver"] == "simulated"
    bundle = write_bundle(tmp_path / "capture")
    assert info(capsys, bundle / "capture.json")["kind"] == "capture bundle"
    main(["decode", str(bundle), "--out", str(tmp_path / "out")])
    found = info(capsys, tmp_path / "out")
    assert found["kind"] == "result"
    assert "depth/middle-ir-1.tiff" in found["files"]
    assert "middle.points" in found["metrics"]


def test_it_knows_the_files_of_a_project(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    main(["new", "pilot"])
    main(["subject", "add", "pilot", "--age", "34"])
    assert info(capsys, Path("pilot/project.json"))["kind"] == "project"
    assert info(capsys, Path("pilot/subjects/S0001/subject.json"))["age"] == 34


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is not valid JSON"),
        ("[1,2", "is not valid JSON"),
        ("[1,2]", "field schema"),
        ('{"schema": "faceapp/landmarks", "schema_version": 1}', "is a required property"),
        ('{"a": NaN}', "NaN is no number of JSON"),
    ],
)
def test_it_says_what_is_wrong_with_a_json_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str, told: str
) -> None:
    (tmp_path / "a.json").write_text(text)
    assert main(["info", str(tmp_path / "a.json")]) == 1
    assert told in capsys.readouterr().err


def test_verify_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path / "nowhere")]) == 1
    assert "nowhere does not exist" in capsys.readouterr().err
