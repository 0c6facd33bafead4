"""The table of faults in the docs is the table of tests: each row is ordered, met, and survived. Here: of cameras."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from faceapp.app.inspection import verify_path
from faceapp.capture.engine import State
from faceapp.capture.plan import CapturePlan
from faceapp.cli.main import main
from faceapp.store.project import Project
from faceapp_hardware.simulated.fault_kinds import KINDS
from tests.flows.fault_rows import ALONE, CAMERA_ROWS, OTHER_ROWS, PLAN, ROWS, Bench, check_trouble, meet
from tests.unit.bundles import write_bundle


def test_each_row_has_its_test_and_each_test_its_row() -> None:
    assert sorted(ROWS) == sorted([*CAMERA_ROWS, *OTHER_ROWS, *ALONE])


def test_each_kind_of_fault_has_a_row() -> None:
    ordered = {order.split()[0] for row in ROWS.values() for order in row.orders}
    assert ordered >= set(KINDS) - {"heal"}


@pytest.mark.parametrize("trouble", CAMERA_ROWS)
def test_a_row_of_the_table(bench: Bench, trouble: str) -> None:
    check_trouble(bench, trouble)


def test_the_project_is_whole_after_all_rows(bench: Bench) -> None:
    assert verify_path(bench.project.folder) == []


def test_the_end_of_the_rigs_process_needs_a_new_connection_only(bench: Bench) -> None:
    row, before = ROWS["The rig's process ends"], bench.project.samples()
    bench.rig.inject(*row.orders)
    assert re.search(row.pattern, meet(bench, row))
    assert bench.engine.status.state is State.IDLE
    assert bench.project.samples() == before
    bench.rig.close()
    bench.connect()
    bench.must_work()


def test_a_killed_program_leaves_the_takes_before(tmp_path: Path) -> None:
    """Killed once the folder of the take has begun; `test_killed_capture` kills at random moments."""
    assert ROWS["The program is killed"].orders == ("kill program",)
    recording = write_bundle(tmp_path / "recording", groups=3)
    folder = tmp_path / "project"
    with Project.create(folder, rig=str(recording)) as project:
        project.add_subject()
    command = ["capture", str(folder), "--subject", "S0001", "--expression", "smile"]
    assert main(command) == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "faceapp", *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 60
    while not list(folder.glob("subjects/S0001/.*.part")) and time.monotonic() < end and process.poll() is None:
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert list(folder.glob("subjects/S0001/.*.part"))
    with Project.open(folder) as project:
        assert project.problems == []
        assert [s.take for s in project.samples()] == [1]
        assert not list(folder.glob("subjects/S0001/.*.part"))
    assert main(command) == 0
    assert verify_path(folder) == []


def test_a_plan_says_how_long_late_frames_are_waited_for() -> None:
    assert replace(PLAN, patience_s=2.0) == CapturePlan()
