"""One burst of a group: arm, play, wait; and how its devices are made quiet, or found again, after a fault."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import DataError, DeviceError
from faceapp.core.sequence import FringeSequence
from faceapp.devices.protocols import Camera, ConnectedRig, Projector
from faceapp.devices.records import BurstRecord, CameraSettings

REOPEN_S = 2.0
"""A cable that was loose needs about a second until its device is there again."""
_REOPEN_EVERY_S = 0.1


def shoot_burst(
    devices: ConnectedRig,
    group: str,
    sequence: FringeSequence,
    period_s: float,
    settings: Mapping[str, CameraSettings],
    patience_s: float,
    on_step: Callable[[str], None] = lambda step: None,
) -> tuple[dict[str, npt.NDArray[Any]], dict[str, BurstRecord]]:
    """Play a sequence once before some cameras of a group.

    Parameters
    ----------
    devices : ConnectedRig
        Open devices that nobody else uses now.
    group : str
        Whose projector plays.
    sequence : FringeSequence
        What it shows.
    period_s : float
        Of one exposure.
    settings : mapping of str to CameraSettings
        Which cameras shoot, and with what; colour cameras keep their own settings and take one picture.
    patience_s : float
        How long each camera is waited for.
    on_step : callable
        Told ``arming``, ``playing``, ``reading`` as they begin; may raise to stop.

    Returns
    -------
    buffers : dict of str to array
        (N, H, W), or (1, H, W, 3), by camera.
    records : dict of str to BurstRecord
        By camera.

    Raises
    ------
    DeviceError, FrameLost
        A device fails. It is up to the caller to `make_quiet`: only then is the light certainly off.
    """
    on_step("arming")
    projector = devices.projectors[group]
    cameras = {name: devices.cameras[name] for name in settings}
    # The projector and the cameras of a group are made ready beside each other: each waits for its own line. All
    # have ended when the pool has, so nothing is still being armed when, after a failure, the others are disarmed.
    with ThreadPoolExecutor(1 + len(cameras), "faceapp-ready") as pool:
        loading = pool.submit(projector.load, sequence, period_s)
        arming = {name: pool.submit(_arm, camera, settings[name], len(sequence)) for name, camera in cameras.items()}
    loading.result()
    buffers = {name: armed.result() for name, armed in arming.items()}
    on_step("playing")
    projector.play()
    on_step("reading")
    return buffers, {name: camera.wait(patience_s) for name, camera in cameras.items()}


def make_quiet(devices: ConnectedRig, group: str) -> list[str]:
    """Put the light of a group off and disarm its cameras, whatever state they are in.

    Returns
    -------
    list of str
        What went wrong with that; the fault before it is the one to report.
    """
    faults = []
    for act in (devices.projectors[group].stop, *(camera.disarm for camera in _cameras_of(devices, group))):
        try:
            act()
        except (DeviceError, DataError) as error:
            faults.append(str(error))
    return faults


def reopen(devices: ConnectedRig, group: str, patience_s: float = REOPEN_S) -> None:
    """Close the devices of a group and open them again, as after a cable that was loose.

    Parameters
    ----------
    devices : ConnectedRig
        Whose other groups are left alone.
    group : str
        Which one.
    patience_s : float
        How long they may take to be there again.

    Raises
    ------
    DeviceError
        One does not come back; the others are open all the same.
    """
    mine: list[Camera | Projector] = [devices.projectors[group], *_cameras_of(devices, group)]
    for device in mine:
        with contextlib.suppress(DeviceError):  # one that is gone cannot say goodbye
            device.close()
    end = time.monotonic() + patience_s
    while True:
        faults: list[DeviceError] = []
        for device in mine:
            try:
                device.open()
            except DeviceError as error:
                faults.append(error)
        if not faults:
            return
        if time.monotonic() >= end:
            raise faults[0]
        time.sleep(_REOPEN_EVERY_S)


def _cameras_of(devices: ConnectedRig, group: str) -> list[Camera]:
    return [devices.cameras[model.name] for model in devices.rig.group(group).cameras]


def _arm(camera: Camera, settings: CameraSettings, exposures: int) -> npt.NDArray[Any]:
    """Configure and arm a camera of a burst; return the buffer that its frames go into."""
    info = camera.info
    if info.role == "ir":
        camera.configure(settings)
    buffer = np.empty((exposures if info.role == "ir" else 1, *info.frame_shape), info.dtype)
    camera.arm(buffer)
    return buffer
