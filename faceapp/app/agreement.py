"""How well annotators agree with each other and with gold samples, point by point, and whether somebody drifts."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from faceapp.app.annotating import JOURNAL, submitted_revision
from faceapp.app.annotation_data import AnnotationData, read_annotation_data
from faceapp.app.annotation_plan import gold_annotator
from faceapp.app.annotation_work import SampleWork, Work, read_work, sample_works, summed
from faceapp.app.sample_landmarks import PREFILL
from faceapp.core.arrays import BoolArray, FloatArray
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D, LandmarkScheme, PlacedBy
from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample
from faceapp.formats.landmark_files import read_landmarks
from faceapp.landmarks.curves import path_of
from faceapp.landmarks.history import LandmarkJournal
from faceapp.landmarks.refit import face_size
from faceapp.landmarks.scheme import load_scheme
from faceapp.store.project import Project

OUTER_EYES = (66, 79)
DRIFT_LEAST, DRIFT_P, DRIFT_RISE = 6, 0.05, 1.25
"""An alarm needs as many samples, a rank correlation with time as sure as this, and errors that rose by this factor."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two people's points of one sample.

    Parameters
    ----------
    sample : str
        ``S0001/smile/1``.
    annotator, reference : str
        Whose points, and against whose.
    gold : bool
        Whether the reference is known to be right.
    at : datetime or None
        When the annotator was last at it.
    mm : (n,) float64
        Distance on the scan; NaN where there is none, or a point is not compared.
    share : (n,) float64
        Distance by the outer-eye distance, in space where there is a scan, else in the first picture.
    along, across : (n,) float64
        Of ``share``, along the point's curve and across it; NaN for points on no curve.
    moved : (n,) bool
        Whether one of the two placed the point: where nobody did, both left the same first guess.
    """

    sample: str
    annotator: str
    reference: str
    gold: bool
    at: datetime | None
    mm: FloatArray
    share: FloatArray
    along: FloatArray
    across: FloatArray
    moved: BoolArray

    @property
    def error(self) -> float:
        """Mean distance by the outer-eye distance: of curves that slide, only across."""
        return _mean(np.where(self._slides(), self.across, self.share))

    def _slides(self) -> BoolArray:
        slides = np.zeros(len(self.share), bool)
        slides[list(load_scheme().silhouette)] = True
        return slides & np.isfinite(self.across)


@dataclass(frozen=True)
class Figures:
    """Agreement over some points: mean, and the 90th percentile, of distances.

    Parameters
    ----------
    name : str
        A point, a group, or ``all``.
    count, moved : int
        Distances, and those of points that a person placed.
    mm, mm_p90 : float
        On the scan; NaN without one.
    share, along, across : float
        By the outer-eye distance.
    """

    name: str
    count: int
    moved: int
    mm: float
    mm_p90: float
    share: float
    along: float
    across: float


@dataclass(frozen=True)
class Drift:
    """An annotator whose errors grow: from the first third of the samples to the last."""

    annotator: str
    against: str
    samples: int
    first: float
    last: float
    probability: float


@dataclass(frozen=True, eq=False)
class Agreement:
    """All of a project.

    Parameters
    ----------
    comparisons : tuple of Comparison
        Each pair of people on each sample, and each on gold.
    works : tuple of SampleWork
        Who did what.
    skipped : tuple of str
        Samples that could not be read, and why.
    """

    comparisons: tuple[Comparison, ...]
    works: tuple[SampleWork, ...]
    skipped: tuple[str, ...] = field(default=())

    @property
    def annotators(self) -> tuple[Work, ...]:
        """Who did how much."""
        return summed(self.works)

    def chosen(self, *, gold: bool, annotator: str = "") -> tuple[Comparison, ...]:
        """Return the comparisons with gold, or those of people with each other; of one annotator, or of all."""
        return tuple(
            c
            for c in self.comparisons
            if c.gold is gold and (not annotator or annotator == c.annotator or (not gold and annotator == c.reference))
        )


def agreement_of(project: Project, reporter: Reporter | None = None) -> Agreement:
    """Compare everybody with everybody on every sample; slow where samples must be read, so call it on a thread."""
    reporter = reporter or Reporter()
    samples = project.samples()
    found: list[Comparison] = []
    skipped: list[str] = []
    for k, sample in enumerate(samples):
        reporter.progress(k / max(len(samples), 1), f"{sample.subject} {sample.expression}")
        try:
            found += compare_sample(project, sample)
        except DataError as error:
            skipped.append(f"{sample.subject}/{sample.expression}/{sample.take}: {error}")
    return Agreement(tuple(found), sample_works(project), tuple(skipped))


def compare_sample(project: Project, sample: Sample) -> list[Comparison]:
    """Return the comparisons of one sample: each with the gold, or everybody with everybody where there is none."""
    folder = project.sample_folder(sample)
    people = sorted(f.parent.name for f in folder.glob(f"landmarks/*/{JOURNAL}") if f.parent.name != PREFILL)
    if len(people) < 2:
        return []
    marks = _read_all(folder, people)
    right = gold_annotator(folder)
    name = f"{sample.subject}/{sample.expression}/{sample.take}"
    last = {who: read_work(folder / "landmarks" / who / JOURNAL, name).last_at for who in people}
    if right in marks:
        pairs: Iterable[tuple[str, str]] = [(who, right) for who in people if who != right]
    else:
        pairs = itertools.combinations(people, 2)
    return [compare(name, who, marks[who], other, marks[other], right == other, last[who]) for who, other in pairs]


@dataclass(frozen=True, eq=False)
class AnnotatorMarks:
    """One annotator's points of a sample: on the scan, of the first picture, and which of them count."""

    solid: Landmarks3D | None
    flat: Landmarks2D | None
    counts: BoolArray
    placed: BoolArray


