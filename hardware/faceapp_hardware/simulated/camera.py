"""A camera of the simulated rig, on the client's side: an ordinary driver."""

from __future__ import annotations

import threading
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import DeviceError, FrameLost
from faceapp.devices.records import BurstRecord, CameraInfo, CameraSettings, LiveFrame, TriggeredFrame
from faceapp_hardware.simulated.link import Link, Listener
from faceapp_hardware.simulated.world_cameras import LAST_ID

_MOST_GAIN_DB = 24.0


class SimulatedCamera(Listener):
    """A camera whose light is reckoned.

    Parameters
    ----------
    info : CameraInfo
        What it is.
    link : Link
        To the world.
    exposure_ms : float
        With which it starts.
    """

    def __init__(self, info: CameraInfo, link: Link, exposure_ms: float) -> None:
        self._info, self._link = info, link
        self._settings = CameraSettings(exposure_ms, 0.0)
        self._is_open = False
        self._gone = ""
        self._odd: tuple[int, ...] = ()
        self._change = threading.Condition()
        self._buffer: npt.NDArray[np.uint8] | None = None
        self._ids: list[int] = []
        self._stamps: list[int] = []
        self._last_wire_id: int | None = None
        self._last_id = 0
        self._live: _LiveThread | None = None
        self._follower: Callable[[TriggeredFrame], None] | None = None
        link.listeners[info.name] = self

    @property
    def info(self) -> CameraInfo:
        """What it is."""
        return self._info

    def open(self) -> None:
        """Take the device."""
        self._check_line()
        self._is_open = True

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        """Set exposure and gain."""
        self._opened()
        if not wanted.exposure_ms > 0:
            raise DeviceError(f"{self._info.name}: an exposure of {wanted.exposure_ms:g} ms is not possible")
        if not 0 <= wanted.gain_db <= _MOST_GAIN_DB:
            raise DeviceError(
                f"{self._info.name}: a gain of {wanted.gain_db:g} dB is not between 0 and {_MOST_GAIN_DB:g}"
            )
        if wanted != self._settings:
            self._link.ask("configure", self._info.name, wanted.exposure_ms, wanted.gain_db)
            self._settings = wanted
        return self._settings

    def arm(self, buffer: npt.NDArray[np.uint8]) -> None:
        """Be ready for a burst; waits while its frames are still being rendered."""
        self._opened()
        with self._change:
            if self._is_armed:
                raise DeviceError(f"{self._info.name} is armed already; wait for its burst or disarm it")
            if not len(buffer) or buffer.shape[1:] != self._info.frame_shape or buffer.dtype != self._info.dtype:
                raise DeviceError(
                    f"{self._info.name}: a buffer of {buffer.shape[1:]} {buffer.dtype} does not fit frames of "
                    f"{self._info.frame_shape} {np.dtype(self._info.dtype)}"
                )
            self._buffer, self._ids, self._stamps, self._odd = buffer, [], [], ()
        try:
            self._link.ask("arm", self._info.name, len(buffer))
        except BaseException:
            with self._change:
                self._buffer = None
            raise

    def follow(self, take: Callable[[TriggeredFrame], None]) -> None:
        """Hand on every triggered frame until `disarm`."""
        self._opened()
        with self._change:
            if self._is_armed:
                raise DeviceError(f"{self._info.name} is armed already; wait for its burst or disarm it")
            self._follower = take
        try:
            self._link.ask("follow", self._info.name)
        except BaseException:
            with self._change:
                self._follower = None
            raise

    def frame(self, slot: int, number: int, stamp: int) -> None:
        """Take a frame that has come."""
        with self._change:
            buffer, follower = self._buffer, self._follower
            if follower is not None:
                image = self._link.slot(self._info.name, slot)
                image.flags.writeable = False
                follower(TriggeredFrame(self._info.name, image, self._unwrapped(number), stamp))
            elif buffer is not None and len(self._ids) < len(buffer):
                buffer[len(self._ids)] = self._link.slot(self._info.name, slot)
                self._ids.append(self._unwrapped(number))
                self._stamps.append(stamp)
                self._change.notify_all()
        self._link.tell("free", self._info.name, slot)

    def odd(self, shape: tuple[int, ...]) -> None:
        """Hear that a picture of another size came."""
        with self._change:
            self._odd = shape
            self._change.notify_all()

    def gone(self, why: str) -> None:
        """Hear that the camera cannot be reached any more."""
        with self._change:
            self._gone = why
            self._change.notify_all()

    def back(self) -> None:
        """Hear that the camera can be reached again."""
        with self._change:
            self._gone = ""
            self._is_open = False

    def wait(self, timeout_s: float) -> BurstRecord:
        """Block until the burst is complete."""
        with self._change:
            if self._buffer is None:
                self._check_line()
                raise DeviceError(f"{self._info.name} is not armed")
            wanted = len(self._buffer)
            self._change.wait_for(
                lambda: self._buffer is None or self._gone or self._odd or len(self._ids) >= wanted, timeout=timeout_s
            )
            stopped = self._buffer is None
            self._buffer = None
            if len(self._ids) < wanted or stopped:
                self._check_line()
                why = "was disarmed" if stopped else f"waited {timeout_s:g} s"
                if self._odd and not stopped:
                    why = f"the next one has {self._odd[1]} x {self._odd[0]} pixels"
                raise FrameLost(f"{self._info.name} delivered {len(self._ids)} of {wanted} frames and {why}")
            return BurstRecord(np.array(self._ids, np.int64), np.array(self._stamps, np.int64))

    def disarm(self) -> None:
        """End a burst that waits."""
        with self._change:
            was_armed, self._buffer, self._follower = self._is_armed, None, None
            self._change.notify_all()
        if was_armed and not self._gone:
            self._link.ask("disarm", self._info.name)

    def stream(self, take: Callable[[LiveFrame], None]) -> None:
        """Start the live view: 16 pictures a second of half the size."""
        self._opened()
        self.stop_stream()
        self._live = _LiveThread(self._info.name, self._link, take)
        self._link.ask("live", self._info.name)

    def live(self) -> None:
        """Take a picture of the live view that has come."""
        if self._live is not None:
            self._live.offer(self._link.live_slot(self._info.name).copy())
        self._link.tell("live-free", self._info.name)

    def stop_stream(self) -> None:
        """End the live view."""
        if self._live is not None:
            self._live.end()
            self._live = None
            if not self._gone:
                self._link.ask("end-live", self._info.name)

    def close(self) -> None:
        """Give the camera back."""
        try:
            self.stop_stream()
            self.disarm()
        except DeviceError:
            pass  # a world that is dead holds nothing
        self._is_open = False

    @property
    def _is_armed(self) -> bool:
        return self._buffer is not None or self._follower is not None

    def _unwrapped(self, number: int) -> int:
        """Return the id without the jump that 16 bits make."""
        if self._last_wire_id is None:
            self._last_id = number
        else:
            self._last_id += (number - self._last_wire_id) % LAST_ID
        self._last_wire_id = number
        return self._last_id

    def _check_line(self) -> None:
        if self._gone:
            raise DeviceError(f"{self._info.name}: {self._gone}. Check the cable, then connect the rig again")

    def _opened(self) -> None:
        self._check_line()
        if not self._is_open:
            raise DeviceError(f"{self._info.name} is not open")


class _LiveThread:
    """Hands on the newest picture; those that come while the taker is busy are dropped."""

    def __init__(self, camera: str, link: Link, take: Callable[[LiveFrame], None]) -> None:
        self._camera, self._take = camera, take
        self._change = threading.Condition()
        self._newest: npt.NDArray[np.uint8] | None = None
        self._number = 0
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name=f"live {camera}", daemon=True)
        self._thread.start()

    def offer(self, picture: npt.NDArray[np.uint8]) -> None:
        """Take a picture that has come."""
        picture.flags.writeable = False
        with self._change:
            self._newest = picture
            self._number += 1
            self._change.notify()

    def end(self) -> None:
        """Hand on nothing more."""
        with self._change:
            self._is_over = True
            self._change.notify()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._is_over or self._newest is not None)
                if self._is_over or self._newest is None:
                    return
                frame = LiveFrame(self._camera, self._newest, self._number)
                self._newest = None
            self._take(frame)
