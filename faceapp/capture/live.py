"""Live scanning: the projector loops, every frame renews a sliding window, clouds follow as fast as they are made.

The window of a camera holds the newest frame of each exposure. Whatever exposure came last, the window is a whole
burst, so the decoder of captures decodes it; it only gets fewer pixels.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from psygnal import Signal

from faceapp.capture.plan import CapturePlan, check_plan
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import DataError, DeviceError, FaceappError
from faceapp.core.frames import FrameStack, PhaseMap
from faceapp.core.rig import CameraGroup
from faceapp.core.sequence import Fringe, FringeSequence, GrayBit
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import TriggeredFrame
from faceapp.formats.capture_bundle import white_level
from faceapp.fringe.decode import DecodeSettings, check_sequence, decode_group
from faceapp.fringe.order_by_geometry import finest_frames, finest_fringes

_FASTEST_HZ = 15.0
_RATE_OVER_S = 2.0
_SILENCE_S = 2.0
_FEWEST_NEW = 3


@dataclass(frozen=True)
class LiveRates:
    """How the live scan runs, over the last two seconds.

    Parameters
    ----------
    clouds_hz, frames_hz : float
        Clouds a second; frames a second and camera.
    dropped : int
        Frames that did not come, of all cameras since the start.
    age_s : float
        From the last frame of a cloud to the cloud.
    decoder, rig : float
        Processor time of this process, and of the rig itself where it is simulated; shares of one core.
    """

    clouds_hz: float
    frames_hz: float
    dropped: int
    age_s: float
    decoder: float
    rig: float


@dataclass(frozen=True, eq=False)
class LiveScan:
    """The newest cloud of the group that is scanned live.

    Parameters
    ----------
    group : str
        Which.
    cloud : PointCloud or None
        In the rig frame, grey; ``None`` where nothing was found.
    phases : tuple of PhaseMap
        Of its cameras, with fewer pixels; empty where nothing was found.
    note : str
        Why there is no cloud; empty where there is one.
    rates : LiveRates
        How it runs.
    """

    group: str
    cloud: PointCloud | None
    phases: tuple[PhaseMap, ...]
    note: str
    rates: LiveRates


class _Window:
    """The newest frame of each exposure of one camera."""

    def __init__(self, name: str, sequence: FringeSequence, step: int) -> None:
        self.name = name
        self._sequence, self._step = sequence, step
        self._lock = threading.Lock()
        self._frames: npt.NDArray[np.uint8] | npt.NDArray[np.uint16] | None = None
        self._filled = np.zeros(len(sequence), bool)
        self._first_id = 0
        self._last_id = 0
        self.count = 0
        self.dropped = 0
        self.newest_s = 0.0
        self.arrivals: deque[float] = deque(maxlen=1024)

    def take(self, frame: TriggeredFrame) -> None:
        """Put a frame in the place of the older one of the same exposure."""
        image = frame.image[:: self._step, :: self._step]
        with self._lock:
            if self._frames is None:
                self._frames = np.zeros((len(self._sequence), *image.shape), image.dtype)
                self._first_id = frame.frame_id
            else:
                self.dropped += max(frame.frame_id - self._last_id - 1, 0)
            self._last_id = frame.frame_id
            index = (frame.frame_id - self._first_id) % len(self._sequence)
            self._frames[index] = image
            self._filled[index] = True
            self.count += 1
            self.newest_s = time.perf_counter()
            self.arrivals.append(self.newest_s)

    def stack(self) -> FrameStack | None:
        """Return a copy of the window; ``None`` until every exposure has come."""
        with self._lock:
            if self._frames is None or not self._filled.all():
                return None
            return FrameStack(self.name, self._frames.copy(), self._sequence)


class LiveScanner:
    """Scans one group live until it is stopped.

    Parameters
    ----------
    devices : ConnectedRig
        Open devices; nobody else may use the group meanwhile.
    group : str
        Which group.
    plan : CapturePlan
        Its fringes are looped, without flood and dark where the projector takes any sequence.
    step : int
        Every so many columns and rows of the frames are used.
    settings : DecodeSettings
        Of the decoder.
    one_frequency : bool
        Whether only the finest fringes are used, their orders told by the calibration: four frames instead of twelve,
        so a third of the motion in a cloud. A projector that takes no sequence shows the others all the same.

    Notes
    -----
    `scanned` is emitted on the scanner's thread, at most 15 times a second.
    """

    scanned = Signal(LiveScan)

    def __init__(
        self,
        devices: ConnectedRig,
        group: str,
        plan: CapturePlan,
        *,
        step: int = 2,
        settings: DecodeSettings = DecodeSettings(),
        one_frequency: bool = False,
    ) -> None:
        self._devices, self._step, self._settings, self._one_frequency = devices, step, settings, one_frequency
        self._model = devices.rig.group(group)
        self._projector = devices.projectors[group]
        looped = finest_fringes if one_frequency else _fringes_of
        self._plan = replace(plan, sequence=looped(plan.sequence)) if self._projector.info.uploads else plan
        self._group = _every(self._model, step)
        self._windows: dict[str, _Window] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._made: deque[float] = deque(maxlen=256)
        self._clock = (0.0, 0.0, 0.0)

    def start(self) -> None:
        """Loop the projector and decode on a thread of the scanner's own.

        Raises
        ------
        DeviceError
            A device fails or is in use; the light is off then.
        UsageError
            The plan is impossible.
        SequenceError
            The fringes leave the order open, and the calibration does not tell it.
        """
        check_plan(self._plan, self._devices)
        if self._one_frequency:
            check_sequence(self._model, finest_fringes(self._plan.sequence), self._settings.depth_range_mm)
        self._stop.clear()
        try:
            self._begin()
        except BaseException:
            self._end()
            raise
        self._clock = time.perf_counter(), time.process_time(), self._devices.processor_seconds()
        self._thread = threading.Thread(target=self._run, name=f"live scan {self._group.name}", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Light off, cameras disarmed, thread ended; does no harm twice."""
        self._stop.set()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
            self._thread = None
        self._end()

    def _begin(self) -> None:
        self._projector.load(self._plan.sequence, self._plan.period_s)
        self._windows = {}
        for model in self._group.infrared:
            camera = self._devices.cameras[model.name]
            camera.configure(self._plan.own_settings.get(model.name, self._plan.settings))
            window = self._windows[model.name] = _Window(model.name, self._plan.sequence, self._step)
            camera.follow(window.take)
        self._projector.loop()

    def _end(self) -> None:
        acts: list[Callable[[], None]] = [self._projector.stop]
        acts += [self._devices.cameras[m.name].disarm for m in self._group.infrared]
        for act in acts:
            with contextlib.suppress(DeviceError):  # a device that is gone is dark and disarmed
                act()

    def _run(self) -> None:
        seen = 0
        silent_since = time.perf_counter()
        while not self._stop.is_set():
            began = time.perf_counter()
            count = min(w.count for w in self._windows.values())
            if count - seen < _FEWEST_NEW:
                if began - silent_since > _SILENCE_S:
                    self._tell(None, (), "No frames come. Check the projector and its trigger cable")
                    silent_since = began
                self._stop.wait(0.005)
                continue
            seen, silent_since = count, began
            self._decode()
            self._stop.wait(max(1 / _FASTEST_HZ - (time.perf_counter() - began), 0))

    def _decode(self) -> None:
        newest = max(w.newest_s for w in self._windows.values())
        stacks = {name: w.stack() for name, w in self._windows.items()}
        whole = {name: stack for name, stack in stacks.items() if stack is not None}
        if len(whole) < len(stacks):
            return
        if self._one_frequency:
            whole = {name: finest_frames(stack) for name, stack in whole.items()}
        models = {m.name: m for m in self._group.infrared}
        white = {name: white_level(s.frames, models[name].sensor.white_level) for name, s in whole.items()}
        try:
            scan = decode_group(self._group, whole, white, settings=self._settings, depth_images=False)
        except DataError:
            self._tell(None, (), "No surface is seen. Is the head in front of the rig?", newest)
        except FaceappError as error:
            self._tell(None, (), str(error), newest)
        else:
            self._tell(scan.cloud, scan.phases, "", newest)

    def _tell(
        self, cloud: PointCloud | None, phases: tuple[PhaseMap, ...], note: str, newest: float | None = None
    ) -> None:
        now = time.perf_counter()
        if cloud is not None:
            self._made.append(now)
        age = float("nan") if newest is None else now - newest
        self.scanned.emit(LiveScan(self._group.name, cloud, phases, note, self._rates(now, age)))

    def _rates(self, now: float, age: float) -> LiveRates:
        start, own, rig = self._clock
        over = min(_RATE_OVER_S, max(now - start, 1e-3))
        frames = min(sum(now - t < over for t in list(w.arrivals)) for w in self._windows.values())
        return LiveRates(
            sum(now - t < over for t in self._made) / over,
            frames / over,
            sum(w.dropped for w in self._windows.values()),
            age,
            (time.process_time() - own) / max(now - start, 1e-3),
            (self._devices.processor_seconds() - rig) / max(now - start, 1e-3),
        )


def _fringes_of(sequence: FringeSequence) -> FringeSequence:
    """Return the exposures that depth needs."""
    return FringeSequence(tuple(e for e in sequence.exposures if isinstance(e, Fringe | GrayBit)), sequence.axis)


def _every(group: CameraGroup, step: int) -> CameraGroup:
    return CameraGroup(group.name, tuple(m.every(step) for m in group.infrared), None, group.projector)
