"""One HTML file with the registrations of a project: figures, verdicts and pictures, for any browser."""

from __future__ import annotations

import base64
import html
import math
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from faceapp.app.jobs import worker_pool
from faceapp.app.registering import RENDER_DISTANCE
from faceapp.app.review_queue import QueueEntry
from faceapp.app.reviewing import Agreement
from faceapp.core.arrays import UInt8Array
from faceapp.core.errors import FaceappError
from faceapp.core.results import Report
from faceapp.core.signals import Reporter
from faceapp.formats.images import read_image
from faceapp.formats.ply import read_mesh, read_ply
from faceapp.formats.reports import read_report
from faceapp.store.project import Project

_VIEW_PX = 480
"""Width of one view in the picture of a result: three heat maps, then the scan in its colours."""
_SHAPE_VIEWS = 3
_QUALITY = 82

_STYLE = """
:root{color-scheme:light dark;--ground:#f1f2f4;--panel:#fff;--text:#1a1d21;--dim:#4a515b;--line:#dadde2;--good:#17734a;
--check:#855000;--bad:#bb2a22}
@media(prefers-color-scheme:dark){:root{--ground:#17181b;--panel:#1e2023;--text:#e9ebee;--dim:#b0b6bf;--line:#303338;
--good:#4cc38a;--check:#e8b04a;--bad:#ff8073}}
body{margin:0;background:var(--ground);color:var(--text);font:14px/1.5 Inter,"Segoe UI",system-ui,sans-serif}
main{max-width:1180px;margin:0 auto;padding:24px 16px 64px}h1{font-size:22px;margin:0 0 4px}h2{font-size:15px;margin:0}
p{margin:4px 0}.dim{color:var(--dim)}section,.box{background:var(--panel);border-radius:8px;padding:16px;margin:16px 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}td,th{padding:3px 14px 3px 0;text-align:right;
border-bottom:1px solid var(--line);font-weight:400}th{color:var(--dim)}td:first-child,th:first-child{text-align:left}
img{width:100%;border-radius:6px;margin:10px 0}.good{color:var(--good)}.check{color:var(--check)}.bad{color:var(--bad)}
.head{display:flex;gap:12px;align-items:baseline;flex-wrap:wrap}a{color:inherit}.scroll{overflow-x:auto}
@media print{section{break-inside:avoid}}
"""

_WORDS = {"accept": ("Accepted", "good"), "maybe": ("Maybe", "check"), "reject": ("Rejected", "bad")}
_MARKS = {"good": "✓", "check": "▲", "bad": "✕"}


def review_page(
    project: Project, entries: Sequence[QueueEntry], agreed: Sequence[Agreement], reporter: Reporter | None = None
) -> str:
    """Return the page, whole in itself; a subject's pictures are in it as far as its consent goes.

    Parameters
    ----------
    project : Project
        Whose.
    entries : sequence of QueueEntry
        In the order of the page.
    agreed : sequence of Agreement
        Of the reviewers.
    reporter : Reporter, optional
        Told of progress; can stop the work.
    """
    reporter = reporter or Reporter()
    name = html.escape(str(project.settings["name"]))
    made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{name}: registrations</title>",
        "<meta name=viewport content='width=device-width, initial-scale=1'>",
        f"<style>{_STYLE}</style><main><h1>{name}: registrations</h1>"
        f"<p class=dim>{len(entries)} registration{'' if len(entries) == 1 else 's'}, {made}. "
        "The most suspicious come first. Heat maps: signed distance to the scan, blue inside, red outside; "
        "grey: the scan shows nothing.</p>",
        _overview(entries),
        _agreement(agreed),
    ]
    for place, entry in enumerate(entries, start=1):
        reporter.progress((place - 1) / max(1, len(entries)), f"page: {entry.sample.subject} {entry.sample.expression}")
        parts.append(_section(project, entry, place))
    parts.append("</main></html>\n")
    return "\n".join(parts)


def _overview(entries: Sequence[QueueEntry]) -> str:
    rows = "".join(
        f"<tr><td><a href='#r{place}'>{html.escape(_title(e))}</a><td>{_mm(e.residual_mean)}<td>{_mm(e.residual_p95)}"
        f"<td>{_share(e.seen)}<td>{e.score:.1f}<td>{_verdicts(e)}"
        for place, e in enumerate(entries, start=1)
    )
    head = "<tr><th>Sample<th>Mean<th>p95<th>Covered<th>Suspicion<th>Verdicts"
    return f"<div class='box scroll'><table>{head}{rows}</table></div>"


