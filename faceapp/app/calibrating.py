"""A rig from pictures of the board to ``calibrations/RIG/UTC/``; the pictures are on the disk before all else."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from faceapp.app.calibration_reports import (
    Circumstances,
    calibration_extra,
    calibration_page,
    calibration_report,
)
from faceapp.app.pose_taking import NUMBER, PICTURES
from faceapp.calibration.detection import Picture, find_boards
from faceapp.calibration.observations import BoardView, CameraSeat, seat_of
from faceapp.calibration.response import LEVELS, Response, measure_response, response_sequence
from faceapp.calibration.solving import Solution, scale_against, solve_rig
from faceapp.calibration.target import BoardTarget
from faceapp.calibration.wiring import swapped_cables
from faceapp.capture.stills import take_bursts
from faceapp.core.errors import DataError, UsageError
from faceapp.core.results import Report
from faceapp.core.rig import Rig
from faceapp.core.signals import Reporter
from faceapp.devices.protocols import ConnectedRig
from faceapp.formats.atomic import write_bytes
from faceapp.formats.calibration_files import FILE, CalibrationFile, write_calibration
from faceapp.formats.capture_bundle import white_level
from faceapp.formats.images import read_image
from faceapp.formats.reports import write_report

REPORT, PAGE = "report.json", "report.html"
_SCALE_OFF, _DRAWN_OFF = 0.004, 0.03
"""Of the distances between cameras, measured and drawn; more is no thermal drift but another size of board."""


@dataclass(frozen=True, eq=False)
class CalibrationResult:
    """A calibration that is on the disk.

    Parameters
    ----------
    folder : Path
        Where.
    file : CalibrationFile
        What ``calibration.json`` says.
    solution : Solution
        The adjustment.
    views : list of BoardView
        Of all pictures, the refused ones too.
    report : Report
        Its figures.
    """

    folder: Path
    file: CalibrationFile
    solution: Solution
    views: list[BoardView]
    report: Report


def utc_now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(UTC)


def new_calibration_folder(root: Path, rig: str) -> Path:
    """Return where a new calibration of a rig goes; an unfinished one is gone on with."""
    place = root / (Path(rig).stem or "rig")
    if place.is_dir():
        unfinished = [p for p in sorted(place.iterdir()) if (p / PICTURES).is_dir() and not (p / FILE).exists()]
        if unfinished:
            return unfinished[-1]
    return place / utc_now().strftime("%Y-%m-%dT%H-%M-%SZ")


def measure_gammas(devices: ConnectedRig, reporter: Reporter) -> dict[str, Response]:
    """Measure the response of every projector by the first infrared camera of its group; by projector.

    Something bright and matt must stand still before each group.
    """
    devices.prepare("", "board", 1)
    bursts = take_bursts(
        devices, response_sequence(), on_group=lambda name: reporter.progress(0.5, f"levels of {name}")
    )
    found = {}
    for group in devices.rig.groups:
        frames, sensor = bursts[group.infrared[0].name], group.infrared[0].sensor
        found[group.projector.name] = measure_response(frames, LEVELS, white_level(frames, sensor.white_level))
    return found


def pictures_in(folder: Path) -> list[Picture]:
    """Return the pictures of a folder ``CAMERA/0001.png``, or of a calibration's folder, in order.

    Raises
    ------
    UsageError
        There are none.
    """
    root = folder / PICTURES if (folder / PICTURES).is_dir() else folder
    found = []
    for camera in sorted(p for p in root.iterdir() if p.is_dir()) if root.is_dir() else []:
        for file in sorted(camera.iterdir()):
            match = NUMBER.match(file.name)
            if match:
                found.append(Picture(camera.name, int(match[1]), partial(read_image, file)))
    if not found:
        raise UsageError(
            f"{folder} holds no pictures of a board; expected CAMERA/0001.png and so on, one folder a camera"
        )
    return found


def find_boards_in(folder: Path, target: BoardTarget, reporter: Reporter) -> list[BoardView]:
    """Return what the pictures of a folder show of the board."""
    pictures = pictures_in(folder)

    def told(done: int, view: BoardView) -> None:
        why = f": {view.refusal}" if view.refusal and len(view) else ""
        reporter.progress(done / len(pictures), f"{view.camera}, picture {view.pose}{why}")

    return find_boards(target, pictures, told)


def calibrate_folder(
    folder: Path,
    target: BoardTarget,
    reporter: Reporter | None = None,
    *,
    rig: str = "rig",
    like: Rig | None = None,
    measured: bool = False,
    same_scale: bool = True,
    made_by: str = "",
    temperature_c: float | None = None,
    views: Sequence[BoardView] | None = None,
    out: Path | None = None,
) -> CalibrationResult:
    """Calibrate from pictures on the disk and write the calibration and its report beside them.

    Parameters
    ----------
    folder : Path
        With ``CAMERA/0001.png`` or ``pictures/CAMERA/0001.png``.
    target : BoardTarget
        What the pictures show, with measured lengths where they are known.
    reporter : Reporter, optional
        Told of progress; can stop the work.
    rig : str
        Its name.
    like : Rig, optional
        The rig as it was calibrated or drawn: names its groups, holds its frame, and tells a board of another size.
    measured : bool
        Whether ``like`` was calibrated, not only drawn.
    same_scale : bool
        Whether a size that disagrees with ``like`` is an error (else a warning).
    made_by, temperature_c : str, float
        For the report.
    views : sequence of BoardView, optional
        Corners that are known already.
    out : Path, optional
        Where to write (default: ``folder``).

    Returns
    -------
    CalibrationResult

    Raises
    ------
    UsageError
        There are no pictures.
    DataError
        The pictures do not suffice, or the board is another one; it says what to do.
    """
    reporter = reporter or Reporter()
    start = time.perf_counter()
    with reporter.part(0.0, 0.6):
        found = list(views) if views is not None else find_boards_in(folder, target, reporter)
    check_board(found, target)
    seats = seats_of(found, like)
    with reporter.part(0.6, 0.9):
        known = like if like is not None and like.calibration_id else None
        solution = solve_rig(found, target, seats, known, reporter.progress)
    warnings: tuple[str, ...] = ()
    if known is not None:
        check_wiring(solution, known)
        most = _SCALE_OFF if measured else _DRAWN_OFF
        warnings = check_scale(solution, known, target, most, strict=same_scale)
    moment = utc_now()
    hashes = {"corners": _hash_of(solution)}
    facts = Circumstances(
        rig,
        moment.isoformat(timespec="seconds").replace("+00:00", "Z"),
        made_by,
        temperature_c,
        time.perf_counter() - start,
        hashes,
    )
    reporter.progress(0.92, "writing the report")
    report = calibration_report(solution, found, facts)
    report = Report(report.metrics, report.provenance, (*warnings, *report.warnings), report.extra)
    identity = f"{Path(rig).stem}-{moment:%Y%m%dT%H%M%SZ}-{hashes['corners'][:8]}"
    extra = calibration_extra(solution, facts)
    file = CalibrationFile(identity, facts.made_at, made_by, rig, solution.cameras, {}, extra)
    place = out or folder
    write_bytes(place / PAGE, calibration_page(solution, found, report, facts).encode())
    write_report(place / REPORT, report)
    write_calibration(place / FILE, file)  # last: a folder with it is complete
    for name, kind in ((FILE, "json"), (REPORT, "json"), (PAGE, "html")):
        reporter.artifact(place / name, kind)
    reporter.progress(1.0, "calibrated")
    return CalibrationResult(place, file, solution, found, report)


def _hash_of(solution: Solution) -> str:
    told = [(v.camera, v.pose, v.ids.tolist(), v.pixels.round(4).tolist()) for v in solution.views]
    return hashlib.sha256(json.dumps([told, solution.target.name]).encode()).hexdigest()


def seats_of(views: Sequence[BoardView], like: Rig | None) -> list[CameraSeat]:
    """Return where the cameras of some pictures belong: as the rig says, else as their names do.

    Raises
    ------
    UsageError
        The rig does not know a camera, or a camera of the rig has no pictures.
    """
    names = sorted({v.camera for v in views})
    if like is None:
        return [seat_of(name) for name in names]
    seats = []
    for group in like.groups:
        seats += [CameraSeat(c.name, group.name, "ir") for c in group.infrared]
        seats += [CameraSeat(group.rgb.name, group.name, "rgb")] if group.rgb is not None else []
    unknown = sorted(set(names) - {s.name for s in seats})
    if unknown:
        raise UsageError(f"the rig has no camera {unknown[0]}; it has {', '.join(s.name for s in seats)}")
    missing = [s.name for s in seats if s.name not in names]
    if missing:
        raise UsageError(f"there are no pictures of {', '.join(missing)}; take the poses with all cameras of the rig")
    return seats


def check_board(views: Sequence[BoardView], target: BoardTarget) -> None:
    """Refuse pictures of another board.

    Raises
    ------
    DataError
        Most pictures with markers do not fit the board.
    """
    shown = [v for v in views if len(v) or "markers" in v.refusal]
    wrong = [v for v in shown if "another board" in v.refusal or "but only" in v.refusal]
    if shown and len(wrong) > len(shown) / 2:
        raise DataError(
            f"{len(wrong)} of {len(shown)} pictures show another board than {target.name}; "
            "count its squares and say so with --board COLUMNSxROWSxMM"
        )


def check_wiring(solution: Solution, like: Rig) -> None:
    """Refuse cameras whose cables are exchanged.

    Raises
    ------
    DataError
        It names the two.
    """
    swapped = swapped_cables(solution.cameras, like)
    if swapped is not None:
        raise DataError(
            f"{swapped[0]} and {swapped[1]} show each other's picture: each stands where the other should. "
            "Change their cables back, or exchange the folders of their pictures"
        )


def check_scale(solution: Solution, like: Rig, target: BoardTarget, most: float, *, strict: bool) -> tuple[str, ...]:
    """Compare the distances between cameras with those of an earlier calibration.

    Raises
    ------
    DataError
        They differ by what only another size of the squares explains, and ``strict``.
    """
    ratio = scale_against(solution, like)
    if not abs(ratio - 1) > most:
        return ()
    text = (
        f"all distances between the cameras came out {abs(ratio - 1):.2%} {'larger' if ratio > 1 else 'smaller'} than "
        f"before: the squares of the board are probably {target.square_mm / ratio:.3f} mm and not "
        f"{target.square_mm:g} mm. Measure the board and give its lengths with --measured"
    )
    if strict:
        raise DataError(f"{text}; or add --new-scale where the rig was really built anew")
    return (text,)
