"""``faceapp fuse`` on small and coarse captures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from faceapp.cli.main import main
from faceapp.core.landmarks import Landmarks3D
from faceapp.formats.landmark_files import read_landmarks, write_landmarks
from faceapp.formats.ply import read_mesh
from tests.unit.bundles import PLANE_Z, write_bundle


def test_a_coarse_camera_is_fused_and_3d_landmarks_go_along(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bundle = write_bundle(tmp_path / "capture")  # 1.15 mm a pixel
    marks = tmp_path / "marks.json"
    write_landmarks(marks, Landmarks3D(points=np.full((106, 3), PLANE_Z)))
    arguments = ["fuse", str(bundle), "--landmarks", str(marks), "--vertices", "2000", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])["done"][str(bundle)]
    assert result["points"] > 12_000
    assert result["disagreement"] == {}  # one group has nobody to disagree with
    assert result["disagreement by region"] == {}
    mesh = read_mesh(tmp_path / "out" / "mesh.ply")
    np.testing.assert_allclose(np.median(mesh.vertices[:, 2]), PLANE_Z, atol=0.05)
    np.testing.assert_allclose(read_landmarks(tmp_path / "out" / "landmarks.json").points, PLANE_Z)
