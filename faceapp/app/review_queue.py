"""The queue of a reviewer: suspicious registrations first, with a random share of the others among them."""

from __future__ import annotations

import contextlib
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from faceapp.app.reviewing import Review, standing_reviews
from faceapp.app.sample_stages import runs_of, stale_reasons
from faceapp.app.suspicion import Population, population_of, reference_population, suspicion
from faceapp.app.template import OWN_TEMPLATE
from faceapp.core.errors import FaceappError
from faceapp.core.results import Report
from faceapp.core.subject import Sample, Verdict
from faceapp.formats.reports import read_report
from faceapp.morphable.head.template import TEMPLATE_NAME
from faceapp.store.project import Project

SHARE = 0.2
"""Of the registrations that nothing speaks against: how many are looked at all the same."""

SUSPICIOUS = 3.0
"""Score from which a registration is one of the suspicious: its four strangest signs are three deviations off."""

_EVERY = 5
"""Among the suspicious, each fifth place is for one of the random share."""


@dataclass(frozen=True)
class QueueEntry:
    """One registration in the queue.

    Parameters
    ----------
    sample : Sample
        Whose.
    run : Path
        Its newest registration.
    score : float
        Of suspicion, in standard deviations.
    words : str
        Why, as people read it; empty where nothing is unusual.
    residual_mean, residual_p95, seen : float
        Of the face; mm, mm, share.
    reasons : tuple of str
        The strangest signs, such as ``landmarks.lips``; empty where nothing is unusual.
    drawn : bool
        Whether it is here by chance.
    stale : tuple of str
        What changed since it was made.
    reviews : tuple of Review
        What each reviewer says of it now.
    """

    sample: Sample
    run: Path
    score: float
    words: str
    residual_mean: float
    residual_p95: float
    seen: float
    reasons: tuple[str, ...] = ()
    drawn: bool = False
    stale: tuple[str, ...] = ()
    reviews: tuple[Review, ...] = ()

    @property
    def suspicious(self) -> bool:
        """Whether its signs ask for a look."""
        return self.score >= SUSPICIOUS

    def verdict_of(self, by: str) -> str:
        """Return what somebody said of it, or an empty text."""
        return next((review.verdict for review in self.reviews if review.by == by), "")

    def is_due(self, by: str) -> bool:
        """Return whether somebody has to look at it.

        One look is enough, but what was drawn is looked at by every reviewer (so that their agreement can be told),
        and what the last one was not sure of by a second.
        """
        if self.verdict_of(by):
            return False
        others = [review for review in self.reviews if review.by != by]
        if not others:
            return self.suspicious or self.drawn
        return self.drawn or (len(others) == 1 and others[0].verdict == "maybe")


def review_queue(
    project: Project, *, share: float | None = None, day: str | None = None, with_stale: bool = True
) -> tuple[QueueEntry, ...]:
    """Return every sample of a project that has a registration, in the order in which it should be looked at.

    Parameters
    ----------
    project : Project
        Open.
    share : float
        0 to 1, of those that nothing speaks against; by default what the project's settings say (``review_share``).
    day : str, optional
        Seed of the draw beside the project's name; by default today's date, UTC.
    with_stale : bool
        Whether to look for what changed since.
    """
    found: list[tuple[Sample, Path, Report]] = []
    for sample in project.samples():
        if sample.verdict not in (Verdict.OPEN, Verdict.ACCEPTED):
            continue
        for run in runs_of(project, sample, "register")[:1]:
            with contextlib.suppress(FaceappError):  # a broken report is no reason to show no queue
                found.append((sample, run, read_report(run / "report.json")))
    populations = _populations(project, [report for _, _, report in found])
    entries = [
        _entry(project, sample, run, report, populations[report.provenance.made_by], with_stale)
        for sample, run, report in found
    ]
    if share is None:
        share = float(project.settings.get("review_share", SHARE))
    day = day or datetime.now(UTC).date().isoformat()
    return in_order(entries, share, f"{project.settings['name']} {day}")


def _populations(project: Project, reports: Sequence[Report]) -> dict[str, Population]:
    """Return what is usual of each plugin's registrations, by its name in their provenance.

    Of a template that the reference does not know it is what all plugins show: one registration by a plugin of its own
    would be compared with itself.
    """
    signs: dict[str, list[dict[str, float]]] = {}
    for report in reports:
        signs.setdefault(report.provenance.made_by, []).append(_signs(report))
    template = _template_name(project)
    if not reference_population(template).usual:
        everyone = population_of([_signs(report) for report in reports])
        return dict.fromkeys(signs, everyone)
    return {made_by: population_of(those, template, made_by.partition("/")[2]) for made_by, those in signs.items()}


def _signs(report: Report) -> dict[str, float]:
    told = report.extra.get("signs", {})
    return {name: float(value) for name, value in told.items() if isinstance(value, int | float)}


def _template_name(project: Project) -> str:
    named = str(project.settings.get("template", OWN_TEMPLATE))
    return TEMPLATE_NAME if named == OWN_TEMPLATE else named


def _entry(
    project: Project, sample: Sample, run: Path, report: Report, population: Population, with_stale: bool
) -> QueueEntry:
    doubt = suspicion(_signs(report), population)
    mean, p95, seen = (figure(report, name) for name in ("residual_mean", "residual_p95", "seen"))
    stale = stale_reasons(project, sample, run) if with_stale else ()
    reviews = tuple(standing_reviews(project, sample).get(run.name, {}).values())
    reasons = tuple(name for name, _ in doubt.reasons) if doubt.words else ()
    return QueueEntry(sample, run, doubt.score, doubt.words, mean, p95, seen, reasons, stale=stale, reviews=reviews)


def figure(report: Report, name: str) -> float:
    """Return a figure of the face, NaN where it is missing."""
    try:
        value = report.value(f"face.{name}")
    except KeyError:
        return math.nan
    return float(value) if isinstance(value, int | float) else math.nan


def in_order(entries: Sequence[QueueEntry], share: float, seed: str) -> tuple[QueueEntry, ...]:
    """Return entries with the most suspicious first; each fifth place among them is of the random share of the others.

    Parameters
    ----------
    entries : sequence of QueueEntry
        In any order.
    share : float
        0 to 1.
    seed : str
        The same text draws the same ones.
    """
    ordered = sorted(entries, key=lambda entry: (-entry.score, entry.sample.captured_at, entry.sample.id))
    suspicious = [entry for entry in ordered if entry.suspicious]
    others = [entry for entry in ordered if not entry.suspicious]
    number = int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8])
    # by the samples' own names, so that one more sample does not exchange all that were drawn
    chance = {_name(e): np.random.default_rng([number, _number(_name(e))]).random() for e in others}
    lots = sorted(others, key=lambda entry: chance[_name(entry)])
    drawn = [replace(entry, drawn=True) for entry in lots[: math.ceil(share * len(others))]]
    kept = {_name(entry) for entry in drawn}
    rest = [entry for entry in others if _name(entry) not in kept]
    mixed: list[QueueEntry] = []
    waiting = list(drawn)
    for entry in suspicious:
        if waiting and len(mixed) % _EVERY == _EVERY - 1:
            mixed.append(waiting.pop(0))
        mixed.append(entry)
    return (*mixed, *waiting, *rest)


def _name(entry: QueueEntry) -> str:
    return f"{entry.sample.subject}/{entry.sample.id}"


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8])
