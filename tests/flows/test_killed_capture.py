"""A capture killed at a random moment: the project opens, what was accepted is whole, what was not is gone."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faceapp.app.inspection import verify_path
from faceapp.core.subject import Verdict
from faceapp.store.project import Project
from tests.unit.bundles import write_bundle

KILLS = 20


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three groups, replayed: a capture of a second or two in all, most of it decoding and writing."""
    return write_bundle(tmp_path_factory.mktemp("rig") / "recording", groups=3)


def _capture(project: Path, bundle: Path, takes: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "faceapp", "capture", str(project), "--subject", "S0001", "--expression", "smile"]
    command += ["--rig", str(bundle), "--takes", str(takes), "--accept"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)


@pytest.mark.parametrize("kills", [6, pytest.param(KILLS, marks=pytest.mark.figures)])
def test_kills_lose_nothing_that_was_accepted(tmp_path: Path, bundle: Path, kills: int) -> None:
    folder = tmp_path / "pilot"
    with Project.create(folder) as project:
        project.add_subject()
    rng = random.Random(0)
    start = time.monotonic()
    assert _capture(folder, bundle, 1).wait() == 0
    usual = time.monotonic() - start
    accepted_before: set[str] = set()
    for _ in range(kills):
        process = _capture(folder, bundle, 10)
        time.sleep(rng.uniform(0.35, 1.6) * usual)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with Project.open(folder) as project:
            assert project.problems == []
            samples = project.samples()
            accepted = {s.id for s in samples if s.verdict is Verdict.ACCEPTED}
            assert accepted >= accepted_before
            accepted_before = accepted
    assert verify_path(folder) == []
    assert len(accepted_before) >= 1
    assert not list(folder.glob("subjects/*/.*.part"))
    on_disk = {p.parents[1].name for p in folder.glob("subjects/S0001/*/capture/capture.json")}
    with Project.open(folder) as project:
        assert {s.id for s in project.samples()} == on_disk
