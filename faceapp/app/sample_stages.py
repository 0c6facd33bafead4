"""Stages on a sample of a project: fuse, register, reconstruct, review; results are found again by their key."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import faceapp
from faceapp.app.decoding import decode_bundle, write_scans
from faceapp.app.fusing import fuse_decoded, write_fusion
from faceapp.app.reconstructing import read_photographs, reconstruct, write_reconstruction
from faceapp.app.registering import register_scan, write_registration
from faceapp.app.sample_landmarks import current_landmarks
from faceapp.app.template import own_template
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D
from faceapp.core.results import Report
from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample
from faceapp.formats.atomic import append_line, new_folder
from faceapp.formats.capture_bundle import read_bundle
from faceapp.formats.landmark_files import describe_landmarks
from faceapp.formats.ply import read_cloud, read_mesh
from faceapp.formats.reports import hash_path
from faceapp.geometry.depth_rendering import render_depth
from faceapp.landmarks.lifting import Lifter, join_views
from faceapp.pipeline.parameters import build, describe
from faceapp.pipeline.registry import get_plugin
from faceapp.store.project import Project, utc_now

REVIEW_VERDICTS = ("accept", "maybe", "reject")


def fuse_sample(project: Project, sample: Sample, reporter: Reporter | None = None, *, vertices: int = 100_000) -> Path:
    """Decode, fuse and mesh a sample; its ``scan`` folder then holds clouds, depth images, ``fused.ply``, ``mesh.ply``.

    Where there are colour pictures, the textured ``mesh.obj`` lies there too.

    Returns
    -------
    Path
        The ``scan`` folder.

    Raises
    ------
    ProjectError
        The project is read-only.
    """
    project.must_write()
    reporter = reporter or Reporter()
    folder = project.sample_folder(sample)
    bundle = read_bundle(folder / "capture")
    with reporter.part(0.0, 0.25):
        decoded = decode_bundle(bundle, reporter=reporter)
    views, who = current_landmarks(folder, bundle)
    with reporter.part(0.3, 0.95):
        result = fuse_decoded(bundle, decoded, views, vertices=vertices, texture=True, reporter=reporter)
    result = replace(result, report=_with_landmark_origin(result.report, who))
    with new_folder(folder / "scan", replace=True) as temporary:
        write_scans(temporary, decoded)
        write_fusion(temporary, result)
    reporter.progress(1.0, "fused")
    return folder / "scan"


def _with_landmark_origin(report: Report, who: str) -> Report:
    return replace(report, extra={**report.extra, "landmarks_of": who})


def landmarks_on_scan(folder: Path, views: dict[str, Landmarks2D] | None = None) -> tuple[Landmarks3D, str]:
    """Return the 3D landmarks of a fused sample, lifted from the views as they are now, and whose they are.

    Parameters
    ----------
    folder : Path
        Of the sample.
    views : dict of str to Landmarks2D, optional
        Others than those that count, such as the prefill alone.

    Raises
    ------
    DataError
        The sample is not fused, or no landmark lies on its scan.
    """
    bundle = read_bundle(folder / "capture")
    marks, who = (views, "given") if views is not None else current_landmarks(folder, bundle)
    cloud = read_cloud(folder / "scan" / "fused.ply")
    mesh = read_mesh(folder / "scan" / "mesh.ply")
    cameras = {c.name: c for g in bundle.rig().groups for c in g.cameras}
    lifted = {
        view: Lifter(cloud.points, cameras[view], render_depth(mesh.vertices, mesh.faces, cameras[view])).lift_all(m)
        for view, m in marks.items()
        if view in cameras
    }
    if not lifted or not any(m.placed.any() for m in lifted.values()):
        raise DataError(f"{folder}: no landmark lies on the scan; annotate the sample first")
    front = min(lifted, key=lambda view: abs(float(cameras[view].centre[0])))
    return join_views(lifted, (front,)), who


def register_sample(
    project: Project,
    sample: Sample,
    plugin: str | None = None,
    parameters: dict[str, Any] | None = None,
    reporter: Reporter | None = None,
) -> Path:
    """Register the template onto a sample, fusing it first where that has not been done.

    An expression is bent from the subject's own neutral where that is registered and not rejected.

    Returns
    -------
    Path
        The run's folder, an earlier one where plugin, parameters and inputs are the same.
    """
    project.must_write()
    reporter = reporter or Reporter()
    folder = project.sample_folder(sample)
    if not (folder / "scan" / "mesh.ply").is_file():
        with reporter.part(0.0, 0.5):
            fuse_sample(project, sample, reporter)
    marks, who = landmarks_on_scan(folder)
    inputs = {"mesh.ply": hash_path(folder / "scan" / "mesh.ply"), "landmarks": _hash_marks(marks)}
    neutral = own_neutral(project, sample)
    if neutral is not None:
        inputs["neutral"] = hash_path(neutral / "registered.ply")
    run = run_folder(folder, "register", plugin, parameters, inputs)
    if run.is_dir():
        return run
    scan = read_mesh(folder / "scan" / "mesh.ply")
    rest = None if neutral is None else read_mesh(neutral / "registered.ply").vertices
    with reporter.part(0.5, 1.0):
        result = register_scan(
            scan, marks, neutral=rest, plugin=plugin, parameters=parameters, reporter=reporter, inputs=inputs
        )
    result = replace(result, report=_with_landmark_origin(result.report, who))
    with new_folder(run) as temporary:
        write_registration(temporary, result, scan)
    return run


def own_neutral(project: Project, sample: Sample) -> Path | None:
    """Return the newest registration of the subject's neutral with our template, or ``None``.

    One that a reviewer rejected is passed over, and a neutral sample has none but itself.
    """
    if sample.expression == "neutral":
        return None
    vertices = len(own_template().mesh.vertices)
    for other in reversed(project.samples(subject=sample.subject, expression="neutral")):
        reviews = reviews_of(project, other)
        for run in runs_of(project, other, "register"):
            file = run / "registered.ply"
            rejected = reviews.get(run.name, {}).get("verdict") == "reject"
            if not rejected and file.is_file() and len(read_mesh(file).vertices) == vertices:
                return run
    return None


def reconstruct_sample(
    project: Project,
    sample: Sample,
    plugin: str | None = None,
    parameters: dict[str, Any] | None = None,
    reporter: Reporter | None = None,
) -> Path:
    """Reconstruct the face of a sample from its photographs and measure it against its scan.

    Returns
    -------
    Path
        The run's folder, an earlier one where plugin, parameters and inputs are the same.
    """
    project.must_write()
    reporter = reporter or Reporter()
    folder = project.sample_folder(sample)
    photographs = read_photographs(folder, (), reporter)
    inputs = {p.name: _hash_marks(p.landmarks) for p in photographs}
    mesh_file = folder / "scan" / "mesh.ply"
    scan = read_mesh(mesh_file) if mesh_file.is_file() else None
    if scan is not None:
        inputs["mesh.ply"] = hash_path(mesh_file)
    run = run_folder(folder, "reconstruct", plugin, parameters, inputs)
    if run.is_dir():
        return run
    result = reconstruct(photographs, scan, plugin=plugin, parameters=parameters, reporter=reporter, inputs=inputs)
    with new_folder(run) as temporary:
        write_reconstruction(temporary, result)
    return run


def run_folder(
    folder: Path, stage: str, plugin: str | None, parameters: dict[str, Any] | None, inputs: dict[str, str]
) -> Path:
    """Return the folder of a run: its name holds stage, plugin and the key of all that makes the result what it is."""
    chosen = get_plugin(stage, plugin)
    built = build(chosen.parameters, parameters or {})
    values = {info.name: getattr(built, info.name) for info in describe(chosen.parameters)}
    text = json.dumps([stage, chosen.name, chosen.version, faceapp.__version__, values, inputs], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:10]
    return folder / "runs" / f"{stage}-{chosen.name}-{key}"


def _hash_marks(marks: Any) -> str:
    data = describe_landmarks(marks)
    told = json.dumps([data["points"], data["visibility"]])
    return hashlib.sha256(told.encode()).hexdigest()


def runs_of(project: Project, sample: Sample, stage: str) -> list[Path]:
    """Return the folders of a sample's results of a stage, the newest first."""
    found = [p for p in project.sample_folder(sample).glob(f"runs/{stage}-*") if (p / "report.json").is_file()]
    return sorted(found, key=lambda p: (p / "report.json").stat().st_mtime, reverse=True)


