"""Trouble on order from the window: the menu of the simulated rig, what the operator reads, and the next take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from faceapp.capture.engine import State
from faceapp.core.subject import Sample
from faceapp.gui.capture.protocol import stands_of
from faceapp.gui.capture.rig_link import RigState
from faceapp.gui.capture.trouble_menu import MENU
from faceapp.gui.capture.workspace import CaptureWorkspace
from faceapp.gui.shell.settings import WindowSettings
from tests.accuracy.test_scan_table import one_group_rig
from tests.ui.programs import messages, start, tiny_bundle, tiny_project


def small_rig(folder: Path) -> Path:
    """A rig file of one small simulated group."""
    rig = one_group_rig(folder)
    file = folder / "small.toml"
    file.write_text(f'driver = "simulated"\nrig = "{rig}"\nscale = 0.2\npose = 0.0\nseed = 5\n')
    return file


def test_troubles_are_ordered_met_and_survived(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program = start(qtbot, settings, tiny_project(tmp_path / "project", str(small_rig(tmp_path))))
    registry, window = program.window.actions_registry, program.window
    qtbot.waitUntil(lambda: "capture" in window._entries, timeout=20_000)
    window.show_workspace("capture")
    capture = window.workspace("capture")
    assert isinstance(capture, CaptureWorkspace)
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=60_000)
    assert window.top_bar.menus[MENU].menuAction().isVisible()
    titles = [action.title for action in registry.of_menu(MENU)]
    assert "Swap two frames" in titles and titles[-1] == "Make everything whole again"
    capture.set_countdown(False)

    def shoot() -> None:
        qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)
        capture.space()
        qtbot.waitUntil(lambda: capture.shot is not None, timeout=5_000)
        qtbot.waitUntil(lambda: capture.shot is None, timeout=30_000)

    def order(text: str) -> None:
        window.run_action(f"trouble.{text}")
        qtbot.waitUntil(lambda: any(m.startswith("Ordered") for m in messages(program)), timeout=5_000)

    order("drop ? ?")
    shoot()
    qtbot.waitUntil(lambda: capture.judging, timeout=10_000)
    assert any("something went wrong on the way" in m for m in messages(program))
    capture.accept()
    qtbot.waitUntil(lambda: not capture.judging, timeout=10_000)
    order("pull middle-ir-2")
    shoot()
    assert any("The take failed" in m for m in messages(program))
    assert capture.link.engine is not None
    assert capture.link.engine.status.state is State.IDLE
    order("heal rig")
    shoot()
    assert capture.judging
    assert len(program.context.content.samples) >= 1
    window.close()


def test_a_rig_that_takes_no_orders_has_no_such_menu(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "recording", groups=1)
    program = start(qtbot, settings, tiny_project(tmp_path / "project", str(bundle)))
    link = program.rig_link
    qtbot.waitUntil(lambda: link.state is RigState.READY, timeout=20_000)
    assert not program.window.actions_registry.of_menu(MENU)
    assert not program.window.top_bar.menus[MENU].menuAction().isVisible()
    program.window.close()


def test_the_last_take_is_that_of_the_highest_number() -> None:
    """A clock that was set back makes a later take the earlier one."""
    takes = [
        Sample("b", "S0001", "smile", 2, "2026-01-01T00:00:00Z"),
        Sample("a", "S0001", "smile", 1, "2026-01-02T00:00:00Z"),
    ]
    stand = next(s for s in stands_of(takes, "S0001", {}) if s.expression.name == "smile")
    assert stand.last is not None
    assert stand.last.take == 2
