"""The simulated rig as a driver: ``faceapp capture PROJECT --rig simulated``."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from faceapp.core.errors import DeviceError
from faceapp.core.rig import Rig
from faceapp.devices.records import CameraInfo
from faceapp.devices.troubles import Trouble
from faceapp_hardware.projectors.exchange import Port, open_serial_port
from faceapp_hardware.projectors.serial_projector import SerialProjector
from faceapp_hardware.simulated.assembly import parse_knocks, parse_mirrors, parse_swaps, parse_triggers
from faceapp_hardware.simulated.camera import SimulatedCamera
from faceapp_hardware.simulated.description import RigDescription, read_rig_description
from faceapp_hardware.simulated.fault_kinds import RIG
from faceapp_hardware.simulated.faults import parse_faults
from faceapp_hardware.simulated.host_faults import HostFaults
from faceapp_hardware.simulated.link import Link
from faceapp_hardware.simulated.options import Options, parse_options
from faceapp_hardware.simulated.troubles import TROUBLES


class SimulatedDriver:
    """Connects a simulated rig; its options are those of `Options`."""

    name = "simulated"
    title = "Simulated rig"
    reads_rig_file = False

    def connect(self, options: Mapping[str, Any]) -> SimulatedRig:
        """Start a world and connect to its devices.

        Raises
        ------
        UsageError
            An option is unknown or wrong, or the rig file is.
        DeviceError
            The world does not start.
        """
        checked = parse_options(options)
        description = read_rig_description(checked.rig, checked.scale)
        rng = np.random.default_rng([checked.seed, 31])
        drawn = tuple(fault.order for fault in parse_faults(checked.faults, description.rig, rng))
        parse_knocks(checked.knocks, description.rig)
        parse_swaps(checked.swaps, description.rig)
        parse_triggers(checked.triggers, description.rig)
        parse_mirrors(checked.mirrors, description.rig)
        return SimulatedRig(replace(checked, faults=drawn), description, rng)


class SimulatedRig:
    """Cameras and projectors of one world.

    Parameters
    ----------
    options : Options
        Checked.
    description : RigDescription
        What the rig is.
    rng : Generator
        Draws what orders of faults leave open.
    """

    def __init__(self, options: Options, description: RigDescription, rng: np.random.Generator) -> None:
        self._rig, self._rng = description.rig, rng
        self._host = HostFaults()
        self._waiting = [f for f in parse_faults(options.faults, self._rig) if f.is_of_host]
        self._link = Link(options, description.rig)
        self._cameras: dict[str, SimulatedCamera] = {}
        self._projectors: dict[str, SerialProjector] = {}
        self._is_closed = False
        for group in self._rig.groups:
            for model in group.cameras:
                role = "rgb" if group.rgb is not None and model.name == group.rgb.name else "ir"
                info = CameraInfo(
                    model.name,
                    group.name,
                    role,
                    model.width,
                    model.height,
                    driver="simulated",
                    serial=f"SIM-{model.name}",
                    shortest_period_s=description.limits.camera_period_s,
                )
                self._cameras[model.name] = SimulatedCamera(info, self._link, description.light.exposure_ms)
            self._projectors[group.name] = SerialProjector(
                group.projector.name, group.name, self._link.ports[group.name], self._port_of(group.name)
            )

    @property
    def rig(self) -> Rig:
        """The calibration: exact, but for what the options `assembly` and `knocks` say."""
        return self._rig

    @property
    def cameras(self) -> Mapping[str, SimulatedCamera]:
        """By name."""
        return self._cameras

    @property
    def projectors(self) -> Mapping[str, SerialProjector]:
        """By group."""
        return self._projectors

    @property
    def process_id(self) -> int:
        """Of the world."""
        return self._link.process_id

    def prepare(self, subject: str, expression: str, take: int) -> None:
        """Seat the subject: the same code is the same person, each take sits a little otherwise.

        Blocks until the frames of all cameras are rendered. An expression that the head model does not know is
        neutral.
        """
        self._opened()
        self._link.ask("prepare", subject, expression, take)
        while self._waiting:
            self._host.order(self._waiting.pop(0))

    def write_truth(self, folder: Path) -> bool:
        """Write the truth of what sits before the cameras (see the capture bundle); False before the first capture."""
        self._opened()
        return bool(self._link.ask("truth", str(folder.resolve())))

    def troubles(self) -> tuple[Trouble, ...]:
        """Return what can go wrong here on order."""
        return TROUBLES

    def inject(self, *orders: str) -> tuple[str, ...]:
        """Order faults for what comes next (see `faceapp_hardware.simulated.faults`); returns what each will do."""
        self._opened()
        faults = parse_faults(orders, self._rig, self._rng)
        for fault in faults:
            if fault.is_of_host:
                self._host.order(fault)
            elif (fault.kind, fault.device) == ("heal", RIG):
                self._host.heal()
        mine = tuple(fault.order for fault in faults if not fault.is_of_host)
        if mine:
            self._link.ask("inject", mine)
        return tuple(fault.told for fault in faults)

    def lights(self) -> dict[str, tuple[bool, int]]:
        """Return for each group whether its light is on now, and how often it has gone on."""
        lit: dict[str, tuple[bool, int]] = self._link.ask("lights")
        return lit

    def processor_seconds(self) -> float:
        """Return the processor time that the world has taken; NaN where the system does not tell."""
        return self._link.processor_seconds()

    def close(self) -> None:
        """Close every device and end the world."""
        if self._is_closed:
            return
        self._is_closed = True
        self._host.heal()
        for projector in self._projectors.values():
            projector.close()
        for camera in self._cameras.values():
            camera.close()
        self._link.close()

    def _port_of(self, group: str) -> Callable[[str], Port]:
        """Open the line to a projector where it is now: after a cable was in again it has another name."""

        def open_port(_: str) -> Port:
            self._link.must_live()
            path = self._link.ports.get(group)
            if path is None:
                raise OSError(errno.ENODEV, "its cable is out")
            return open_serial_port(path)

        return open_port

    def _opened(self) -> None:
        if self._is_closed:
            raise DeviceError("the simulated rig is closed; connect it again")
