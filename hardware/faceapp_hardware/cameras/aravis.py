"""GigE Vision and USB3 Vision cameras over Aravis, where the system's Python bindings of it can be imported."""

from __future__ import annotations

import importlib.util
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import DeviceError, UsageError
from faceapp.devices.records import CameraInfo, CameraOrder, CameraSettings, FoundCamera
from faceapp_hardware.cameras.grabbing import GrabbingCamera
from faceapp_hardware.cameras.pylon_buffers import address_of
from faceapp_hardware.cameras.source import (
    Fetched,
    Mode,
    await_ready,
    bits_of,
    check_order,
    describe,
    is_colour,
    to_rgb,
)

_OPTIONS = {"features": "table of further GenICam features and their values"}
_SLICE_US = 50_000
_LOOP_BUFFERS = 10


class AravisDriver:
    """Finds and opens cameras by Aravis."""

    name = "aravis"
    title = "GigE Vision and USB3 Vision cameras (Aravis)"

    def missing(self) -> str:
        """Return what is missing: the bindings are the system's, not a package of pip."""
        if importlib.util.find_spec("gi") is None:
            return (
                "gi cannot be imported; install python3-gi and gir1.2-aravis-0.8 (Debian), and make the environment "
                "with --system-site-packages"
            )
        try:
            _library()
        except (ImportError, ValueError) as error:
            return f"Aravis cannot be used ({error}); install gir1.2-aravis-0.8 (Debian)"
        return ""

    def discover(self) -> tuple[FoundCamera, ...]:
        """Return the cameras that Aravis sees."""
        if self.missing():
            return ()
        return tuple(_found())

    def make_camera(self, order: CameraOrder) -> GrabbingCamera:
        """Return a camera that is not open yet."""
        check_order(order, _OPTIONS)
        return GrabbingCamera(order, AravisSource(order, self.name), self.name)