def give_review(project: Project, sample: Sample, run: Path, verdict: str, by: str, reason: str = "") -> None:
    """Record a verdict on a result; on the disk when this returns.

    Raises
    ------
    UsageError
        The verdict is none of ``accept``, ``maybe``, ``reject``, or ``taken back``.
    """
    if verdict not in (*REVIEW_VERDICTS, "taken back"):
        raise UsageError(f"verdict {verdict!r} is not one of {', '.join(REVIEW_VERDICTS)}")
    project.must_write()
    line = {"run": run.name, "verdict": verdict, "by": by, "at": utc_now(), "reason": reason}
    file = project.sample_folder(sample) / "reviews" / f"{by}.jsonl"
    append_line(file, json.dumps(line, ensure_ascii=False))


def reviews_of(project: Project, sample: Sample) -> dict[str, dict[str, str]]:
    """Return the last verdict on each run: run name to ``{verdict, by, at, reason}``; those taken back are left out."""
    lines: list[dict[str, str]] = []
    for file in project.sample_folder(sample).glob("reviews/*.jsonl"):
        for text in file.read_text(encoding="utf-8").splitlines():
            try:
                data = json.loads(text)
                lines.append({k: str(data[k]) for k in ("run", "verdict", "by", "at", "reason")})
            except (ValueError, KeyError):
                continue  # half a line after a kill
    latest = {line["run"]: line for line in sorted(lines, key=lambda line: line["at"])}
    return {run: line for run, line in latest.items() if line["verdict"] != "taken back"}
