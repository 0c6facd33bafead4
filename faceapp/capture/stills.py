"""One picture of every camera, each group in the plain light of its own projector: for boards, not for faces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from faceapp.capture.burst import make_quiet, shoot_burst
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
        infos = [devices.cameras[m.name].info for m in group.cameras]
        shortest = [devices.projectors[group.name].info.shortest_period_s, *(i.shortest_period_s for i in infos)]
        period = max(_PERIOD_S, *shortest)
        wanted = {info.name: settings or CameraSettings() for info in infos}
        patience = _PATIENCE_S + 3 * len(sequence) * period
        try:
            pictures |= shoot_burst(devices, group.name, sequence, period, wanted, patience)[0]
        finally:
            make_quiet(devices, group.name)
    return pictures
