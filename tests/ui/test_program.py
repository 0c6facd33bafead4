"""Projects, operator, jobs, bundles: what the window is about."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit

from faceapp.cli.console import Console
from faceapp.cli.window import run
from faceapp.core.errors import Cancelled, PluginError, UsageError
from faceapp.core.signals import Reporter
from faceapp.gui.program.bundle import BundleWorkspace
from faceapp.gui.program.context import Content, Context
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.theme import theme
from faceapp.gui.widgets.buttons import Button
from faceapp.gui.widgets.messages import MessageBar
from faceapp.store.project import Project
from tests.ui.programs import messages, prompt, start, tiny_bundle, tiny_project


def test_the_first_start_asks_who_sits_here_and_says_what_to_do(qtbot: Any, settings: WindowSettings) -> None:
    program = start(qtbot, settings, operator="")
    qtbot.waitUntil(lambda: bool(messages(program)))
    asked = prompt(program)
    field = asked.findChild(QLineEdit)
    assert field is not None
    field.setText("m h")
    asked.accept()
    assert asked.wrong.isVisible()  # a space is no initial
    field.setText("mh")
    asked.accept()
    assert program.context.operator == "MH"
    assert program.window.status.operator == "MH"
    program.window.close()
    assert WindowSettings(Path(settings._store.fileName())).text("operator/initials") == "MH"


def test_a_project_is_made_and_comes_back(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program = start(qtbot, settings)
    program.files.make(tmp_path / "Pilot", "Pilot", "no-such-rig")
    qtbot.waitUntil(lambda: program.context.project_name == "Pilot")
    assert program.window.windowTitle().startswith("Pilot")
    program.window.close()
    again = start(qtbot, WindowSettings(tmp_path / "window.ini"))
    qtbot.waitUntil(lambda: again.context.project_name == "Pilot", timeout=20_000)
    again.files.close()
    assert again.context.project is None
    assert "file.recent-0" in again.window.actions_registry
    again.window.close()


def test_a_project_that_is_open_elsewhere_can_be_read(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    folder = tiny_project(tmp_path / "p", "no-such-rig")
    with Project.open(folder):
        program = start(qtbot, settings)
        program.files.open(folder)
        qtbot.waitUntil(lambda: any("another window" in m for m in messages(program)), timeout=20_000)
        assert program.context.project is None
        program.files.open(folder, read_only=True)
        qtbot.waitUntil(lambda: program.context.project is not None, timeout=20_000)
        assert not program.context.can_write
        assert program.window.status.state_text("project") == "Read-only"
        program.window.close()


def test_what_is_neither_project_nor_bundle_is_said(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program = start(qtbot, settings)
    program.window.dropped.emit([str(tmp_path)])
    assert any("neither a project" in m for m in messages(program))
    program.window.close()


def test_a_group_without_a_cloud_is_told_once(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    next(bundle.glob("frames/left-ir-1/*003*")).unlink()
    program = start(qtbot, settings)
    program.window.dropped.emit([str(bundle)])
    qtbot.waitUntil(lambda: program.window.current == "bundle", timeout=20_000)
    workspace = program.window.workspace("bundle")
    assert isinstance(workspace, BundleWorkspace)
    qtbot.waitUntil(lambda: len(workspace.findChildren(MessageBar)) == 1, timeout=20_000)
    told = [shown.text() for shown in workspace.findChildren(QLabel) if "is missing" in shown.text()]
    assert len(told) == 1
    program.window.close()


def test_a_dropped_bundle_is_decoded_without_a_project(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    bundle = tiny_bundle(tmp_path / "bundle")
    program = start(qtbot, settings)
    program.window.dropped.emit([str(bundle)])
    qtbot.waitUntil(lambda: program.window.current == "bundle", timeout=20_000)
    workspace = program.window.workspace("bundle")
    assert isinstance(workspace, BundleWorkspace)
    qtbot.waitUntil(lambda: set(workspace.view.layer_names) == {"left", "middle", "right"}, timeout=60_000)
    assert program.window.current == "bundle"
    program.window.close()


def test_jobs_run_one_after_the_other_and_stop(qtbot: Any, settings: WindowSettings) -> None:
    program = start(qtbot, settings)
    began, order = threading.Event(), []

    def endless(reporter: Reporter) -> None:
        began.set()
        while True:
            reporter.progress(0.5, "halfway")
            reporter.cancelled.wait(0.01)

    program.jobs.run("Endless", endless, lambda _: order.append("never"))
    program.jobs.run("Waiting", lambda _: 1, order.append)
    qtbot.waitUntil(began.is_set)
    assert program.window.status.job == "Endless"
    program.window.status.jobCancelled.emit()
    qtbot.waitUntil(lambda: not program.jobs.busy)
    assert order == []  # what waited is dropped too
    program.jobs.run("Third", lambda _: 3, order.append)
    qtbot.waitUntil(lambda: order == [3])
    assert program.window.status.job == ""
    program.window.close()


def test_a_failed_job_is_told_and_the_next_one_runs(qtbot: Any, settings: WindowSettings) -> None:
    program = start(qtbot, settings)
    done: list[int] = []

    def fail(error: BaseException) -> Any:
        def work(_: Reporter) -> None:
            raise error

        return work

    program.jobs.run("Working", fail(PluginError("nicp crashed (signal 11)")), done.append)
    program.jobs.run("Stopped", fail(Cancelled("stopped")), done.append)
    program.jobs.run("Then", lambda _: 2, done.append)
    qtbot.waitUntil(lambda: done == [2])
    assert [m for m in messages(program) if "signal 11" in m]
    assert not [m for m in messages(program) if "stopped" in m]
    program.window.close()


def test_space_in_a_question_belongs_to_the_question(qtbot: Any, settings: WindowSettings, tmp_path: Path) -> None:
    program = start(qtbot, settings, tiny_project(tmp_path / "p", "no-such-rig"))
    program.window.run_action("capture.subject")
    asked = prompt(program)
    box = asked.findChildren(QLineEdit)[0].parentWidget()
    box.setFocus()
    qtbot.waitUntil(lambda: program.window.actions_registry.qt("capture.shoot").shortcut().isEmpty())
    qtbot.keyClick(asked, Qt.Key.Key_Escape)
    assert not asked.isVisible()
    qtbot.waitUntil(lambda: not program.window.actions_registry.qt("capture.shoot").shortcut().isEmpty())
    program.window.close()


def test_context_without_qt() -> None:
    kept: dict[str, str] = {}

    class Memory:
        def text(self, name: str, default: str = "") -> str:
            return kept.get(name, default)

        def set_text(self, name: str, value: str) -> None:
            kept[name] = value

    context = Context(Memory())
    told: list[str] = []
    context.operator_changed.connect(lambda: told.append(context.operator))
    context.operator = "JK"
    assert told == ["JK"]
    assert context.recent == ()
    assert context.neighbour(1) is None
    assert context.content == Content()


def test_the_command_refuses_what_is_no_project(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a command"):
        run([str(tmp_path)], Console(False))


def test_the_command_needs_a_display(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("faceapp.app.doctor.has_display", lambda: False)
    assert run([], Console(False)) == 1
    assert "no display" in capsys.readouterr().err


def test_a_question_has_the_focus_and_the_only_blue_button(
    qtbot: Any, settings: WindowSettings, tmp_path: Path
) -> None:
    program = start(qtbot, settings, tiny_project(tmp_path / "p", str(tiny_bundle(tmp_path / "bundle"))), operator="")
    window = program.window
    field = prompt(program).findChild(QLineEdit)
    assert field is not None and window.focusWidget() is field  # though the workspace came after the question
    blue = theme().tokens.fill
    page = window.workspace("capture")
    primary = [b for b in page.findChildren(Button) if b.property("kind") == "primary" and b.isVisible()]
    assert primary and not any(blue in _colours(b) for b in primary)
    qtbot.keyClicks(field, "mh")
    qtbot.keyClick(field, Qt.Key.Key_Return)
    assert program.context.operator == "MH"
    qtbot.waitUntil(lambda: any(blue in _colours(b) for b in primary if b.isEnabled()), timeout=20_000)
    window.close()


def _colours(widget: Button) -> set[str]:
    picture = widget.grab().toImage()
    return {picture.pixelColor(x, picture.height() // 2).name().upper() for x in range(0, picture.width(), 2)}


def test_closing_cancels_a_job_and_does_not_wait_for_one_that_does_not_hear(
    qtbot: Any, settings: WindowSettings
) -> None:
    program = start(qtbot, settings)
    begun, let_go = threading.Event(), threading.Event()

    def deaf(_: Reporter) -> None:
        begun.set()
        let_go.wait(20)

    program.jobs.run("Deaf", deaf, lambda _: None)
    assert begun.wait(5)
    assert program.jobs.has("Deaf") and not program.jobs.has("Other")
    start_s = time.perf_counter()
    program.window.close()
    assert time.perf_counter() - start_s < 2.0
    let_go.set()
