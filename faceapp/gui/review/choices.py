"""One of a few: side by side where there is room, else as a list that folds out."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QWidget

from faceapp.gui.widgets.buttons import Segmented


class Choices(QWidget):
    """A choice in a bar.

    Parameters
    ----------
    options : sequence of (str, str)
        Identifier and title.
    name : str
        What is chosen, for screen readers and the tool tip.

    Signals
    -------
    changed(str)
        The identifier chosen by a person.
    """

    changed = Signal(str)

    def __init__(self, options: Sequence[tuple[str, str]], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._options = tuple(identifier for identifier, _ in options)
        self._hidden: set[str] = set()
        self._titles = dict(options)
        self._folded = False
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        self.segments = Segmented(options)
        self.segments.changed.connect(self._chosen)
        self.list = QComboBox()
        self.list.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.list.setAccessibleName(name)
        self.list.setToolTip(name)
        self.list.activated.connect(lambda at: self._chosen(str(self.list.itemData(at))))
        row.addWidget(self.segments)
        row.addWidget(self.list)
        self._fill()
        self.set_folded(False)

    @property
    def current(self) -> str:
        """Identifier of the one that is chosen."""
        return self.segments.current

    def set_current(self, identifier: str) -> None:
        """Choose without a signal."""
        self.segments.set_current(identifier)
        self.list.setCurrentIndex(self.list.findData(identifier))

    def set_offered(self, identifier: str, offered: bool) -> None:
        """Offer an option, or leave it out; the first stands in for one that is chosen and left out."""
        if offered == (identifier not in self._hidden):
            return
        (self._hidden.discard if offered else self._hidden.add)(identifier)
        self.segments.show_option(identifier, offered)
        if not offered and self.current == identifier:
            self.segments.set_current(self._options[0])
        self._fill()

    def offers(self, identifier: str) -> bool:
        """Return whether an option is there to be chosen."""
        return identifier not in self._hidden

    def set_folded(self, folded: bool) -> None:
        """Show a list that folds out instead of all side by side."""
        self._folded = folded
        self.segments.setVisible(not folded)
        self.list.setVisible(folded)

    def _fill(self) -> None:
        self.list.clear()
        for identifier in self._options:
            if identifier not in self._hidden:
                self.list.addItem(self._titles[identifier], identifier)
        self.list.setCurrentIndex(self.list.findData(self.current))

    def _chosen(self, identifier: str) -> None:
        self.set_current(identifier)
        self.changed.emit(identifier)
