"""Landmark files of ours, JSON; those of other programs are in `point_files`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy, Visibility
from faceapp.formats.atomic import write_json
from faceapp.formats.schemas import check, read_json

SCHEME_SIZES = {"jd106": 106}


def describe_landmarks(marks: Landmarks2D | Landmarks3D) -> dict[str, Any]:
    """Return the JSON form of landmarks."""
    data: dict[str, Any] = {
        "schema": "faceapp/landmarks",
        "schema_version": 1,
        "scheme": marks.scheme,
        "dimension": marks.points.shape[1],
    }
    if isinstance(marks, Landmarks2D):
        data |= {"unit": "px", "view": marks.view, "image_size": list(marks.image_size)}
    else:
        data |= {"unit": "mm", "frame": "rig"}
    data["points"] = [
        [round(float(x), 4) for x in point] if placed else None
        for point, placed in zip(marks.points, marks.placed, strict=True)
    ]
    data["visibility"] = [v.value for v in marks.visibility]
    data["placed_by"] = [p.value for p in marks.placed_by]
    if marks.sigma is not None:
        data["sigma"] = [round(float(s), 4) if np.isfinite(s) else None for s in marks.sigma]
    data |= {"annotator": marks.annotator, "revision": marks.revision, "created_at": marks.created_at}
    return data


def parse_landmarks(data: dict[str, Any], where: str) -> Landmarks2D | Landmarks3D:
    """Return the landmarks of a JSON object.

    Raises
    ------
    DataError
        A field breaks the schema or does not fit the others; the message names it.
    """
    check(data, "landmarks", where)
    dimension = data["dimension"]
    expected = SCHEME_SIZES.get(data["scheme"])
    if expected is None:
        raise DataError(f"{where}: field scheme: {data['scheme']!r} is not known; known are {', '.join(SCHEME_SIZES)}")
    if len(data["points"]) != expected:
        raise DataError(f"{where}: field points: {len(data['points'])} points, {data['scheme']} has {expected}")
    points = np.full((expected, dimension), np.nan)
    for i, point in enumerate(data["points"]):
        if point is not None and len(point) != dimension:
            raise DataError(f"{where}: field points[{i}]: {len(point)} numbers, dimension is {dimension}")
        if point is not None:
            points[i] = point
    for field in ("visibility", "placed_by"):
        if field in data and len(data[field]) != expected:
            raise DataError(f"{where}: field {field}: {len(data[field])} entries for {expected} points")
    known = {p.value for p in PlacedBy}
    shared: dict[str, Any] = {
        "points": points,
        "visibility": tuple(Visibility(v) for v in data.get("visibility", ())),
        "placed_by": tuple(PlacedBy(p) if p in known else PlacedBy.UNKNOWN for p in data.get("placed_by", ())),
        "annotator": data.get("annotator", ""),
        "revision": data.get("revision", 0),
        "created_at": data.get("created_at", ""),
        "scheme": data["scheme"],
    }
    sigma = data.get("sigma")
    if sigma is not None:
        shared["sigma"] = np.array([np.nan if s is None else s for s in sigma])
    if dimension == 2:
        width, height = data.get("image_size", (0, 0))
        return Landmarks2D(**shared, view=data.get("view", ""), image_size=(width, height))
    return Landmarks3D(**shared)


def read_landmarks(file: Path) -> Landmarks2D | Landmarks3D:
    """Read a landmark file of ours.

    Raises
    ------
    DataError
        It is missing, damaged, or of another number of points; the message names the field.
    """
    return parse_landmarks(read_json(file, "landmarks"), str(file))


def write_landmarks(file: Path, marks: Landmarks2D | Landmarks3D) -> None:
    """Write a landmark file of ours, whole or not at all."""
    write_json(file, describe_landmarks(marks))
