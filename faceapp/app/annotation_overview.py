"""The plan of a project at a glance: whose each sample is and how far, and how much each annotator has to do."""

from __future__ import annotations

from dataclasses import dataclass

from faceapp.app.annotation_plan import (
    AnnotationPlan,
    PlannedSample,
    Standing,
    plan_of,
    planned_samples,
    queue_from,
)
from faceapp.app.annotation_work import Work, sample_works, summed
from faceapp.core.signals import Reporter
from faceapp.store.project import Project


@dataclass(frozen=True)
class Load:
    """What one annotator has to do and has done.

    Parameters
    ----------
    annotator : str
        Initials.
    planned : bool
        Whether the plan lists them; others have work from before, or samples that a person gave them.
    to_do, in_work, submitted : int
        Samples of the queue, gold ones among them.
    gold : int
        How many of the queue are gold, which the annotator is not told.
    work : Work or None
        Acts and time; ``None`` for who has not begun.
    """

    annotator: str
    planned: bool
    to_do: int
    in_work: int
    submitted: int
    gold: int
    work: Work | None


@dataclass(frozen=True)
class PlanOverview:
    """The plan, whose each sample is, and how much each annotator has."""

    plan: AnnotationPlan
    samples: tuple[PlannedSample, ...]
    loads: tuple[Load, ...]

    @property
    def gold_count(self) -> int:
        """How many samples are gold."""
        return sum(bool(p.gold) for p in self.samples)


def overview_of(project: Project, reporter: Reporter | None = None) -> PlanOverview:
    """Read the plan with all samples and all work; it reads every journal, so call it on a thread."""
    plan, samples = plan_of(project), planned_samples(project, reporter=reporter)
    works = {w.annotator: w for w in summed(sample_works(project))}
    others = {who for p in samples for who in (*p.owners, *p.standings)} | set(works)
    people = (*plan.annotators, *sorted(others - set(plan.annotators)))
    return PlanOverview(plan, samples, tuple(_load(plan, samples, who, works.get(who)) for who in people))


def _load(plan: AnnotationPlan, samples: tuple[PlannedSample, ...], who: str, work: Work | None) -> Load:
    queue = queue_from(plan, samples, who)
    gold = {(p.sample.subject, p.sample.id) for p in samples if p.is_gold_for(who)}
    counts = {s: sum(q.standing is s for q in queue) for s in Standing}
    return Load(
        annotator=who,
        planned=who in plan.annotators,
        to_do=counts[Standing.TO_DO],
        in_work=counts[Standing.IN_WORK],
        submitted=counts[Standing.SUBMITTED],
        gold=sum((q.sample.subject, q.sample.id) in gold for q in queue),
        work=work,
    )
