"""The table of faults in the docs is the table of these tests: each row is ordered, met, and survived."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

import faceapp_resources
from faceapp.app.capturing import capture_sample
from faceapp.app.decoding import decode_bundle
from faceapp.app.inspection import verify_path
from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, State, Status
from faceapp.capture.plan import CapturePlan
from faceapp.cli.main import main
from faceapp.core.errors import FaceappError
from faceapp.core.subject import Sample
from faceapp.formats.capture_bundle import read_bundle
from faceapp.store.project import Project
from faceapp_hardware.simulated.fault_kinds import KINDS
from faceapp_hardware.simulated.rig import SimulatedRig
from tests.accuracy.test_scan_table import one_group_rig
from tests.unit.bundles import write_bundle

PLAN = CapturePlan(patience_s=0.5)


@dataclass(frozen=True)
class Row:
    """A row of the page."""

    trouble: str
    orders: tuple[str, ...]
    reads: str
    retried: str
    kept: str
    todo: str

    @property
    def pattern(self) -> str:
        return ".*".join(re.escape(part.strip()) for part in self.reads.split("…"))


def rows_of_page() -> list[Row]:
    text = faceapp_resources.path("docs", "faults.md").read_text(encoding="utf-8")
    table = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    return [Row(c[0], tuple(re.findall(r"`([^`]+)`", c[1])), *c[2:]) for c in cells[1:]]


ROWS = {row.trouble: row for row in rows_of_page()}
TESTS = (
    "Camera unplugged while idle", "Camera unplugged while armed", "Camera unplugged in a burst",
    "Colour camera unplugged in a burst", "Camera unplugged and connected again", "Camera stalls",
    "Camera stalls again and again", "Camera delivers another resolution", "Frame missing, with a gap in the ids",
    "Frame missing, without a gap in the ids", "Frame doubled", "Frames swapped", "Frame stale", "Frame torn",
    "Frames swapped again and again", "Projector mute for a moment", "Projector mute",
    "Projector restarts in a burst", "Projector slow", "One byte in 10,000 broken", "One byte in 1,000 broken",
    "Projector unplugged while idle", "Projector unplugged in a burst", "Projector unplugged and connected again",
    "Trigger lost", "Trigger doubled", "Disk full", "Disk full when the clouds are written", "Disk read-only",
    "Disk slow", "Disk vanished", "Clock jumps back by a day", "Clock jumps forward by an hour",
)  # fmt: skip
"""That `test_a_row_of_the_table` runs on one rig; the others have tests of their own below."""
ALONE = ("The rig's process ends", "The program is killed")


def test_each_row_has_its_test_and_each_test_its_row() -> None:
    assert sorted(ROWS) == sorted([*TESTS, *ALONE])


def test_each_kind_of_fault_has_a_row() -> None:
    ordered = {order.split()[0] for row in ROWS.values() for order in row.orders}
    assert ordered >= set(KINDS) - {"heal"}


class Bench:
    """A rig of one group, a project, and what the engine did with the light."""

    def __init__(self, folder: Path) -> None:
        self.options = {"seed": 5, "scale": 0.2, "pose": 0.0, "rig": one_group_rig(folder)}
        self.project = Project.create(folder / "project")
        self.project.add_subject()
        self.connect()

    def connect(self) -> None:
        rig = connect_described_rig("simulated", self.options)
        assert isinstance(rig, SimulatedRig)
        self.rig, self.engine = rig, CaptureEngine(rig)
        self.plays = 0
        self.engine.status_changed.connect(self._note)

    def _note(self, status: Status) -> None:
        self.plays += status.state is State.PLAYING

    def shoot(self) -> tuple[Sample, tuple[str, ...]]:
        capture = capture_sample(self.project, self.rig, "S0001", "neutral", engine=self.engine, plan=PLAN)
        return capture.sample, capture.warnings

    def light(self) -> tuple[bool, int]:
        return self.rig.lights()["middle"]

    def must_work(self) -> None:
        """The engine is idle, the next take is whole, and all that is there decodes."""
        assert self.engine.status.state is State.IDLE
        before, plays = self.light()[1], self.plays
        sample, warnings = self.shoot()
        assert warnings == ()
        assert self.light() == (False, before + 1)
        assert self.plays == plays + 1
        self.must_be_good(sample)

    def must_be_good(self, sample: Sample) -> None:
        folder = self.project.sample_folder(sample)
        decoded = decode_bundle(read_bundle(folder / "capture"), depth_images=False)
        assert decoded.failures == {}
        points = decoded.scans["middle"].cloud.points
        assert len(points) > 2000
        assert np.linalg.norm(np.median(points, axis=0)) < 120


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    bench = Bench(tmp_path_factory.mktemp("bench"))
    bench.shoot()
    yield bench
    bench.project.close()
    bench.rig.close()


@pytest.mark.parametrize("trouble", TESTS)
def test_a_row_of_the_table(bench: Bench, trouble: str) -> None:
    try:
        check_row(bench, ROWS[trouble])
    finally:
        bench.rig.inject("heal rig")


def check_row(bench: Bench, row: Row) -> None:
    before, plays, lightings = bench.project.samples(), bench.plays, bench.light()[1]
    bench.rig.inject(*row.orders)
    read = meet(bench, row)
    again = bench.plays - plays - 1
    assert re.search(row.pattern, read, re.DOTALL) if row.reads != "nothing" else read == ""
    assert row.retried in ("once", "in vain", "no")
    if row.retried == "once":
        assert read.startswith("middle was shot again")
    elif row.retried == "no":
        assert again <= 0  # a disk that takes nothing is found before the light goes on
    new = [s for s in bench.project.samples() if s not in before]
    assert len(new) == (1 if row.kept == "the take" else 0)
    for sample in new:
        bench.must_be_good(sample)
    for heal in re.findall(r"`([^`]+)`", row.todo):
        bench.rig.inject(heal)
    assert not bench.light()[0]
    assert bench.light()[1] - lightings <= bench.plays - plays
    bench.must_work()
    assert not list(bench.project.folder.glob("subjects/*/.*.part"))
    assert sorted(s.take for s in bench.project.samples()) == list(range(1, len(bench.project.samples()) + 1))


def meet(bench: Bench, row: Row) -> str:
    """Shoot, and return what the operator reads."""
    failed = row.kept != "the take"
    try:
        _, warnings = bench.shoot()
    except FaceappError as error:
        assert failed, error
        return str(error)
    assert not failed
    return "; ".join(warnings)


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
    command = [sys.executable, "-m", "faceapp", "capture", str(folder), "--subject", "S0001", "--expression", "smile"]
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
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
    assert subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0
    assert verify_path(folder) == []


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


def test_a_plan_says_how_long_late_frames_are_waited_for() -> None:
    assert replace(PLAN, patience_s=2.0) == CapturePlan()
