"""What a registration of a sample is made from, and whether that is still what it was made from."""

from __future__ import annotations

import functools
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faceapp.app.repairing import FILE, Repairs
from faceapp.core.errors import FaceappError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.results import Report
from faceapp.formats.calibration_files import FILE as CALIBRATION
from faceapp.formats.landmark_files import describe_landmarks
from faceapp.formats.reports import hash_path
from faceapp.pipeline.registry import get_plugin

TRACES = "upstream"
"""Entry of a report: hashes of the files that the landmarks were lifted from, cheap to compare."""

_WORDS = {
    "calibration": "the rig was calibrated anew",
    "mesh.ply": "the scan was fused anew",
    "landmarks": "a landmark was moved",
    "neutral": "the neutral was registered anew",
    "pins": "a pin was set or taken away",
    "template": "the project has another template",
}


@dataclass(frozen=True, eq=False)
class Upstream:
    """What a registration would be made from now.

    Parameters
    ----------
    marks : Landmarks3D or None
        On the scan, with the repairs; ``None`` where nobody and nothing placed any.
    whose : str
        Whose they are.
    repairs : Repairs
        Of a reviewer.
    neutral : Path or None
        Run of the subject's own neutral.
    inputs : dict of str to str
        Name to SHA-256, as the provenance has them.
    """

    marks: Landmarks3D | None
    whose: str
    repairs: Repairs
    neutral: Path | None
    inputs: dict[str, str]


def hash_landmarks(marks: Any) -> str:
    """Return the SHA-256 of positions and visibilities."""
    data = describe_landmarks(marks)
    return hashlib.sha256(json.dumps([data["points"], data["visibility"]]).encode()).hexdigest()


def upstream_of(
    sample_folder: Path,
    marks: Landmarks3D | None,
    whose: str,
    repairs: Repairs,
    neutral: Path | None,
    template: Path | None = None,
) -> Upstream:
    """Return what a registration is made from, with its hashes; our own template (``None``) needs none."""
    inputs = {"mesh.ply": hash_file(sample_folder / "scan" / "mesh.ply")}
    if (sample_folder / CALIBRATION).is_file():
        inputs["calibration"] = hash_file(sample_folder / CALIBRATION)
    if marks is not None:
        marks = repairs.apply(marks)
        inputs["landmarks"] = hash_landmarks(marks)
    if neutral is not None:
        inputs["neutral"] = hash_file(neutral / "registered.ply")
    if template is not None:
        inputs["template"] = _hash_template(template)
    if repairs.pins:
        inputs["pins"] = repairs.pins_hash
    return Upstream(marks, whose, repairs, neutral, inputs)


def _hash_template(file: Path) -> str:
    """Return one hash of a template's two files; one that is gone differs from all that there were."""
    if not (file.is_file() and file.with_suffix(".ply").is_file()):
        return "missing"
    return hashlib.sha256((hash_file(file) + hash_file(file.with_suffix(".ply"))).encode()).hexdigest()


def hash_file(file: Path) -> str:
    """Return the SHA-256 of a file; one that did not change since is not read again."""
    stat = file.stat()
    return _hash_once(file, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4096)
def _hash_once(file: Path, at: int, size: int) -> str:
    del at, size  # they make the key
    return hash_path(file)


def traces_of(sample_folder: Path, neutral: Path | None, template: Path | None = None) -> dict[str, str]:
    """Return hashes of the files that the inputs of a registration are made of; those that are missing are left out."""
    files = [f for f in sorted((sample_folder / "landmarks").rglob("*")) if f.is_file() and not f.name.startswith(".")]
    told = [(str(f.relative_to(sample_folder)), hash_file(f)) for f in files]
    traces = {"landmarks": hashlib.sha256(json.dumps(told).encode()).hexdigest()}
    single = {
        "mesh.ply": sample_folder / "scan" / "mesh.ply",
        "fused.ply": sample_folder / "scan" / "fused.ply",
        "repairs": sample_folder / FILE,
        "calibration": sample_folder / CALIBRATION,
    }
    if neutral is not None:
        single["neutral"] = neutral / "registered.ply"
    if template is not None:
        traces["template"] = _hash_template(template)
    return traces | {name: hash_file(file) for name, file in single.items() if file.is_file()}


def changes_since(report: Report, now: Upstream) -> tuple[str, ...]:
    """Return in words what is no longer as it was when a registration was made; empty where all is."""
    before = report.provenance.inputs
    names = [name for name in _WORDS if before.get(name) != now.inputs.get(name)]
    words = [_WORDS[name] for name in names]
    if "neutral" in names and "neutral" not in now.inputs:
        words[names.index("neutral")] = "the neutral that it was bent from is gone or rejected"
    wanted, had = now.repairs.part_stiffness, report.provenance.parameters.get("part_stiffness")
    if had is not None and wanted and wanted != had:
        words.append("the stiffness of a part was changed")
    return (*words, *plugin_change(report))


def plugin_change(report: Report) -> tuple[str, ...]:
    """Return that the plugin of a result is another version now, if it is; one that is gone says nothing."""
    stage, _, name = report.provenance.made_by.partition("/")
    version = _installed_version(stage, name)
    if version is not None and version != report.provenance.version:
        return (f"{name} is version {version} now, it was {report.provenance.version}",)
    return ()


@functools.cache
def _installed_version(stage: str, name: str) -> str | None:
    try:
        return get_plugin(stage, name).version
    except FaceappError:
        return None
