"""The window put together: context, jobs, File menu, status bar, operator, and the workspaces."""

from __future__ import annotations

import functools
import importlib
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QLineEdit

from faceapp.gui.bridge import Background, Relay
from faceapp.gui.program.context import Content, Context
from faceapp.gui.program.files import ProjectFiles
from faceapp.gui.program.importing import Importing
from faceapp.gui.program.jobs import JobQueue, words_of
from faceapp.gui.shell.actions import Action
from faceapp.gui.shell.prompt import Prompt
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.shell.window import MainWindow
from faceapp.gui.shell.workspace import Workspace, WorkspaceEntry
from faceapp.gui.widgets.messages import Act
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.core.subject import Sample
    from faceapp.gui.capture.rig_link import RigLink

_DISK_EVERY_MS = 30_000
_LITTLE_DISK_GB = 5.0
_END_S = 1.0


class Program(QObject):
    """What the workspaces may use of the window.

    Parameters
    ----------
    settings : WindowSettings
        What is remembered.
    pictures : Path, optional
        Folder for pictures that are made once and may be thrown away; without it none are made.
    """

    def __init__(self, settings: WindowSettings, pictures: Path | None = None) -> None:
        super().__init__()
        self.settings, self.pictures = settings, pictures
        self.context = Context(settings)
        self.window = MainWindow(settings)
        self.relay = Relay(self)
        self.background = Background(self.relay, 2)
        self.jobs = JobQueue(self.relay, self.window.status, lambda title, error: self.show_failure(title, error))
        self.files = ProjectFiles(self.window, self.context, self.background, self.show_bundle)
        self.importing = Importing(self.window, self.context, self.background, self._imported, self.show_failure)
        self.takers: list[Callable[[list[str]], bool]] = [self.importing.take]
        """What may take files that were dropped, the first that can."""
        self.files.take_others = lambda paths: any(take(paths) for take in self.takers)
        self._disk = QTimer(self)
        self._disk.setInterval(_DISK_EVERY_MS)
        self._disk.timeout.connect(self._show_disk)
        self.window.actions_registry.add(
            Action(
                "edit.operator", "Change who sits here…", self.ask_operator, menu="Edit", icon="user-circle", section=9
            )
        )
        self.window.status.operatorClicked.connect(self.ask_operator)
        self.window.leaving.connect(self.jobs.cancel)
        self.window.closing.connect(self._shut_down)
        self.window.top_bar.crumbs.chosen.connect(self._crumb_chosen)
        self.context.project_changed.connect(self._project_changed)
        self.context.operator_changed.connect(self._show_operator)
        self._show_operator()

    # For the workspaces

    @functools.cached_property
    def rig_link(self) -> RigLink:
        """The rig of the window: devices can be open once, so Capture and Rig share them."""
        from faceapp.gui.capture.rig_link import RigLink
        from faceapp.gui.capture.trouble_menu import TroubleMenu

        link = RigLink(self.relay, self.context.calibration_file, lambda: self.context.project)
        self._troubles = TroubleMenu(self, link)
        return link

    def show_failure(self, title: str, error: BaseException, acts: Sequence[Act] = (), todo: str = "") -> None:
        """Say that something failed, with its details where it is no fault that people can read."""
        text, details = words_of(error)
        self.window.show_error(f"{title}: failed" if title.endswith("ing") else title, text, todo, acts, details)

    def saved(self, when: datetime | None = None) -> None:
        """Show that an act reached the disk."""
        self.window.status.set_saved((when or datetime.now()).astimezone())

    def reload(self, then: Callable[[], object] | None = None) -> None:
        """Read subjects and samples anew on a thread, and show them."""
        project = self.context.project
        if project is None:
            return

        def show(content: Content) -> None:
            if self.context.project is project:
                self.context.take_content(content)
                if then is not None:
                    then()

        self.background.run(lambda: Content.read(project), show)

    def _imported(self, sample: Sample) -> None:
        """Show a sample that was made of files from outside."""

        def show() -> None:
            self.context.set_sample(next((s for s in self.context.samples() if s.id == sample.id), None))
            self.window.show_workspace("annotate")

        self.reload(show)

    def ask_operator(self) -> None:
        """Ask for the initials that every act carries."""
        field = QLineEdit(self.context.operator)
        field.setMaxLength(8)
        field.setFixedWidth(90)

        def take() -> str:
            initials = field.text().strip().upper()
            if not initials or not initials.isalnum():
                return "Give two or three letters; digits may follow."
            self.context.operator = initials
            return ""

        self.window.ask(
            Prompt(
                "Who sits here?",
                [("Initials", field)],
                "Use these initials",
                take,
                "Every act is kept with them. The status bar shows them; a click changes them.",
            )
        )

    def show_bundle(self, folder: Path) -> None:
        """Show a capture bundle from outside in a tab of its own, once what that needs is imported on a thread."""

        def show(module: Any) -> None:
            if "bundle" not in self.window.rail.tabs:
                build = lambda: module.BundleWorkspace(self)  # noqa: E731
                self.window.add_workspace(WorkspaceEntry("bundle", "Bundle", "cube", build))
            self.window.show_workspace("bundle")
            workspace = self.window.workspace("bundle")
            assert isinstance(workspace, module.BundleWorkspace)
            workspace.show_bundle(folder)

        self.background.run(lambda: importlib.import_module("faceapp.gui.program.bundle"), show)

    # The window's own

    def after_first_paint(self) -> None:
        """Open the project of the last time and ask who sits here."""
        self._show_disk()
        self._disk.start()
        if not self.context.operator:
            self.ask_operator()

    def _show_operator(self) -> None:
        self.window.status.set_operator(self.context.operator)

    def _show_disk(self) -> None:
        folder = self.context.project.folder if self.context.project is not None else Path.home()

        def show(free: float) -> None:
            state = State.GOOD if free > _LITTLE_DISK_GB else State.BAD
            text = f"{free:.0f}\N{NO-BREAK SPACE}GB free"
            self.window.status.set_state("disk", text, state, f"On the disk of {folder}; a session needs 5 GB")

        self.background.run(lambda: shutil.disk_usage(folder).free / 1e9, show, lambda _: None)

    def show_calibration(self) -> None:
        """Show age and state of the project's calibration in the status bar."""
        project = self.context.project
        if project is None:
            self.window.status.set_state("calibration", "", State.NONE)
            return

        def work() -> Any:
            from faceapp.app.calibration_use import calibration_state

            return calibration_state(project)

        def show(found: Any) -> None:
            if self.context.project is project:
                states = {"good": State.GOOD, "doubtful": State.CHECK, "missing": State.BAD}
                text = found.text[:1].upper() + found.text[1:]
                self.window.status.set_state("calibration", text, states[found.level], "See Rig, Calibration")

        self.background.run(work, show)

    def _project_changed(self) -> None:
        self.show_calibration()
        self.jobs.cancel()
        name = self.context.project_name
        self.window.setWindowTitle(f"{name} – faceapp" if name else "faceapp")
        self.window.status.set_saved(None)
        self._show_disk()

    def _crumb_chosen(self, level: int) -> None:
        if level == 0 and self.context.project is None:
            self.files.ask_open()

    def _shut_down(self) -> None:
        self._disk.stop()
        self.jobs.close()
        self.background.close(_END_S)
        project = self.context.project
        if project is not None:
            project.close()
        self.relay.close()


class ProjectWorkspace(Workspace):
    """Base of the workspaces that need a project.

    Parameters
    ----------
    program : Program
        Context, jobs, window.
    """

    def __init__(self, program: Program) -> None:
        super().__init__()
        self.program = program
        self.context = program.context
        self.relay = Relay(self)
        self.background = Background(self.relay, 2)

    def show_crumbs(self, subject: str, *more: str) -> None:
        """Show project, subject and what follows."""
        project = self.context.project_name or "No project"
        self.crumbsChanged.emit([text for text in (project, subject, *more) if text])

    def shut_down(self) -> None:
        """Let the running work end, or leave it behind where that takes long."""
        self.background.close(_END_S)
        self.relay.close()
