"""Benchmarks run when they are asked for: ``pytest tests/benchmarks --benchmark-only``."""

from __future__ import annotations

from pathlib import Path

import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.core.allocator import keep_freed_memory

HERE = Path(__file__).parent


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("benchmark_only"):
        return
    skip = pytest.mark.skip(reason="a benchmark; run pytest tests/benchmarks --benchmark-only")
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(skip)


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("benchmark_only"):
        keep_freed_memory()  # as the program does when it starts


@pytest.fixture(scope="session")
def captured() -> dict[str, GroupCapture]:
    """The frames of one capture at full size: 1280 x 1024, 3 frequencies x 4 steps, flood, dark."""
    devices = connect_described_rig("simulated", {"seed": 1})
    groups: dict[str, GroupCapture] = {}
    try:
        devices.prepare("S0001", "smile", 1)
        CaptureEngine(devices).capture(CapturePlan(), lambda g: groups.__setitem__(g.group.name, g))
    finally:
        devices.close()
    return groups
