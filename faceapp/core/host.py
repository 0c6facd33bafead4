"""The computer under the program, its clock and its disk, and the place where their troubles can be ordered.

Nothing is ever ordered but by a simulated rig, for trying out what becomes of a capture then.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path


class _Host:
    """What was ordered, for the whole process: there is one computer."""

    def __init__(self) -> None:
        self.clock_off = timedelta()
        self.disk: Callable[[Path], None] | None = None


_HOST = _Host()


def wall_clock() -> datetime:
    """Return the time in UTC, as the computer's clock says it."""
    return datetime.now(UTC) + _HOST.clock_off


def before_write(file: Path) -> None:
    """Hear that a file or a folder is about to be written; raises the `OSError` of a disk that was told to fail."""
    if _HOST.disk is not None:
        _HOST.disk(file)


def order_clock(seconds: float) -> None:
    """Let the clock be off by so many seconds; 0 puts it right."""
    _HOST.clock_off = timedelta(seconds=seconds)


def order_disk(act: Callable[[Path], None] | None) -> None:
    """Let something happen before each write; ``None`` makes the disk whole again."""
    _HOST.disk = act
