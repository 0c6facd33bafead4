"""Basler's GigE Vision and USB3 Vision cameras, and pylon's emulated ones, over pypylon."""

from __future__ import annotations

import atexit
import math
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import DeviceError, UsageError
from faceapp.devices.records import CameraInfo, CameraOrder, CameraSettings, FoundCamera
from faceapp_hardware.cameras.grabbing import GrabbingCamera
from faceapp_hardware.cameras.pylon_buffers import address_of, engine_buffers
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

_BUSES = ("BaslerCamEmu", "BaslerUsb", "BaslerGigE")
_OPTIONS = {
    "pictures": "folder of BMP or uncompressed TIFF files that an emulated camera plays in the order of their names",
    "features": "table of further GenICam features and their values",
}
_LIVE_HZ = 15.0
_WIRE_S = 5.0  # on a busy machine the emulation is late by many frames; a pulse before it is ready would be lost
_WIRE_SLICE_MS = 50
_EMULATION_PERIOD_S = 0.0125
"""What pylon's emulation is trusted with; it needs 11.7 ms for a triggered frame."""


class BaslerDriver:
    """Finds and opens cameras by pylon."""

    name = "basler"
    title = "Basler cameras (pylon)"

    def missing(self) -> str:
        """Return what is missing."""
        return lacks("pypylon", "pypylon", "basler", (26, 9), "it cannot grab into buffers of others")

    def discover(self) -> tuple[FoundCamera, ...]:
        """Return the cameras on all buses; they are enumerated anew each time."""
        if self.missing():
            return ()
        found = [
            FoundCamera(
                self.name,
                info.GetSerialNumber(),
                info.GetModelName(),
                where=bus.removeprefix("Basler").replace("CamEmu", "emulated"),
            )
            for bus in _BUSES
            for info in _enumerate(bus)
        ]
        return tuple(found)

    def make_camera(self, order: CameraOrder) -> GrabbingCamera:
        """Return a camera that is not open yet."""
        check_order(order, _OPTIONS)
        return GrabbingCamera(order, BaslerSource(order, self.name), self.name)


