"""What devices say of themselves, as data: an impossible plan is refused from these before anything moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.sequence import FringeSequence
from faceapp.devices.trigger_records import FlashTiming


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
class ProjectorTiming:
    """When light and trigger of an exposure come, from its start.

    Parameters
    ----------
    rise_s : float
        Until the light is full.
    light_on_s : float
        Until it ends; 0 is the whole period.
    trigger_delay_s, trigger_jitter_s : float
        Until the camera exposes, and how much that may differ either way.
    """

    rise_s: float = 0.0
    light_on_s: float = 0.0
    trigger_delay_s: float = 0.0
    trigger_jitter_s: float = 0.0


@dataclass(frozen=True)
class ProjectorSettings:
    """What a projector is asked for, and what it then has; ``None`` is left as it is, or not known.

    Parameters
    ----------
    brightness : float or None
        0 to 1.
    trigger_width_s, trigger_delay_s : float or None
        Of the pulse of the trigger out, and from the start of an exposure to it.
    """

    brightness: float | None = None
    trigger_width_s: float | None = None
    trigger_delay_s: float | None = None


@dataclass(frozen=True)
class ProjectorState:
    """How a projector is now.

    Parameters
    ----------
    is_lit : bool
        Whether it shows a sequence.
    settings : ProjectorSettings
        Which it has.
    temperature_c : float
        Degrees Celsius; NaN where it does not tell.
    faults : tuple of str
        What is wrong with it, each with what to do.
    """

    is_lit: bool
    settings: ProjectorSettings
    temperature_c: float = float("nan")
    faults: tuple[str, ...] = ()


@dataclass(frozen=True)
class ProjectorInfo:
    """What a projector is.

    Parameters
    ----------
    name, group : str
        As in the rig's calibration.
    width, height : int
        Pixels of its picture; 0 where it has none (a scanning mirror).
    longest_sequence : int
        Exposures it can hold.
    shortest_period_s : float
        Between two exposures.
    uploads : bool
        Whether it takes any sequence; else it plays what is stored in it.
    is_master : bool
        Whether it triggers the cameras.
    driver, version : str
        Who drives it, and its firmware.
    stored : tuple of FringeSequence
        What it can play without an upload, where that is known.
    timing : ProjectorTiming
        Of light and trigger within an exposure.
    serial : str
        Which one it is, where it tells.
    shortest_binary_period_s : float
        Between two exposures of a sequence of light and no light alone; 0 where that is no faster.
    loops : bool
        Whether it shows a sequence again and again.
    stops : bool
        Whether its light can be put off before the sequence ends.
    reports, adjusts, updates : bool
        Which methods of `faceapp.devices.drivers.MaintainedProjector` it keeps: ``state``, ``adjust``,
        ``update_firmware``. ``adjusts``: the brightness at least.
    flash : FlashTiming or None
        Of the flash for the colour camera that a trigger box fires at this projector's pulses.
    """

    name: str
    group: str
    width: int
    height: int
    longest_sequence: int
    shortest_period_s: float
    uploads: bool = True
    is_master: bool = True
    driver: str = ""
    version: str = ""
    stored: tuple[FringeSequence, ...] = ()
    timing: ProjectorTiming = field(default_factory=ProjectorTiming)
    serial: str = ""
    shortest_binary_period_s: float = 0.0
    loops: bool = True
    stops: bool = True
    reports: bool = False
    adjusts: bool = False
    updates: bool = False
    flash: FlashTiming | None = None

    def shortest_for(self, sequence: FringeSequence) -> float:
        """Return the shortest time between two exposures of a sequence, s."""
        binary = self.shortest_binary_period_s or self.shortest_period_s
        return binary if sequence.is_binary else self.shortest_period_s

    @property
    def cannot(self) -> tuple[str, ...]:
        """What is not possible with it, a sentence each."""
        sentences = {
            "plays only the sequences that are stored in it": self.uploads,
            "cannot repeat its sequence: no live scan": self.loops,
            "cannot be put out before its sequence ends": self.stops,
            "triggers no camera: the rig needs another trigger": self.is_master,
            "takes no brightness over this line": self.adjusts,
            "tells neither temperature nor faults": self.reports,
            "takes no firmware over this line": self.updates,
        }
        return tuple(sentence for sentence, can in sentences.items() if not can)


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
class FoundProjector:
    """A projector, or the port of one, that a driver sees.

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


@dataclass(frozen=True)
class ProjectorOrder:
    """Which projector is wanted, and for which group.

    Parameters
    ----------
    name, group : str
        As in the rig's calibration.
    serial : str
        Which one: a serial number, or the port.
    timing : ProjectorTiming
        Of its light and its trigger, as measured.
    options : mapping
        What only its driver understands; the driver names what it does not know.
    wire : callable
        Called with the number of each exposure by a projector that is emulated: the cable to the cameras. A real
        projector has a real cable and calls nothing.
    settings : ProjectorSettings
        With which it starts.
    """

    name: str
    group: str
    serial: str = ""
    timing: ProjectorTiming = field(default_factory=ProjectorTiming)
    options: Mapping[str, Any] = field(default_factory=dict)
    wire: Callable[[int], None] = lambda exposure: None
    settings: ProjectorSettings = field(default_factory=ProjectorSettings)


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
