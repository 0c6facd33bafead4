"""Devices: which drivers there are, which of them can be used, and what the cameras see."""

from __future__ import annotations

from PySide6.QtWidgets import QVBoxLayout

from faceapp.gui.bridge import Background, Relay
from faceapp.gui.program.program import Program
from faceapp.gui.rig.pages import RigPage
from faceapp.gui.widgets.labels import label


class DevicesPage(RigPage):
    """The page.

    Parameters
    ----------
    program, background, relay
        See `RigPage`.
    """

    def __init__(self, program: Program, background: Background, relay: Relay) -> None:
        super().__init__(program, background, relay)
        column = QVBoxLayout(self)
        column.addWidget(label("Devices", "title"))
        column.addStretch()
