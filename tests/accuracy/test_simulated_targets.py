"""Plane and ball bar before the simulated rig, measured as heads are, against what is known of them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.fringe.decode import decode_group
from tests.accuracy.test_scan_table import one_group_rig


def points_and_truth(folder: Path, target: str) -> tuple[np.ndarray, dict]:  # type: ignore[type-arg]
    devices = connect_described_rig(
        "simulated", {"rig": one_group_rig(folder), "target": target, "scale": 0.5, "seed": 5}
    )
    groups: list[GroupCapture] = []
    try:
        devices.prepare("", target, 1)
        CaptureEngine(devices).capture(CapturePlan(), groups.append)
        devices.write_truth(folder / "truth")
    finally:
        devices.close()
    scan = decode_group(groups[0].group, dict(groups[0].stacks), dict.fromkeys(groups[0].stacks, 255.0), None)
    return scan.cloud.points.astype(float), json.loads((folder / "truth" / "target.json").read_text())


def sphere_centre(points: np.ndarray, radius: float) -> np.ndarray:
    """Gauss-Newton on the distances to a sphere of known radius; far points do not count."""
    centre = points.mean(axis=0) - (0, 0, radius / 2)  # only the front is seen
    for _ in range(20):
        way = centre - points
        length = np.linalg.norm(way, axis=1)
        rest = radius - length
        use = np.abs(rest) < max(0.5, 2 * np.median(np.abs(rest)))
        step = np.linalg.lstsq((way / length[:, None])[use], rest[use], rcond=None)[0]
        centre = centre + step
    return centre


@pytest.mark.parametrize("target", ["plane", "bar"])
def test_targets_measure_what_they_are(target: str, tmp_path: Path) -> None:
    points, truth = points_and_truth(tmp_path, target)
    if target == "plane":
        pose = np.array(truth["rig_from_target"])
        height = (points - pose[:3, 3]) @ pose[:3, 2]
        assert len(points) > 50_000
        assert abs(np.median(height)) < 0.01
        assert np.percentile(np.abs(height), 95) < 0.15
        return
    centres = np.array(truth["centres"])
    found = []
    for centre in centres:
        near = np.linalg.norm(points - centre, axis=1) < truth["diameter_mm"] / 2 + 2
        assert near.sum() > 2_000
        found.append(sphere_centre(points[near], truth["diameter_mm"] / 2))
    assert np.linalg.norm(found[0] - found[1]) == pytest.approx(truth["distance_mm"], abs=0.05)
    np.testing.assert_allclose(found, centres, atol=0.06)
