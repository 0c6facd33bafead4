"""Any GigE Vision camera without its maker's software, over viva-genicam."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import DeviceError, UsageError
from faceapp.devices.records import CameraInfo, CameraOrder, CameraSettings, FoundCamera
from faceapp_hardware.cameras.grabbing import GrabbingCamera
from faceapp_hardware.cameras.source import (
    Fetched,
    Mode,
    await_ready,
    bits_of,
    check_order,
    describe,
    is_colour,
    lacks,
    to_rgb,
)

_OPTIONS = {
    "resend": "whether lost packets are asked for again (true)",
    "features": "table of further GenICam features and their values",
}
_SEARCH_MS = 300
_SLICE_MS = 20  # a stream cannot be closed while somebody waits for its next frame


class GigeDriver:
    """Finds and opens GigE Vision cameras; ``serial`` of a rig file is the camera's MAC address."""

    name = "gige"
    title = "GigE Vision cameras (viva-genicam)"

    def missing(self) -> str:
        """Return what is missing."""
        return lacks("viva_genicam", "viva-genicam", "genicam")

    def discover(self) -> tuple[FoundCamera, ...]:
        """Return the cameras that answer on all networks of this machine, the loopback too."""
        if self.missing():
            return ()
        return tuple(
            FoundCamera(self.name, info.mac, " ".join(filter(None, (info.manufacturer, info.model))), info.ip)
            for info in _search()
        )

    def make_camera(self, order: CameraOrder) -> GrabbingCamera:
        """Return a camera that is not open yet."""
        check_order(order, _OPTIONS)
        return GrabbingCamera(order, GigeSource(order, self.name), self.name)


