"""A session of 22 takes, the disk behind it: nothing is lost, and memory stays flat.

``pytest -m figures -s tests/accuracy/test_session_memory.py`` prints it at full size.
"""

from __future__ import annotations

import gc
import os
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.capturing import capture_sample
from faceapp.app.inspection import verify_path
from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine
from faceapp.core.allocator import keep_freed_memory
from faceapp.store.project import Project
from tests.accuracy.test_scan_table import one_group_rig

TAKES, FEW, WARM = 22, 12, 6
MOST_HELD_MB, MOST_GROWTH_MB = 0.1, 1.5
"""A take: of objects, and of the whole process, whose pages come and go with the decoder's threads."""


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def slope(values: list[float]) -> float:
    """Growth a take, by a line that outliers do not pull: the median of the slopes of all pairs."""
    at = np.arange(len(values))
    i, j = np.triu_indices(len(values), 1)
    return float(np.median((np.array(values)[j] - np.array(values)[i]) / (at[j] - at[i])))


def run_session(folder: Path, takes: int, **options: object) -> tuple[list[float], list[float]]:
    """Shoot the takes; returns the MB of objects and of the process after each."""
    devices = connect_described_rig("simulated", {"seed": 5, "pose": 0.0, **options})
    held, resident = [], []
    try:
        with Project.create(folder / "project") as project:
            project.add_subject()
            engine = CaptureEngine(devices)
            tracemalloc.start()
            for _ in range(takes):
                capture = capture_sample(project, devices, "S0001", "neutral", engine=engine)
                assert capture.warnings == ()
                del capture
                gc.collect()
                held.append(tracemalloc.get_traced_memory()[0] / 2**20)
                resident.append(resident_mb())
            assert len(project.samples()) == takes
    finally:
        tracemalloc.stop()
        devices.close()
    assert verify_path(folder / "project") == []
    print("\ntake    objects MB    process MB")
    for number, row in enumerate(zip(held, resident, strict=True), 1):
        print(f"{number:4}{row[0]:14.1f}{row[1]:14.1f}")
    print(f"growth a take after the {WARM}th: {slope(held[WARM:]):.3f} and {slope(resident[WARM:]):.2f} MB")
    return held, resident


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell in /proc how much is held")
def test_a_session_holds_nothing_of_its_takes(tmp_path: Path) -> None:
    held, _ = run_session(tmp_path, FEW, scale=0.2, rig=one_group_rig(tmp_path))
    assert slope(held[WARM:]) < MOST_HELD_MB


@pytest.mark.figures
def test_a_session_at_full_size_is_flat(tmp_path: Path) -> None:
    keep_freed_memory()  # as the program does when it starts
    held, resident = run_session(tmp_path, TAKES)
    assert slope(held[WARM:]) < MOST_HELD_MB
    assert slope(resident[WARM:]) < MOST_GROWTH_MB
