"""The rig file of real devices: which ones, where they stand, how they are wired, and their calibration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from faceapp.core.errors import DataError, UsageError
from faceapp.core.rig import CameraGroup, CameraModel, ProjectorModel, Rig, Sensor
from faceapp.core.transforms import RigidTransform
from faceapp.devices.projector_records import ProjectorSettings, ProjectorTiming
from faceapp.devices.records import CameraInfo, CameraOrder, CameraSettings
from faceapp.devices.trigger_records import FlashTiming
from faceapp.formats.calibration_files import CalibrationFile, read_calibration
from faceapp.formats.schemas import check
from faceapp_hardware.triggers.flash import FlashWiring

_TIMING = ("rise_ms", "light_on_ms", "trigger_delay_ms", "trigger_jitter_ms")  # as the fields of ProjectorTiming
_NOMINAL_FOCAL = 2.0  # widths of the picture: of a camera that nobody has calibrated yet
_NOMINAL_PROJECTOR = (1280, 1024)
_NOMINAL_POSE = [[1, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 700], [0, 0, 0, 1]]  # looks at the origin


@dataclass(frozen=True)
class ProjectorPlace:
    """A projector of a rig file; fields as in `faceapp.devices.projector_records.ProjectorOrder`."""

    name: str
    driver: str
    serial: str
    timing: ProjectorTiming
    options: Mapping[str, Any]
    settings: ProjectorSettings = field(default_factory=ProjectorSettings)


@dataclass(frozen=True)
class BoxPlace:
    """A trigger box of a rig file; fields as in `faceapp.devices.trigger_records.TriggerOrder`."""

    name: str
    driver: str
    serial: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class GroupPlace:
    """A group of a rig file: its projector, its cameras with their drivers and sensors, and the flash with its box."""

    name: str
    projector: ProjectorPlace
    cameras: tuple[tuple[str, CameraOrder, Sensor], ...]
    flash: FlashWiring | None = None
    box: str = ""


@dataclass(frozen=True)
class RigFile:
    """A checked rig file.

    Parameters
    ----------
    path : Path
        Where it is.
    name : str
        What people call the rig.
    groups : tuple of GroupPlace
        In firing order.
    calibration : Calibration or None
        Of its cameras; ``None``: it is not calibrated yet.
    software_trigger : bool
        Whether the exposures of an emulated projector trigger the cameras by calls.
    boxes : tuple of BoxPlace
        Trigger boxes.
    """

    path: Path
    name: str
    groups: tuple[GroupPlace, ...]
    calibration: CalibrationFile | None
    software_trigger: bool
    boxes: tuple[BoxPlace, ...] = ()

    def rig(self, infos: Mapping[str, CameraInfo]) -> Rig:
        """Return the calibrated facts; without a calibration nominal ones that no capture is made with.

        Parameters
        ----------
        infos : mapping of str to CameraInfo
            Of the cameras; asked for their pixels where there is no calibration.

        Raises
        ------
        UsageError
            The calibration lacks a camera, or a group has too few views.
        """
        groups = []
        for i, place in enumerate(self.groups):
            infrared: list[CameraModel] = []
            colour: list[CameraModel] = []
            for _, order, sensor in place.cameras:
                (infrared if order.role == "ir" else colour).append(self._model(order.name, sensor, infos))
            try:
                projector = ProjectorModel(place.projector.name, self._optics(place.projector.name))
                rgb = colour[0] if colour else None
                groups.append(CameraGroup(place.name, tuple(infrared), rgb, projector))
            except DataError as error:
                raise UsageError(f"{self.path}: field groups[{i}]: {error}") from error
        return Rig(self.name, tuple(groups), self.calibration.id if self.calibration else "")

    def _optics(self, projector: str) -> CameraModel | None:
        if self.calibration is None:
            return _nominal(projector, *_NOMINAL_PROJECTOR, Sensor())
        return self.calibration.projectors.get(projector)

    def _model(self, name: str, sensor: Sensor, infos: Mapping[str, CameraInfo]) -> CameraModel:
        if self.calibration is None:
            return _nominal(name, infos[name].width, infos[name].height, sensor)
        model = self.calibration.cameras.get(name)
        if model is None:
            there = ", ".join(self.calibration.cameras) or "none"
            raise UsageError(f"{self.path}: the calibration has no camera {name!r}; it has {there}. Calibrate again")
        return CameraModel(name, model.width, model.height, model.K, model.distortion, model.rig_from_camera, sensor)


def _nominal(name: str, width: int, height: int, sensor: Sensor) -> CameraModel:
    f = _NOMINAL_FOCAL * width
    k = np.array([[f, 0, (width - 1) / 2], [0, f, (height - 1) / 2], [0, 0, 1]])
    return CameraModel(name, width, height, k, np.zeros(5), RigidTransform.from_matrix(_NOMINAL_POSE), sensor)


def parse_rig_file(options: Mapping[str, Any]) -> RigFile:
    """Check what a rig file says.

    Parameters
    ----------
    options : mapping
        Its fields, and its path as ``rig_file``.

    Raises
    ------
    UsageError
        The message names file and field.
    """
    data = dict(options)
    path = Path(data.pop("rig_file", "rig file"))
    try:
        check(data, "rig", str(path), DataError)
        calibration = read_calibration(path.parent / data["calibration"]) if "calibration" in data else None
    except DataError as error:
        raise UsageError(str(error)) from error
    groups = tuple(_group(entry, path, calibration) for entry in data["groups"])
    described = data.get("trigger_boxes", [])
    boxes = tuple(BoxPlace(b["name"], b["driver"], b.get("serial", ""), b.get("options", {})) for b in described)
    _refuse_doubles(path, groups)
    _check_flashes(path, groups, boxes)
    name, software = data.get("name", path.stem), data.get("trigger") == "software"
    return RigFile(path, name, groups, calibration, software, boxes)


def _group(entry: Mapping[str, Any], path: Path, calibration: CalibrationFile | None) -> GroupPlace:
    name, given = entry["name"], entry["projector"]
    timing = given.get("timing", {})
    projector = ProjectorPlace(
        given.get("name", f"{name}-projector"),
        given["driver"],
        given.get("serial", ""),
        ProjectorTiming(*(timing.get(key, 0.0) / 1000 for key in _TIMING)),
        given.get("options", {}),
        _settings(given.get("settings", {})),
    )
    cameras = tuple(_camera(c, name, path, calibration) for c in entry["cameras"])
    flash = entry.get("flash")
    if flash is None:
        return GroupPlace(name, projector, cameras)
    timing = FlashTiming(flash["delay_ms"] / 1000, flash["width_ms"] / 1000, flash.get("after", -1))
    wiring = FlashWiring(flash["input"], flash["light"], flash["camera"], timing)
    return GroupPlace(name, projector, cameras, wiring, flash["box"])


def _settings(given: Mapping[str, Any]) -> ProjectorSettings:
    width, delay = (None if (ms := given.get(f"trigger_{key}_ms")) is None else ms / 1000 for key in ("width", "delay"))
    return ProjectorSettings(given.get("brightness"), width, delay)


def _camera(
    entry: Mapping[str, Any], group: str, path: Path, calibration: CalibrationFile | None
) -> tuple[str, CameraOrder, Sensor]:
    model = calibration.cameras.get(entry["name"]) if calibration else None
    size = (entry["width"], entry["height"]) if "width" in entry else (model.width, model.height) if model else (0, 0)
    start = CameraSettings()
    settings = CameraSettings(
        float(entry.get("exposure_ms", start.exposure_ms)), float(entry.get("gain_db", start.gain_db))
    )
    order = CameraOrder(
        entry["name"],
        group,
        entry["role"],
        entry["serial"],
        width=size[0],
        height=size[1],
        pixel_format=entry.get("pixel_format", ""),
        trigger=entry.get("trigger", "Line1"),
        settings=settings,
        readout_s=entry.get("readout_ms", 0.0) / 1000,
        overlap=entry.get("overlap", True),
        options=entry.get("options", {}),
        folder=path.parent,
    )
    return entry["driver"], order, Sensor(**entry.get("sensor", {}))


def _refuse_doubles(path: Path, groups: tuple[GroupPlace, ...]) -> None:
    cameras = [(driver, order) for group in groups for driver, order, _ in group.cameras]
    for what, names in (
        ("group", [g.name for g in groups]),
        ("camera", [order.name for _, order in cameras]),
        ("serial number", [f"{driver} {order.serial}" for driver, order in cameras]),
    ):
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"{path}: the {what} {name!r} is there twice")
    for i, group in enumerate(groups):
        if sum(order.role == "rgb" for _, order, _ in group.cameras) > 1:
            raise UsageError(f"{path}: field groups[{i}].cameras: a group has one colour camera at most")


def _check_flashes(path: Path, groups: tuple[GroupPlace, ...], boxes: tuple[BoxPlace, ...]) -> None:
    there = [box.name for box in boxes]
    for name in there:
        if there.count(name) > 1:
            raise UsageError(f"{path}: the trigger box {name!r} is there twice")
    outputs: dict[tuple[str, int], str] = {}
    for i, group in enumerate(groups):
        where, flash = f"{path}: field groups[{i}].flash", group.flash
        if flash is None:
            continue
        if group.box not in there:
            named = ", ".join(there) or "none"
            raise UsageError(f"{where}.box: there is no trigger box {group.box!r}; there are {named}")
        colour = [order for _, order, _ in group.cameras if order.role == "rgb"]
        if not colour:
            raise UsageError(f"{where}: the group {group.name} has no colour camera to flash for")
        if flash.timing.width_s > colour[0].settings.exposure_ms / 1000:
            raise UsageError(
                f"{where}: width <= exposure of {colour[0].name} is broken, {1000 * flash.timing.width_s:.2f} > "
                f"{colour[0].settings.exposure_ms:.2f} ms; shorten the flash or lengthen the exposure"
            )
        for output in (flash.light, flash.camera):
            taken = outputs.setdefault((group.box, output), group.name)
            if taken != group.name or flash.light == flash.camera:
                raise UsageError(f"{where}: output {output} of {group.box} has two cables; give each its own")
