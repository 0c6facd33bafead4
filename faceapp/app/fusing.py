"""From a bundle to one cloud and a mesh: decode, lift the landmarks, align, merge, mesh."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import faceapp
from faceapp.app.decoding import DecodedBundle, decode_bundle, resolve_bundle
from faceapp.app.fusion_figures import disagreements, fusion_metrics, landmark_regions
from faceapp.app.jobs import worker_pool
from faceapp.app.landmark_conversion import read_any_landmarks
from faceapp.app.outputs import check_output
from faceapp.app.texturing import with_texture
from faceapp.core.errors import DataError, DecodeError, UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import Metric, Provenance, Report
from faceapp.core.rig import CameraModel
from faceapp.core.signals import Reporter
from faceapp.formats.atomic import new_folder
from faceapp.formats.capture_bundle import CaptureBundle, read_bundle
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.mesh_files import write_textured_mesh
from faceapp.formats.ply import write_cloud, write_mesh
from faceapp.formats.reports import hash_path, write_report
from faceapp.geometry.fusion import FusedScan, FusionSettings, fuse
from faceapp.landmarks.lifting import Lifter, join_views
from faceapp.landmarks.scheme import load_scheme
from faceapp.pipeline.registry import get_plugin
from faceapp.pipeline.stages import MeshingInput


@dataclass(frozen=True, eq=False)
class FusionResult:
    """One cloud, its mesh, and the landmarks on it.

    Parameters
    ----------
    fused : FusedScan
        Cloud and motions.
    mesh : Mesh
        Of the cloud.
    landmarks : Landmarks3D or None
        Joined from the views, where landmarks were given.
    report : Report
        Figures.
    """

    fused: FusedScan
    mesh: Mesh
    landmarks: Landmarks3D | None
    report: Report


def read_landmark_set(files: Sequence[Path]) -> tuple[dict[str, Landmarks2D], Landmarks3D | None]:
    """Return 2D landmarks by view, and 3D landmarks, out of what ``--landmarks`` was given.

    Raises
    ------
    UsageError
        Both kinds, several 3D files, or a 2D file without a view.
    """
    views: dict[str, Landmarks2D] = {}
    whole: Landmarks3D | None = None
    for file in files:
        marks = read_any_landmarks(file).marks
        if isinstance(marks, Landmarks3D):
            if whole is not None:
                raise UsageError("--landmarks takes one 3D file, or one 2D file for each view")
            whole = marks
        else:
            if not marks.view and len(files) > 1:
                raise UsageError(f"{file}: field view: which camera's picture is it? Several 2D files need it")
            views[marks.view] = marks
    if views and whole is not None:
        raise UsageError("--landmarks takes one 3D file or 2D files, not both")
    return views, whole


def lift_views(
    decoded: DecodedBundle, cameras: Mapping[str, tuple[str, CameraModel]], views: Mapping[str, Landmarks2D]
) -> dict[str, Landmarks3D]:
    """Return the landmarks of each view on the cloud of the view's group.

    Parameters
    ----------
    decoded : DecodedBundle
        With the depth image of each view's camera.
    cameras : mapping of str to (group, CameraModel)
        Of each view.
    views : mapping of str to Landmarks2D
        By camera.

    Raises
    ------
    DataError
        A view is no camera of the bundle.
    """
    lifted: dict[str, Landmarks3D] = {}
    for view, marks in views.items():
        if view not in cameras:
            raise DataError(f"landmarks of the view {view!r}: the bundle has the cameras {', '.join(cameras)}")
        group, camera = cameras[view]
        if group not in decoded.scans:
            continue
        scan = decoded.scans[group]
        lifted[group] = Lifter(scan.cloud.points, camera, scan.depths.get(view)).lift_all(marks)
    return lifted


def colour_cameras(bundle: CaptureBundle) -> dict[str, tuple[str, CameraModel]]:
    """Return group and model of every calibrated camera of a bundle, colour cameras first."""
    found = [(c, g.name) for g in bundle.groups for c in g.cameras if c.model is not None]
    found.sort(key=lambda pair: pair[0].role != "rgb")
    return {c.name: (group, c.model) for c, group in found if c.model is not None}


def fuse_decoded(
    bundle: CaptureBundle,
    decoded: DecodedBundle,
    views: Mapping[str, Landmarks2D] | None = None,
    *,
    vertices: int = 100_000,
    settings: FusionSettings = FusionSettings(),
    plugin: str | None = None,
    parameters: dict[str, object] | None = None,
    texture: bool = False,
    reporter: Reporter | None = None,
) -> FusionResult:
    """Fuse and mesh what was decoded.

    Parameters
    ----------
    bundle, decoded
        The capture.
    views : mapping of str to Landmarks2D, optional
        By camera; without them the calibration is the start.
    vertices : int
        Of the mesh.
    settings : FusionSettings
        Distances.
    plugin, parameters
        Which surface, and how.
    texture : bool
        Whether the mesh gets texture coordinates and a picture, made of the colour cameras' pictures.
    reporter : Reporter, optional
        Told of progress.

    Raises
    ------
    DecodeError
        No group has a cloud.
    """
    reporter = reporter or Reporter()
    start = time.perf_counter()
    if not decoded.scans:
        raise DecodeError(f"{bundle.folder}: no group has a cloud, so there is nothing to fuse")
    reporter.progress(0.0, "aligning the groups")
    lifted = lift_views(decoded, colour_cameras(bundle), views or {})
    fused = fuse(
        {n: s.cloud for n, s in decoded.scans.items()},
        lifted,
        load_scheme().rigid_anchors,
        settings,
        landmark_regions(lifted, settings.pivot),
    )
    if not len(fused.cloud):
        raise DecodeError(f"{bundle.folder}: no point has neighbours enough to be surface; look at the frames")
    fusing_seconds = time.perf_counter() - start
    with reporter.part(0.25, 0.9 if texture else 1.0):
        run = worker_pool().run(get_plugin("mesh", plugin), MeshingInput(fused.cloud, vertices), parameters, reporter)
    mesh: Mesh = run.value
    untextured: tuple[str, ...] = ()
    texturing_seconds = time.perf_counter()
    if texture:
        reporter.progress(0.9, "painting the texture")
        mesh, untextured = with_texture(bundle, fused, mesh)
    texturing_seconds = time.perf_counter() - texturing_seconds
    landmarks = None
    if lifted:
        moved = {n: _moved(m, fused, n) for n, m in lifted.items()}
        landmarks = join_views(moved, prefer=(settings.pivot,))
    metrics = [
        *fusion_metrics(fused, mesh),
        Metric("fusion.seconds", fusing_seconds, "s"),
        Metric("mesh.seconds", run.provenance.seconds, "s"),
    ]
    if texture:
        metrics.append(Metric("texture.seconds", texturing_seconds, "s"))
    provenance = Provenance(
        "faceapp fuse",
        faceapp.__version__,
        {"fusion": vars(settings), "mesh": run.provenance.parameters, "plugin": run.provenance.made_by},
        {bundle.id: hash_path(bundle.folder)},
        run.provenance.seed,
        time.perf_counter() - start,
    )
    warnings = decoded.complaints + run.warnings + untextured
    report = Report(tuple(metrics), provenance, warnings, {"disagreement": disagreements(fused)})
    return FusionResult(fused, mesh, landmarks, report)


def _moved(marks: Landmarks3D, fused: FusedScan, group: str) -> Landmarks3D:
    motion = fused.motions.get(group)
    if motion is None:
        return marks
    return replace(marks, points=motion.apply(marks.points))


def fuse_to_folder(
    path: Path,
    out: Path,
    landmarks: Sequence[Path] = (),
    *,
    vertices: int = 100_000,
    plugin: str | None = None,
    parameters: dict[str, object] | None = None,
    texture: bool = False,
    reporter: Reporter | None = None,
    force: bool = False,
) -> tuple[FusionResult, DecodedBundle]:
    """Decode, fuse and mesh a bundle or a sample; write ``fused.ply``, ``mesh.ply``, ``report.json``.

    With a texture ``mesh.obj``, ``mesh.mtl`` and ``mesh.png`` are written too.

    Raises
    ------
    UsageError
        ``out`` may not be written, or the landmarks are not one 3D or several 2D files.
    BundleError, DecodeError
        The capture is broken.
    """
    reporter = reporter or Reporter()
    check_output(out, [path, *landmarks], force=force)
    bundle = read_bundle(resolve_bundle(path))
    views, whole = read_landmark_set(landmarks)
    with reporter.part(0.0, 0.35):
        decoded = decode_bundle(bundle, reporter=reporter)
    with reporter.part(0.35, 0.95):
        result = fuse_decoded(
            bundle,
            decoded,
            views,
            vertices=vertices,
            plugin=plugin,
            parameters=parameters,
            texture=texture,
            reporter=reporter,
        )
    if whole is not None:  # of the rig already: nothing to lift, but the mesh's registration is led by them
        result = replace(result, landmarks=whole)
    with new_folder(out, replace=force) as temporary:
        write_fusion(temporary, result)
    for file in sorted(out.iterdir()):
        reporter.artifact(file, file.suffix.lstrip("."))
    return result, decoded


def write_fusion(folder: Path, result: FusionResult) -> None:
    """Write the files of a fusion into a folder."""
    write_cloud(folder / "fused.ply", result.fused.cloud)
    write_mesh(folder / "mesh.ply", result.mesh)
    if result.mesh.texture is not None:
        write_textured_mesh(folder / "mesh.obj", result.mesh)
    if result.landmarks is not None:
        write_landmarks(folder / "landmarks.json", result.landmarks)
    write_report(folder / "report.json", result.report)
