"""Random schedules of faults: whatever goes wrong, the engine works again and the files are consistent.

``pytest -m figures -s tests/flows/test_fault_schedules.py`` runs 500 of them and prints the table.
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree

from faceapp.app.capturing import Capture, capture_sample
from faceapp.app.decoding import decode_bundle
from faceapp.app.inspection import verify_path
from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, State, Status
from faceapp.capture.plan import CapturePlan
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DeviceError, FaceappError
from faceapp.formats.capture_bundle import read_bundle
from faceapp.store.project import Project
from faceapp_hardware.simulated.faults import parse_faults
from faceapp_hardware.simulated.rig import SimulatedRig
from tests.accuracy.test_scan_table import one_group_rig

OPTIONS = {"seed": 5, "scale": 0.15, "pose": 0.0}
PLAN = CapturePlan(patience_s=0.5)
TAKES = 2
PATIENCE_S = 90.0
GOOD_MM = 0.6
"""95th percentile of a good cloud's distance from the planes of another one, at this scale."""
FEW = (0, 1, 3, 8, 21, 55)
PROJECT_OF = 20
"""Schedules that share a project, which is verified to the last frame at their end."""


@dataclass
class Tally:
    """What became of the schedules."""

    schedules: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    again: int = 0
    doubtful: int = 0
    given_up: Counter[str] = field(default_factory=Counter)
    connections: int = 0
    worst_mm: float = 0.0
    longest: tuple[float, str] = (0.0, "")

    def table(self) -> str:
        lines = [f"{self.schedules} schedules of {sum(self.faults.values())} faults, {TAKES} takes each"]
        lines += [f"  {kind:12}{count:6}" for kind, count in sorted(self.faults.items())]
        lines += [
            f"takes kept: {self.kept}, of them shot again: {self.again}, told as doubtful: {self.doubtful}",
            f"takes given up: {sum(self.given_up.values())}",
            *(f"  {count:6}  {why}" for why, count in self.given_up.most_common()),
            f"connections made again: {self.connections}",
            f"worst cloud of a good take: {self.worst_mm:.2f} mm off (95th percentile)",
            f"longest take: {self.longest[0]:.1f} s ({self.longest[1]})",
        ]
        return "\n".join(lines)


