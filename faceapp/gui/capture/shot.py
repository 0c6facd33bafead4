"""One take under way: what the working threads tell, brought to the interface's thread."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from faceapp.core.errors import Cancelled
from faceapp.core.mesh import Mesh
from faceapp.core.signals import Reporter
from faceapp.gui.bridge import Relay
from faceapp.gui.capture.figures import cut_surface, modulation_picture, phase_picture, surface_of
from faceapp.gui.view3d.pieces import Pieces

if TYPE_CHECKING:
    from faceapp.app.capturing import Capture
    from faceapp.app.take_figures import GroupFigures
    from faceapp.capture.engine import CaptureEngine
    from faceapp.devices.protocols import ConnectedRig
    from faceapp.fringe.decode import GroupScan
    from faceapp.store.project import Project


@dataclass(frozen=True, eq=False)
class GroupArrived:
    """What a group gave.

    Parameters
    ----------
    group : str
        Its name.
    figures : GroupFigures
        So far.
    surface : Mesh or None
        Once it is decoded.
    pieces : Pieces or None
        The same, made ready to be drawn.
    pictures : dict of (str, str) to array
        By mode and camera.
    """

    group: str
    figures: GroupFigures
    surface: Mesh | None = None
    pieces: Pieces | None = None
    pictures: dict[tuple[str, str], Any] = field(default_factory=dict)


_SHOWN_WITHIN_S = 0.5
"""How long the pictures of the phases wait until the clouds are on the screen."""


class Shot:
    """Shoots one take; `shoot` belongs on a thread.

    Parameters
    ----------
    project, devices, engine
        See `faceapp.app.capturing.capture_sample`.
    subject, expression : str
        Who does what.
    relay : Relay
        To the interface's thread.
    arrived : callable
        Told there of each `GroupArrived`; sets ``shown`` when the clouds of all groups are on the screen.
    """

    def __init__(
        self,
        project: Project,
        devices: ConnectedRig,
        engine: CaptureEngine,
        subject: str,
        expression: str,
        relay: Relay,
        arrived: Callable[[GroupArrived], object],
    ) -> None:
        self.project, self.devices, self.engine = project, devices, engine
        self.subject, self.expression = subject, expression
        self.cancelled = threading.Event()
        self._relay, self._arrived = relay, arrived
        self.shown = threading.Event()
        self._lock = threading.Lock()
        self._unpictured: list[tuple[str, GroupScan, GroupFigures]] = []
        self._to_come = len(devices.rig.groups)

    def shoot(self) -> Capture:
        """Capture, decode and save the take."""
        from faceapp.app.capturing import capture_sample

        if self.cancelled.is_set():
            raise Cancelled("stopped before the light went on")
        capture = capture_sample(
            self.project,
            self.devices,
            self.subject,
            self.expression,
            engine=self.engine,
            reporter=Reporter(cancelled=self.cancelled),
            on_frames=self._frames,
            on_scan=self._scan,
        )
        self._tell_pictures()  # a group without a cloud was waited for
        return capture

    def cancel(self) -> None:
        """Light off; what was decoded is dropped."""
        self.cancelled.set()
        self.engine.cancel()

    def _tell(self, news: GroupArrived) -> None:
        self._relay.post(lambda: self._arrived(news))

    def _frames(self, name: str, figures: GroupFigures) -> None:
        self._tell(GroupArrived(name, figures))

    def _scan(self, name: str, scan: GroupScan, figures: GroupFigures) -> None:
        surface = surface_of(scan)
        self._tell(GroupArrived(name, figures, surface, cut_surface(scan, surface)))
        with self._lock:
            self._unpictured.append((name, scan, figures))
            self._to_come -= 1
            is_last = self._to_come == 0
        if is_last:
            self.shown.wait(_SHOWN_WITHIN_S)  # the clouds before all else
            self._tell_pictures()

    def _tell_pictures(self) -> None:
        """Make the pictures of phase and modulation of the groups that have none yet."""
        with self._lock:
            waiting, self._unpictured = self._unpictured, []
        for name, scan, figures in waiting:
            pictures = {("phase", p.camera): phase_picture(p) for p in scan.phases}
            pictures |= {("modulation", p.camera): modulation_picture(p) for p in scan.phases}
            self._tell(GroupArrived(name, figures, pictures=pictures))
