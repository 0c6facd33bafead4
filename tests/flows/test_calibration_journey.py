"""A rig is calibrated from the command line, goes on after a stop, is checked, and old captures are decoded anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceapp.app.calibration_use import recalibrate_sample
from faceapp.app.capturing import capture_sample
from faceapp.app.pose_taking import poses_in, take_poses
from faceapp.app.rigs import connect_described_rig
from faceapp.app.upstream import traces_of
from faceapp.cli.main import main
from faceapp.core.errors import Cancelled
from faceapp.core.signals import Reporter
from faceapp.core.transforms import RigidTransform
from faceapp.formats.calibration_files import CalibrationFile, read_calibration, write_calibration
from faceapp.formats.capture_bundle import read_bundle
from faceapp.formats.ply import read_cloud
from faceapp.formats.reports import read_report
from faceapp.store.project import Project
from faceapp_resources import path
from tests.ui.programs import tiny_bundle, tiny_project

MIDDLE = 'based_on = "default.toml"\n[geometry]\ngroups = ["middle"]\n'
POSES = 8


def one_group(folder: Path) -> list[str]:
    """Options of a rig of the middle group alone, with small pictures and a board."""
    (folder / "default.toml").write_bytes(path("rigs", "default.toml").read_bytes())
    (folder / "middle.toml").write_text(MIDDLE)
    options = {"rig": folder / "middle.toml", "target": "board", "scale": 0.5, "assembly": 2, "bow": 0.1, "seed": 3}
    return [part for name, value in options.items() for part in ("--set", f"{name}={value}")]


def three_of(calibration: Path, folder: Path) -> Path:
    """The pictures of three poses of a calibration."""
    for file in (calibration / "pictures").glob("*/000[1-3].png"):
        target = folder / file.parent.name / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    return folder


def last_line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    return json.loads(capsys.readouterr().out.strip().splitlines()[-1])


def test_calibrate_resume_and_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options, out = one_group(tmp_path), tmp_path / "made"
    settings = dict(part.split("=") for part in options[1::2])
    devices = connect_described_rig("simulated", settings)
    try:

        def stop(event: Any) -> None:
            if len(poses_in(out)) >= 3:
                raise Cancelled("stopped")

        with pytest.raises(Cancelled):
            take_poses(devices, out, POSES, Reporter(stop))
        devices.prepare("", "board", 1)
        devices.write_truth(tmp_path / "truth")
    finally:
        devices.close()
    kept = {p: p.stat().st_mtime_ns for p in (out / "pictures").rglob("*.png")}
    assert len(kept) == 9

    command = ["calibrate", "simulated", *options, "--poses", str(POSES), "--out", str(out), "--by", "MH", "--json"]
    assert main([*command, "--temperature", "21.5"]) == 0
    result = last_line(capsys)
    assert {p: p.stat().st_mtime_ns for p in kept} == kept  # what was taken before the stop was not taken again
    assert len(poses_in(out)) == POSES
    made, truth = read_calibration(out), read_calibration(tmp_path / "truth")
    assert made.made_by == "MH"
    assert made.extra["temperature_c"] == 21.5
    for name, camera in truth.cameras.items():
        assert made.cameras[name].K[0, 0] == pytest.approx(camera.K[0, 0], rel=2e-3)
    assert read_report(out / "report.json").value("reprojection_rms") < 0.2
    assert result["metrics"]["board_bow"] == pytest.approx(0.1, abs=0.02)
    page = (out / "report.html").read_text()
    assert "Uncertainty of every parameter" in page
    assert "21.5 °C" in page
    assert main(command) == 2  # nothing is written over
    capsys.readouterr()

    check = ["calibrate", "check", "simulated", "--calibration", str(out / "calibration.json"), "--json", *options]
    from_disk = ["calibrate", "check", str(three_of(out, tmp_path / "three")), *check[3:5], "--json"]
    assert main(from_disk) == 0
    assert last_line(capsys)["verdict"] == "good"
    assert main([*check, "--set", "knocks=middle-rgb 0 0.1 0"]) == 1
    answer = last_line(capsys)
    assert (answer["verdict"], answer["cameras"]) == ("moved", ["middle-rgb"])


def test_the_board_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["calibrate", "board", str(tmp_path / "b.pdf"), "--board", "10x7x20"]) == 0
    assert "200 and 140 mm" in capsys.readouterr().out
    assert main(["calibrate", "board", str(tmp_path / "b.pdf")]) == 2


def test_old_captures_are_decoded_anew(tmp_path: Path) -> None:
    with Project.open(tiny_project(tmp_path / "p", str(tiny_bundle(tmp_path / "bundle")))) as project:
        devices = connect_described_rig(project.settings["rig"])
        try:
            sample = capture_sample(project, devices, "S0001", "neutral").sample
            cameras = {c.name: c for c in devices.rig.cameras}
        finally:
            devices.close()
        folder = project.sample_folder(sample)
        before, traces = read_cloud(folder / "scan" / "middle.ply").points, traces_of(folder, None)
        shift = RigidTransform(np.eye(3), np.array([0.0, 0.0, 5.0]))
        moved = {
            n: type(c)(n, c.width, c.height, c.K, c.distortion, shift @ c.rig_from_camera, c.sensor)
            for n, c in cameras.items()
        }
        write_calibration(tmp_path / "newer.json", CalibrationFile("newer", cameras=moved))
        recalibrate_sample(project, sample, tmp_path / "newer.json")
        after = read_cloud(folder / "scan" / "middle.ply").points
        np.testing.assert_allclose(np.median(after, axis=0) - np.median(before, axis=0), (0, 0, 5), atol=0.05)
        models = [c.model for g in read_bundle(folder / "capture").groups for c in g.cameras if c.model is not None]
        assert {m.name: m.centre[2] for m in models} == pytest.approx({n: m.centre[2] for n, m in moved.items()})
        assert traces_of(folder, None) != traces  # what was registered before is compared anew, and found stale


def test_a_rig_before_which_nobody_holds_the_board_is_told_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*one_group(tmp_path), "--set", "target=head"]
    out = tmp_path / "made"
    assert main(["calibrate", "simulated", *options, "--poses", "40", "--out", str(out)]) == 1
    told = capsys.readouterr().err
    assert "no camera saw the board" in told
    assert "in 2 poses" in told
    assert len(poses_in(out)) == 2
