"""``faceapp landmarks agreement|queue|plan|work|assign|gold``."""

from __future__ import annotations

import argparse
import math
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from faceapp.cli.console import Console

if TYPE_CHECKING:
    from faceapp.app.agreement import Agreement, Comparison
    from faceapp.app.annotation_plan import PlannedSample
    from faceapp.store.project import Project


def run_people(options: argparse.Namespace, console: Console) -> int:
    """Do one of the acts."""
    from faceapp.store.project import Project

    writes = options.act in ("gold", "assign") or (options.act == "plan" and bool(_plan_changes(options)))
    with Project.open(options.project, read_only=not writes) as project:
        acts = {
            "agreement": _agreement, "queue": _queue, "plan": _plan, "work": _work, "assign": _assign, "gold": _gold,
        }  # fmt: skip
        return acts[options.act](options, console, project)


def _initials(listed: str) -> tuple[str, ...]:
    return tuple(a.strip() for a in listed.split(",") if a.strip())


def _plan_changes(options: argparse.Namespace) -> dict[str, Any]:
    given = {name: getattr(options, name) for name in ("gold_share", "double_share", "per_sample")}
    changes = {name: value for name, value in given.items() if value is not None}
    if options.annotators is not None:
        changes["annotators"] = _initials(options.annotators)
    return changes


def _plan(options: argparse.Namespace, console: Console, project: Project) -> int:
    from faceapp.app.annotation_plan import change_plan, plan_of, planned_samples

    plan, changes = plan_of(project), _plan_changes(options)
    if changes:
        plan = replace(plan, **changes)
        change_plan(project, plan, by=options.by)
    who = ", ".join(plan.annotators) or "everybody"
    told = (
        f"annotators: {who}\neach sample: {plan.per_sample}, one more gets {plan.double_share:.0%} of the samples\n"
        f"gold: {plan.gold_share:.0%} of a queue"
    )
    data: dict[str, Any] = asdict(plan)
    if options.samples:
        samples = planned_samples(project, reporter=console.reporter)
        data["samples"] = [_sample_described(p) for p in samples]
        told = "\n".join([told, "", *(_sample_told(p) for p in samples)])
    console.result(data, told)
    return 0


def _name(planned: PlannedSample) -> str:
    return f"{planned.sample.subject}/{planned.sample.expression}/{planned.sample.take}"


def _sample_described(p: PlannedSample) -> dict[str, Any]:
    return {
        "sample": _name(p),
        "annotators": list(p.owners),
        "free": p.free,
        "by_hand": p.by_hand,
        "gold": p.gold,
        "standings": {who: state.value for who, state in p.standings.items()},
    }


def _sample_told(p: PlannedSample) -> str:
    owners = ", ".join([*p.owners, *(["anybody"] if p.free else [])])
    far = ", ".join(f"{who} {state.value}" for who, state in p.standings.items())
    notes = [*(["by hand"] if p.by_hand else []), *([f"gold of {p.gold}"] if p.gold else []), *([far] if far else [])]
    return f"{_name(p):30s} {owners:20s} {'; '.join(notes)}".rstrip()


def _work(options: argparse.Namespace, console: Console, project: Project) -> int:
    from faceapp.app.annotation_overview import overview_of

    loads = overview_of(project, console.reporter).loads
    data = [{**asdict(row), "work": _known(asdict(row.work)) if row.work is not None else None} for row in loads]
    lines = [
        f"{'who':10s} {'to do':>6s} {'begun':>6s} {'in':>5s} {'gold':>5s} {'acts':>6s} {'hours':>6s} {'median s':>8s}"
    ]
    for row in loads:
        did = row.work
        acts, hours, median = (did.acts, did.hours, did.median_seconds) if did is not None else (0, 0.0, math.nan)
        lines.append(
            f"{row.annotator:10s} {row.to_do:6d} {row.in_work:6d} {row.submitted:5d} {row.gold:5d} {acts:6d} "
            f"{hours:6.2f} {_figure(median, 8, 0)}"
        )
    console.result({"annotators": data}, "\n".join(lines) if loads else "nobody is listed, and nobody has begun")
    return 0


def _assign(options: argparse.Namespace, console: Console, project: Project) -> int:
    from faceapp.app.annotation_plan import assign

    samples = [project.find_sample(reference) for reference in options.samples]
    annotators = _initials(options.annotators)
    for sample in samples:
        assign(project, sample, annotators, by=options.by)
    count = "1 sample" if len(samples) == 1 else f"{len(samples)} samples"
    told = f"{count} for {', '.join(annotators)}" if annotators else f"{count} dealt out by the plan again"
    console.result({"samples": [s.id for s in samples], "annotators": list(annotators)}, told)
    return 0


