"""Register a template onto scans, and say in figures how well it lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from faceapp.app.decoding import decode_bundle, resolve_bundle
from faceapp.app.depth_targets import read_depth_target
from faceapp.app.fusing import fuse_decoded, read_landmark_set
from faceapp.app.jobs import worker_pool
from faceapp.app.outputs import check_output
from faceapp.app.suspicion import registration_signs
from faceapp.app.template import load_template
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import BakedTexture, Metric, Registration, Report
from faceapp.core.signals import Reporter
from faceapp.core.template import Template
from faceapp.formats.atomic import new_folder
from faceapp.formats.capture_bundle import FILE, read_bundle
from faceapp.formats.chart_files import read_texture, write_displacement, write_texture
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.mesh_files import read_any_mesh
from faceapp.formats.ply import read_mesh, write_mesh
from faceapp.formats.reports import hash_path, write_report
from faceapp.geometry.displacement_map import coarser, displaced_mesh
from faceapp.geometry.untangling import turned_over
from faceapp.landmarks.prefill import prefill_scan
from faceapp.landmarks.scheme import load_scheme
from faceapp.pipeline.registry import get_plugin
from faceapp.pipeline.stages import Pin, RegistrationInput

LITTLE_SEEN = 0.3
"""Share of the template's face below which a result is doubted."""

_DETAILED = 1024
"""Texels of the map that ``detailed.ply`` is made from: about a million points."""

LANDMARKS = "landmarks.json"
"""File of a result: the landmarks that led it."""

RENDER_DISTANCE = "faceapp.render.distance:distance_picture"
"""Rendering happens in a worker: VTK in the window's process belongs to the window's thread."""


@dataclass(frozen=True, eq=False)
class RegistrationResult:
    """A registration and its figures.

    Parameters
    ----------
    registration : Registration
        Vertices in template order.
    landmarks : Landmarks3D or None
        Those that led it.
    report : Report
        Figures.
    log : tuple of str
        Of the plugin.
    """

    registration: Registration
    landmarks: Landmarks3D | None
    report: Report
    log: tuple[str, ...] = ()


def register_scan(
    scan: Mesh,
    landmarks: Landmarks3D | None = None,
    template: Template | None = None,
    modes: npt.NDArray[np.float32] | None = None,
    *,
    neutral: npt.NDArray[np.float32] | None = None,
    neutral_texture: BakedTexture | None = None,
    pins: tuple[Pin, ...] = (),
    plugin: str | None = None,
    parameters: dict[str, Any] | None = None,
    reporter: Reporter | None = None,
    inputs: dict[str, str] | None = None,
    seed: int = 0,
) -> RegistrationResult:
    """Register a template onto a scan by a plugin in its own process.

    Parameters
    ----------
    scan : Mesh
        mm; y up, z out of the face where there are no landmarks.
    landmarks : Landmarks3D, optional
        On the scan; without them the mean face is laid onto it first (prefill).
    template : Template, optional
        By default our own.
    modes : (K, V, 3) float32, optional
        Shape modes for the prefill.
    neutral : (V, 3) float32, optional
        The subject's own neutral in template order: what the expression is bent from.
    neutral_texture : BakedTexture, optional
        Of that neutral: plugins that compare appearance follow it.
    pins : tuple of Pin
        Correspondences that a person gave.
    plugin, parameters
        Which method, and how.
    reporter : Reporter, optional
        Told of progress; can stop the work.
    inputs : dict of str to str, optional
        Hashes for the provenance.
    seed : int
        Of the plugin's random numbers.
    """
    reporter = reporter or Reporter()
    if template is None:
        template, modes = load_template(None)
    if not len(scan.faces):
        raise DataError("the scan has no triangles; make a mesh of it first (faceapp fuse)")
    if neutral is not None and neutral.shape != template.mesh.vertices.shape:
        raise DataError(
            f"the neutral has {len(neutral)} vertices, the template {template.name} {len(template.mesh.vertices)}; "
            "register the neutral with the same template first"
        )
    if landmarks is None:
        reporter.progress(0.0, "first guess of the landmarks")
        landmarks = prefill_scan(template, scan.vertices, scan.vertex_normals(), modes)
    chosen = get_plugin("register", plugin)
    with reporter.part(0.1, 1.0):
        run = worker_pool().run(
            chosen,
            RegistrationInput(scan, template, landmarks, neutral, pins, neutral_texture),
            parameters,
            reporter,
            seed=seed,
            inputs=inputs,
        )
    registration: Registration = run.value
    metrics = registration_metrics(registration, landmarks)
    signs = registration_signs(registration, landmarks, modes)
    report = Report(metrics, run.provenance, run.warnings + _doubts(metrics), {"signs": signs})
    for doubt in report.warnings[len(run.warnings) :]:
        reporter.warning(doubt)
    return RegistrationResult(registration, landmarks, report, run.log)


