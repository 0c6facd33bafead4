"""What cameras say of themselves and deliver, and what drivers find: an impossible plan is refused from these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class CameraInfo:
    """What a camera is.

    Parameters
    ----------
    name : str
        As in the rig's calibration.
    group : str
        The camera group it belongs to.
    role : {"ir", "rgb"}
        What it sees.
    width, height : int
        Pixels.
    bits : int
        8, or up to 16.
    driver, serial : str
        Who drives it, and which one it is.
    shortest_period_s : float
        Between two triggers.
    pixel_format : str
        Name of the GenICam standard, where it has one.
    trigger : str
        What starts a frame: the input of its trigger cable, or ``software``.
    software_trigger : bool
        Whether it keeps the promise of `faceapp.devices.drivers.SoftwareTriggered`.
    readout_s : float
        Time to read a frame out of the sensor.
    overlap : bool
        Whether the next exposure may begin while a frame is read out.
    settings : CameraSettings or None
        Which it took when it was opened, of those that its rig file asks for.
    """

    name: str
    group: str
    role: str
    width: int
    height: int
    bits: int = 8
    driver: str = ""
    serial: str = ""
    shortest_period_s: float = 0.0
    pixel_format: str = ""
    trigger: str = ""
    software_trigger: bool = False
    readout_s: float = 0.0
    overlap: bool = True
    settings: CameraSettings | None = None

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """(H, W) for infrared, (H, W, 3) for colour."""
        return (self.height, self.width) if self.role == "ir" else (self.height, self.width, 3)

    @property
    def dtype(self) -> npt.DTypeLike:
        """uint8 or uint16."""
        return np.uint8 if self.bits <= 8 else np.uint16


@dataclass(frozen=True)
class CameraSettings:
    """What a camera is asked for, and what it then has.

    Parameters
    ----------
    exposure_ms : float
        Of one frame.
    gain_db : float
        Amplification.
    """

    exposure_ms: float = 7.0
    gain_db: float = 0.0


@dataclass(frozen=True)
class FoundCamera:
    """A camera that a driver sees, connected to or not.

    Parameters
    ----------
    driver, serial : str
        How a rig file names it.
    model, where : str
        For people: what it is, and the bus or the file.
    width, height, bits : int
        Of its pictures; 0 where the driver would have to open it to know.
    colour : bool
        Whether it sees colours, where that is known.
    wrong : str
        Why it cannot be used (taken by another program, wrong subnet); empty if it can.
    """

    driver: str
    serial: str
    model: str = ""
    where: str = ""
    width: int = 0
    height: int = 0
    bits: int = 0
    colour: bool = False
    wrong: str = ""


@dataclass(frozen=True)
class FoundDevice:
    """A projector or trigger box, or the port of one, that a driver sees.

    Parameters
    ----------
    driver, serial : str
        How a rig file names it: a serial number, or the port.
    model : str
        For people.
    wrong : str
        Why it cannot be used; empty if it can.
    """

    driver: str
    serial: str
    model: str = ""
    wrong: str = ""


@dataclass(frozen=True)
class CameraOrder:
    """Which camera is wanted, for which place of a rig, and how it is wired.

    Parameters
    ----------
    name, group : str
        As in the rig's calibration.
    role : {"ir", "rgb"}
        What it sees.
    serial : str
        Which one.
    width, height : int
        Pixels that it must give; 0 takes what it gives.
    pixel_format : str
        ``Mono8``, ``Mono12``, ``BayerRG8``, ``RGB8``, ...; empty takes what it has.
    trigger : str
        Input of its trigger cable, or ``software``.
    settings : CameraSettings
        With which it starts.
    readout_s, overlap : float, bool
        As in `CameraInfo`, where the camera does not tell: 0 is not known.
    options : mapping
        What only its driver understands; the driver names what it does not know.
    folder : Path
        From which relative paths in the options go.
    """

    name: str
    group: str
    role: str
    serial: str
    width: int = 0
    height: int = 0
    pixel_format: str = ""
    trigger: str = "Line1"
    settings: CameraSettings = field(default_factory=CameraSettings)
    readout_s: float = 0.0
    overlap: bool = True
    options: Mapping[str, Any] = field(default_factory=dict)
    folder: Path = Path()


@dataclass(frozen=True, eq=False)
class BurstRecord:
    """What a camera says of a burst.

    Parameters
    ----------
    frame_ids : (N,) int64
        Its own counter.
    timestamps_ns : (N,) int64
        Its own monotonic clock.
    """

    frame_ids: npt.NDArray[np.int64]
    timestamps_ns: npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class TriggeredFrame:
    """One frame of a camera that follows its trigger.

    Parameters
    ----------
    camera : str
        Whose.
    image : (H, W) uint8 or uint16
        Read-only, and valid during the call only: copy what is needed.
    frame_id : int
        The camera's own counter; gaps are dropped frames.
    timestamp_ns : int
        Of its own monotonic clock.
    """

    camera: str
    image: npt.NDArray[np.uint8] | npt.NDArray[np.uint16]
    frame_id: int
    timestamp_ns: int


@dataclass(frozen=True, eq=False)
class LiveFrame:
    """The newest picture of a camera's live view; older ones are dropped.

    Parameters
    ----------
    camera : str
        Whose.
    image : (H, W) or (H, W, 3) uint8
        Read-only; may be smaller than the sensor.
    number : int
        Of the live view, from 1; gaps are dropped pictures.
    """

    camera: str
    image: npt.NDArray[np.uint8]
    number: int
