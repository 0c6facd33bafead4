"""How commands speak: a bar or plain lines for people, one JSON object a line for programs; errors to stderr."""

from __future__ import annotations

import json
import math
import sys
from typing import Any

from faceapp.core.signals import ArtifactWritten, Event, Progress, Reporter, Result, Warned


class Console:
    """Prints events and results.

    Parameters
    ----------
    as_json : bool
        One JSON object a line on standard output.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._bar = not as_json and sys.stderr.isatty()
        self._last = ""
        self.reporter = Reporter(self.show)

    def show(self, event: Event) -> None:
        """Print one event."""
        match event:
            case Progress(done, text):
                self._progress(done, text)
            case Warned(text):
                self._emit({"event": "warning", "text": text}, f"warning: {text}", sys.stderr)
            case ArtifactWritten(path, kind):
                self._emit({"event": "artifact", "path": str(path), "kind": kind}, f"wrote {path}", sys.stdout)
            case Result(data):
                self.result(data, "")

    def _progress(self, done: float, text: str) -> None:
        if self.as_json:
            _print_json({"event": "progress", "done": round(done, 4), "text": text})
        elif self._bar:
            filled = round(30 * done)
            print(
                f"\r[{'#' * filled}{'.' * (30 - filled)}] {done:4.0%} {text:<44.44}",
                end="",
                file=sys.stderr,
                flush=True,
            )
        elif text != self._last:
            print(f"{done:4.0%} {text}", file=sys.stderr, flush=True)
        self._last = text

    def _emit(self, data: dict[str, Any], line: str, stream: Any) -> None:
        self.end_bar()
        if self.as_json:
            _print_json(data)
        else:
            print(line, file=stream, flush=True)

    def result(self, data: dict[str, Any], text: str) -> None:
        """Print the end: ``data`` for programs (the last line), ``text`` for people."""
        self.end_bar()
        if self.as_json:
            _print_json({"event": "result", **data})
        elif text:
            print(text, flush=True)

    def error(self, text: str) -> None:
        """Print what went wrong, to standard error."""
        self.end_bar()
        print(f"faceapp: {text}", file=sys.stderr, flush=True)

    def failure(self, text: str, exit_status: int) -> None:
        """Print why the command ended without a result; for programs that is the last line."""
        self.error(text)
        if self.as_json:
            _print_json({"event": "result", "error": text, "exit_status": exit_status})

    def end_bar(self) -> None:
        """Leave the line of the bar."""
        if self._bar and self._last:
            print(file=sys.stderr)
            self._last = ""


def _print_json(data: dict[str, Any]) -> None:
    unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    print(json.dumps(_plain(data), ensure_ascii=not unicode, allow_nan=False), flush=True)


def _plain(value: Any) -> Any:
    """The value with ``None`` for every number that JSON cannot hold."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
