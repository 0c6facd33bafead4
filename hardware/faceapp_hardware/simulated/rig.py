"""The simulated rig as a driver: ``faceapp capture PROJECT --rig simulated``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from faceapp.core.errors import DeviceError
from faceapp.core.rig import Rig
from faceapp.devices.records import CameraInfo
from faceapp_hardware.projectors.serial_projector import SerialProjector
from faceapp_hardware.simulated.assembly import parse_knocks, parse_swaps
from faceapp_hardware.simulated.camera import SimulatedCamera
from faceapp_hardware.simulated.description import RigDescription, read_rig_description
from faceapp_hardware.simulated.faults import parse_faults
from faceapp_hardware.simulated.link import Link
from faceapp_hardware.simulated.options import Options, parse_options


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
        parse_faults(checked.faults, description.rig)
        parse_knocks(checked.knocks, description.rig)
        parse_swaps(checked.swaps, description.rig)
        return SimulatedRig(checked, description)


class SimulatedRig:
    """Cameras and projectors of one world.

    Parameters
    ----------
    options : Options
        Checked.
    description : RigDescription
        What the rig is.
    """

    def __init__(self, options: Options, description: RigDescription) -> None:
        self._rig = description.rig
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
                group.projector.name, group.name, self._link.ports[group.name]
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

    def write_truth(self, folder: Path) -> bool:
        """Write the truth of what sits before the cameras (see the capture bundle); False before the first capture."""
        self._opened()
        return bool(self._link.ask("truth", str(folder.resolve())))

    def inject(self, *faults: str) -> None:
        """Order faults for what comes next (see `faceapp_hardware.simulated.faults`)."""
        self._opened()
        parse_faults(faults, self._rig)
        self._link.ask("inject", faults)

    def processor_seconds(self) -> float:
        """Return the processor time that the world has taken; NaN where the system does not tell."""
        return self._link.processor_seconds()

    def close(self) -> None:
        """Close every device and end the world."""
        if self._is_closed:
            return
        self._is_closed = True
        for projector in self._projectors.values():
            projector.close()
        for camera in self._cameras.values():
            camera.close()
        self._link.close()

    def _opened(self) -> None:
        if self._is_closed:
            raise DeviceError("the simulated rig is closed; connect it again")
