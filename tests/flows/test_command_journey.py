"""The whole journey from the command line, on the simulated rig."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from faceapp.cli.main import main
from faceapp.formats.capture_bundle import read_bundle
from faceapp.formats.ply import read_cloud, read_mesh, read_ply


def run(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict:
    """Run a command with ``--json`` and return its result."""
    status = main([*map(str, arguments), "--json"])
    captured = capsys.readouterr()
    assert status == 0, captured.err
    lines = [json.loads(line) for line in captured.out.splitlines()]
    assert lines[-1]["event"] == "result"
    return lines[-1]


def test_from_an_empty_folder_to_a_registered_head(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rig.toml").write_text('driver = "simulated"\nscale = 0.4\nseed = 5\n')
    run(capsys, "new", "pilot")
    assert run(capsys, "subject", "add", "pilot", "--age", "34", "--consent", "record,research")["code"] == "S0001"
    taken = run(
        capsys, "capture", "pilot", "--subject", "S0001", "--expression", "smile", "--rig", "rig.toml", "--truth"
    )
    (take,) = taken["takes"]
    sample = Path(take["sample"])
    assert min(take["groups"].values()) > 20_000
    assert (sample / "scan" / "middle.ply").is_file()

    run(capsys, "decode", sample, "--out", "decoded")
    cloud = read_cloud(tmp_path / "decoded" / "middle.ply")
    assert len(cloud) == take["groups"]["middle"]
    # each point knows its place in the colour picture, or that it has none there
    assert cloud.picture_pixels is not None and cloud.picture_camera == "middle-rgb"
    cameras = [c for group in read_bundle(sample / "capture").groups for c in group.cameras]
    model = next(c.model for c in cameras if c.name == "middle-rgb")
    seen = np.isfinite(cloud.picture_pixels[:, 0])
    assert 0.5 < seen.mean() <= 1
    assert model is not None
    np.testing.assert_allclose(cloud.picture_pixels[seen], model.project(cloud.points[seen])[0], atol=0.01)

    truth = sample / "capture" / "truth"
    marks = [option for view in sorted(truth.glob("landmarks-*.json")) for option in ("--landmarks", view)]
    run(capsys, "fuse", sample, *marks, "--vertices", "30000", "--out", "fused")
    mesh = read_mesh(tmp_path / "fused" / "mesh.ply")
    assert 25_000 < len(mesh.vertices) < 35_000
    measured = run(capsys, "measure", "fused/fused.ply", truth / "surface.ply", "--out", "fused-measured")
    assert measured["metrics"]["distance.median"] < 0.1

    registered = run(capsys, "register", "fused", "--out", "registered")
    figures = registered["done"]["fused"]
    assert figures["mean mm"] < 0.3
    assert {"distance", "confidence"} <= set(read_ply(tmp_path / "registered" / "registered.ply").vertex)
    assert (tmp_path / "registered" / "distance.png").stat().st_size > 10_000

    run(capsys, "reconstruct", sample, *marks, "--out", "face")
    assert (tmp_path / "face" / "overlay.png").is_file()
    near = run(
        capsys,
        "measure",
        "face/reconstruction.ply",
        "fused/mesh.ply",
        "--region",
        "face",
        "--align",
        "rigid",
        "--out",
        "m",
    )
    assert near["metrics"]["distance.mean"] < 2.5

    for view in sorted(truth.glob("landmarks-*.json")):
        run(capsys, "landmarks", "import", "pilot", "S0001/smile/1", view, "--annotator", "MH")
    exported = run(capsys, "landmarks", "export", "pilot", "S0001/smile/1", "--out", "exported")
    assert len(exported["files"]) == 3
    lifted = run(capsys, "landmarks", "lift", sample, *marks, "--out", "lifted.json")
    assert lifted["placed"] > 90
    assert run(capsys, "info", "pilot")["samples"][0]["sample"] == "S0001/smile/1"
    assert run(capsys, "info", "lifted.json")["kind"] == "landmarks"
    assert run(capsys, "verify", "pilot")["faults"] == {"pilot": []}


def test_an_unknown_subject_is_an_error_that_says_how_to_add_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", str(tmp_path / "pilot")]) == 0
    assert main(["capture", str(tmp_path / "pilot"), "--subject", "S0007", "--expression", "smile"]) == 2
    assert "faceapp subject add" in capsys.readouterr().err


def test_an_unknown_rig_lists_those_that_are_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", str(tmp_path / "pilot")]) == 0
    assert main(["subject", "add", str(tmp_path / "pilot")]) == 0
    command = ["capture", str(tmp_path / "pilot"), "--subject", "S0001", "--expression", "smile", "--rig", "nowhere"]
    assert main(command) == 2
    assert "simulated" in capsys.readouterr().err
