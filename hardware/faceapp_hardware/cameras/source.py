"""What a maker's software must be able to do so that `GrabbingCamera` makes a camera of it."""

from __future__ import annotations

import enum
import importlib.metadata
import importlib.util
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import DeviceError, UsageError
from faceapp.devices.records import CameraInfo, CameraOrder, CameraSettings


@enum.unique
class Mode(enum.Enum):
    """Why frames are grabbed."""

    BURST = "burst"
    TRIGGERED = "triggered"
    FREE = "free"


@dataclass(frozen=True, eq=False)
class Fetched:
    """A frame that has come, or one that came broken.

    Parameters
    ----------
    frame_id : int
        As on the wire; the first one after a start and its width are the source's.
    timestamp_ns : int
        Of the camera's clock, or of this machine's where the camera tells none.
    image : (H, W) or (H, W, 3) array, optional
        Valid until the next fetch; not there when the frame lies in the array that was handed in.
    fault : str
        Why the frame cannot be used; empty if it can.
    """

    frame_id: int
    timestamp_ns: int
    image: npt.NDArray[Any] | None = None
    fault: str = ""


class FrameSource(Protocol):
    """The frames of one camera. One thread at a time, but for `end` and `fire`."""

    holds_bursts: bool
    """Whether frames of a burst wait until they are fetched; else they are fetched as they come."""

    def open(self) -> CameraInfo:
        """Take the device, configure its trigger, and say what it is.

        Raises
        ------
        DeviceError
            It is missing, busy, or refuses a setting.
        """
        ...

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        """Ask for settings; returns what the device then has."""
        ...

    def begin(self, mode: Mode, buffer: npt.NDArray[Any] | None) -> None:
        """Start to grab, and be ready for the first trigger when this returns; a burst ends after ``len(buffer)``."""
        ...

    def fetch(self, timeout_s: float, into: npt.NDArray[Any] | None) -> Fetched | None:
        """Wait for the next frame and put it into ``into``, where that is given; ``None``: none came, or it ended.

        Raises
        ------
        DeviceError
            The camera is gone.
        """
        ...

    def end(self) -> None:
        """Stop to grab; a `fetch` that waits on another thread returns. Does no harm when nothing is grabbed."""
        ...

    def fire(self) -> None:
        """Trigger one frame by a call, where the camera can."""
        ...

    def close(self) -> None:
        """Give the device back; does no harm twice."""
        ...


READY_S = 1.0
"""How long a camera may take until it waits for its trigger."""


def await_ready(camera: str, is_ready: Callable[[], bool]) -> None:
    """Return when a camera waits for its trigger: one that comes before is lost, and leaves no gap in the ids.

    Parameters
    ----------
    camera : str
        Its name.
    is_ready : callable
        Asks the camera.

    Raises
    ------
    DeviceError
        It does not become ready.
    """
    end = time.monotonic() + READY_S
    while not is_ready():
        if time.monotonic() > end:
            raise DeviceError(f"{camera} is not ready for its trigger after {READY_S:g} s. Check its trigger settings")
        time.sleep(0.001)


def refuse_unknown(order: CameraOrder, known: Mapping[str, str]) -> None:
    """Refuse options of an order that its driver does not know.

    Raises
    ------
    UsageError
        The message names the option, and those that there are.
    """
    for name in order.options:
        if name not in known:
            there = ", ".join(known) or "none"
            raise UsageError(f"{order.name}: option {name!r} is unknown to this driver; it takes {there}")


def check_order(order: CameraOrder, known: Mapping[str, str]) -> None:
    """Refuse an order for a GenICam camera that no such camera can fill.

    Parameters
    ----------
    order : CameraOrder
        What is asked for.
    known : mapping of str to str
        Options of the driver, and what they are.

    Raises
    ------
    UsageError
        An option is unknown, or the pixel format cannot be used.
    """
    refuse_unknown(order, known)
    if order.pixel_format:
        bits_of(order.pixel_format, order.name)


def describe(order: CameraOrder, driver: str, size: tuple[int, int], pixel_format: str) -> CameraInfo:
    """Return what a GenICam camera is that fills an order.

    Parameters
    ----------
    order : CameraOrder
        What was asked for.
    driver : str
        Its name.
    size : (int, int)
        Width and height, pixels.
    pixel_format : str
        Of the frames as they are delivered.
    """
    return CameraInfo(
        order.name,
        order.group,
        order.role,
        *size,
        bits_of(pixel_format, order.name) if order.role == "ir" else 8,
        driver,
        order.serial,
        pixel_format=pixel_format,
        trigger=order.trigger,
        software_trigger=order.trigger == "software",
    )


def bits_of(pixel_format: str, camera: str) -> int:
    """Return the bits of a pixel of an unpacked format, by its name in the GenICam standard.

    Raises
    ------
    UsageError
        The format is packed or not known.
    """
    digits = "".join(c for c in pixel_format.removesuffix("Packed") if c.isdigit())
    packed = pixel_format.endswith("p") or (pixel_format.startswith("Mono") and pixel_format.endswith("Packed"))
    if not digits or packed or not 8 <= int(digits) <= 16:
        raise UsageError(
            f"{camera}: the pixel format {pixel_format!r} cannot be used; choose Mono8, Mono10, Mono12 or Mono16 "
            "for an infrared camera, RGB8 or a Bayer format of 8 bits for a colour camera"
        )
    return int(digits)


def is_colour(pixel_format: str) -> bool:
    """Whether a format gives colours."""
    return pixel_format.startswith(("Bayer", "RGB", "BGR"))


def to_rgb(image: npt.NDArray[np.uint8], pixel_format: str) -> npt.NDArray[np.uint8]:
    """Return (H, W, 3) uint8 RGB of a frame of a colour camera.

    Parameters
    ----------
    image : (H, W) uint8 for Bayer formats, else (H, W, 3) uint8
        As delivered.
    pixel_format : str
        ``BayerRG8``, ``RGB8``, ``BGR8``, ...
    """
    if pixel_format.startswith("Bayer"):
        import cv2

        # OpenCV names a pattern by its second row and column, GenICam by its first pixel.
        codes = {"RG": cv2.COLOR_BayerBG2RGB, "BG": cv2.COLOR_BayerRG2RGB}
        codes |= {"GR": cv2.COLOR_BayerGB2RGB, "GB": cv2.COLOR_BayerGR2RGB}
        return np.asarray(cv2.cvtColor(image, codes[pixel_format[5:7]]), np.uint8)
    return image[..., ::-1] if pixel_format.startswith("BGR") else image


def lacks(module: str, package: str, extra: str, oldest: tuple[int, int] | None = None, why: str = "") -> str:
    """Return a sentence that says how to get a package that is missing or too old; empty if it is there.

    Parameters
    ----------
    module, package : str
        To import, and to install.
    extra : str
        Of faceapp, that brings it.
    oldest : (int, int), optional
        Version from which on it serves.
    why : str
        What an older one cannot do.
    """
    install = f"install it with pip install 'faceapp[{extra}]'"
    try:
        if importlib.util.find_spec(module) is None:
            return f"{package} is not installed; {install}"
        version = importlib.metadata.version(package)
    except (ImportError, ValueError, importlib.metadata.PackageNotFoundError):
        return f"{package} is not installed; {install}"
    parts = tuple(int(p) for p in version.split(".")[:2] if p.isdigit())
    if oldest is not None and parts < oldest:
        return f"{package} {version} is too old ({why}); version {oldest[0]}.{oldest[1]} is needed, {install}"
    return ""