class GigeSource:
    """The frames of one camera.

    Parameters
    ----------
    order : CameraOrder
        Which one, and how it is wired.
    driver : str
        Name of the driver.
    """

    holds_bursts = False

    def __init__(self, order: CameraOrder, driver: str) -> None:
        self._order, self._driver = order, driver
        self._camera: Any = None
        self._stream: Any = None
        self._format = ""
        self._shape: tuple[int, int] = (0, 0)
        self._reading = threading.Lock()
        self._left = 0.0
        self._tells_ready = False

    def open(self) -> CameraInfo:
        """Take control of the camera and configure its trigger."""
        order = self._order
        missing = GigeDriver().missing()
        if missing:
            raise DeviceError(f"{order.name}: {missing}")
        import viva_genicam

        found = {info.mac: info for info in _search()}
        if order.serial not in found:
            raise DeviceError(
                f"{order.name}: there is no GigE Vision camera with the address {order.serial}; found are "
                f"{', '.join(found) or 'none'}. Check its cable, its power and its subnet"
            )
        with _sentence(order.name):
            self._camera = viva_genicam.connect_gige(found[order.serial])
        try:
            with _sentence(order.name):
                return self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> CameraInfo:
        order, camera = self._order, self._camera
        if order.width:
            camera.set_integer("Width", order.width)
            camera.set_integer("Height", order.height)
        self._format = order.pixel_format or camera.get_enum("PixelFormat")
        if order.pixel_format:
            camera.set_enum("PixelFormat", order.pixel_format)
        bits = bits_of(self._format, order.name)
        if is_colour(self._format) is not (order.role == "rgb") or (order.role == "rgb" and bits > 8):
            raise DeviceError(f"{order.name}: the pixel format {self._format} does not fit the role {order.role}")
        features = dict(order.options.get("features", {}))
        known = set(camera.nodes())
        for name, value in features.items():
            if name not in known:
                raise UsageError(f"{order.name} ({order.serial}) has no feature {name!r}")
            camera.set(name, str(value))
        camera.set_acquisition_mode("Continuous")
        self._tells_ready = {"AcquisitionStatusSelector", "AcquisitionStatus"} <= known
        if self._tells_ready:
            camera.set_enum("AcquisitionStatusSelector", "FrameTriggerWait")
        self._shape = (camera.get_integer("Height"), camera.get_integer("Width"))
        return describe(order, self._driver, (self._shape[1], self._shape[0]), self._format)

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        """Set exposure and gain; a camera without gain has none."""
        with _sentence(self._order.name):
            camera = self._camera
            camera.set_exposure_time(1000 * wanted.exposure_ms)
            camera.set_gain(wanted.gain_db)
            return CameraSettings(round(camera.exposure_time() / 1000, 6), round(camera.gain(), 6))

    def begin(self, mode: Mode, buffer: npt.NDArray[Any] | None) -> None:
        """Take control again where it was lost, set the trigger, and start the stream."""
        with _sentence(self._order.name):
            if self._control_is_lost:
                self._camera.reclaim_control()
            if mode is Mode.FREE:
                self._camera.disable_trigger("FrameStart")
            else:
                source = "Software" if self._order.trigger == "software" else self._order.trigger
                self._camera.enable_trigger("FrameStart", source)
            resend = bool(self._order.options.get("resend", True))
            stream = self._camera.stream(resend=resend, deliver_incomplete=True)
            stream.__enter__()  # ends in `end`, on whatever thread
            self._left = float("inf") if buffer is None else len(buffer)
            self._stream = stream
            if mode is not Mode.FREE and self._tells_ready:
                await_ready(self._order.name, lambda: bool(self._camera.get_bool("AcquisitionStatus")))

    def fetch(self, timeout_s: float, into: npt.NDArray[Any] | None) -> Fetched | None:
        """Wait for the next frame."""
        import viva_genicam

        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            with self._reading:
                stream = self._stream
                if stream is None:
                    return None
                try:
                    frame = stream.next_frame(_SLICE_MS)
                except viva_genicam.TransportError:
                    frame = None
                if frame is not None:
                    return self._taken(frame, into)
            if self._control_is_lost:
                raise DeviceError(
                    f"{self._order.name}: another program has taken control of the camera. Close it, then try again"
                )
        return None

    def _taken(self, frame: Any, into: npt.NDArray[Any] | None) -> Fetched:
        stamp = int(frame.ts_dev or time.monotonic_ns())
        number = int(frame.block_id)
        if not frame.is_complete:
            lost = frame.missing_packets
            what = f"lost {lost} packets" if lost else f"came broken ({frame.status.value})"
            return Fetched(number, stamp, fault=f"{what}; check cable, switch and packet size")
        if (frame.height, frame.width) != self._shape:
            size = f"{frame.width} x {frame.height} pixels, {self._shape[1]} x {self._shape[0]} are expected"
            return Fetched(number, stamp, fault=f"has {size}")
        image = np.asarray(frame.to_numpy())
        if self._order.role == "rgb" and image.ndim == 2:
            image = to_rgb(image, self._format)
        if into is None:
            return Fetched(number, stamp, image)
        np.copyto(into, image)
        return Fetched(number, stamp)

    def end(self) -> None:
        """Stop the stream."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        with self._reading, _quiet():
            stream.__exit__(None, None, None)

    def fire(self) -> None:
        """Trigger by a call."""
        if self._left > 0 and self._stream is not None:
            with _quiet():
                self._camera.trigger_software()
                self._left -= 1

    def close(self) -> None:
        """Give control back."""
        self.end()
        camera, self._camera = self._camera, None
        if camera is not None:
            with _quiet():
                camera.close()

    @property
    def _control_is_lost(self) -> bool:
        import viva_genicam

        return bool(self._camera.control_state == viva_genicam.ControlState.LOST)


def _search() -> list[Any]:
    import viva_genicam

    try:
        return list(viva_genicam.discover(_SEARCH_MS, all=True))
    except viva_genicam.GenicamError as error:
        raise DeviceError(f"the network cannot be searched for cameras: {error}. Check its interfaces") from error


@contextmanager
def _sentence(camera: str) -> Iterator[None]:
    import viva_genicam

    try:
        yield
    except viva_genicam.GenicamError as error:
        raise DeviceError(f"{camera}: {error}. Check its cable, and that no other program has it") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Let a camera that is gone be gone: the next act says so."""
    import contextlib

    import viva_genicam

    with contextlib.suppress(viva_genicam.GenicamError):
        yield
