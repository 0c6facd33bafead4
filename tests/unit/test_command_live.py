"""``faceapp live``: figures of a live scan, from the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from faceapp.cli.main import main
from faceapp.formats.ply import read_ply
from tests.unit.bundles import write_bundle


def test_a_replayed_bundle_is_scanned_live(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle, out = write_bundle(tmp_path / "plane"), tmp_path / "cloud.ply"
    assert main(["live", str(bundle), "--seconds", "2", "--step", "1", "--out", str(out), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["group"] == "middle" and result["clouds"] > 3 and result["clouds_hz"] > 1
    points = read_ply(out).columns("x", "y", "z")
    assert points is not None and len(points) == result["points"]
    assert main(["live", str(bundle), "--seconds", "1", "--out", str(out)]) == 2
    assert "--force" in capsys.readouterr().err


def test_wrong_wishes_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = str(write_bundle(tmp_path / "plane"))
    assert main(["live", bundle, "--group", "upper"]) == 2
    assert "it has middle" in capsys.readouterr().err
    assert main(["live", bundle, "--seconds", "0"]) == 2
    assert main(["live", bundle, "--step", "0"]) == 2
    assert main(["live", "no-such-rig"]) == 2
