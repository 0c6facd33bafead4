"""Window, actions, command palette, theme, settings."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QImage, QPalette, QPixmapCache
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout

from faceapp.gui.shell.actions import Action
from faceapp.gui.shell.command_palette import match
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.shell.window import MainWindow
from faceapp.gui.shell.workspace import Workspace, WorkspaceEntry
from faceapp.gui.theme import DARK, LIGHT, icon, pixmap, theme
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.samples import SampleEntry, SampleList
from faceapp.gui.widgets.states import State


class Bench(Workspace):
    """A workspace that notes what happens to it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.done, self.state = name, [], {}
        self.field = QLineEdit()
        QVBoxLayout(self).addWidget(self.field)

    def actions_of(self) -> list[Action]:
        return [
            Action(f"{self.name}.refit", f"Refit in {self.name}", lambda: self.done.append("refit"), "F", "Sample"),
            Action(f"{self.name}.export", f"Export from {self.name}…", lambda: self.done.append("export")),
        ]

    def save_state(self) -> dict[str, Any]:
        return {"zoom": 2.5}

    def restore_state(self, state: dict[str, Any]) -> None:
        self.state = state


def open_window(qtbot: Any, settings: WindowSettings) -> MainWindow:
    window = MainWindow(settings)
    window.resize(1500, 900)
    for name in ("annotate", "library"):
        window.add_workspace(WorkspaceEntry(name, name.title(), "books", lambda n=name: Bench(n)))
    window.show()
    qtbot.waitExposed(window)
    window.show_workspace("library")
    window.show_workspace("annotate")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return window


def bench(window: MainWindow, name: str) -> Bench:
    found = window.workspace(name)
    assert isinstance(found, Bench)
    return found


def test_only_registered_workspaces_have_tabs_in_their_order(qtbot: Any, settings: WindowSettings) -> None:
    window = open_window(qtbot, settings)
    assert set(window.rail.tabs) == {"library", "annotate"}
    assert window.actions_registry.key("go.library") == "Ctrl+1"
    assert window.actions_registry.key("go.annotate") == "Ctrl+3"
    qtbot.keyClick(window, Qt.Key.Key_1, Qt.KeyboardModifier.ControlModifier)
    assert window.current == "library"


def test_letters_belong_to_the_workspace_on_the_screen(qtbot: Any, settings: WindowSettings) -> None:
    window = open_window(qtbot, settings)
    here, other = bench(window, "annotate"), bench(window, "library")
    here.setFocus()
    qtbot.keyClick(here, Qt.Key.Key_F)
    assert (here.done, other.done) == (["refit"], [])


def test_letters_are_off_while_text_is_typed(qtbot: Any, settings: WindowSettings) -> None:
    window = open_window(qtbot, settings)
    here = bench(window, "annotate")
    here.field.setFocus()
    qtbot.waitUntil(here.field.hasFocus)
    qtbot.keyClick(here.field, Qt.Key.Key_F)
    assert (here.done, here.field.text()) == ([], "f")
    here.setFocus()
    qtbot.keyClick(here, Qt.Key.Key_F)
    assert here.done == ["refit"]


def test_palette_runs_an_action_of_another_workspace(qtbot: Any, settings: WindowSettings) -> None:
    window = open_window(qtbot, settings)
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert not window.palette_box.isHidden()
    qtbot.keyClicks(window.palette_box.field, "export lib")
    assert window.palette_box.found == ["library.export"]
    qtbot.keyClick(window.palette_box.field, Qt.Key.Key_Return)
    assert window.palette_box.isHidden()
    assert window.current == "library"
    assert bench(window, "library").done == ["export"]


def test_palette_lists_every_action(qtbot: Any, settings: WindowSettings) -> None:
    window = open_window(qtbot, settings)
    window.palette_box.open()
    assert set(window.palette_box.found) == {action.id for action in window.actions_registry}
    qtbot.keyClick(window.palette_box.field, Qt.Key.Key_Escape)
    assert window.palette_box.isHidden()


def test_match_wants_all_words() -> None:
    assert match("Refit the unpinned points", "refit points") == (0, (0, 5))
    assert match("Refit the unpinned points", "refit all") is None


