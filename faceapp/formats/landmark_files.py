"""Landmark files: faceapp's JSON, and ``.pts`` of 106 points."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, PlacedBy, Visibility
from faceapp.formats.atomic import write_bytes, write_json
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
    """Read a landmark file, JSON or ``.pts`` by its name.

    Raises
    ------
    DataError
        It is missing, damaged, or of another number of points; the message names the field.
    """
    if file.suffix == ".pts":
        return _read_pts(file)
    return parse_landmarks(read_json(file, "landmarks"), str(file))


def write_landmarks(file: Path, marks: Landmarks2D | Landmarks3D) -> None:
    """Write a landmark file, JSON or ``.pts`` by its name, whole or not at all.

    Raises
    ------
    DataError
        ``.pts`` is asked for points that are 3D or not all placed.
    """
    if file.suffix != ".pts":
        write_json(file, describe_landmarks(marks))
        return
    if marks.points.shape[1] != 2 or not marks.placed.all():
        raise DataError(f"{file}: a .pts file holds 2D points that are all placed; write .json instead")
    # The format counts pixels from 1 at the corner of the picture's first pixel centre.
    lines = [
        "version: 1",
        f"n_points: {len(marks.points)}",
        "{",
        *(f"{u + 1:.4f} {v + 1:.4f}" for u, v in marks.points),
        "}",
    ]
    write_bytes(file, ("\n".join(lines) + "\n").encode())


def _read_pts(file: Path) -> Landmarks2D:
    try:
        text = file.read_text(encoding="utf-8")
        if "{" not in text or "}" not in text:
            raise ValueError("the braces around the points are missing")
        rows = [line.split() for line in text[text.index("{") + 1 : text.index("}")].splitlines() if line.strip()]
        short = next((i for i, row in enumerate(rows) if len(row) != 2), None)
        if short is not None:
            raise ValueError(f"point {short} has {len(rows[short])} numbers")
        points = np.array(rows, np.float64).reshape(-1, 2) - 1
    except FileNotFoundError:
        raise DataError(f"{file} is missing") from None
    except (OSError, ValueError) as error:
        raise DataError(f"{file} is not a .pts file of 2D points: {error}") from error
    if points.shape != (106, 2):
        raise DataError(f"{file}: {len(points)} points; 106 in the order of jd106 are expected")
    return Landmarks2D(points=points)
