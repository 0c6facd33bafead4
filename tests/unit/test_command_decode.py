"""``faceapp decode``: what it writes, and what it says when the folder is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from faceapp.cli.main import main
from faceapp.formats.images import read_image
from faceapp.formats.ply import read_cloud
from tests.unit.bundles import edit, phase_steps, write_bundle


def test_it_writes_clouds_depth_images_and_a_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_bundle(tmp_path / "capture")
    assert main(["decode", str(folder), "--out", str(tmp_path / "out"), "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1]["event"] == "result"
    assert {line["event"] for line in lines} >= {"progress", "artifact", "result"}
    cloud = read_cloud(tmp_path / "out" / "middle.ply")
    assert cloud.normals is not None
    assert cloud.colors is not None
    assert cloud.sigma is not None
    depth = read_image(tmp_path / "out" / "depth" / "middle-ir-1.tiff")
    steps = read_image(tmp_path / "out" / "depth" / "middle-ir-1.png")
    assert depth.dtype == np.float32
    assert steps.dtype == np.uint16
    seen = np.isfinite(depth)
    np.testing.assert_allclose(steps[seen] * 0.05, depth[seen], atol=0.026)
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["schema"] == "faceapp/report"
    assert any(m["name"] == "middle.points" and m["value"] == len(cloud) for m in report["metrics"])


def test_a_result_is_not_overwritten_without_force(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_bundle(tmp_path / "capture")
    out = tmp_path / "out"
    assert main(["decode", str(folder), "--out", str(out)]) == 0
    assert main(["decode", str(folder), "--out", str(out)]) == 2
    assert "--force" in capsys.readouterr().err
    assert main(["decode", str(folder), "--out", str(out), "--force"]) == 0


def test_of_several_inputs_the_good_ones_are_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = write_bundle(tmp_path / "good"), write_bundle(tmp_path / "bad")
    (bad / "capture.json").write_text("{")
    assert main(["decode", str(bad), str(good), "--out", str(tmp_path / "out")]) == 1
    assert (tmp_path / "out" / "good" / "middle.ply").is_file()
    assert not (tmp_path / "out" / "bad").exists()
    assert "bad/capture.json is not valid JSON: line 1" in capsys.readouterr().err


def _frame(folder: Path) -> Path:
    return folder / "frames" / "middle-ir-1" / "002.png"


def _resize(folder: Path) -> None:
    cv2.imwrite(str(_frame(folder)), np.zeros((80, 100), np.uint8))


def _truncate(folder: Path) -> None:
    data = _frame(folder).read_bytes()
    _frame(folder).write_bytes(data[: len(data) // 2])


def _path_outside(data: dict[str, Any]) -> None:
    data["groups"][0]["cameras"][0]["frames"][2] = "../outside.png"


def _no_unwrapping(data: dict[str, Any]) -> None:
    data["sequence"]["exposures"] = [*phase_steps(8, 4), *phase_steps(64, 4), {"flood": 1.0}, {"dark": True}]


def _unknown_kind(data: dict[str, Any]) -> None:
    data["sequence"]["exposures"][3] = {"speckle": 4}


def _short_matrix(data: dict[str, Any]) -> None:
    data["groups"][0]["cameras"][1]["calibration"]["K"] = [[1, 0], [0, 1]]


def _scaled_pose(data: dict[str, Any]) -> None:
    data["groups"][0]["cameras"][1]["calibration"]["rig_from_camera"][0][0] = 2.0


FAULTS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "frame removed": (lambda f: _frame(f).unlink(), "002.png is missing"),
    "frame truncated": (_truncate, "002.png is truncated"),
    "frame empty": (lambda f: _frame(f).write_bytes(b""), "002.png is empty"),
    "frame of another size": (_resize, "002.png is 100 x 80 pixels"),
    "frame of text": (lambda f: _frame(f).write_text("hello"), "002.png is damaged or not a picture"),
    "path that leaves the folder": (lambda f: edit(f, _path_outside), "../outside.png leaves the bundle's folder"),
    "sequence that cannot be unwrapped": (lambda f: edit(f, _no_unwrapping), "cannot be unwrapped"),
    "unknown exposure": (lambda f: edit(f, _unknown_kind), "sequence.exposures[3]: unknown exposure kind speckle"),
    "broken JSON": (lambda f: (f / "capture.json").write_text('{"schema": '), "capture.json is not valid JSON"),
    "no capture.json": (lambda f: (f / "capture.json").unlink(), "capture.json"),
    "wrong type": (lambda f: edit(f, lambda d: d.update(groups=3)), "field groups"),
    "short matrix": (lambda f: edit(f, _short_matrix), "groups[0].cameras[1].calibration"),
    "pose that is no rotation": (lambda f: edit(f, _scaled_pose), "groups[0].cameras[1].calibration"),
    "frames too few": (
        lambda f: edit(f, lambda d: d["groups"][0]["cameras"][0]["frames"].pop()),
        "middle-ir-1 lists 9 frames, the sequence has 10",
    ),
    "one view": (lambda f: edit(f, lambda d: d["groups"][0]["cameras"].pop()), "two calibrated views"),
    "newer version": (lambda f: edit(f, lambda d: d.update(schema_version=2)), "newer than this program"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_broken_bundle_gives_one_sentence_and_no_cloud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    act, sentence = FAULTS[name]
    folder = write_bundle(tmp_path / "capture")
    act(folder)
    assert main(["decode", str(folder), "--out", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert sentence in error
    assert "Traceback" not in error
    assert not list(tmp_path.glob("out/**/*.ply"))
    assert main(["verify", str(folder)]) == 1
    assert sentence.split(" lists")[0] in capsys.readouterr().err


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for word in ("demo", "capture", "decode", "fuse", "landmarks", "register", "reconstruct", "measure", "doctor"):
        assert word in text


def test_wrong_usage_is_status_2() -> None:
    with pytest.raises(SystemExit) as end:
        main(["decode"])
    assert end.value.code == 2
