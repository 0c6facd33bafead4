"""``faceapp decode BUNDLE... [--out DIR]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.inputs import add_project_option, each_input, find_inputs
from faceapp.cli.main import add_json_option


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

    paths = find_inputs(options.bundles, options.project)
    return each_input(paths, options.out, "decoded", decode, console)
