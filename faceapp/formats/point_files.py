"""Points in and out of the files of other programs; the kind of a file is told by its name, of JSON by its fields."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError
from faceapp.core.landmarks import PlacedBy, Visibility
from faceapp.formats.atomic import write_bytes, write_json
from faceapp.formats.point_json_files import (
    describe_coco,
    describe_ljson,
    describe_slicer,
    parse_point_json,
    slicer_signs,
)
from faceapp.formats.point_table import PointTable

KINDS = {
    "pts": ".pts",
    "ljson": ".ljson",
    "slicer": ".mrk.json",
    "fcsv": ".fcsv",
    "coco": ".coco.json",
    "meshlab": ".pp",
    "csv": ".csv",
}
"""File ending by kind."""
FLAT_KINDS, SOLID_KINDS = ("pts", "coco"), ("slicer", "fcsv", "meshlab")
"""Kinds that hold pixels alone, and mm alone."""
_FCSV_COLUMNS = "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc,associatedNodeID"


def kind_of(file: Path) -> str:
    """Return the kind of a file by the end of its name; ``""`` for any other, such as our own JSON."""
    name = file.name.lower()
    return next((kind for kind, ending in KINDS.items() if name.endswith(ending)), "")


def read_points(file: Path) -> PointTable:
    """Read a landmark file of another program.

    Raises
    ------
    DataError
        It is missing, of no known kind, damaged, or holds more than one face.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{file} is missing") from None
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{file} cannot be read as text: {error}") from error
    readers = {"pts": _parse_pts, "fcsv": _parse_fcsv, "meshlab": _parse_pp, "csv": _parse_csv}
    reader = readers.get(kind_of(file)) or (_parse_plain if file.suffix.lower() == ".txt" else _parse_json)
    try:
        return reader(text)
    except DataError as error:
        raise DataError(f"{file}: {error}") from error
    except (ValueError, KeyError, IndexError, ElementTree.ParseError) as error:
        raise DataError(f"{file} is not as its format says: {error}") from error


def write_points(file: Path, table: PointTable, kind: str, scheme: str = "jd106") -> None:
    """Write a landmark file of another program, whole or not at all.

    Raises
    ------
    DataError
        The kind cannot hold these points, or the disk refuses.
    """
    try:
        if kind in ("ljson", "slicer", "coco"):
            describe: dict[str, Any] = {"ljson": describe_ljson, "slicer": describe_slicer}
            write_json(file, describe_coco(table, scheme) if kind == "coco" else describe[kind](table))
            return
        writers = {"pts": _pts, "fcsv": _fcsv, "meshlab": _pp, "csv": _csv}
        write_bytes(file, writers[kind](table).encode())
    except DataError as error:
        raise DataError(f"{file}: {error}") from error


def _parse_json(text: str) -> PointTable:
    try:
        return parse_point_json(json.loads(text))
    except json.JSONDecodeError as error:
        raise DataError(f"it is no JSON: {error}") from error


# .pts counts pixels from 1 at the centre of the first, as MATLAB does (300-W).


def _pts(table: PointTable) -> str:
    if table.dimension != 2 or not table.placed.all():
        raise DataError("a .pts file holds 2D points that are all placed; choose another format")
    lines = [f"{u + 1:.4f} {v + 1:.4f}" for u, v in table.points]
    return "\n".join(["version: 1", f"n_points: {len(lines)}", "{", *lines, "}"]) + "\n"


def _parse_pts(text: str) -> PointTable:
    if "{" not in text or "}" not in text:
        raise DataError("it is not a .pts file of 2D points: the braces around the points are missing")
    rows = [line.split() for line in text[text.index("{") + 1 : text.index("}")].splitlines() if line.strip()]
    short = next((i for i, row in enumerate(rows) if len(row) != 2), None)
    if short is not None:
        raise DataError(f"it is not a .pts file of 2D points: point {short} has {len(rows[short])} numbers")
    return PointTable(points=np.array(rows, np.float64).reshape(-1, 2) - 1)


def _parse_plain(text: str) -> PointTable:
    """Two forms of data sets: a count and as many lines (LaPa, 106 points); one line of numbers and words (WFLW)."""
    lines = [line.split() for line in text.splitlines() if line.strip()]
    if not lines:
        raise DataError("it is empty")
    if len(lines[0]) == 1 and int(lines[0][0]) == len(lines) - 1:
        return PointTable(points=np.array(lines[1:], np.float64).reshape(-1, 2))
    if len(lines) == 1 and len(lines[0]) >= 196:
        return PointTable(points=np.array(lines[0][:196], np.float64).reshape(-1, 2), picture=lines[0][-1])
    raise DataError("a count and as many lines of two numbers are expected, or the line of one face of WFLW")


# 3D Slicer's older list


def _fcsv(table: PointTable) -> str:
    if table.dimension != 3:
        raise DataError("a .fcsv file holds 3D points")
    out = io.StringIO()
    out.write("# Markups fiducial file version = 4.11\n# CoordinateSystem = LPS\n# columns = " + _FCSV_COLUMNS + "\n")
    rows = csv.writer(out, lineterminator="\n")
    for i in np.flatnonzero(table.placed).tolist():  # the format has no way to say that a point is not placed
        x, y, z = (f"{v:.5f}" for v in table.points[i])
        label = table.names[i] if table.names else str(i)
        seen = int(table.seen(i) is Visibility.VISIBLE)
        rows.writerow([i + 1, x, y, z, 0, 0, 0, 1, seen, 1, 0, label, "", ""])
    return out.getvalue()


