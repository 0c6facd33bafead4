"""``calibration.json``: the cameras and projectors of a rig as they were measured."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from faceapp.core.errors import DataError
from faceapp.core.rig import CameraModel, Sensor
from faceapp.formats.capture_bundle import parse_optics
from faceapp.formats.schemas import read_json


@dataclass(frozen=True, eq=False)
class Calibration:
    """What a calibration file says.

    Parameters
    ----------
    id : str
        Hash of the file: its identity.
    cameras, projectors : mapping of str to CameraModel
        By name; a projector as a camera (column ``u`` shows ``x = u / width``).
    """

    id: str
    cameras: Mapping[str, CameraModel]
    projectors: Mapping[str, CameraModel]


def read_calibration(file: Path, sensors: Mapping[str, Sensor] | None = None) -> Calibration:
    """Read a calibration file.

    Parameters
    ----------
    file : Path
        ``calibration.json``.
    sensors : mapping, optional
        What is known of the sensors, by camera.

    Raises
    ------
    DataError
        It is missing or broken; the message names the field.
    """
    data = read_json(file, "calibration", DataError)
    known = sensors or {}
    cameras = {
        name: parse_optics(name, optics, known.get(name, Sensor()), f"cameras.{name}", str(file))
        for name, optics in data.get("cameras", {}).items()
    }
    projectors = {
        name: parse_optics(
            name,
            {**entry["calibration"], "rig_from_camera": entry["rig_from_projector"]},
            Sensor(),
            f"projectors.{name}",
            str(file),
        )
        for name, entry in data.get("projectors", {}).items()
    }
    return Calibration(hashlib.sha256(file.read_bytes()).hexdigest()[:12], cameras, projectors)
