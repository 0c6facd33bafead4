"""One project, one writer: a lock that the system takes back when its holder dies."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from faceapp.core.errors import ProjectError

try:
    import fcntl
except ImportError:  # Windows has no fcntl; msvcrt locks a byte of the file instead
    fcntl = None  # type: ignore[assignment]


class WriteLock:
    """Holds a project for writing.

    Parameters
    ----------
    file : Path
        The lock file; its content says who holds it.

    Raises
    ------
    ProjectError
        Another process holds it; the message says which, where, and since when.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._stream: IO[str] = file.open("a+", encoding="utf-8")
        except OSError as error:
            raise ProjectError(f"{file.parent} cannot be written: {error.strerror}. Open it read-only") from error
        try:
            _lock(self._stream)
        except OSError:
            self._stream.close()
            raise ProjectError(
                f"{file.parent} is open for writing in another window ({_holder(file)}). "
                "Close that one, or open this project read-only"
            ) from None
        self._stream.seek(0)
        self._stream.truncate()
        json.dump(
            {
                "host": socket.gethostname(),
                "process": os.getpid(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
            },
            self._stream,
        )
        self._stream.flush()

    def release(self) -> None:
        """Give the project back; twice does no harm."""
        if not self._stream.closed:
            self._stream.seek(0)
            self._stream.truncate()
            self._stream.close()


def _lock(stream: IO[Any]) -> None:
    if fcntl is not None:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return
    import msvcrt

    msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)


def _holder(file: Path) -> str:
    with contextlib.suppress(OSError, ValueError, KeyError):
        data = json.loads(file.read_text(encoding="utf-8"))
        return f"on {data['host']}, process {data['process']}, since {data['since']}"
    return "another process"
