"""``faceapp verify PATH``."""

from __future__ import annotations

import argparse
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="projects, samples or capture bundles")
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Read everything and name every fault; status 1 if there is one."""
    from faceapp.app.inspection import verify_path

    faults: dict[str, list[str]] = {}
    for path in options.paths:
        faults[str(path)] = verify_path(path)
        for fault in faults[str(path)]:
            console.error(fault)
    whole = [path for path, found in faults.items() if not found]
    console.result({"faults": faults}, "\n".join(f"{path}: whole" for path in whole))
    return 0 if len(whole) == len(faults) else 1
