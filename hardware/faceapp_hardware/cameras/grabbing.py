"""A camera over any source of frames: bursts into the engine's buffers, frames one by one, the live view."""

from __future__ import annotations

import math
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import DeviceError, FrameLost
from faceapp.devices.records import BurstRecord, CameraInfo, CameraOrder, CameraSettings, LiveFrame, TriggeredFrame
from faceapp_hardware.cameras.source import Fetched, FrameSource, Mode

LAST_ID = 65535
"""GigE Vision 1 counts in 16 bits: after this comes 1."""

_SLICE_S = 0.2


class GrabbingCamera:
    """A camera that fills the buffers it is given.

    Parameters
    ----------
    order : CameraOrder
        What it is to be.
    source : FrameSource
        Of its frames.
    driver : str
        Name of its driver.

    Notes
    -----
    A thread of its own fetches frames while the camera follows or shows the live view; the live view gives way to a
    burst and comes back after it. A burst is fetched by who waits for it where the maker's software holds all its
    frames (each wake-up of a thread costs a tenth of a millisecond), else by a thread as well.
    """

    def __init__(self, order: CameraOrder, source: FrameSource, driver: str) -> None:
        self._info = CameraInfo(
            order.name, order.group, order.role, order.width, order.height, driver=driver, serial=order.serial
        )
        self._order, self._source = order, source
        self._settings = order.settings
        self._is_open = False
        self._lock = threading.RLock()
        self._burst: _Burst | None = None
        self._follower: _Loop | None = None
        self._live: _Loop | None = None
        self._show: Callable[[LiveFrame], None] | None = None
        self._shown = 0
        self._ids = _Counter()

    @property
    def info(self) -> CameraInfo:
        """What it is; pixels and bits are known once it is open."""
        return self._info

    def open(self) -> None:
        """Take the device and give it the settings of the order."""
        with self._lock:
            if self._is_open:
                return
            info = self._source.open()
            try:
                self._check_size(info)
                self._settings = self._source.configure(self._order.settings)
            except BaseException:
                self._source.close()
                raise
            order = self._order
            self._info = replace(
                info,
                readout_s=info.readout_s or order.readout_s,
                overlap=info.overlap and order.overlap,
                settings=self._settings,
            )
            self._is_open = True

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        """Ask for exposure and gain; asking for what it has already costs nothing."""
        with self._lock:
            self._opened()
            if wanted != self._settings:
                self._pause_live()
                self._settings = self._source.configure(wanted)
                self._resume_live()
            return self._settings

    def arm(self, buffer: npt.NDArray[Any]) -> None:
        """Be ready for a burst."""
        with self._lock:
            self._opened()
            self._check_free()
            self._check_buffer(buffer)
            self._pause_live()
            self._begin(Mode.BURST, buffer)
            self._burst = _Burst(f"burst {self._info.name}", self._source, buffer, self._ids)

    def wait(self, timeout_s: float) -> BurstRecord:
        """Block until the burst is complete."""
        with self._lock:
            burst = self._burst
            if burst is None:
                self._opened()
                raise DeviceError(f"{self._info.name} is not armed")
        burst.wait(timeout_s)
        with self._lock:
            was_disarmed = self._burst is not burst
            if not was_disarmed:
                self._burst = None
                burst.end()
                self._resume_live()
        if burst.error is not None:
            raise burst.error
        if len(burst.ids) < len(burst.buffer):
            why = "was disarmed" if was_disarmed else burst.fault or f"waited {timeout_s:g} s"
            raise FrameLost(f"{self._info.name} delivered {len(burst.ids)} of {len(burst.buffer)} frames and {why}")
        return BurstRecord(np.array(burst.ids, np.int64), np.array(burst.stamps, np.int64))

    def disarm(self) -> None:
        """End a burst that waits, or the frames one by one."""
        with self._lock:
            waiting = [loop for loop in (self._burst, self._follower) if loop is not None]
            self._burst = self._follower = None
            for loop in waiting:
                loop.end()
            if waiting:
                self._resume_live()

    def follow(self, take: Callable[[TriggeredFrame], None]) -> None:
        """Hand on every triggered frame until `disarm`."""
        with self._lock:
            self._opened()
            self._check_free()
            self._pause_live()
            self._begin(Mode.TRIGGERED, None)

            def hand_on(frame: Fetched) -> None:
                if frame.image is not None:
                    image = self._read_only(frame.image)
                    number = self._ids.unwrapped(frame.frame_id)
                    take(TriggeredFrame(self._info.name, image, number, frame.timestamp_ns))

            self._follower = _Loop(f"follow {self._info.name}", self._source, hand_on)

    def stream(self, take: Callable[[LiveFrame], None]) -> None:
        """Start the live view."""
        with self._lock:
            self._opened()
            self.stop_stream()
            self._show, self._shown = take, 0
            self._resume_live()

    def stop_stream(self) -> None:
        """End the live view."""
        with self._lock:
            self._show = None
            self._pause_live()

    def fire(self) -> None:
        """Trigger a frame by a call, while a burst or a follower waits for one."""
        if self._burst is not None or self._follower is not None:
            self._source.fire()

    def close(self) -> None:
        """Give the device back."""
        self.stop_stream()
        self.disarm()
        with self._lock:
            self._show = None
            if self._is_open:
                self._is_open = False
                self._source.close()

    def _begin(self, mode: Mode, buffer: npt.NDArray[Any] | None) -> None:
        self._ids.start()
        try:
            self._source.begin(mode, buffer)
        except BaseException:
            self._source.end()
            self._resume_live()
            raise

    # The live view

    def _pause_live(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.end()

    def _resume_live(self) -> None:
        if self._show is None or not self._is_open or self._live is not None:
            return
        if self._burst is not None or self._follower is not None:
            return
        self._source.begin(Mode.FREE, None)
        self._live = _Loop(f"live {self._info.name}", self._source, self._hand_live)

    def _hand_live(self, frame: Fetched) -> None:
        show = self._show
        if frame.image is None or show is None:
            return
        image = frame.image
        if image.dtype == np.uint16:
            image = (image >> (self._info.bits - 8)).astype(np.uint8)
        self._shown += 1
        show(LiveFrame(self._info.name, self._read_only(image), self._shown))

    # Checks

    @staticmethod
    def _read_only(image: npt.NDArray[Any]) -> npt.NDArray[Any]:
        view = image.view()
        view.flags.writeable = False
        return view

    def _check_size(self, info: CameraInfo) -> None:
        order = self._order
        if order.width and (order.width, order.height) != (info.width, info.height):
            raise DeviceError(
                f"{order.name} ({info.serial}) gives {info.width} x {info.height} pixels, the rig asks for "
                f"{order.width} x {order.height}; set its region or take another camera"
            )

    def _check_free(self) -> None:
        if self._burst is not None or self._follower is not None:
            raise DeviceError(f"{self._info.name} is armed already; wait for its burst or disarm it")

    def _check_buffer(self, buffer: npt.NDArray[Any]) -> None:
        info = self._info
        fits = len(buffer) and buffer.shape[1:] == info.frame_shape and buffer.dtype == np.dtype(info.dtype)
        if not fits or not buffer.flags.c_contiguous:
            raise DeviceError(
                f"{info.name}: a buffer of {buffer.shape[1:]} {buffer.dtype} does not fit frames of "
                f"{info.frame_shape} {np.dtype(info.dtype)}"
            )

    def _opened(self) -> None:
        if not self._is_open:
            raise DeviceError(f"{self._info.name} is not open")


class _Counter:
    """Ids that go on where a start of the camera begins anew, and over the jump that 16 bits make."""

    def __init__(self) -> None:
        self._last = 0
        self._wire: int | None = None

    def start(self) -> None:
        """Begin anew: the next frame follows the last one."""
        self._wire = None

    def unwrapped(self, wire: int) -> int:
        """Return the id of the frame with this one on the wire."""
        if self._wire is None:
            step = 1
        elif wire < self._wire:
            step = wire - self._wire + LAST_ID
        else:
            step = wire - self._wire
        self._wire = wire
        self._last += step
        return self._last


class _Fetching(ABC):
    """Fetches frames until it is over, on a thread of its own if it is to."""

    def __init__(self, name: str, source: FrameSource, threaded: bool = True) -> None:
        self._source = source
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True) if threaded else None
        if self._thread is not None:
            self._thread.start()

    def end(self) -> None:
        """Fetch nothing more, and stop to grab."""
        self._over.set()
        self._source.end()
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join()

    @abstractmethod
    def _run(self) -> None: ...