class BaslerSource:
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
        self._format = ""
        self._shape: tuple[int, ...] = ()
        self._free = False
        self._in_place = False
        self._left = math.inf
        self._is_emulated = False
        self._ending = threading.Lock()

    def open(self) -> CameraInfo:
        """Take the device and configure its trigger."""
        order = self._order
        missing = BaslerDriver().missing()
        if missing:
            raise DeviceError(f"{order.name}: {missing}")
        from pypylon import pylon

        with _sentence(order.name):
            factory, info = _device(order)
            self._camera = pylon.InstantCamera(factory.CreateDevice(info))
            self._camera.Open()
        _open.add(self)
        try:
            with _sentence(order.name):
                return self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> CameraInfo:
        order, camera = self._order, self._camera
        self._is_emulated = camera.GetDeviceInfo().GetDeviceClass() == "BaslerCamEmu"
        if order.width:
            for node, wanted in ((camera.Width, order.width), (camera.Height, order.height)):
                if wanted > node.Max:
                    raise DeviceError(f"{order.name} ({order.serial}) has fewer than {wanted} pixels: {node.Max}")
                node.Value = wanted
        self._set_format()
        self._set_pictures()
        for name, value in dict(order.options.get("features", {})).items():
            self._feature(name).Value = value
        camera.TriggerSelector.Value = "FrameStart"
        camera.TriggerSource.Value = "Software" if order.trigger == "software" else order.trigger
        self._first("TriggerActivation").Value = "RisingEdge"
        camera.TriggerMode.Value = "On"
        self._free = False
        width, height = int(camera.Width.Value), int(camera.Height.Value)
        self._shape = (height, width)
        info = describe(order, self._driver, (width, height), self._format)
        # Each can be triggered by a call, whatever its cable says.
        return replace(
            info, shortest_period_s=self._shortest_period(), software_trigger=True, readout_s=self._readout()
        )

    def _set_format(self) -> None:
        order, node = self._order, self._camera.PixelFormat
        wanted = order.pixel_format or ("Mono8" if order.role == "ir" else "")
        there = tuple(node.Symbolics)
        if not wanted:
            wanted = next((f for f in ("RGB8", "RGB8Packed", "BayerRG8", "BayerGR8", "BayerBG8") if f in there), "")
        if wanted not in there and f"{wanted}Packed" in there:
            wanted = f"{wanted}Packed"
        if wanted not in there:
            raise DeviceError(
                f"{order.name} ({order.serial}) has no pixel format {wanted!r}; it has {', '.join(there)}"
            )
        if is_colour(wanted) is not (order.role == "rgb") or (order.role == "rgb" and bits_of(wanted, order.name) > 8):
            raise DeviceError(
                f"{order.name}: the pixel format {wanted} does not fit the role {order.role} of the camera"
            )
        node.Value = self._format = wanted

    def _set_pictures(self) -> None:
        if "pictures" not in self._order.options:
            return
        folder = self._order.folder / self._order.options["pictures"]
        if not self._is_emulated:
            raise UsageError(f"{self._order.name}: only an emulated camera plays pictures; drop the option")
        if not folder.is_dir():
            raise UsageError(f"{self._order.name}: option pictures: the folder {folder} is not there")
        self._camera.TestImageSelector.Value = "Off"
        self._camera.ImageFilename.Value = str(folder.resolve())
        self._camera.ImageFileMode.Value = "On"

    def _shortest_period(self) -> float:
        if self._is_emulated:
            return _EMULATION_PERIOD_S
        node = self._optional("ResultingFrameRate", "ResultingFrameRateAbs")
        return 1 / float(node.Value) if node is not None and node.Value > 0 else 0.0

    def _readout(self) -> float:
        node = self._optional("SensorReadoutTime", "ReadoutTimeAbs")
        return 0.0 if node is None else float(node.Value) / 1e6

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        """Set exposure and gain to the nearest that the camera can."""
        with _sentence(self._order.name):
            exposure = self._first("ExposureTime", "ExposureTimeAbs")
            exposure.Value = _within(exposure, 1000 * wanted.exposure_ms)
            gain = self._optional("Gain")
            if gain is not None:
                gain.Value = _within(gain, wanted.gain_db)
            took = 0.0 if gain is None else float(gain.Value)
            return CameraSettings(round(float(exposure.Value) / 1000, 6), round(took, 6))

    def begin(self, mode: Mode, buffer: npt.NDArray[Any] | None) -> None:
        """Start to grab; for a burst into the buffers of the caller."""
        from pypylon import pylon

        camera = self._camera
        with _sentence(self._order.name):
            self._set_free(mode is Mode.FREE)
            self._left = math.inf if buffer is None else len(buffer)
            self._in_place = buffer is not None and self._order.role == "ir"
            camera.SetBufferFactory(engine_buffers(buffer) if buffer is not None and self._in_place else None)
            if buffer is not None:
                camera.MaxNumBuffer.Value = len(buffer)
                camera.StartGrabbingMax(len(buffer), pylon.GrabStrategy_OneByOne)
            else:
                camera.MaxNumBuffer.Value = 10
                latest = mode is Mode.FREE
                camera.StartGrabbing(pylon.GrabStrategy_LatestImageOnly if latest else pylon.GrabStrategy_OneByOne)
            if mode is not Mode.FREE:  # asked now and then: pylon's own waiting keeps a processor busy
                await_ready(
                    self._order.name, lambda: bool(camera.WaitForFrameTriggerReady(0, pylon.TimeoutHandling_Return))
                )

    def _set_free(self, free: bool) -> None:
        if free == self._free:
            return
        self._camera.TriggerMode.Value = "Off" if free else "On"
        enable = self._optional("AcquisitionFrameRateEnable")
        rate = self._optional("AcquisitionFrameRate", "AcquisitionFrameRateAbs")
        if enable is not None and rate is not None:
            enable.Value = free
            if free:
                rate.Value = _within(rate, _LIVE_HZ)
        self._free = free

    def fetch(self, timeout_s: float, into: npt.NDArray[Any] | None) -> Fetched | None:
        """Wait for the next frame."""
        from pypylon import genicam, pylon

        camera = self._camera
        if camera is None:  # closed by another thread since this one looked
            return None
        try:
            result = camera.RetrieveResult(max(1, round(1000 * timeout_s)), pylon.TimeoutHandling_Return)
        except genicam.GenericException as error:
            raise DeviceError(f"{self._order.name}: {_words(error)}") from error
        if not result.IsValid():
            if camera.IsCameraDeviceRemoved():
                raise DeviceError(f"{self._order.name} was unplugged. Check its cable, then connect the rig again")
            return None
        try:
            return self._taken(result, into)
        finally:
            result.Release()

    def _taken(self, result: Any, into: npt.NDArray[Any] | None) -> Fetched:
        stamp = int(result.TimeStamp) or time.monotonic_ns()
        number = int(result.BlockID)
        if not result.GrabSucceeded():
            return Fetched(
                number, stamp, fault=f"failed in the camera ({result.ErrorDescription or 'no reason given'})"
            )
        if (result.Height, result.Width) != self._shape:
            size = f"{result.Width} x {result.Height} pixels, {self._shape[1]} x {self._shape[0]} are expected"
            return Fetched(number, stamp, fault=f"has {size}")
        if self._in_place and into is not None:
            if result.BufferContext != address_of(into):  # a failed frame before it has taken its place
                np.copyto(into, result.Array)
            return Fetched(number, stamp)
        image = result.Array
        if self._order.role == "rgb":
            image = to_rgb(image, self._format)
        if into is None:
            return Fetched(number, stamp, image)
        np.copyto(into, image)
        return Fetched(number, stamp)

    def end(self) -> None:
        """Stop to grab; a waiting `fetch` gets an invalid result."""
        with self._ending:
            if self._camera is not None:
                self._camera.StopGrabbing()

    def fire(self) -> None:
        """Trigger by a call once the camera is ready."""
        from pypylon import genicam, pylon

        camera = self._camera  # held: another thread may close it meanwhile
        if camera is None or self._left <= 0:  # a burst that has all its frames listens no more
            return
        try:
            # One that is not ready after all gets its pulse as well, as from a cable.
            end = time.monotonic() + _WIRE_S
            while time.monotonic() < end and camera.IsGrabbing():
                if camera.WaitForFrameTriggerReady(_WIRE_SLICE_MS, pylon.TimeoutHandling_Return):
                    break
            camera.ExecuteSoftwareTrigger()
            self._left -= 1
        except genicam.GenericException:
            return  # stopped or closed meanwhile: a pulse on the cable of a camera that does not listen

    def close(self) -> None:
        """Give the device back."""
        camera, self._camera = self._camera, None
        _open.discard(self)
        if camera is not None:
            camera.StopGrabbing()
            camera.SetBufferFactory(None)
            camera.Close()
            camera.DestroyDevice()

    def _feature(self, name: str) -> Any:
        node = self._optional(name)
        if node is None:
            raise UsageError(f"{self._order.name} ({self._order.serial}) has no feature {name!r} that can be set")
        return node

    def _first(self, *names: str) -> Any:
        node = self._optional(*names)
        if node is None:
            raise DeviceError(f"{self._order.name} ({self._order.serial}) has no feature {' or '.join(names)}")
        return node

    def _optional(self, *names: str) -> Any:
        for name in names:
            node = self._camera.GetNodeMap().GetNode(name)
            if node.IsReadable():
                return node
        return None


