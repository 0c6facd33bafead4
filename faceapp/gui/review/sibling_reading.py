"""The other registrations of a subject, read on a thread and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from faceapp.core.subject import Sample
from faceapp.gui.bridge import Background
from faceapp.gui.capture.protocol import title_of
from faceapp.gui.review.results import SampleStanding, key_of
from faceapp.gui.review.siblings import MOST, Sibling
from faceapp.gui.view3d.pieces import cut

if TYPE_CHECKING:
    from faceapp.store.project import Project

_KEPT = 24


class SiblingReader:
    """Finds the siblings of a sample.

    Parameters
    ----------
    background : Background
        Where meshes are read.
    show : callable
        Takes the siblings once they are there.
    """

    def __init__(self, background: Background, show: Callable[[tuple[Sibling, ...]], object]) -> None:
        self._background, self._show = background, show
        self._kept: dict[tuple[str, Path], Sibling] = {}
        self._wanted: object = None

    def want(
        self, project: Project, sample: Sample, samples: Sequence[Sample], standings: Mapping[str, SampleStanding]
    ) -> None:
        """Have the neutral and the expressions next to a sample shown, where they are registered."""
        token = self._wanted = object()
        chosen = _chosen(
            sample, [s for s in samples if standings.get(key_of(s), SampleStanding()).registered is not None]
        )
        keys = [(s, standings[key_of(s)].registered, standings[key_of(s)].mean) for s in chosen]

        def work() -> list[tuple[tuple[str, Path], Sibling]]:
            from faceapp.formats.ply import read_mesh

            read = []
            for other, run, mean in keys:
                if run is None:
                    continue
                key = key_of(other), run
                sibling = self._kept.get(key)
                if sibling is None:
                    mesh = read_mesh(run / "registered.ply")
                    sibling = Sibling(other, title_of(other.expression), mesh, cut(mesh), mean)
                read.append((key, sibling))
            return read

        def done(read: list[tuple[tuple[str, Path], Sibling]]) -> None:
            self._kept |= dict(read)
            while len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
            if token is self._wanted:
                self._show(tuple(sibling for _, sibling in read))

        self._background.run(work, done, lambda _: self._show(()) if token is self._wanted else None)

    def forget(self) -> None:
        """Let go of all: another project."""
        self._kept.clear()
        self._wanted = None


def _chosen(sample: Sample, registered: Sequence[Sample]) -> list[Sample]:
    """The neutral first, then those captured next to the sample."""
    family = [s for s in registered if s.subject == sample.subject]
    others = [s for s in family if key_of(s) != key_of(sample)]
    at = next((i for i, s in enumerate(family) if key_of(s) == key_of(sample)), 0)
    place = {key_of(s): i for i, s in enumerate(family)}
    others.sort(key=lambda s: (s.expression != "neutral", abs(place[key_of(s)] - at)))
    first = others[:MOST]
    return sorted(first, key=lambda s: (s.expression != "neutral", place[key_of(s)]))
