"""Who annotates which sample next: the plan of a project, its gold samples, and an annotator's queue."""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import asdict, dataclass
from enum import Enum, unique
from pathlib import Path
from typing import Any

from faceapp.app.annotating import JOURNAL, submitted_revision
from faceapp.app.sample_landmarks import PREFILL
from faceapp.core.errors import UsageError
from faceapp.core.subject import Sample
from faceapp.formats.atomic import append_line
from faceapp.landmarks.history import LandmarkJournal
from faceapp.store.project import Project, utc_now

SETTING, _GOLD = "annotation", "gold.jsonl"


@dataclass(frozen=True)
class AnnotationPlan:
    """How the samples of a project are dealt out.

    Parameters
    ----------
    annotators : tuple of str
        Initials; with none listed all samples are for everybody, first come, first served.
    gold_share : float
        Share of an annotator's queue that is gold: samples whose right landmarks are known, which nobody is told.
    double_share : float
        Share of the samples that two annotators get.
    """

    annotators: tuple[str, ...] = ()
    gold_share: float = 0.05
    double_share: float = 0.10

    def __post_init__(self) -> None:
        for name in ("gold_share", "double_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(f"{name}: {getattr(self, name)}; a share between 0 and 1 is expected")


@unique
class Standing(Enum):
    """How far an annotator is with a sample."""

    TO_DO = "to do"
    IN_WORK = "in work"
    SUBMITTED = "submitted"


@dataclass(frozen=True)
class Queued:
    """A sample of an annotator's queue."""

    sample: Sample
    standing: Standing


def plan_of(project: Project) -> AnnotationPlan:
    """Return the plan in the project's settings; the default where it says nothing."""
    told: dict[str, Any] = project.settings.get(SETTING) or {}
    plan = AnnotationPlan()
    return AnnotationPlan(
        annotators=tuple(str(a) for a in told.get("annotators", plan.annotators)),
        gold_share=float(told.get("gold_share", plan.gold_share)),
        double_share=float(told.get("double_share", plan.double_share)),
    )


def change_plan(project: Project, plan: AnnotationPlan) -> None:
    """Write the plan into the project's settings."""
    project.change_settings({SETTING: {**asdict(plan), "annotators": list(plan.annotators)}})


def gold_annotator(sample_folder: Path) -> str:
    """Return whose landmarks of a sample are the gold; empty where it is no gold sample."""
    file = sample_folder / "landmarks" / _GOLD
    if file.is_file():
        for line in reversed(file.read_text(encoding="utf-8").splitlines()):
            with contextlib.suppress(ValueError, KeyError):  # half a line after a kill
                return str(json.loads(line)["annotator"])
    return ""


def make_gold(project: Project, sample: Sample, annotator: str, *, by: str = "") -> None:
    """Say that the landmarks of an annotator are the right ones of a sample; an empty name takes that back.

    Raises
    ------
    UsageError
        That annotator has not worked on the sample.
    """
    project.must_write()
    folder = project.sample_folder(sample) / "landmarks"
    if annotator and (annotator == PREFILL or not (folder / annotator / JOURNAL).is_file()):
        raise UsageError(f"{annotator} has not annotated {sample.id}, so these landmarks cannot be its gold")
    append_line(folder / _GOLD, json.dumps({"annotator": annotator, "by": by, "at": utc_now()}))


def standing(sample_folder: Path, annotator: str) -> Standing:
    """Return how far an annotator is with a sample."""
    folder = sample_folder / "landmarks" / annotator
    if not (folder / JOURNAL).is_file():
        return Standing.SUBMITTED if submitted_revision(folder) >= 0 else Standing.TO_DO
    revision = LandmarkJournal(folder / JOURNAL).revision
    return Standing.SUBMITTED if submitted_revision(folder) == revision else Standing.IN_WORK


def is_blind(project: Project, sample: Sample) -> bool:
    """Return whether annotators must not see each other's points: a gold sample, or one that two people get."""
    return bool(gold_annotator(project.sample_folder(sample))) or _is_double(plan_of(project), sample)


def queue_of(project: Project, annotator: str) -> tuple[Queued, ...]:
    """Return the samples of an annotator, in the order in which they are to be done.

    Own samples stand in the order of capture, those that are in work first. Gold samples are mixed in at their share,
    at places that depend on the annotator and look like any other. Samples of which somebody else is the only owner
    are left out; without a list of annotators, those that somebody else has begun.
    """
    plan = plan_of(project)
    gold: list[Sample] = []
    own: list[Queued] = []
    for sample in project.samples():
        folder = project.sample_folder(sample)
        right = gold_annotator(folder)
        if right and right != annotator:
            gold.append(sample)
        elif _is_for(plan, sample, annotator, _others_at(folder, annotator)):
            own.append(Queued(sample, standing(folder, annotator)))
    mixed = _mixed([q.sample for q in own], gold, plan.gold_share, annotator)
    queue = [Queued(s, standing(project.sample_folder(s), annotator)) for s in mixed]
    rank = {Standing.IN_WORK: 0, Standing.TO_DO: 1, Standing.SUBMITTED: 2}
    return tuple(sorted(queue, key=lambda q: rank[q.standing]))


def next_for(project: Project, annotator: str, after: Sample | None = None) -> Sample | None:
    """Return the sample that an annotator does next, not the one that is given; ``None`` when all are handed in."""
    waiting = (q.sample for q in queue_of(project, annotator) if q.standing is not Standing.SUBMITTED)
    return next((s for s in waiting if after is None or s.id != after.id or s.subject != after.subject), None)


def _chance(*words: str) -> float:
    """A number from 0 to 1 that depends on words alone, so that every machine deals alike."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:8], "big") / 2**64


def _is_double(plan: AnnotationPlan, sample: Sample) -> bool:
    return _chance("double", sample.subject, sample.id) < plan.double_share


def _others_at(sample_folder: Path, annotator: str) -> list[str]:
    return sorted(
        f.parent.name for f in sample_folder.glob(f"landmarks/*/{JOURNAL}") if f.parent.name not in (annotator, PREFILL)
    )


def _is_for(plan: AnnotationPlan, sample: Sample, annotator: str, others: list[str]) -> bool:
    seats = 2 if _is_double(plan, sample) else 1
    if not plan.annotators:
        return len(others) < seats
    if annotator not in plan.annotators:
        return False
    first = int(_chance("owner", sample.subject, sample.id) * len(plan.annotators))
    return annotator in [plan.annotators[(first + k) % len(plan.annotators)] for k in range(seats)]


def _mixed(own: list[Sample], gold: list[Sample], share: float, annotator: str) -> list[Sample]:
    """Own samples with gold ones between them."""
    if share <= 0 or not gold:
        return own
    waiting = sorted(gold, key=lambda s: _chance("gold", annotator, s.subject, s.id))
    mixed: list[Sample] = []
    for sample in own:
        if waiting and _chance("mix", annotator, sample.subject, sample.id) < share / max(1 - share, 1e-9):
            mixed.append(waiting.pop())
        mixed.append(sample)
    return mixed
