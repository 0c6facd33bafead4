"""A capture bundle as a rig: its frames come again, at the pace of the projector, through the same promises."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import BundleError, DeviceError, FrameLost, UsageError
from faceapp.core.rig import Rig
from faceapp.core.sequence import FringeSequence
from faceapp.devices.projector_records import ProjectorInfo
from faceapp.devices.records import BurstRecord, CameraInfo, CameraSettings, LiveFrame, TriggeredFrame
from faceapp.formats.capture_bundle import BundleCamera, CaptureBundle, read_bundle

_LIVE_HZ = 15.0


class ReplayDriver:
    """Connects a bundle: option ``bundle`` is its folder."""

    name = "replay"
    title = "Replay of a capture bundle"
    reads_rig_file = False

    def connect(self, options: Mapping[str, Any]) -> ReplayRig:
        """Open a bundle as a rig.

        Raises
        ------
        UsageError
            No bundle is named, or an option is unknown.
        DeviceError
            The bundle cannot be read.
        """
        unknown = set(options) - {"bundle"}
        if unknown or "bundle" not in options:
            raise UsageError(f"the replay rig takes the option bundle (a folder), got {', '.join(options) or 'none'}")
        try:
            return ReplayRig(read_bundle(Path(options["bundle"])))
        except BundleError as error:
            raise DeviceError(f"replay: {error}") from error


class ReplayRig:
    """The devices of a bundle.

    Parameters
    ----------
    bundle : CaptureBundle
        Whose frames are played.
    """

    def __init__(self, bundle: CaptureBundle) -> None:
        self.bundle = bundle
        self._rig = bundle.rig()
        names = {g.name for g in self._rig.groups}
        groups = [g for g in bundle.groups if g.name in names]
        self._cameras = {
            c.name: ReplayCamera(bundle, c, g.name) for g in groups for c in g.cameras if c.model is not None
        }
        self._projectors = {
            g.name: ReplayProjector(
                g.projector.name, g.name, bundle.sequence, [c for c in self._cameras.values() if c.info.group == g.name]
            )
            for g in groups
        }

    @property
    def rig(self) -> Rig:
        """The bundle's calibration."""
        return self._rig

    @property
    def cameras(self) -> Mapping[str, ReplayCamera]:
        """By name."""
        return self._cameras

    @property
    def projectors(self) -> Mapping[str, ReplayProjector]:
        """By group."""
        return self._projectors

    def prepare(self, subject: str, expression: str, take: int) -> None:
        """Nothing to do: the frames are what they are."""
        del subject, expression, take

    def processor_seconds(self) -> float:
        """The recording plays in this process; what it takes is not told apart."""
        return 0.0

    def write_truth(self, folder: Path) -> bool:
        """A recording knows no truth."""
        del folder
        return False

    def close(self) -> None:
        """Close every device."""
        for projector in self._projectors.values():
            projector.close()
        for camera in self._cameras.values():
            camera.close()


class ReplayCamera:
    """A camera whose frames come from files.

    Parameters
    ----------
    bundle : CaptureBundle
        Where they are.
    source : BundleCamera
        Which ones.
    group : str
        The camera's group.
    """

    def __init__(self, bundle: CaptureBundle, source: BundleCamera, group: str) -> None:
        if source.model is None:
            raise DeviceError(f"{source.name} is not calibrated in {bundle.folder}")
        self._bundle, self._source = bundle, source
        self._info = CameraInfo(
            source.name, group, source.role, source.model.width, source.model.height, 8, "replay", bundle.id
        )
        self._frames: npt.NDArray[Any] | None = None
        self._lock = threading.Condition()
        self._buffer: npt.NDArray[Any] | None = None
        self._ids: list[int] = []
        self._stamps: list[int] = []
        self._next_id = 0
        self._follower: Callable[[TriggeredFrame], None] | None = None
        self._stream: _Stream | None = None

    @property
    def info(self) -> CameraInfo:
        """What it is; the bits are known once it is open."""
        return self._info

    def open(self) -> None:
        """Read the frames.

        Raises
        ------
        DeviceError
            A frame is missing or damaged.
        """
        if self._frames is not None:
            return
        try:
            if self._info.role == "ir":
                self._frames = self._bundle.stack(self._source).frames
            else:
                self._frames = self._bundle.picture(self._source)[None]
        except BundleError as error:
            raise DeviceError(f"replay: {error}") from error
        if self._frames.dtype == np.uint16:
            info = self._info
            self._info = CameraInfo(
                info.name, info.group, info.role, info.width, info.height, 16, "replay", info.serial
            )

    def configure(self, wanted: CameraSettings) -> CameraSettings:
        """A recording keeps its exposure; what is asked for is taken as given."""
        self._opened()
        return wanted

    def arm(self, buffer: npt.NDArray[Any]) -> None:
        """Be ready for a burst."""
        frames = self._opened()
        with self._lock:
            if self._buffer is not None or self._follower is not None:
                raise DeviceError(f"{self._info.name} is armed already; wait for its burst or disarm it")
            if buffer.shape[1:] != self._info.frame_shape or buffer.dtype != frames.dtype:
                raise DeviceError(
                    f"{self._info.name}: a buffer of {buffer.shape[1:]} {buffer.dtype} does not fit frames of "
                    f"{self._info.frame_shape} {frames.dtype}"
                )
            self._buffer, self._ids, self._stamps = buffer, [], []

    def follow(self, take: Callable[[TriggeredFrame], None]) -> None:
        """Hand on every triggered frame until `disarm`."""
        self._opened()
        with self._lock:
            if self._buffer is not None or self._follower is not None:
                raise DeviceError(f"{self._info.name} is armed already; wait for its burst or disarm it")
            self._follower = take

    def trigger(self, index: int) -> None:
        """Take frame ``index`` of the recording, as the projector's wire would have it."""
        with self._lock:
            frames, buffer, follower = self._frames, self._buffer, self._follower
            if frames is not None and follower is not None:
                self._next_id += 1
                image = frames[index % len(frames)]
                follower(TriggeredFrame(self._info.name, image, self._next_id, time.monotonic_ns()))
                return
            if frames is None or buffer is None or len(self._ids) >= len(buffer):
                return
            buffer[len(self._ids)] = frames[index % len(frames)]
            self._next_id += 1
            self._ids.append(self._next_id)
            self._stamps.append(time.monotonic_ns())
            self._lock.notify_all()

    def wait(self, timeout_s: float) -> BurstRecord:
        """Block until the burst is complete."""
        with self._lock:
            if self._buffer is None:
                raise DeviceError(f"{self._info.name} is not armed")
            wanted = len(self._buffer)
            self._lock.wait_for(lambda: self._buffer is None or len(self._ids) >= wanted, timeout_s)
            stopped = self._buffer is None
            self._buffer = None
            if stopped or len(self._ids) < wanted:
                why = "was disarmed" if stopped else f"waited {timeout_s:g} s"
                raise FrameLost(f"{self._info.name} delivered {len(self._ids)} of {wanted} frames and {why}")
            return BurstRecord(np.array(self._ids, np.int64), np.array(self._stamps, np.int64))

    def disarm(self) -> None:
        """End a burst that waits."""
        with self._lock:
            self._buffer, self._follower = None, None
            self._lock.notify_all()

    def stream(self, take: Callable[[LiveFrame], None]) -> None:
        """Show the recording again and again."""
        frames = self._opened()
        self.stop_stream()
        self._stream = _Stream(self._info.name, frames, take)

    def stop_stream(self) -> None:
        """End the live view."""
        if self._stream is not None:
            self._stream.end()
            self._stream = None

    def close(self) -> None:
        """Give the frames back."""
        self.stop_stream()
        self.disarm()
        self._frames = None

    def _opened(self) -> npt.NDArray[Any]:
        if self._frames is None:
            raise DeviceError(f"{self._info.name} is not open")
        return self._frames


