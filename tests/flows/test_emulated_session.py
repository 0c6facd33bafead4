"""A session on nine emulated Basler cameras with fringes in their files, by keys, from the window."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest

from faceapp.core.subject import Verdict
from faceapp.formats.ply import read_cloud
from faceapp.gui.capture.protocol import load_expressions
from faceapp.gui.capture.rig_link import RigState
from faceapp.gui.capture.workspace import CaptureWorkspace
from faceapp.gui.shell.settings import WindowSettings
from tests.accuracy.test_session_memory import slope
from tests.emulated_bench import need_pylon, write_bench
from tests.ui.programs import messages, start, tiny_project

GROUPS = ("left", "middle", "right")


TAKES, WARM = 22, 6
MOST_GROWTH_MB = 1.0
"""A take, once caches are full."""


@pytest.mark.parametrize("expressions", [2, pytest.param(22, marks=pytest.mark.figures)], ids=["two", "all"])
def test_a_session_of_expressions_gives_a_cloud_of_each(qtbot: Any, tmp_path: Path, expressions: int) -> None:
    need_pylon()
    folder = tiny_project(tmp_path / "project", str(write_bench(tmp_path)))
    program = start(qtbot, WindowSettings(tmp_path / "window.ini"), folder)
    capture = program.window.workspace("capture")
    assert isinstance(capture, CaptureWorkspace)
    capture.set_countdown(False)
    qtbot.waitUntil(lambda: capture.link.state is RigState.READY, timeout=60_000)
    for done in range(1, expressions + 1):
        qtbot.waitUntil(lambda: capture.can_shoot, timeout=60_000)
        expression = capture.expression
        QTest.keyClick(program.window, Qt.Key.Key_Space)
        qtbot.waitUntil(lambda: capture.judging, timeout=60_000)
        assert all(figures.points > 5_000 for figures in capture._groups.values())
        QTest.keyClick(program.window, Qt.Key.Key_Return)
        qtbot.waitUntil(lambda n=done: len(accepted(program)) == n, timeout=20_000)
        if done < expressions:
            qtbot.waitUntil(lambda before=expression: capture.expression != before, timeout=20_000)
    project = program.context.project
    assert project is not None
    samples = accepted(program)
    assert {s.expression for s in samples} == {e.name for e in load_expressions()[:expressions]}
    for sample in samples:
        clouds = {f.stem: read_cloud(f) for f in project.sample_folder(sample).glob("scan/*.ply")}
        assert set(GROUPS) <= set(clouds)
        assert all(len(clouds[group]) > 5_000 for group in GROUPS)
    assert [m for m in messages(program) if "failed" in m] == []
    program.window.close()


@pytest.mark.figures
@pytest.mark.skipif(sys.platform != "linux", reason="the heap of glibc, and what /proc tells of it")
def test_a_session_on_nine_cameras_takes_no_more_memory_with_each_take(tmp_path: Path) -> None:
    """``pytest -m figures -s tests/flows/test_emulated_session.py`` prints both: freed memory kept, and not."""
    need_pylon()
    growth = {}
    for how, words in (("free", "as the C library does it"), ("keep", "freed memory kept")):
        folder = tmp_path / how
        folder.mkdir()
        command = [sys.executable, "-m", "tests.flows.window_session", folder, write_bench(folder), str(TAKES), how]
        done = subprocess.run(list(map(str, command)), check=True, stdout=subprocess.PIPE, text=True)
        resident = json.loads(done.stdout.splitlines()[-1])
        assert len(resident) == TAKES
        growth[how] = slope(resident[WARM:])
        print(f"\n{words}, MB after each take: {', '.join(f'{m:.0f}' for m in resident)}")
        print(f"growth a take after the {WARM}th: {growth[how]:.2f} MB")
    assert growth["keep"] < MOST_GROWTH_MB


def accepted(program: Any) -> list[Any]:
    return [s for s in program.context.samples() if s.verdict is Verdict.ACCEPTED]
