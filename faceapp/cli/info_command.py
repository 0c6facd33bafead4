"""``faceapp info PATH``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "path",
        type=Path,
        help="project, sample, capture bundle, result, mesh, picture, or .json of landmarks, template, report",
    )
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Tell what a path holds."""
    from faceapp.app.inspection import describe_path

    data = describe_path(options.path)
    console.result(data, "\n".join(_lines(data, "")))
    return 0


def _lines(data: dict[str, Any], indent: str) -> list[str]:
    lines: list[str] = []
    for key, value in data.items():
        title = key.replace("_", " ")
        if isinstance(value, dict):
            lines += [f"{indent}{title}:", *_lines(value, indent + "  ")]
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            lines.append(f"{indent}{title}: {len(value)}")
            for item in value:
                rest = [
                    f"{k} {', '.join(map(str, v)) if isinstance(v, list) else v}"
                    for k, v in item.items()
                    if v not in (None, [])
                ]
                lines.append(f"{indent}  {'; '.join(rest)}")
        elif isinstance(value, list):
            lines.append(f"{indent}{title}: {', '.join(map(str, value)) or 'none'}")
        else:
            lines.append(f"{indent}{title}: {value}")
    return lines
