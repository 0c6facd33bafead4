"""``faceapp decode BUNDLE... [--out DIR]``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from faceapp.cli.console import Console
from faceapp.cli.inputs import add_project_option, each_input, find_inputs
from faceapp.cli.main import add_json_option

if TYPE_CHECKING:
    from faceapp.fringe.decode import DecodeSettings


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "bundles", nargs="+", type=Path, metavar="BUNDLE", help="a capture bundle or a sample of a project"
    )
    parser.add_argument(
        "--out", type=Path, help="folder for the clouds (default: NAME-decoded here); several inputs: OUT/NAME"
    )
    parser.add_argument("--calibration", type=Path, help="a calibration.json that stands in for the bundle's own")
    parser.add_argument(
        "--in-project",
        action="store_true",
        help="with --project and --calibration: replace the samples' own scans; what was made from them is stale",
    )
    parser.add_argument(
        "--smooth", action="store_true", help="points of a 5 x 5 plane fit: less noise, rounder details"
    )
    parser.add_argument(
        "--min-modulation",
        type=float,
        default=None,
        metavar="RATIO",
        help="of the white level, 0 to 1 (default 0.02: 5 of 255; 0.0314 where the noise of the sensor is not stated)",
    )
    parser.add_argument(
        "--depth-range",
        type=float,
        nargs=2,
        default=None,
        metavar=("NEAR", "FAR"),
        help="mm along the first camera's axis; asked for only where one fringe frequency and the calibration must do "
        "(default: about the rig's origin)",
    )
    parser.add_argument("--force", action="store_true", help="write over an earlier result")
    add_project_option(parser)
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Decode each bundle; the good ones are done, the bad ones named."""
    from faceapp.app.decoding import decode_to_folder
    from faceapp.core.errors import DecodeError, UsageError
    from faceapp.fringe.decode import DecodeSettings
    from faceapp.fringe.demodulation import PhaseLimits

    limits = PhaseLimits()
    if options.min_modulation is not None:
        if not 0 < options.min_modulation < 1:
            raise UsageError(f"--min-modulation {options.min_modulation}: expected a number between 0 and 1")
        limits = PhaseLimits(options.min_modulation, options.min_modulation)
    depth_range = None if options.depth_range is None else (options.depth_range[0], options.depth_range[1])
    settings = DecodeSettings(limits=limits, smooth=options.smooth, depth_range_mm=depth_range)

    def decode(path: Path, out: Path) -> dict[str, object]:
        decoded, report = decode_to_folder(
            path, out, settings, console.reporter, calibration=options.calibration, force=options.force
        )
        for warning in report.warnings:
            if warning not in decoded.complaints:
                console.reporter.warning(warning)
        for complaint in decoded.complaints:
            console.error(complaint)
        if not decoded.scans:
            raise DecodeError(f"{path}: no group could be decoded")
        if decoded.failures:
            raise DecodeError(
                f"{path}: {len(decoded.failures)} of {len(decoded.failures) + len(decoded.scans)} groups failed"
            )
        return {"groups": {name: len(scan.cloud) for name, scan in decoded.scans.items()}, "out": str(out)}

    if options.in_project:
        return _in_project(options, settings, console)
    paths = find_inputs(options.bundles, options.project)
    return each_input(paths, options.out, "decoded", decode, console)


def _in_project(options: argparse.Namespace, settings: DecodeSettings, console: Console) -> int:
    """Decode samples of a project anew, in their place."""
    from faceapp.app.calibration_use import recalibrate_sample
    from faceapp.core.errors import UsageError
    from faceapp.store.project import Project

    if options.project is None or options.calibration is None or options.out is not None:
        raise UsageError("--in-project needs --project and --calibration, and takes no --out")
    with Project.open(options.project) as project:
        samples = {project.sample_folder(s): s for s in (project.find_sample(str(p)) for p in options.bundles)}

        def decode(path: Path, _: Path) -> dict[str, object]:
            scan = recalibrate_sample(project, samples[path], options.calibration, settings, console.reporter)
            return {"scan": str(scan)}

        return each_input(list(samples), None, "decoded", decode, console)
