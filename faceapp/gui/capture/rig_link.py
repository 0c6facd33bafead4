"""The rig of the window: connected, streamed and shot on threads of its own; pictures arrive thinned out."""

from __future__ import annotations

import contextlib
import enum
import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from faceapp.core.errors import DataError, DeviceError
from faceapp.gui.bridge import Background, Relay
from faceapp.gui.capture.group_scan import GroupScan

if TYPE_CHECKING:
    from faceapp.capture.engine import CaptureEngine, Status
    from faceapp.capture.plan import CapturePlan
    from faceapp.devices.protocols import ConnectedRig
    from faceapp.devices.records import CameraInfo, CameraSettings, LiveFrame
    from faceapp.store.project import Project

LIVE_WIDTH = 560  # px; a tile shows no more
_SHORTEST, _LONGEST = 0.04, 0.25  # s between two pictures of a camera, as the machine can
_LATE_S = 0.04  # s that a picture may wait for the interface's thread
_END_S = 1.0  # s that the thread has to end once the devices are closed

Scene = tuple[str, str, int]  # subject, expression, take


@enum.unique
class RigState(enum.Enum):
    """Where the connection is."""

    NONE = "none"
    CONNECTING = "connecting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True)
class CameraPlace:
    """A camera as people know it.

    Parameters
    ----------
    name, group : str
        Of the calibration.
    labels : tuple of str
        ``Right``, ``IR 1``.
    role : str
        ``ir`` or ``rgb``.
    """

    name: str
    group: str
    labels: tuple[str, ...]
    role: str


class Pace:
    """How often a picture of a camera is worth showing: less often while the interface's thread is behind."""

    def __init__(self) -> None:
        self.period_s = _SHORTEST

    def waited(self, seconds: float) -> None:
        """Hear how long a picture waited to be shown."""
        longer = seconds > _LATE_S
        self.period_s = min(_LONGEST, self.period_s * 1.25) if longer else max(_SHORTEST, self.period_s * 0.95)


