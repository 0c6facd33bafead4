"""Who annotates which sample next: the plan of a project, its gold samples, and an annotator's queue."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import Enum, unique
from pathlib import Path
from typing import Any

from faceapp.app.annotating import JOURNAL, SUBMITTED, submitted_revision
from faceapp.app.sample_landmarks import PREFILL
from faceapp.core.errors import UsageError
from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample, Verdict
from faceapp.formats.atomic import append_line
from faceapp.landmarks.history import LandmarkJournal
from faceapp.store.project import Project, utc_now

SETTING, _GOLD, _ASSIGNED = "annotation", "gold.jsonl", "assigned.jsonl"


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
        Share of the samples that one annotator more gets.
    per_sample : int
        How many annotators each sample gets.
    """

    annotators: tuple[str, ...] = ()
    gold_share: float = 0.05
    double_share: float = 0.10
    per_sample: int = 1

    def __post_init__(self) -> None:
        for name in ("gold_share", "double_share"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise UsageError(f"{name}: {getattr(self, name)}; a share between 0 and 1 is expected")
        if self.per_sample < 1:
            raise UsageError(f"per_sample: {self.per_sample}; each sample needs one annotator at least")

    def seats(self, sample: Sample) -> int:
        """Return how many annotators a sample gets."""
        return self.per_sample + (_chance("double", sample.subject, sample.id) < self.double_share)


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


@dataclass(frozen=True)
class PlannedSample:
    """Whose a sample is, and how far they are.

    Parameters
    ----------
    sample : Sample
        Which one.
    owners : tuple of str
        In whose queue it is.
    free : int
        How many more may take it; 0 where the plan lists annotators.
    by_hand : bool
        Whether a person chose the owners.
    gold : str
        Whose landmarks are the right ones; empty where it is no gold sample.
    standings : dict of str to Standing
        Of those who have begun it.
    """

    sample: Sample
    owners: tuple[str, ...]
    free: int
    by_hand: bool
    gold: str
    standings: dict[str, Standing]

    def is_for(self, annotator: str) -> bool:
        """Return whether an annotator does this sample, gold left aside."""
        return annotator in self.owners or self.free > 0

    def is_gold_for(self, annotator: str) -> bool:
        """Return whether this is a gold sample for an annotator: not for who made it, nor who got it by hand."""
        return bool(self.gold) and annotator != self.gold and not (self.by_hand and annotator in self.owners)

    def standing(self, annotator: str) -> Standing:
        """Return how far an annotator is."""
        return self.standings.get(annotator, Standing.TO_DO)


def check_initials(annotators: Sequence[str]) -> None:
    """Raise `UsageError` for initials that nobody can have, or that are listed twice."""
    for k, who in enumerate(annotators):
        if not who.isalnum() or who == PREFILL:
            raise UsageError(f"{who or 'an empty name'} cannot be initials: letters and digits are expected")
        if who in annotators[:k]:
            raise UsageError(f"{who} is listed twice; name each annotator once")


def plan_of(project: Project) -> AnnotationPlan:
    """Return the plan in the project's settings; the default where it says nothing."""
    told: dict[str, Any] = project.settings.get(SETTING) or {}
    plan = AnnotationPlan()
    return AnnotationPlan(
        annotators=tuple(str(a) for a in told.get("annotators", plan.annotators)),
        gold_share=float(told.get("gold_share", plan.gold_share)),
        double_share=float(told.get("double_share", plan.double_share)),
        per_sample=int(told.get("per_sample", plan.per_sample)),
    )


def change_plan(project: Project, plan: AnnotationPlan, *, by: str = "") -> None:
    """Write the plan into the project's settings, with who changed it and when.

    Raises
    ------
    UsageError
        Initials are none, or stand there twice.
    """
    check_initials(plan.annotators)
    told = {**asdict(plan), "annotators": list(plan.annotators), "by": by, "at": utc_now()}
    project.change_settings({SETTING: told})


def gold_annotator(sample_folder: Path) -> str:
    """Return whose landmarks of a sample are the gold; empty where it is no gold sample."""
    return str(_last_said(sample_folder / "landmarks" / _GOLD, "annotator") or "")


def make_gold(project: Project, sample: Sample, annotator: str, *, by: str = "") -> None:
    """Say that the landmarks of an annotator are the right ones of a sample; an empty name takes that back.

    Raises
    ------
    UsageError
        That annotator has not worked on the sample, or has not handed the work in.
    """
    folder = _folder_to_write(project, sample) / "landmarks"
    if annotator and (annotator == PREFILL or not (folder / annotator / JOURNAL).is_file()):
        raise UsageError(f"{annotator} has not annotated {sample.id}, so these landmarks cannot be its gold")
    if annotator and standing(folder.parent, annotator) is not Standing.SUBMITTED:
        raise UsageError(f"{annotator} has not submitted {sample.id} as it is now; submit it, then make it gold")
    append_line(folder / _GOLD, json.dumps({"annotator": annotator, "by": by, "at": utc_now()}))


def assigned_to(sample_folder: Path) -> tuple[str, ...]:
    """Return to whom a person gave a sample; empty where the plan deals it out."""
    said = _last_said(sample_folder / "landmarks" / _ASSIGNED, "annotators")
    return tuple(str(a) for a in said) if isinstance(said, list) else ()


def assign(project: Project, sample: Sample, annotators: Sequence[str], *, by: str = "") -> None:
    """Give a sample to these annotators, whatever the plan says; with none the plan deals it out again.

    Raises
    ------
    UsageError
        Initials are none, or stand there twice.
    """
    folder = _folder_to_write(project, sample) / "landmarks"
    check_initials(annotators)
    append_line(folder / _ASSIGNED, json.dumps({"annotators": list(annotators), "by": by, "at": utc_now()}))


def _folder_to_write(project: Project, sample: Sample) -> Path:
    project.must_write()
    folder = project.sample_folder(sample)
    if not folder.is_dir():  # writers make missing folders
        raise UsageError(
            f"{sample.subject} {sample.id} is no longer there: it was moved or put right; look at it again"
        )
    return folder


def _last_said(file: Path, name: str) -> Any:
    """Return a field of the last whole line of a journal; ``None`` where there is none."""
    if file.is_file():
        for line in reversed(file.read_text(encoding="utf-8", errors="replace").splitlines()):
            with contextlib.suppress(ValueError, KeyError, TypeError):  # half a line after a kill
                return json.loads(line)[name]
    return None


def standing(sample_folder: Path, annotator: str) -> Standing:
    """Return how far an annotator is with a sample."""
    folder = sample_folder / "landmarks" / annotator
    if not (folder / JOURNAL).is_file():
        return Standing.SUBMITTED if submitted_revision(folder) >= 0 else Standing.TO_DO
    revision = LandmarkJournal(folder / JOURNAL).revision
    return Standing.SUBMITTED if submitted_revision(folder) == revision else Standing.IN_WORK


def is_blind(project: Project, sample: Sample) -> bool:
    """Return whether annotators must not see each other's points: a gold sample, or one that several people get."""
    folder = project.sample_folder(sample)
    chosen = assigned_to(folder)
    return bool(gold_annotator(folder)) or (len(chosen) or plan_of(project).seats(sample)) > 1


def planned_samples(
    project: Project, annotator: str = "", reporter: Reporter | None = None
) -> tuple[PlannedSample, ...]:
    """Return whose each sample is, in the order of capture; takes that were done again or skipped are left out.

    Parameters
    ----------
    project : Project
        Of which samples.
    annotator : str
        Whose standing alone is read, for that takes time; empty for everybody's.
    reporter : Reporter, optional
        Is told how far the reading is.
    """
    plan = plan_of(project)
    samples = [s for s in project.samples() if s.verdict in (Verdict.OPEN, Verdict.ACCEPTED)]
    reporter = reporter or Reporter()
    found = []
    for k, sample in enumerate(samples):
        reporter.progress(k / max(len(samples), 1), f"{sample.subject} {sample.expression}")
        found.append(_planned(plan, sample, project.sample_folder(sample), annotator))
    return tuple(found)


def planned_sample(project: Project, sample: Sample) -> PlannedSample:
    """Return whose one sample is, and how far everybody is with it."""
    return _planned(plan_of(project), sample, project.sample_folder(sample), "")


def _planned(plan: AnnotationPlan, sample: Sample, folder: Path, annotator: str) -> PlannedSample:
    begun = _begun(folder)
    read = [who for who in begun if annotator in ("", who)]
    standings = {who: standing(folder, who) for who in read}
    gold, chosen = gold_annotator(folder), assigned_to(folder)
    if chosen:
        return PlannedSample(sample, chosen, 0, True, gold, standings)
    seats = 0 if gold else plan.seats(sample)  # gold is in the queue of everybody else, at its share
    # Who has begun keeps a sample, so that a changed plan takes work from nobody, and done work is not done again.
    if not plan.annotators:
        return PlannedSample(sample, begun, max(seats - len(begun), 0), False, gold, standings)
    held = [a for a in begun if a in plan.annotators or submitted_revision(folder / "landmarks" / a) >= 0]
    ranked = sorted(plan.annotators, key=lambda a: _chance("owner", a, sample.subject, sample.id))
    dealt = [a for a in ranked if a not in held][: max(seats - len(held), 0)]
    return PlannedSample(sample, (*held, *dealt), 0, False, gold, standings)


def _begun(sample_folder: Path) -> tuple[str, ...]:
    files = (f for name in (JOURNAL, SUBMITTED) for f in sample_folder.glob(f"landmarks/*/{name}"))
    return tuple(sorted({f.parent.name for f in files} - {PREFILL}))


def queue_of(project: Project, annotator: str) -> tuple[Queued, ...]:
    """Return the samples of an annotator, in the order in which they are to be done; see `queue_from`."""
    return queue_from(plan_of(project), planned_samples(project, annotator), annotator)


def queue_from(plan: AnnotationPlan, planned: Sequence[PlannedSample], annotator: str) -> tuple[Queued, ...]:
    """Return the samples of an annotator, in the order in which they are to be done.

    Own samples stand in the order of capture, those that are in work first. Gold samples are mixed in at their share,
    at places that depend on the annotator and look like any other. Samples that are other people's are left out;
    without a list of annotators, those that enough others have begun.
    """
    gold = [p for p in planned if p.is_gold_for(annotator)]
    own = [p for p in planned if not p.is_gold_for(annotator) and p.is_for(annotator)]
    rank = {Standing.IN_WORK: 0, Standing.TO_DO: 1, Standing.SUBMITTED: 2}
    share = plan.gold_share if not plan.annotators or annotator in plan.annotators else 0.0
    queue = [Queued(p.sample, p.standing(annotator)) for p in _mixed(own, gold, share, annotator)]
    return tuple(sorted(queue, key=lambda q: rank[q.standing]))


def next_for(project: Project, annotator: str, after: Sample | None = None) -> Sample | None:
    """Return the sample that an annotator does next, not the one that is given; ``None`` when all are handed in."""
    waiting = (q.sample for q in queue_of(project, annotator) if q.standing is not Standing.SUBMITTED)
    return next((s for s in waiting if after is None or s.id != after.id or s.subject != after.subject), None)


def _chance(*words: str) -> float:
    """A number from 0 to 1 that depends on words alone, so that every machine deals alike."""
    return int.from_bytes(hashlib.sha256("/".join(words).encode()).digest()[:8], "big") / 2**64


def _mixed(
    own: Sequence[PlannedSample], gold: Sequence[PlannedSample], share: float, annotator: str
) -> list[PlannedSample]:
    """Own samples with gold ones between them: as many as their share asks, and all that were begun."""

    def chance(kind: str, planned: PlannedSample) -> float:
        return _chance(kind, annotator, planned.sample.subject, planned.sample.id)

    begun = sum(annotator in p.standings for p in gold)
    asked = math.ceil(len(own) * share / (1 - share)) if share < 1 else len(gold)
    ordered = sorted(gold, key=lambda p: (annotator not in p.standings, chance("gold", p)))
    chosen = ordered[: max(asked, begun)]
    places = sorted(range(len(own)), key=lambda k: chance("mix", own[k])) or [0]
    before: dict[int, list[PlannedSample]] = {}
    for j, planned in enumerate(chosen):
        before.setdefault(places[j % len(places)], []).append(planned)
    mixed = list(before.get(0, [])) if not own else []
    for k, planned in enumerate(own):
        mixed += [*before.get(k, []), planned]
    return mixed