class _Burst(_Fetching):
    """Fills a buffer, on a thread or on that of who waits."""

    def __init__(self, name: str, source: FrameSource, buffer: npt.NDArray[Any], counter: _Counter) -> None:
        self.buffer, self._counter = buffer, counter
        self.ids: list[int] = []
        self.stamps: list[int] = []
        self.fault = ""
        self.error: DeviceError | None = None
        self._done = threading.Event()
        super().__init__(name, source, threaded=not source.holds_bursts)

    def wait(self, timeout_s: float) -> None:
        """Return when the buffer is full, or will never be, or when the time is over."""
        if self._thread is not None:
            self._done.wait(timeout_s)
        else:
            self._fill(time.monotonic() + timeout_s)

    def _run(self) -> None:
        self._fill(math.inf)
        self._done.set()

    def _fill(self, end: float) -> None:
        try:
            while len(self.ids) < len(self.buffer) and not self._over.is_set() and not self.fault:
                left = end - time.monotonic()
                if left <= 0:
                    return
                frame = self._source.fetch(min(left, _SLICE_S), self.buffer[len(self.ids)])
                if frame is None:
                    continue
                if frame.fault:
                    self.fault = f"the next one {frame.fault}"
                    continue
                self.ids.append(self._counter.unwrapped(frame.frame_id))
                self.stamps.append(frame.timestamp_ns)
        except DeviceError as error:
            self.error = error


class _Loop(_Fetching):
    """Hands on frames as they come; those that are broken are left out."""

    def __init__(self, name: str, source: FrameSource, take: Callable[[Fetched], None]) -> None:
        self._take = take
        super().__init__(name, source)

    def _run(self) -> None:
        try:
            while not self._over.is_set():
                frame = self._source.fetch(_SLICE_S, None)
                if frame is not None and not frame.fault and not self._over.is_set():
                    self._take(frame)
        except DeviceError:
            return  # a camera that is gone says so at the next act
