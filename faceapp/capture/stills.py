"""One picture of every camera, each group in the plain light of its own projector: for boards, not for faces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import DeviceError
from faceapp.core.sequence import Flood, FringeSequence
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import CameraSettings

FLOOD = FringeSequence((Flood(),))
_PERIOD_S = 0.02
_PATIENCE_S = 3.0


def take_stills(
    devices: ConnectedRig,
    settings: CameraSettings | None = None,
    on_group: Callable[[str], None] | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """Take a picture with every camera, the groups in turn.

    Parameters
    ----------
    devices : ConnectedRig
        Open devices; no capture runs.
    settings : CameraSettings
        Of the infrared cameras.
    on_group : callable, optional
        Called with the name of each group before it is lit; may raise to stop.

    Returns
    -------
    dict of str to array
        (H, W) or (H, W, 3), by camera.

    Raises
    ------
    DeviceError, FrameLost
        A device fails; light is off and the cameras are disarmed.
    """
    bursts = take_bursts(devices, FLOOD, settings, on_group)
    return {name: burst[0] for name, burst in bursts.items()}


def take_bursts(
    devices: ConnectedRig,
    sequence: FringeSequence,
    settings: CameraSettings | None = None,
    on_group: Callable[[str], None] | None = None,
) -> dict[str, npt.NDArray[Any]]:
    """Take a burst of any exposures with every infrared camera, the groups in turn; one picture with the others.

    Whether the exposures could be decoded does not matter. Else as `take_stills`.

    Returns
    -------
    dict of str to array
        (N, H, W), or (1, H, W, 3), by camera.
    """
    pictures: dict[str, npt.NDArray[Any]] = {}
    for group in devices.rig.groups:
        if on_group is not None:
            on_group(group.name)
        projector = devices.projectors[group.name]
        cameras = [devices.cameras[m.name] for m in group.cameras]
        period = max(_PERIOD_S, projector.info.shortest_period_s, *(c.info.shortest_period_s for c in cameras))
        buffers: dict[str, npt.NDArray[Any]] = {}
        try:
            projector.load(sequence, period)
            for camera in cameras:
                info = camera.info
                if info.role == "ir":
                    camera.configure(settings or CameraSettings())
                buffers[info.name] = np.empty(
                    (len(sequence) if info.role == "ir" else 1, *info.frame_shape), info.dtype
                )
                camera.arm(buffers[info.name])
            projector.play()
            for camera in cameras:
                camera.wait(_PATIENCE_S + 3 * len(sequence) * period)
        finally:
            _quiet(projector, cameras)
        pictures |= buffers
    return pictures


def _quiet(projector: Any, cameras: list[Any]) -> None:
    """Light off and cameras disarmed, whatever state they are in."""
    for act in (projector.stop, *(camera.disarm for camera in cameras)):
        try:
            act()
        except DeviceError:
            continue  # whoever raised first is heard; the light of the others must go off all the same
