"""What a reviewer puts right about a registration: landmarks on the scan, pinned points, stiffer parts; a journal."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.core.errors import UsageError
from faceapp.core.landmarks import Landmarks3D, PlacedBy
from faceapp.core.subject import Sample
from faceapp.formats.atomic import append_line
from faceapp.pipeline.stages import Pin
from faceapp.store.project import Project, utc_now

FILE = "repairs.jsonl"
MOST_STIFF = 100.0
"""Largest factor of a part's stiffness: beyond it the part is as good as rigid."""

_SAME_MM = 0.05

Point = tuple[float, float, float]


@dataclass(frozen=True)
class MovedLandmark:
    """A landmark that a reviewer put elsewhere on the scan.

    Parameters
    ----------
    point : (3,) float
        Where it belongs, rig frame, mm.
    was : (3,) float or None
        Where it stood: moved anew in Annotate, that counts and this is forgotten. ``None``: it was not placed.
    """

    point: Point
    was: Point | None


@dataclass(frozen=True)
class Repairs:
    """The repairs of a sample that hold now.

    Parameters
    ----------
    landmarks : mapping of int to MovedLandmark
        By index in the scheme.
    pins : mapping of int to (3,) float
        Vertex of the template to its place on the scan, mm.
    stiffness : mapping of str to float
        Part of the template to a factor.
    """

    landmarks: Mapping[int, MovedLandmark] = field(default_factory=dict)
    pins: Mapping[int, Point] = field(default_factory=dict)
    stiffness: Mapping[str, float] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.landmarks or self.pins or self.stiffness)

    def apply(self, marks: Landmarks3D) -> Landmarks3D:
        """Return landmarks with those moved that stand where they stood when the reviewer moved them."""
        points, by = marks.points.copy(), list(marks.placed_by)
        for index, moved in self.landmarks.items():
            if index < len(points) and _stands(points[index], moved.was):
                points[index], by[index] = moved.point, PlacedBy.PERSON
        return replace(marks, points=points, placed_by=tuple(by))

    @property
    def pinned(self) -> tuple[Pin, ...]:
        """The pins as a plugin takes them."""
        return tuple(Pin(vertex, point) for vertex, point in sorted(self.pins.items()))

    @property
    def part_stiffness(self) -> str:
        """The factors as the parameter ``part_stiffness`` takes them, such as ``lips=3``."""
        return ",".join(f"{part}={factor:g}" for part, factor in sorted(self.stiffness.items()))

    @property
    def pins_hash(self) -> str:
        """SHA-256 of the pins, for the provenance."""
        return hashlib.sha256(json.dumps(sorted((v, *p) for v, p in self.pins.items())).encode()).hexdigest()


def _stands(point: npt.NDArray[np.float64], was: Point | None) -> bool:
    if was is None:
        return not np.isfinite(point).all()
    return bool(np.isfinite(point).all() and np.linalg.norm(point - np.asarray(was)) < _SAME_MM)


def read_repairs(sample_folder: Path) -> Repairs:
    """Return the repairs of a sample: its journal without what was undone."""
    acts, _ = _acts(sample_folder)
    landmarks: dict[int, MovedLandmark] = {}
    pins: dict[int, Point] = {}
    stiffness: dict[str, float] = {}
    for act in acts:
        match act:
            case {"kind": "landmark", "index": int(index), "point": None}:
                landmarks.pop(index, None)
            case {"kind": "landmark", "index": int(index), "point": [x, y, z]}:
                was = act.get("was")
                landmarks[index] = MovedLandmark((x, y, z), tuple(was) if was else None)
            case {"kind": "pin", "vertex": int(vertex), "point": None}:
                pins.pop(vertex, None)
            case {"kind": "pin", "vertex": int(vertex), "point": [x, y, z]}:
                pins[vertex] = (x, y, z)
            case {"kind": "stiffness", "part": str(part), "factor": factor}:
                stiffness[part] = float(factor)
                if factor == 1:
                    del stiffness[part]
    return Repairs(landmarks, pins, stiffness)


def _acts(sample_folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The acts that hold, and those that were undone and can be done again."""
    file = sample_folder / FILE
    done: list[dict[str, Any]] = []
    undone: list[dict[str, Any]] = []
    if not file.is_file():
        return done, undone
    for text in file.read_text(encoding="utf-8").splitlines():
        try:
            act = json.loads(text)
        except ValueError:
            continue  # half a line after a kill
        kind = act.get("kind")
        if kind == "undo":
            undone += [done.pop()] if done else []
        elif kind == "redo":
            done += [undone.pop()] if undone else []
        else:
            done.append(act)
            undone.clear()
    return done, undone


def move_landmark(
    project: Project, sample: Sample, index: int, point: npt.ArrayLike | None, was: npt.ArrayLike | None, by: str
) -> None:
    """Put a landmark elsewhere on the scan (``None``: back to where Annotate has it); on the disk when this returns."""
    act = {"kind": "landmark", "index": index, "point": _plain(point), "was": _plain(was)}
    _append(project, sample, act, by)


def pin_vertex(project: Project, sample: Sample, vertex: int, point: npt.ArrayLike | None, by: str) -> None:
    """Say where on the scan a vertex of the template belongs (``None``: no longer)."""
    _append(project, sample, {"kind": "pin", "vertex": vertex, "point": _plain(point)}, by)


def set_part_stiffness(project: Project, sample: Sample, part: str, factor: float, by: str) -> None:
    """Multiply the stiffness of a part of the template; 1 is as the template says.

    Raises
    ------
    UsageError
        The factor is out of its limits.
    """
    if not 1 / MOST_STIFF <= factor <= MOST_STIFF:
        raise UsageError(f"the stiffness of {part} can be multiplied by {1 / MOST_STIFF:g} to {MOST_STIFF:g}")
    _append(project, sample, {"kind": "stiffness", "part": part, "factor": factor}, by)


def undo_repair(project: Project, sample: Sample, by: str) -> bool:
    """Take the last repair back; return whether there was one."""
    done, _ = _acts(project.sample_folder(sample))
    if done:
        _append(project, sample, {"kind": "undo"}, by)
    return bool(done)


def redo_repair(project: Project, sample: Sample, by: str) -> bool:
    """Do the repair again that was taken back last; return whether there was one."""
    _, undone = _acts(project.sample_folder(sample))
    if undone:
        _append(project, sample, {"kind": "redo"}, by)
    return bool(undone)


def _append(project: Project, sample: Sample, act: dict[str, Any], by: str) -> None:
    project.must_write()
    append_line(project.sample_folder(sample) / FILE, json.dumps(act | {"by": by, "at": utc_now()}))


def _plain(point: npt.ArrayLike | None) -> list[float] | None:
    if point is None:
        return None
    values = np.asarray(point, np.float64)
    return [round(float(x), 4) for x in values] if np.isfinite(values).all() else None
