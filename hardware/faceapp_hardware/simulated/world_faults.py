"""Faults inside the world that are not of a single frame: cables, lines, restarts, the end of all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping

from faceapp.core.rig import CameraGroup, Rig
from faceapp_hardware.projectors.messages import FULL
from faceapp_hardware.simulated.fault_kinds import RIG
from faceapp_hardware.simulated.faults import Fault
from faceapp_hardware.simulated.firmware_line import FirmwareLine
from faceapp_hardware.simulated.troubled_firmware import TroubledFirmware
from faceapp_hardware.simulated.world_cameras import WorldCamera

_IN_BURST_AT = 2
"""The exposure at which something is pulled or restarts: in the middle of the burst."""
_LOOSE_S = 0.5
_KILLED = 9
_AT_ONCE = ("pull-idle", "heal", "mute", "slow", "noise")
_IN_BURST = ("pull", "loosen", "reset", "die")


class WorldFaults:
    """Lets ordered faults happen when they are due.

    Parameters
    ----------
    rig : Rig
        Who belongs to whom.
    faults : list of Fault
        Struck off as they happen; shared with the cameras.
    cameras : mapping of str to WorldCamera
        All of them.
    firmwares : mapping of str to TroubledFirmware
        By group; each gets a line here.
    tell : callable
        Sends a message to the client.
    seed : int
        Of the bytes that break.
    """

    def __init__(
        self,
        rig: Rig,
        faults: list[Fault],
        cameras: Mapping[str, WorldCamera],
        firmwares: Mapping[str, TroubledFirmware],
        tell: Callable[..., None],
        seed: int,
    ) -> None:
        self._faults, self._cameras, self._firmwares, self._tell = faults, cameras, firmwares, tell
        self._groups = {g.projector.name: g.name for g in rig.groups}
        self._lines = {name: FirmwareLine(f, seed=seed + i) for i, (name, f) in enumerate(firmwares.items())}
        self._out: set[str] = set()
        self._lock = threading.Lock()

    @property
    def ports(self) -> dict[str, str]:
        """Paths of the lines to the projectors, by group; none where the cable is out."""
        out = {self._groups.get(device) for device in self._out}
        return {name: line.path for name, line in self._lines.items() if name not in out}

    @property
    def lights(self) -> dict[str, tuple[bool, int]]:
        """Whether each group's light is on, and how often it went on."""
        return {name: (f.is_lit, f.lightings) for name, f in self._firmwares.items()}

    @property
    def brightness(self) -> dict[str, float]:
        """Which share of its light each group's projector gives."""
        return {
            name: (FULL if f.settings.brightness is None else f.settings.brightness) / FULL
            for name, f in self._firmwares.items()
        }

    def happen(self) -> None:
        """Let happen what waits for nothing."""
        for fault in [f for f in self._faults if f.kind in _AT_ONCE]:
            if fault in self._faults:
                self._faults.remove(fault)
            match fault.kind:
                case "pull-idle":
                    self.pull(fault.device)
                case "heal":
                    self._heal(fault.device)
                case _:
                    self._trouble_line(fault)

    def happen_in_burst(self, group: CameraGroup, exposure: int) -> None:
        """Let happen what waits for the middle of a burst of that group."""
        if exposure != _IN_BURST_AT:
            return
        names = {group.projector.name, RIG, *(m.name for m in group.cameras)}
        for fault in [f for f in self._faults if f.device in names and f.kind in _IN_BURST]:
            self._faults.remove(fault)
            # On a thread of its own: it may end the light, whose thread this is.
            threading.Thread(target=self._happen, args=(fault,), name=f"fault {fault.device}", daemon=True).start()

    def _happen(self, fault: Fault) -> None:
        match fault.kind:
            case "pull":
                self.pull(fault.device)
            case "loosen":
                self.pull(fault.device)
                threading.Timer(_LOOSE_S, self._plug, (fault.device,)).start()
            case "reset":
                self._firmwares[self._groups[fault.device]].reset()
            case _:
                os._exit(_KILLED)

    def pull(self, device: str) -> None:
        """Pull a cable."""
        with self._lock:
            if device in self._out:
                return
            self._out.add(device)
            if device in self._cameras:
                self._cameras[device].disarm()
                self._tell("gone", device)
            else:
                self._tell("ports", self.ports)  # before it is gone: its path may be another line's at once
                self._firmwares[self._groups[device]].light_off()  # its power comes through the cable
                self._lines[self._groups[device]].pull()

    def _plug(self, device: str) -> None:
        """Put a cable in again; the device has started anew."""
        with self._lock:
            if device not in self._out:
                return
            self._out.discard(device)
            if device in self._cameras:
                self._tell("back", device)
            else:
                group = self._groups[device]
                self._firmwares[group].reset()
                self._lines[group] = FirmwareLine(self._firmwares[group])
                self._tell("ports", self.ports)

    def _heal(self, device: str) -> None:
        healed = [*self._cameras, *self._groups] if device == RIG else [device]
        self._faults[:] = [f for f in self._faults if f.device not in (*healed, device)]
        for name in healed:
            self._plug(name)
            if name in self._groups:
                self._firmwares[self._groups[name]].mend()
                self._lines[self._groups[name]].damage = 0.0

    def _trouble_line(self, fault: Fault) -> None:
        group, number = self._groups[fault.device], fault.numbers[0]
        match fault.kind:
            case "mute":
                self._firmwares[group].mute(number)
            case "slow":
                self._firmwares[group].slow(number / 1000)
            case _:
                self._lines[group].damage = 1 / number
