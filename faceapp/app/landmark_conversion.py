"""Landmark files of every kind and known order, read and written; an order is recognised or named, never assumed."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from faceapp.app.template import own_template
from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, LandmarkScheme, PlacedBy, Visibility
from faceapp.formats.landmark_files import read_landmarks, write_landmarks
from faceapp.formats.point_files import FLAT_KINDS, KINDS, SOLID_KINDS, kind_of, read_points, write_points
from faceapp.formats.point_table import PointTable
from faceapp.formats.schemas import schema_of
from faceapp.landmarks.order_recognition import recognise_order
from faceapp.landmarks.point_orders import point_orders
from faceapp.landmarks.scheme import load_scheme

OWN = "json"
"""Our own kind of file, beside those of other programs."""
ALL_KINDS = (OWN, *KINDS)
BY_NAME = "names"
"""What is said of a file whose points carry the names of the scheme, so that their order does not matter."""


@dataclass(frozen=True, eq=False)
class ReadLandmarks:
    """A landmark file in the order of the scheme.

    Parameters
    ----------
    marks : Landmarks2D or Landmarks3D
        The scheme's points; NaN where the file's order has no such point.
    order : str
        In which the file's points stood, or `BY_NAME`.
    """

    marks: Landmarks2D | Landmarks3D
    order: str


def read_any_landmarks(file: Path, order: str | None = None) -> ReadLandmarks:
    """Read a landmark file of any kind.

    Parameters
    ----------
    file : Path
        Our JSON, ``.pts``, LJSON, 3D Slicer (``.mrk.json``, ``.fcsv``), COCO, MeshLab ``.pp``, ``.csv``, ``.txt``.
    order : str, optional
        Of its points; by default recognised from how they lie.

    Raises
    ------
    UsageError
        The order is unknown.
    DataError
        The file cannot be read, or its order cannot be told.
    """
    if order is not None and order not in point_orders():
        raise UsageError(f"--order {order!r}: known are {', '.join(point_orders())}")
    if file.suffix.lower() == ".json" and not kind_of(file) and schema_of(file):
        return ReadLandmarks(read_landmarks(file), load_scheme().id)
    table, scheme = read_points(file), load_scheme()
    if order is None and _is_named(table, scheme):
        return ReadLandmarks(_by_name(table, scheme), BY_NAME)
    if order is None:
        try:
            order = recognise_order(table.points, mean_face())
        except DataError as error:
            raise DataError(f"{file}: {error}") from error
    elif len(point_orders()[order]) != len(table.points):
        raise DataError(f"{file}: {len(table.points)} points, {order} has {len(point_orders()[order])}")
    ids = point_orders()[order]
    return ReadLandmarks(_placed_at(table, {k: i[0] for k, i in enumerate(ids) if len(i) == 1}, scheme), order)


def write_any_landmarks(file: Path, marks: Landmarks2D | Landmarks3D, kind: str, order: str | None = None) -> None:
    """Write a landmark file of any kind, in the scheme's order or in another.

    Raises
    ------
    UsageError
        The kind or the order is unknown, or our own JSON is asked for in another order.
    DataError
        The kind cannot hold these points.
    """
    if order is not None and order not in point_orders():
        raise UsageError(f"--order {order!r}: known are {', '.join(point_orders())}")
    if kind == OWN:
        if order not in (None, marks.scheme):
            raise UsageError(f"our own JSON holds points in the order of {marks.scheme} only; choose another format")
        write_landmarks(file, marks)
        return
    if kind not in KINDS:
        raise UsageError(f"--format {kind!r}: known are {', '.join(ALL_KINDS)}")
    write_points(file, _as_table(marks, order), kind, order or marks.scheme)


def holds(kind: str, marks: Landmarks2D | Landmarks3D) -> bool:
    """Return whether a kind of file can hold points of the dimension of these."""
    return kind not in (SOLID_KINDS if isinstance(marks, Landmarks2D) else FLAT_KINDS)


def is_landmark_file(file: Path) -> bool:
    """Return whether a file's name is that of landmarks, and of no surface."""
    return file.suffix.lower() in (".json", ".txt") or bool(kind_of(file))


def is_foreign_json(file: Path) -> bool:
    """Return whether a JSON file's name is that of another program's landmarks."""
    return kind_of(file) in ("slicer", "coco")


def ending_of(kind: str) -> str:
    """Return the ending of the names of a kind of file."""
    return KINDS.get(kind, ".json")


def convert_landmarks(source: Path, out: Path, *, order: str | None = None, to_order: str | None = None) -> str:
    """Write the points of one file as another kind, told by its name; return the order that was found."""
    found = read_any_landmarks(source, order)
    write_any_landmarks(out, found.marks, kind_of(out) or OWN, to_order)
    return found.order


@functools.cache
def mean_face() -> FloatArray:
    """Return the average head's points (106, 3), mm; NaN for those that it does not have."""
    template = own_template()
    return template.landmarks_of(template.mesh.vertices)


def _is_named(table: PointTable, scheme: LandmarkScheme) -> bool:
    named = [n for n in table.names if n]
    return bool(named) and len(named) == len(table.points) == len(set(named)) and set(named) <= set(scheme.names)


def _by_name(table: PointTable, scheme: LandmarkScheme) -> Landmarks2D | Landmarks3D:
    return _placed_at(table, {k: scheme.names.index(name) for k, name in enumerate(table.names)}, scheme)


def _placed_at(table: PointTable, places: dict[int, int], scheme: LandmarkScheme) -> Landmarks2D | Landmarks3D:
    """The scheme's points of a table; ``places``: the scheme's point of some of its rows."""
    points = np.full((len(scheme), table.dimension), np.nan)
    seen, origins = [Visibility.OUTSIDE] * len(scheme), [PlacedBy.UNKNOWN] * len(scheme)
    for row, index in places.items():
        points[index] = table.points[row]
        seen[index] = table.seen(row)
        origins[index] = table.placed_by[row] if table.placed_by else PlacedBy.UNKNOWN
    if table.dimension == 3:
        seen = [Visibility.OCCLUDED if s is Visibility.OUTSIDE else s for s in seen]
        return Landmarks3D(points=points, visibility=tuple(seen), placed_by=tuple(origins), scheme=scheme.id)
    return Landmarks2D(
        points=points,
        visibility=tuple(seen),
        placed_by=tuple(origins),
        scheme=scheme.id,
        view=Path(table.picture).stem,
        image_size=table.image_size,
    )


def _as_table(marks: Landmarks2D | Landmarks3D, order: str | None) -> PointTable:
    scheme = load_scheme()
    picture = marks.view if isinstance(marks, Landmarks2D) else ""
    size = marks.image_size if isinstance(marks, Landmarks2D) else (0, 0)
    if order in (None, scheme.id):
        return PointTable(
            points=marks.points,
            names=scheme.names,
            visibility=marks.visibility,
            placed_by=marks.placed_by,
            picture=picture,
            image_size=size,
            edges=tuple((int(a), int(b)) for a, b in scheme.edges),
            groups=tuple((g.name, g.indices) for g in scheme.groups),
        )
    assert order is not None
    ids = point_orders()[order]
    return PointTable(
        points=np.array([marks.points[list(i)].mean(axis=0) for i in ids]),
        visibility=tuple(_of_several([marks.visibility[k] for k in i]) for i in ids),
        placed_by=tuple(marks.placed_by[i[0]] for i in ids),
        picture=picture,
        image_size=size,
    )


def _of_several(states: list[Visibility]) -> Visibility:
    return next((s for s in states if s is not Visibility.VISIBLE), Visibility.VISIBLE)
