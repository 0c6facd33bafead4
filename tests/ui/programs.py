"""A whole program in a window for tests, and small captures for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from faceapp.core.sequence import multi_frequency
from faceapp.formats.capture_bundle import describe_exposure
from faceapp.gui.program.program import Program
from faceapp.gui.shell.prompt import Prompt
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.start import make_program
from faceapp.store.project import Project
from tests.unit.bundles import write_bundle


def tiny_bundle(folder: Path, groups: int = 3) -> Path:
    """A bundle that the default plan of a capture can replay: a plane, 200 x 160 pixels."""
    exposures = [describe_exposure(exposure) for exposure in multi_frequency().exposures]
    return write_bundle(folder, exposures, noise=1.0, groups=groups)


def tiny_project(folder: Path, rig: str, subjects: int = 1) -> Path:
    with Project.create(folder, rig=rig) as project:
        for _ in range(subjects):
            project.add_subject(age=30, consent=("record",))
    return folder


def start(qtbot: Any, settings: WindowSettings, project: Path | None = None, operator: str = "MH") -> Program:
    if operator:
        settings.set_text("operator/initials", operator)
    program = make_program(settings, project, preload=False)
    program.window.resize(1600, 900)
    program.window.show()
    qtbot.waitUntil(lambda: program.window.current != "", timeout=20_000)
    program.window.activateWindow()
    if project is not None:
        qtbot.waitUntil(lambda: program.context.project is not None, timeout=20_000)
    return program


def messages(program: Program) -> list[str]:
    layout = program.window._messages
    widgets = [layout.itemAt(i).widget() for i in range(layout.count())]
    return [w.accessibleName() for w in widgets if w is not None]


def prompt(program: Program) -> Prompt:
    return next(p for p in program.window.findChildren(Prompt) if p.isVisible())