class _Stream:
    """A thread that shows frames in turn."""

    def __init__(self, name: str, frames: npt.NDArray[Any], take: Callable[[LiveFrame], None]) -> None:
        self._end = threading.Event()
        shift = 8 if frames.dtype == np.uint16 else 0

        def show() -> None:
            number = 0
            while not self._end.wait(1 / _LIVE_HZ):
                image = (frames[number % len(frames)] >> shift).astype(np.uint8)
                number += 1
                take(LiveFrame(name, image, number))

        self._thread = threading.Thread(target=show, name=f"live {name}", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._end.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()


class ReplayProjector:
    """A projector that plays the recorded sequence only.

    Parameters
    ----------
    name, group : str
        As in the bundle.
    sequence : FringeSequence
        What was recorded.
    cameras : list of ReplayCamera
        Whom it triggers.
    """

    def __init__(self, name: str, group: str, sequence: FringeSequence, cameras: list[ReplayCamera]) -> None:
        self._info = ProjectorInfo(
            name, group, 0, 0, len(sequence), 0.0, uploads=False, driver="replay", stored=(sequence,)
        )
        self._sequence, self._cameras = sequence, cameras
        self._period: float | None = None
        self._is_open = False
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def info(self) -> ProjectorInfo:
        """What it is."""
        return self._info

    def open(self) -> None:
        """Open the cameras' files with it."""
        self._is_open = True

    def load(self, sequence: FringeSequence, period_s: float) -> None:
        """Accept the recorded sequence.

        Raises
        ------
        DeviceError
            It is another one.
        """
        self._opened()
        if sequence != self._sequence:
            raise DeviceError(
                f"{self._info.name} replays its recorded sequence only; capture with the sequence of the bundle"
            )
        self._period = period_s

    def play(self) -> None:
        """Trigger the cameras at the asked pace."""
        self._begin(again=False)

    def loop(self) -> None:
        """Trigger the cameras at the asked pace, again and again until `stop`."""
        self._begin(again=True)

    def _begin(self, again: bool) -> None:
        self._opened()
        if self._period is None:
            raise DeviceError(f"{self._info.name} holds no sequence; load one first")
        self._join()
        self._stop.clear()
        self._thread = threading.Thread(
            target=self._run, args=(self._period, again), name=f"play {self._info.name}", daemon=True
        )
        self._thread.start()

    def _run(self, period: float, again: bool) -> None:
        start = time.perf_counter()
        for shown in itertools.count() if again else range(len(self._sequence)):
            if self._stop.wait(max(start + shown * period - time.perf_counter(), 0)):
                return
            for camera in self._cameras:
                camera.trigger(shown % len(self._sequence))

    def stop(self) -> None:
        """Light off."""
        self._stop.set()

    def close(self) -> None:
        """Light off and give it back."""
        self.stop()
        self._join()
        self._is_open = False

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _opened(self) -> None:
        if not self._is_open:
            raise DeviceError(f"{self._info.name} is not open")
