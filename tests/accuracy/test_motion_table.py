"""Which takes are called moved: heads that drift in depth or sideways before one group of the default rig.

``pytest -m figures -s tests/accuracy/test_motion_table.py`` prints the table.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.fringe.decode import DecodeSettings, decode_group
from faceapp.fringe.demodulation import decode_phase
from faceapp.fringe.motion import Motion, motion_of
from tests.accuracy.scan_errors import measure, table
from tests.accuracy.test_scan_table import one_group_rig


def motions(folder: Path, seed: int, velocity: str) -> list[Motion]:
    """Of both cameras of one take."""
    options = {"rig": one_group_rig(folder), "seed": seed, "scale": 0.5, "velocity": velocity}
    devices = connect_described_rig("simulated", options)
    groups: list[GroupCapture] = []
    try:
        devices.prepare("S0001", "neutral", 1)
        CaptureEngine(devices).capture(CapturePlan(), groups.append)
    finally:
        devices.close()
    return [motion_of(decode_phase(groups[0].stacks[m.name], m.sensor, 255.0)) for m in groups[0].group.infrared]


def row_of(takes: list[list[Motion]]) -> dict[str, float]:
    n = len(takes)
    return {
        "takes": float(n),
        "median score": sorted(max(m.score for m in take) for take in takes)[n // 2],
        "told, %": 100 * sum(any(m.is_doubtful for m in take) for take in takes) / n,
        "retake, %": 100 * sum(any(m.is_too_much for m in take) for take in takes) / n,
    }


@pytest.mark.figures
def test_moving_heads_are_flagged_and_still_ones_are_not(tmp_path: Path) -> None:
    rows = {"still": row_of([motions(tmp_path, seed, "0,0,0") for seed in range(12)])}
    for name, axis in (("in depth", "0,0,{}"), ("sideways", "{},0,0")):
        for speed in (1, 2, 5):
            rows[f"{speed} mm/s {name}"] = row_of([motions(tmp_path, s, axis.format(speed)) for s in range(4)])
    print(f"\n{table(rows)}")
    assert rows["still"]["told, %"] <= 2
    for name in ("in depth", "sideways"):
        assert rows[f"5 mm/s {name}"]["retake, %"] >= 95


def errors_of(folder: Path, velocity: str) -> dict[str, dict[str, float]]:
    """Figures of the measured points of one take, decoded with and without the compensation."""
    options = {"rig": one_group_rig(folder), "seed": 0, "scale": 0.6, "velocity": velocity}
    devices = connect_described_rig("simulated", options)
    groups: list[GroupCapture] = []
    try:
        devices.prepare("S0001", "neutral", 1)
        CaptureEngine(devices).capture(CapturePlan(), groups.append)
        devices.write_truth(folder / "truth")
    finally:
        devices.close()
    (group,) = groups
    found = {}
    for name, wanted in (("as shot", False), ("compensated", True)):
        settings = DecodeSettings(compensate_motion=wanted)
        white = dict.fromkeys(group.stacks, 255.0)
        scan = decode_group(group.group, group.stacks, white, None, settings, depth_images=False)
        found[name] = measure(folder / "truth", group.group, scan).figures()
    return found


def check_compensation(rows: dict[str, dict[str, float]], speeds: tuple[str, ...]) -> None:
    print(f"\nmeasured points against the truth in the middle of the finest fringes, um\n{table(rows)}")
    for speed in speeds:
        assert rows[f"{speed}, compensated"]["robust"] < rows[f"{speed}, as shot"]["robust"]
        assert rows[f"{speed}, compensated"]["robust"] < 36


@pytest.mark.figures
def test_compensation_gives_the_noise_of_a_still_head(tmp_path: Path) -> None:
    rows = {}
    moves = {"5 mm/s sideways": "5,0,0", "5 mm/s in depth": "0,0,5", "20 mm/s in depth": "0,0,20"}
    for name, velocity in {"still": "0,0,0", **moves}.items():
        rows |= {f"{name}, {kind}": row for kind, row in errors_of(tmp_path, velocity).items()}
    check_compensation(rows, tuple(moves))


@pytest.mark.figures
def test_a_fast_head_is_compensated(tmp_path: Path) -> None:
    rows = {f"20 mm/s in depth, {kind}": row for kind, row in errors_of(tmp_path, "0,0,20").items()}
    check_compensation(rows, ("20 mm/s in depth",))