def _parse_fcsv(text: str) -> PointTable:
    head = dict(
        part.split("=", 1) for part in (line[1:] for line in text.splitlines() if line.startswith("#")) if "=" in part
    )
    told = {key.strip(): value.strip() for key, value in head.items()}
    columns = told.get("columns", _FCSV_COLUMNS).split(",")
    rows = list(csv.DictReader([r for r in text.splitlines() if r and not r.startswith("#")], fieldnames=columns))
    points = np.array([[float(r[c]) for c in "xyz"] for r in rows]).reshape(-1, 3)
    points = points * slicer_signs(told.get("CoordinateSystem", "RAS"))  # files without the line are older than LPS
    seen = tuple(Visibility.OCCLUDED if r.get("vis") == "0" else Visibility.VISIBLE for r in rows)
    return PointTable(points=points, names=tuple(str(r.get("label") or "") for r in rows), visibility=seen)


# MeshLab's picked points


def _pp(table: PointTable) -> str:
    if table.dimension != 3:
        raise DataError("a .pp file holds 3D points")
    root = ElementTree.Element("PickedPoints")
    about = ElementTree.SubElement(root, "DocumentData")
    ElementTree.SubElement(about, "DataFileName", name=table.picture)
    ElementTree.SubElement(about, "templateName", name="")
    for i, point in enumerate(table.points):
        placed = bool(np.isfinite(point).all())
        x, y, z = (f"{v:.5f}" if placed else "0" for v in point)
        name = table.names[i] if table.names else str(i)
        ElementTree.SubElement(root, "point", x=x, y=y, z=z, name=name, active=str(int(placed)))
    ElementTree.indent(root, " ")
    return "<!DOCTYPE PickedPoints>\n" + ElementTree.tostring(root, encoding="unicode") + "\n"


def _parse_pp(text: str) -> PointTable:
    if "<!ENTITY" in text:
        raise DataError("it defines entities, which no .pp file of MeshLab does; it is not read")
    rows = ElementTree.fromstring(text).findall("point")
    points = np.full((len(rows), 3), np.nan)
    for i, row in enumerate(rows):
        if row.get("active", "1") != "0":
            points[i] = [float(row.attrib[axis].replace(",", ".")) for axis in "xyz"]
    return PointTable(points=points, names=tuple(row.get("name", "") for row in rows))


# CSV


def _csv(table: PointTable) -> str:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    unit = "px" if table.dimension == 2 else "mm"
    axes = [f"{a}_{unit}" for a in ("xy" if table.dimension == 2 else "xyz")]
    rows.writerow(["index", "name", *axes, "visibility", "placed_by"])
    for i, point in enumerate(table.points):
        at = [f"{v:.5f}" if np.isfinite(v) else "" for v in point]
        by = table.placed_by[i].value if table.placed_by else ""
        rows.writerow([i, table.names[i] if table.names else "", *at, table.seen(i).value, by])
    return out.getvalue()


def _parse_csv(text: str) -> PointTable:
    """Our own columns, or any with x, y and perhaps z; OpenFace's one row with x_0, y_0, ... of one frame."""
    rows = list(csv.DictReader(io.StringIO(text), skipinitialspace=True))
    if not rows:
        raise DataError("it has no rows")
    names = {str(key).strip().lower(): str(key) for key in rows[0]}
    if "x_0" in names:
        return _parse_openface(rows, names)
    axes = [next((names[n] for n in (f"{a}_px", f"{a}_mm", a) if n in names), None) for a in "xyz"]
    if axes[0] is None or axes[1] is None:
        raise DataError(f"columns x and y are expected; there are {', '.join(names.values())}")
    used = [a for a in axes if a is not None]
    points = np.array([[_number(row[a]) for a in used] for row in rows])
    labels = tuple(str(row[names["name"]] or "") for row in rows) if "name" in names else ()
    seen = tuple(Visibility(row[names["visibility"]]) for row in rows) if "visibility" in names else ()
    by: tuple[PlacedBy, ...] = ()
    if "placed_by" in names and all(row[names["placed_by"]] for row in rows):
        by = tuple(PlacedBy(row[names["placed_by"]]) for row in rows)
    return PointTable(points=points, names=labels if any(labels) else (), visibility=seen, placed_by=by)


def _number(value: str | None) -> float:
    return float(value) if value is not None and value.strip() else float("nan")


def _parse_openface(rows: list[dict[str, str]], names: dict[str, str]) -> PointTable:
    if len(rows) != 1:
        raise DataError(f"{len(rows)} frames; a file with one is expected")
    count = sum(1 for name in names if name.startswith("x_"))
    points: FloatArray = np.array([[_number(rows[0][names[f"{a}_{k}"]]) for a in "xy"] for k in range(count)])
    return PointTable(points=points)
