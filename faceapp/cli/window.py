"""``faceapp [PROJECT]``: the window, or a sentence why there can be none."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.core.errors import UsageError


def run(arguments: Sequence[str], console: Console) -> int:
    """Open the window and return the exit status when it is closed.

    Parameters
    ----------
    arguments : sequence of str
        At most one: the folder of a project or of a capture bundle.
    console : Console
        For what goes wrong before there is a window.

    Raises
    ------
    UsageError
        The folder is neither a project nor a bundle.
    """
    parser = argparse.ArgumentParser(prog="faceapp", description="Open the window.")
    parser.add_argument("project", type=Path, nargs="?", help="folder of a project or of a capture bundle")
    options = parser.parse_args(list(arguments))
    project: Path | None = options.project
    if project is not None:
        project = project.resolve()
        if not any((project / name).is_file() for name in ("project.json", "capture.json", "capture/capture.json")):
            raise UsageError(
                f"{options.project} is neither a command, a project nor a capture bundle; "
                "see: faceapp --help, or make a project with: faceapp new FOLDER"
            )
    from faceapp.app.doctor import has_display, missing_debian_packages

    if not has_display():
        console.error(
            "no display, so no window can be shown; log in to a desktop, or use the commands (faceapp --help)"
        )
        return 1
    missing = missing_debian_packages()
    if missing:
        console.error(
            f"the window needs shared libraries that are missing; run: sudo apt-get install {' '.join(missing)}"
        )
        return 1
    from faceapp.gui.start import run_window

    return run_window(project)
