"""The tables of agreement as CSV files."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np

from faceapp.app.agreement import Agreement, Comparison, Drift, Figures, drifts, figures_of
from faceapp.app.annotation_work import Work
from faceapp.app.outputs import check_file
from faceapp.formats.atomic import write_bytes


def write_agreement(folder: Path, agreement: Agreement, *, annotator: str = "", force: bool = True) -> list[Path]:
    """Write ``gold-groups.csv``, ``gold-points.csv``, the same of ``others``, ``pairs``, ``work`` and ``drift``.

    Returns
    -------
    list of Path
        What was written; none before all may be.
    """
    tables: dict[str, str] = {}
    for gold, name in ((True, "gold"), (False, "others")):
        chosen = agreement.chosen(gold=gold, annotator=annotator)
        for by in ("group", "point"):
            tables[f"{name}-{by}s.csv"] = _table(figures_of(chosen, by), [f.name for f in fields(Figures)])
    pairs = [_pair(c) for c in agreement.comparisons if annotator in ("", c.annotator, c.reference)]
    tables["pairs.csv"] = _rows(pairs, list(_PAIR))
    tables["work.csv"] = _table(agreement.annotators, [f.name for f in fields(Work)])
    tables["drift.csv"] = _table(drifts(agreement), [f.name for f in fields(Drift)])
    files = [folder / name for name in tables]
    for file in files:
        check_file(file, force=force)
    for file, text in zip(files, tables.values(), strict=True):
        write_bytes(file, text.encode())
    return files


_PAIR = ("sample", "annotator", "reference", "gold", "at", "points", "mm", "share", "along", "across")


def _pair(c: Comparison) -> dict[str, Any]:
    means = {name: _mean(getattr(c, name)) for name in ("mm", "share", "along", "across")}
    told = {"sample": c.sample, "annotator": c.annotator, "reference": c.reference, "gold": int(c.gold)}
    at = c.at.isoformat() if c.at is not None else ""
    return {**told, "at": at, "points": int(np.isfinite(c.share).sum()), **means}


def _mean(values: np.ndarray) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else math.nan


def _table(rows: Sequence[Figures | Work | Drift], names: list[str]) -> str:
    return _rows([asdict(row) for row in rows], names)


def _rows(rows: Sequence[dict[str, Any]], names: list[str]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_plain(row[name]) for name in names] for row in rows)
    return out.getvalue()


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.6g}"
    return value
