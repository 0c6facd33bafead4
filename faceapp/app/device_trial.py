"""Each device of a rig tried: which settings it took, and a test burst of its group."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from faceapp.capture.plan import plan_for
from faceapp.core.errors import DeviceError, FaceappError
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import CameraInfo, CameraSettings

_PATIENCE_S = 2.0


@dataclass(frozen=True)
class CameraTrial:
    """What a camera did in a test burst.

    Parameters
    ----------
    info : CameraInfo
        What it is.
    wanted, took : CameraSettings
        What it was asked for, and what it then had.
    frames, expected : int
        That came, and that were due.
    rate_hz : float
        Of the frames, by the time stamps; NaN for fewer than two.
    brightest, saturated : float
        The largest count of the burst, and the share of pixels at the end of the range.
    fault : str
        What went wrong, and what to do; empty if nothing.
    """

    info: CameraInfo
    wanted: CameraSettings
    took: CameraSettings
    frames: int
    expected: int
    rate_hz: float = float("nan")
    brightest: float = float("nan")
    saturated: float = float("nan")
    fault: str = ""


@dataclass(frozen=True)
class GroupTrial:
    """A test burst of a group.

    Parameters
    ----------
    group : str
        Whose.
    projector : str
        Name of its projector.
    seconds : float
        From arming to the last frame.
    cameras : tuple of CameraTrial
        In the order of the calibration.
    fault : str
        Of the projector; empty if it played.
    """

    group: str
    projector: str
    seconds: float
    cameras: tuple[CameraTrial, ...]
    fault: str = ""

    @property
    def is_good(self) -> bool:
        """Whether the projector played and every frame came."""
        return not self.fault and not any(camera.fault for camera in self.cameras)


def try_group(rig: ConnectedRig, group: str, rate_hz: float = 50.0) -> GroupTrial:
    """Play a sequence once before the cameras of a group, and tell what each device did.

    Parameters
    ----------
    rig : ConnectedRig
        Open devices that nobody else uses now.
    group : str
        Which one.
    rate_hz : float
        Exposures a second; slower where a device needs longer.

    Raises
    ------
    DataError
        There is no such group.
    """
    facts = rig.rig.group(group)
    projector = rig.projectors[group]
    cameras = {m.name: rig.cameras[m.name] for m in facts.cameras}
    sequence = plan_for(rig).sequence
    shortest = [projector.info.shortest_period_s, *(c.info.shortest_period_s for c in cameras.values())]
    period = max(1 / rate_hz, *shortest)
    wanted = CameraSettings(exposure_ms=min(CameraSettings().exposure_ms, 900 * period))
    took: dict[str, CameraSettings] = {}
    buffers = {}
    faults: dict[str, str] = {}
    start = time.perf_counter()
    light = ""
    try:
        projector.load(sequence, period)
        for name, camera in cameras.items():
            try:
                took[name] = camera.configure(wanted)
                info = camera.info
                n = len(sequence) if info.role == "ir" else 1
                buffers[name] = np.zeros((n, *info.frame_shape), info.dtype)
                camera.arm(buffers[name])
            except FaceappError as error:
                faults[name] = str(error)
        projector.play()
    except DeviceError as error:
        light = str(error)
    patience = _PATIENCE_S + len(sequence) * period

    def read(name: str) -> CameraTrial:
        buffer, camera = buffers.get(name), cameras[name]
        expected = 0 if buffer is None else len(buffer)
        trial = CameraTrial(camera.info, wanted, took.get(name, wanted), 0, expected, fault=faults.get(name, light))
        if buffer is not None and not trial.fault:
            return _read(rig, trial, buffer, patience)
        camera.disarm()
        return trial

    # At once: a camera that tells no time of its own has that of the moment at which its frames are fetched.
    with ThreadPoolExecutor(len(cameras)) as pool:
        trials = list(pool.map(read, cameras))
    if not light:
        projector.stop()
    return GroupTrial(group, projector.info.name, time.perf_counter() - start, tuple(trials), light)


def _read(rig: ConnectedRig, trial: CameraTrial, buffer: np.ndarray, patience: float) -> CameraTrial:
    info = trial.info
    try:
        record = rig.cameras[info.name].wait(patience)
    except DeviceError as error:
        came = int(buffer.reshape(len(buffer), -1).any(axis=1).sum())
        fault = f"{error}. Check the trigger cable and the network of {info.name}"
        return CameraTrial(info, trial.wanted, trial.took, came, len(buffer), fault=fault)
    gaps = np.diff(record.timestamps_ns) / 1e9
    rate = float(1 / np.median(gaps)) if len(gaps) else float("nan")
    full = (1 << info.bits) - 1
    return CameraTrial(
        info,
        trial.wanted,
        trial.took,
        len(record.frame_ids),
        len(buffer),
        rate,
        float(buffer.max()),
        float(np.mean(buffer >= full)),
        "" if (np.diff(record.frame_ids) == 1).all() else f"ids {record.frame_ids.tolist()} have a gap; try again",
    )
