"""Points in the JSON of other programs: Menpo's LJSON, 3D Slicer's markups, COCO's keypoints."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Visibility
from faceapp.formats.point_table import PointTable

_SLICER_SCHEMA = (
    "https://raw.githubusercontent.com/slicer/slicer/master/Modules/Loadable/Markups/Resources/Schema/"
    "markups-schema-v1.0.3.json#"
)
_COCO_NOT_LABELLED, _COCO_HIDDEN, _COCO_VISIBLE = 0, 1, 2


def parse_point_json(data: Any) -> PointTable:
    """Return the points of a JSON file of one of the three programs, told apart by its fields.

    Raises
    ------
    DataError
        It is of none of them, or holds more than one face.
    """
    if not isinstance(data, dict):
        raise DataError("an object is expected at the top")
    if "markups" in data:
        return _told(_parse_slicer, data, "3D Slicer markups")
    if "annotations" in data:
        return _told(_parse_coco, data, "COCO keypoints")
    if "version" in data and ("groups" in data or "landmarks" in data):
        return _told(_parse_ljson, data, "LJSON")
    raise DataError("it is neither LJSON, nor 3D Slicer markups, nor COCO keypoints, nor faceapp/landmarks")


def _told(parse: Callable[[dict[str, Any]], PointTable], data: dict[str, Any], kind: str) -> PointTable:
    try:
        return parse(data)
    except KeyError as error:
        raise DataError(f"{kind}: field {error.args[0]} is missing") from error
    except (TypeError, ValueError, IndexError, AttributeError) as error:
        raise DataError(f"{kind}: a field is not as the format says: {error}") from error


def _rows(points: list[Any]) -> FloatArray:
    """(n, d) of rows that may hold ``null``."""
    rows = [[math.nan if x is None else float(x) for x in row] for row in points]
    return np.array(rows, np.float64).reshape(len(rows), -1) if rows else np.zeros((0, 2))


# Menpo's LJSON


def describe_ljson(table: PointTable) -> dict[str, Any]:
    """Return LJSON of version 2, which landmarker.io and all Menpos read; pictures as (row, column)."""
    points = table.points[:, ::-1] if table.dimension == 2 else table.points
    rows = [[round(float(x), 4) if math.isfinite(x) else None for x in row] for row in points]
    groups = table.groups or (("all", tuple(range(len(points)))),)
    return {
        "version": 2,
        "labels": [{"label": name, "mask": list(ids)} for name, ids in groups],
        "landmarks": {"connectivity": [list(edge) for edge in table.edges], "points": rows},
    }


def _parse_ljson(data: dict[str, Any]) -> PointTable:
    version = data["version"]
    if version == 1:
        rows = [entry["point"] for group in data["groups"] for entry in group["landmarks"]]
    elif version == 2:
        rows = data["landmarks"]["points"]
    elif version == 3:
        groups = data["groups"]
        if len(groups) != 1:
            raise DataError(f"LJSON: {len(groups)} groups of landmarks ({', '.join(groups)}); one is expected")
        rows = next(iter(groups.values()))["landmarks"]["points"]
    else:
        raise DataError(f"LJSON: version {version!r} is not known; 1, 2 and 3 are")
    points = _rows(rows)
    return PointTable(points=points[:, ::-1] if points.shape[1] == 2 else points)


# 3D Slicer


def describe_slicer(table: PointTable, name: str = "landmarks") -> dict[str, Any]:
    """Return 3D Slicer markups, one fiducial a point, with the numbers of the mesh file: Slicer reads those as LPS.

    Raises
    ------
    DataError
        The points are 2D.
    """
    if table.dimension != 3:
        raise DataError("3D Slicer markups hold 3D points")
    controls = []
    for i, point in enumerate(table.points):
        placed = bool(np.isfinite(point).all())
        controls.append(
            {
                "id": str(i + 1),
                "label": table.names[i] if table.names else str(i),
                "description": table.placed_by[i].value if table.placed_by else "",
                "associatedNodeID": "",
                "position": [round(float(x), 5) for x in point] if placed else None,
                "orientation": [-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0],
                "selected": True,
                "locked": False,
                "visibility": table.seen(i) is Visibility.VISIBLE,
                "positionStatus": "defined" if placed else "missing",
            }
        )
    markup = {"type": "Fiducial", "name": name, "coordinateSystem": "LPS", "coordinateUnits": "mm"}
    return {"@schema": _SLICER_SCHEMA, "markups": [{**markup, "controlPoints": controls}]}


def _parse_slicer(data: dict[str, Any]) -> PointTable:
    markups = [m for m in data["markups"] if m.get("type", "Fiducial") == "Fiducial"]
    if len(markups) != 1:
        raise DataError(f"3D Slicer markups: {len(markups)} lists of points; one is expected")
    markup = markups[0]
    if markup.get("coordinateUnits", "mm") != "mm":
        raise DataError(f"3D Slicer markups: field coordinateUnits: {markup['coordinateUnits']!r}; mm are expected")
    rows, names, seen = [], [], []
    for control in markup["controlPoints"]:
        defined = control.get("positionStatus", "defined") == "defined" and control.get("position") is not None
        rows.append(control["position"] if defined else [None] * 3)
        names.append(str(control.get("label", "")))
        seen.append(Visibility.VISIBLE if control.get("visibility", True) else Visibility.OCCLUDED)
    points = _rows(rows).reshape(-1, 3) * slicer_signs(str(markup.get("coordinateSystem", "LPS")))
    return PointTable(points=points, names=tuple(names), visibility=tuple(seen))


def slicer_signs(system: str) -> FloatArray:
    """Return the factors (3,) that turn Slicer's coordinates into those of a mesh file.

    Raises
    ------
    DataError
        Voxel indices, or a system that is not known.
    """
    known = {"LPS": (1.0, 1.0, 1.0), "1": (1.0, 1.0, 1.0), "RAS": (-1.0, -1.0, 1.0), "0": (-1.0, -1.0, 1.0)}
    if system.strip().upper() not in known:
        raise DataError(f"coordinate system {system!r}; LPS or RAS is expected")
    return np.array(known[system.strip().upper()])


# COCO


def describe_coco(table: PointTable, scheme: str) -> dict[str, Any]:
    """Return COCO keypoints of one picture with one face; hidden points have ``v`` 1, outside and not placed ones 0.

    Raises
    ------
    DataError
        The points are 3D.
    """
    if table.dimension != 2:
        raise DataError("COCO keypoints are 2D points of a picture")
    flat: list[float] = []
    for i, (u, v) in enumerate(table.points):
        state = table.seen(i)
        if not np.isfinite([u, v]).all() or state is Visibility.OUTSIDE:
            flat += [0, 0, _COCO_NOT_LABELLED]
        else:
            seen = _COCO_VISIBLE if state is Visibility.VISIBLE else _COCO_HIDDEN
            flat += [round(float(u), 4), round(float(v), 4), seen]
    held = np.array(flat).reshape(-1, 3)
    held = held[held[:, 2] > 0]
    low, high = (held[:, :2].min(axis=0), held[:, :2].max(axis=0)) if len(held) else (np.zeros(2), np.zeros(2))
    box = [round(float(x), 4) for x in (*low, *(high - low))]
    width, height = table.image_size
    names = list(table.names) or [str(i) for i in range(len(table.points))]
    skeleton = [[a + 1, b + 1] for a, b in table.edges]
    return {
        "info": {"description": f"face landmarks, {scheme}"},
        "images": [{"id": 1, "file_name": table.picture, "width": width, "height": height}],
        "annotations": [
            {
                "id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "keypoints": flat, "num_keypoints": len(held),
                "bbox": box, "area": round(box[2] * box[3], 4),
            }
        ],
        "categories": [{"id": 1, "name": "face", "supercategory": "person", "keypoints": names, "skeleton": skeleton}],
    }  # fmt: skip


def _parse_coco(data: dict[str, Any]) -> PointTable:
    faces = [a for a in data["annotations"] if a.get("keypoints") or a.get("face_kpts")]
    if len(faces) != 1:
        raise DataError(f"COCO keypoints: {len(faces)} faces; a file with one is expected")
    face = faces[0]
    flat = _rows([face.get("keypoints") or face["face_kpts"]]).reshape(-1, 3)
    held = flat[:, 2] > 0
    points = np.where(held[:, None], flat[:, :2], np.nan)
    states = {0: Visibility.OUTSIDE, 1: Visibility.OCCLUDED}
    seen = tuple(states.get(int(v), Visibility.VISIBLE) for v in flat[:, 2])
    category = _by_id(data.get("categories", ()), face.get("category_id"))
    names = tuple(str(n) for n in category.get("keypoints") or ())
    image = _by_id(data.get("images", ()), face.get("image_id"))
    return PointTable(
        points=points,
        names=names if len(names) == len(points) else (),
        visibility=seen,
        picture=str(image.get("file_name", "")),
        image_size=(int(image.get("width") or 0), int(image.get("height") or 0)),
    )


def _by_id(entries: list[dict[str, Any]], wanted: Any) -> dict[str, Any]:
    return next((entry for entry in entries if entry.get("id") == wanted), {})
