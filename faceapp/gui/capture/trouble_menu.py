"""The menu of the simulated rig: trouble on order, shown only while a rig is connected that takes such orders."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from faceapp.devices.troubles import Trouble, order_troubles, troubles_of
from faceapp.gui.capture.rig_link import RigLink, RigState
from faceapp.gui.shell.actions import Action
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.gui.program.program import Program

MENU = "Simulated rig"


class TroubleMenu:
    """Keeps the actions of the menu in step with the rig.

    Parameters
    ----------
    program : Program
        Whose window has the menu.
    link : RigLink
        Whose rig it is.
    """

    def __init__(self, program: Program, link: RigLink) -> None:
        self._program, self._link = program, link
        self._shown: tuple[Trouble, ...] = ()
        link.changed.connect(self._rig_changed)

    def _rig_changed(self) -> None:
        devices = self._link.devices
        ready = devices is not None and self._link.state in (RigState.READY, RigState.FAILED)
        troubles = troubles_of(devices) if ready and devices is not None else ()
        if troubles == self._shown:
            return
        registry = self._program.window.actions_registry
        for trouble in self._shown:
            registry.remove(_identifier(trouble))
        sections = list(dict.fromkeys(t.section for t in troubles))
        registry.add_all(
            Action(
                _identifier(trouble),
                trouble.title,
                partial(self._order, trouble),
                menu=MENU,
                where=MENU,
                section=sections.index(trouble.section),
            )
            for trouble in troubles
        )
        self._shown = troubles

    def _order(self, trouble: Trouble) -> None:
        devices = self._link.devices
        if devices is None:
            return

        def tell(done: tuple[str, ...]) -> None:
            bar = MessageBar("Ordered", "; ".join(done), state=State.WORK)
            self._program.window.show_message(bar)

        failed = partial(self._program.show_failure, f"{trouble.title} cannot be ordered")
        self._program.background.run(partial(order_troubles, devices, trouble.order), tell, failed)


def _identifier(trouble: Trouble) -> str:
    return f"trouble.{trouble.order}"
