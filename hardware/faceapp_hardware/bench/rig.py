"""Real devices as a rig: ``faceapp capture PROJECT --rig lab.toml``, where the file says ``driver = "bench"``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

from faceapp.core.errors import DeviceError, FaceappError, UsageError
from faceapp.core.rig import Rig
from faceapp.devices.drivers import SoftwarePulsed, SoftwareTriggered
from faceapp.devices.projector_records import ProjectorOrder
from faceapp.devices.protocols import Camera, Projector, TriggerBox
from faceapp.devices.registry import load_camera_driver, load_projector_driver, load_trigger_driver
from faceapp.devices.trigger_records import TriggerOrder
from faceapp_hardware.bench.rig_file import BoxPlace, GroupPlace, RigFile, parse_rig_file
from faceapp_hardware.triggers.flash import FlashedProjector


class BenchDriver:
    """Connects the devices that a rig file names."""

    name = "bench"
    title = "Real devices, by a rig file"
    reads_rig_file = True

    def connect(self, options: Mapping[str, Any]) -> BenchRig:
        """Open every device of a rig file.

        Raises
        ------
        UsageError
            A field is wrong; the message names file and field.
        DeviceError
            A device or its driver's software is missing or busy; the message names it.
        """
        if "groups" not in options and not set(options) - {"rig_file"}:
            raise UsageError(
                "real devices are connected by a rig file; write one with faceapp devices --write-rig lab.toml, then "
                "give lab.toml as the rig"
            )
        return BenchRig(parse_rig_file(options))


class BenchRig:
    """The devices of a rig file.

    Parameters
    ----------
    file : RigFile
        Checked.
    """

    def __init__(self, file: RigFile) -> None:
        self._file = file
        self._cameras: dict[str, Camera] = {}
        self._projectors: dict[str, Projector] = {}
        self._boxes: dict[str, TriggerBox] = {}
        self._outputs: dict[tuple[str, int], Camera] = {}
        try:
            for place in file.boxes:
                self._make_box(place)
            for group in file.groups:
                self._make(group)
            # Pixels of a camera that nobody has calibrated are known from the camera alone.
            for camera in self._cameras.values():
                camera.open()
            if file.software_trigger:
                self._check_software_trigger()
            self._rig = file.rig({name: camera.info for name, camera in self._cameras.items()})
        except BaseException:
            self.close()
            raise

    def _make_box(self, place: BoxPlace) -> None:
        driver = load_trigger_driver(place.driver)
        missing = driver.missing()
        if missing:
            raise DeviceError(f"{place.name}: {missing}")

        def cable(output: int) -> None:
            camera = self._outputs.get((place.name, output))
            if camera is not None:
                cast(SoftwareTriggered, camera).fire()

        wire = cable if self._file.software_trigger else _no_wire
        box = driver.make_trigger(TriggerOrder(place.name, place.serial, dict(place.options), wire))
        self._boxes[place.name] = box
        box.open()
        if self._file.software_trigger and not box.info.software_input:
            raise UsageError(
                f'{self._file.path}: trigger = "software", but the trigger box {place.name} ({place.driver}) takes no '
                "pulse by a call; set trigger to hardware"
            )

    def _make(self, group: GroupPlace) -> None:
        mine: list[Camera] = []
        for name, order, _ in group.cameras:
            driver = load_camera_driver(name)
            missing = driver.missing()
            if missing:
                raise DeviceError(f"{order.name}: {missing}")
            camera = driver.make_camera(order)
            self._cameras[order.name] = camera
            mine.append(camera)
        place = group.projector
        wire = self._cable(group, mine) if self._file.software_trigger else _no_wire
        maker = load_projector_driver(place.driver)
        missing = maker.missing()
        if missing:
            raise DeviceError(f"{place.name}: {missing}")
        options = dict(place.options)
        projector = maker.make_projector(
            ProjectorOrder(place.name, group.name, place.serial, place.timing, options, wire, place.settings)
        )
        if group.flash is not None:
            projector = FlashedProjector(projector, self._boxes[group.box], group.flash)
        self._projectors[group.name] = projector

    def _cable(self, group: GroupPlace, cameras: list[Camera]) -> Callable[[int], None]:
        """From an emulated projector to its cameras; with a flash, to the box, which triggers the colour camera."""
        if group.flash is None:
            return Wire(cameras).pulse
        flash, box = group.flash, cast(SoftwarePulsed, self._boxes[group.box])
        roles = {order.name: order.role for _, order, _ in group.cameras}
        colour = [camera for camera in cameras if roles[camera.info.name] == "rgb"]
        self._outputs[group.box, flash.camera] = colour[0]
        infrared = Wire([camera for camera in cameras if camera not in colour])

        def pulse(exposure: int) -> None:
            infrared.pulse(exposure)
            box.pulse(flash.input)

        return pulse

    def _check_software_trigger(self) -> None:
        for name, camera in self._cameras.items():
            if not camera.info.software_trigger:
                raise UsageError(
                    f'{self._file.path}: trigger = "software", but {name} ({camera.info.driver}) takes no trigger by a '
                    "call; wire it and set trigger to hardware"
                )

    @property
    def rig(self) -> Rig:
        """The calibrated facts; without a calibration nominal ones, and no identity."""
        return self._rig

    @property
    def cameras(self) -> Mapping[str, Camera]:
        """By name."""
        return self._cameras

    @property
    def projectors(self) -> Mapping[str, Projector]:
        """By group."""
        return self._projectors

    def prepare(self, subject: str, expression: str, take: int) -> None:
        """Nothing to do: people hear it from the operator."""
        del subject, expression, take

    def write_truth(self, folder: Path) -> bool:
        """Nobody knows the truth of a real head."""
        del folder
        return False

    def processor_seconds(self) -> float:
        """Real devices take nothing of this machine."""
        return 0.0

    def close(self) -> None:
        """Light off first, then every device; one that fails does not keep the others open."""
        faults: list[FaceappError] = []
        devices: list[Camera | Projector | TriggerBox] = [*self._projectors.values(), *self._cameras.values()]
        devices += self._boxes.values()
        for device in devices:
            try:
                device.close()
            except FaceappError as error:
                faults.append(error)
        if faults:
            raise faults[0]


class Wire:
    """The trigger cable of a group of emulated devices: each exposure triggers each camera by a call.

    Parameters
    ----------
    cameras : list of Camera
        Of the group.
    """

    def __init__(self, cameras: list[Camera]) -> None:
        self._cameras = [cast(SoftwareTriggered, camera) for camera in cameras]

    def pulse(self, exposure: int) -> None:
        """Let every camera that listens take a frame."""
        del exposure
        for camera in self._cameras:
            camera.fire()


def _no_wire(exposure: int) -> None:
    """The cable is a real one."""
    del exposure
