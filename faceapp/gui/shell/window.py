"""The main window: bars and rail round the workspace that is on the screen."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

from PySide6.QtCore import QPoint, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QMainWindow, QMenu, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.gui.shell.actions import Action, ActionRegistry
from faceapp.gui.shell.command_palette import CommandPalette
from faceapp.gui.shell.prompt import Prompt
from faceapp.gui.shell.rail import Rail
from faceapp.gui.shell.settings import SCALES, WindowSettings, place
from faceapp.gui.shell.statusbar import StatusBar
from faceapp.gui.shell.topbar import TopBar
from faceapp.gui.shell.window_actions import own_actions
from faceapp.gui.shell.workspace import ORDER, Workspace, WorkspaceEntry
from faceapp.gui.theme import SIZES, restyle, surface, theme
from faceapp.gui.widgets.buttons import Button
from faceapp.gui.widgets.messages import Act, EmptyState, MessageBar
from faceapp.gui.widgets.states import State

_log = logging.getLogger(__name__)
_KEEP_EVERY_MS = 2_000


class MainWindow(QMainWindow):
    """The window.

    Parameters
    ----------
    settings : WindowSettings
        What is remembered.

    Signals
    -------
    painted()
        Once, after the first paint: now heavy modules may be imported.
    built()
        Once, when all workspaces stand.
    workspaceChanged(str)
    narrowChanged(bool)
        The window became narrower than 1400 px, or wider again.
    leaving(), closing()
        The window is to close; the workspaces are shut down: what they shared can go.
    dropped(list)
        Paths (str) of files and folders that were dropped onto the window.
    """

    painted = Signal()
    built = Signal()
    workspaceChanged = Signal(str)  # noqa: N815 - Qt names
    narrowChanged = Signal(bool)  # noqa: N815
    leaving = Signal()
    closing = Signal()
    dropped = Signal(list)

    def __init__(self, settings: WindowSettings) -> None:
        super().__init__()
        self.setWindowTitle("faceapp")
        self.settings = settings
        self.actions_registry = ActionRegistry(self)
        self._entries: dict[str, WorkspaceEntry] = {}
        self._built: dict[str, Workspace] = {}
        self._under_way: dict[str, Iterator[None]] = {}
        self._unfinished: dict[str, Workspace] = {}
        self._closed = False
        self._current = ""
        self._narrow = False
        self._was_painted = False
        theme().apply(settings.theme, settings.more_contrast)
        self.top_bar = TopBar(self.actions_registry)
        self.rail = Rail()
        self.status = StatusBar()
        self.stack = QStackedWidget()
        self._messages = QVBoxLayout()
        self._messages.setContentsMargins(0, 0, 0, 0)
        self._messages.setSpacing(4)
        self._lay_out()
        self.palette_box = CommandPalette(self, self.actions_registry, self.run_action)
        self.top_bar.search.clicked.connect(lambda: self.palette_box.open())
        self.rail.chosen.connect(self.show_workspace)
        self.rail.settingsClicked.connect(lambda: self._pop_up("View", self.rail.settings))
        self.rail.helpClicked.connect(lambda: self._pop_up("Help", self.rail.help))
        self.actions_registry.add_all(own_actions(self))
        for identifier, key in settings.keys.items():
            self.actions_registry.set_key(identifier, key)
        self._empty: QWidget | None = None
        self._keeper = QTimer(self)
        self._keeper.setInterval(_KEEP_EVERY_MS)
        self._keeper.timeout.connect(self._keep_current)
        self._keeper.start()
        place(self, settings.geometry())

    def _lay_out(self) -> None:
        central = QWidget()
        surface(central, "window")
        column = QVBoxLayout(central)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top_bar)
        row = QHBoxLayout()
        row.setSpacing(0)
        row.addWidget(self.rail)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addLayout(self._messages)
        right.addWidget(self.stack, 1)
        row.addLayout(right, 1)
        column.addLayout(row, 1)
        column.addWidget(self.status)
        self.setCentralWidget(central)
        self.setMinimumSize(1024, 640)
        self.setAcceptDrops(True)

    # Workspaces

    def add_workspace(self, entry: WorkspaceEntry) -> None:
        """Show a tab; the workspace is built when it is first shown, or by `open_workspaces`."""
        self._entries[entry.id] = entry
        rank = {identifier: i for i, identifier in enumerate(ORDER)}
        ordered = sorted(self._entries, key=lambda identifier: rank.get(identifier, len(ORDER)))
        number = rank.get(entry.id, len(ORDER)) + 1
        key = f"Ctrl+{number}" if number <= 9 else ""
        self.rail.add_tab(entry.id, entry.title, entry.icon, key, ordered.index(entry.id))
        show = lambda: self.show_workspace(entry.id)  # noqa: E731
        self.actions_registry.add(Action(f"go.{entry.id}", f"Go to {entry.title}", show, key, "Window", entry.icon))
        if self._empty is not None:
            self.stack.removeWidget(self._empty)
            self._empty = None

    def show_empty(self, widget: EmptyState) -> None:
        """Show what to do first while no workspace stands."""
        self._empty = widget
        self.stack.addWidget(widget)
        self.stack.setCurrentWidget(widget)

    def workspace(self, identifier: str) -> Workspace:
        """Return a workspace, building it if need be."""
        for _ in self._building_of(identifier):
            pass
        return self._built[identifier]

    def _building_of(self, identifier: str) -> Iterator[None]:
        """Return what is left to do until a workspace stands, in steps short enough for an event each."""
        if identifier in self._built:
            return iter(())
        return self._under_way.setdefault(identifier, self._build(identifier))

    def _build(self, identifier: str) -> Iterator[None]:
        entry = self._entries[identifier]
        built = self._unfinished[identifier] = entry.build()
        yield
        self.stack.addWidget(built)
        built.set_narrow(self._narrow)
        yield
        built.crumbsChanged.connect(lambda texts, name=identifier: self._crumbs_changed(name, texts))
        where = [replace(a, workspace=identifier, where=a.where or entry.title) for a in built.actions_of()]
        self.actions_registry.add_all(where)
        yield
        built.begin()
        yield
        try:
            built.restore_state(json.loads(self.settings.text(f"{identifier}/state", "{}")))
        except Exception:  # a state that cannot be read must not keep the window shut
            _log.exception("the state of %s could not be restored", identifier)
        self._built[identifier] = built
        del self._under_way[identifier], self._unfinished[identifier]

    def _keep_state(self, identifier: str) -> bool:
        """Remember the state of a workspace; return whether it is another one."""
        name, state = f"{identifier}/state", json.dumps(self._built[identifier].save_state())
        if self.settings.text(name) == state:
            return False
        self.settings.set_text(name, state)
        return True

    def _keep_current(self) -> None:
        """Write down where the program is now and then: after a kill it comes back there."""
        if self._current and not self._closed and self._keep_state(self._current):
            self.settings.save()

    def open_workspaces(self, first: str) -> None:
        """Build all workspaces, a step at each turn of the event loop, and show one as soon as it stands."""
        left = [identifier for identifier in (first, *self._entries) if identifier not in self._built]
        if self._closed:
            return
        if left:
            next(self._building_of(left[0]), None)
        if not self._current and first in self._built:
            QTimer.singleShot(0, self, lambda: self.show_workspace(first))
        if left:
            QTimer.singleShot(0, self, lambda: self.open_workspaces(first))
        else:
            self.built.emit()

    def show_workspace(self, identifier: str) -> None:
        """Bring a workspace onto the screen.

        Raises
        ------
        KeyError
            It was not added.
        """
        if identifier == self._current:
            self.rail.set_current(identifier)
            return
        wanted = self.workspace(identifier)
        if self._current:
            self._built[self._current].leave()
            self._keep_state(self._current)
            self.settings.set_text("window/workspace", identifier)
            self.settings.save()  # after a kill the program is where it was
        self._current = identifier
        self.stack.setCurrentWidget(wanted)
        self.rail.set_current(identifier)
        self.actions_registry.set_workspace(identifier)
        wanted.enter()
        self._give_focus()
        self.workspaceChanged.emit(identifier)

    @property
    def current(self) -> str:
        """Identifier of the workspace on the screen."""
        return self._current

    def _crumbs_changed(self, identifier: str, texts: Sequence[str]) -> None:
        if identifier == self._current:
            self.top_bar.crumbs.set_texts(texts)

    def set_crumbs(self, *texts: str) -> None:
        """Show the breadcrumb."""
        self.top_bar.crumbs.set_texts(texts)

    def run_action(self, identifier: str) -> None:
        """Do an action; one of another workspace brings that workspace first."""
        for action in self.actions_registry:
            if action.id == identifier:
                if action.workspace and action.workspace != self._current:
                    self.show_workspace(action.workspace)
                self.actions_registry.run(identifier)
                return

    # Look

    def set_theme(self, name: str) -> None:
        """Switch to ``dark`` or ``light`` and remember it."""
        self.settings.theme = name
        theme().apply(name)
        for other in ("dark", "light"):
            self.actions_registry.qt(f"view.theme-{other}").setChecked(other == name)

    def set_more_contrast(self, on: bool) -> None:
        """Give fields an edge, or not, and remember it."""
        self.settings.more_contrast = on
        theme().apply(self.settings.theme, on)

    def set_scale(self, percent: int) -> None:
        """Remember another size of the writing for the next start."""
        self.settings.scale = percent
        for other in SCALES:
            self.actions_registry.qt(f"view.scale-{other}").setChecked(other == percent)
        self.show_message(
            MessageBar("", f"The size changes to {percent}\N{NO-BREAK SPACE}% at the next start.", state=State.WORK)
        )

    def toggle_full_screen(self) -> None:
        """Fill the screen, or no longer."""
        if self.isFullScreen():
            self.showNormal()
        else:
            self.showFullScreen()

    def _pop_up(self, name: str, button: QWidget) -> None:
        menu = QMenu(self)
        self.actions_registry.fill_menu(menu, name)
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(button.mapToGlobal(QPoint(button.width() + 4, button.height() - menu.sizeHint().height())))

    # Messages

    def show_message(self, message: MessageBar) -> None:
        """Show a message above the workspace until it is closed; the same words are not shown twice."""
        for i in range(self._messages.count()):
            item = self._messages.itemAt(i)
            old = item.widget() if item is not None else None
            if old is not None and old.accessibleName() == message.accessibleName():
                self._remove_message(old)
                break
        self._add_message(message)

    def show_error(
        self, title: str, text: str, todo: str = "", acts: Sequence[Act] = (), details: str = ""
    ) -> MessageBar:
        """Show what went wrong, to what, and what to do."""
        message = MessageBar(title, text, todo, State.BAD, acts, details)
        self.show_message(message)
        return message

    def ask(self, prompt: Prompt) -> None:
        """Show a question above the workspace; a question that stands there already gives way."""
        for old in self.findChildren(Prompt):
            self._remove_message(old)
        self._add_message(prompt)
        self._show_asking(True)
        prompt.take_focus()

    def _add_message(self, message: MessageBar | Prompt) -> None:
        message.closed.connect(lambda: self._remove_message(message))
        self._messages.addWidget(message)
        message.show()

    def _remove_message(self, message: QWidget) -> None:
        self._messages.removeWidget(message)
        message.hide()
        message.deleteLater()
        if isinstance(message, Prompt):
            self._show_asking(False)
        self._give_focus()

    def _give_focus(self) -> None:
        """Put the keys where the next act is: into a question, else into the workspace."""
        widgets = (item.widget() for i in range(self._messages.count()) if (item := self._messages.itemAt(i)))
        question = next((w for w in widgets if isinstance(w, Prompt)), None)
        if question is not None:
            question.take_focus()
        elif self._current:
            self._built[self._current].setFocus()

    def _show_asking(self, asking: bool) -> None:
        """Leave the blue to the button of the question."""
        self.stack.setProperty("asking", asking)
        for button in self.stack.findChildren(Button):
            restyle(button)

    # Life

    @property
    def narrow(self) -> bool:
        """Whether the window is narrower than 1400 px."""
        return self._narrow

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        narrow = self.width() < SIZES.narrow_below
        if narrow != self._narrow:
            self._narrow = narrow
            self.rail.set_narrow(narrow)
            self.top_bar.search.set_narrow(narrow)
            for workspace in self._built.values():
                workspace.set_narrow(narrow)
            self.narrowChanged.emit(narrow)
        self.palette_box.close_palette()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._was_painted:
            self._was_painted = True
            QTimer.singleShot(0, self, self.painted.emit)

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        self.leaving.emit()
        self.settings.set_geometry(self.saveGeometry())
        self.settings.set_text("window/workspace", self._current)
        self.settings.keys = self.actions_registry.keys()
        self._closed = True
        self.hide()  # what is still under way may take a second to end; nobody need look at that
        for identifier, workspace in (*self._built.items(), *self._unfinished.items()):
            try:
                if identifier in self._built:
                    self._keep_state(identifier)
                workspace.shut_down()
            except Exception:  # one workspace must not keep the others from being saved
                _log.exception("%s could not be closed in good order", identifier)
        self.closing.emit()
        self.settings.save()
        event.accept()

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        paths = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if paths:
            event.acceptProposedAction()
            self.dropped.emit(paths)
