"""The projectors of a rig beyond capturing: what they are and cannot, how they are, their light, and new firmware."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from faceapp.core.errors import DeviceError, UsageError
from faceapp.core.signals import Reporter
from faceapp.devices.drivers import MaintainedProjector
from faceapp.devices.projector_records import ProjectorInfo, ProjectorSettings, ProjectorState
from faceapp.devices.protocols import ConnectedRig, Projector


@dataclass(frozen=True)
class ProjectorReport:
    """A projector.

    Parameters
    ----------
    info : ProjectorInfo
        What it is.
    state : ProjectorState or None
        How it is now; ``None`` where it does not tell.
    fault : str
        Why it could not be asked; empty if it could.
    brightness : float or None
        0 to 1; ``None`` where it does not tell.
    """

    info: ProjectorInfo
    state: ProjectorState | None = None
    fault: str = ""
    brightness: float | None = None

    @property
    def troubles(self) -> tuple[str, ...]:
        """All that is wrong with it, each with what to do."""
        return tuple(filter(None, (self.fault, *(self.state.faults if self.state else ()))))


def report_projectors(rig: ConnectedRig) -> tuple[ProjectorReport, ...]:
    """Ask each projector how it is, in the order of the groups; a line that fails is a fault of its report.

    Blocks for a round trip each, for two seconds where nothing answers: not on the interface's thread.
    """
    return tuple(_report(rig.projectors[group.name]) for group in rig.rig.groups)


def _report(projector: Projector) -> ProjectorReport:
    info = projector.info
    maintained = cast(MaintainedProjector, projector)
    try:
        if info.reports:
            state = maintained.state()
            return ProjectorReport(info, state, brightness=state.settings.brightness)
        has = maintained.adjust(ProjectorSettings()) if info.adjusts else ProjectorSettings()
    except DeviceError as error:
        return ProjectorReport(info, fault=str(error))
    return ProjectorReport(info, brightness=has.brightness)


def set_brightness(rig: ConnectedRig, group: str, share: float) -> float:
    """Give the projector of a group another brightness; return what it then has, 0 to 1.

    Parameters
    ----------
    rig : ConnectedRig
        Open devices; the projector is dark.
    group : str
        Whose projector.
    share : float
        0 to 1.

    Raises
    ------
    DeviceError
        Its brightness cannot be set, the value is outside its limits, it is lit, or its line failed.
    """
    projector = rig.projectors[group]
    if not projector.info.adjusts:
        raise DeviceError(f"{projector.info.name} takes no brightness over this line. Set it at the device itself")
    took = cast(MaintainedProjector, projector).adjust(ProjectorSettings(brightness=share))
    return share if took.brightness is None else took.brightness


def update_firmware(rig: ConnectedRig, name: str, file: Path, reporter: Reporter | None = None) -> str:
    """Put firmware into a projector of a rig; return the version that it then runs.

    Parameters
    ----------
    rig : ConnectedRig
        Open devices that nobody else uses now.
    name : str
        Of the projector, or of its group.
    file : Path
        The image.
    reporter : Reporter, optional
        Hears how far it is.

    Raises
    ------
    UsageError
        There is no such projector or file.
    DeviceError
        The projector takes no firmware over its line, the image is wrong, or the line failed; the firmware of before
        is kept.
    """
    found = [p for group, p in rig.projectors.items() if name in (group, p.info.name)]
    if not found:
        there = ", ".join(p.info.name for p in rig.projectors.values())
        raise UsageError(f"there is no projector {name!r}; the rig has {there}")
    info = found[0].info
    if not info.updates:
        raise DeviceError(
            f"{info.name} ({info.driver}) takes no firmware over its line. Ask its maker how it is updated"
        )
    try:
        image = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from error
    reporter = reporter or Reporter()
    told = f"firmware of {info.name}"
    reporter.progress(0.0, told)
    version = cast(MaintainedProjector, found[0]).update_firmware(image, lambda share: reporter.progress(share, told))
    reporter.progress(1.0, told)
    return version
