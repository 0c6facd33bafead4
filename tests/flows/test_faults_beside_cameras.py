"""Faults of projectors, disk and clock: rows of the table in the docs, and what no row can tell."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from faceapp.app.inspection import verify_path
from faceapp.capture.engine import State, Status
from faceapp.cli.main import main
from faceapp.core.errors import FaceappError
from faceapp.store.project import Project
from tests.accuracy.test_scan_table import one_group_rig
from tests.flows.fault_rows import OTHER_ROWS, Bench, check_trouble
from tests.unit.bundles import write_bundle


@pytest.mark.parametrize("trouble", OTHER_ROWS)
def test_a_row_of_the_table(bench: Bench, trouble: str) -> None:
    check_trouble(bench, trouble)


def test_the_project_is_whole_after_all_rows(bench: Bench) -> None:
    assert verify_path(bench.project.folder) == []


def test_a_disk_that_is_really_gone_loses_the_take_only(bench: Bench, tmp_path: Path) -> None:
    """The project's folder is moved away in the middle of a take, as a disk that is unplugged takes it along."""
    away = tmp_path / "away"
    before = bench.project.samples()

    def unplug(status: Status) -> None:
        if status.state is State.READING:
            bench.project.folder.rename(away)

    bench.engine.status_changed.connect(unplug)
    try:
        with pytest.raises(FaceappError, match=r"is gone\. Check that its disk is plugged in"):
            bench.shoot()
    finally:
        bench.engine.status_changed.disconnect(unplug)
        shutil.rmtree(bench.project.folder)  # the empty place that a writer made anew
        away.rename(bench.project.folder)
    assert bench.project.samples() == before
    bench.must_work()


def test_the_command_orders_faults_of_the_simulated_rig_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Project.create(tmp_path / "project") as project:
        project.add_subject()
    capture = ["capture", str(tmp_path / "project"), "--subject", "S0001", "--expression", "neutral", "--rig"]
    recording = str(write_bundle(tmp_path / "recording", groups=1))
    assert main([*capture, recording, "--fault", "drop middle-ir-1 5"]) == 2
    assert "only the simulated rig lets faults happen" in capsys.readouterr().err
    rig = tmp_path / "small.toml"
    rig.write_text(f'driver = "simulated"\nrig = "{one_group_rig(tmp_path)}"\nscale = 0.2\nseed = 5\n')
    assert main([*capture, str(rig), "--fault", "drop middle-ir-1 ?", "--json"]) == 0
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    warnings = [line["text"] for line in told if line["event"] == "warning"]
    assert warnings[0].startswith("ordered: middle-ir-1 loses frame")
    assert warnings[1].startswith("middle was shot again: middle-ir-1 delivered 13 of 14 frames")
