"""``faceapp live [RIG] [--group middle] [--seconds 5] [--fringes one] [--out cloud.ply]``."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "rig", nargs="?", default="simulated", help="a driver, a rig file or a bundle to replay (default: simulated)"
    )
    parser.add_argument("--group", default="", help="which camera group (default: the middle one)")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long (default 5)")
    parser.add_argument("--step", type=int, default=2, help="use every so many columns and rows (default 2)")
    parser.add_argument(
        "--fringes",
        choices=("all", "one"),
        default="all",
        help="all: every frequency of the sequence; one: the finest alone, the calibration tells the rest "
        "(a third of the frames, of the time and of the motion; default all)",
    )
    parser.add_argument("--out", type=Path, help="write the last cloud to this PLY file")
    parser.add_argument("--force", action="store_true", help="replace an earlier file")
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Scan live and say how it ran."""
    from faceapp.app.live_scanning import scan_live
    from faceapp.app.outputs import check_file
    from faceapp.app.rigs import connect_described_rig
    from faceapp.formats.ply import write_cloud

    if options.out is not None:
        check_file(options.out, force=options.force)
    console.reporter.progress(0.0, "connecting the rig")
    devices = connect_described_rig(options.rig)
    try:
        console.reporter.progress(0.0, "preparing the rig")
        devices.prepare("", "neutral", 1)
        summary = scan_live(
            devices,
            options.group,
            options.seconds,
            step=options.step,
            one_frequency=options.fringes == "one",
            reporter=console.reporter,
        )
    finally:
        devices.close()
    last, rates = summary.last, summary.last.rates
    assert last.cloud is not None
    if options.out is not None:
        write_cloud(options.out, last.cloud)
        console.reporter.artifact(options.out, "ply")
    figures = {k: None if math.isnan(v) else round(v, 3) for k, v in asdict(rates).items()}
    text = (
        f"{last.group}: {rates.clouds_hz:.1f} clouds a second of {len(last.cloud):,} points, "
        f"{rates.frames_hz:.0f} frames a second, {rates.dropped} dropped, {1000 * rates.age_s:.0f} ms old\n"
        f"processor: this program {rates.decoder:.0%} of a core, the rig itself {rates.rig:.0%}"
    )
    console.result({"group": last.group, "clouds": summary.clouds, "points": len(last.cloud), **figures}, text)
    return 0
