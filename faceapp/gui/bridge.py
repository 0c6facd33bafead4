"""From other threads onto the interface's thread, and nowhere else.

psygnal and worker threads call from wherever they run; a `Relay` hands each call on by a queued Qt signal.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

_log = logging.getLogger(__name__)


class Relay(QObject):
    """Calls functions on the thread on which the relay was made.

    Parameters
    ----------
    parent : QObject, optional
        When it goes, calls that are still queued are dropped.
    """

    _posted = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._open = True
        self._links: list[tuple[Any, Callable[..., None]]] = []
        self._waiting: dict[Any, tuple[Any, ...]] = {}
        self._lock = threading.Lock()
        self._posted.connect(self._run, Qt.ConnectionType.QueuedConnection)

    def post(self, call: Callable[[], object]) -> None:
        """Run ``call`` on the interface's thread, later. May be called from any thread."""
        if self._open:
            try:
                self._posted.emit(call)
            except RuntimeError:  # the C++ object went between the two lines
                self._open = False

    def listen(self, signal: Any, slot: Callable[..., object], latest_only: bool = False) -> None:
        """Connect a psygnal signal; ``slot`` runs on the interface's thread.

        Parameters
        ----------
        signal : psygnal.SignalInstance
            Emitted from any thread.
        slot : callable
            Gets what was emitted.
        latest_only : bool
            Whether of values that pile up only the newest is delivered: for live pictures and progress.
        """
        key = object()

        def hand_on(*values: Any) -> None:
            if not latest_only:
                self.post(lambda: slot(*values))
                return
            with self._lock:
                queued = key in self._waiting
                self._waiting[key] = values
            if not queued:
                self.post(deliver)

        def deliver() -> None:
            with self._lock:
                values = self._waiting.pop(key)
            slot(*values)

        signal.connect(hand_on)
        self._links.append((signal, hand_on))

    def watch(
        self, future: Future[Any], done: Callable[[Any], object], failed: Callable[[BaseException], object]
    ) -> None:
        """Hand the result of a future, or what it raised, to the interface's thread; cancelled ones are silent."""

        def finished(future: Future[Any]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is not None:
                self.post(lambda: failed(error))
            else:
                self.post(lambda: done(future.result()))

        future.add_done_callback(finished)

    def close(self) -> None:
        """Drop what is queued and let go of all signals."""
        self._open = False
        for signal, slot in self._links:
            signal.disconnect(slot)
        self._links.clear()

    @Slot(object)
    def _run(self, call: Callable[[], object]) -> None:
        if not self._open:
            return
        try:
            call()
        except Exception:  # an exception in a slot would end in Qt, unseen
            _log.exception("a call handed to the interface failed")


class Background:
    """A few threads for short work of the interface: decoding pictures, building locators.

    Parameters
    ----------
    relay : Relay
        Where results arrive.
    threads : int
        How many at once.
    """

    def __init__(self, relay: Relay, threads: int = 2) -> None:
        self._relay = relay
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="faceapp-gui")
        self._futures: set[Future[Any]] = set()

    def run(
        self,
        work: Callable[[], Any],
        done: Callable[[Any], object],
        failed: Callable[[BaseException], object] | None = None,
    ) -> Future[Any]:
        """Run ``work`` on a thread; ``done`` gets its result on the interface's thread."""

        def log(error: BaseException) -> None:
            _log.error("work in the background failed", exc_info=error)

        future = self._pool.submit(work)
        self._futures.add(future)
        future.add_done_callback(self._futures.discard)
        self._relay.watch(future, done, failed or log)
        return future

    def close(self, patience_s: float | None = None) -> None:
        """Drop what waits and let the running work end, with a limit for at most that time."""
        shut_down(self._pool, self._futures, patience_s)


def shut_down(pool: ThreadPoolExecutor, futures: Collection[Future[Any]], patience_s: float | None) -> None:
    """Drop what waits in a pool; wait for the end of what runs, or for as long as there is patience."""
    pool.shutdown(wait=False, cancel_futures=True)
    if not wait(list(futures), patience_s).not_done:
        pool.shutdown(wait=True)
