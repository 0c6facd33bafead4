"""Any GenICam camera through the GenTL producer of its maker, over harvesters."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
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
    check_order,
    describe,
    is_colour,
    lacks,
    to_rgb,
)

_OPTIONS = {"features": "table of further GenICam features and their values"}
_PATHS = "GENICAM_GENTL64_PATH"
_SLICE_S = 0.05
_LOOP_BUFFERS = 10


class GenicamDriver:
    """Finds and opens cameras by the GenTL producers that are installed."""

    name = "genicam"
    title = "GenICam cameras (GenTL producer)"

    def missing(self) -> str:
        """Return what is missing: a package, or a producer."""
        lacking = (
            lacks("harvesters", "harvesters", "genicam") or lacks("genicam", "genicam", "genicam") or _unloadable()
        )
        if lacking or producers():
            return lacking
        return (
            f"no GenTL producer is installed; install the one of the camera's maker, which sets {_PATHS} to its folder"
        )

    def discover(self) -> tuple[FoundCamera, ...]:
        """Return the cameras that the producers see."""
        if self.missing():
            return ()
        with _harvester() as harvester:
            return tuple(
                FoundCamera(self.name, info.serial_number or info.id_, f"{info.vendor} {info.model}", info.tl_type)
                for info in harvester.device_info_list
            )

    def make_camera(self, order: CameraOrder) -> GrabbingCamera:
        """Return a camera that is not open yet."""
        check_order(order, _OPTIONS)
        return GrabbingCamera(order, GenicamSource(order, self.name), self.name)


class GenicamSource:
    """The frames of one camera.

    Parameters
    ----------
    order : CameraOrder
        Which one, and how it is wired; ``trigger = "none"`` lets a camera without a trigger input run free.
    driver : str
        Name of the driver.
    """

    holds_bursts = True

    def __init__(self, order: CameraOrder, driver: str) -> None:
        self._order, self._driver = order, driver
        self._acquirer: Any = None
        self._format = ""
        self._shape: tuple[int, int] = (0, 0)
        self._running = False
        self._reading = threading.Lock()
        self._left = 0.0

    def open(self) -> CameraInfo:
        """Take the device and configure its trigger."""
        order = self._order
        missing = GenicamDriver().missing()
        if missing:
            raise DeviceError(f"{order.name}: {missing}")
        with _sentence(order.name), _harvester() as harvester:
            found = {info.serial_number or info.id_: i for i, info in enumerate(harvester.device_info_list)}
            if order.serial not in found:
                raise DeviceError(
                    f"{order.name}: no GenTL producer sees a camera {order.serial}; they see "
                    f"{', '.join(found) or 'none'}. Check its cable and its power"
                )
            self._acquirer = harvester.create(found[order.serial])
            _in_use.add(id(self))
        try:
            with _sentence(order.name):
                return self._prepare()
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> CameraInfo:
        order, nodes = self._order, self._acquirer.remote_device.node_map
        self._set_format(nodes)
        if order.width:
            nodes.Width.value, nodes.Height.value = order.width, order.height
        for name, value in dict(order.options.get("features", {})).items():
            self._feature(name).value = value
        if order.trigger != "none":
            self._set_trigger(on=True)
        self._shape = (int(nodes.Height.value), int(nodes.Width.value))
        return describe(order, self._driver, (self._shape[1], self._shape[0]), self._format)

    def _set_format(self, nodes: Any) -> None:
        order, there = self._order, tuple(nodes.PixelFormat.symbolics)
        wanted = order.pixel_format or ("Mono8" if order.role == "ir" else "RGB8")
        if wanted not in there:
            raise DeviceError(f"{order.name} ({order.serial}) has no pixel format {wanted}; it has {', '.join(there)}")
        if is_colour(wanted) is not (order.role == "rgb"):
            raise DeviceError(f"{order.name}: the pixel format {wanted} does not fit the role {order.role}")
        nodes.PixelFormat.value = self._format = wanted

    def _set_trigger(self, on: bool) -> None:
        order = self._order
        mode = self._optional("TriggerMode")
        if mode is None:
            raise DeviceError(
                f"{order.name} ({order.serial}) has no trigger input, so it cannot follow a projector; take another "
                'camera, or set trigger = "none" to let it run free'
            )
        self._feature("TriggerSelector").value = "FrameStart"
        if on:
            self._feature("TriggerSource").value = "Software" if order.trigger == "software" else order.trigger
        mode.value = "On" if on else "Off"

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        """Set exposure and gain within what the camera can; what it lacks is left as it is."""
        with _sentence(self._order.name):
            exposure, gain = self._optional("ExposureTime"), self._optional("Gain")
            if exposure is not None:
                exposure.value = min(max(1000 * wanted.exposure_ms, exposure.min), exposure.max)
            if gain is not None:
                gain.value = min(max(wanted.gain_db, gain.min), gain.max)
            return CameraSettings(
                wanted.exposure_ms if exposure is None else round(float(exposure.value) / 1000, 6),
                0.0 if gain is None else round(float(gain.value), 6),
            )

    def begin(self, mode: Mode, buffer: npt.NDArray[Any] | None) -> None:
        """Start to grab, with a buffer of the producer for each frame of a burst."""
        with _sentence(self._order.name):
            if self._order.trigger != "none":
                self._set_trigger(on=mode is not Mode.FREE)
            count = _LOOP_BUFFERS if buffer is None else len(buffer)
            self._acquirer.num_buffers = max(count, self._acquirer.min_num_buffers)
            self._left = float("inf") if buffer is None else len(buffer)
            self._acquirer.start()
            self._running = True
            status = self._optional("AcquisitionStatus")
            if mode is not Mode.FREE and self._order.trigger != "none" and status is not None:
                self._feature("AcquisitionStatusSelector").value = "FrameTriggerWait"
                await_ready(self._order.name, lambda: bool(status.value))

    def fetch(self, timeout_s: float, into: npt.NDArray[Any] | None) -> Fetched | None:
        """Wait for the next frame."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            with self._reading:
                if not self._running:
                    return None
                with _sentence(self._order.name):
                    buffer = self._acquirer.try_fetch(timeout=_SLICE_S)
                    if buffer is not None:
                        try:
                            return self._taken(buffer, into)
                        finally:
                            buffer.queue()
        return None

    def _taken(self, buffer: Any, into: npt.NDArray[Any] | None) -> Fetched:
        number, stamp = int(buffer.module.frame_id), time.monotonic_ns()
        with suppress(Exception):  # many producers tell no time, and each says so with an error of its own
            stamp = int(buffer.module.timestamp_ns)
        if not buffer.module.is_complete():
            return Fetched(number, stamp, fault="came incomplete; check cable and bandwidth")
        component = buffer.payload.components[0]
        if (component.height, component.width) != self._shape:
            size = f"{component.width} x {component.height} pixels, {self._shape[1]} x {self._shape[0]} are expected"
            return Fetched(number, stamp, fault=f"has {size}")
        image = component.data.reshape(*self._shape, -1)
        image = image[..., 0] if image.shape[-1] == 1 else image
        if self._order.role == "rgb":
            image = to_rgb(image, self._format)
        if into is None:
            return Fetched(number, stamp, image.copy())  # the buffer goes back to the producer
        np.copyto(into, image)
        return Fetched(number, stamp)

    def end(self) -> None:
        """Stop to grab."""
        running, self._running = self._running, False
        if running:
            with self._reading, _quiet():
                self._acquirer.stop()

    def fire(self) -> None:
        """Trigger by a call, where the trigger is such a call."""
        if self._left > 0 and self._order.trigger == "software":
            with _quiet():
                self._feature("TriggerSoftware").execute()
                self._left -= 1

    def close(self) -> None:
        """Give the device back."""
        self.end()
        acquirer, self._acquirer = self._acquirer, None
        if acquirer is not None:
            with _quiet():
                acquirer.destroy()
            _in_use.discard(id(self))

    def _feature(self, name: str) -> Any:
        node = self._optional(name)
        if node is None:
            raise UsageError(f"{self._order.name} ({self._order.serial}) has no feature {name!r}")
        return node

    def _optional(self, name: str) -> Any:
        return getattr(self._acquirer.remote_device.node_map, name, None)