def _doubts(metrics: tuple[Metric, ...]) -> tuple[str, ...]:
    """Sentences about a result that ran through and is still no registration."""
    seen = next(m.value for m in metrics if m.name == "face.seen")
    if isinstance(seen, float) and seen < LITTLE_SEEN:
        return (
            f"the scan shows only {seen:.0%} of the template's face; is it a face, in mm, y up, z out of the face? "
            "Give landmarks (--landmarks) to say where it is",
        )
    return ()


def registration_metrics(result: Registration, landmarks: Landmarks3D | None) -> tuple[Metric, ...]:
    """Return residuals of the face and of each part, coverage, landmark residuals and flipped triangles."""
    template = result.template
    distance = np.abs(result.distance.astype(np.float64))
    face = template.face
    metrics = _residuals("face", distance[face])
    for i, name in enumerate(template.part_names):
        inside = (template.parts == i) & face
        if inside.any():
            metrics += _residuals(name, distance[inside])
    if landmarks is not None:
        gap = np.linalg.norm(template.landmarks_of(result.vertices) - landmarks.points, axis=1)
        gap[list(load_scheme(template.scheme).silhouette)] = np.nan
        known = np.isfinite(gap)
        metrics.append(
            Metric("landmarks.residual_mean", float(gap[known].mean()) if known.any() else None, "mm", int(known.sum()))
        )
    flips = flipped_triangles(result.mesh, face)
    metrics.append(Metric("face.flipped_triangles", flips, "1", int(face[template.mesh.faces].all(axis=1).sum())))
    metrics.append(Metric("scale", result.start.scale, "1"))
    if result.displacement is not None:
        known = result.displacement.values[np.isfinite(result.displacement.values)]
        rms = float(np.sqrt(np.mean(known**2, dtype=np.float64))) if len(known) else None
        metrics.append(Metric("displacement.rms", rms, "mm", len(known)))
    return tuple(metrics)


def _residuals(name: str, distance: npt.NDArray[np.float64]) -> list[Metric]:
    seen = distance[np.isfinite(distance)]
    n = len(seen)
    return [
        Metric(f"{name}.residual_mean", float(seen.mean()) if n else None, "mm", n),
        Metric(f"{name}.residual_p95", float(np.percentile(seen, 95)) if n else None, "mm", n),
        Metric(f"{name}.seen", n / max(len(distance), 1), "1", len(distance)),
    ]


def flipped_triangles(mesh: Mesh, region: npt.NDArray[np.bool_]) -> int:
    """Return how many triangles of a region (V,) look against the mean normal of their corners."""
    return int(turned_over(mesh, region).sum())


def mesh_of(path: Path) -> Path | None:
    """Return the mesh file of a mesh, a result folder or a fused sample; ``None`` for a capture without a mesh.

    Raises
    ------
    DataError
        It is none of these.
    """
    if path.is_file() and path.name != FILE:
        return path
    for candidate in (path / "mesh.ply", path / "scan" / "mesh.ply"):
        if candidate.is_file():
            return candidate
    if not path.exists():
        raise DataError(f"{path} does not exist; expected a mesh, a result of fuse, a sample or a capture bundle")
    if path.name == FILE or (path / FILE).is_file() or (path / "capture" / FILE).is_file():
        return None
    raise DataError(f"{path} holds no mesh.ply and no {FILE}; expected a result of fuse, a sample or a capture bundle")


