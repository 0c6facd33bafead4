"""``calibration.json``: the cameras and projectors of a rig, and all that was known when they were calibrated."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from faceapp.core.errors import DataError
from faceapp.core.rig import CameraGroup, CameraModel, ProjectorModel, Rig
from faceapp.core.transforms import RigidTransform
from faceapp.formats.atomic import write_json
from faceapp.formats.capture_bundle import CALIBRATION, describe_camera
from faceapp.formats.schemas import read_json

FILE = CALIBRATION


@dataclass(frozen=True, eq=False)
class CalibrationFile:
    """A calibration as it lies on the disk.

    Parameters
    ----------
    id : str
        Its identity; results name it.
    made_at, made_by, rig : str
        UTC time (ISO 8601), initials of who made it, the rig's name; empty where not known.
    cameras, projectors : dict of str to CameraModel
        By name, in the rig frame; the projectors as cameras.
    extra : dict
        What else the file says: board, temperature, deviations.
    """

    id: str
    made_at: str = ""
    made_by: str = ""
    rig: str = ""
    cameras: dict[str, CameraModel] = field(default_factory=dict)
    projectors: dict[str, CameraModel] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def of_rig(self, rig: Rig) -> Rig:
        """Return the rig with these cameras and projectors in the place of its own.

        Raises
        ------
        DataError
            A camera of the rig is missing, or has another size.
        """
        missing = [c.name for c in rig.cameras if c.name not in self.cameras]
        if missing:
            raise DataError(f"the calibration {self.id} knows no {', '.join(missing)}; calibrate the rig again")
        for camera in rig.cameras:
            mine = self.cameras[camera.name]
            if (mine.width, mine.height) != (camera.width, camera.height):
                raise DataError(
                    f"the calibration {self.id} is of {mine.width} x {mine.height} pixels for {camera.name}, "
                    f"the camera gives {camera.width} x {camera.height}; calibrate the rig again"
                )
        return replace(rig, groups=tuple(self._group(g) for g in rig.groups), calibration_id=self.id)

    def _group(self, group: CameraGroup) -> CameraGroup:
        def mine(camera: CameraModel) -> CameraModel:
            return replace(self.cameras[camera.name], sensor=camera.sensor)

        projector = group.projector
        optics = self.projectors.get(projector.name)
        # A projector whose place was not measured with the cameras is in another frame than they are.
        optics = optics if len(group.infrared) > 1 else optics or projector.optics
        gamma = self.extra.get("gamma", {}).get(projector.name, projector.gamma)
        model = ProjectorModel(projector.name, optics, float(gamma))
        return replace(
            group,
            infrared=tuple(mine(c) for c in group.infrared),
            rgb=None if group.rgb is None else mine(group.rgb),
            projector=model,
        )


def write_calibration(file: Path, calibration: CalibrationFile) -> None:
    """Write a calibration whole."""
    projectors = {}
    for name, model in calibration.projectors.items():
        described = describe_camera(model)
        pose = described.pop("rig_from_camera")
        projectors[name] = {"calibration": described, "rig_from_projector": pose}
    write_json(
        file,
        {
            "schema": "faceapp/calibration",
            "schema_version": 1,
            "id": calibration.id,
            "made_at": calibration.made_at,
            "made_by": calibration.made_by,
            "rig": calibration.rig,
            "cameras": {name: describe_camera(model) for name, model in calibration.cameras.items()},
            "projectors": projectors,
            **calibration.extra,
        },
    )


def read_calibration(file: Path) -> CalibrationFile:
    """Read a calibration, or the one of a calibration's folder.

    Raises
    ------
    DataError
        It is missing or breaks its schema; the message names the field.
    """
    file = file / FILE if file.is_dir() else file
    data = read_json(file, "calibration")
    known = ("schema", "schema_version", "id", "made_at", "made_by", "rig", "cameras", "projectors")
    cameras = {n: _model(n, d, d["rig_from_camera"], file) for n, d in data.get("cameras", {}).items()}
    projectors = {
        n: _model(n, d["calibration"], d["rig_from_projector"], file) for n, d in data.get("projectors", {}).items()
    }
    return CalibrationFile(
        data.get("id") or file.parent.name,
        data.get("made_at", ""),
        data.get("made_by", ""),
        data.get("rig", ""),
        cameras,
        projectors,
        {k: v for k, v in data.items() if k not in known},
    )


def _model(name: str, data: dict[str, Any], pose: Any, file: Path) -> CameraModel:
    try:
        return CameraModel(
            name,
            data["width"],
            data["height"],
            np.array(data["K"], np.float64),
            np.array(data["distortion"], np.float64),
            RigidTransform.from_matrix(pose),
        )
    except DataError as error:
        raise DataError(f"{file}: {name}: {error}") from error
