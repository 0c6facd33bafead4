"""``faceapp measure A B [--region NAME] [--align none|rigid|similarity]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("first", type=Path, metavar="A", help="surface, cloud or landmark file that is measured")
    parser.add_argument("second", type=Path, metavar="B", help="surface or landmark file that it is measured against")
    parser.add_argument("--region", help="face, or a part of the template such as nose (default: all of A)")
    parser.add_argument(
        "--align", default="none", choices=("none", "rigid", "similarity"), help="what may move A first"
    )
    parser.add_argument("--out", type=Path, help="folder for report.json and distance.png (default: A-measured here)")
    parser.add_argument("--force", action="store_true", help="write over an earlier result")
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Measure A against B."""
    from faceapp.app.measuring import measure_to_folder

    out = options.out or Path(f"{options.first.stem}-measured")
    report = measure_to_folder(
        options.first, options.second, out, region=options.region, align=options.align, force=options.force
    )
    for warning in report.warnings:
        console.reporter.warning(warning)
    lines = [f"{m.name}: {_told(m.value, m.unit)} ({m.count:,})" for m in report.metrics]
    lines.append(f"out {out}")
    console.result({"metrics": {m.name: m.value for m in report.metrics}, "out": str(out)}, "\n".join(lines))
    return 0


def _told(value: float | str | None, unit: str) -> str:
    if value is None:
        return "none"
    text = f"{value:.4f}" if isinstance(value, float) else value
    return text if unit in ("", "1") else f"{text} {unit}"
