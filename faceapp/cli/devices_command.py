"""``faceapp devices [RIG]``."""

from __future__ import annotations

import argparse

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "rig", nargs="?", help="connect this rig and list its devices (a driver, a rig file or a bundle)"
    )
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """List the drivers, or connect a rig and list its devices."""
    from faceapp.devices.registry import driver_names, load_driver

    if options.rig is None:
        drivers = {name: load_driver(name).title for name in driver_names()}
        console.result({"drivers": drivers}, "\n".join(f"{name}: {title}" for name, title in drivers.items()))
        return 0
    from faceapp.app.rigs import connect_described_rig

    devices = connect_described_rig(options.rig)
    try:
        cameras = [vars(c.info) for c in devices.cameras.values()]
        projectors = [{k: v for k, v in vars(p.info).items() if k != "stored"} for p in devices.projectors.values()]
    finally:
        devices.close()
    lines = [
        f"{c['group']}/{c['name']}: {c['role']}, {c['width']} x {c['height']}, {c['bits']} bit, {c['driver']}"
        for c in cameras
    ]
    lines += [
        f"{p['group']}/{p['name']}: projector, {p['driver']}, at most {p['longest_sequence']} exposures"
        for p in projectors
    ]
    console.result({"cameras": cameras, "projectors": projectors}, "\n".join(lines))
    return 0
