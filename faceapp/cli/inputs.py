"""Several inputs in one command: the good ones are done, the bad ones named."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.core.errors import Cancelled, FaceappError, UsageError


def output_folder(path: Path, out: Path | None, suffix: str, count: int) -> Path:
    """Return where the result of one input goes: ``DIR/`` for one, ``DIR/NAME/`` for several."""
    name = path.resolve().parent.name if path.resolve().name in ("capture.json", "capture") else path.stem
    name = name or path.resolve().name
    if out is None:
        return Path(f"{name}-{suffix}")
    return out if count == 1 else out / name


def each_input(
    paths: Sequence[Path],
    out: Path | None,
    suffix: str,
    act: Callable[[Path, Path], dict[str, object]],
    console: Console,
) -> int:
    """Do the work for each input and print the result; return the exit status."""
    done: dict[str, object] = {}
    failed: dict[str, str] = {}
    status = 0
    for path in paths:
        try:
            done[str(path)] = act(path, output_folder(path, out, suffix, len(paths)))
        except Cancelled:
            raise
        except FaceappError as error:
            console.error(str(error))
            failed[str(path)] = str(error)
            status = error.exit_status if len(paths) == 1 else 1
    text = "\n".join(f"{path}: {_line(result)}" for path, result in done.items())
    console.result({"done": done, "failed": failed, "exit_status": status}, text)
    return status


def _line(result: object) -> str:
    if not isinstance(result, dict):
        return str(result)
    parts = []
    for key, value in result.items():
        if isinstance(value, dict):
            parts.append(", ".join(f"{k} {_short(v)}" for k, v in value.items()))
        else:
            parts.append(f"{key} {_short(value)}")
    return "; ".join(parts)


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def add_plugin_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--plugin`` and ``--set`` to a command."""
    parser.add_argument("--plugin", help="which plugin (default: the first of the stage; see faceapp plugins)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the plugin (repeat)"
    )


def plugin_values(settings: Sequence[str]) -> dict[str, object]:
    """Return parameter values of ``KEY=VALUE`` texts.

    Raises
    ------
    UsageError
        One has no ``=``.
    """
    values: dict[str, object] = {}
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not sign or not key:
            raise UsageError(f"--set {setting}: expected KEY=VALUE, such as --set cell=0.8")
        values[key.strip()] = value.strip()
    return values
