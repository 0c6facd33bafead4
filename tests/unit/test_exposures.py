"""Several exposures of one burst are merged pixel by pixel, from the decoder to the bundle and the command line."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.decoding import decode_bundle
from faceapp.app.inspection import verify_path
from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.cli.main import main
from faceapp.core.errors import DecodeError
from faceapp.core.frames import LIT, UNKNOWN, PhaseMap
from faceapp.devices.records import CameraSettings
from faceapp.formats.bundle_writing import GroupFrames, write_description, write_frames
from faceapp.formats.capture_bundle import read_bundle
from faceapp.fringe.decode import decode_group
from faceapp.fringe.exposures import merge_phases


def phase_map(position: list[float], variance: list[float], modulation: list[float] | None = None) -> PhaseMap:
    shape = (1, len(position))
    values = [np.array(v, np.float32).reshape(shape) for v in (position, variance, modulation or position)]
    return PhaseMap("c", 64.0, *values, np.zeros((1, 1, 4), np.float32), True)


def test_each_pixel_takes_what_is_known_of_it() -> None:
    one = phase_map([0.5, UNKNOWN, 0.2, LIT + 0.1, UNKNOWN], [1e-8, 0, 1e-8, 0, 0], [50, 1, 40, 9, 2])
    two = phase_map([0.5002, 0.3, 0.9, UNKNOWN, UNKNOWN], [3e-8, 2e-8, 9e-8, 0, 0], [20, 30, 10, 3, 1])
    merged = merge_phases([one, two])
    np.testing.assert_allclose(merged.position[0, :3], [0.50005, 0.3, 0.2], rtol=1e-6)  # the third disagrees
    np.testing.assert_allclose(merged.variance[0, :3], [0.75e-8, 2e-8, 1e-8], rtol=1e-5)
    np.testing.assert_array_equal(merged.modulation[0, :3], [50, 30, 40])
    assert merged.valid.tolist() == [[True, True, True, False, False]]
    assert np.isfinite(merged.wrapped_phase[0]).tolist() == [True, True, True, True, False]
    assert merge_phases([one]) is one


def test_what_does_not_belong_together_is_refused() -> None:
    one = phase_map([0.5], [1e-8])
    with pytest.raises(DecodeError, match="differ"):
        merge_phases([one, phase_map([0.5, 0.5], [1e-8, 1e-8])])
    with pytest.raises(DecodeError, match="no exposure"):
        merge_phases([])


@pytest.fixture(scope="module")
def bright_and_dim() -> GroupCapture:
    """A head shot so long that the skin saturates, and once more shorter."""
    devices = connect_described_rig("simulated", {"seed": 2, "scale": 0.25})
    groups: list[GroupCapture] = []
    try:
        devices.prepare("S0001", "neutral", 1)
        plan = CapturePlan(rate_hz=40.0, settings=CameraSettings(20.0), more_exposures_ms=(5.0,))
        CaptureEngine(devices).capture(plan, groups.append)
    finally:
        devices.close()
    return groups[1]


def test_saturated_skin_and_dark_hair_both_become_points(bright_and_dim: GroupCapture) -> None:
    group = bright_and_dim
    white = dict.fromkeys(group.stacks, 255.0)
    ((exposure, dim),) = group.more
    assert exposure == 5.0
    alone = len(decode_group(group.group, group.stacks, white, depth_images=False).cloud)
    dim_alone = len(decode_group(group.group, dim, white, depth_images=False).cloud)
    both = len(decode_group(group.group, group.stacks, white, depth_images=False, more=[dim]).cloud)
    print(f"20 ms {alone}, 5 ms {dim_alone}, both {both} points")
    assert both > 1.02 * max(alone, dim_alone)


def test_a_bundle_keeps_all_exposures(bright_and_dim: GroupCapture, tmp_path: Path) -> None:
    group, folder = bright_and_dim, tmp_path / "capture"
    exposures_ms = dict.fromkeys(group.stacks, 20.0)
    frames = GroupFrames(group.group, group.stacks, group.pictures, exposures_ms, {}, group.more)
    sequence = next(iter(group.stacks.values())).sequence
    write_description(
        folder,
        capture_id="c",
        captured_at="2026-01-01T00:00:00Z",
        subject="S0001",
        expression="neutral",
        sequence=sequence,
        groups=[write_frames(folder, frames)],
    )
    bundle = read_bundle(folder)
    camera = bundle.groups[0].cameras[0]
    (again,) = bundle.more_stacks(camera)
    np.testing.assert_array_equal(again.frames, group.more[0][1][camera.name].frames)
    cloud = decode_bundle(bundle, depth_images=False).scans[group.group.name].cloud
    white = dict.fromkeys(group.stacks, 255.0)
    wanted = decode_group(group.group, group.stacks, white, depth_images=False, more=[group.more[0][1]]).cloud
    np.testing.assert_array_equal(cloud.points, wanted.points)
    assert not verify_path(folder)
    (folder / again_file(folder)).unlink()
    assert any("exposure-2" in fault for fault in verify_path(folder))


def again_file(folder: Path) -> str:
    described = json.loads((folder / "capture.json").read_text())
    return str(described["groups"][0]["cameras"][0]["more_exposures"][0]["frames"][3])


@pytest.mark.parametrize("wrong", ["7,soon", "0", "-3"])
def test_wrong_exposures_are_refused(tmp_path: Path, wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["capture", str(tmp_path), "--subject", "S0001", "--expression", "smile", f"--exposures={wrong}"]
    assert main(arguments) == 2
    assert "--exposures" in capsys.readouterr().err
