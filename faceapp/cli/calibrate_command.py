"""``faceapp calibrate RIG|FOLDER``, ``faceapp calibrate check RIG|FOLDER``, ``faceapp calibrate board OUT.pdf``."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option

if TYPE_CHECKING:
    from faceapp.calibration.target import BoardTarget
    from faceapp.core.rig import Rig
    from faceapp.formats.calibration_files import CalibrationFile

_BOARD = "14x11x15"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.usage = (
        "faceapp calibrate RIG|FOLDER [options]\n"
        "       faceapp calibrate check RIG|FOLDER --calibration FILE [options]\n"
        "       faceapp calibrate gamma RIG [--calibration FILE]\n"
        "       faceapp calibrate projector BUNDLE --calibration FILE\n"
        "       faceapp calibrate board OUT.pdf [--board 14x11x15] [--paper A4]"
    )
    parser.add_argument(
        "what",
        nargs="+",
        help="a rig (driver, rig file, bundle) that takes pictures of the board, or a folder with CAMERA/0001.png; "
        "check before it asks whether the rig is still as it was, gamma measures its projectors; projector and a "
        "capture bundle calibrate the projectors from phase; board and a PDF print the board",
    )
    parser.add_argument("--board", help=f"squares across, squares down, millimetres of a square (default {_BOARD})")
    parser.add_argument(
        "--measured", metavar="WIDTH,HEIGHT", help="the printed board's squares from end to end, mm, as you measured"
    )
    parser.add_argument("--poses", type=int, help="poses in all (default 40; 3 for a check)")
    parser.add_argument("--every", type=float, metavar="SECONDS", help="take a pose every so often, without asking")
    parser.add_argument("--out", type=Path, help="folder of the calibration (default: calibrations/RIG/UTC)")
    parser.add_argument("--project", type=Path, help="put it into this project and use it there from now on")
    parser.add_argument(
        "--calibration", type=Path, help="an earlier calibration: its frame stays, its size is compared"
    )
    parser.add_argument("--new-scale", action="store_true", help="the rig was built anew: distances may all be others")
    parser.add_argument("--by", default="", help="initials of who calibrates")
    parser.add_argument("--temperature", type=float, help="of the room, in degrees Celsius, for the report")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="an option of the rig (repeat)")
    parser.add_argument("--paper", default="A4", help="of the board's PDF: A4, A3, A2, letter or tabloid")
    parser.add_argument("--force", action="store_true", help="write over an earlier calibration or PDF")
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Do what the first word says."""
    from faceapp.core.errors import UsageError

    first = options.what[0]
    acts: dict[str, Callable[[argparse.Namespace, Path | str, Console], int]] = {
        "board": _board,
        "check": _check,
        "gamma": _gamma,
        "projector": _projector,
    }
    act = acts.get(first)
    rest = options.what[1:] if act else options.what
    if len(rest) != 1:
        raise UsageError(
            "one rig, folder or file is expected: faceapp calibrate RIG, calibrate check RIG, calibrate gamma RIG, "
            "calibrate projector BUNDLE, calibrate board PDF"
        )
    return (act or _calibrate)(options, rest[0], console)


def _board(options: argparse.Namespace, out: Path | str, console: Console) -> int:
    from faceapp.app.outputs import check_file
    from faceapp.calibration.board_pdf import board_pdf
    from faceapp.formats.atomic import write_bytes

    target = _target(options, None)
    check_file(Path(out), force=options.force)
    write_bytes(Path(out), board_pdf(target, options.paper))
    width, height = target.size_mm
    console.result(
        {"pdf": str(out), "board": target.name, "width_mm": width, "height_mm": height},
        f"wrote {out}: {target.name}. Print it at 100 %, measure the squares from end to end "
        f"({width:g} and {height:g} mm if the printer is true) and give what you measure with --measured",
    )
    return 0


