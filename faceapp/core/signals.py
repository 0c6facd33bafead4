"""What long work says while it runs, and how it is stopped: the same events for the window and the command line."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from faceapp.core.errors import Cancelled


@dataclass(frozen=True)
class Progress:
    """How far the work is: ``done`` from 0 to 1, and what is being done."""

    done: float
    text: str


@dataclass(frozen=True)
class Warned:
    """Something that a person should know; the work goes on."""

    text: str


@dataclass(frozen=True)
class ArtifactWritten:
    """A file that is whole on the disk."""

    path: Path
    kind: str


@dataclass(frozen=True)
class Result:
    """The end of the work, as JSON values."""

    data: dict[str, Any] = field(default_factory=dict)


Event: TypeAlias = Progress | Warned | ArtifactWritten | Result
Listener: TypeAlias = Callable[[Event], None]


class Reporter:
    """Tells a listener what work does; every report of progress is a point at which it can be stopped.

    Parameters
    ----------
    listener : callable, optional
        Takes each event, on the thread that works.
    cancelled : threading.Event, optional
        Set by whoever wants the work to stop.
    """

    def __init__(self, listener: Listener | None = None, cancelled: threading.Event | None = None) -> None:
        self._listener = listener
        self.cancelled = cancelled or threading.Event()
        self._low, self._high = 0.0, 1.0

    def progress(self, done: float, text: str) -> None:
        """Report progress.

        Raises
        ------
        Cancelled
            Somebody wants the work to stop.
        """
        if self.cancelled.is_set():
            raise Cancelled("stopped; nothing half-written is left")
        share = self._low + (self._high - self._low) * min(max(done, 0.0), 1.0)
        self._send(Progress(share, text))

    def warning(self, text: str) -> None:
        """Report something that a person should know."""
        self._send(Warned(text))

    def artifact(self, path: Path, kind: str) -> None:
        """Report a file that is whole on the disk."""
        self._send(ArtifactWritten(path, kind))

    def result(self, data: dict[str, Any]) -> None:
        """Report the end."""
        self._send(Result(data))

    @contextmanager
    def part(self, low: float, high: float) -> Iterator[None]:
        """Count the progress inside the block from ``low`` to ``high`` of the whole."""
        before = self._low, self._high
        width = self._high - self._low
        self._low, self._high = self._low + width * low, self._low + width * high
        try:
            yield
        finally:
            self._low, self._high = before

    def _send(self, event: Event) -> None:
        if self._listener is not None:
            self._listener(event)
