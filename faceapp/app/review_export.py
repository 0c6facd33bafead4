"""Verdicts and figures of a project's registrations as tables, and as a page for people without the program."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from faceapp.app.outputs import check_file
from faceapp.app.review_page import review_page
from faceapp.app.review_queue import QueueEntry, review_queue
from faceapp.app.reviewing import agreements, read_reviews
from faceapp.core.signals import Reporter
from faceapp.formats.atomic import write_bytes
from faceapp.formats.reports import read_report
from faceapp.store.project import Project

VERDICTS_FILE, FIGURES_FILE, PAGE_FILE = "verdicts.csv", "figures.csv", "registrations.html"


def export_reviews(
    project: Project, out: Path, *, share: float | None = None, force: bool = False, reporter: Reporter | None = None
) -> list[Path]:
    """Write ``verdicts.csv``, ``figures.csv`` and ``registrations.html`` of a project into a folder.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    UsageError
        A file is there already and may not be replaced.
    """
    reporter = reporter or Reporter()
    files = [out / name for name in (VERDICTS_FILE, FIGURES_FILE, PAGE_FILE)]
    for file in files:
        check_file(file, force=force)
    reporter.progress(0.0, "reading the registrations")
    entries = review_queue(project, share=share)
    with reporter.part(0.1, 1.0):
        page = review_page(project, entries, agreements(project), reporter)
    for file, text in zip(files, (verdicts_table(project), figures_table(entries), page), strict=True):
        write_bytes(file, text.encode())
        reporter.artifact(file, file.suffix.lstrip("."))
    return files


def verdicts_table(project: Project) -> str:
    """Return every verdict of every reviewer as CSV, one a line, also those that were taken back."""
    rows = [
        (s.subject, s.expression, s.take, s.id, r.run, r.by, r.verdict, r.reason, r.at)
        for s in project.samples()
        for r in read_reviews(project, s)
    ]
    return _csv(("subject", "expression", "take", "sample", "run", "by", "verdict", "reason", "at"), rows)


def figures_table(entries: Iterable[QueueEntry]) -> str:
    """Return the figures of the newest registration of each sample as CSV, one sample a line, in the queue's order."""
    read = [(entry, read_report(entry.run / "report.json")) for entry in entries]
    names = list(dict.fromkeys((m.name, m.unit) for _, report in read for m in report.metrics))
    head = [
        "place", "subject", "expression", "take", "sample", "run", "plugin", "version", "suspicion", "why", "drawn",
        "stale", "verdicts", *(f"{name} [{unit}]" if unit else name for name, unit in names),
    ]  # fmt: skip
    rows = []
    for place, (entry, report) in enumerate(read, start=1):
        s, by = entry.sample, report.provenance
        values = {(m.name, m.unit): m.value for m in report.metrics}
        verdicts = "; ".join(f"{r.by} {r.verdict}" for r in entry.reviews)
        rows.append(
            (
                place, s.subject, s.expression, s.take, s.id, entry.run.name, by.made_by, by.version,
                f"{entry.score:.3f}", entry.words, "yes" if entry.drawn else "no", "; ".join(entry.stale), verdicts,
                *(_number(values.get(name)) for name in names),
            )
        )  # fmt: skip
    return _csv(head, rows)


def _number(value: float | str | None) -> str:
    return "" if value is None else value if isinstance(value, str) else f"{value:.6g}"


def _csv(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(list(head))
    writer.writerows(rows)
    return stream.getvalue()
