"""The promises: one method for each moment of a device's life, no flags.

Blocking calls belong on a thread that the caller owns. Buffers come from the caller, drivers fill them.
Every method may raise `DeviceError`; the message names the device and what to do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy.typing as npt

from faceapp.core.rig import Rig
from faceapp.core.sequence import FringeSequence
from faceapp.devices.projector_records import ProjectorInfo
from faceapp.devices.records import BurstRecord, CameraInfo, CameraSettings, LiveFrame, TriggeredFrame
from faceapp.devices.trigger_records import TriggerInfo, TriggerProgram


class Camera(Protocol):
    """A camera that is triggered from outside for bursts and runs free for the live view."""

    @property
    def info(self) -> CameraInfo:
        """What it is; complete once it is open."""
        ...

    def open(self) -> None:
        """Take the device; opening it twice does no harm."""
        ...

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        """Ask for settings; returns what the device then has."""
        ...

    def arm(self, buffer: npt.NDArray[Any]) -> None:
        """Be ready for ``len(buffer)`` triggers when this returns; frame n goes into ``buffer[n]``.

        Raises
        ------
        DeviceError
            It is not open, it is armed already, or the buffer does not fit its frames.
        """
        ...

    def wait(self, timeout_s: float) -> BurstRecord:
        """Block until the burst is complete, then be disarmed.

        Raises
        ------
        FrameLost
            Fewer frames came within the time; the message says how many of how many.
        """
        ...

    def disarm(self) -> None:
        """End a burst that waits; `wait` on another thread then raises. Does no harm when nothing waits."""
        ...

    def follow(self, take: Callable[[TriggeredFrame], None]) -> None:
        """Hand on every triggered frame until `disarm`; ``take`` is called on the device's thread.

        Frames that come while ``take`` is busy may be dropped; their ids are missing then.

        Raises
        ------
        DeviceError
            It is not open, or it is armed already.
        """
        ...

    def stream(self, take: Callable[[LiveFrame], None]) -> None:
        """Start the live view; ``take`` gets each newest picture on the device's thread."""
        ...

    def stop_stream(self) -> None:
        """End the live view; does no harm when there is none."""
        ...

    def close(self) -> None:
        """Give the device back; does no harm twice."""
        ...


class Projector(Protocol):
    """A projector that plays a sequence and triggers the cameras of its group."""

    @property
    def info(self) -> ProjectorInfo:
        """What it is; complete once it is open."""
        ...

    def open(self) -> None:
        """Take the device; opening it twice does no harm."""
        ...

    def load(self, sequence: FringeSequence, period_s: float) -> None:
        """Hold a sequence and the time of each exposure.

        Raises
        ------
        DeviceError
            It is too long or too fast for the device.
        """
        ...

    def play(self) -> None:
        """Show the sequence once; returns when it has begun. Cameras are armed before."""
        ...

    def loop(self) -> None:
        """Show the sequence again and again until `stop`; returns when it has begun. Cameras follow before."""
        ...

    def stop(self) -> None:
        """Light off, now; always allowed."""
        ...

    def close(self) -> None:
        """Light off and give the device back; does no harm twice."""
        ...


class TriggerBox(Protocol):
    """A box that gives pulses at its outputs, by its own clock or by pulses at an input."""

    @property
    def info(self) -> TriggerInfo:
        """What it is; complete once it is open."""
        ...

    def open(self) -> None:
        """Take the device; opening it twice does no harm."""
        ...

    def program(self, wanted: TriggerProgram) -> None:
        """Hold a program.

        Raises
        ------
        DeviceError
            It has no such input or output, or a delay or width is outside its limits.
        """
        ...

    def arm(self) -> None:
        """Run the program once: count the pulses of its input from now on, or begin with its own clock."""
        ...

    def stop(self) -> None:
        """Run no program any more, all outputs low; always allowed."""
        ...

    def close(self) -> None:
        """Stop and give the device back; does no harm twice."""
        ...


class ConnectedRig(Protocol):
    """The devices of a rig and its calibration."""

    @property
    def rig(self) -> Rig:
        """The calibrated facts."""
        ...

    @property
    def cameras(self) -> Mapping[str, Camera]:
        """By name."""
        ...

    @property
    def projectors(self) -> Mapping[str, Projector]:
        """By group."""
        ...

    def prepare(self, subject: str, expression: str, take: int) -> None:
        """Hear what comes next. A real rig has nothing to do; a simulated head takes the expression."""
        ...

    def write_truth(self, folder: Path) -> bool:
        """Write what is known of the true surface of the last capture; returns whether anything is known."""
        ...

    def processor_seconds(self) -> float:
        """Return the processor time that the rig itself has taken on this machine; 0 where devices are real."""
        ...

    def close(self) -> None:
        """Close every device; does no harm twice."""
        ...


@runtime_checkable
class RigDriver(Protocol):
    """Connects a rig. Registered under the entry point ``faceapp.drivers``."""

    name: str
    title: str
    reads_rig_file: bool
    """Whether it wants the rig file's path as the option ``rig_file``, for messages and for paths beside it."""

    def connect(self, options: Mapping[str, Any]) -> ConnectedRig:
        """Open every device.

        Parameters
        ----------
        options : mapping
            What the rig's description says; the driver names what it does not know.

        Raises
        ------
        DeviceError
            A device is missing or busy; the message names it.
        UsageError
            An option is unknown or wrong.
        """
        ...
