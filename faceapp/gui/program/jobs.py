"""Long work one after the other: progress and cancel in the status bar, results on the interface's thread."""

from __future__ import annotations

import threading
import traceback
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from psygnal import Signal

from faceapp.core.errors import Cancelled, FaceappError
from faceapp.core.signals import Event, Progress, Reporter
from faceapp.gui.bridge import Relay, shut_down
from faceapp.gui.shell.statusbar import StatusBar

_END_S = 0.7  # s that a cancelled job has to end when the window closes


@dataclass(eq=False)
class _Job:
    title: str
    work: Callable[[Reporter], Any]
    done: Callable[[Any], object]
    failed: Callable[[BaseException], object]
    stop: threading.Event = field(default_factory=threading.Event)


class JobQueue:
    """Runs stages of the line for the window.

    Parameters
    ----------
    relay : Relay
        Where results arrive.
    bar : StatusBar
        Shows what runs.
    failed : callable
        Told of the title and the error where a job has no handler of its own.
    """

    changed = Signal()
    """Something began, waits, or ended; on the interface's thread."""

    progressed = Signal(str, float, str)
    """Title of what runs, how much is done (0 to 1) and what it says; on the interface's thread."""

    _progressed = Signal(object, float, str)

    def __init__(self, relay: Relay, bar: StatusBar, failed: Callable[[str, BaseException], object]) -> None:
        self._relay, self._bar, self._failed = relay, bar, failed
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="faceapp-job")
        self._waiting: deque[_Job] = deque()
        self._running: _Job | None = None
        self._future: Future[Any] | None = None
        self._total = self._at = 0
        relay.listen(self._progressed, self._show, latest_only=True)
        bar.jobCancelled.connect(self.cancel)

    @property
    def busy(self) -> bool:
        """Whether something runs."""
        return self._running is not None

    @property
    def title(self) -> str:
        """What runs."""
        return self._running.title if self._running is not None else ""

    def has(self, title: str) -> bool:
        """Return whether a job of this title runs or waits."""
        return self.title == title or any(job.title == title for job in self._waiting)

    def run(
        self,
        title: str,
        work: Callable[[Reporter], Any],
        done: Callable[[Any], object],
        failed: Callable[[BaseException], object] | None = None,
    ) -> None:
        """Run ``work`` when those before it are through; a cancelled one ends without a word."""
        self._waiting.append(_Job(title, work, done, failed or (lambda error: self._failed(title, error))))
        self._total += 1
        if self._running is None:
            self._next()
        else:
            self.changed.emit()

    def cancel(self) -> None:
        """Stop what runs and drop what waits."""
        self._waiting.clear()
        if self._running is not None:
            self._running.stop.set()
            self._bar.show_job(f"Stopping: {self._running.title}", can_cancel=False)

    def _next(self) -> None:
        if not self._waiting:
            self._running, self._total, self._at = None, 0, 0
            self._bar.clear_job()
            self.changed.emit()
            return
        job = self._running = self._waiting.popleft()
        self._at += 1
        self._bar.show_job(job.title, self._far(""))

        def tell(event: Event) -> None:
            if isinstance(event, Progress):
                self._progressed.emit(job, event.done, event.text)

        future = self._future = self._pool.submit(job.work, Reporter(tell, job.stop))
        self._relay.watch(future, lambda value: self._ended(job, value, None), lambda e: self._ended(job, None, e))
        self.changed.emit()

    def _far(self, text: str) -> str:
        return f"{self._at} of {self._total}  {text}".rstrip() if self._total > 1 else text

    def _show(self, job: _Job, done: float, text: str) -> None:
        if job is self._running and not job.stop.is_set():
            self._bar.show_job(job.title, self._far(text), done)
            self.progressed.emit(job.title, done, text)

    def _ended(self, job: _Job, value: Any, error: BaseException | None) -> None:
        try:
            if error is None:
                job.done(value)
            elif not isinstance(error, Cancelled):
                job.failed(error)
        finally:
            self._next()

    def close(self) -> None:
        """Stop what runs and wait a moment for its end."""
        self._waiting.clear()
        if self._running is not None:
            self._running.stop.set()
        shut_down(self._pool, [self._future] if self._future is not None else [], _END_S)


def words_of(error: BaseException) -> tuple[str, str]:
    """Return what people read of an error and, where it is none of ours, the details for the developers."""
    if isinstance(error, FaceappError):
        text = str(error)
        return text[:1].upper() + text[1:], ""
    details = "".join(traceback.format_exception(error))
    return f"{type(error).__name__}: {error}", details
