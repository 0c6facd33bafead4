"""Processor time of one live group from one frequency: every second pixel of the default rig, on one core."""

from __future__ import annotations

import time

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.fringe.decode import decode_group
from faceapp.fringe.order_by_geometry import finest_frames


@pytest.fixture(scope="module")
def captured() -> dict[str, GroupCapture]:
    devices = connect_described_rig("simulated", {"seed": 1, "scale": 0.5})
    groups: dict[str, GroupCapture] = {}
    try:
        devices.prepare("S0001", "smile", 1)
        CaptureEngine(devices).capture(CapturePlan(), lambda g: groups.__setitem__(g.group.name, g))
    finally:
        devices.close()
    return groups


@pytest.mark.parametrize("name", ["left", "middle", "right"])
@pytest.mark.parametrize("fringes", ["all", "one"])
def test_one_group(benchmark: BenchmarkFixture, captured: dict[str, GroupCapture], name: str, fringes: str) -> None:
    capture = captured[name]
    stacks = {n: finest_frames(s) if fringes == "one" else s for n, s in capture.stacks.items()}
    white = dict.fromkeys(stacks, 255.0)
    spent: list[float] = []

    def decode() -> int:
        start = time.thread_time()
        found = len(decode_group(capture.group, stacks, white, depth_images=False, threads=1).cloud)
        spent.append(time.thread_time() - start)
        return found

    points = benchmark(decode)
    spent.sort()
    benchmark.extra_info["processor_ms"] = round(1000 * spent[len(spent) // 2], 1)
    benchmark.extra_info["points"] = points
    print(f"{name}, {fringes}: {points} points, {1000 * spent[len(spent) // 2]:.1f} ms of one core (median)")
    assert points > 80_000