def _read_all(folder: Path, people: Sequence[str]) -> dict[str, AnnotatorMarks]:
    """From the files that were written when the work was left; worked out anew where a kill left them behind."""
    data: AnnotationData | None = None
    found = {}
    for who in people:
        home = folder / "landmarks" / who
        journal = LandmarkJournal(home / JOURNAL)
        marks = _from_files(home, journal.revision)
        if not marks:
            data = data or read_annotation_data(folder)
            board = data.board()
            board.update(journal.state, who, journal.revision)
            marks = [board.joined, *board.shown.values()]
        found[who] = _counted(marks, submitted_revision(home) == journal.revision)
    return found


def _from_files(home: Path, revision: int) -> list[Landmarks2D | Landmarks3D]:
    files = [f for f in sorted(home.glob("*.json")) if f.stem != JOURNAL]
    marks = []
    for file in files:
        try:
            marks.append(read_landmarks(file))
        except DataError:
            return []
    return marks if marks and all(m.revision == revision for m in marks) else []


def _counted(marks: Sequence[Landmarks2D | Landmarks3D], submitted: bool) -> AnnotatorMarks:
    """Points of work that was handed in count all: its annotator looked at them. Else those that were placed."""
    solid = next((m for m in marks if isinstance(m, Landmarks3D) and m.placed.any()), None)
    pictures = [m for m in marks if isinstance(m, Landmarks2D)]
    front = next((m for m in pictures if m.view.startswith(("middle", "01"))), next(iter(pictures), None))
    placed = np.zeros(len(load_scheme()), bool)
    for m in marks:
        placed |= np.array([by is PlacedBy.PERSON for by in m.placed_by])
    return AnnotatorMarks(solid, front, np.ones(len(placed), bool) if submitted else placed, placed)


def compare(
    sample: str,
    annotator: str,
    mine: AnnotatorMarks,
    reference: str,
    theirs: AnnotatorMarks,
    gold: bool = False,
    at: datetime | None = None,
) -> Comparison:
    """Return how far one person's points of a sample are from another's."""
    scheme = load_scheme()
    used = mine.counts & theirs.counts
    nothing = np.full(len(scheme), np.nan)
    mm = share = along = across = nothing
    if mine.solid is not None and theirs.solid is not None:
        gap, along, across = _gaps(scheme, mine.solid.points, theirs.solid.points)
        eyes = float(np.linalg.norm(np.subtract(*theirs.solid.points[list(OUTER_EYES)])))
        eyes = eyes if np.isfinite(eyes) and eyes > 0 else float("nan")
        mm, share, along, across = gap, gap / eyes, along / eyes, across / eyes
    elif mine.flat is not None and theirs.flat is not None:
        gap, along, across = _gaps(scheme, mine.flat.points, theirs.flat.points)
        size = face_size(scheme, theirs.flat.points)
        share, along, across = gap / size, along / size, across / size
    mm, share, along, across = (np.where(used, values, np.nan) for values in (mm, share, along, across))
    return Comparison(
        sample, annotator, reference, gold, at, mm, share, along, across, (mine.placed | theirs.placed) & used
    )