class RigLink:
    """Connects a rig and hands out its live pictures and the live scan of one group.

    Parameters
    ----------
    relay : Relay
        Where everything arrives.
    calibration : callable
        Returns the ``calibration.json`` that stands in for what the rig says of itself, or ``None``.
    project : callable
        Returns the project whose exposure and light live pictures and live scans have, or ``None``.
    """

    changed = Signal()
    pictured = Signal(str, object)
    status_changed = Signal(object)

    def __init__(
        self,
        relay: Relay,
        calibration: Callable[[], Path | None] = lambda: None,
        project: Callable[[], Project | None] = lambda: None,
    ) -> None:
        self._relay, self._calibration, self._project = relay, calibration, project
        self._background = Background(relay, 1)
        self.devices: ConnectedRig | None = None
        self.engine: CaptureEngine | None = None
        self.state = RigState.NONE
        self.name = ""
        self.error: BaseException | None = None
        self.preparing = False
        self._next: Scene | None = None
        self.scan = GroupScan(relay, self._plan)
        self.pace = Pace()
        self.live_width = LIVE_WIDTH
        self._scanned = ""
        self._wanted: tuple[str, ...] = ()
        self._streaming: tuple[str, ...] = ()
        self._last: dict[str, float] = {}
        self._waiting: dict[str, Any] = {}
        self._since: dict[str, float] = {}
        self._lock = threading.Lock()
        self._closed = False
        self._attempt = 0

    # Connecting

    def connect(self, name: str) -> None:
        """Connect another rig; the one before is closed."""
        self.name, self.state, self.error = name, RigState.CONNECTING, None
        old, self.devices, self.engine = self.devices, None, None
        self._streaming, self.preparing, self._next = (), False, None
        calibration = self._calibration()
        self._attempt += 1
        attempt = self._attempt
        self.changed.emit()

        def work() -> tuple[ConnectedRig, CaptureEngine]:
            self.scan.end()
            if old is not None:
                old.close()
            from faceapp.app.rigs import connect_described_rig
            from faceapp.capture.engine import CaptureEngine

            devices = _calibrated(connect_described_rig(name), calibration)
            if self._closed:  # the window went meanwhile; nobody else would give them back
                devices.close()
            return devices, CaptureEngine(devices)

        self._background.run(work, lambda result: self._connected(attempt, *result), lambda e: self._failed(attempt, e))

    def disconnect(self) -> None:
        """Give the devices back."""
        old, self.devices, self.engine = self.devices, None, None
        self._attempt += 1
        self.state, self._streaming, self.name = RigState.NONE, (), ""
        self.preparing, self._next = False, None

        def work() -> None:
            self.scan.end()
            if old is not None:
                old.close()

        self._background.run(work, lambda _: None)
        self.changed.emit()

    def _connected(self, attempt: int, devices: ConnectedRig, engine: CaptureEngine) -> None:
        if attempt != self._attempt or self._closed:  # asked for again meanwhile: only the newest counts
            self._background.run(devices.close, lambda _: None)
            return
        self.devices, self.engine, self.state = devices, engine, RigState.READY

        def tell(status: Status) -> None:
            self._relay.post(lambda: self.status_changed.emit(status))

        engine.status_changed.connect(tell)
        self.changed.emit()

    def _failed(self, attempt: int, error: BaseException) -> None:
        if attempt == self._attempt:
            self.state, self.error = RigState.FAILED, error
            self.changed.emit()

    # Cameras

    @property
    def count(self) -> int:
        """How many devices there are."""
        if self.devices is None:
            return 0
        return len(self.devices.cameras) + len(self.devices.projectors)

    def cameras(self) -> tuple[CameraPlace, ...]:
        """Return all cameras by group, the subject's right first as on the screen."""
        if self.devices is None:
            return ()
        infos = [camera.info for camera in self.devices.cameras.values()]
        order = {g.name: i for i, g in enumerate(self.devices.rig.groups)}
        rank = {"right": -3, "middle": -2, "left": -1}
        infos.sort(key=lambda i: (rank.get(i.group, order.get(i.group, 99)), i.role != "ir", i.name))
        return tuple(_place(info, infos) for info in infos)

    def groups(self) -> tuple[str, ...]:
        """Return the names of the groups, the subject's right first."""
        return tuple(dict.fromkeys(camera.group for camera in self.cameras()))

    def three(self, scanned: str = "") -> tuple[CameraPlace, ...]:
        """Return one camera a group: the colour camera of the middle one, the first infrared one of the others.

        While a group is scanned: its own cameras, the colour camera in the middle.
        """
        cameras = self.cameras()
        if scanned:
            mine = [c for c in cameras if c.group == scanned]
            infrared = [c for c in mine if c.role == "ir"]
            return tuple(infrared[:1] + [c for c in mine if c.role != "ir"] + infrared[1:])
        groups = list(dict.fromkeys(c.group for c in cameras))
        result: list[CameraPlace] = []
        for i, group in enumerate(groups):
            mine = [c for c in cameras if c.group == group]
            colour = [c for c in mine if c.role == "rgb"]
            result.append((colour if i == len(groups) // 2 and colour else mine)[0])
        return tuple(result[:3])

    # What comes next

    def prepare(self, scene: Scene) -> None:
        """Tell the devices what comes next; of choices that pile up only the newest is told."""
        devices = self.devices
        if devices is None or self.state is not RigState.READY or scene == self._next:
            return
        self._next = scene

        def work() -> None:
            if scene == self._next and not self._closed:
                self.scan.end()  # the cameras would go on seeing what was before
                devices.prepare(*scene)

        def ended(error: BaseException | None = None) -> None:
            if scene != self._next or devices is not self.devices:
                return
            self.preparing = False
            if error is not None:
                self.state, self.error, self._next = RigState.FAILED, error, None
            self.changed.emit()

        if not self.preparing:
            self.preparing = True
            self.changed.emit()
        self._background.run(work, lambda _: ended(), ended)

    # The live view

    def stream(self, names: Sequence[str], scanned: str = "") -> None:
        """Show these cameras and no others, and scan one group live; an empty list and no group end the live view."""
        self._wanted, self._scanned = tuple(names), scanned
        devices = self.devices
        if devices is not None:
            self._background.run(lambda: self.follow(devices), lambda _: None)

    def follow(self, devices: ConnectedRig) -> None:
        """Start and stop streams and the live scan as wanted; on a thread."""
        wanted, scanned = self._wanted, self._scanned
        if devices is not self.devices or self._closed:
            return
        if self.scan.group not in ("", scanned):
            self.scan.end()
        busy = [m.name for m in devices.rig.group(scanned).infrared] if scanned else []
        wanted = tuple(name for name in wanted if name not in busy)
        for name in self._streaming:
            if name not in wanted:
                self._end_stream(devices, name)
        running = [name for name in self._streaming if name in wanted]
        new = [name for name in wanted if name not in running and name in devices.cameras]
        settings = self._settings(devices) if new else {}
        for name in new:
            with contextlib.suppress(DeviceError):  # one that is gone shows nothing; the next burst names it
                if name in settings:
                    devices.cameras[name].configure(settings[name])
                devices.cameras[name].stream(self._take)
                running.append(name)
        self._streaming = tuple(running)
        if scanned and not self.scan.group:
            self.scan.begin(devices, scanned)

    def _plan(self, devices: ConnectedRig) -> CapturePlan:
        """What a capture would be made with now; its projectors get the light of it."""
        from faceapp.app.exposure_use import use_kept

        return use_kept(self._project(), devices)

    def _settings(self, devices: ConnectedRig) -> Mapping[str, CameraSettings]:
        """Of the infrared cameras, as captures have them; none where what the project keeps is broken."""
        from faceapp.app.exposure_use import plan_of
        from faceapp.capture.plan import plan_for

        project = self._project()
        try:
            return (plan_for(devices) if project is None else plan_of(project, devices)).own_settings
        except DataError:
            return {}  # the next capture says so

    def scan_again(self) -> None:
        """Begin the live scan anew: a projector that heard nothing for a moment has put its light off."""
        devices = self.devices
        if devices is None:
            return

        def work() -> None:
            self.scan.end()
            self.follow(devices)

        self._background.run(work, lambda _: None)

    def pause(self, devices: ConnectedRig) -> None:
        """End all streams and the live scan for a burst; on a thread."""
        self.scan.end()
        for name in self._streaming:
            self._end_stream(devices, name)
        self._streaming = ()

    @staticmethod
    def _end_stream(devices: ConnectedRig, name: str) -> None:
        with contextlib.suppress(DeviceError):  # a camera that is gone streams nothing
            devices.cameras[name].stop_stream()

    def _take(self, frame: LiveFrame) -> None:
        now = time.perf_counter()
        with self._lock:
            if now - self._last.get(frame.camera, 0.0) < self.pace.period_s:
                return
            self._last[frame.camera] = now
        step = max(1, math.ceil(frame.image.shape[1] / self.live_width))
        small = frame.image[::step, ::step].copy()
        with self._lock:
            queued = frame.camera in self._waiting
            self._waiting[frame.camera] = small
            self._since.setdefault(frame.camera, now)
        if not queued:
            self._relay.post(lambda: self._deliver(frame.camera))

    def _deliver(self, camera: str) -> None:
        with self._lock:
            image = self._waiting.pop(camera)
            self.pace.waited(time.perf_counter() - self._since.pop(camera))
        self.pictured.emit(camera, image)

    # Life

    def run(
        self, work: Callable[[], Any], done: Callable[[Any], object], failed: Callable[[BaseException], object]
    ) -> None:
        """Run something with the devices, after what is under way with them."""
        self._background.run(work, done, failed)

    def close(self) -> None:
        """Stop a capture and give the devices back; a thread that waits for them hears that they are gone."""
        self._closed = True
        if self.engine is not None:
            self.engine.cancel()
        devices, self.devices = self.devices, None
        self._background.close(0.0 if self.preparing else _END_S)
        self.scan.end()
        if devices is not None:
            devices.close()
        self._background.close(_END_S)
        self.scan.end()  # what was starting meanwhile


def _calibrated(devices: ConnectedRig, calibration: Path | None) -> ConnectedRig:
    """The devices with the cameras where a calibration found them; given back where it does not fit them."""
    if calibration is None:
        return devices
    from faceapp.app.calibration_use import CalibratedRig
    from faceapp.formats.calibration_files import read_calibration

    try:
        return CalibratedRig(devices, read_calibration(calibration))
    except BaseException:
        devices.close()
        raise


def _place(info: CameraInfo, infos: Sequence[CameraInfo]) -> CameraPlace:
    mine = [i for i in infos if i.group == info.group and i.role == info.role]
    number = f" {mine.index(info) + 1}" if len(mine) > 1 else ""
    return CameraPlace(info.name, info.group, (info.group.capitalize(), f"{info.role.upper()}{number}"), info.role)
