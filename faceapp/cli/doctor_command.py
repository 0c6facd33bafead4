"""``faceapp doctor``."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("folder", type=Path, nargs="?", default=Path(), help="where projects will lie (default: here)")
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Print the findings; status 1 if something that the program needs is missing."""
    from faceapp.app.doctor import examine

    findings = examine(options.folder)
    signs = {"good": "ok     ", "missing": "MISSING", "note": "note   "}
    text = "\n".join(f"{signs[f.state]} {f.what}: {f.text}" for f in findings)
    console.result({"findings": [asdict(f) for f in findings]}, text)
    return 1 if any(f.state == "missing" for f in findings) else 0
