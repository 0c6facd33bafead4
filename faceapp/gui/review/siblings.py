"""The other expressions of the subject beside the current one, their cameras moving with it."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.core.mesh import Mesh
from faceapp.core.subject import Sample
from faceapp.gui.review.results import key_of, millimetres
from faceapp.gui.theme import surface
from faceapp.gui.view3d.layers import LayerStyle
from faceapp.gui.view3d.pieces import Pieces
from faceapp.gui.view3d.view import View3D
from faceapp.gui.widgets.labels import label

MOST = 3
_TINT = (0xA9, 0xC4, 0xE6)


@dataclass(frozen=True, eq=False)
class Sibling:
    """Another sample of the subject: its newest registration, and how well it lies."""

    sample: Sample
    title: str
    mesh: Mesh
    pieces: Pieces
    mean: float


class _Small(View3D):
    """A small view that is chosen by a click."""

    clicked = Signal()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        dragged = self._dragged
        super().mouseReleaseEvent(event)
        if not dragged:
            self.clicked.emit()


class Siblings(QWidget):
    """Up to three small views: the neutral first.

    Signals
    -------
    chosen(str)
        Identifier of the sample that was clicked.
    """

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        self._shown: tuple[Sibling, ...] = ()
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 8, 8, 4)
        column.setSpacing(4)
        self.title = label("Same subject, linked cameras", "section")
        column.addWidget(self.title)
        row = QHBoxLayout()
        row.setSpacing(1)
        self.views = tuple(_Small() for _ in range(MOST))
        for i, view in enumerate(self.views):
            view.set_decorations(False)
            view.setMinimumSize(60, 50)
            view.clicked.connect(lambda i=i: self._clicked(i))
            view.hide()
            row.addWidget(view, 1)
        column.addLayout(row, 1)
        self.none = label("No other expression of this subject is registered yet.", "secondary", wrap=True)
        column.addWidget(self.none, 1)

    @property
    def shown(self) -> tuple[Sibling, ...]:
        """What is to be seen."""
        return self._shown

    def show_siblings(self, siblings: tuple[Sibling, ...]) -> None:
        """Show these; what stands already stays as it is."""
        before = {key_of(s.sample): s for s in self._shown}
        self._shown = siblings[:MOST]
        self.none.setVisible(not self._shown)
        for i, view in enumerate(self.views):
            view.setVisible(i < len(self._shown))
            if i >= len(self._shown):
                view.clear()
                continue
            sibling = self._shown[i]
            if before.get(key_of(sibling.sample)) is not sibling or view.property("sample") != key_of(sibling.sample):
                view.set_layer("mesh", sibling.mesh, LayerStyle(tint=_TINT), pieces=sibling.pieces)
                view.setProperty("sample", key_of(sibling.sample))
            view.set_chips(sibling.title)
            view.set_caption(millimetres(sibling.mean))

    def _clicked(self, at: int) -> None:
        if at < len(self._shown):
            self.chosen.emit(key_of(self._shown[at].sample))

    def shut_down(self) -> None:
        """Let VTK go."""
        for view in self.views:
            view.shut_down()