def producers() -> list[Path]:
    """Return the GenTL producers (``.cti``) in the folders that the environment names."""
    folders = [Path(part) for part in os.environ.get(_PATHS, "").split(os.pathsep) if part]
    return sorted(file for folder in folders if folder.is_dir() for file in folder.glob("*.cti"))


_lock = threading.Lock()
_loaded: dict[tuple[Path, ...], Any] = {}
_in_use: set[int] = set()


@contextmanager
def _harvester() -> Iterator[Any]:
    """The one that has loaded the producers, for they load once in a process.

    Its list is new each time unless a camera is open: a new list takes the library away from those that run.
    """
    from harvesters.core import Harvester

    files = tuple(producers())
    with _lock:
        if files not in _loaded:
            made = Harvester()
            for file in files:
                made.add_file(str(file))
            _loaded[files] = made
        harvester = _loaded[files]
        if not _in_use:
            with _sentence("GenTL"):
                harvester.update()
        yield harvester


def _unloadable() -> str:
    """Return what keeps the installed genicam from being loaded; empty if nothing does."""
    try:
        importlib.import_module("genicam.genapi")
    except ImportError as error:  # its wheel wants the interpreter as a shared library
        python = f"libpython{sys.version_info.major}.{sys.version_info.minor}"
        return f"genicam cannot be loaded ({error}); install that library, on Debian {python}"
    return ""


@contextmanager
def _sentence(camera: str) -> Iterator[None]:
    from genicam import genapi, gentl

    try:
        yield
    except (genapi.GenericException, gentl.GenericException) as error:
        words = str(error).partition(" : ")[0].partition(" (ID:")[0].removeprefix("GenTL exception: ").rstrip(".")
        raise DeviceError(f"{camera}: {words}. Check its cable, and that no other program has it") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Let a camera that is gone be gone: the next act says so."""
    with suppress(DeviceError, UsageError), _sentence(""):
        yield
