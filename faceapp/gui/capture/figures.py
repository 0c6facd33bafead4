"""What a take is judged by: figures of each group, with limits. No Qt; runs on the working threads."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from faceapp.core.mesh import Mesh
from faceapp.gui.theme.colormaps import colorize
from faceapp.gui.view3d.pieces import PROXY_TRIANGLES, Piece, Pieces, cut_with_proxy

if TYPE_CHECKING:
    from faceapp.app.take_figures import GroupFigures
    from faceapp.core.frames import PhaseMap
    from faceapp.fringe.decode import GroupScan

COVERAGE_GOOD, COVERAGE_LEAST = 0.90, 0.70
MODULATION_GOOD, MODULATION_LEAST = 25.0, 12.0
SATURATION_GOOD, SATURATION_MOST = 0.01, 0.05
MOTION_GOOD, MOTION_MOST = 1.0, 2.0
_PICTURE_WIDTH = 640


@dataclass(frozen=True)
class Figure:
    """One row of the verdict.

    Parameters
    ----------
    name, value : str
        What, and how much with its unit.
    grade : int
        0 good, 1 doubtful, 2 bad, -1 not known yet.
    fraction, limit : float or None
        Places on the bar, 0 to 1.
    tip : str
        The limit in words.
    """

    name: str
    value: str
    grade: int
    fraction: float | None = None
    limit: float | None = None
    tip: str = ""


def surface_of(scan: GroupScan) -> Mesh:
    """Return the points of a group with the triangles between neighbouring pixels, for the 3D view."""
    cloud = scan.cloud
    return Mesh(cloud.points, scan.faces, cloud.normals, cloud.colors, cloud.sigma)


def cut_surface(scan: GroupScan, surface: Mesh) -> Pieces | None:
    """Return a group's surface made ready to be drawn, its proxy from every so many pixels; ``None`` if it is small.

    Parameters
    ----------
    scan : GroupScan
        Of the group.
    surface : Mesh
        From `surface_of`.
    """
    from faceapp.fringe.surface import grid_faces

    every = math.ceil(math.sqrt(len(surface.faces) / PROXY_TRIANGLES))
    if every < 2:
        return None
    grid = scan.grid
    rows, columns = np.divmod(scan.cells, np.int32(grid.shape[1]))
    kept = np.flatnonzero((rows % every == 0) & (columns % every == 0))
    coarse = replace(
        grid, map_u=grid.map_u[::every, ::every], map_v=grid.map_v[::every, ::every], focal=grid.focal / every
    )
    cells = (rows[kept] // every * coarse.shape[1] + columns[kept] // every).astype(np.int32)
    faces = grid_faces(cells, scan.cloud.points[kept], coarse)
    return cut_with_proxy(surface, Piece(kept, faces.astype(np.int64)))


def phase_picture(phase: PhaseMap) -> npt.NDArray[np.uint8]:
    """Return the wrapped phase as (h, w, 3) RGB, small enough for a tile."""
    return _coloured(phase.wrapped_phase, "romaO", -np.pi, np.pi)


def modulation_picture(phase: PhaseMap) -> npt.NDArray[np.uint8]:
    """Return the modulation as (h, w, 3) RGB, small enough for a tile."""
    top = float(np.nanpercentile(phase.modulation[::8, ::8], 99.5)) if phase.modulation.size else 1.0
    return _coloured(phase.modulation, "grayC", 0.0, max(top, 1.0))


def _coloured(values: npt.NDArray[np.float32], name: str, low: float, high: float) -> npt.NDArray[np.uint8]:
    step = max(1, math.ceil(values.shape[1] / _PICTURE_WIDTH))
    return np.ascontiguousarray(colorize(values[::step, ::step], name, low, high))


def motion_words(motion: float) -> str:
    """Return what a person would say of the motion."""
    if math.isnan(motion):
        return "–"
    return "still" if motion <= MOTION_GOOD else "slight" if motion <= MOTION_MOST else "moved"


def _grade(value: float, good: float, least: float) -> int:
    """Grade a value that should be high (good > least) or low (good < least)."""
    if math.isnan(value):
        return -1
    if good > least:
        return 0 if value >= good else 1 if value >= least else 2
    return 0 if value <= good else 1 if value <= least else 2


def percent(share: float) -> str:
    """Return a share as people read it."""
    return "–" if math.isnan(share) else f"{100 * share:.1f}\N{NO-BREAK SPACE}%"


def rows_of(groups: Mapping[str, GroupFigures], seconds: float | None = None) -> tuple[Figure, ...]:
    """Return the rows of the verdict: of each figure the worst group."""
    if not groups:
        names = ("Coverage", "Modulation", "Saturation", "Motion", "Frames", "Time")
        return tuple(Figure(name, "–", -1) for name in names)
    all_of = list(groups.values())
    known = [g for g in all_of if not math.isnan(g.coverage)]
    coverage = min((g.coverage for g in known), default=math.nan)
    modulation = min((g.modulation for g in known), default=math.nan)
    saturation = max(g.saturation for g in all_of)
    motion = max(g.motion for g in all_of)
    frames, wanted = sum(g.frames for g in all_of), sum(g.wanted for g in all_of)
    counts = "–" if math.isnan(modulation) else f"{modulation:.0f}\N{NO-BREAK SPACE}counts"
    return (
        Figure(
            "Coverage",
            percent(coverage),
            _grade(coverage, COVERAGE_GOOD, COVERAGE_LEAST),
            None if math.isnan(coverage) else coverage,
            COVERAGE_GOOD,
            "Share of the lit pixels that became points; good from 90 %",
        ),
        Figure(
            "Modulation",
            counts,
            _grade(modulation, MODULATION_GOOD, MODULATION_LEAST),
            None if math.isnan(modulation) else min(1.0, modulation / 100),
            MODULATION_GOOD / 100,
            "Median height of the fringes; good from 25 counts",
        ),
        Figure(
            "Saturation",
            percent(saturation),
            _grade(saturation, SATURATION_GOOD, SATURATION_MOST),
            min(1.0, saturation / (2 * SATURATION_MOST)),
            SATURATION_GOOD / (2 * SATURATION_MOST),
            "Share of the lit pixels at the white level; good up to 1 %",
        ),
        Figure(
            "Motion",
            f"{motion_words(motion)}, {motion:.1f}\N{NO-BREAK SPACE}× limit",
            _grade(motion, MOTION_GOOD, MOTION_MOST),
            min(1.0, motion / 2.5),
            MOTION_GOOD / 2.5,
            "How far the frames contradict a still head, against the limit of doubt",
        ),
        Figure("Frames", f"{frames} of {wanted}", 0 if frames == wanted else 2),
        Figure("Time", "–" if seconds is None else f"{seconds:.1f}\N{NO-BREAK SPACE}s", -1 if seconds is None else 0),
    )


def advice_of(groups: Mapping[str, GroupFigures], failures: Mapping[str, str]) -> tuple[int, str, str, str]:
    """Return the grade of a take, the badge, what stands out, and what to do."""
    for name, text in failures.items():
        return 2, "Group missing", f"{name.capitalize()}: {text}", "Retake; the other groups are kept."
    worst = max((row for row in rows_of(groups) if row.grade > 0), key=lambda r: r.grade, default=None)
    if worst is None:
        return 0, "Good", "", ""
    name = worst.name.lower()

    def badness(figures: GroupFigures) -> float:
        return {
            "coverage": -figures.coverage,
            "modulation": -figures.modulation,
            "saturation": figures.saturation,
            "motion": figures.motion,
        }.get(name, float(figures.wanted - figures.frames))

    group = max(groups, key=lambda g: badness(groups[g]))
    todo = {
        "motion": "Ask for a still head and retake, or accept it.",
        "saturation": "Lower the exposure or the light and retake, or accept it.",
        "modulation": "Raise the exposure or the light and retake, or accept it.",
        "coverage": "Check where the head stands and retake, or accept it.",
    }.get(name, "Retake.")
    texts = {
        "motion": _motion_text(group, groups[group]),
        "saturation": f"{percent(groups[group].saturation)} of the {group} group are too bright.",
        "modulation": f"The fringes of the {group} group are weak: {groups[group].modulation:.0f} counts.",
        "coverage": f"Only {percent(groups[group].coverage)} of what the {group} group lights became points.",
    }
    return worst.grade, f"Check {name}", texts.get(name, worst.value), todo


def _motion_text(group: str, figures: GroupFigures) -> str:
    where = f", most in the {figures.moved_where}" if figures.moved_where else ""
    return f"The head moved while the {group} group was lit{where}: {figures.motion:.1f} × the limit."
