"""Changes of the plan of annotation as values: made, taken back and made again the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from faceapp.app.annotation_plan import (
    AnnotationPlan,
    PlannedSample,
    Standing,
    assign,
    assigned_to,
    change_plan,
    check_initials,
    gold_annotator,
    make_gold,
    plan_of,
)
from faceapp.core.subject import Sample
from faceapp.store.project import Project


@dataclass(frozen=True)
class Assigned:
    """To whom a person gives a sample, and had given it before; with none the plan deals it out."""

    sample: Sample
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True)
class Golden:
    """Whose landmarks are the gold of a sample, and were before; an empty name is no gold."""

    sample: Sample
    before: str
    after: str


@dataclass(frozen=True)
class PlanEdit:
    """One change by a person.

    Parameters
    ----------
    title : str
        What was done, as a sentence without its full stop.
    plan : tuple of AnnotationPlan
        Before and after; empty where the plan stays.
    assigned : tuple of Assigned
        Samples that are given by hand.
    gold : tuple of Golden
        Samples that become gold, or no longer are.
    """

    title: str
    plan: tuple[AnnotationPlan, ...] = ()
    assigned: tuple[Assigned, ...] = ()
    gold: tuple[Golden, ...] = ()

    @property
    def back(self) -> PlanEdit:
        """The change that takes this one back."""
        return PlanEdit(
            f"Taken back: {self.title[:1].lower()}{self.title[1:]}",
            self.plan[::-1],
            tuple(Assigned(a.sample, a.after, a.before) for a in self.assigned),
            tuple(Golden(g.sample, g.after, g.before) for g in self.gold),
        )


def edit_plan(project: Project, plan: AnnotationPlan) -> PlanEdit:
    """Return the change to another plan."""
    who = ", ".join(plan.annotators) or "everybody"
    return PlanEdit(f"The samples are for {who}", (plan_of(project), plan))


def edit_assigned(project: Project, samples: Sequence[Sample], annotators: Sequence[str]) -> PlanEdit:
    """Return the change that gives samples to annotators; with none the plan deals them out again.

    Raises
    ------
    UsageError
        Initials are none, or stand there twice.
    """
    check_initials(annotators)
    title = f"{_count(samples)} for {', '.join(annotators)}" if annotators else f"{_count(samples)} as the plan deals"
    given = (Assigned(s, assigned_to(project.sample_folder(s)), tuple(annotators)) for s in samples)
    return PlanEdit(title, assigned=tuple(given))


def edit_gold(project: Project, samples: Sequence[Sample], annotator: str) -> PlanEdit:
    """Return the change that makes an annotator's landmarks the gold of samples; an empty name takes gold back."""
    title = f"The landmarks of {annotator} are gold: {_count(samples)}" if annotator else f"{_count(samples)} not gold"
    golden = (Golden(s, gold_annotator(project.sample_folder(s)), annotator) for s in samples)
    return PlanEdit(title, gold=tuple(golden))


def gold_choices(planned: Sequence[PlannedSample]) -> dict[str, tuple[Sample, ...]]:
    """Return by annotator the samples of which the landmarks are handed in: these can be gold."""
    found: dict[str, list[Sample]] = {}
    for p in planned:
        for who, far in p.standings.items():
            if far is Standing.SUBMITTED:
                found.setdefault(who, []).append(p.sample)
    return {who: tuple(found[who]) for who in sorted(found)}


def apply_edit(project: Project, edit: PlanEdit, *, by: str) -> None:
    """Write a change to the disk; what of it is written when something fails stays written.

    Raises
    ------
    UsageError
        A sample was moved, or landmarks that were to be gold are not handed in.
    """
    if edit.plan:
        change_plan(project, edit.plan[-1], by=by)
    for given in edit.assigned:
        assign(project, given.sample, given.after, by=by)
    for golden in edit.gold:
        make_gold(project, golden.sample, golden.after, by=by)


def _count(samples: Sequence[Sample]) -> str:
    if len(samples) == 1:
        return f"{samples[0].subject} {samples[0].expression.replace('_', ' ')} {samples[0].take}"
    return f"{len(samples)} samples"