def _agreement(agreed: Sequence[Agreement]) -> str:
    if not agreed:
        return ""
    rows = "".join(
        f"<tr><td>{html.escape(a.raters[0])} and {html.escape(a.raters[1])}<td>{a.count}<td>{_share(a.observed)}"
        f"<td>{'–' if math.isnan(a.kappa) else f'{a.kappa:.2f} ± {a.error:.2f}'}"
        for a in agreed
    )
    head = "<tr><th>Reviewers<th>Both judged<th>Same verdict<th>Cohen's kappa"
    return f"<div class='box scroll'><h2>Agreement</h2><table>{head}{rows}</table></div>"


def _section(project: Project, entry: QueueEntry, place: int) -> str:
    report = read_report(entry.run / "report.json")
    by = report.provenance
    told = [f"<section id=r{place}><div class=head><h2>{html.escape(_title(entry))}</h2>{_verdicts(entry)}</div>"]
    if entry.words:
        told.append(f"<p class=check>▲ {html.escape(entry.words)} (suspicion {entry.score:.1f})</p>")
    told += [f"<p class=check>▲ Stale: {html.escape(reason)}</p>" for reason in entry.stale]
    told += [f"<p class=check>▲ {html.escape(warning)}</p>" for warning in report.warnings]
    told.append(_picture(project, entry))
    told.append(f"<div class=scroll><table><tr><th>Part<th>Mean<th>p95<th>Covered{_part_rows(report)}</table></div>")
    for review in entry.reviews:
        reason = f", {review.reason}" if review.reason else ""
        words = f"{review.by}: {_WORDS[review.verdict][0].lower()}{reason}, {review.at[:16].replace('T', ' ')}"
        told.append(f"<p class=dim>{html.escape(words)}</p>")
    told.append(
        f"<p class=dim>{html.escape(f'{by.made_by} {by.version}, {by.seconds:.1f} s, run {entry.run.name}')}</p>"
    )
    return "".join(told) + "</section>"


def _part_rows(report: Report) -> str:
    values = {m.name: m.value for m in report.metrics}
    parts = [m.name.removesuffix(".residual_p95") for m in report.metrics if m.name.endswith(".residual_p95")]

    def number(name: str) -> float:
        value = values.get(name)
        return float(value) if isinstance(value, int | float) else math.nan

    return "".join(
        f"<tr><td>{html.escape(part.replace('_', ' '))}<td>{_mm(number(f'{part}.residual_mean'))}"
        f"<td>{_mm(number(f'{part}.residual_p95'))}<td>{_share(number(f'{part}.seen'))}"
        for part in parts
    )


def _picture(project: Project, entry: QueueEntry) -> str:
    try:
        consent = project.subject(entry.sample.subject).consent
    except FaceappError:
        consent = ()
    if "shape" not in consent and "pictures" not in consent:
        return "<p class=dim>No picture: the subject's consent covers neither shape nor pictures.</p>"
    try:
        image = _heat_maps(project, entry)
    except (FaceappError, OSError) as error:
        return f"<p class=bad>✕ No picture: {html.escape(str(error))}</p>"
    if "pictures" not in consent:
        image = np.ascontiguousarray(image[:, : _SHAPE_VIEWS * _VIEW_PX])
    good, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    if not good:
        return ""
    words = f"Heat map of {_title(entry)}"
    return f"<img alt='{html.escape(words)}' src='data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}'>"


def _heat_maps(project: Project, entry: QueueEntry) -> UInt8Array:
    file = entry.run / "distance.png"
    if file.is_file():
        return np.asarray(read_image(file), np.uint8)
    mesh_file = entry.run / "registered.ply"
    distance = read_ply(mesh_file).vertex.get("distance")
    mesh = read_mesh(mesh_file)
    scan_file = project.sample_folder(entry.sample) / "scan" / "mesh.ply"
    scan = read_mesh(scan_file) if scan_file.is_file() else None
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "distance.png"
        values = np.full(len(mesh.vertices), np.nan) if distance is None else distance
        worker_pool().call(RENDER_DISTANCE, made, mesh, values, scan)
        return np.asarray(read_image(made), np.uint8)


def _title(entry: QueueEntry) -> str:
    take = f", take {entry.sample.take}" if entry.sample.take > 1 else ""
    return f"{entry.sample.subject} {entry.sample.expression.replace('_', ' ')}{take}"


def _verdicts(entry: QueueEntry) -> str:
    if not entry.reviews:
        return "<span class=dim>Not judged</span>"
    told = []
    for review in entry.reviews:
        word, kind = _WORDS[review.verdict]
        told.append(f"<span class={kind}>{_MARKS[kind]} {word}</span>")
    return ", ".join(told)


def _mm(value: float) -> str:
    if math.isnan(value):
        return "–"
    return f"{1000 * value:.0f} µm" if abs(value) < 0.1 else f"{value:.2f} mm"


def _share(value: float) -> str:
    return "–" if math.isnan(value) else f"{100 * value:.1f} %"
