"""Which calibration a project uses, how old it is, and what becomes of samples when there is a newer one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from faceapp.app.calibrating import PAGE, REPORT
from faceapp.app.capturing import write_scan_folder
from faceapp.app.decoding import decode_bundle, field_of_points
from faceapp.app.sample_stages import fuse_sample
from faceapp.calibration.checking import RigCheck, check_rig
from faceapp.calibration.observations import BoardView, seat_of
from faceapp.calibration.projector import ProjectorFit, fit_projector
from faceapp.calibration.target import BoardTarget
from faceapp.core.errors import BundleError, DataError, FaceappError
from faceapp.core.rig import CameraGroup, ProjectorModel, Rig
from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample
from faceapp.devices.protocols import Camera, ConnectedRig, Projector
from faceapp.devices.troubles import Trouble, order_troubles, troubles_of
from faceapp.formats.atomic import write_bytes
from faceapp.formats.calibration_files import FILE, CalibrationFile, read_calibration
from faceapp.formats.capture_bundle import CaptureBundle, read_bundle
from faceapp.formats.reports import read_report
from faceapp.fringe.decode import DecodeSettings
from faceapp.store.project import Project

SETTING = "calibration"
OLD_DAYS, VERY_OLD_DAYS = 7.0, 30.0
_TIME = re.compile(r"\.\d+|Z$")


@dataclass(frozen=True)
class CalibrationState:
    """What people should know before they capture.

    Parameters
    ----------
    level : {"good", "doubtful", "missing"}
        For the gate.
    text : str
        In a few words.
    days : float
        Age; NaN where there is no date.
    """

    level: str
    text: str
    days: float = float("nan")


def use_calibration(project: Project, file: Path) -> None:
    """Let a project's captures use a calibration from now on.

    Parameters
    ----------
    project : Project
        Open for writing.
    file : Path
        A ``calibration.json``; one inside the project is kept by its path from there.

    Raises
    ------
    DataError
        The file is missing or broken.
    """
    read_calibration(file)
    place = file.resolve()
    root = project.folder.resolve()
    told = str(place.relative_to(root)) if place.is_relative_to(root) else str(place)
    project.change_settings({SETTING: told})


def current_file(project: Project) -> Path | None:
    """Return the ``calibration.json`` that a project's captures use; ``None`` where the rig's own counts."""
    told = project.settings.get(SETTING)
    return None if not told else project.folder / str(told)


def current_calibration(project: Project) -> CalibrationFile | None:
    """Return the calibration that a project's captures use.

    Raises
    ------
    DataError
        Its file is gone or broken.
    """
    file = current_file(project)
    return None if file is None else read_calibration(file)


def calibration_state(project: Project, now: datetime | None = None) -> CalibrationState:
    """Return age and state of a project's calibration."""
    try:
        calibration = current_calibration(project)
    except FaceappError as error:
        return CalibrationState("missing", f"the calibration cannot be read: {error}")
    if calibration is None:
        return CalibrationState("doubtful", "not calibrated here; the rig's own figures count")
    days = age_days(calibration, now)
    if not np.isfinite(days):
        return CalibrationState("doubtful", "calibration without a date")
    text = f"calibration {days:.0f} days old" if days >= 2 else "calibration of this day"
    if days > VERY_OLD_DAYS:
        return CalibrationState("missing", f"{text}: calibrate again", days)
    return CalibrationState("doubtful" if days > OLD_DAYS else "good", text, days)


def age_days(calibration: CalibrationFile, now: datetime | None = None) -> float:
    """Return how old a calibration is; NaN where it has no date."""
    try:
        made = datetime.fromisoformat(_TIME.sub("", calibration.made_at)).replace(tzinfo=UTC)
    except ValueError:
        return float("nan")
    return ((now or datetime.now(UTC)) - made).total_seconds() / 86400


def list_calibrations(root: Path) -> list[tuple[Path, CalibrationFile, dict[str, Any]]]:
    """Return folders, files and figures of all finished calibrations below a folder, the newest first."""
    found = []
    for file in root.glob(f"*/*/{FILE}"):
        try:
            figures = {m.name: m.value for m in read_report(file.parent / REPORT).metrics}
            found.append((file.parent, read_calibration(file), figures))
        except DataError:
            continue  # one that is broken is no choice; `faceapp verify` names it
    return sorted(found, key=lambda item: item[1].made_at, reverse=True)


def page_of(folder: Path) -> Path:
    """Return the report of a calibration for people."""
    return folder / PAGE


def board_of(calibration: CalibrationFile) -> BoardTarget | None:
    """Return the board of a calibration, ``None`` where the file names none."""
    data = calibration.extra.get("board")
    if not data:
        return None
    return BoardTarget(data["columns"], data["rows"], data["square_mm"], data.get("stretch", 1.0))


def rig_of_calibration(calibration: CalibrationFile) -> Rig:
    """Return the rig that the names of a calibration's cameras tell: ``left-ir-1`` stands in the group ``left``."""
    seats = [seat_of(name) for name in calibration.cameras]
    groups = []
    for group in dict.fromkeys(s.group for s in seats):
        infrared = tuple(calibration.cameras[s.name] for s in seats if s.group == group and s.role == "ir")
        rgb = next((calibration.cameras[s.name] for s in seats if s.group == group and s.role == "rgb"), None)
        name = f"{group}-projector"
        groups.append(CameraGroup(group, infrared, rgb, ProjectorModel(name, calibration.projectors.get(name))))
    return Rig(calibration.rig or calibration.id, tuple(groups), calibration.id)