_open: weakref.WeakSet[BaslerSource] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    """Give cameras back that are open when the program ends: pylon's threads would take the process down with them."""
    for source in list(_open):
        source.close()


def _enumerate(bus: str) -> list[Any]:
    """Return what stands on one bus, enumerated anew: one costs 6 ms, all together up to seconds."""
    from pypylon import genicam, pylon

    try:
        layer = pylon.TlFactory.GetInstance().CreateTl(bus)
        return [] if layer is None else list(layer.EnumerateDevices())
    except genicam.GenericException as error:
        raise DeviceError(f"pylon cannot list the cameras on {bus}: {_words(error)}") from error


def _device(order: CameraOrder) -> tuple[Any, Any]:
    """Return the factory and the description of the camera with a serial number."""
    from pypylon import pylon

    seen: list[str] = []
    for bus in _BUSES:
        for info in _enumerate(bus):
            if info.GetSerialNumber() == order.serial:
                return pylon.TlFactory.GetInstance(), info
            seen.append(info.GetSerialNumber())
    raise DeviceError(
        f"{order.name}: there is no Basler camera with the serial number {order.serial}; found are "
        f"{', '.join(seen) or 'none'}. Check its cable and its power"
    )


def _within(node: Any, value: float) -> float:
    return min(max(value, float(node.Min)), float(node.Max))


def _words(error: BaseException) -> str:
    """Return the sentence of pylon's exceptions, without where in its sources they were thrown."""
    return str(error).partition(" : ")[0].rstrip(".")


@contextmanager
def _sentence(camera: str) -> Iterator[None]:
    from pypylon import genicam

    try:
        yield
    except genicam.GenericException as error:
        raise DeviceError(f"{camera}: {_words(error)}. Check its cable, and that no other program has it") from error
