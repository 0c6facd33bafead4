"""Several inputs in one command: the good ones are done, the bad ones named."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.core.errors import Cancelled, FaceappError, UsageError


def output_folders(paths: Sequence[Path], out: Path | None, suffix: str) -> dict[Path, Path]:
    """Return where the result of each input goes: ``DIR/`` for one, ``DIR/NAME/`` for several.

    An input that is named twice counts once. Inputs of the same name are told apart by the folders that they lie in,
    and where that does not suffice, by a number.
    """
    unique: dict[Path, Path] = {}
    for path in paths:
        unique.setdefault(path.resolve(), path)
    inputs = list(unique.values())
    if out is not None and len(inputs) == 1:
        return {inputs[0]: out}
    names = [_name(path)[-1] for path in inputs]
    names = ["-".join(_name(path)) if names.count(name) > 1 else name for path, name in zip(inputs, names, strict=True)]
    folders: dict[Path, Path] = {}
    for i, (path, name) in enumerate(zip(inputs, names, strict=True)):
        numbered = f"{name}-{names[: i + 1].count(name)}" if names.count(name) > 1 else name
        folders[path] = Path(f"{numbered}-{suffix}") if out is None else out / numbered
    return folders


def _name(path: Path) -> tuple[str, str]:
    """The name of the folder that an input lies in, and its own."""
    place = path.resolve() if path.name in ("", "..") else path.absolute()
    while place.name in ("capture.json", "capture"):
        place = place.parent
    own = place.name if place.is_dir() else place.stem
    return place.parent.name, own


def add_project_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--project`` to a command."""
    parser.add_argument(
        "--project", type=Path, help="project whose samples the inputs name, such as S0001/smile/1 (default: paths)"
    )


def find_inputs(paths: Sequence[Path], project: Path | None, landmarks: Sequence[Path] = ()) -> list[Path]:
    """Return the paths of the inputs; with a project, those that do not exist are names of its samples.

    Raises
    ------
    UsageError
        There is no such sample, or several inputs share landmarks.
    """
    if landmarks and len({path.resolve() for path in paths}) > 1:
        raise UsageError("--landmarks are those of one input; give the inputs one at a time")
    if project is None:
        return list(paths)
    from faceapp.store.project import Project

    with Project.open(project, read_only=True) as opened:
        return [p if p.exists() else opened.sample_folder(opened.find_sample(str(p))) for p in paths]


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
    folders = output_folders(paths, out, suffix)
    for i, (path, folder) in enumerate(folders.items()):
        try:
            with console.reporter.part(i / len(folders), (i + 1) / len(folders)):
                done[str(path)] = act(path, folder)
        except Cancelled:
            raise
        except FaceappError as error:
            console.error(str(error))
            failed[str(path)] = str(error)
            status = error.exit_status if len(folders) == 1 else 1
    text = "\n".join(f"{path}: {_line(result)}" for path, result in done.items())
    console.result({"done": done, "failed": failed, "exit_status": status}, text)
    return status


def _line(result: object) -> str:
    if not isinstance(result, dict):
        return str(result)
    parts = []
    for key, value in result.items():
        if isinstance(value, dict) and any(isinstance(v, dict) for v in value.values()):
            continue  # a table: for --json, and in the report
        if isinstance(value, dict):
            parts.append(", ".join(f"{k} {_short(v)}" for k, v in value.items()))
        else:
            parts.append(f"{key} {_short(value)}")
    return "; ".join(part for part in parts if part)


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def add_plugin_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--plugin``, ``--preset`` and ``--set`` to a command."""
    parser.add_argument("--plugin", help="which plugin (default: the first of the stage; see faceapp plugins)")
    parser.add_argument("--preset", help="of the plugin: a named set of its parameters (see faceapp plugins)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a parameter of the plugin (repeat)"
    )


def plugin_values(settings: Sequence[str], preset: str | None = None) -> dict[str, object]:
    """Return parameter values of ``KEY=VALUE`` texts, over a preset.

    Raises
    ------
    UsageError
        One has no ``=``.
    """
    values: dict[str, object] = {} if preset is None else {"preset": preset}
    for setting in settings:
        key, sign, value = setting.partition("=")
        if not sign or not key:
            raise UsageError(f"--set {setting}: expected KEY=VALUE, such as --set cell=0.8")
        values[key.strip()] = value.strip()
    return values
