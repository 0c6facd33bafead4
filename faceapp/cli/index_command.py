"""``faceapp index PROJECT``."""

from __future__ import annotations

import argparse
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("project", type=Path, help="folder of the project")
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Make the index anew from the folders."""
    from faceapp.store.project import Project

    with Project.open(options.project) as project:  # opening for writing is what makes the index anew
        count = len(project.samples())
        for problem in project.problems:
            console.reporter.warning(problem)
    console.result({"samples": count}, f"{options.project}: {count} samples")
    return 0
