"""What can be done in Capture, with its keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from faceapp.gui.shell.actions import Action

if TYPE_CHECKING:
    from faceapp.gui.capture.workspace import CaptureWorkspace


def capture_actions(capture: CaptureWorkspace) -> list[Action]:
    """Return the actions of the workspace."""
    act = partial(Action, menu="Sample")
    return [
        act("capture.shoot", "Shoot", capture.space, "Space", icon="aperture"),
        act("capture.accept", "Accept take", capture.accept, "Return", icon="check"),
        act("capture.retake", "Retake", capture.retake, "Backspace", icon="arrow-counter-clockwise"),
        act("capture.skip", "Skip expression…", capture.skip, "N", icon="skip-forward"),
        act("capture.stop", "Stop", capture.stop, "Escape", icon="stop"),
        Action("capture.live", "Live scan", capture.scan_live, "L", menu="Sample", icon="scan", checkable=True),
        Action(
            "capture.one_frequency",
            "Live scan from the finest fringes alone",
            capture.use_one_frequency,
            "Shift+L",
            menu="Sample",
            checkable=True,
        ),
        act("capture.move", "Move take to…", capture.move_take, "Ctrl+M", section=2),
        act("capture.subject", "New subject…", capture.new_subject, "Ctrl+Shift+N", icon="plus", section=3),
        Action("capture.rig", "Choose rig…", capture.choose_rig, menu="Run", icon="video-camera"),
        Action("capture.reconnect", "Connect rig again", capture.connect_rig, menu="Run", icon="plugs"),
        Action(
            "capture.countdown",
            "Count down before a shot",
            capture.set_countdown,
            menu="View",
            checkable=True,
            checked=True,
        ),
    ]
