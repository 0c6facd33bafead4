"""Which exposure a project's captures use: what was set up last, by camera, kept with the project."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from faceapp.app.projector_care import set_brightness
from faceapp.app.rig_writing import write_brightness
from faceapp.app.rigs import describe_rig
from faceapp.capture.exposure_setup import ExposureSetup
from faceapp.capture.plan import CapturePlan, plan_for
from faceapp.core.errors import DataError, DeviceError
from faceapp.devices.drivers import MaintainedProjector
from faceapp.devices.projector_records import ProjectorSettings
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import CameraSettings
from faceapp.store.project import Project

SETTING = "exposure"


def keep_exposure(project: Project, devices: ConnectedRig, setup: ExposureSetup) -> None:
    """Let a project's captures with this rig use what was set up, from now on.

    Raises
    ------
    ProjectError
        The project is read-only.
    DataError
        The disk refuses.
    """
    cameras = {n: {"exposure_ms": s.exposure_ms, "gain_db": s.gain_db} for n, s in setup.settings.items()}
    kept = {
        "rig": devices.rig.name,
        "cameras": cameras,
        "brightness": dict(setup.brightness),
        "more_exposures_ms": list(setup.more_exposures_ms),
    }
    project.change_settings({SETTING: kept})


def keep_brightness(project: Project, devices: ConnectedRig, group: str, share: float) -> None:
    """Let a project's captures with this rig have the light that a projector was given, from now on.

    Raises
    ------
    ProjectError
        The project is read-only.
    DataError
        The disk refuses.
    """
    kept = dict(_kept(project, devices)) or {"rig": devices.rig.name, "cameras": {}, "more_exposures_ms": []}
    kept["brightness"] = {**kept.get("brightness", {}), group: share}
    project.change_settings({SETTING: kept})


@dataclass(frozen=True)
class Lit:
    """The light that a projector was given.

    Parameters
    ----------
    brightness : float
        That it has now, 0 to 1.
    kept : tuple of str
        Where it is kept: the name of the rig file, ``the project``.
    """

    brightness: float
    kept: tuple[str, ...]


def give_light(project: Project | None, devices: ConnectedRig, rig: str, group: str, share: float) -> Lit:
    """Give a group's projector another brightness, and keep it for what comes.

    Parameters
    ----------
    project : Project or None
        Open for writing: its captures have this light from now on.
    devices : ConnectedRig
        Whose projectors are dark.
    rig : str
        How it was connected; a rig file of real devices keeps the light as well.
    group : str
        Whose projector.
    share : float
        0 to 1.

    Raises
    ------
    DeviceError
        Its brightness cannot be set, the value is outside its limits, or its line failed; nothing is kept then.
    UsageError
        The rig file is gone, or is another one now.
    DataError
        The disk refuses.
    """
    took = set_brightness(devices, group, share)
    kept = []
    _, options = describe_rig(rig)
    if "rig_file" in options and "groups" in options:
        write_brightness(options["rig_file"], group, share)
        kept.append(options["rig_file"].name)
    if project is not None:
        keep_brightness(project, devices, group, share)
        kept.append("the project")
    return Lit(took, tuple(kept))


def use_kept(project: Project | None, devices: ConnectedRig) -> CapturePlan:
    """Give the projectors the light of a project's captures, and return their plan; without one the rig's own.

    Raises
    ------
    DataError
        What the project keeps is broken.
    """
    if project is None:
        return plan_for(devices)
    plan = plan_of(project, devices)
    set_light(project, devices)
    return plan


def plan_of(project: Project, devices: ConnectedRig) -> CapturePlan:
    """Return the plan of a project's captures: the rig's own, with what was set up for its cameras.

    Raises
    ------
    DataError
        What the project keeps is broken.
    """
    plan, kept = plan_for(devices), _kept(project, devices)
    if not kept:
        return plan
    try:
        own = {n: CameraSettings(float(s["exposure_ms"]), float(s["gain_db"])) for n, s in kept["cameras"].items()}
        more = tuple(float(value) for value in kept.get("more_exposures_ms", ()))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        file = project.folder / "project.json"
        raise DataError(f"{file}: field {SETTING} is broken; set up the exposure again") from error
    longest = 1000 * plan.period_s
    own = {n: s for n, s in own.items() if n in devices.cameras and s.exposure_ms <= longest}
    return replace(
        plan,
        own_settings={**plan.own_settings, **own},
        more_exposures_ms=tuple(value for value in more if value <= longest),
    )


def set_light(project: Project, devices: ConnectedRig) -> None:
    """Give the projectors the light that was set up; one that does not answer is named by the capture that follows."""
    for group, share in _kept(project, devices).get("brightness", {}).items():
        projector = devices.projectors.get(group)
        if projector is not None and projector.info.adjusts:
            with contextlib.suppress(DeviceError):
                cast(MaintainedProjector, projector).adjust(ProjectorSettings(brightness=float(share)))


def _kept(project: Project, devices: ConnectedRig) -> Mapping[str, Any]:
    kept = project.settings.get(SETTING)
    return kept if isinstance(kept, dict) and kept.get("rig") == devices.rig.name else {}