def _calibrate(options: argparse.Namespace, source: Path | str, console: Console) -> int:
    from faceapp.app.calibrating import calibrate_folder, new_calibration_folder, pictures_in
    from faceapp.app.calibration_use import use_calibration
    from faceapp.app.outputs import check_file
    from faceapp.app.pose_taking import PICTURES
    from faceapp.formats.calibration_files import FILE
    from faceapp.store.project import Project

    earlier = _earlier(options)
    target = _target(options, earlier)
    root = (options.project or Path()) / "calibrations"
    is_folder = _is_folder(source)
    name = Path(source).name if is_folder else str(source)
    folder = options.out or (Path(source) if is_folder and not options.project else new_calibration_folder(root, name))
    check_file(folder / FILE, force=options.force)
    like: Rig | None = None
    if is_folder:
        pictures_in(Path(source))
        like = _rig_of(earlier)
    else:
        like = _take(options, str(source), folder, earlier, console, target)
    with console.reporter.part(0.0 if is_folder else 0.5, 1.0):
        result = calibrate_folder(
            Path(source) if is_folder else folder,
            target,
            console.reporter,
            rig=Path(name).stem,
            like=like,
            measured=earlier is not None,
            same_scale=not options.new_scale,
            made_by=options.by,
            temperature_c=options.temperature,
            out=folder,
        )
    for warning in result.report.warnings:
        console.reporter.warning(warning)
    if options.project is not None:
        with Project.open(options.project) as project:
            use_calibration(project, result.folder / FILE)
    told = ("reprojection_rms", "length_error_rms", "flatness_rms", "board_bow", "poses")
    figures = {m.name: m.value for m in result.report.metrics}
    lines = [
        f"{m.name}: {m.value:.4g} {m.unit}" for m in result.report.metrics if m.name in told and m.value is not None
    ]
    console.result(
        {"out": str(result.folder), "calibration": result.file.id, "pictures": PICTURES, "metrics": figures},
        "\n".join([*lines, f"wrote {result.folder / FILE}"]),
    )
    return 0


def _take(
    options: argparse.Namespace,
    rig: str,
    folder: Path,
    earlier: CalibrationFile | None,
    console: Console,
    target: BoardTarget,
) -> Rig:
    """Take the pictures of a rig's poses; returns the rig as it was known."""
    from faceapp.app.pose_taking import take_poses
    from faceapp.app.rigs import connect_described_rig

    console.reporter.progress(0.0, "connecting the rig")
    settings = _settings(options)
    if rig == "simulated":  # somebody holds the board before it, as before any rig
        settings = {"target": "board", **settings}
    devices = connect_described_rig(rig, settings)
    try:
        with console.reporter.part(0.0, 0.5):
            take_poses(devices, folder, options.poses or 40, console.reporter, _waiter(options), target)
        return devices.rig if earlier is None else earlier.of_rig(devices.rig)
    finally:
        devices.close()


def _check(options: argparse.Namespace, source: Path | str, console: Console) -> int:
    import tempfile

    from faceapp.app.calibrating import find_boards_in
    from faceapp.app.calibration_use import check_pictures, current_calibration
    from faceapp.core.errors import UsageError
    from faceapp.store.project import Project

    earlier = _earlier(options)
    if earlier is None and options.project is not None:
        with Project.open(options.project, read_only=True) as project:
            earlier = current_calibration(project)
    if earlier is None:
        raise UsageError("which calibration shall be checked? Name it with --calibration FILE or --project PROJECT")
    target = _target(options, earlier)
    with tempfile.TemporaryDirectory(prefix="faceapp-check-") as temporary:
        folder = Path(source)
        if not _is_folder(source):
            folder = Path(temporary)
            options.poses = options.poses or 3
            _take(options, str(source), folder, None, console, target)
        with console.reporter.part(0.5, 1.0):
            views = find_boards_in(folder, target, console.reporter)
        for view in views:
            if view.refusal and len(view):
                console.reporter.warning(f"{view.camera}, picture {view.pose}: {view.refusal}")
        answer = check_pictures(views, target, earlier)
    data: dict[str, Any] = {"verdict": answer.verdict, "cameras": list(answer.cameras), "text": answer.text}
    data |= {"misfit": answer.misfit, "errors_px": answer.errors_px, "square_mm": answer.square_mm}
    data["suspects"] = [vars(s) for s in answer.suspects]
    console.result(data, answer.text)
    return 0 if answer.is_good else 1


