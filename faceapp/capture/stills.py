"""One picture of every camera, each group in the plain light of its own projector: for boards, not for faces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy.typing as npt

from faceapp.capture.burst import make_quiet, shoot_burst
from faceapp.core.errors import DeviceError
from faceapp.core.rig import CameraGroup
from faceapp.core.sequence import Flood, FringeSequence
from faceapp.devices.projector_records import ProjectorInfo
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
    pictures: dict[str, npt.NDArray[Any]] = {}
    for group in devices.rig.groups:
        sequence, index = _plain_light(devices.projectors[group.name].info)
        for name, burst in _burst_of(devices, group, sequence, settings, on_group).items():
            pictures[name] = burst[index if len(burst) > 1 else 0]
    return pictures


def _plain_light(info: ProjectorInfo) -> tuple[FringeSequence, int]:
    """What a projector shows for a board, and which exposure counts: something stored where nothing is uploaded."""
    if info.uploads:
        return FLOOD, 0
    for stored in info.stored:
        if stored.floods():
            return stored, stored.floods()[0]
    raise DeviceError(
        f"{info.name} takes no sequence and stores none with uniform light, so no picture of a board can be taken in "
        "its light. Store one with a flood, and name it in the rig file"
    )


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
        pictures |= _burst_of(devices, group, sequence, settings, on_group)
    return pictures


def _burst_of(
    devices: ConnectedRig,
    group: CameraGroup,
    sequence: FringeSequence,
    settings: CameraSettings | None,
    on_group: Callable[[str], None] | None,
) -> dict[str, npt.NDArray[Any]]:
    if on_group is not None:
        on_group(group.name)
    infos = [devices.cameras[m.name].info for m in group.cameras]
    shortest = [devices.projectors[group.name].info.shortest_period_s, *(i.shortest_period_s for i in infos)]
    period = max(_PERIOD_S, *shortest)
    wanted = {info.name: settings or CameraSettings() for info in infos}
    patience = _PATIENCE_S + 3 * len(sequence) * period
    try:
        return shoot_burst(devices, group.name, sequence, period, wanted, patience)[0]
    finally:
        make_quiet(devices, group.name)
