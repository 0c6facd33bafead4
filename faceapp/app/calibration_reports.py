"""The figures of a calibration and the page that people keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import faceapp
from faceapp.calibration.coverage import coverage_of, links_between
from faceapp.calibration.observations import BoardView
from faceapp.calibration.projection import LENS, LENS_TERMS
from faceapp.calibration.quality import board_errors, head_precision_mm, pairs_of, view_errors
from faceapp.calibration.report_page import PageFacts, report_page
from faceapp.calibration.rotations import vector_of
from faceapp.calibration.solving import Solution
from faceapp.core.results import Metric, Provenance, Report

_DOUBTFUL = 1.7
_UNITS = {"f": "f px", "cx": "cx px", "cy": "cy px", "aspect": "aspect"}


@dataclass(frozen=True)
class Circumstances:
    """What the pictures do not show.

    Parameters
    ----------
    rig, made_at, made_by : str
        Name of the rig, UTC time, initials.
    temperature_c : float or None
        Of the room or the cameras.
    seconds : float
        That the adjustment took, detection included.
    inputs : dict of str to str
        Hashes of what was read.
    """

    rig: str
    made_at: str
    made_by: str = ""
    temperature_c: float | None = None
    seconds: float = 0.0
    inputs: dict[str, str] | None = None


def calibration_report(solution: Solution, views: list[BoardView], facts: Circumstances) -> Report:
    """Return the figures of a calibration."""
    found = solution.adjustment
    errors = view_errors(solution)
    boards = board_errors(
        solution.views, solution.cameras, pairs_of(solution.seats), solution.target, found.state.shape
    )
    size = np.linalg.norm(found.residuals[found.used], axis=1)
    metrics = [Metric("reprojection_rms", _rms(size), "px", len(size))]
    for i, seat in enumerate(solution.seats):
        mine = found.used & (solution.corners.camera == i)
        one = np.linalg.norm(found.residuals[mine], axis=1)
        metrics.append(Metric(f"{seat.name}.reprojection_rms", _rms(one), "px", len(one)))
    for pair, off in boards.epipolar_px.items():
        metrics.append(Metric(f"{pair}.epipolar_p95", float(np.percentile(off, 95)), "px", len(off)))
    metrics += [
        Metric("length_error_rms", _rms(boards.length_mm), "mm", len(boards.length_mm)),
        Metric("length_error_mean", _mean(boards.length_mm), "mm", len(boards.length_mm)),
        Metric("flatness_rms", _rms(boards.off_plane_mm), "mm", len(boards.off_plane_mm)),
        Metric("board_bow", solution.target.bow_mm(found.state.shape), "mm"),
    ]
    for group, off_mm in head_precision_mm(solution).items():
        metrics.append(Metric(f"{group}.head_precision_p95", off_mm, "mm"))
    metrics.append(Metric("poses", len(solution.poses), "1", len(solution.poses)))
    metrics.append(Metric("corners_left_out", float(1 - found.used.mean()), "1", len(found.used)))
    provenance = Provenance(
        "faceapp calibrate",
        faceapp.__version__,
        {"board": solution.target.name},
        facts.inputs or {},
        None,
        facts.seconds,
    )
    extra = {"made_at": facts.made_at, "made_by": facts.made_by, "temperature_c": facts.temperature_c}
    return Report(tuple(metrics), provenance, _warnings(solution, views, errors), extra)


def _warnings(solution: Solution, views: list[BoardView], errors: np.ndarray) -> tuple[str, ...]:
    found = []
    with np.errstate(invalid="ignore"):
        each = np.sqrt(np.nanmean(errors**2, axis=0))
    typical = float(np.median(each))
    doubtful = [str(p) for p, e in zip(solution.poses, each, strict=True) if e > _DOUBTFUL * typical]
    if doubtful:
        which = f"Pose {doubtful[0]} fits" if len(doubtful) == 1 else f"Poses {', '.join(doubtful)} fit"
        found.append(f"{which} worse than the others: the board may have moved")
    sigma = solution.adjustment.sigma_px
    for seat, mine in zip(solution.seats, sigma, strict=True):
        if mine > 2 * np.median(sigma):
            found.append(f"{seat.name} fits worse than the others ({mine:.3f} px): look at its focus and its mount")
    for (a, b), count in links_between(solution.views, solution.seats).items():
        if count < 4:
            found.append(f"only {count} poses were seen by {a} and {b} at once; show the board between them")
    refused = sum(1 for v in views if v.refusal and len(v))
    if refused:
        were = "picture of the board was" if refused == 1 else "pictures of the board were"
        found.append(f"{refused} {were} refused; the report says why")
    return tuple(found)


def calibration_page(solution: Solution, views: list[BoardView], report: Report, facts: Circumstances) -> str:
    """Return the HTML page of a calibration."""
    found = solution.adjustment
    names = [s.name for s in solution.seats]
    degrees = "not measured" if facts.temperature_c is None else f"{facts.temperature_c:.1f} °C"
    page = PageFacts(
        title=f"Calibration of {facts.rig}",
        made_at=facts.made_at,
        made_by=facts.made_by,
        board=solution.target.name,
        temperature=f"temperature {degrees}",
        cameras=names,
        poses=solution.poses,
        errors=view_errors(solution),
        residuals={name: found.residuals[found.used & (solution.corners.camera == i)] for i, name in enumerate(names)},
        coverage={name: coverage_of(solution.views, solution.target, name) for name in names},
        uncertainties=uncertainties_of(solution),
        refused=[(v.camera, v.pose, v.refusal) for v in views if v.refusal and len(v)],
    )
    return report_page(report, page)


def uncertainties_of(solution: Solution) -> dict[str, dict[str, tuple[float, float]]]:
    """Return value and predicted deviation of every figure of every camera; poses relative to the frame's camera."""
    deviations, _ = solution.adjustment.deviations()
    state = solution.adjustment.state
    found: dict[str, dict[str, tuple[float, float]]] = {}
    for i, seat in enumerate(solution.seats):
        figures = {_UNITS.get(n, n): (float(state.lens[i, k]), float(deviations[i, k])) for k, n in enumerate(LENS)}
        turn = np.degrees(vector_of(state.camera_turn[i]))
        for k, axis in enumerate("xyz"):
            off = float(np.degrees(deviations[i, LENS_TERMS + k]))
            figures[f"turn {axis} deg"] = float(turn[k]), off
        for k, axis in enumerate("xyz"):
            figures[f"shift {axis} mm"] = float(state.camera_shift[i, k]), float(deviations[i, LENS_TERMS + 3 + k])
        found[seat.name] = figures
    return found


def calibration_extra(solution: Solution, facts: Circumstances) -> dict[str, Any]:
    """Return what ``calibration.json`` says beside the cameras."""
    target, found = solution.target, solution.adjustment
    names = [s.name for s in solution.seats]
    return {
        "temperature_c": facts.temperature_c,
        "board": {
            "columns": target.columns,
            "rows": target.rows,
            "square_mm": target.square_mm,
            "stretch": target.stretch,
            "shape": found.state.shape.tolist(),
        },
        "poses": len(solution.poses),
        "sigma_px": {name: float(s) for name, s in zip(names, found.sigma_px, strict=True)},
        "deviations": {
            name: {figure: off for figure, (_, off) in figures.items()}
            for name, figures in uncertainties_of(solution).items()
        },
    }


def _rms(values: np.ndarray) -> float | None:
    return float(np.sqrt((values**2).mean())) if len(values) else None


def _mean(values: np.ndarray) -> float | None:
    return float(values.mean()) if len(values) else None