def _gold(options: argparse.Namespace, console: Console, project: Project) -> int:
    from faceapp.app.annotation_plan import make_gold

    sample = project.find_sample(options.sample)
    make_gold(project, sample, options.annotator, by=options.by)
    told = f"the landmarks of {options.annotator} are the gold of {sample.id}" if options.annotator else "no gold now"
    console.result({"gold": options.annotator}, told)
    return 0


def _queue(options: argparse.Namespace, console: Console, project: Project) -> int:
    from faceapp.app.annotation_plan import queue_of

    queue = queue_of(project, options.annotator)
    rows = [(f"{q.sample.subject}/{q.sample.expression}/{q.sample.take}", q.standing.value) for q in queue]
    console.result(
        {"queue": [{"sample": name, "standing": state} for name, state in rows]},
        "\n".join(f"{name:30s} {state}" for name, state in rows) or f"nothing is left for {options.annotator}",
    )
    return 0


def _agreement(options: argparse.Namespace, console: Console, project: Project) -> int:
    from faceapp.app.agreement import agreement_of
    from faceapp.app.agreement_files import write_agreement

    found = agreement_of(project, console.reporter)
    if options.out is not None:
        for file in write_agreement(options.out, found, annotator=options.annotator, force=options.force):
            console.reporter.artifact(file, "csv")
    by = "point" if options.points else "group"
    console.result(_described(found, options.annotator, by), _told(found, options.annotator, by))
    return 0


def _described(found: Agreement, annotator: str, by: str) -> dict[str, Any]:
    from faceapp.app.agreement import drifts, figures_of

    tables = {
        name: [_known(asdict(f)) for f in figures_of(found.chosen(gold=gold, annotator=annotator), by)]
        for name, gold in (("gold", True), ("others", False))
    }
    return {
        **tables,
        "work": [_known(asdict(w)) for w in found.annotators],
        "drift": [asdict(d) for d in drifts(found)],
        "skipped": list(found.skipped),
    }


def _known(row: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in row.items()}


def _told(found: Agreement, annotator: str, by: str) -> str:
    from faceapp.app.agreement import drifts

    lines: list[str] = []
    for title, gold in (("Against gold samples", True), ("Between annotators", False)):
        lines += _table(title, found.chosen(gold=gold, annotator=annotator), by)
    lines += [
        "Work",
        f"{'who':10s} {'begun':>6s} {'in':>4s} {'acts':>6s} {'undone':>6s} {'hours':>6s} {'median s':>8s}",
    ]
    lines += [
        f"{w.annotator:10s} {w.begun:6d} {w.submitted:4d} {w.acts:6d} {w.undone:6d} {w.hours:6.2f} "
        f"{_figure(w.median_seconds, 8, 0)}"
        for w in found.annotators
    ]
    lines += [
        f"DRIFT: {d.annotator} against {d.against}: {d.first:.2%} of the eye distance at first, {d.last:.2%} now, "
        f"{d.samples} samples, p {d.probability:.3f}"
        for d in drifts(found)
    ]
    return "\n".join([*lines, *(f"skipped: {s}" for s in found.skipped)])


def _table(title: str, chosen: tuple[Comparison, ...], by: str) -> list[str]:
    from faceapp.app.agreement import figures_of

    if not chosen:
        return [f"{title}: no sample yet"]
    head = f"{'':26s} {'n':>6s} {'moved':>6s} {'mm':>6s} {'p90':>6s} {'% eyes':>7s} {'along':>7s} {'across':>7s}"
    rows = [
        f"{f.name:26s} {f.count:6d} {f.moved:6d} {_figure(f.mm, 6, 2)} {_figure(f.mm_p90, 6, 2)} "
        f"{_figure(100 * f.share, 7, 2)} {_figure(100 * f.along, 7, 2)} {_figure(100 * f.across, 7, 2)}"
        for f in figures_of(chosen, by)
    ]
    return [f"{title}, {len(chosen)} comparisons", head, *rows, ""]


def _figure(value: float, width: int, digits: int) -> str:
    return f"{'-':>{width}s}" if math.isnan(value) else f"{value:{width}.{digits}f}"
