"""What the tests of faults share: the page, which of them tests which row, and the bench that is put through it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import faceapp_resources
from faceapp.app.capturing import capture_sample
from faceapp.app.decoding import decode_bundle
from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, State, Status
from faceapp.capture.plan import CapturePlan
from faceapp.core.errors import FaceappError
from faceapp.core.subject import Sample
from faceapp.formats.capture_bundle import read_bundle
from faceapp.store.project import Project
from faceapp_hardware.simulated.rig import SimulatedRig
from tests.accuracy.test_scan_table import one_group_rig

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
CAMERA_ROWS = (
    "Camera unplugged while idle", "Camera unplugged while armed", "Camera unplugged in a burst",
    "Colour camera unplugged in a burst", "Camera unplugged and connected again", "Camera stalls",
    "Camera stalls again and again", "Camera delivers another resolution", "Frame missing, with a gap in the ids",
    "Frame missing, without a gap in the ids", "Frame doubled", "Frames swapped", "Frame stale", "Frame torn",
    "Frames swapped again and again", "Trigger lost", "Trigger doubled",
)  # fmt: skip
"""That `test_faults` runs, on one rig."""
OTHER_ROWS = (
    "Projector mute for a moment", "Projector mute", "Projector restarts in a burst", "Projector slow",
    "One byte in 10,000 broken", "One byte in 1,000 broken", "Projector unplugged while idle",
    "Projector unplugged in a burst", "Projector unplugged and connected again", "Disk full",
    "Disk full when the clouds are written", "Disk read-only", "Disk slow", "Disk vanished",
    "Clock jumps back by a day", "Clock jumps forward by an hour",
)  # fmt: skip
"""That `test_faults_beside_cameras` runs, on another: `pytest -n 2 --dist loadfile` gives each file to one worker."""
ALONE = ("The rig's process ends", "The program is killed")
"""That have tests of their own in `test_faults`."""


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


def check_trouble(bench: Bench, trouble: str) -> None:
    """Order a row, meet it, and leave the bench healed."""
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