def check_pictures(views: Sequence[BoardView], target: BoardTarget, calibration: CalibrationFile) -> RigCheck:
    """Check a rig with pictures of the board (see `check_rig`)."""
    shape = calibration.extra.get("board", {}).get("shape")
    known = board_of(calibration)
    same = known is not None and (known.columns, known.rows) == (target.columns, target.rows)
    return check_rig(
        views,
        target,
        calibration.cameras,
        np.array(shape, np.float64) if shape and same else None,
        calibration.extra.get("sigma_px"),
    )


def fit_projectors(bundle: CaptureBundle) -> dict[str, ProjectorFit]:
    """Calibrate the projectors of a capture's groups from its phase; groups of one camera are left out.

    Raises
    ------
    DataError
        No group can be decoded, or its points do not suffice.
    """
    decoded = decode_bundle(bundle, depth_images=False)
    found = {}
    for name, scan in decoded.scans.items():
        group = bundle.group(name).model()
        if len(group.infrared) > 1 and bundle.sequence.axis == "u":
            field = field_of_points(scan)
            found[group.projector.name] = fit_projector(group.projector.name, scan.cloud.points, field, group.infrared)
    if not found:
        raise DataError(f"{bundle.folder}: no projector can be calibrated from it; {'; '.join(decoded.complaints)}")
    return found


class CalibratedRig:
    """A connected rig whose cameras are where a calibration found them.

    Parameters
    ----------
    devices : ConnectedRig
        Open devices; closed with this.
    calibration : CalibrationFile
        Of the same cameras.

    Raises
    ------
    DataError
        The calibration lacks a camera, or is of another size.
    """

    def __init__(self, devices: ConnectedRig, calibration: CalibrationFile) -> None:
        self._devices = devices
        self._rig = calibration.of_rig(devices.rig)

    @property
    def rig(self) -> Rig:
        """The calibrated facts."""
        return self._rig

    @property
    def cameras(self) -> Mapping[str, Camera]:
        """By name."""
        return self._devices.cameras

    @property
    def projectors(self) -> Mapping[str, Projector]:
        """By group."""
        return self._devices.projectors

    def prepare(self, subject: str, expression: str, take: int) -> None:
        """Hear what comes next."""
        self._devices.prepare(subject, expression, take)

    def write_truth(self, folder: Path) -> bool:
        """Write what is known of the true surface of the last capture."""
        return self._devices.write_truth(folder)

    def processor_seconds(self) -> float:
        """Return the processor time that the rig itself has taken."""
        return self._devices.processor_seconds()

    def troubles(self) -> tuple[Trouble, ...]:
        """Return what can go wrong with the devices on order."""
        return troubles_of(self._devices)

    def inject(self, *orders: str) -> tuple[str, ...]:
        """Order troubles, where the devices take orders."""
        return order_troubles(self._devices, *orders)

    def close(self) -> None:
        """Close every device."""
        self._devices.close()


def calibrated(devices: ConnectedRig, project: Project) -> ConnectedRig:
    """Return the devices with the calibration that a project uses, if it uses one."""
    calibration = current_calibration(project)
    return devices if calibration is None else CalibratedRig(devices, calibration)


def recalibrate_sample(
    project: Project,
    sample: Sample,
    calibration: Path,
    settings: DecodeSettings | None = None,
    reporter: Reporter | None = None,
) -> Path:
    """Decode a sample anew with another calibration; the capture itself is not touched.

    The calibration is kept beside the capture and counts for all that is made of it from then on; a sample that was
    fused is fused again. What was registered before is stale then (see `faceapp.app.upstream`).

    Returns
    -------
    Path
        The sample's ``scan`` folder.

    Raises
    ------
    BundleError
        The sample has no capture, or the calibration lacks one of its cameras.
    FaceappError
        Nothing can be decoded with it; all is as it was before.
    """
    project.must_write()
    reporter = reporter or Reporter()
    folder = project.sample_folder(sample)
    if not (folder / "capture").is_dir():
        raise BundleError(f"{folder} was imported without its capture; there is nothing to decode anew")
    wanted = read_calibration(calibration)
    lacking = [
        c.name for g in read_bundle(folder / "capture").groups for c in g.cameras if c.name not in wanted.cameras
    ]
    if lacking:
        raise BundleError(f"{calibration} knows no {', '.join(lacking)}, which took {folder}; name another calibration")
    own = folder / FILE
    before = own.read_bytes() if own.exists() else None
    file = calibration / FILE if calibration.is_dir() else calibration
    write_bytes(own, file.read_bytes())
    try:
        if (folder / "scan" / "mesh.ply").is_file():
            return fuse_sample(project, sample, reporter)
        bundle = read_bundle(folder / "capture")
        decoded = decode_bundle(bundle, settings or DecodeSettings(), reporter)
        if not decoded.scans:
            raise DataError(f"{folder}: no group could be decoded with {calibration}: {'; '.join(decoded.complaints)}")
        write_scan_folder(project, sample, decoded, settings or DecodeSettings())
    except BaseException:
        if before is None:
            own.unlink()
        else:
            write_bytes(own, before)
        raise
    os.utime(folder / "scan")
    return folder / "scan"
