"""The Devices page: drivers with their sentences, live pictures, the test burst, rig files, hot-plug."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

import pytest

from faceapp.app.device_listing import DriverEntry, Standing
from faceapp.app.projector_care import ProjectorReport
from faceapp.devices.projector_records import ProjectorInfo, ProjectorSettings, ProjectorState
from faceapp.gui.program.program import Program
from faceapp.gui.rig.devices_page import DevicesPage
from faceapp.gui.rig.projector_panel import ProjectorPanel
from faceapp.gui.rig.workspace import RigWorkspace
from faceapp.gui.shell.settings import WindowSettings
from faceapp_hardware.projectors.firmware_image import pack_image
from faceapp_hardware.simulated.firmware_memory import PRODUCT
from tests.emulated_bench import need_pylon, write_bench
from tests.ui.programs import messages, start, tiny_bundle, tiny_project

PATTERN_RIG = """driver = "bench"
trigger = "software"
[[groups]]
name = "middle"
projector = { driver = "emulated" }
cameras = [
  { name = "middle-ir-1", role = "ir", driver = "pattern", serial = "1" },
  { name = "middle-ir-2", role = "ir", driver = "pattern", serial = "2" },
  { name = "middle-rgb", role = "rgb", driver = "pattern", serial = "3" },
]
"""


def devices_page(qtbot: Any, program: Program) -> DevicesPage:
    """Show the page and wait until it has looked what is plugged in."""
    qtbot.waitUntil(lambda: "rig" in program.window._entries, timeout=20_000)
    program.window.show_workspace("rig")
    workspace = program.window.workspace("rig")
    assert isinstance(workspace, RigWorkspace)
    page = workspace.pages["devices"]
    assert isinstance(page, DevicesPage)
    qtbot.waitUntil(lambda: bool(page.drivers.entries), timeout=20_000)
    return page


def pattern_rig(folder: Path) -> Path:
    file = folder / "drawn.toml"
    file.write_text(PATTERN_RIG)
    return file


def test_a_rig_of_the_project_shows_lives_and_shoots(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program = start(qtbot, settings, tiny_project(tmp_path / "project", str(pattern_rig(tmp_path))))
    page = devices_page(qtbot, program)
    assert program.window.actions_registry.key("go.rig") == "Ctrl+6"
    qtbot.waitUntil(lambda: page.badge.text == "4 devices", timeout=20_000)
    pictures = page.live._tiles
    qtbot.waitUntil(lambda: all(tile.pixels is not None for tile in pictures.values()), timeout=10_000)
    assert len(pictures) == 3
    assert page.trials.facts["Exposure"].value == "7.00\N{NO-BREAK SPACE}ms"  # what it took when it was opened
    assert page.trials.facts["Brightest"].value == "–"
    page.try_burst()
    assert not page.trials.burst.isEnabled()
    qtbot.waitUntil(lambda: page.trials.badge.text == "Every frame came", timeout=20_000)
    page.select("middle-rgb")
    assert page.trials.facts["Pixels"].value == "640 × 512"
    assert page.trials.facts["Exposure"].value == "7.00\N{NO-BREAK SPACE}ms"
    assert page.trials.burst.isEnabled()
    program.window.show_workspace("capture")  # shares the devices: nothing is connected again
    assert page.link.devices is not None
    program.window.close()


def test_a_camera_that_is_gone_is_named(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    file = pattern_rig(tmp_path)
    file.write_text(file.read_text().replace('serial = "2"', 'serial = "12"'))
    program = start(qtbot, settings, tiny_project(tmp_path / "project", str(file)))
    page = devices_page(qtbot, program)
    qtbot.waitUntil(lambda: page.link.error is not None, timeout=20_000)
    assert "middle-ir-2: there is no drawn camera '12'" in str(page.link.error)
    assert not page.trials.burst.isEnabled()
    program.window.close()


def test_what_is_missing_is_a_sentence(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program = start(qtbot, settings)
    page = devices_page(qtbot, program)
    entries = (
        DriverEntry("camera", "acme", "Acme cameras", Standing.MISSING, "acme is not installed; install it"),
        DriverEntry("camera", "broken", "", Standing.WRONG, "the driver broken cannot be loaded"),
    )
    page.drivers.show_entries(entries, {})
    qtbot.waitUntil(lambda: page.drivers.entries == entries, timeout=5_000)
    rows = [w.accessibleName() for w in page.drivers.findChildren(type(page.drivers).__mro__[1]) if w.accessibleName()]
    assert "acme: missing. acme is not installed; install it" in rows
    assert "broken: wrong. the driver broken cannot be loaded" in rows
    assert not page.drivers.write.isEnabled()
    program.window.close()


def test_cameras_are_plugged_placed_written_and_connected(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    need_pylon(2)
    program = start(qtbot, settings, tiny_project(tmp_path / "project", str(tiny_bundle(tmp_path / "bundle"))))
    page = devices_page(qtbot, program)
    mine = {serial: place for serial, place in page.drivers.places().items() if serial.startswith("0815")}
    assert mine == {"0815-0000": "middle-ir-1", "0815-0001": "middle-ir-2"}  # other tests may have cameras as well
    os.environ["PYLON_CAMEMU"] = "3"
    page.look()
    qtbot.waitUntil(lambda: "0815-0002" in page.drivers._places, timeout=10_000)
    for serial, place in page.drivers._places.items():
        if not serial.startswith("0815"):
            place.setCurrentText("not used")
    page.drivers._places["0815-0001"].setCurrentText("not used")
    page.drivers._places["0815-0002"].setCurrentText("middle-ir-2")
    page.write_file(tmp_path / "mine.toml")
    qtbot.waitUntil(lambda: any("mine.toml is written" in m for m in messages(program)), timeout=5_000)
    text = (tmp_path / "mine.toml").read_text()
    assert 'serial = "0815-0002"' in text and 'serial = "0815-0001"' not in text
    page._use_rig(str(tmp_path / "mine.toml"))
    qtbot.waitUntil(lambda: page.badge.text == "3 devices", timeout=20_000)
    assert [c.info.serial for c in page.link.devices.cameras.values()] == ["0815-0000", "0815-0002"]  # type: ignore[union-attr]
    program.window.close()


def test_nine_emulated_cameras_shoot_from_the_page_of_a_small_window(
    qtbot: Any, settings: WindowSettings, tmp_path: Path
) -> None:
    need_pylon()
    program = start(qtbot, settings, tiny_project(tmp_path / "project", str(write_bench(tmp_path))))
    program.window.resize(1100, 700)
    page = devices_page(qtbot, program)
    qtbot.waitUntil(lambda: page.badge.text == "12 devices", timeout=20_000)
    page.try_burst()
    qtbot.waitUntil(lambda: page.trials.badge.text == "Every frame came", timeout=30_000)
    assert [len(t.cameras) for t in page._results] == [3, 3, 3]
    program.window.close()


def test_a_projector_shows_how_it_is_and_takes_firmware(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program = start(qtbot, settings, tiny_project(tmp_path / "project", str(pattern_rig(tmp_path))))
    page = devices_page(qtbot, program)
    panel = page.trials.projector
    qtbot.waitUntil(lambda: panel.badge.text == "Ready", timeout=20_000)
    shown = {name: fact.value.replace("\N{NO-BREAK SPACE}", " ") for name, fact in panel.facts.items()}
    assert shown["Firmware"] == "2.0.0"
    assert (panel.brightness.value(), shown["Temperature"]) == (100, "38.5 °C")
    assert shown["Trigger out"] == "0.1 ms after 0 ms"
    (tmp_path / "wrong.img").write_bytes(pack_image(7, (2, 1, 0), b"for another one"))
    page.projectors.update_from(tmp_path / "wrong.img")
    qtbot.waitUntil(lambda: any("it is for product 7" in m for m in messages(program)), timeout=10_000)
    assert panel.facts["Firmware"].value == "2.0.0"
    (tmp_path / "right.img").write_bytes(pack_image(PRODUCT, (2, 1, 0), bytes(20_000)))
    page.projectors.update_from(tmp_path / "right.img")
    assert panel.badge.text.startswith("Updating") and not panel.update_button.isEnabled()
    page.try_burst()  # nothing else runs beside it
    assert page.trials.badge.text == "Not tried"
    qtbot.waitUntil(lambda: panel.facts["Firmware"].value == "2.1.0", timeout=20_000)
    assert any("middle-projector runs firmware 2.1.0" in m for m in messages(program))
    page.try_burst()
    qtbot.waitUntil(lambda: page.trials.badge.text == "Every frame came", timeout=20_000)
    program.window.close()
    assert not page.projectors._timer.isActive()


def test_the_brightness_of_a_projector_is_set_and_kept(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    file = pattern_rig(tmp_path)
    program = start(qtbot, settings, tiny_project(tmp_path / "project", str(file)))
    page = devices_page(qtbot, program)
    panel = page.trials.projector
    qtbot.waitUntil(lambda: panel.badge.text == "Ready", timeout=20_000)
    assert panel.brightness.isEnabled() and panel.brightness.value() == 100
    for _ in range(8):  # faster than the line: the newest counts
        panel.brightness.stepDown()
    qtbot.waitUntil(lambda: panel.kept.text() == "Kept in drawn.toml and the project", timeout=10_000)
    assert panel.brightness.value() == 60 and not page.projectors._lighting
    devices = page.link.devices
    assert devices is not None
    assert devices.projectors["middle"].state().settings.brightness == pytest.approx(0.6, abs=0.01)  # type: ignore[attr-defined]
    assert tomllib.loads(file.read_text())["groups"][0]["projector"]["settings"] == {"brightness": 0.6}
    assert program.context.project is not None
    assert program.context.project.settings["exposure"]["brightness"] == {"middle": 0.6}
    program.context.set_rig(str(file))
    page.link.connect(str(file))
    qtbot.waitUntil(lambda: page.link.devices not in (None, devices) and panel.badge.text == "Ready", timeout=20_000)
    assert panel.brightness.value() == 60
    program.window.close()


def test_what_a_projector_lacks_is_said(qtbot: Any) -> None:
    panel = ProjectorPanel()
    qtbot.addWidget(panel)
    state = ProjectorState(False, ProjectorSettings(0.5), 65.0, ("its interlock is open, close the housing",))
    info = ProjectorInfo("p", "middle", 0, 0, 14, 0.004, uploads=False, loops=False, reports=True)
    panel.show_report(ProjectorReport(info, state))
    assert panel.badge.text == "Look at it"
    assert panel.words[:2] == (
        "Its interlock is open, close the housing",
        "Plays only the sequences that are stored in it",
    )
    assert panel.update_button.isHidden()
    assert "Takes no brightness over this line" in panel.words
    assert not panel.brightness.isEnabled() and panel.brightness.text() == "–"
    panel.show_report(None)
    assert not panel.brightness.isEnabled()
    assert panel.words == ()
