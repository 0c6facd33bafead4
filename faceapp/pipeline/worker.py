"""The worker's side: a process that runs one job after the other and speaks over a local socket.

Started as ``python -m faceapp.pipeline.worker ADDRESS`` with the key on its standard input. What travels are
values between two processes of one program; nothing is read from a file that somebody else wrote.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
import traceback
from multiprocessing.connection import Client, Connection
from pathlib import Path
from typing import Any

from faceapp.core.errors import FaceappError
from faceapp.pipeline.contract import Job
from faceapp.pipeline.limits import exhausted, limit_this_process
from faceapp.pipeline.parameters import build
from faceapp.pipeline.registry import get_plugin


def serve(address: str, key: bytes) -> None:
    """Run jobs until the other side goes away."""
    limit_this_process()
    with Client(address, authkey=key) as connection:
        while True:
            try:
                request = connection.recv()
            except (EOFError, OSError):
                return
            kind, *rest = request
            if kind == "call":
                _call(connection, *rest)
            else:
                _run(connection, *rest)


def _run(connection: Connection, stage: str, name: str, value: Any, parameters: dict[str, Any], seed: int) -> None:
    def report(kind: str, done: float, text: str) -> None:
        connection.send((kind, done, text))

    try:
        plugin = get_plugin(stage, name)
        with tempfile.TemporaryDirectory(prefix="faceapp-job-") as scratch:
            job = Job(report, Path(scratch), seed)
            result = plugin.function(job, value, build(plugin.parameters, parameters))
        connection.send(("result", 1.0, result))
    except Exception as error:  # whatever a plugin raises is shown and survived
        _tell(connection, error)


def _tell(connection: Connection, error: Exception) -> None:
    """Send an error; one that says that this process has used up what it may have ends it at the other side."""
    if isinstance(error, FaceappError):
        connection.send(("error", 0.0, (str(error), "")))
        return
    used_up = exhausted(error)
    details = traceback.format_exc()
    connection.send(("used up" if used_up else "error", 0.0, (used_up or f"{type(error).__name__}: {error}", details)))


def _call(connection: Connection, target: str, arguments: tuple[Any, ...]) -> None:
    """Run a function of the program itself that must not run in the window's process, such as a rendering."""
    try:
        module, name = target.split(":")
        connection.send(("result", 1.0, getattr(importlib.import_module(module), name)(*arguments)))
    except Exception as error:  # as for plugins
        _tell(connection, error)


if __name__ == "__main__":
    serve(sys.argv[1], sys.stdin.buffer.read(32))
