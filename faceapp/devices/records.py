"""What devices say of themselves, as data: an impossible plan is refused from these before anything moves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.sequence import FringeSequence


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

    @property
    def frame_shape(self) -> tuple[int, ...]:
        """(H, W) for infrared, (H, W, 3) for colour."""
        return (self.height, self.width) if self.role == "ir" else (self.height, self.width, 3)

    @property
    def dtype(self) -> npt.DTypeLike:
        """uint8 or uint16."""
        return np.uint8 if self.bits <= 8 else np.uint16


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
