"""Our phase decoder and public ones on the same frames in one run.

They need an environment of their own, for they ask for other versions of what faceapp uses::

    python3 -m venv decoders && decoders/bin/pip install fringes opencv-contrib-python-headless
    FACEAPP_DECODERS=decoders/bin/python pytest -m figures -s tests/accuracy/test_public_decoders.py
"""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.core.sequence import multi_frequency
from faceapp.fringe.demodulation import decode_phase
from tests.accuracy.scan_errors import robust, table
from tests.accuracy.test_scan_table import one_group_rig

PYTHON = os.environ.get("FACEAPP_DECODERS", "")
STEPS_OF_THREE = multi_frequency((1.0, 8.0, 64.0), (3, 3, 3))
"""What OpenCV's own decoder can read, of the finest fringes."""

SCRIPT = Path(__file__).with_name("public_decoders.py")


def two_takes(folder: Path, plan: CapturePlan) -> list[GroupCapture]:
    """The same head twice: what differs is noise."""
    devices = connect_described_rig("simulated", {"rig": one_group_rig(folder), "seed": 0})
    groups: list[GroupCapture] = []
    try:
        for _ in range(2):
            devices.prepare("S0001", "neutral", 1)
            CaptureEngine(devices).capture(plan, groups.append)
    finally:
        devices.close()
    return groups


@pytest.mark.figures
@pytest.mark.skipif(not PYTHON, reason="FACEAPP_DECODERS names no Python with fringes and opencv-contrib")
def test_phase_is_sooner_there_and_as_good_as_elsewhere(tmp_path: Path) -> None:
    positions: dict[str, list[np.ndarray]] = {"faceapp": []}
    seconds: dict[str, list[float]] = {"faceapp": []}
    in_three = two_takes(tmp_path, CapturePlan(sequence=STEPS_OF_THREE))
    for group, other in zip(two_takes(tmp_path, CapturePlan()), in_three, strict=True):
        camera = group.group.infrared[0]
        stack = group.stacks[camera.name]
        np.savez(tmp_path / "frames.npz", frames=stack.frames[:12], three_steps=other.stacks[camera.name].frames[6:9])
        subprocess.run([PYTHON, SCRIPT, tmp_path / "frames.npz", tmp_path / "results.npz"], check=True)
        results = np.load(tmp_path / "results.npz")
        for name in ("fringes", "cv2.structured_light", "cv2.phase"):
            positions.setdefault(name, []).append(results[f"{name} position"])
            seconds.setdefault(name, []).append(float(results[f"{name} seconds"]))
        for _ in range(12):
            start = time.perf_counter()
            phase = decode_phase(stack, camera.sensor, 255.0)
            seconds["faceapp"].append(time.perf_counter() - start)
        positions["faceapp"].append(np.where(phase.valid, phase.position, np.nan))
    by_time = [p[0] for name, p in positions.items() if name != "cv2.structured_light"]
    valid = np.isfinite(by_time).all(axis=0)
    consensus = np.median([p[valid] for p in by_time], axis=0)
    # the noise is compared where nobody has a wrong order: who loses the noisiest pixels would look the better
    right = np.all([np.abs((p[0] - p[1])[valid]) * 64 < 0.25 for p in positions.values()], axis=0)
    rows = {}
    for name, (first, second) in positions.items():
        off = first[valid] - consensus
        rows[name] = {
            "seconds": min(seconds[name]),
            "times ours": min(seconds[name]) / min(seconds["faceapp"]),
            "wrong orders, %": 100 * float(np.mean(~(np.abs(off - np.nanmedian(off)) * 64 <= 0.25))),
            "noise, mrad": 1000 * 2 * np.pi * robust((first - second)[valid][right] * 64) / np.sqrt(2),
        }
    print(f"\nphase of one camera, 1280 x 1024, 3 frequencies x 4 steps\n{table(rows)}")
    ours = rows["faceapp"]
    assert all(ours["wrong orders, %"] <= row["wrong orders, %"] for row in rows.values())
    for name in ("fringes", "cv2.phase"):  # the other one smooths the pictures
        assert ours["noise, mrad"] <= 1.02 * rows[name]["noise, mrad"]
