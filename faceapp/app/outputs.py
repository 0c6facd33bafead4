"""Where results go: a new folder, or the place of an earlier result; never over anything else."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from faceapp.core.errors import UsageError
from faceapp.formats.capture_bundle import FILE

_SOURCES = ("project.json", "subject.json", "sample.json", FILE)


def check_output(out: Path, inputs: Iterable[Path] = (), *, force: bool = False) -> None:
    """Refuse a folder that may not take a result, before the work begins.

    Parameters
    ----------
    out : Path
        Where the result shall go.
    inputs : iterable of Path
        What is read; a folder that holds one of them is never replaced.
    force : bool
        Whether an earlier result may be replaced. Only a result may: a folder with a ``report.json`` that is no
        project, subject, sample or capture.

    Raises
    ------
    UsageError
        The folder may not be written; the message says why and what to do.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise UsageError(f"{out} is a file; name a folder for the result with --out")
    if not any(out.iterdir()):
        return
    place = out.resolve()
    for path in inputs:
        if path.resolve().is_relative_to(place):
            raise UsageError(f"{out} holds the input {path}; choose another folder with --out")
    if not force:
        raise UsageError(f"{out} exists already; choose another folder, or add --force to write over it")
    if not (out / "report.json").is_file() or any((out / name).is_file() for name in _SOURCES):
        raise UsageError(
            f"{out} holds something else than an earlier result, so --force leaves it alone; choose another folder"
        )


def check_file(file: Path, *, force: bool = False) -> None:
    """Refuse a file that is there already, unless it may be replaced.

    Raises
    ------
    UsageError
        It exists, or it is a folder.
    """
    if file.is_dir():
        raise UsageError(f"{file} is a folder; name a file with --out")
    if file.exists() and not force:
        raise UsageError(f"{file} exists already; choose another place with --out, or add --force to write over it")
