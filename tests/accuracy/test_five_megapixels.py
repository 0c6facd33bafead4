"""The rig of 5 megapixels: spacing and noise of its cloud, and what decoding three such groups asks of a machine.

``pytest -m figures -s tests/accuracy/test_five_megapixels.py`` prints the figures.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.decoding import spacing
from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.fringe.decode import decode_group
from faceapp_resources import path
from tests.accuracy.scan_errors import measure, table

_DECODE = """
import functools, pickle, sys, time
from pathlib import Path
from faceapp.core.allocator import keep_freed_memory
from faceapp.fringe.decode import decode_group
from faceapp.fringe.row_blocks import side_by_side
keep_freed_memory()  # as the program does when it starts
with open(sys.argv[1], "rb") as file:
    group = pickle.load(file)
white, picture = dict.fromkeys(group.stacks, 255.0), next(iter(group.pictures.values()))
def peak():  # the most that this process has held, MB; what its parent held does not count
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024
before = peak()
best = 1e9
decode = functools.partial(decode_group, group.group, group.stacks, white, picture, depth_images=False)
for _ in range(6):
    scans = None  # else those of before would count too
    start = time.perf_counter()
    scans = [done.result() for _, done in side_by_side(dict.fromkeys("abc", decode))]
    best = min(best, time.perf_counter() - start)
print(best, peak(), before)
"""


def capture(rig: Path, truth: Path) -> GroupCapture:
    devices = connect_described_rig("simulated", {"rig": rig, "seed": 0})
    groups: list[GroupCapture] = []
    try:
        devices.prepare("S0001", "neutral", 1)
        CaptureEngine(devices).capture(CapturePlan(), groups.append)
        devices.write_truth(truth)
    finally:
        devices.close()
    return groups[0]


@pytest.mark.figures
@pytest.mark.parametrize("name", ["default", "five-megapixels"])
def test_spacing_noise_and_demands(tmp_path: Path, name: str) -> None:
    for file in ("default.toml", "five-megapixels.toml"):
        (tmp_path / file).write_bytes(path("rigs", file).read_bytes())
    (tmp_path / "one.toml").write_text(f'based_on = "{name}.toml"\n[geometry]\ngroups = ["middle"]\n')
    group = capture(tmp_path / "one.toml", tmp_path / "truth")
    scan = decode_group(group.group, group.stacks, dict.fromkeys(group.stacks, 255.0), None, depth_images=False)
    figures = measure(tmp_path / "truth", group.group, scan).figures()
    distance = spacing(scan.cloud)
    (tmp_path / "group.pkl").write_bytes(pickle.dumps(group))
    told = subprocess.run(
        [sys.executable, "-c", _DECODE, str(tmp_path / "group.pkl")], check=True, capture_output=True, text=True
    )
    seconds, peak, before = (float(value) for value in told.stdout.split())
    row = {"spacing, mm": distance, **figures, "3 groups, s": seconds, "peak, MB": peak, "frames, MB": before}
    print(f"\n{table({name: row})}")
    assert distance <= (0.129 if name == "five-megapixels" else 0.27)
    assert figures["robust"] <= 40 and abs(figures["bias"]) <= 5
    assert peak < 1500
    assert np.isfinite(seconds)
