"""Stages on a sample of a project: fuse, register, reconstruct; results are found again by their key."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import faceapp
from faceapp.app.decoding import decode_bundle, write_scans
from faceapp.app.fusing import fuse_decoded, write_fusion
from faceapp.app.project_template import project_template, template_file
from faceapp.app.reconstructing import read_photographs, reconstruct, write_reconstruction
from faceapp.app.registering import register_scan, write_registration
from faceapp.app.repairing import read_repairs
from faceapp.app.reviewing import reviews_of
from faceapp.app.sample_landmarks import current_landmarks, landmarks_from_outside, selected_annotator
from faceapp.app.upstream import TRACES, Upstream, changes_since, hash_landmarks, plugin_change, traces_of, upstream_of
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D
from faceapp.core.results import Report
from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample
from faceapp.formats.atomic import new_folder
from faceapp.formats.capture_bundle import read_bundle
from faceapp.formats.chart_files import read_texture
from faceapp.formats.ply import read_cloud, read_mesh
from faceapp.formats.reports import hash_path, read_report
from faceapp.geometry.depth_rendering import render_depth
from faceapp.landmarks.lifting import Lifter, join_views
from faceapp.pipeline.parameters import build, describe
from faceapp.pipeline.registry import get_plugin
from faceapp.store.project import Project


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
    if not (folder / "scan" / "mesh.ply").is_file():
        raise DataError(f"{folder} is not fused, so no landmark lies on its scan; fuse it first")
    if not (folder / "capture").is_dir():
        return _landmarks_of_imported(folder)
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


def _landmarks_of_imported(folder: Path) -> tuple[Landmarks3D, str]:
    """The landmarks of a scan from outside, which is annotated by itself."""
    marks = landmarks_from_outside(folder).get("3d")
    if not isinstance(marks, Landmarks3D) or not marks.placed.any():
        raise DataError(f"{folder}: no landmark lies on the scan; annotate the sample first")
    return marks, selected_annotator(folder)


def register_sample(
    project: Project,
    sample: Sample,
    plugin: str | None = None,
    parameters: dict[str, Any] | None = None,
    reporter: Reporter | None = None,
) -> Path:
    """Register the template onto a sample, fusing it first where that has not been done.

    An expression is bent from the subject's own neutral where that is registered and not rejected; what a reviewer
    repaired counts.

    Returns
    -------
    Path
        The run's folder, an earlier one where plugin, parameters and inputs are the same; it is the newest then.
    """
    project.must_write()
    reporter = reporter or Reporter()
    folder = project.sample_folder(sample)
    if not (folder / "scan" / "mesh.ply").is_file():
        with reporter.part(0.0, 0.5):
            fuse_sample(project, sample, reporter)
    now = registration_upstream(project, sample)
    if now.repairs.stiffness and any(p.name == "part_stiffness" for p in describe(_parameters_of(plugin))):
        parameters = {**(parameters or {}), "part_stiffness": now.repairs.part_stiffness}
    run = run_folder(folder, "register", plugin, parameters, now.inputs)
    if run.is_dir():
        os.utime(run / "report.json")
        return run
    scan = read_mesh(folder / "scan" / "mesh.ply")
    template, modes = project_template(project)
    rest = None if now.neutral is None else read_mesh(now.neutral / "registered.ply").vertices
    texture = None if now.neutral is None else read_texture(now.neutral)
    with reporter.part(0.5, 1.0):
        result = register_scan(
            scan, now.marks, template, modes, neutral=rest, neutral_texture=texture, pins=now.repairs.pinned,
            plugin=plugin, parameters=parameters, reporter=reporter, inputs=now.inputs,
        )  # fmt: skip
    report = _with_landmark_origin(result.report, now.whose)
    traces = traces_of(folder, now.neutral, template_file(project))
    result = replace(result, report=replace(report, extra={**report.extra, TRACES: traces}))
    with new_folder(run) as temporary:
        write_registration(temporary, result, scan)
    return run


def _parameters_of(plugin: str | None) -> type:
    return get_plugin("register", plugin).parameters


def registration_upstream(project: Project, sample: Sample) -> Upstream:
    """Return what a registration of a fused sample is made from now.

    Raises
    ------
    DataError
        The sample is not fused, or no landmark lies on the scan of a capture.
    """
    folder = project.sample_folder(sample)
    repairs = read_repairs(folder)
    marks, whose = landmarks_on_scan(folder)
    return upstream_of(folder, marks, whose, repairs, own_neutral(project, sample), template_file(project))


def stale_reasons(project: Project, sample: Sample, run: Path) -> tuple[str, ...]:
    """Return in words what changed since a registration was made; empty where it would be made the same again.

    Files that a run names by their hashes are compared first: only where one differs are the landmarks lifted anew,
    and once for the same files.
    """
    report = read_report(run / "report.json")
    traces = traces_of(project.sample_folder(sample), own_neutral(project, sample), template_file(project))
    if report.extra.get(TRACES) == traces:
        return plugin_change(report)
    key = run, json.dumps(traces, sort_keys=True)
    if key not in _COMPARED:
        try:
            _COMPARED[key] = changes_since(report, registration_upstream(project, sample))
        except DataError as error:
            return (f"it cannot be made again: {error}",)
    return _COMPARED[key]


_COMPARED: dict[tuple[Path, str], tuple[str, ...]] = {}
"""What was found by lifting landmarks anew, by the run and the files that there were."""


def stale_samples(project: Project) -> dict[Sample, tuple[str, ...]]:
    """Return the samples whose newest registration is made of what has changed since, and why.

    Neutrals come first: when they are registered again, the expressions bent from them follow.
    """
    found = {
        sample: reasons
        for sample in project.samples()
        for run in runs_of(project, sample, "register")[:1]
        if (reasons := stale_reasons(project, sample, run))
    }
    return dict(sorted(found.items(), key=lambda item: item[0].expression != "neutral"))


def register_again(project: Project, sample: Sample, reporter: Reporter | None = None) -> Path:
    """Make the newest registration of a sample again: the same plugin and parameters, of what there is now.

    Raises
    ------
    UsageError
        It has none.
    """
    runs = runs_of(project, sample, "register")
    if not runs:
        raise UsageError(f"{sample.subject} {sample.expression} has no registration that could be made again")
    by = read_report(runs[0] / "report.json").provenance
    name = by.made_by.partition("/")[2]
    known = {info.name for info in describe(_parameters_of(name))}
    parameters = {key: value for key, value in by.parameters.items() if key in known and key != "part_stiffness"}
    return register_sample(project, sample, name, parameters, reporter)


_RIGID = "register-rigid-"


def own_neutral(project: Project, sample: Sample) -> Path | None:
    """Return the newest registration of the subject's neutral with the project's template, or ``None``.

    One that a reviewer rejected is passed over, and so is one that is rigid: it has the template's shape and not the
    subject's. A neutral sample has none but itself.
    """
    if sample.expression == "neutral":
        return None
    vertices = len(project_template(project)[0].mesh.vertices)
    for other in reversed(project.samples(subject=sample.subject, expression="neutral")):
        reviews = reviews_of(project, other)
        for run in runs_of(project, other, "register"):
            file = run / "registered.ply"
            rejected = reviews.get(run.name, {}).get("verdict") == "reject"
            if run.name.startswith(_RIGID) or rejected or not file.is_file():
                continue
            if len(read_mesh(file).vertices) == vertices:
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
    inputs = {p.name: hash_landmarks(p.landmarks) for p in photographs}
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


def runs_of(project: Project, sample: Sample, stage: str) -> list[Path]:
    """Return the folders of a sample's results of a stage, the newest first."""
    found = [p for p in project.sample_folder(sample).glob(f"runs/{stage}-*") if (p / "report.json").is_file()]
    return sorted(found, key=lambda p: (p / "report.json").stat().st_mtime, reverse=True)
