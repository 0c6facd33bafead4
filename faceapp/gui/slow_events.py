"""A developer's log of what held the interface up: each event that lasted too long, and what it was doing.

Switched on by the environment: ``FACEAPP_SLOW_EVENTS=FILE faceapp PROJECT`` writes a JSON object a line.
"""

from __future__ import annotations

import faulthandler
import json
import os
import re
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QWidget
from typing_extensions import override

VARIABLE = "FACEAPP_SLOW_EVENTS"
LIMIT_S = 0.05
"""What `design/interface.md` allows anything on the interface's thread."""
_SAMPLE_S = 0.01
_FRAMES = 12
_SCHEDSTAT = Path("/proc/thread-self/schedstat")
_PLACE = re.compile(r'File "(.+)", line (\d+) in (\S+)')


@dataclass(frozen=True)
class SlowEvent:
    """One event over the limit.

    Parameters
    ----------
    seconds : float
        Wall time; on a loaded machine others' work counts too.
    busy : float
        Processor time of the interface's thread alone, s.
    waited : float
        How long the thread could have run but another one had the processor, s; 0 where the system does not say.
        What is left of ``seconds`` it slept: for Python's lock, another thread, or the disk.
    event, receiver : str
        Type of the event and class (and name) of who got it.
    doing : tuple of str
        Where in the code it was, outermost first, when it was looked at last; empty where nobody could look.
    """

    seconds: float
    busy: float
    waited: float
    event: str
    receiver: str
    doing: tuple[str, ...] = ()


class WatchedApplication(QApplication):
    """An application that times each event.

    Parameters
    ----------
    arguments : sequence of str
        Of the command line.
    tell : callable
        Told of each `SlowEvent`, on the interface's thread.
    limit_s : float
        What is slow.
    """

    def __init__(self, arguments: Sequence[str], tell: Callable[[SlowEvent], object], limit_s: float = LIMIT_S) -> None:
        super().__init__(list(arguments))
        self._tell, self._limit = tell, limit_s
        self._depth = 0
        self._begun = 0.0
        self._doing: tuple[float, tuple[str, ...]] = (0.0, ())
        self._thread = threading.get_ident()
        threading.Thread(target=self._look, name="slow-events", daemon=True).start()

    @override
    def notify(self, receiver: QObject, event: QEvent) -> bool:
        if self._depth or threading.get_ident() != self._thread:
            return super().notify(receiver, event)
        what, who = event.type(), _name(receiver)  # both may be gone afterwards
        self._depth, busy, waited, begun = 1, time.thread_time(), _waited(), time.perf_counter()
        self._begun = begun
        try:
            return super().notify(receiver, event)
        finally:
            seconds = time.perf_counter() - begun
            self._depth, self._begun = 0, 0.0
            if seconds > self._limit:
                at, doing = self._doing
                busy, waited = time.thread_time() - busy, _waited() - waited
                self._tell(SlowEvent(seconds, busy, waited, what.name, who, doing if at == begun else ()))

    def _look(self) -> None:
        """Note from outside where a long event is."""
        with tempfile.TemporaryFile("w+") as notes:
            while True:
                time.sleep(_SAMPLE_S)
                begun = self._begun
                if begun and time.perf_counter() - begun > self._limit / 2:
                    self._doing = begun, _places(notes, self._thread)


def _waited() -> float:
    """Return how long this thread has stood in the queue for a processor, s."""
    try:
        return int(_SCHEDSTAT.read_text(encoding="ascii").split()[1]) / 1e9
    except (OSError, IndexError):  # not on this system
        return 0.0


def _name(receiver: QObject) -> str:
    name = type(receiver).__name__
    title = receiver.objectName() or (receiver.accessibleName() if isinstance(receiver, QWidget) else "")
    return f"{name} {title}".rstrip()


def _places(notes: TextIO, thread: int) -> tuple[str, ...]:
    """Return the innermost functions of a thread, outermost first.

    By `faulthandler`, for a frame that Python holds keeps what it paints with alive, and Qt aborts.
    """
    notes.seek(0)
    notes.truncate()
    faulthandler.dump_traceback(notes, all_threads=True)
    notes.seek(0)
    mine = notes.read().partition(f"{thread:016x} ")[2].partition("\n\n")[0]
    found = [(Path(file).stem, line, name) for file, line, name in _PLACE.findall(mine)]
    inner = [f"{module}.{name}:{line}" for module, line, name in found if module != "slow_events"]
    return tuple(reversed(inner[:_FRAMES]))


def watched_application(arguments: Sequence[str]) -> WatchedApplication | None:
    """Return an application that logs what is slow, where the environment asks for it; else ``None``."""
    file = os.environ.get(VARIABLE)
    if not file:
        return None

    def write(event: SlowEvent) -> None:
        with Path(file).open("a", encoding="utf-8") as log:
            log.write(json.dumps({"at": round(time.time(), 3), **asdict(event)}) + "\n")

    return WatchedApplication(arguments, write)