def _gaps(scheme: LandmarkScheme, points: FloatArray, right: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distances (n,), along the curve of each point and across it."""
    off = points - right
    gap = np.linalg.norm(off, axis=1)
    along = np.abs(np.einsum("nd,nd->n", off, tangents(scheme, right)))
    return gap, along, np.sqrt(np.maximum(gap**2 - along**2, 0.0))


def tangents(scheme: LandmarkScheme, points: FloatArray) -> FloatArray:
    """Return the unit direction (n, d) of the curve at each point; NaN on none, and at the corners of closed ones."""
    found = np.full_like(points, np.nan)
    for i in range(len(scheme)):
        path = path_of(scheme, i)
        if path is None or (path.closed and i in path.corners):
            continue
        k, n = path.indices.index(i), len(path.indices)
        before = path.indices[(k - 1) % n if path.closed else max(k - 1, 0)]
        after = path.indices[(k + 1) % n if path.closed else min(k + 1, n - 1)]
        way = points[after] - points[before]
        length = float(np.linalg.norm(way))
        if length > 0:
            found[i] = way / length
    return found


def figures_of(comparisons: Sequence[Comparison], by: str = "group") -> tuple[Figures, ...]:
    """Return agreement by ``group`` (and over all points), or by ``point``."""
    scheme = load_scheme()
    if by == "point":
        parts = [(name, [i]) for i, name in enumerate(scheme.names)]
    else:
        parts = [("all", list(range(len(scheme)))), *((g.name, list(g.indices)) for g in scheme.groups)]
    return tuple(_figures(name, comparisons, ids) for name, ids in parts)


def _figures(name: str, comparisons: Sequence[Comparison], ids: list[int]) -> Figures:
    def gather(values: str) -> FloatArray:
        rows = [getattr(c, values)[ids] for c in comparisons]
        return np.concatenate(rows) if rows else np.zeros(0)

    share, mm = gather("share"), gather("mm")
    known = np.isfinite(share)
    return Figures(
        name=name,
        count=int(known.sum()),
        moved=int(gather("moved").astype(bool)[known].sum()),
        mm=_mean(mm),
        mm_p90=float(np.nanpercentile(mm, 90)) if np.isfinite(mm).any() else float("nan"),
        share=_mean(share),
        along=_mean(gather("along")),
        across=_mean(gather("across")),
    )


def _mean(values: FloatArray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def drifts(agreement: Agreement) -> tuple[Drift, ...]:
    """Return who gets worse: errors on gold that grow with time, or, without enough gold, distances to others.

    Notes
    -----
    Spearman's rank correlation of error and time must be positive and surer than `DRIFT_P`, and the median error of
    the last third `DRIFT_RISE` times that of the first. Distances to others cannot tell which of the two moves.
    """
    found = []
    for who in sorted({w.annotator for w in agreement.works}):
        for gold in (True, False):
            mine = [c for c in agreement.chosen(gold=gold, annotator=who) if c.at is not None]
            mine = [c for c in mine if np.isfinite(c.error)]
            if len(mine) < DRIFT_LEAST:
                continue
            mine.sort(key=lambda c: c.at or datetime.min)
            alarm = _drift(who, "gold" if gold else "others", np.array([c.error for c in mine]))
            if alarm is not None:
                found.append(alarm)
            break  # gold says it better than others do
    return tuple(found)


def _drift(who: str, against: str, errors: FloatArray) -> Drift | None:
    third = max(len(errors) // 3, 2)
    first, last = float(np.median(errors[:third])), float(np.median(errors[-third:]))
    found = spearmanr(np.arange(len(errors)), errors, alternative="greater")
    p = float(found.pvalue)
    if p < DRIFT_P and last > DRIFT_RISE * first:
        return Drift(who, against, len(errors), first, last, p)
    return None
