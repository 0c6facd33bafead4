"""What trigger boxes say of themselves, and what they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class FlashTiming:
    """When a group's flash fires, counted from the trigger pulse of an exposure.

    Parameters
    ----------
    delay_s, width_s : float
        From the pulse to the flash, and how long it is.
    after : int
        Number of the exposure; -1 is the last one.
    """

    delay_s: float
    width_s: float
    after: int = -1


@dataclass(frozen=True)
class TriggerInfo:
    """What a trigger box is.

    Parameters
    ----------
    name : str
        As in the rig file.
    inputs, outputs : int
        Counted from 1.
    least_width_s, most_width_s, most_delay_s : float
        Limits of its pulses.
    driver, serial, version : str
        Who drives it, which one it is, and its firmware.
    software_input : bool
        Whether it keeps the promise of `faceapp.devices.drivers.SoftwarePulsed`.
    """

    name: str
    inputs: int = 0
    outputs: int = 0
    least_width_s: float = 0.0
    most_width_s: float = 0.0
    most_delay_s: float = 0.0
    driver: str = ""
    serial: str = ""
    version: str = ""
    software_input: bool = False


@dataclass(frozen=True)
class Pulse:
    """A pulse at an output of a trigger box, once for each of some exposures.

    Parameters
    ----------
    output : int
        From 1.
    delay_s, width_s : float
        From the start of the exposure.
    first, last : int
        Numbers of the exposures, from 0.
    """

    output: int
    delay_s: float
    width_s: float
    first: int
    last: int


@dataclass(frozen=True)
class TriggerProgram:
    """What a trigger box does once it is armed.

    Parameters
    ----------
    count : int
        Exposures until it is done.
    pulses : tuple of Pulse
        At its outputs.
    input : int
        Whose pulses are the exposures, from 1; 0: its own clock.
    period_s : float
        Of its own clock.
    """

    count: int
    pulses: tuple[Pulse, ...]
    input: int = 0
    period_s: float = 0.0


@dataclass(frozen=True)
class TriggerOrder:
    """Which trigger box is wanted.

    Parameters
    ----------
    name : str
        Of the rig file.
    serial : str
        Which one: a serial number, or the port.
    options : mapping
        What only its driver understands; the driver names what it does not know.
    wire : callable
        Called with the number of an output by a box that is emulated: the cables to what it triggers.
    """

    name: str
    serial: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    wire: Callable[[int], None] = lambda output: None
