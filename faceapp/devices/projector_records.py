"""What projectors say of themselves, and what they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from faceapp.core.sequence import FringeSequence
from faceapp.devices.trigger_records import FlashTiming


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
