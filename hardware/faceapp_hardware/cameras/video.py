"""Webcams (UVC), video files and numbered pictures over OpenCV: for small rigs, and for people without one."""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import DeviceError
from faceapp.devices.records import CameraInfo, CameraOrder, CameraSettings, FoundCamera
from faceapp_hardware.cameras.grabbing import GrabbingCamera
from faceapp_hardware.cameras.source import Fetched, Mode, refuse_unknown

_OPTIONS = {"rate_hz": "pictures a second of a file in the live view (15)"}
_PICTURES = (".png", ".tif", ".tiff", ".bmp", ".jpg")
_LIVE_HZ = 15.0
_LONGEST_QUEUE, _AT_ONCE_S = 8, 0.004


class VideoDriver:
    """Opens webcams by number, and files or folders of pictures by path.

    A webcam has no trigger: each pulse of the projector's wire takes the picture that comes next, which serves
    projectors that are slow. A file plays one frame a pulse, from the first again at each burst.
    """

    name = "video"
    title = "Webcams and video files (OpenCV)"

    def missing(self) -> str:
        """Return what is missing: nothing, faceapp itself needs OpenCV."""
        return ""

    def discover(self) -> tuple[FoundCamera, ...]:
        """Return the webcams; files are named in rig files."""
        nodes = sorted(Path("/dev").glob("video[0-9]*")) if sys.platform.startswith("linux") else []
        return tuple(
            FoundCamera(
                self.name,
                node.name.removeprefix("video"),
                "webcam",
                str(node),
                colour=True,
                wrong="" if os.access(node, os.R_OK | os.W_OK) else f"{node} may not be read; join the group video",
            )
            for node in nodes
        )

    def make_camera(self, order: CameraOrder) -> GrabbingCamera:
        """Return a camera that is not open yet."""
        refuse_unknown(order, _OPTIONS)
        return GrabbingCamera(order, VideoSource(order, self.name), self.name)


