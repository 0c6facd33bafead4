"""``faceapp new PROJECT``."""

from __future__ import annotations

import argparse
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("project", type=Path, help="folder to make")
    parser.add_argument("--name", default="", help="what people call it (default: the folder's name)")
    parser.add_argument(
        "--rig", default="simulated", help="a driver, a rig file or a bundle to replay (default: simulated)"
    )
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Make a project."""
    from faceapp.app.rigs import describe_rig
    from faceapp.devices.registry import driver_names
    from faceapp.store.project import Project

    describe_rig(options.rig)
    rig = options.rig if options.rig in driver_names() else str(Path(options.rig).resolve())
    Project.create(options.project, name=options.name, rig=rig).close()
    console.result(
        {"project": str(options.project)}, f"made {options.project}; next: faceapp subject add {options.project}"
    )
    return 0
