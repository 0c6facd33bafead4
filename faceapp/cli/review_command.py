"""``faceapp review queue|give|agreement|export PROJECT``."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option

if TYPE_CHECKING:
    from faceapp.app.review_queue import QueueEntry
    from faceapp.store.project import Project


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    queue = acts.add_parser("queue", help="the registrations, suspicious first, and a random share")
    give = acts.add_parser("give", help="a verdict on the newest registration of a sample")
    agreement = acts.add_parser("agreement", help="how far each two reviewers agree: Cohen's kappa")
    export = acts.add_parser("export", help="verdicts and figures as CSV, and a page of all for any browser")
    for sub in (queue, give, agreement, export):
        sub.add_argument("project", type=Path, help="folder of the project")
    for sub in (queue, export):
        sub.add_argument("--share", type=_share, default=None, help="of those that nothing speaks against: 0 to 1")
    queue.add_argument("--by", default="", help="initials: what this reviewer has to look at still")
    queue.add_argument("--day", help="of the draw, such as 2026-03-14 (default: today)")
    give.add_argument("sample", help="such as S0001/smile/1")
    give.add_argument("verdict", choices=("accept", "maybe", "reject", "take-back"))
    give.add_argument("--by", required=True, help="initials of the reviewer")
    give.add_argument("--reason", default="", help="why it is rejected, such as mouth")
    export.add_argument("--out", type=Path, default=Path("reviews"), help="folder (default: reviews)")
    export.add_argument("--force", action="store_true", help="write over an earlier export")
    for sub in (queue, give, agreement, export):
        add_json_option(sub)


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


def run(options: argparse.Namespace, console: Console) -> int:
    """Do one of the acts."""
    from faceapp.store.project import Project

    with Project.open(options.project, read_only=options.act != "give") as project:
        act = {"queue": _queue, "give": _give, "agreement": _agreement, "export": _export}[options.act]
        act(project, options, console)
    return 0


def _queue(project: Project, options: argparse.Namespace, console: Console) -> None:
    from faceapp.app.review_queue import review_queue

    entries = review_queue(project, share=options.share, day=options.day)
    if options.by:
        entries = tuple(entry for entry in entries if entry.is_due(options.by))
    shown = [_entry(entry) for entry in entries]
    lines = [_line(entry) for entry in entries] or ["nothing to look at"]
    console.result({"queue": shown}, "\n".join(lines))


def _entry(entry: QueueEntry) -> dict[str, object]:
    return {
        "sample": _name(entry),
        "run": entry.run.name,
        "score": round(entry.score, 3),
        "why": entry.words,
        "suspicious": entry.suspicious,
        "drawn": entry.drawn,
        "stale": list(entry.stale),
        "verdicts": {review.by: review.verdict for review in entry.reviews},
        "residual_p95": entry.residual_p95,
    }


def _name(entry: QueueEntry) -> str:
    return f"{entry.sample.subject}/{entry.sample.expression}/{entry.sample.take}"


def _line(entry: QueueEntry) -> str:
    told = [entry.words] if entry.words else ["random share"] if entry.drawn else []
    told += [f"stale: {reason}" for reason in entry.stale]
    told += [f"{review.by}: {review.verdict}" for review in entry.reviews]
    p95 = "" if math.isnan(entry.residual_p95) else f"p95 {entry.residual_p95:.2f} mm"
    return f"{_name(entry):24} {entry.score:5.1f}  {p95:12}  {'; '.join(told)}".rstrip()


def _give(project: Project, options: argparse.Namespace, console: Console) -> None:
    from faceapp.app.reviewing import TAKEN_BACK, give_review
    from faceapp.app.sample_stages import runs_of
    from faceapp.core.errors import UsageError

    sample = project.find_sample(options.sample)
    runs = runs_of(project, sample, "register")
    if not runs:
        raise UsageError(
            f"{options.sample} is not registered; do that with: faceapp sample register {options.project} "
            f"{options.sample}"
        )
    verdict = TAKEN_BACK if options.verdict == "take-back" else options.verdict
    give_review(project, sample, runs[0], verdict, options.by.upper(), options.reason)
    data = {"sample": options.sample, "run": runs[0].name, "verdict": verdict, "by": options.by.upper()}
    console.result(data, f"{options.sample}: {verdict} by {options.by.upper()}")


def _agreement(project: Project, options: argparse.Namespace, console: Console) -> None:
    del options
    from faceapp.app.reviewing import VERDICTS, agreements, read_reviews, seconds_each

    found = agreements(project)
    shown = [
        {
            "raters": list(a.raters),
            "count": a.count,
            "observed": round(a.observed, 4),
            "kappa": None if math.isnan(a.kappa) else round(a.kappa, 4),
            "error": None if math.isnan(a.error) else round(a.error, 4),
            "verdicts": list(VERDICTS),
            "table": [list(row) for row in a.table],
        }
        for a in found
    ]
    seconds = seconds_each([review for sample in project.samples() for review in read_reviews(project, sample)])
    lines = [
        f"{a.raters[0]} and {a.raters[1]}: kappa {_kappa(a.kappa, a.error)}, "
        f"same verdict on {a.observed:.0%} of {a.count}"
        for a in found
    ] or ["no two reviewers judged the same registration yet"]
    lines += [f"{by}: {value:.1f} s each" for by, value in sorted(seconds.items())]
    data = {"agreement": shown, "seconds_each": {by: round(value, 2) for by, value in seconds.items()}}
    console.result(data, "\n".join(lines))


def _kappa(value: float, error: float) -> str:
    return "unknown (both always said the same one word)" if math.isnan(value) else f"{value:.2f} ± {error:.2f}"


def _export(project: Project, options: argparse.Namespace, console: Console) -> None:
    from faceapp.app.review_export import export_reviews

    files = export_reviews(project, options.out, share=options.share, force=options.force, reporter=console.reporter)
    console.result({"files": [str(file) for file in files]}, "")
