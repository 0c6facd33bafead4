"""What a workspace is to the window."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from faceapp.gui.shell.actions import Action

ORDER = ("library", "capture", "annotate", "review", "analyse", "rig")


class Workspace(QWidget):
    """Base of the workspaces: a widget with actions and a state to remember.

    Signals
    -------
    crumbsChanged(list)
        The breadcrumb to show, a list of str from the project down.
    """

    crumbsChanged = Signal(list)  # noqa: N815 - a Qt name

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # takes the keys from the bars round it

    def begin(self) -> None:
        """Show what is current, once the widgets stand; apart from making them, for both take time."""

    def actions_of(self) -> Sequence[Action]:
        """Return the actions; their keys hold while this workspace is on the screen."""
        return ()

    def enter(self) -> None:
        """Come onto the screen."""

    def leave(self) -> None:
        """Leave the screen: stop streams and timers."""

    def set_narrow(self, narrow: bool) -> None:
        """Lay out for a laptop (window narrower than 1400 px) or a large screen."""

    def save_state(self) -> dict[str, Any]:
        """Return what JSON can hold and `restore_state` needs."""
        return {}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Put back what `save_state` returned; unknown and missing entries do no harm."""

    def shut_down(self) -> None:
        """Stop threads and let files go; the window closes."""


@dataclass(frozen=True)
class WorkspaceEntry:
    """A tab of the rail; the widget is built after the first paint.

    Parameters
    ----------
    id : str
        One of `ORDER` or another word.
    title : str
        Word under the icon.
    icon : str
        Phosphor icon.
    build : callable
        Makes the widget, importing what it needs.
    module : str
        What that is, to be imported on a thread before.
    """

    id: str
    title: str
    icon: str
    build: Callable[[], Workspace]
    module: str = ""
