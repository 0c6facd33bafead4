"""Which exposure a project's captures use: what was set up last, by camera, kept with the project."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from faceapp.capture.exposure_setup import ExposureSetup
from faceapp.capture.plan import CapturePlan, plan_for
from faceapp.core.errors import DataError, DeviceError
from faceapp.devices.drivers import MaintainedProjector
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import CameraSettings, ProjectorSettings
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
