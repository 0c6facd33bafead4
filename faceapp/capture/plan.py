"""What a capture will do, checked against what the devices say before anything moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from faceapp.capture.timing import check_timing
from faceapp.core.errors import UsageError
from faceapp.core.sequence import FringeSequence, multi_frequency
from faceapp.devices.projector_records import ProjectorInfo
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import CameraSettings
from faceapp.fringe.decode import check_sequence


@dataclass(frozen=True)
class CapturePlan:
    """A capture of all groups, one after the other: their projectors would disturb each other.

    Parameters
    ----------
    sequence : FringeSequence
        What each projector shows.
    rate_hz : float
        Exposures a second.
    settings : CameraSettings
        Of the infrared cameras.
    retries : int
        How often a group is shot again after a lost frame.
    own_settings : mapping of str to CameraSettings
        Of single infrared cameras, in the place of ``settings``.
    patience_s : float
        How long a frame may be late before the burst counts as lost.
    more_exposures_ms : tuple of float
        Each group is shot once more with each of these, right after its burst: for what the first one saturates or
        leaves dark.
    """

    sequence: FringeSequence = field(default_factory=multi_frequency)
    rate_hz: float = 120.0
    settings: CameraSettings = field(default_factory=CameraSettings)
    retries: int = 1
    own_settings: Mapping[str, CameraSettings] = field(default_factory=dict)
    more_exposures_ms: tuple[float, ...] = ()
    patience_s: float = 2.0

    @property
    def period_s(self) -> float:
        """Time of one exposure, s."""
        return 1 / self.rate_hz


def plan_for(devices: ConnectedRig) -> CapturePlan:
    """Return the default plan: what is stored where nothing is uploaded, the settings of the rig, as fast as it can."""
    plan = CapturePlan()
    stored = [p.info.stored[0] for p in devices.projectors.values() if not p.info.uploads and p.info.stored]
    cameras = [c.info for c in devices.cameras.values()]
    own = {i.name: i.settings for i in cameras if i.role == "ir" and i.settings is not None}
    shortest = [plan.period_s, *(i.shortest_period_s for i in cameras)]
    shortest += [p.info.shortest_period_s for p in devices.projectors.values()]
    return replace(
        plan,
        sequence=stored[0] if stored else plan.sequence,
        rate_hz=1 / max(shortest),
        settings=next(iter(own.values()), plan.settings),
        own_settings=own,
    )


def check_plan(plan: CapturePlan, devices: ConnectedRig) -> None:
    """Refuse an impossible plan.

    Raises
    ------
    UsageError
        The message names the device and the limit.
    SequenceError
        The sequence cannot be unwrapped, and a group's calibration does not stand in for it.
    """
    if not devices.rig.calibration_id:
        raise UsageError(
            f"the rig {devices.rig.name} is not calibrated, so no capture of it could be decoded. Calibrate it, then "
            "name its calibration.json in the rig file"
        )
    for group in devices.rig.groups:
        check_sequence(group, plan.sequence)
    if not plan.rate_hz > 0:
        raise UsageError(f"a rate of {plan.rate_hz} Hz is not possible")
    own = [settings.exposure_ms for settings in plan.own_settings.values()]
    for exposure in (plan.settings.exposure_ms, *own, *plan.more_exposures_ms):
        if not 0 < exposure <= 1000 * plan.period_s:
            raise UsageError(
                f"an exposure of {exposure:g} ms does not fit {plan.rate_hz:g} Hz "
                f"({1000 * plan.period_s:.2f} ms); shorten it or lower the rate"
            )
    for group in devices.rig.groups:
        projector = devices.projectors.get(group.name)
        if projector is None:
            raise UsageError(f"group {group.name} has no projector; check the rig's description")
        info = projector.info
        _check_projector(plan, info)
        for model in group.cameras:
            camera = devices.cameras.get(model.name)
            if camera is None:
                raise UsageError(f"the calibration names {model.name}, but no such camera is connected")
            if (camera.info.width, camera.info.height) != (model.width, model.height):
                raise UsageError(
                    f"{model.name} gives {camera.info.width} x {camera.info.height} pixels, "
                    f"its calibration is for {model.width} x {model.height}; calibrate again"
                )
            if plan.period_s < camera.info.shortest_period_s * 0.999:
                raise UsageError(
                    f"{model.name} needs {1000 * camera.info.shortest_period_s:.2f} ms a frame; lower the rate"
                )
            if camera.info.role == "ir":
                mine = plan.own_settings.get(model.name, plan.settings)
                for exposure in (mine.exposure_ms, *plan.more_exposures_ms):
                    check_timing(camera.info, info, exposure / 1000, plan.period_s)


def _check_projector(plan: CapturePlan, info: ProjectorInfo) -> None:
    """Refuse a plan that a projector cannot show."""
    if not info.is_master:
        raise UsageError(f"{info.name} triggers no camera, and nothing else in this rig does; check its settings")
    if not info.uploads and plan.sequence not in info.stored:
        raise UsageError(
            f"{info.name} plays only what is stored in it and takes no sequence; the plan has one of "
            f"{len(plan.sequence)} exposures that it does not store. Capture without options for fringes, or name "
            "what is stored in the rig file"
        )
    if len(plan.sequence) > info.longest_sequence:
        raise UsageError(f"{info.name} holds {info.longest_sequence} exposures, the sequence has {len(plan.sequence)}")
    shortest = info.shortest_for(plan.sequence)
    if plan.period_s < shortest * 0.999:
        raise UsageError(f"{info.name} needs {1000 * shortest:.2f} ms an exposure; lower the rate")
