"""The report of a calibration as one HTML file that needs nothing else: figures, bars, coverage, uncertainties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

from faceapp.calibration.coverage import COLUMNS, ROWS, CameraCoverage
from faceapp.core.arrays import FloatArray
from faceapp.core.results import Report

_STYLE = """
body{font:14px Inter,"Segoe UI",sans-serif;color:#1A1D21;background:#F1F2F4;margin:0;padding:24px}
main{max-width:1120px;margin:auto;background:#fff;padding:24px 32px;border-radius:8px}
h1{font-size:22px;margin:0 0 4px}h2{font-size:15px;margin:28px 0 8px}
p.small,figcaption{color:#4A515B;font-size:12px;margin:2px 0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}
td,th{padding:3px 14px 3px 0;text-align:right;border-bottom:1px solid #DADDE2}
td{white-space:pre}td:first-child,th:first-child{text-align:left}th{color:#4A515B;font-weight:600}
.grid{display:flex;flex-wrap:wrap;gap:16px}figure{margin:0}
.bad{color:#BB2A22;font-weight:600}.warn{color:#855000}
@media print{body{background:#fff;padding:0}}
"""
_BLUE, _AMBER = "#1F62D0", "#B87400"


@dataclass(frozen=True, eq=False)
class PageFacts:
    """What the page shows beside the figures of the report.

    Parameters
    ----------
    title, made_at, made_by, board, temperature : str
        For the head of the page.
    cameras, poses : sequence
        Names and numbers, in the order of ``errors``.
    errors : (C, P) float64
        Rms error of each picture, px; NaN for none.
    residuals : dict of str to (N, 2) float64
        Of each camera, px.
    coverage : dict of str to CameraCoverage
        Of each camera.
    uncertainties : dict of str to dict of str to (float, float)
        Value and deviation of each figure of each camera, by name with unit.
    refused : sequence of (str, int, str)
        Camera, pose and reason of the pictures that were left out.
    """

    title: str
    made_at: str
    made_by: str
    board: str
    temperature: str
    cameras: Sequence[str]
    poses: Sequence[int]
    errors: FloatArray
    residuals: Mapping[str, FloatArray]
    coverage: Mapping[str, CameraCoverage]
    uncertainties: Mapping[str, Mapping[str, tuple[float, float]]]
    refused: Sequence[tuple[str, int, str]] = field(default=())


def report_page(report: Report, facts: PageFacts) -> str:
    """Return the HTML of a calibration's report."""
    head = [
        f"<h1>{escape(facts.title)}</h1>",
        f"<p class=small>{escape(facts.made_at)} · by {escape(facts.made_by or 'not said')} · "
        f"{escape(facts.board)} · {len(facts.poses)} poses · {escape(facts.temperature)}</p>",
    ]
    head += [f"<p class=warn>{escape(text)}</p>" for text in report.warnings]
    parts = [
        *head,
        "<h2>Figures</h2>",
        _table(
            ("", "value", "unit", "count"), [(m.name, _number(m.value), m.unit, f"{m.count:,}") for m in report.metrics]
        ),
        "<h2>Error of each pose</h2>",
        _bars(facts),
        "<h2>Coverage and residuals of each camera</h2>",
        "<div class=grid>",
        *(_camera_figures(name, facts) for name in facts.cameras),
        "</div>",
        "<h2>Uncertainty of every parameter</h2>",
        "<p class=small>One standard deviation, predicted from the pictures; poses are relative to the camera "
        "that holds the frame and trade with the principal point: judge points, not poses.</p>",
        _uncertainties(facts),
    ]
    if facts.refused:
        rows = [(camera, f"{pose}", why) for camera, pose, why in facts.refused]
        parts += ["<h2>Pictures that were left out</h2>", _table(("camera", "picture", "reason"), rows)]
    body = "\n".join(parts)
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(facts.title)}</title>"
        f"<style>{_STYLE}</style><main>{body}</main></html>\n"
    )


def _number(value: float | str | None) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else f"{value:.4g}"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f"<th>{escape(text)}" for text in head)
    lines = ("<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in rows)
    return f"<table><tr>{top}{''.join(lines)}</table>"


def _bars(facts: PageFacts) -> str:
    with np.errstate(invalid="ignore"):
        each = np.sqrt(np.nanmean(facts.errors**2, axis=0))
    top = max(float(np.nanmax(each)) * 1.15, 1e-6)
    typical = float(np.nanmedian(each))
    width, height, step = 1040, 150, 1040 / max(len(each), 1)
    bars = []
    for i, value in enumerate(each):
        tall = height * value / top
        colour = _AMBER if value > 1.7 * typical else _BLUE
        tip = f"pose {facts.poses[i]}: {value:.3f} px"
        bars.append(
            f"<rect x={i * step:.1f} y={height - tall:.1f} width={max(step - 3, 1):.1f} height={tall:.1f} "
            f"fill='{colour}'><title>{tip}</title></rect>"
            f"<text x={i * step + step / 2 - 1:.1f} y={height + 12} font-size=9 text-anchor=middle fill='#4A515B'>"
            f"{facts.poses[i] if i % max(len(each) // 20, 1) == 0 else ''}</text>"
        )
    line = height * (1 - typical / top)
    bars.append(f"<line x1=0 x2={width} y1={line:.1f} y2={line:.1f} stroke='#7D848E' stroke-dasharray='3 3'/>")
    return (
        f"<svg width={width} height={height + 18} role=img aria-label='error of each pose'>{''.join(bars)}</svg>"
        f"<p class=small>rms distance in px; the median pose has {typical:.3f} px</p>"
    )


def _camera_figures(name: str, facts: PageFacts) -> str:
    coverage, rest = facts.coverage[name], facts.residuals[name]
    cell, tall = 20, 16
    squares = []
    for row in range(ROWS):
        for column in range(COLUMNS):
            count = int(coverage.corners[row, column])
            share = min(count / 40, 1.0)
            fill = "#E4E6E9" if count < 3 else f"rgba(31,98,208,{0.15 + 0.75 * share:.2f})"
            squares.append(
                f"<rect x={column * cell} y={row * tall} width={cell - 1} height={tall - 1} fill='{fill}'>"
                f"<title>{count} corners</title></rect>"
            )
    map_svg = f"<svg width={COLUMNS * cell} height={ROWS * tall}>{''.join(squares)}</svg>"
    rms = float(np.sqrt((rest**2).sum(axis=1).mean())) if len(rest) else float("nan")
    return (
        f"<figure>{map_svg}{_scatter(rest)}<figcaption><b>{escape(name)}</b> {rms:.3f} px, {coverage.views} pictures, "
        f"{coverage.share:.0%} of the area, tilts to {coverage.largest_tilt_deg:.0f}°</figcaption></figure>"
    )


def _scatter(rest: FloatArray) -> str:
    side, reach = 144, max(float(np.percentile(np.abs(rest), 99.5)) if len(rest) else 0.0, 1e-3)
    some = rest[:: max(len(rest) // 350, 1)]
    spots = "".join(
        f"<circle cx={side / 2 * (1 + u / reach / 1.1):.1f} cy={side / 2 * (1 + v / reach / 1.1):.1f} r=1.2 />"
        for u, v in some
        if abs(u) <= reach and abs(v) <= reach
    )
    return (
        f"<svg width={side} height={side} style='margin-left:10px;background:#F7F8F9'><g fill='{_BLUE}' "
        f"fill-opacity=.45>{spots}</g><path d='M{side / 2} 0V{side}M0 {side / 2}H{side}' stroke='#B0B6BF' "
        f"stroke-width=.6 /><text x=4 y=12 font-size=9 fill='#4A515B'>±{reach:.2f} px</text></svg>"
    )


def _uncertainties(facts: PageFacts) -> str:
    names = list(next(iter(facts.uncertainties.values()), {}))
    rows = []
    for camera, figures in facts.uncertainties.items():
        cells = [f"{figures[name][0]:.5g}\n± {figures[name][1]:.2g}" for name in names]
        rows.append((camera, *cells))
    return f"<div style='overflow-x:auto'>{_table(('', *names), rows)}</div>"
