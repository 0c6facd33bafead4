"""The live scan in Capture: clouds in the 3D view, phase in the tiles, and who has the rig when."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt

from faceapp.capture.live import LiveRates
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DeviceError
from faceapp.devices.projector_records import ProjectorSettings
from faceapp.devices.records import CameraSettings
from faceapp.gui.capture.live_bar import LiveBar
from faceapp.gui.capture.rig_link import Pace, RigState
from faceapp.gui.capture.workspace import CaptureWorkspace
from faceapp.gui.program.program import Program
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.view3d.pieces import PROXY_POINTS, thin_cloud, uncut
from faceapp.store.project import Project
from tests.ui.programs import messages, start, tiny_project
from tests.ui.test_capture import open_capture, shoot
from tests.ui.test_troubles import small_rig

LIVE = "live scan"


def scanner_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith("live scan")]


def is_dark(capture: CaptureWorkspace, group: str = "middle") -> bool:
    assert capture.link.devices is not None
    player = capture.link.devices.projectors[group]._thread  # type: ignore[attr-defined]
    return player is None or not player.is_alive()


def switch_on(qtbot: Any, program: Program, capture: CaptureWorkspace) -> None:
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)
    qtbot.keyClick(program.window, Qt.Key.Key_L)
    assert capture.scanning.on
    qtbot.waitUntil(lambda: LIVE in capture.page.stage.view.layer_names, timeout=20_000)


def test_a_group_is_scanned_live(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    switch_on(qtbot, program, capture)
    page, view = capture.page, capture.page.stage.view
    drawn: list[None] = []
    page.stage.live_drawn.connect(lambda: drawn.append(None))
    qtbot.waitUntil(lambda: len(drawn) > 5, timeout=20_000)
    assert page.middle.currentWidget() is page.stage and view.isVisible()
    cloud = view._layers.ready[LIVE].data
    assert isinstance(cloud, PointCloud) and abs(np.median(cloud.points[:, 2]) - 10.0) < 0.2
    assert set(page.live._scanned) == {"middle-ir-1", "middle-ir-2"} == set(page.live.view.names)
    assert page.live._scanned["middle-ir-1"].shape == (80, 100, 3)
    assert page.live.view._tiles["middle-ir-1"].labels[-1] == "Phase"
    assert page.stage.live.isChecked() and program.window.actions_registry.qt("capture.live").isChecked()
    figures = {name: figure.text() for name, figure in page.live_bar.figures.items()}
    assert "clouds a second" in figures["clouds"] and figures["lost"] == "0 frames lost"
    assert page.live_bar.isVisible() and page.live_bar.badge.text == "Live scan of the middle group"
    qtbot.keyClick(program.window, Qt.Key.Key_L)
    qtbot.waitUntil(lambda: is_dark(capture) and not scanner_threads(), timeout=10_000)
    assert LIVE not in view.layer_names and not page.live_bar.isVisible()
    qtbot.waitUntil(lambda: len(page.live.view.names) == 3)  # the tiles of before, streaming again
    qtbot.waitUntil(lambda: set(capture.link._streaming) == set(page.live.view.names))
    program.window.close()


def test_another_group_is_chosen_and_remembered(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    switch_on(qtbot, program, capture)
    box = capture.page.stage.groups
    assert [box.itemText(i) for i in range(box.count())] == ["Right", "Middle", "Left"]
    assert box.currentText() == "Middle"
    box.setCurrentIndex(2)
    box.activated.emit(2)
    qtbot.waitUntil(lambda: set(capture.page.live._scanned) == {"left-ir-1", "left-ir-2"}, timeout=20_000)
    assert is_dark(capture, "middle") and not is_dark(capture, "left")
    program.window.close()
    program = start(qtbot, settings)
    qtbot.waitUntil(lambda: program.context.project is not None, timeout=20_000)
    again = program.window.workspace("capture")
    assert isinstance(again, CaptureWorkspace)
    qtbot.waitUntil(lambda: again.link.state is RigState.READY, timeout=30_000)
    assert (again.scanning.group, again.scanning.on) == ("left", False)
    program.window.close()


def test_the_shot_takes_the_rig_and_the_scan_comes_back(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    switch_on(qtbot, program, capture)
    shoot(qtbot, program, capture)
    qtbot.waitUntil(lambda: len(program.context.samples()) == 1)
    stage = capture.page.stage
    assert capture.scanning.on and stage.live.isChecked()  # but a verdict is open
    assert not scanner_threads() and capture.link.scan.group == ""
    assert set(stage.view.layer_names) == {"left", "middle", "right"}
    qtbot.keyClick(program.window, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: LIVE in stage.view.layer_names, timeout=20_000)
    assert [name for name in stage.surfaces if name in stage.view._layers.visible] == []  # the scan has its place
    assert capture.expression == "mouth_stretch"
    qtbot.keyClick(program.window, Qt.Key.Key_L)
    assert set(stage.view._layers.visible) == {"left", "middle", "right"}  # the take again
    program.window.close()


def test_a_take_is_judged_before_a_scan_and_an_old_one_ends_it(
    qtbot: Any, settings: WindowSettings, tmp_path: Path
) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    shoot(qtbot, program, capture)
    qtbot.waitUntil(lambda: len(program.context.samples()) == 1)
    qtbot.keyClick(program.window, Qt.Key.Key_L)
    assert capture.page.verdict._badge.text == "Accept or retake it" and not scanner_threads()
    qtbot.keyClick(program.window, Qt.Key.Key_Return)
    stage = capture.page.stage
    qtbot.waitUntil(lambda: LIVE in stage.view.layer_names, timeout=20_000)
    capture.choose_expression("neutral")
    qtbot.waitUntil(lambda: LIVE in stage.view.layer_names, timeout=20_000)  # it goes on over an accepted take
    capture._take_chosen(0)  # but who asks for that take sees it
    assert not capture.scanning.on and not stage.live.isChecked()
    qtbot.waitUntil(lambda: set(stage.view._layers.visible) == {"left", "middle", "right"}, timeout=20_000)
    qtbot.waitUntil(lambda: is_dark(capture) and not scanner_threads(), timeout=10_000)
    program.window.close()


def test_escape_ends_the_countdown_and_the_scan_goes_on(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    capture.set_countdown(True)
    switch_on(qtbot, program, capture)
    qtbot.keyClick(program.window, Qt.Key.Key_Space)
    assert capture.page.counting and not is_dark(capture)
    qtbot.keyClick(program.window, Qt.Key.Key_Escape)
    assert not capture.page.counting and capture.scanning.on and not is_dark(capture)
    program.window.close()


def test_leaving_closing_and_another_rig_put_the_light_off(
    qtbot: Any, settings: WindowSettings, tmp_path: Path
) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    switch_on(qtbot, program, capture)
    program.window.show_workspace("annotate")
    qtbot.waitUntil(lambda: is_dark(capture) and not scanner_threads(), timeout=10_000)
    program.window.show_workspace("capture")  # within a session it comes back
    qtbot.waitUntil(lambda: LIVE in capture.page.stage.view.layer_names, timeout=20_000)
    first = capture.link.devices
    assert first is not None
    capture.connect_rig()
    assert not capture.scanning.on and not capture.page.live_bar.isVisible()
    qtbot.waitUntil(lambda: capture.link.state is RigState.READY, timeout=30_000)
    assert first.projectors["middle"]._thread is None  # type: ignore[attr-defined]
    assert not scanner_threads()
    switch_on(qtbot, program, capture)
    devices = capture.link.devices
    assert devices is not None
    program.window.close()
    assert devices.projectors["middle"]._thread is None  # type: ignore[attr-defined]
    assert not scanner_threads()


def test_a_device_that_fails_says_what_to_do(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)
    assert capture.link.devices is not None

    def broken(take: object) -> None:
        raise DeviceError("middle-ir-2: the line is dead. Check the cable, then connect the rig again")

    capture.link.devices.cameras["middle-ir-2"].follow = broken  # type: ignore[method-assign]
    qtbot.keyClick(program.window, Qt.Key.Key_L)
    qtbot.waitUntil(lambda: bool(messages(program)), timeout=10_000)
    assert "The live scan of the middle group cannot start" in messages(program)[0]
    assert "Check the cable" in messages(program)[0]
    assert not capture.scanning.on and not capture.page.stage.live.isChecked() and is_dark(capture)
    assert capture.page.middle.currentIndex() == 3  # No take yet
    del capture.link.devices.cameras["middle-ir-2"].follow
    switch_on(qtbot, program, capture)
    assert messages(program) == []  # out of date
    program.window.close()


def test_silence_is_said_over_the_picture_and_ends_the_scan(
    qtbot: Any, settings: WindowSettings, tmp_path: Path
) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)
    assert capture.link.devices is not None
    capture.link.devices.projectors["middle"].loop = lambda: None  # type: ignore[method-assign]
    qtbot.keyClick(program.window, Qt.Key.Key_L)
    plate = capture.page.stage.plate
    assert plate.text == "Starting the live scan…"
    qtbot.waitUntil(lambda: plate.text.startswith("No frames come."), timeout=10_000)
    assert plate.isVisible() and capture.page.live_bar.badge.text == plate.text
    qtbot.waitUntil(lambda: not capture.scanning.on, timeout=15_000)
    assert "trigger cable" in messages(program)[0]
    program.window.close()


def test_light_that_went_off_is_lit_again(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    switch_on(qtbot, program, capture)
    assert capture.link.devices is not None
    capture.link.devices.projectors["middle"].stop()  # as a projector does that hears nothing for half a second
    qtbot.waitUntil(lambda: is_dark(capture), timeout=5_000)
    qtbot.waitUntil(lambda: not is_dark(capture), timeout=10_000)
    qtbot.waitUntil(lambda: capture.page.stage.plate.text == "", timeout=10_000)
    assert capture.scanning.on and messages(program) == []
    assert len(scanner_threads()) == 1
    program.window.close()


def test_all_nine_go_on_while_a_group_is_scanned(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    capture.page.views.set_current("nine")
    capture._lay_out_cameras()
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)
    qtbot.keyClick(program.window, Qt.Key.Key_L)
    qtbot.waitUntil(lambda: len(capture.page.live._scanned) == 2, timeout=20_000)
    assert len(capture.page.live.view.names) == 6 and len(capture.link._streaming) == 4
    capture.page.live._pictures["live"].clear()
    qtbot.waitUntil(lambda: len(capture.page.live._pictures["live"]) == 4)  # those of the other groups
    assert capture.page.live_bar.isVisible()
    clouds = capture.page.live_bar.figures["clouds"]
    capture.page.live_bar.clear()
    qtbot.waitUntil(lambda: "clouds a second" in clouds.text())  # though the 3D view is hidden
    program.window.close()


def test_what_comes_next_is_prepared_between_two_scans(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    switch_on(qtbot, program, capture)
    lit: list[bool] = []
    assert capture.link.devices is not None
    capture.link.devices.prepare = lambda *_: lit.append(bool(scanner_threads()))  # type: ignore[method-assign]
    capture.choose_expression("smile")
    assert capture.page.stage.plate.text == "Preparing what comes next…"
    assert LIVE not in capture.page.stage.view.layer_names and not capture.page.live._scanned  # of the face before
    qtbot.waitUntil(lambda: bool(lit) and bool(scanner_threads()), timeout=20_000)
    assert lit == [False]
    program.window.close()


@pytest.mark.parametrize("with_pixels", [True, False])
def test_a_thinned_cloud_is_spread_evenly(with_pixels: bool) -> None:
    v, u = np.mgrid[:300, :400].astype(np.float32).reshape(2, -1)
    cloud = PointCloud(np.stack([u, v, 0 * u], axis=1), pixels=np.stack([u, v], axis=1) if with_pixels else None)
    thin = thin_cloud(cloud)
    assert PROXY_POINTS // 4 < len(thin) <= PROXY_POINTS
    quarters = np.histogram2d(thin.points[:, 0], thin.points[:, 1], bins=2)[0]
    assert quarters.min() > 0.9 * quarters.max()
    assert thin_cloud(thin) is thin
    pieces = uncut(thin)
    assert pieces.small and pieces.proxy.count == len(thin)
    assert np.array_equal(pieces.high, [thin.points[:, 0].max(), thin.points[:, 1].max(), 0])


def test_the_pace_follows_the_interface() -> None:
    pace = Pace()
    fastest = pace.period_s
    assert fastest < 1 / 15  # fifteen a second come through
    for _ in range(20):
        pace.waited(0.2)
    assert pace.period_s > 0.2
    for _ in range(100):
        pace.waited(0.001)
    assert pace.period_s == fastest


def test_the_line_says_what_an_operator_understands(qtbot: Any) -> None:
    bar = LiveBar()
    qtbot.addWidget(bar)
    bar.show_rates(LiveRates(15.0, 119.6, 18, 0.034, 0.92, 0.14), 14.4, 0.061)
    words = {name: figure.text().replace("\N{NO-BREAK SPACE}", " ") for name, figure in bar.figures.items()}
    assert words == {
        "clouds": "14 clouds a second",
        "frames": "120 frames a second",
        "lost": "18 frames lost",
        "age": "61 ms old",
        "processor": "Processor: program 92 %, simulated rig 14 %",
    }
    assert "15.0 were measured" in bar.figures["clouds"].toolTip()
    bar.clear()
    bar.show_rates(LiveRates(0.0, 0.0, 0, float("nan"), 0.3, 0.0), 0.0, float("nan"))
    assert bar.figures["age"].text() == "" and "rig" not in bar.figures["processor"].text()


@pytest.mark.figures
def test_the_finest_fringes_alone_are_enough_where_the_rig_is_calibrated(
    qtbot: Any, settings: WindowSettings, tmp_path: Path
) -> None:
    rig = tmp_path / "rig.toml"
    rig.write_text('driver = "simulated"\nscale = 0.5\n')
    program = start(qtbot, settings, tiny_project(tmp_path / "p", str(rig)))
    capture = program.window.workspace("capture")
    assert isinstance(capture, CaptureWorkspace)
    qtbot.waitUntil(lambda: capture.link.state is RigState.READY and capture.can_shoot, timeout=120_000)
    switch_on(qtbot, program, capture)
    qtbot.keyClick(program.window, Qt.Key.Key_L, Qt.KeyboardModifier.ShiftModifier)
    assert capture.scanning.one_frequency and capture.save_state()["one_frequency"]
    assert program.window.actions_registry.qt("capture.one_frequency").isChecked()
    qtbot.waitUntil(lambda: capture.link.scan._scanner is not None and capture.link.scan._scanner._one_frequency)
    news: list[int] = []
    capture.link.scan.arrived.connect(lambda found: news.append(found.points))
    qtbot.waitUntil(lambda: any(news) or bool(messages(program)), timeout=20_000)
    assert messages(program) == [] and max(news) > 1000
    program.window.close()


def test_the_finest_fringes_alone_need_a_calibrated_projector(
    qtbot: Any, settings: WindowSettings, tmp_path: Path
) -> None:
    program, capture = open_capture(qtbot, settings, tmp_path)
    capture.use_one_frequency(True)
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=20_000)
    qtbot.keyClick(program.window, Qt.Key.Key_L)
    qtbot.waitUntil(lambda: len(messages(program)) == 1, timeout=20_000)
    assert "projector" in messages(program)[0] and not capture.scanning.on
    assert is_dark(capture)
    program.window.close()


def test_live_pictures_and_scans_have_the_exposure_and_light_that_the_project_keeps(
    qtbot: Any, settings: WindowSettings, tmp_path: Path
) -> None:
    folder = tiny_project(tmp_path / "project", str(small_rig(tmp_path)))
    kept = {"middle-ir-1": {"exposure_ms": 3.0, "gain_db": 1.0}, "middle-ir-2": {"exposure_ms": 4.0, "gain_db": 0.0}}
    with Project.open(folder) as project:
        light = {"middle": 0.6}
        project.change_settings({"exposure": {"rig": "simulated", "cameras": kept, "brightness": light}})
    program = start(qtbot, settings, folder)
    capture = program.window.workspace("capture")
    assert isinstance(capture, CaptureWorkspace)
    qtbot.waitUntil(lambda: capture.can_shoot, timeout=60_000)
    devices = capture.link.devices
    assert devices is not None and devices.rig.name == "simulated"

    def has(camera: str) -> CameraSettings:
        return devices.cameras[camera]._settings  # type: ignore[attr-defined,no-any-return]

    capture.link.stream(tuple(kept))
    qtbot.waitUntil(lambda: set(kept) == set(capture.link._streaming), timeout=20_000)
    for name, asked in kept.items():
        assert has(name) == CameraSettings(**asked)
        devices.cameras[name].configure(CameraSettings())  # as a check of the rig may leave it
    devices.projectors["middle"].adjust(ProjectorSettings(brightness=1.0))  # type: ignore[attr-defined]
    qtbot.keyClick(program.window, Qt.Key.Key_L)
    qtbot.waitUntil(lambda: LIVE in capture.page.stage.view.layer_names, timeout=60_000)
    assert all(has(name) == CameraSettings(**asked) for name, asked in kept.items())
    state = devices.projectors["middle"].state()  # type: ignore[attr-defined]
    assert state.is_lit and state.settings.brightness == pytest.approx(0.6, abs=0.01)
    program.window.close()
