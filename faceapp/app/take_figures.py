"""What a take is judged by, group by group: measured while it is shot, kept with it as ``figures.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from faceapp import __version__
from faceapp.capture.engine import GroupCapture
from faceapp.capture.frame_signs import DOUBT_RESIDUAL, DOUBT_STEP
from faceapp.core.errors import DataError
from faceapp.core.results import Metric, Provenance, Report
from faceapp.formats.capture_bundle import white_level
from faceapp.formats.reports import read_report, write_report
from faceapp.fringe.decode import GroupScan
from faceapp.fringe.motion import DOUBTFUL, motion_of

FILE = "figures.json"
_STRIDE = 4
_UNITS = {"modulation": "counts"}
_WHOLE = ("frames", "wanted", "points")
_WHERE = "moved_where"


@dataclass(frozen=True)
class GroupFigures:
    """Figures of one group of a take.

    Parameters
    ----------
    frames, wanted : int
        Of the camera with the fewest.
    saturation : float
        Share of the lit pixels that reach the white level.
    motion : float
        Of the signs in the frames against the limit of doubt; up to 1 is a still head.
    points : int
        Of the cloud; 0 until it is decoded.
    coverage : float
        Share of the lit pixels that became points; NaN until it is decoded.
    modulation : float
        Median, counts.
    moved_where : str
        The part of a picture that moved most; empty where nothing did.
    """

    frames: int
    wanted: int
    saturation: float
    motion: float
    points: int = 0
    coverage: float = math.nan
    modulation: float = math.nan
    moved_where: str = ""


@dataclass(frozen=True)
class TakeFigures:
    """Figures of a whole take.

    Parameters
    ----------
    groups : mapping of str to GroupFigures
        By group.
    failures : mapping of str to str
        Why a group has no cloud.
    seconds : float
        From the shot to the last group decoded.
    """

    groups: Mapping[str, GroupFigures]
    failures: Mapping[str, str]
    seconds: float


def figures_of_frames(capture: GroupCapture) -> GroupFigures:
    """Return what the frames alone tell."""
    models = {m.name: m for m in capture.group.infrared}
    full: list[float] = []
    for name, stack in capture.stacks.items():
        frames = stack.frames[:, ::_STRIDE, ::_STRIDE]
        white = white_level(stack.frames, models[name].sensor.white_level)
        high, low = frames.max(axis=0), frames.min(axis=0)
        lit = high.astype(np.int32) - low > 0.05 * white
        full.append(float((high[lit] >= white).mean()) if lit.any() else 0.0)
    motion = 0.0
    for signs in capture.signs.values():
        parts = np.nan_to_num([signs.step / DOUBT_STEP, signs.residual / DOUBT_RESIDUAL], nan=0.0, posinf=9.9)
        motion = max(motion, float(parts.max()))
    counts = [len(stack.frames) for stack in capture.stacks.values()]
    wanted = [len(stack.sequence) for stack in capture.stacks.values()]
    return GroupFigures(min(counts), max(wanted), max(full), motion)


def with_scan(figures: GroupFigures, scan: GroupScan) -> GroupFigures:
    """Return the figures with those of the cloud and of the phases."""
    phase = scan.phases[0]
    lit = phase.lit_pixels
    valid = phase.modulation[phase.valid]
    motion, where = figures.motion, ""
    for phase in scan.phases:
        seen = motion_of(phase)
        share = seen.score / (DOUBTFUL + seen.sampling)
        if share > motion:  # NaN is not
            motion = share
            where = f"{seen.worst_regions[0]} of {phase.camera}" if seen.worst_regions else phase.camera
    return replace(
        figures,
        motion=motion,
        points=len(scan.cloud),
        coverage=min(1.0, len(scan.cloud) / lit) if lit else 0.0,
        modulation=float(np.median(valid)) if valid.size else 0.0,
        moved_where=where if motion > 1 else "",
    )


def write_take_figures(folder: Path, figures: TakeFigures) -> None:
    """Write ``figures.json`` into the folder of a sample, whole or not at all."""
    metrics = [
        Metric(f"{name}.{field.name}", float(getattr(group, field.name)), _UNITS.get(field.name, "1"))
        for name, group in figures.groups.items()
        for field in fields(GroupFigures)
        if field.name != _WHERE
    ]
    extra = {"failures": dict(figures.failures), _WHERE: {n: g.moved_where for n, g in figures.groups.items()}}
    provenance = Provenance("capture", __version__, seconds=figures.seconds)
    write_report(folder / FILE, Report(tuple(metrics), provenance, extra=extra))


def read_take_figures(folder: Path) -> TakeFigures | None:
    """Return the figures of a sample; ``None`` where none were kept (a take of an earlier version).

    Raises
    ------
    DataError
        The file cannot be read or lacks a figure.
    """
    if not (folder / FILE).is_file():
        return None
    report = read_report(folder / FILE)
    groups: dict[str, dict[str, Any]] = {}
    for metric in report.metrics:
        name, _, what = metric.name.rpartition(".")
        value = math.nan if metric.value is None else float(metric.value)
        groups.setdefault(name, {})[what] = round(value) if what in _WHOLE and math.isfinite(value) else value
    where = report.extra.get(_WHERE, {})
    for name, values in groups.items():
        values[_WHERE] = str(where.get(name, "")) if isinstance(where, dict) else ""
    try:
        found = {name: GroupFigures(**values) for name, values in groups.items()}
    except TypeError as error:
        raise DataError(f"{folder / FILE}: {error}; the clouds of the take are not touched by that") from error
    failures = report.extra.get("failures", {})
    return TakeFigures(found, failures if isinstance(failures, dict) else {}, report.provenance.seconds)
