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
    parser.add_argument("--rig", default="simulated", help="rig that captures use (default: simulated)")
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Make a project."""
    from faceapp.store.project import Project

    Project.create(options.project, name=options.name, rig=options.rig).close()
    console.result(
        {"project": str(options.project)}, f"made {options.project}; next: faceapp subject add {options.project}"
    )
    return 0
