"""What a page of the Rig workspace is, and which there are: a page more is an entry more in `PAGES`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtWidgets import QWidget

from faceapp.gui.bridge import Background, Relay
from faceapp.gui.capture.rig_link import RigLink
from faceapp.gui.program.program import Program
from faceapp.gui.shell.actions import Action


class RigPage(QWidget):
    """Base of the pages.

    Parameters
    ----------
    program : Program
        Context, window, jobs.
    background : Background
        Threads of the workspace for short work.
    relay : Relay
        Onto the interface's thread.

    Notes
    -----
    ``link`` is the rig that the whole window shares: Capture shoots with it, the pages show its cameras
    (`RigLink.stream`) and work with its devices one after the other (`RigLink.run`).
    """

    def __init__(self, program: Program, background: Background, relay: Relay) -> None:
        super().__init__()
        self.program, self.context = program, program.context
        self.background, self.relay = background, relay
        self.link: RigLink = program.rig_link

    def actions_of(self) -> Sequence[Action]:
        """Return the actions; their identifiers begin with ``rig.``."""
        return ()

    def begin(self) -> None:
        """Show what is current and connect signals, once all pages stand."""

    def enter(self) -> None:
        """Come onto the screen."""

    def leave(self) -> None:
        """Leave the screen: no stream and no timer goes on."""

    def set_narrow(self, narrow: bool) -> None:
        """Lay out for a laptop or a large screen."""

    def save_state(self) -> dict[str, Any]:
        """Return what JSON can hold and `restore_state` needs."""
        return {}

    def restore_state(self, state: dict[str, Any]) -> None:
        """Put back what `save_state` returned."""

    def shut_down(self) -> None:
        """Stop what runs; the window closes."""


@dataclass(frozen=True)
class PageEntry:
    """A page and how it is made.

    Parameters
    ----------
    id, title : str
        Of its segment.
    build : callable
        Makes it, importing what it needs.
    """

    id: str
    title: str
    build: Callable[[Program, Background, Relay], RigPage]


def _devices(program: Program, background: Background, relay: Relay) -> RigPage:
    from faceapp.gui.rig.devices_page import DevicesPage

    return DevicesPage(program, background, relay)


def _calibration(program: Program, background: Background, relay: Relay) -> RigPage:
    from faceapp.gui.rig.calibration_page import CalibrationPage

    return CalibrationPage(program, background, relay)


PAGES: tuple[PageEntry, ...] = (
    PageEntry("devices", "Devices", _devices),
    PageEntry("calibration", "Calibration", _calibration),
)
"""In the order of their segments."""