class AravisSource:
    """The frames of one camera.

    Parameters
    ----------
    order : CameraOrder
        Which one, and how it is wired.
    driver : str
        Name of the driver.
    """

    holds_bursts = True

    def __init__(self, order: CameraOrder, driver: str) -> None:
        self._order, self._driver = order, driver
        self._camera: Any = None
        self._stream: Any = None
        self._format = ""
        self._shape: tuple[int, ...] = ()
        self._in_place = False
        self._reading = threading.Lock()
        self._left = 0.0
        self._period_s = 0.0

    def open(self) -> CameraInfo:
        """Take the device and set its format."""
        order = self._order
        missing = AravisDriver().missing()
        if missing:
            raise DeviceError(f"{order.name}: {missing}")
        there = {found.serial: found.where for found in _found()}
        if order.serial not in there:
            raise DeviceError(
                f"{order.name}: Aravis sees no camera with the serial number {order.serial}; it sees "
                f"{', '.join(there) or 'none'}. Check its cable and its power"
            )
        with _sentence(order.name):
            self._camera = _library().Camera.new(there[order.serial])
        try:
            with _sentence(order.name):
                return self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> CameraInfo:
        order, camera = self._order, self._camera
        there = camera.dup_available_pixel_formats_as_strings()
        self._format = order.pixel_format or ("Mono8" if order.role == "ir" else "RGB8")
        if self._format not in there:
            raise DeviceError(f"{order.name} has no pixel format {self._format}; it has {', '.join(there)}")
        if is_colour(self._format) is not (order.role == "rgb"):
            raise DeviceError(f"{order.name}: the pixel format {self._format} does not fit the role {order.role}")
        camera.set_pixel_format_from_string(self._format)
        if order.width:
            camera.set_region(0, 0, order.width, order.height)
        for name, value in dict(order.options.get("features", {})).items():
            if not camera.is_feature_available(name):
                raise UsageError(f"{order.name} ({order.serial}) has no feature {name!r}")
            camera.get_device().set_features_from_string(f"{name}={value}")
        camera.set_acquisition_mode(_library().AcquisitionMode.CONTINUOUS)
        region = camera.get_region()
        colours = (3,) if order.role == "rgb" and not self._format.startswith("Bayer") else ()
        self._shape = (region.height, region.width, *colours)
        self._period_s = 1 / camera.get_frame_rate() if camera.is_frame_rate_available() else 0.0
        # A trigger that comes faster than the rate that is set is lost; the option features sets another.
        info = describe(order, self._driver, (region.width, region.height), self._format)
        return replace(info, shortest_period_s=self._period_s)

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        """Set exposure and gain within what the camera can; one without gain has none."""
        camera = self._camera
        with _sentence(self._order.name):
            low, high = camera.get_exposure_time_bounds()
            camera.set_exposure_time(min(max(1000 * wanted.exposure_ms, low), high))
            if camera.is_gain_available():
                low, high = camera.get_gain_bounds()
                camera.set_gain(min(max(wanted.gain_db, low), high))
            gain = camera.get_gain() if camera.is_gain_available() else 0.0
            return CameraSettings(round(camera.get_exposure_time() / 1000, 6), round(gain, 6))

    def begin(self, mode: Mode, buffer: npt.NDArray[Any] | None) -> None:
        """Start to grab; a burst of an infrared camera into the caller's buffers."""
        library, camera = _library(), self._camera
        with _sentence(self._order.name):
            if mode is Mode.FREE:
                camera.clear_triggers()
            else:
                camera.set_trigger("Software" if self._order.trigger == "software" else self._order.trigger)
            stream = camera.create_stream(None, None)
            self._in_place = buffer is not None and self._order.role == "ir"
            if buffer is not None and self._in_place:
                for frame in buffer:
                    stream.push_buffer(library.Buffer.new(frame.nbytes, address_of(frame)))
            else:
                for _ in range(_LOOP_BUFFERS if buffer is None else len(buffer)):
                    stream.push_buffer(library.Buffer.new_allocate(camera.get_payload()))
            self._left = float("inf") if buffer is None else len(buffer)
            self._stream = stream
            camera.start_acquisition()
            if mode is not Mode.FREE:
                self._await_trigger_ready()

    def _await_trigger_ready(self) -> None:
        """Return when the first trigger will be taken; a camera that does not tell is given a frame's time."""
        camera = self._camera
        if not camera.is_feature_available("AcquisitionStatus"):
            time.sleep(self._period_s)
            return
        if camera.is_feature_available("AcquisitionStatusSelector"):
            camera.set_string("AcquisitionStatusSelector", "FrameTriggerWait")
        await_ready(self._order.name, lambda: bool(camera.get_boolean("AcquisitionStatus")))

    def fetch(self, timeout_s: float, into: npt.NDArray[Any] | None) -> Fetched | None:
        """Wait for the next frame."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            with self._reading:
                stream = self._stream
                if stream is None:
                    return None
                buffer = stream.timeout_pop_buffer(_SLICE_US)
                if buffer is None:
                    continue
                fetched = self._taken(buffer, into)
                if not self._in_place:
                    stream.push_buffer(buffer)
                return fetched
        return None

    def _taken(self, buffer: Any, into: npt.NDArray[Any] | None) -> Fetched:
        number, stamp = int(buffer.get_frame_id()), int(buffer.get_timestamp()) or time.monotonic_ns()
        status = buffer.get_status()
        if status != _library().BufferStatus.SUCCESS:
            return Fetched(number, stamp, fault=f"came broken ({status.value_nick}); check cable and packet size")
        size = buffer.get_image_height(), buffer.get_image_width()
        if size != self._shape[:2]:
            told = f"{size[1]} x {size[0]} pixels, {self._shape[1]} x {self._shape[0]} are expected"
            return Fetched(number, stamp, fault=f"has {told}")
        if self._in_place and into is not None:
            return Fetched(number, stamp)
        kind = np.uint8 if bits_of(self._format, self._order.name) == 8 else np.uint16
        image: npt.NDArray[Any] = np.frombuffer(buffer.get_data(), kind).reshape(self._shape)
        if self._order.role == "rgb":
            image = to_rgb(image.astype(np.uint8, copy=False), self._format)
        if into is None:
            return Fetched(number, stamp, image)
        np.copyto(into, image)
        return Fetched(number, stamp)

    def end(self) -> None:
        """Stop to grab."""
        stream, self._stream = self._stream, None
        if stream is not None:
            with self._reading, _quiet():
                self._camera.stop_acquisition()

    def fire(self) -> None:
        """Trigger by a call, where the trigger is such a call."""
        if self._left > 0 and self._stream is not None and self._order.trigger == "software":
            with _quiet():
                self._camera.software_trigger()
                self._left -= 1

    def close(self) -> None:
        """Give the device back."""
        self.end()
        self._camera = None


def _library() -> Any:
    import gi

    gi.require_version("Aravis", "0.8")
    from gi.repository import Aravis

    return Aravis


def _found() -> Iterator[FoundCamera]:
    library = _library()
    library.update_device_list()
    for i in range(library.get_n_devices()):
        what = f"{library.get_device_vendor(i)} {library.get_device_model(i)}"
        yield FoundCamera("aravis", library.get_device_serial_nbr(i), what, library.get_device_id(i))


@contextmanager
def _sentence(camera: str) -> Iterator[None]:
    from gi.repository import GLib

    try:
        yield
    except GLib.Error as error:
        raise DeviceError(f"{camera}: {error.message}. Check its cable, and that no other program has it") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Let a camera that is gone be gone: the next act says so."""
    with suppress(DeviceError), _sentence(""):
        yield
