"""The promises of drivers of single devices; a rig file names devices by driver and serial number.

Importing a driver's module and making the driver never imports the maker's software: what is missing is a sentence.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, runtime_checkable

from faceapp.devices.projector_records import ProjectorOrder, ProjectorSettings, ProjectorState
from faceapp.devices.protocols import Camera, Projector, TriggerBox
from faceapp.devices.records import CameraOrder, FoundCamera, FoundDevice
from faceapp.devices.trigger_records import TriggerOrder


class SoftwareTriggered(Protocol):
    """A camera that takes a trigger by a call as well: in a rig of emulated devices the call plays the cable."""

    def fire(self) -> None:
        """Take one frame, as a pulse on the cable would have it; nothing happens while it is not armed."""
        ...


class SoftwarePulsed(Protocol):
    """A trigger box whose input takes a call as well: in a rig of emulated devices the call plays the cable."""

    def pulse(self, number: int) -> None:
        """Take a pulse at an input, counted from 1."""
        ...


class MaintainedProjector(Protocol):
    """What a projector may offer beyond `Projector`; its `ProjectorInfo` says which of these it keeps."""

    def state(self) -> ProjectorState:
        """Return how it is now (``info.reports``)."""
        ...

    def adjust(self, wanted: ProjectorSettings) -> ProjectorSettings:
        """Ask for settings while it is dark; returns what it then has (``info.adjusts``).

        Raises
        ------
        DeviceError
            A value is outside its limits, or it is lit.
        """
        ...

    def update_firmware(self, image: bytes, told: Callable[[float], None] = lambda share: None) -> str:
        """Put firmware into it and return the version that it then runs (``info.updates``).

        Parameters
        ----------
        image : bytes
            Of the file.
        told : callable
            Hears the share that has arrived.

        Raises
        ------
        DeviceError
            The image is wrong, or the line failed; the firmware of before is kept.
        """
        ...


@runtime_checkable
class CameraDriver(Protocol):
    """Finds and opens cameras of one kind. Registered under the entry point ``faceapp.cameras``."""

    name: str
    title: str

    def missing(self) -> str:
        """Return in a sentence what it lacks here and how to get it; empty if it can be used."""
        ...

    def discover(self) -> tuple[FoundCamera, ...]:
        """Return the cameras that are plugged in now; called again, what has come and gone since.

        Raises
        ------
        DeviceError
            The maker's software fails; the message says what to do.
        """
        ...

    def make_camera(self, order: CameraOrder) -> Camera:
        """Return a camera that is not open yet.

        Raises
        ------
        UsageError
            The order has an option that the driver does not know, or a value that no such camera can have.
        """
        ...


@runtime_checkable
class ProjectorDriver(Protocol):
    """Finds and opens projectors of one kind. Registered under the entry point ``faceapp.projectors``."""

    name: str
    title: str

    def missing(self) -> str:
        """Return in a sentence what it lacks here and how to get it; empty if it can be used."""
        ...

    def discover(self) -> tuple[FoundDevice, ...]:
        """Return the projectors, or the ports that may have one; nothing is sent to them.

        Raises
        ------
        DeviceError
            The ports cannot be listed.
        """
        ...

    def make_projector(self, order: ProjectorOrder) -> Projector:
        """Return a projector that is not open yet.

        Raises
        ------
        UsageError
            The order has an option that the driver does not know, or lacks one that it needs.
        """
        ...


@runtime_checkable
class TriggerDriver(Protocol):
    """Finds and opens trigger boxes of one kind. Registered under the entry point ``faceapp.triggers``."""

    name: str
    title: str

    def missing(self) -> str:
        """Return in a sentence what it lacks here and how to get it; empty if it can be used."""
        ...

    def discover(self) -> tuple[FoundDevice, ...]:
        """Return the boxes, or the ports that may have one; nothing is sent to them.

        Raises
        ------
        DeviceError
            The ports cannot be listed.
        """
        ...

    def make_trigger(self, order: TriggerOrder) -> TriggerBox:
        """Return a box that is not open yet.

        Raises
        ------
        UsageError
            The order has an option that the driver does not know, or lacks one that it needs.
        """
        ...
