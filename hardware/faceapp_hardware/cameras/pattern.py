"""A camera without a camera: it draws its frames, each with its number, so that rigs and projectors can be tried."""

from __future__ import annotations

import queue
import threading
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import DeviceError
from faceapp.devices.records import CameraInfo, CameraOrder, CameraSettings, FoundCamera
from faceapp_hardware.cameras.grabbing import GrabbingCamera
from faceapp_hardware.cameras.source import Fetched, Mode, refuse_unknown

_SIZE = (640, 512)
_LIVE_S = 1 / 15


class PatternDriver:
    """Makes cameras that draw."""

    name = "pattern"
    title = "Drawn test pictures (no camera)"

    def missing(self) -> str:
        """Return what is missing: nothing."""
        return ""

    def discover(self) -> tuple[FoundCamera, ...]:
        """Return the one that is always there; rig files may name ``1`` to ``9``."""
        return (FoundCamera(self.name, "1", "drawn", "", *_SIZE, 8),)

    def make_camera(self, order: CameraOrder) -> GrabbingCamera:
        """Return a camera that is not open yet."""
        refuse_unknown(order, {})
        return GrabbingCamera(order, PatternSource(order), self.name)


class PatternSource:
    """Frames that are drawn at each trigger.

    Parameters
    ----------
    order : CameraOrder
        What it is to be.
    """

    holds_bursts = False

    def __init__(self, order: CameraOrder) -> None:
        self._order = order
        self._pulses: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._number = 0
        self._mode: Mode | None = None
        self._left = 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    def open(self) -> CameraInfo:
        """Say what it is."""
        order = self._order
        if not (order.serial.isdigit() and 1 <= int(order.serial) <= 9):
            raise DeviceError(f"{order.name}: there is no drawn camera {order.serial!r}; there are 1 to 9")
        self._size = (order.width, order.height) if order.width else _SIZE
        return CameraInfo(
            order.name,
            order.group,
            order.role,
            *self._size,
            driver="pattern",
            serial=order.serial,
            trigger=order.trigger,
            software_trigger=True,
        )

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        """Take everything."""
        return wanted

    def begin(self, mode: Mode, buffer: npt.NDArray[Any] | None) -> None:
        """Be ready; pulses of before are forgotten."""
        with self._lock:
            self._pulses = queue.SimpleQueue()
            self._mode, self._left = mode, float("inf") if buffer is None else len(buffer)

    def fetch(self, timeout_s: float, into: npt.NDArray[Any] | None) -> Fetched | None:
        """Draw a frame for the next pulse."""
        pulses = self._pulses
        if self._mode is Mode.FREE:
            time.sleep(max(0.0, self._next - time.monotonic()))
            self._next = time.monotonic() + _LIVE_S
        else:
            try:
                if not pulses.get(timeout=timeout_s):
                    return None
            except queue.Empty:
                return None
        if self._mode is None:
            return None
        self._number += 1
        image = self._draw(self._number)
        if into is None:
            return Fetched(self._number, time.monotonic_ns(), image)
        into[:] = image
        return Fetched(self._number, time.monotonic_ns())

    def _draw(self, number: int) -> npt.NDArray[np.uint8]:
        width, height = self._size
        ramp = np.arange(width, dtype=np.int64) + 8 * number
        image = np.broadcast_to((40 + ramp % 160).astype(np.uint8), (height, width))
        return np.repeat(image[..., None], 3, axis=-1) if self._order.role == "rgb" else image

    def end(self) -> None:
        """Wake who waits for a pulse."""
        with self._lock:
            self._mode = None
            self._pulses.put(False)

    def fire(self) -> None:
        """Take a frame."""
        with self._lock:
            if self._left > 0:
                self._left -= 1
                self._pulses.put(True)

    def close(self) -> None:
        """Nothing to give back."""
        self.end()
