"""``report.json``: the figures of a result and its provenance; and the hashes that provenance names."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path
from typing import Any

from faceapp.core.results import Metric, Provenance, Report
from faceapp.formats.atomic import write_json
from faceapp.formats.schemas import read_json


def describe_report(report: Report) -> dict[str, Any]:
    """Return the JSON form of a report; figures that are not finite become ``null``."""
    return {
        "schema": "faceapp/report",
        "schema_version": 1,
        "metrics": [
            {"name": m.name, "value": _plain(m.value), "unit": m.unit, "count": m.count} for m in report.metrics
        ],
        "warnings": list(report.warnings),
        "provenance": {
            "made_by": report.provenance.made_by,
            "version": report.provenance.version,
            "parameters": report.provenance.parameters,
            "inputs": report.provenance.inputs,
            "seed": report.provenance.seed,
            "seconds": round(report.provenance.seconds, 3),
        },
        **report.extra,
    }


def _plain(value: float | str | None) -> float | str | None:
    if isinstance(value, str) or value is None:
        return value
    return float(value) if math.isfinite(value) else None


def write_report(file: Path, report: Report) -> None:
    """Write ``report.json`` whole or not at all."""
    write_json(file, describe_report(report))


def read_report(file: Path) -> Report:
    """Read a report.

    Raises
    ------
    DataError
        The file is missing or breaks its schema.
    """
    data = read_json(file, "report")
    known = {"schema", "schema_version", "metrics", "warnings", "provenance"}
    return Report(
        tuple(Metric(m["name"], m["value"], m["unit"], m["count"]) for m in data["metrics"]),
        Provenance(
            **{k: data["provenance"][k] for k in ("made_by", "version", "parameters", "inputs", "seed", "seconds")}
        ),
        tuple(data.get("warnings", ())),
        {k: v for k, v in data.items() if k not in known},
    )


def hash_path(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder's names and contents, hidden files aside."""
    digest = hashlib.sha256()
    if path.is_dir():
        for file in sorted(p for p in path.rglob("*") if p.is_file() and not p.name.startswith(".")):
            digest.update(str(file.relative_to(path)).encode())
            digest.update(hash_path(file).encode())
        return digest.hexdigest()
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