def test_a_key_can_be_changed_and_is_remembered(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    window = open_window(qtbot, settings)
    window.actions_registry.set_key("annotate.refit", "G")
    here = bench(window, "annotate")
    here.setFocus()
    qtbot.keyClick(here, Qt.Key.Key_G)
    assert here.done == ["refit"]
    window.close()
    assert WindowSettings(tmp_path / "window.ini").keys == {"annotate.refit": "G"}


def test_state_of_a_workspace_comes_back(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    open_window(qtbot, settings).close()
    window = open_window(qtbot, WindowSettings(tmp_path / "window.ini"))
    assert bench(window, "annotate").state == {"zoom": 2.5}


def test_a_killed_program_comes_back_where_it_was(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    window = open_window(qtbot, settings)
    kept = WindowSettings(tmp_path / "window.ini")  # what the disk says while the window is open
    assert kept.text("window/workspace") == "annotate"
    assert kept.text("library/state") == '{"zoom": 2.5}'
    window.close()


def test_theme_switches_at_run_time_and_is_remembered(qtbot: Any, settings: WindowSettings, qapp: QApplication) -> None:
    window = open_window(qtbot, settings)
    told = []
    theme().changed.connect(lambda: told.append(theme().tokens.name))
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == DARK.window.lower()
    window.run_action("view.theme-light")
    assert qapp.palette().color(QPalette.ColorRole.Window).name() == LIGHT.window.lower()
    assert (told, settings.theme) == (["light"], "light")
    picture = window.grab().toImage()
    assert picture.pixelColor(window.width() // 2, 8).name() == LIGHT.window.lower()


def test_narrow_window_has_a_rail_without_words(qtbot: Any, settings: WindowSettings) -> None:
    window = open_window(qtbot, settings)
    assert window.rail.width() == 74
    window.resize(1366, 768)
    qtbot.waitUntil(lambda: window.narrow)
    assert window.rail.width() == 48


def test_status_bar(qtbot: Any, settings: WindowSettings) -> None:
    window = open_window(qtbot, settings)
    bar = window.status
    bar.show_job("Registering S0138", "16 of 23", 16 / 23)
    with qtbot.waitSignal(bar.jobCancelled):
        qtbot.mouseClick(bar._job_cancel, Qt.MouseButton.LeftButton)
    bar.clear_job()
    assert bar.job == ""
    bar.set_state("disk", "412 GB free", State.GOOD)
    bar.set_saved(datetime(2026, 11, 21, 14, 2, 31))
    bar.set_operator("MH")
    assert (bar.state_text("disk"), bar.operator) == ("412 GB free", "MH")


def test_what_stops_a_job_stays_where_it_is_aimed_at(qtbot: Any, settings: WindowSettings) -> None:
    bar = open_window(qtbot, settings).status
    bar.show_job("Registering S0138")
    qtbot.waitUntil(lambda: bar._job_cancel.x() > 0)
    before = bar._job_cancel.x()
    bar.show_job("Registering S0138", "fitting at stiffness 10", 0.8)
    QApplication.sendPostedEvents()
    QApplication.processEvents()
    assert bar._job_cancel.x() == before


def test_the_same_error_is_shown_once_and_can_be_copied(qtbot: Any, settings: WindowSettings) -> None:
    window = open_window(qtbot, settings)
    for _ in range(2):
        message = window.show_error("A frame is missing", "Left / IR 1 …", "Capture again.", details="FrameLost")
    assert window._messages.count() == 1
    message.copy_details()
    assert QApplication.clipboard().text() == "FrameLost"
    message.closed.emit()
    assert window._messages.count() == 0


def test_message_runs_its_act(qtbot: Any) -> None:
    done: list[int] = []
    message = MessageBar("A", "b", "c", acts=[("Retake", lambda: done.append(1))])
    qtbot.addWidget(message)
    from faceapp.gui.widgets.buttons import Button

    button = next(b for b in message.findChildren(Button) if b.text() == "Retake")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert done == [1]


@pytest.mark.parametrize("name", ["books", "check-circle-fill", "crosshair-simple"])
def test_icons_are_drawn(qapp: QApplication, name: str) -> None:
    image = pixmap(name, "accent", 22).toImage()
    inked = sum(image.pixelColor(x, y).alpha() > 0 for x in range(22) for y in range(22))
    assert inked > 40
    assert not icon(name).pixmap(16, 16).isNull()


def test_icons_are_sharp_on_dense_screens(qapp: QApplication) -> None:
    dense = icon("eye").pixmap(QSize(18, 18), 2.0)
    assert (dense.width(), dense.devicePixelRatio()) == (36, 2.0)


def test_unknown_icon_is_an_error(qapp: QApplication) -> None:
    with pytest.raises(KeyError, match="no icon 'nothing'"):
        icon("nothing")


def test_workspaces_are_built_in_short_steps(
    qtbot: Any, settings: WindowSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No event of the loop builds two things: each makes the widgets, the actions or the content of one workspace."""
    turns: list[list[str]] = [[]]

    class Stepped(Workspace):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name
            turns[-1].append(f"{name} widgets")

        def actions_of(self) -> list[Action]:
            turns[-1].append(f"{self.name} actions")
            return []

        def begin(self) -> None:
            turns[-1].append(f"{self.name} content")

        def restore_state(self, state: dict[str, Any]) -> None:
            turns[-1].append(f"{self.name} state")

        def enter(self) -> None:
            turns[-1].append(f"{self.name} shown")

    window = MainWindow(settings)
    qtbot.addWidget(window)
    for name in ("capture", "review"):
        window.add_workspace(WorkspaceEntry(name, name, "aperture", lambda name=name: Stepped(name)))  # type: ignore[misc]
    step, show = window.open_workspaces, window.show_workspace
    monkeypatch.setattr(window, "open_workspaces", lambda first: (turns.append([]), step(first)))
    monkeypatch.setattr(window, "show_workspace", lambda name: (turns.append([]), show(name)))
    with qtbot.waitSignal(window.built):
        window.open_workspaces("review")
    assert max(len(turn) for turn in turns) == 1
    assert turns.index(["review shown"]) < turns.index(["capture actions"])
    assert window.current == "review"


def test_a_window_that_closes_while_it_is_built_lets_go_of_what_stands(qtbot: Any, settings: WindowSettings) -> None:
    gone: list[str] = []

    class Half(Workspace):
        def shut_down(self) -> None:
            gone.append("half")

    window = MainWindow(settings)
    window.add_workspace(WorkspaceEntry("review", "Review", "aperture", Half))
    window.open_workspaces("review")
    window.close()
    qtbot.wait(50)
    assert gone == ["half"]
    assert window.current == ""


def test_many_actions_tell_once(settings: WindowSettings) -> None:
    window = MainWindow(settings)
    told: list[int] = []
    window.actions_registry.changed.connect(lambda: told.append(1))
    window.actions_registry.add_all([Action(f"x.{i}", str(i), lambda: None) for i in range(5)])
    assert len(told) == 1
    assert "x.4" in window.actions_registry
    window.close()


def test_thumbnails_are_scaled_once(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    image = QImage(320, 240, QImage.Format.Format_RGB32)
    image.fill(QColor("#D65D9B"))
    shown = SampleList("strip")
    qtbot.addWidget(shown)
    shown.resize(400, 160)
    shown.set_entries([SampleEntry("a", "A", thumbnail=image), SampleEntry("b", "B", thumbnail=image, faded=True)])
    scaled: list[int] = []
    real = QPixmapCache.insert
    monkeypatch.setattr(QPixmapCache, "insert", lambda *values: (scaled.append(1), real(*values)))
    first = shown.grab().toImage()
    assert len(scaled) == 1
    assert shown.grab().toImage() == first
    assert len(scaled) == 1
    middle = first.pixelColor(shown.visualRect(shown.model().index(0, 0)).center().x(), 45)
    assert middle.name().upper() == "#D65D9B"


def test_the_state_of_a_workspace_is_on_the_disk_without_closing(qtbot: Any, tmp_path: Path) -> None:
    class Kept(Workspace):
        expression = "neutral"

        def save_state(self) -> dict[str, Any]:
            return {"expression": self.expression}

    file = tmp_path / "window.ini"
    window = MainWindow(WindowSettings(file))
    qtbot.addWidget(window)
    window.add_workspace(WorkspaceEntry("capture", "Capture", "aperture", Kept))
    window.show_workspace("capture")
    workspace = window.workspace("capture")
    assert isinstance(workspace, Kept)
    workspace.expression = "mouth_right"
    window._keeper.setInterval(10)
    qtbot.waitUntil(lambda: file.is_file() and "mouth_right" in WindowSettings(file).text("capture/state"))
