"""The results of the samples beside the current one, read while somebody looks at this one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from faceapp.core.subject import Sample
from faceapp.gui.bridge import Background
from faceapp.gui.review.results import SampleResults, key_of


class ResultPrefetch:
    """Keeps what a few samples have become; all but the reading happens on the interface's thread.

    Parameters
    ----------
    background : Background
        Where results are read.
    read : callable
        Reads the results of a sample.
    """

    def __init__(self, background: Background, read: Callable[[Sample], SampleResults]) -> None:
        self._background, self._read = background, read
        self._ready: dict[str, SampleResults] = {}
        self._under_way: dict[str, object] = {}

    def take(self, sample: Sample) -> SampleResults | None:
        """Return the results of a sample where they are there already."""
        return self._ready.get(key_of(sample))

    def keep(self, results: SampleResults) -> None:
        """Keep what was read otherwise, for the way back."""
        self._under_way.pop(key_of(results.sample), None)
        self._ready[key_of(results.sample)] = results

    def want(self, samples: Sequence[Sample]) -> None:
        """Have these read, and let go of all others."""
        wanted = {key_of(sample): sample for sample in samples}
        self._ready = {key: results for key, results in self._ready.items() if key in wanted}
        self._under_way = {key: token for key, token in self._under_way.items() if key in wanted}
        for key, sample in wanted.items():
            if key not in self._ready and key not in self._under_way:
                self._fetch(key, sample)

    def drop(self, sample: Sample | None = None) -> None:
        """Let go of one sample, or of all: it has become something else."""
        if sample is None:
            self._ready.clear()
            self._under_way.clear()
        else:
            self._ready.pop(key_of(sample), None)
            self._under_way.pop(key_of(sample), None)

    @property
    def is_idle(self) -> bool:
        """Whether all that was wanted is there."""
        return not self._under_way

    def _fetch(self, key: str, sample: Sample) -> None:
        token = self._under_way[key] = object()

        def done(results: SampleResults) -> None:
            if self._under_way.get(key) is token:
                del self._under_way[key]
                self._ready[key] = results

        def failed(_: BaseException) -> None:
            if self._under_way.get(key) is token:
                del self._under_way[key]  # it says why when somebody goes there

        self._background.run(lambda: self._read(sample), done, failed)
