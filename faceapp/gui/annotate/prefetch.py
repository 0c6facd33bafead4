"""The desks of the samples beside the current one, made ready while somebody works on this one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample
from faceapp.gui.annotate.desk import Desk
from faceapp.gui.bridge import Background

OpenDesk = Callable[[Sample, Reporter], Desk]


class Prefetch:
    """Keeps the desks of a few samples; all but the reading happens on the interface's thread.

    Parameters
    ----------
    background : Background
        Where desks are made.
    open_desk : callable
        Makes the desk of a sample.
    """

    def __init__(self, background: Background, open_desk: OpenDesk) -> None:
        self._background, self._open = background, open_desk
        self._ready: dict[str, Desk] = {}
        self._under_way: dict[str, threading.Event] = {}

    def take(self, sample: Sample, annotator: str) -> Desk | None:
        """Return the desk of a sample where it is ready and nobody has worked on it since."""
        desk = self._ready.pop(_key(sample), None)
        if desk is None or desk.session.annotator != annotator or desk.session.is_stale:
            return None
        return desk

    def keep(self, desk: Desk) -> None:
        """Keep a desk that was worked on, for the way back."""
        self._ready[_key(desk.sample)] = desk

    def want(self, samples: Sequence[Sample]) -> None:
        """Make these ready, and let go of all others."""
        wanted = {_key(sample): sample for sample in samples}
        self._ready = {key: desk for key, desk in self._ready.items() if key in wanted}
        for key in [k for k in self._under_way if k not in wanted]:
            self._under_way.pop(key).set()
        for key, sample in wanted.items():
            if key not in self._ready and key not in self._under_way:
                self._make(key, sample)

    def drop(self, sample: Sample | None = None) -> None:
        """Let go of one desk, or of all: what they were made from has changed."""
        if sample is not None:
            self._ready.pop(_key(sample), None)
            return
        self.want(())

    def _make(self, key: str, sample: Sample) -> None:
        stop = self._under_way[key] = threading.Event()

        def done(desk: Desk) -> None:
            if self._under_way.get(key) is stop:
                del self._under_way[key]
                self._ready[key] = desk

        def failed(_: BaseException) -> None:
            if self._under_way.get(key) is stop:
                del self._under_way[key]  # it says why when somebody goes there

        self._background.run(lambda: self._open(sample, Reporter(cancelled=stop)), done, failed)


def _key(sample: Sample) -> str:
    return f"{sample.subject}/{sample.id}"
