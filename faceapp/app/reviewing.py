"""Verdicts on registrations: who said what, how far two raters agree, and how long a verdict takes."""

from __future__ import annotations

import itertools
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from faceapp.core.errors import UsageError
from faceapp.core.subject import Sample
from faceapp.formats.atomic import append_line
from faceapp.store.project import Project, utc_now

VERDICTS = ("accept", "maybe", "reject")
TAKEN_BACK = "taken back"
REASONS = ("eyes", "nose", "mouth", "contour", "folds", "bad scan")
"""Why a registration is rejected, in the order of their digits."""

_PAUSE_S = 120.0
"""Between two verdicts: longer, and the reviewer did something else."""


@dataclass(frozen=True)
class Review:
    """One verdict of one person on one run."""

    run: str
    verdict: str
    by: str
    at: str
    reason: str = ""


def give_review(project: Project, sample: Sample, run: Path, verdict: str, by: str, reason: str = "") -> None:
    """Record a verdict on a result; on the disk when this returns.

    Raises
    ------
    UsageError
        The verdict is none of ``accept``, ``maybe``, ``reject``, or ``taken back``.
    """
    if verdict not in (*VERDICTS, TAKEN_BACK):
        raise UsageError(f"verdict {verdict!r} is not one of {', '.join(VERDICTS)}")
    if not by.isalnum():
        raise UsageError(f"{by!r} is no initials: letters and digits only, such as MH")
    project.must_write()
    line = {"run": run.name, "verdict": verdict, "by": by, "at": utc_now(), "reason": reason}
    file = project.sample_folder(sample) / "reviews" / f"{by}.jsonl"
    append_line(file, json.dumps(line, ensure_ascii=False))


def read_reviews(project: Project, sample: Sample) -> tuple[Review, ...]:
    """Return every line of every reviewer of a sample, also those taken back, in the order of time."""
    found: list[Review] = []
    for file in project.sample_folder(sample).glob("reviews/*.jsonl"):
        for text in file.read_text(encoding="utf-8").splitlines():
            try:
                data = json.loads(text)
                found.append(Review(*(str(data[k]) for k in ("run", "verdict", "by", "at", "reason"))))
            except (ValueError, KeyError, TypeError):
                continue  # half a line after a kill
    return tuple(sorted(found, key=lambda review: review.at))


def standing_reviews(project: Project, sample: Sample) -> dict[str, dict[str, Review]]:
    """Return the last verdict of each person on each run: run name to initials to review, without those taken back."""
    latest: dict[tuple[str, str], Review] = {}
    for review in read_reviews(project, sample):
        latest.pop((review.run, review.by), None)  # the newest comes last
        latest[review.run, review.by] = review
    standing: dict[str, dict[str, Review]] = {}
    for (run, by), review in latest.items():
        if review.verdict != TAKEN_BACK:
            standing.setdefault(run, {})[by] = review
    return standing


def reviews_of(project: Project, sample: Sample) -> dict[str, dict[str, str]]:
    """Return the last verdict on each run: run name to ``{run, verdict, by, at, reason}``."""
    return {run: vars(list(by.values())[-1]).copy() for run, by in standing_reviews(project, sample).items()}


@dataclass(frozen=True)
class Agreement:
    """How far two raters agree.

    Parameters
    ----------
    raters : (str, str)
        Initials.
    count : int
        Runs that both judged.
    observed : float
        Share on which they said the same.
    kappa : float
        Cohen's: 1 is full agreement, 0 what chance gives; NaN where both always said one and the same word.
    error : float
        Standard error of kappa; NaN where there is none.
    table : (3, 3) tuple of int
        Rows: what the first said, columns: the second, in the order of `VERDICTS`.
    """

    raters: tuple[str, str]
    count: int
    observed: float
    kappa: float
    error: float
    table: tuple[tuple[int, ...], ...]


def cohens_kappa(pairs: Sequence[tuple[str, str]], raters: tuple[str, str] = ("", "")) -> Agreement:
    """Return how far two raters agree beyond chance.

    Parameters
    ----------
    pairs : sequence of (str, str)
        What each said of one thing.
    raters : (str, str)
        Their initials.

    Notes
    -----
    Cohen, Educational and Psychological Measurement 20(1), 1960, with his standard error.
    """
    n = len(pairs)
    counted = Counter(pairs)
    table = np.array([[counted[a, b] for b in VERDICTS] for a in VERDICTS], np.float64)
    plain = tuple(tuple(int(x) for x in row) for row in table)
    if not n:
        return Agreement(raters, 0, math.nan, math.nan, math.nan, plain)
    observed = float(np.trace(table)) / n
    chance = float(table.sum(axis=1) @ table.sum(axis=0)) / n**2
    if chance >= 1:
        return Agreement(raters, n, observed, math.nan, math.nan, plain)
    kappa = (observed - chance) / (1 - chance)
    error = math.sqrt(observed * (1 - observed) / (n * (1 - chance) ** 2))
    return Agreement(raters, n, observed, kappa, error, plain)


def agreements(project: Project) -> tuple[Agreement, ...]:
    """Return the agreement of each two reviewers that judged the same runs of a project, the most runs first."""
    pairs: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for sample in project.samples():
        for by in standing_reviews(project, sample).values():
            for a, b in itertools.combinations(sorted(by), 2):
                pairs.setdefault((a, b), []).append((by[a].verdict, by[b].verdict))
    found = [cohens_kappa(said, raters) for raters, said in pairs.items()]
    return tuple(sorted(found, key=lambda agreement: -agreement.count))


def seconds_each(reviews: Sequence[Review]) -> Mapping[str, float]:
    """Return the median time of a verdict of each reviewer, s: between one and the next, pauses left out."""
    times: dict[str, list[datetime]] = {}
    for review in reviews:
        times.setdefault(review.by, []).append(datetime.fromisoformat(review.at))
    medians: dict[str, float] = {}
    for by, stamps in times.items():
        gaps = [(b - a).total_seconds() for a, b in itertools.pairwise(sorted(stamps))]
        short = [gap for gap in gaps if gap <= _PAUSE_S]
        if short:
            medians[by] = float(np.median(short))
    return medians