def _read_scan(
    path: Path, landmarks: Sequence[Path], reporter: Reporter, camera: Path | None = None, picture: Path | None = None
) -> tuple[Mesh, Landmarks3D | None, Path]:
    """The scan, its landmarks where they are known, and the file or folder that they come from."""
    views, marks = read_landmark_set(landmarks)
    if picture is not None and camera is None:
        raise UsageError("--picture colours a depth image; say with --camera which file describes its camera")
    if camera is not None:
        if views:
            raise UsageError("a depth image is registered with 3D landmarks; lift 2D ones with: faceapp landmarks lift")
        return read_depth_target(path, camera, picture), marks, path
    source = mesh_of(path)
    if source is None:
        bundle = read_bundle(resolve_bundle(path))
        with reporter.part(0.0, 0.5):
            decoded = decode_bundle(bundle, reporter=reporter)
            for complaint in decoded.complaints:
                reporter.warning(complaint)
            fused = fuse_decoded(bundle, decoded, views, reporter=reporter)
        return fused.mesh, marks or fused.landmarks, bundle.folder
    scan = read_any_mesh(source)
    if not len(scan.faces):
        raise DataError(f"{source} has no triangles; make a mesh of it first (faceapp fuse)")
    if views:
        raise UsageError("a mesh is registered with 3D landmarks; lift 2D ones with: faceapp landmarks lift")
    beside = source.with_name("landmarks.json")
    if marks is None and beside.is_file():
        _, marks = read_landmark_set([beside])
    return scan, marks, source


def register_to_folder(
    path: Path,
    out: Path,
    landmarks: Sequence[Path] = (),
    *,
    template: Path | None = None,
    neutral: Path | None = None,
    camera: Path | None = None,
    picture: Path | None = None,
    plugin: str | None = None,
    parameters: dict[str, Any] | None = None,
    reporter: Reporter | None = None,
    force: bool = False,
    seed: int = 0,
) -> RegistrationResult:
    """Register one mesh, sample, capture or depth image (with ``camera``) and write the result.

    That is ``registered.ply``, ``distance.png``, landmarks and ``report.json``.
    A plugin that measures a displacement map adds ``displacement.png`` and ``.json``, ``detailed.ply`` made of it,
    and ``texture.png`` where the scan has colours.

    Raises
    ------
    UsageError
        ``out`` exists, or the landmarks are 2D.
    DataError
        A file is missing or broken.
    """
    used = [f for f in (*landmarks, template, neutral, camera, picture) if f is not None]
    check_output(out, [path, *used], force=force)
    reporter = reporter or Reporter()
    chosen, modes = load_template(template)
    scan, marks, source = _read_scan(path, landmarks, reporter, camera, picture)
    beside = [f for f in (*landmarks, camera, picture) if f is not None]
    inputs = {source.name: hash_path(source)} | {f.name: hash_path(f) for f in beside}
    rest, texture = None, None
    if neutral is not None:
        rest, texture = read_mesh(neutral).vertices, read_texture(neutral.parent)
        inputs["neutral"] = hash_path(neutral)
    result = register_scan(
        scan, marks, chosen, modes,
        neutral=rest, neutral_texture=texture, plugin=plugin, parameters=parameters,
        reporter=reporter, inputs=inputs, seed=seed,
    )  # fmt: skip
    with new_folder(out, replace=force) as temporary:
        write_registration(temporary, result, scan)
    return result


def write_registration(folder: Path, result: RegistrationResult, scan: Mesh) -> None:
    """Write the files of a registration into a folder."""
    registered = result.registration
    extra = {"distance": registered.distance, "confidence": registered.confidence}
    write_mesh(folder / "registered.ply", registered.mesh, extra)
    picture = folder / "distance.png"
    worker_pool().call(RENDER_DISTANCE, picture, registered.mesh, registered.distance, scan)
    if registered.displacement is not None:
        write_displacement(folder, registered.displacement)
        write_mesh(
            folder / "detailed.ply", displaced_mesh(registered.mesh, coarser(registered.displacement, _DETAILED))
        )
    if result.landmarks is not None:
        write_landmarks(folder / LANDMARKS, result.landmarks)
    if registered.texture is not None:
        write_texture(folder, registered.texture)
    write_report(folder / "report.json", result.report)
    (folder / "log.txt").write_text("\n".join(result.log) + "\n", encoding="utf-8")
