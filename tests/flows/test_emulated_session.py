"""A session on nine emulated Basler cameras with fringes in their files, by keys, from the window."""

from __future__ import annotations

import os
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
from tests.emulated_bench import need_pylon, write_bench
from tests.ui.programs import messages, start, tiny_project

GROUPS = ("left", "middle", "right")


def resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


@pytest.mark.parametrize("expressions", [2, pytest.param(22, marks=pytest.mark.figures)], ids=["two", "all"])
def test_a_session_of_expressions_gives_a_cloud_of_each(qtbot: Any, tmp_path: Path, expressions: int) -> None:
    need_pylon()
    folder = tiny_project(tmp_path / "project", str(write_bench(tmp_path)))
    program = start(qtbot, WindowSettings(tmp_path / "window.ini"), folder)
    capture = program.window.workspace("capture")
    assert isinstance(capture, CaptureWorkspace)
    capture.set_countdown(False)
    qtbot.waitUntil(lambda: capture.link.state is RigState.READY, timeout=60_000)
    resident: list[float] = []
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
        resident.append(resident_mb())
    project = program.context.project
    assert project is not None
    samples = accepted(program)
    assert {s.expression for s in samples} == {e.name for e in load_expressions()[:expressions]}
    for sample in samples:
        clouds = {f.stem: read_cloud(f) for f in project.sample_folder(sample).glob("scan/*.ply")}
        assert set(GROUPS) <= set(clouds)
        assert all(len(clouds[group]) > 5_000 for group in GROUPS)
    assert [m for m in messages(program) if "failed" in m] == []
    if expressions == 22:  # caches fill in the first takes
        assert max(resident[-6:]) - min(resident[-6:]) < 40
    print(f"resident after each take, MB: {', '.join(f'{m:.0f}' for m in resident)}")
    program.window.close()


def accepted(program: Any) -> list[Any]:
    return [s for s in program.context.samples() if s.verdict is Verdict.ACCEPTED]