class Laboratory:
    """A rig, a project, and the laws that hold after every take."""

    def __init__(self, folder: Path, options: dict[str, object]) -> None:
        self.folder, self.tally, self._options = folder, Tally(), options
        self.connect()
        self.begin_project()
        self.ordered = ""
        self.reference: dict[str, PointCloud] = {}
        for name, scan in self.shoot().decoded.scans.items():
            self.reference[name] = scan.cloud

    def connect(self) -> None:
        rig = connect_described_rig("simulated", self._options)
        assert isinstance(rig, SimulatedRig)
        self.rig, self.engine, self.plays = rig, CaptureEngine(rig), Counter[str]()
        self.engine.status_changed.connect(self._note)

    def _note(self, status: Status) -> None:
        self.plays[status.group] += status.state is State.PLAYING

    def begin_project(self) -> None:
        self.project = Project.create(self.folder / f"project-{self.tally.schedules}")
        self.project.add_subject()

    def end_project(self) -> None:
        self.project.close()
        assert verify_path(self.project.folder) == []
        with Project.open(self.project.folder) as project:
            assert project.problems == []

    def shoot(self) -> Capture:
        return capture_sample(self.project, self.rig, "S0001", "neutral", engine=self.engine, plan=PLAN)

    def run(self, seed: int) -> None:
        """Order faults, shoot, make whole, and shoot again."""
        rng = np.random.default_rng([seed, 41])
        drawn = parse_faults(["?"] * int(rng.integers(1, 4)), self.rig.rig, rng)
        self.tally.schedules += 1
        self.tally.faults.update(fault.kind for fault in drawn)
        self.ordered = ", ".join(fault.order for fault in drawn)
        self.rig.inject(*(fault.order for fault in drawn))
        for _ in range(TAKES):
            self.take()
        self.recover()
        capture = self.take()
        assert capture is not None, "the rig is whole, and its take is not"
        assert all(w.endswith("is not open") for w in capture.warnings)  # its cable is in again: it was opened
        if self.tally.schedules % PROJECT_OF == 0:
            self.end_project()
            self.begin_project()

    def recover(self) -> None:
        try:
            self.rig.inject("heal rig")
        except DeviceError:  # its process has ended: connect it again, as the message says
            self.rig.close()
            self.connect()
            self.tally.connections += 1

    def take(self) -> Capture | None:
        """Shoot, and check what must hold however it went."""
        before, start = self.project.samples(), time.monotonic()
        plays, lit = self.plays.copy(), self.lights()
        try:
            capture = self.shoot()
        except FaceappError as error:
            self.tally.given_up[type(error).__name__] += 1
            capture = None
        seconds = time.monotonic() - start
        assert seconds < PATIENCE_S
        self.tally.longest = max(self.tally.longest, (seconds, self.ordered))
        assert self.engine.status.state is State.IDLE
        new = [sample for sample in self.project.samples() if sample not in before]
        assert len(new) == (capture is not None)
        assert not list(self.project.folder.glob("subjects/*/.*.part"))
        now = self.lights()
        for group, (is_lit, count) in now.items():
            assert not is_lit, f"the light of {group} is on"
            lightings, orders = count - lit.get(group, (False, 0))[1], self.plays[group] - plays[group]
            assert lightings <= orders, f"{group} was lit {lightings} times for {orders} orders"
        if capture is not None:
            self.check(capture)
        return capture

    def lights(self) -> dict[str, tuple[bool, int]]:
        try:
            return self.rig.lights()
        except DeviceError:  # a dead world has no light
            return {}

    def check(self, capture: Capture) -> None:
        """A take that is kept is whole, and where it is called good its clouds are those of the head."""
        self.tally.kept += 1
        self.tally.again += any(group.retried for group in capture.groups.values())
        doubtful = any(signs.is_doubt for group in capture.groups.values() for signs in group.signs.values())
        self.tally.doubtful += doubtful
        folder = self.project.sample_folder(capture.sample)
        decoded = decode_bundle(read_bundle(folder / "capture"), depth_images=False)
        assert decoded.failures == {}
        assert set(decoded.scans) == set(self.reference)
        for name, scan in decoded.scans.items():
            reference = self.reference[name]
            assert len(scan.cloud) > 0.9 * len(reference)
            off = plane_distance(scan.cloud.points, reference)
            if not doubtful:
                self.tally.worst_mm = max(self.tally.worst_mm, off)
                assert off < GOOD_MM


def plane_distance(points: np.ndarray, cloud: PointCloud) -> float:
    """95th percentile of the distance from the planes of another cloud, mm."""
    _, nearest = cKDTree(cloud.points).query(points)
    assert cloud.normals is not None
    gaps = np.abs(np.sum((points - cloud.points[nearest]) * cloud.normals[nearest], axis=1))
    return float(np.percentile(gaps, 95))


@contextlib.contextmanager
def laboratory(folder: Path, **options: object) -> Iterator[Laboratory]:
    laboratory = Laboratory(folder, {**OPTIONS, **options})
    try:
        yield laboratory
    finally:
        laboratory.rig.close()
        print(f"\n{laboratory.tally.table()}")


def run_all(laboratory: Laboratory, seeds: Sequence[int]) -> None:
    for seed in seeds:
        try:
            laboratory.run(seed)
        except BaseException:
            print(f"schedule {seed} failed")
            raise
    laboratory.end_project()


def test_few_schedules_end_in_a_working_engine_and_whole_files(tmp_path: Path) -> None:
    with laboratory(tmp_path) as three_groups:
        run_all(three_groups, FEW)


@pytest.mark.figures
def test_500_schedules_end_in_a_working_engine_and_whole_files(tmp_path: Path) -> None:
    """On one group, whose frames are ready sooner."""
    with laboratory(tmp_path, rig=one_group_rig(tmp_path)) as one_group:
        run_all(one_group, range(500))