class VideoSource:
    """Frames of a webcam, a video file or a folder of numbered pictures.

    Parameters
    ----------
    order : CameraOrder
        ``serial`` is a number, or a path (relative to the rig file).
    driver : str
        Name of the driver.
    """

    holds_bursts = False

    def __init__(self, order: CameraOrder, driver: str) -> None:
        self._order, self._driver = order, driver
        self._capture: Any = None
        self._files: list[Path] = []
        self._at = 0
        self._number = 0
        self._shape: tuple[int, int] = (0, 0)
        self._mode: Mode | None = None
        self._pulses: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._left = 0.0
        self._next = 0.0
        self._lock = threading.Lock()

    @property
    def _is_webcam(self) -> bool:
        return self._order.serial.isdigit()

    @property
    def _path(self) -> Path:
        return self._order.folder / self._order.serial

    def open(self) -> CameraInfo:
        """Open the source and look at its first frame."""
        order = self._order
        self._rewind()
        first = self._read()
        if first is None:
            self.close()
            raise DeviceError(f"{order.name}: {order.serial} gives no picture. Check the file, or its cable")
        self._rewind()
        self._shape = (first.shape[0], first.shape[1])
        bits = 16 if order.role == "ir" and first.dtype == np.uint16 else 8
        return CameraInfo(
            order.name,
            order.group,
            order.role,
            self._shape[1],
            self._shape[0],
            bits,
            self._driver,
            order.serial,
            trigger="software",
            software_trigger=True,
        )

    def _rewind(self) -> None:
        """Begin with the first frame again; a webcam has none."""
        import cv2

        self._at = 0
        if self._files or (self._is_webcam and self._capture is not None):
            return
        name = self._order.name
        if self._is_webcam:
            self._capture = cv2.VideoCapture(int(self._order.serial))
        elif self._path.is_dir():
            self._files = sorted(f for f in self._path.iterdir() if f.suffix.lower() in _PICTURES)
            if not self._files:
                raise DeviceError(f"{name}: the folder {self._path} has no pictures ({', '.join(_PICTURES)})")
            return
        elif not self._path.is_file():
            raise DeviceError(f"{name}: there is no file and no folder {self._path}; a webcam is a number")
        else:
            if self._capture is not None:
                self._capture.release()
            self._capture = cv2.VideoCapture(str(self._path))
        if not self._capture.isOpened():
            self._capture = None
            what = (
                f"the webcam {self._order.serial} is missing or busy"
                if self._is_webcam
                else f"{self._path} is no video"
            )
            raise DeviceError(f"{name}: {what}. Check its cable, and that no other program has it")

    def _read(self) -> npt.NDArray[Any] | None:
        """Return the next frame, grey for infrared and RGB for colour cameras; ``None`` at the end."""
        import cv2

        if self._files:
            if self._at >= len(self._files):
                return None
            image = cv2.imread(str(self._files[self._at]), cv2.IMREAD_UNCHANGED)
            self._at += 1
        else:
            if self._is_webcam and self._mode is not Mode.FREE:
                self._discard_stale()
            good, image = self._capture.read()
            image = image if good else None
        if image is None:
            return None
        if self._order.role == "rgb":
            return np.asarray(cv2.cvtColor(image, cv2.COLOR_GRAY2RGB if image.ndim == 2 else cv2.COLOR_BGR2RGB))
        # A grey video comes as three equal channels: one of them is exact, a mix would be rounded.
        grey = image.ndim == 2 or ((image[..., 0] == image[..., 1]).all() and (image[..., 0] == image[..., 2]).all())
        if grey:
            return np.ascontiguousarray(image if image.ndim == 2 else image[..., 0])
        return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))

    def _discard_stale(self) -> None:
        """Drop the pictures that wait in the webcam's queue: they were taken before the pulse.

        What waits is handed out at once; a picture that has to be waited for is new, and the next one is whole.
        """
        for _ in range(_LONGEST_QUEUE):
            start = time.perf_counter()
            if not self._capture.grab() or time.perf_counter() - start > _AT_ONCE_S:
                return

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        """Ask a webcam for its exposure in ms; many have units of their own, and files keep theirs."""
        if self._is_webcam:
            import cv2

            self._capture.set(cv2.CAP_PROP_EXPOSURE, wanted.exposure_ms)
        return CameraSettings(wanted.exposure_ms, 0.0)

    def begin(self, mode: Mode, buffer: npt.NDArray[Any] | None) -> None:
        """Be ready; files begin with their first frame."""
        self._rewind()
        with self._lock:
            self._pulses = queue.SimpleQueue()
            self._mode, self._left = mode, float("inf") if buffer is None else len(buffer)

    def fetch(self, timeout_s: float, into: npt.NDArray[Any] | None) -> Fetched | None:
        """Read the frame of the next pulse; in the live view the next one."""
        if self._mode is Mode.FREE:
            if not self._is_webcam:
                time.sleep(max(0.0, self._next - time.monotonic()))
                self._next = time.monotonic() + 1 / float(self._order.options.get("rate_hz", _LIVE_HZ))
        else:
            try:
                if not self._pulses.get(timeout=timeout_s):
                    return None
            except queue.Empty:
                return None
        if self._mode is None:
            return None
        stamp = time.monotonic_ns()
        image = self._read()
        if image is None and not self._is_webcam:
            self._rewind()
            image = self._read()
        self._number += 1
        if image is None:
            if self._is_webcam:
                raise DeviceError(f"{self._order.name} was unplugged. Check its cable, then connect the rig again")
            return Fetched(self._number, stamp, fault="cannot be read from its file")
        if image.shape[:2] != self._shape:
            size = f"{image.shape[1]} x {image.shape[0]} pixels, {self._shape[1]} x {self._shape[0]} are expected"
            return Fetched(self._number, stamp, fault=f"has {size}")
        if into is None:
            return Fetched(self._number, stamp, image)
        np.copyto(into, image)
        return Fetched(self._number, stamp)

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
        """Give the source back."""
        self.end()
        capture, self._capture, self._files = self._capture, None, []
        if capture is not None:
            capture.release()
