"""The projectors of a rig beyond capturing: what they are and cannot, how they are now, and new firmware for them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

from faceapp.core.errors import DeviceError, UsageError
from faceapp.core.signals import Reporter
from faceapp.devices.drivers import MaintainedProjector
from faceapp.devices.protocols import ConnectedRig, Projector
from faceapp.devices.records import ProjectorInfo, ProjectorState


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
    """

    info: ProjectorInfo
    state: ProjectorState | None = None
    fault: str = ""

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
    if not info.reports:
        return ProjectorReport(info)
    try:
        return ProjectorReport(info, cast(MaintainedProjector, projector).state())
    except DeviceError as error:
        return ProjectorReport(info, fault=str(error))


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