def _gamma(options: argparse.Namespace, source: Path | str, console: Console) -> int:
    from faceapp.app.calibrating import measure_gammas
    from faceapp.app.rigs import connect_described_rig
    from faceapp.formats.calibration_files import FILE, write_calibration

    earlier = _earlier(options)
    devices = connect_described_rig(str(source), _settings(options))
    try:
        found = measure_gammas(devices, console.reporter)
    finally:
        devices.close()
    if earlier is not None:
        earlier.extra["gamma"] = {name: r.gamma for name, r in found.items() if not r.is_linear}
        file = options.calibration / FILE if options.calibration.is_dir() else options.calibration
        write_calibration(file, earlier)
    lines = [
        f"{name}: gamma {r.gamma:.3f} ± {r.sigma:.3f}{', linear' if r.is_linear else ''}" for name, r in found.items()
    ]
    console.result({"gamma": {name: vars(r) for name, r in found.items()}}, "\n".join(lines))
    return 0


def _projector(options: argparse.Namespace, source: Path | str, console: Console) -> int:
    from faceapp.app.calibration_use import fit_projectors
    from faceapp.app.decoding import resolve_bundle
    from faceapp.core.errors import UsageError
    from faceapp.formats.calibration_files import FILE, write_calibration
    from faceapp.formats.capture_bundle import read_bundle

    earlier = _earlier(options)
    if earlier is None:
        raise UsageError("the projectors are kept in a calibration; name it with --calibration FILE")
    file = options.calibration / FILE if options.calibration.is_dir() else options.calibration
    found = fit_projectors(read_bundle(resolve_bundle(Path(source)), file))
    earlier.projectors.update({name: fit.optics for name, fit in found.items()})
    write_calibration(file, earlier)
    lines = [f"{name}: {fit.points:,} points, {fit.residual_px:.3f} px" for name, fit in found.items()]
    data = {name: {"points": fit.points, "residual_px": fit.residual_px} for name, fit in found.items()}
    console.result({"projectors": data, "calibration": str(file)}, "\n".join(lines))
    return 0


def _is_folder(source: Path | str) -> bool:
    from faceapp.devices.registry import driver_names
    from faceapp.formats.capture_bundle import FILE

    path = Path(source)
    return str(source) not in driver_names() and path.is_dir() and not (path / FILE).is_file()


def _waiter(options: argparse.Namespace) -> Callable[[int], None] | None:
    """Who waits for the board: a person at the terminal presses Enter, or the clock."""
    if options.every is not None:
        return lambda _: time.sleep(options.every)
    if not sys.stdin.isatty() or options.json:
        return None

    def ask(number: int) -> None:
        print(f"\nHold the board still for pose {number}, then press Enter ", end="", file=sys.stderr, flush=True)
        sys.stdin.readline()

    return ask


def _earlier(options: argparse.Namespace) -> CalibrationFile | None:
    from faceapp.formats.calibration_files import read_calibration

    return None if options.calibration is None else read_calibration(options.calibration)


def _rig_of(earlier: CalibrationFile | None) -> Rig | None:
    from faceapp.app.calibration_use import rig_of_calibration

    return None if earlier is None else rig_of_calibration(earlier)


def _target(options: argparse.Namespace, earlier: CalibrationFile | None) -> BoardTarget:
    """The board: as said, else that of the earlier calibration, else ours; corrected by what was measured."""
    from faceapp.app.calibration_use import board_of
    from faceapp.calibration.target import parse_board
    from faceapp.core.errors import UsageError

    known = board_of(earlier) if earlier is not None and options.board is None else None
    target = known or parse_board(options.board or _BOARD)
    if options.measured is None:
        return target
    try:
        width, height = (float(part) for part in options.measured.split(","))
    except ValueError:
        raise UsageError(
            f"--measured {options.measured}: width and height in mm are expected, such as 210.2,165.1"
        ) from None
    return target.with_measured(width, height)


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    from faceapp.cli.inputs import plugin_values

    return plugin_values(options.set)
