"""``faceapp``: find the command, run it, turn its end into an exit status."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import importlib
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence

import faceapp
from faceapp.cli.console import Console
from faceapp.core.allocator import keep_freed_memory
from faceapp.core.errors import Cancelled, FaceappError, UsageError

COMMANDS = {
    "demo": "the whole journey on the simulated rig, with no display if need be",
    "new": "make a project",
    "subject": "add a subject to a project, or change one",
    "capture": "capture a subject into a project",
    "live": "scan a group live and say how fast",
    "sample": "accept, retake, move or register a take; make samples of files",
    "decode": "frames of a capture bundle to point clouds and depth images",
    "fuse": "clouds of the groups to one cloud and a mesh",
    "landmarks": "landmark files in and out, 2D to 3D, a first guess",
    "register": "a template onto scans",
    "review": "the queue of registrations, verdicts, agreement of reviewers, tables and a page of all",
    "template": "make a registration template of a mesh",
    "reconstruct": "a face from photographs",
    "model": "train the networks that ship with the program anew",
    "measure": "distances between two surfaces or landmark sets",
    "info": "tell what a project, sample, bundle, mesh or landmark file holds",
    "verify": "read everything to the last frame and name every fault",
    "calibrate": "a rig from pictures of a board; check it; print the board",
    "devices": "list the drivers and try a rig",
    "plugins": "list the plugins and check them",
    "index": "make a project's index anew from its folders",
    "doctor": "check this machine and say what is missing",
}
"""Command names and their one-line helps, so that ``--help`` imports nothing heavy."""


def run() -> None:
    """Entry point of the ``faceapp`` program."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a path may hold what the terminal cannot show
    keep_freed_memory()
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status: 0, 1 failed, 2 usage, 3 device, 4 plugin, 130 stopped."""
    os.environ.setdefault("NUMBA_THREADING_LAYER", "omp")  # the default layer aborts when two threads call at once
    if arguments and arguments[0] not in COMMANDS and not arguments[0].startswith("-"):
        return _open_window(arguments)
    if not arguments:
        return _open_window(arguments)
    return _run_command(arguments)


def _run_command(arguments: Sequence[str]) -> int:
    parser = _parser(arguments[0] if arguments[0] in COMMANDS else None)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    console = Console(getattr(options, "json", False))
    try:
        with _terminable():
            return int(options.run(options, console))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # whoever read our lines has gone; the flush at the end too
        return 1
    except (Exception, KeyboardInterrupt) as error:
        text, status = _sentence(error)
        console.failure(text, status)
        return status


def _sentence(error: BaseException) -> tuple[str, int]:
    """What a person reads of an error, and the exit status."""
    if isinstance(error, FaceappError):
        return str(error), error.exit_status
    if isinstance(error, KeyboardInterrupt):
        return "stopped; nothing half-written is left", Cancelled.exit_status
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {error.strerror}. Check the path, the rights and the disk, then try again", 1
    if isinstance(error, MemoryError):
        return "the memory does not suffice; close other programs, or take a smaller input", 1
    if os.environ.get("FACEAPP_DEBUG"):
        raise error
    told = f"{type(error).__name__}: {error}"
    return f"a fault of faceapp itself ({told}); please report it. FACEAPP_DEBUG=1 shows where it happened", 1


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Let a termination clean up as Ctrl+C does: a cluster that ends a job sends it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _open_window(arguments: Sequence[str]) -> int:
    window = importlib.import_module("faceapp.cli.window")
    console = Console(as_json=False)
    try:
        if len(arguments) > 1:
            near = difflib.get_close_matches(arguments[0], COMMANDS, 1)
            hint = f"did you mean {near[0]}?" if near else "see: faceapp --help"
            raise UsageError(f"{arguments[0]} is no command; {hint}")
        return int(window.run(arguments, console))
    except FaceappError as error:
        console.error(str(error))
        return error.exit_status


def _parser(wanted: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="faceapp",
        description="Capture, landmark annotation, registration and review for 3D face laboratories.",
        epilog="faceapp [PROJECT] opens the window. faceapp COMMAND --help tells more of a command. "
        "Exit status: 0 done, 1 failed, 2 wrong usage, 3 a device, 4 a plugin, 130 stopped.",
    )
    parser.add_argument("--version", action="version", version=f"faceapp {faceapp.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    for name, text in COMMANDS.items():
        sub = commands.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
        if name == wanted:
            module = importlib.import_module(f"faceapp.cli.{name}_command")
            sub.set_defaults(run=module.run)
            module.configure(sub)
    return parser


def add_json_option(parser: argparse.ArgumentParser) -> None:
    """Add ``--json`` to a command."""
    parser.add_argument(
        "--json", action="store_true", help="one JSON object a line on standard output; the last is the result"
    )
