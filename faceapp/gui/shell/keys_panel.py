"""Keys: every act with its key, to be changed; an act that had the key loses it."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QKeySequenceEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from faceapp.gui.shell.actions import TAKES_KEYS, ActionRegistry
from faceapp.gui.shell.settings import WindowSettings
from faceapp.gui.widgets.buttons import Button
from faceapp.gui.widgets.keycap import key_text
from faceapp.gui.widgets.labels import label

_ID = Qt.ItemDataRole.UserRole


class KeysPanel(QDialog):
    """A window of its own beside the main one: acts by workspace, and a field that takes the new key.

    Parameters
    ----------
    registry : ActionRegistry
        The acts.
    settings : WindowSettings
        Where changed keys are kept.
    """

    def __init__(self, registry: ActionRegistry, settings: WindowSettings, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys")
        self.setProperty(TAKES_KEYS, True)
        self.resize(560, 640)
        self._registry, self._settings = registry, settings
        self.tree = QTreeWidget()
        self.tree.setHeaderLabels(["Act", "Key"])
        self.tree.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.field = QKeySequenceEdit()
        self.field.setMaximumSequenceLength(1)
        self.change, self.clear = Button("Change"), Button("No key")
        self.default = Button("As delivered", "quiet")
        self.said = label("Choose an act, press its new key, then Change.", "secondary", wrap=True)
        column = QVBoxLayout(self)
        column.addWidget(self.tree, 1)
        row = QHBoxLayout()
        row.addWidget(self.field, 1)
        for button in (self.change, self.clear, self.default):
            row.addWidget(button)
        column.addLayout(row)
        column.addWidget(self.said)
        self.change.clicked.connect(lambda: self._set(self.field.keySequence().toString()))
        self.clear.clicked.connect(lambda: self._set(""))
        self.default.clicked.connect(self._set_default)
        self.tree.currentItemChanged.connect(lambda item, _: self._chosen(item))
        self.fill()

    def fill(self) -> None:
        """List all acts with the keys that are in force."""
        kept = self.current
        self.tree.clear()
        tops: dict[str, QTreeWidgetItem] = {}
        for action in self._registry:
            place = action.where or action.menu or "Everywhere"
            if place not in tops:
                tops[place] = QTreeWidgetItem(self.tree, [place])
                tops[place].setExpanded(True)
            item = QTreeWidgetItem(tops[place], [action.title, key_text(self._registry.key(action.id))])
            item.setData(0, _ID, action.id)
            if action.id == kept:
                self.tree.setCurrentItem(item)

    @property
    def current(self) -> str:
        """Identifier of the act that is chosen; empty for none."""
        item = self.tree.currentItem()
        return str(item.data(0, _ID) or "") if item is not None else ""

    def choose(self, identifier: str) -> None:
        """Choose an act."""
        for i in range(self.tree.topLevelItemCount()):
            top = self.tree.topLevelItem(i)
            for k in range(top.childCount() if top is not None else 0):
                item = top.child(k) if top is not None else None
                if item is not None and item.data(0, _ID) == identifier:
                    self.tree.setCurrentItem(item)

    def _chosen(self, item: QTreeWidgetItem | None) -> None:
        identifier = str(item.data(0, _ID) or "") if item is not None else ""
        self.field.setKeySequence(QKeySequence(self._registry.key(identifier) if identifier else ""))

    def _set(self, key: str) -> None:
        identifier = self.current
        if not identifier:
            return
        before = {a.id: self._registry.key(a.id) for a in self._registry}
        self._registry.set_key(identifier, key)
        self._settings.keys = self._registry.keys()
        self._settings.save()
        lost = [a.title for a in self._registry if a.id != identifier and before[a.id] and not self._registry.key(a.id)]
        self.said.setText(f"Taken from: {', '.join(lost)}" if lost else "Kept.")
        self.fill()

    def _set_default(self) -> None:
        action = next((a for a in self._registry if a.id == self.current), None)
        if action is not None:
            self._set(action.shortcut)
