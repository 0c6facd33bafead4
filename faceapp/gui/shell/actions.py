"""The one list of actions from which menus, the command palette and tool tips are made."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from PySide6.QtCore import QKeyCombination, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QAbstractSpinBox, QApplication, QLineEdit, QMenu, QPlainTextEdit, QTextEdit, QWidget

from faceapp.gui.theme import icon
from faceapp.gui.widgets.keycap import key_text

MENUS = ("File", "Edit", "View", "Sample", "Run", "Simulated rig", "Window", "Help")


@dataclass(frozen=True)
class Action:
    """Something a person can do.

    Parameters
    ----------
    id : str
        ``annotate.refit``: the workspace, then the act; or the menu, then the act.
    title : str
        A verb; ends in "…" when a question follows.
    run : callable
        Called without arguments; a checkable one with the new state.
    shortcut : str
        ``Ctrl+K``, ``F``; empty for none.
    menu : str
        One of `MENUS`; empty: in the palette only.
    icon : str
        Phosphor icon.
    where : str
        Word at the right of the palette's row: the workspace's title or ``Settings``.
    workspace : str
        Identifier of the workspace in which alone the key holds; the window fills this and ``where`` in.
    checkable, checked : bool
        Whether it is a switch, and how it starts.
    section : int
        Lines in a menu separate sections.
    group : str
        Switches of one group exclude each other.
    """

    id: str
    title: str
    run: Callable[..., object]
    shortcut: str = ""
    menu: str = ""
    icon: str = ""
    where: str = ""
    workspace: str = ""
    checkable: bool = False
    checked: bool = False
    section: int = 0
    group: str = ""


TAKES_KEYS = "takes_keys"
"""Property of a widget inside which letters, Space and Enter belong to the fields."""


def types_text(widget: QWidget | None) -> bool:
    """Return whether keys go into a text that is being written, or into a question that stands above the workspace."""
    above = widget
    while above is not None:
        if above.property(TAKES_KEYS):
            return True
        above = above.parentWidget()
    if isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit):
        return not widget.isReadOnly()
    return isinstance(widget, QAbstractSpinBox)


def _is_plain(sequence: QKeySequence) -> bool:
    """Return whether a text field could want this key: a letter, an arrow, Space, Backspace; not Ctrl or Alt or F5."""
    if sequence.count() != 1:
        return False
    combination: QKeyCombination = sequence[0]  # type: ignore[index]  # missing in the stubs
    strong = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier
    if combination.keyboardModifiers() & strong:
        return False
    return not Qt.Key.Key_F1 <= combination.key() <= Qt.Key.Key_F35


class ActionRegistry(QObject):
    """All actions, as `QAction` on one window.

    Signals
    -------
    changed()
        An action came, went or got another key.
    """

    changed = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._actions: dict[str, Action] = {}
        self._qt: dict[str, QAction] = {}
        self._keys: dict[str, str] = {}
        self._available: dict[str, bool] = {}
        self._typing = False
        self._workspace = ""
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._focus_changed)

    def __iter__(self) -> Iterator[Action]:
        return iter(self._actions.values())

    def __contains__(self, identifier: str) -> bool:
        return identifier in self._actions

    def add(self, action: Action) -> QAction:
        """Add an action.

        Raises
        ------
        ValueError
            There is one with this identifier.
        """
        qt = self._add(action)
        self.changed.emit()
        return qt

    def add_all(self, actions: Iterable[Action]) -> None:
        """Add many, and tell once."""
        for action in actions:
            self._add(action)
        self.changed.emit()

    def _add(self, action: Action) -> QAction:
        if action.id in self._actions:
            raise ValueError(f"there are two actions {action.id!r}")
        qt = QAction(action.title, self._window)
        if action.icon:
            qt.setIcon(icon(action.icon))
        qt.setCheckable(action.checkable)
        qt.setChecked(action.checked)
        qt.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
        if action.checkable:
            qt.triggered.connect(lambda checked: action.run(checked))
        else:
            qt.triggered.connect(lambda _=False: action.run())
        self._window.addAction(qt)
        self._actions[action.id] = action
        self._qt[action.id] = qt
        self._available[action.id] = True
        self._bind(action.id)
        return qt

    def remove(self, identifier: str) -> None:
        """Take an action away."""
        qt = self._qt.pop(identifier)
        del self._actions[identifier], self._available[identifier]
        self._window.removeAction(qt)
        qt.deleteLater()
        self.changed.emit()

    def qt(self, identifier: str) -> QAction:
        """Return the `QAction` of an identifier, for buttons and menus."""
        return self._qt[identifier]

    def key(self, identifier: str) -> str:
        """Return the shortcut in force, or an empty text."""
        return self._keys.get(identifier, self._actions[identifier].shortcut)

    def set_key(self, identifier: str, shortcut: str) -> None:
        """Give an action another shortcut; an action that had it loses it."""
        wanted = QKeySequence(shortcut)
        if shortcut:
            for other in self._actions:
                if other != identifier and QKeySequence(self.key(other)) == wanted and self._share(other, identifier):
                    self._keys[other] = ""
                    self._bind(other)
        self._keys[identifier] = shortcut
        if identifier in self._actions:
            self._bind(identifier)
            self.changed.emit()

    def keys(self) -> dict[str, str]:
        """Return the shortcuts that differ from the defaults, for the settings."""
        return dict(self._keys)

    def _share(self, one: str, other: str) -> bool:
        """Return whether two actions can be on at once: those of two workspaces cannot."""
        a, b = self._actions[one].workspace, self._actions[other].workspace
        return not a or not b or a == b

    def set_available(self, identifier: str, available: bool) -> None:
        """Switch an action on or off."""
        self._available[identifier] = available
        self._bind(identifier)

    def is_available(self, identifier: str) -> bool:
        """Return whether an action is on (typing does not count)."""
        return self._available[identifier]

    def run(self, identifier: str) -> None:
        """Do it, as a click in the menu would."""
        if self._available[identifier]:
            self._qt[identifier].trigger()

    def tip(self, identifier: str) -> str:
        """Return the tool tip: the title and the key."""
        key = self.key(identifier)
        title = self._actions[identifier].title
        return f"{title}  [{key_text(key)}]" if key else title

    def _bind(self, identifier: str) -> None:
        """Set shortcut, tool tip and state of the `QAction`."""
        qt = self._qt[identifier]
        sequence = QKeySequence(self.key(identifier))
        plain = not sequence.isEmpty() and _is_plain(sequence)
        # Only the workspace on the screen has its keys: two may use the same letter.
        here = self._actions[identifier].workspace in ("", self._workspace)
        on = here and self._available[identifier] and not (plain and self._typing)
        qt.setShortcut(sequence if on else QKeySequence())
        qt.setEnabled(self._available[identifier])
        qt.setToolTip(self.tip(identifier))

    def set_workspace(self, identifier: str) -> None:
        """Say which workspace is on the screen; the keys of the others are off."""
        self._workspace = identifier
        for action in self._actions:
            self._bind(action)
        self.changed.emit()

    def _focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        typing = types_text(new)
        if typing != self._typing:
            self._typing = typing
            for identifier in self._actions:
                self._bind(identifier)

    def of_menu(self, name: str) -> list[Action]:
        """Return the actions of a menu: those of every place and of the workspace on the screen."""
        here = ("", self._workspace)
        return [a for a in self._actions.values() if a.menu == name and a.workspace in here]

    def fill_menu(self, menu: QMenu, name: str) -> None:
        """Fill a menu with its actions; sections are separated by lines."""
        menu.clear()
        wanted = sorted(self.of_menu(name), key=lambda a: a.section)
        section = wanted[0].section if wanted else 0
        for action in wanted:
            if action.section != section:
                menu.addSeparator()
                section = action.section
            menu.addAction(self._qt[action.id])
