"""The File menu: projects and bundles, opened on a thread; a project that is open elsewhere says so."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QFileDialog, QLineEdit

from faceapp.core.errors import ProjectError
from faceapp.gui.bridge import Background
from faceapp.gui.program.context import Content, Context
from faceapp.gui.program.jobs import words_of
from faceapp.gui.shell.actions import Action
from faceapp.gui.shell.prompt import Prompt
from faceapp.gui.shell.window import MainWindow
from faceapp.gui.widgets.messages import Act, MessageBar
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.store.project import Project


class ProjectFiles:
    """Opens, makes and closes projects.

    Parameters
    ----------
    window : MainWindow
        Gets the actions and the messages.
    context : Context
        Gets the project.
    background : Background
        Reads.
    show_bundle : callable
        Shows a capture bundle from outside.
    """

    def __init__(
        self,
        window: MainWindow,
        context: Context,
        background: Background,
        show_bundle: Callable[[Path], object],
    ) -> None:
        self._window, self._context, self._background = window, context, background
        self._show_bundle = show_bundle
        self._recent: list[str] = []
        self.take_others: Callable[[list[str]], bool] = lambda _: False
        add = window.actions_registry.add
        add(Action("file.new", "New project…", self.ask_new, "Ctrl+N", "File", "plus"))
        add(Action("file.open", "Open project…", self.ask_open, "Ctrl+O", "File", "folder-open"))
        add(Action("file.bundle", "Open capture bundle…", self.ask_bundle, "Ctrl+B", "File", "cube", section=2))
        add(Action("file.close", "Close project", self.close, "Ctrl+W", "File", section=3))
        window.dropped.connect(self.open_paths)
        context.project_changed.connect(self._project_changed)
        self._project_changed()

    def _project_changed(self) -> None:
        registry = self._window.actions_registry
        registry.set_available("file.close", self._context.project is not None)
        for identifier in self._recent:
            registry.remove(identifier)
        self._recent = []
        for i, folder in enumerate(self._context.recent):
            if self._context.project is not None and folder == self._context.project.folder:
                continue
            identifier = f"file.recent-{i}"
            act = Action(identifier, f"Open {folder.name}", partial(self.open, folder), menu="File", section=1)
            registry.add(act).setToolTip(str(folder))
            self._recent.append(identifier)

    # Asking

    def _choose(self, title: str) -> Path | None:
        chosen = QFileDialog.getExistingDirectory(self._window, title, str(self._home()))
        return Path(chosen) if chosen else None

    def _home(self) -> Path:
        project = self._context.project
        return project.folder.parent if project is not None else Path.home()

    def ask_open(self) -> None:
        """Ask for a project folder and open it."""
        folder = self._choose("Open a project folder")
        if folder is not None:
            self.open(folder)

    def ask_bundle(self) -> None:
        """Ask for a capture bundle and show it."""
        folder = self._choose("Open a capture bundle")
        if folder is not None:
            self.open_paths([str(folder)])

    def ask_new(self) -> None:
        """Ask for a name, a place and a rig, and make a project."""
        name = QLineEdit("Pilot")
        name.setFixedWidth(180)
        place = QLineEdit(str(self._home()))
        place.setMinimumWidth(260)
        rig = QComboBox()
        rig.setEditable(True)
        rig.addItems(["simulated"])
        rig.setMinimumWidth(150)

        def make() -> str:
            words = name.text().strip()
            if not words or "/" in words:
                return "Give the project a name without a slash."
            self.make(Path(place.text()).expanduser() / words, words, rig.currentText().strip() or "simulated")
            return ""

        self._window.ask(
            Prompt("New project", [("Name", name), ("In folder", place), ("Rig", rig)], "Make project", make)
        )

    # Doing

    def make(self, folder: Path, name: str, rig: str) -> None:
        """Make a project and open it."""

        def work() -> tuple[Project, Content]:
            from faceapp.store.project import Project

            project = Project.create(folder, name=name, rig=rig)
            return project, Content.read(project)

        self._background.run(work, self._opened, partial(self._failed, "The project cannot be made", folder))

    def open_paths(self, paths: list[str]) -> None:
        """Open what was dropped: a project, or a capture bundle."""
        path = Path(paths[0])
        if path.name in ("project.json", "capture.json"):
            path = path.parent
        if (path / "project.json").is_file():
            self.open(path)
        elif (path / "capture.json").is_file() or (path / "capture" / "capture.json").is_file():
            self._show_bundle(path)
        elif not self.take_others(paths):
            self._window.show_error(
                "Nothing to open",
                f"{path} is neither a project (project.json) nor a capture bundle (capture.json).",
                "Drop the folder that holds one of these files; pictures, scans and landmarks once a project is open.",
            )

    def open(self, folder: Path, read_only: bool = False) -> None:
        """Open a project on a thread."""

        def work() -> tuple[Project, Content]:
            from faceapp.store.project import Project

            project = Project.open(folder, read_only=read_only)
            return project, Content.read(project)

        self._window.status.set_state("project", f"Opening {folder.name}…", State.WORK)
        self._background.run(work, self._opened, partial(self._failed, "The project cannot be opened", folder))

    def close(self) -> None:
        """Give the project back."""
        self._give_back(self._context.take_project(None))

    def _give_back(self, project: Project | None) -> None:
        if project is not None:
            self._background.run(project.close, lambda _: None)

    def _opened(self, result: tuple[Project, Content]) -> None:
        project, content = result
        self._give_back(self._context.take_project(project, content))
        self._window.status.set_state("project", "Read-only" if project.read_only else "", State.CHECK)
        if project.problems:
            self._window.show_message(
                MessageBar(
                    "Some samples cannot be read",
                    f"{len(project.problems)} of the folders of {self._context.project_name} are left out.",
                    "Run faceapp verify on the project to see every fault.",
                    State.CHECK,
                    details="\n".join(project.problems),
                )
            )

    def _failed(self, title: str, folder: Path, error: BaseException) -> None:
        self._window.status.set_state("project", "", State.NONE)
        text, details = words_of(error)
        acts: list[Act] = []
        if isinstance(error, ProjectError) and (folder / "project.json").is_file():
            acts = [("Open read-only", partial(self.open, folder, True)), ("Try again", partial(self.open, folder))]
        self._window.show_error(title, text, acts=acts, details=details)
