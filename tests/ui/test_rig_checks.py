"""Checks of the whole rig from the Devices page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from faceapp.gui.shell.settings import WindowSettings
from tests.ui.programs import start, tiny_project
from tests.ui.test_rig_devices import devices_page
from tests.ui.test_troubles import small_rig


def test_a_mirrored_projector_is_named_in_the_panel(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    file = small_rig(tmp_path)
    file.write_text(file.read_text() + 'mirrors = ["middle"]\n')
    program = start(qtbot, settings, tiny_project(tmp_path / "project", str(file)))
    page = devices_page(qtbot, program)
    qtbot.waitUntil(lambda: page.badge.text == "4 devices" and not page.link.preparing, timeout=60_000)
    page.checks.check_wiring()
    assert not page.trials.wiring.isEnabled()
    qtbot.waitUntil(lambda: page.trials.badge.text == "Wrong wiring", timeout=30_000)
    words = [w.text() for w in page.trials.findChildren(type(page.trials._name)) if "mirrored" in w.text()]
    assert words == [
        "The picture of middle-projector is mirrored or upside down. Turn the projector, or switch off the mirroring "
        "in its settings, then test again"
    ]
    qtbot.waitUntil(lambda: page.trials.wiring.isEnabled(), timeout=10_000)
    page.try_burst()
    qtbot.waitUntil(lambda: page.trials.badge.text == "Every frame came", timeout=20_000)
    program.window.close()
