"""The Calibration page: take, leave out, calibrate, use, check; pictures of a killed program are gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from faceapp.calibration.coverage import NextPose
from faceapp.formats.calibration_files import read_calibration
from faceapp.gui.program.program import Program
from faceapp.gui.rig.calibration_page import CalibrationPage
from faceapp.gui.rig.coverage_view import CoverageView, PoseBars, SensorTile
from faceapp.gui.rig.next_pose_view import NextPoseView
from faceapp.gui.rig.workspace import RigWorkspace
from faceapp.gui.shell.settings import WindowSettings
from faceapp_resources import path
from tests.ui.programs import start, tiny_project

RIG = """driver = "simulated"
rig = "{rig}"
target = "board"
scale = 0.5
assembly = 2
seed = 3
"""
PATIENCE = 60_000


def middle_rig(folder: Path) -> Path:
    """The middle group alone, with small pictures of a board."""
    (folder / "default.toml").write_bytes(path("rigs", "default.toml").read_bytes())
    (folder / "middle.toml").write_text('based_on = "default.toml"\n[geometry]\ngroups = ["middle"]\n')
    file = folder / "board.toml"
    file.write_text(RIG.format(rig=folder / "middle.toml"))
    return file


def page_of(qtbot: Any, program: Program) -> CalibrationPage:
    qtbot.waitUntil(lambda: "rig" in program.window._entries, timeout=20_000)
    program.window.show_workspace("rig")
    workspace = program.window.workspace("rig")
    assert isinstance(workspace, RigWorkspace)
    workspace.show_page("calibration")
    page = workspace.pages["calibration"]
    assert isinstance(page, CalibrationPage)
    if not program.rig_link.name:
        program.rig_link.connect(program.context.rig)
    qtbot.waitUntil(lambda: page.can_take, timeout=PATIENCE)
    return page


def take(qtbot: Any, page: CalibrationPage) -> None:
    qtbot.waitUntil(lambda: page.can_take, timeout=PATIENCE)
    desk = page.current_desk
    before = len(desk.poses)
    page.program.window.run_action("rig.take")
    qtbot.waitUntil(lambda: len(desk.poses) > before, timeout=PATIENCE)


def test_calibrate_use_and_check(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    project = tiny_project(tmp_path / "p", str(middle_rig(tmp_path)))
    program = start(qtbot, settings, project)
    page = page_of(qtbot, program)
    assert not page.calibrate_button.isEnabled()
    page.check()
    assert page.check_desk is None  # there is nothing to check yet
    for _ in range(8):
        take(qtbot, page)
    folder = page.desk.folder
    assert folder is not None
    assert len(list((folder / "pictures" / "middle-rgb").glob("*.png"))) == 8
    qtbot.waitUntil(lambda: page.poses.count() == 8, timeout=PATIENCE)
    qtbot.waitUntil(lambda: page.calibrate_button.isEnabled(), timeout=PATIENCE)
    page.calibrate()
    qtbot.waitUntil(lambda: page.desk.result is not None, timeout=PATIENCE)
    assert page.use_button.isVisibleTo(page)
    assert page.panel.facts["Poses"].value == "8"
    assert (folder / "report.html").is_file()
    take(qtbot, page)
    assert not page.use_button.isVisibleTo(page)  # the result is of other poses now
    qtbot.waitUntil(lambda: page.calibrate_button.isEnabled(), timeout=PATIENCE)
    page.calibrate()
    qtbot.waitUntil(lambda: page.panel.facts["Poses"].value == "9", timeout=PATIENCE)
    page.use()
    qtbot.waitUntil(lambda: program.context.calibration_file() is not None, timeout=PATIENCE)
    qtbot.waitUntil(
        lambda: program.window.status.state_text("calibration").startswith("Calibration of"), timeout=PATIENCE
    )
    qtbot.waitUntil(lambda: page.can_take, timeout=PATIENCE)
    devices = program.rig_link.devices
    assert devices is not None
    made = read_calibration(folder)
    np.testing.assert_array_equal(devices.rig.camera("middle-rgb").K, made.cameras["middle-rgb"].K)
    page.check()
    for _ in range(3):
        take(qtbot, page)
    qtbot.waitUntil(lambda: page.panel.badge.text.startswith("Check"), timeout=PATIENCE)
    assert page.panel.badge.text == "Check passed"
    # The pictures of a check are no calibration that could be gone on with.
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]
    assert len(list((project / "calibrations" / "checks").glob("*/pictures/middle-rgb/*.png"))) == 3
    program.window.close()


def test_pictures_of_a_killed_program_are_gone_on_with(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    project = tiny_project(tmp_path / "p", str(middle_rig(tmp_path)))
    program = start(qtbot, settings, project)
    page = page_of(qtbot, program)
    for _ in range(2):
        take(qtbot, page)
    first = page.desk.folder
    program.window.close()
    again = start(qtbot, settings, project)
    page = page_of(qtbot, again)
    qtbot.waitUntil(lambda: page.desk.poses == (1, 2), timeout=PATIENCE)
    take(qtbot, page)
    assert page.desk.folder == first
    qtbot.waitUntil(lambda: page.poses.count() == 3, timeout=PATIENCE)
    page.poses.setCurrentRow(1)
    page.leave_out()
    qtbot.waitUntil(lambda: page.poses.count() == 2, timeout=PATIENCE)
    assert first is not None
    assert (first / "left-out" / "middle-rgb" / "0002.png").is_file()
    again.window.close()


@pytest.mark.parametrize("size", [(320, 150), (900, 560)])
def test_drawings_paint(qtbot: Any, size: tuple[int, int]) -> None:
    corners = np.arange(80).reshape(8, 10)
    tiles = [
        SensorTile(f"c{i}", f"Left / IR {i}", corners, np.full((5, 2), 0.5), 3, 0.5, 0.05, i == 1) for i in range(9)
    ]
    coverage, bars, pose = CoverageView(), PoseBars(), NextPoseView()
    coverage.show_tiles(tiles)
    bars.show_errors({1: 0.05, 2: 0.11}, [2])
    for asked in (
        None,
        NextPose("a", "b", "", ("left", "middle")),
        NextPose("a", "b", "c", ("left",), (0.2, 0.8), 35, 45),
    ):
        pose.show_pose(asked)
        for widget in (coverage, bars, pose):
            qtbot.addWidget(widget)
            widget.resize(*size)
            assert not widget.grab().toImage().isNull()
