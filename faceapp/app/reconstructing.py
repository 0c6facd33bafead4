"""A face from photographs: of a sample's calibrated views, or of one ordinary picture."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from faceapp.app.decoding import resolve_bundle
from faceapp.app.fusing import read_landmark_set
from faceapp.app.jobs import worker_pool
from faceapp.app.outputs import check_output
from faceapp.app.sample_landmarks import PREFILL, current_landmarks
from faceapp.app.sample_views import read_views
from faceapp.app.template import own_template
from faceapp.core.errors import DataError, UsageError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import Metric, Reconstruction, Report
from faceapp.core.rig import CameraModel
from faceapp.core.signals import Reporter
from faceapp.core.transforms import RigidTransform
from faceapp.formats.atomic import new_folder
from faceapp.formats.capture_bundle import FILE, CaptureBundle, read_bundle
from faceapp.formats.images import PICTURES, read_image
from faceapp.formats.landmark_files import write_landmarks
from faceapp.formats.ply import read_mesh, write_mesh
from faceapp.formats.reports import hash_path, write_report
from faceapp.geometry.closest_points import SurfaceTree
from faceapp.geometry.distances import surface_distance
from faceapp.landmarks.lifting import project_landmarks
from faceapp.landmarks.prefill import prefill_photograph
from faceapp.landmarks.scheme import load_scheme
from faceapp.pipeline.registry import get_plugin
from faceapp.pipeline.stages import Photograph, ReconstructionInput
from faceapp.render.overlay import overlay, write_overlays


@dataclass(frozen=True, eq=False)
class ReconstructionResult:
    """A face and its figures.

    Parameters
    ----------
    reconstruction : Reconstruction
        Mesh, weights, camera.
    photographs : tuple of Photograph
        What it was made from; the camera of an ordinary one is the fitted one.
    distance : (V,) float32 or None
        Signed distance to the scan after a rigid alignment, mm, where there is a scan.
    report : Report
        Figures.
    """

    reconstruction: Reconstruction
    photographs: tuple[Photograph, ...]
    distance: np.ndarray | None
    report: Report


def read_photographs(path: Path, landmarks: Sequence[Path], reporter: Reporter) -> tuple[Photograph, ...]:
    """Return the photographs of a picture file, a bundle or a sample, with their landmarks.

    Parameters
    ----------
    path : Path
        What to read.
    landmarks : sequence of Path
        2D files, one a view; without them a sample's own are used, or a first guess is made and reported.
    reporter : Reporter
        Warned of guesses.

    Raises
    ------
    UsageError
        The landmarks are 3D, or there is none for any view.
    DataError
        A file is missing or broken.
    """
    given, whole = read_landmark_set(landmarks)
    if whole is not None:
        raise UsageError("reconstruction takes 2D landmarks, one file for each view")
    if path.is_file() and path.suffix.lower() in PICTURES:
        image = read_image(path)
        image = np.repeat(image[..., None], 3, axis=2) if image.ndim == 2 else image
        if image.dtype != np.uint8:
            raise DataError(f"{path}: an 8-bit picture is expected, got {image.dtype}")
        marks = _marks_of(path, image, given, reporter)
        if marks is None:
            marks = prefill_photograph(image, load_scheme(), path.name)
            how = (
                "the landmark network's points lead"
                if marks.sigma is not None
                else ("no face was found, and the mean shape was placed in the middle of the picture")
            )
            reporter.warning(
                f"{path}: no landmarks were given; {how}. Make a file with faceapp landmarks prefill, put its points "
                "right, and give it with --landmarks"
            )
        return (Photograph(path.name, image, marks),)
    if not path.exists():
        raise DataError(f"{path} does not exist; expected a picture, a capture bundle or a sample")
    if path.is_file() and path.name != FILE:
        raise DataError(f"{path} is no picture ({', '.join(PICTURES)}) and no capture bundle")
    bundle = read_bundle(resolve_bundle(path))
    views = read_views(bundle)
    if not given:
        given, who = _own_landmarks(bundle)
        if who == PREFILL:
            reporter.warning(f"{path}: nobody has annotated it; the prefill leads")
    found = tuple(Photograph(v.name, v.picture, given[v.name], v.camera) for v in views if v.name in given)
    if not found:
        raise UsageError(
            f"{path}: no landmarks for any of its pictures ({', '.join(v.name for v in views) or 'it has none'})"
        )
    return found


def _marks_of(
    path: Path, image: np.ndarray, given: Mapping[str, Landmarks2D], reporter: Reporter
) -> Landmarks2D | None:
    """The landmarks of a picture out of those that were given; a warning or an error where they look like another's."""
    if len(given) > 1 and path.name not in given:
        raise UsageError(f"{path}: none of the landmark files is of this picture ({', '.join(given)})")
    marks = given.get(path.name) or next(iter(given.values()), None)
    if marks is None:
        return None
    size = (image.shape[1], image.shape[0])
    if any(marks.image_size) and tuple(marks.image_size) != size:
        told = " x ".join(map(str, marks.image_size))
        raise DataError(f"{path} is {size[0]} x {size[1]} pixels, its landmarks are of a picture of {told}")
    if marks.view not in ("", path.name, path.stem):
        reporter.warning(f"{path}: the landmarks say that they are of {marks.view}")
    return marks


def _own_landmarks(bundle: CaptureBundle) -> tuple[dict[str, Landmarks2D], str]:
    """The landmarks of a sample; of a capture alone a guess that leaves no trace in somebody's folder."""
    sample = bundle.folder.absolute().parent
    if (sample / "sample.json").is_file():
        return current_landmarks(sample, bundle)
    with tempfile.TemporaryDirectory(prefix="faceapp-") as folder:
        return current_landmarks(Path(folder), bundle)


def reconstruct(
    photographs: tuple[Photograph, ...],
    scan: Mesh | None = None,
    *,
    plugin: str | None = None,
    parameters: dict[str, Any] | None = None,
    reporter: Reporter | None = None,
    inputs: dict[str, str] | None = None,
    seed: int = 0,
) -> ReconstructionResult:
    """Reconstruct a face by a plugin in its own process, and measure it against the scan where there is one.

    Parameters
    ----------
    photographs : tuple of Photograph
        With landmarks.
    scan : Mesh, optional
        Of the same subject, in the frame of the calibrated views.
    plugin, parameters, reporter, inputs, seed
        As for a registration.
    """
    reporter = reporter or Reporter()
    chosen = get_plugin("reconstruct", plugin)
    with reporter.part(0.0, 0.8):
        run = worker_pool().run(
            chosen, ReconstructionInput(photographs), parameters, reporter, seed=seed, inputs=inputs
        )
    made: Reconstruction = run.value
    known = tuple(p if p.camera is not None else replace(p, camera=_fitted_camera(p, made)) for p in photographs)
    metrics = [
        Metric("reprojection", made.reprojection_px, "px", sum(int(p.landmarks.visible.sum()) for p in photographs))
    ]
    if np.isfinite(made.focal_px):
        metrics.append(Metric("focal", made.focal_px, "px"))
    distance = None
    if scan is not None and photographs[0].camera is not None:
        reporter.progress(0.85, "measuring the distance to the scan")
        tree = SurfaceTree(scan.vertices, scan.faces)
        distance, more = _distance_to_scan(made, tree)
        metrics += more
    return ReconstructionResult(made, known, distance, Report(tuple(metrics), run.provenance, run.warnings))


def _distance_to_scan(made: Reconstruction, tree: SurfaceTree) -> tuple[np.ndarray, list[Metric]]:
    face = own_template().face if len(made.mesh.vertices) == len(own_template().face) else None
    metrics = []
    values = np.zeros(0)
    for align in ("none", "rigid", "similarity"):
        measured = surface_distance(made.mesh.vertices, tree, face, align=align, max_distance=20.0)
        inside = measured.distance if face is None else measured.distance[face]
        seen = np.abs(inside[np.isfinite(inside)])
        n = len(seen)
        metrics += [
            Metric(f"face.distance_mean.{align}", float(seen.mean()) if n else None, "mm", n),
            Metric(f"face.distance_p95.{align}", float(np.percentile(seen, 95)) if n else None, "mm", n),
        ]
        if align == "rigid":
            values = measured.distance
    return values.astype(np.float32), metrics


def _fitted_camera(photograph: Photograph, made: Reconstruction) -> CameraModel:
    height, width = photograph.image.shape[:2]
    f = made.focal_px
    k = np.array([[f, 0, (width - 1) / 2], [0, f, (height - 1) / 2], [0, 0, 1]])
    return CameraModel(photograph.name, width, height, k, np.zeros(5), RigidTransform.identity())


def overlay_of(result: ReconstructionResult, photograph: Photograph) -> np.ndarray:
    """Return the photograph with landmarks, the face over it, and the face alone, side by side."""
    if photograph.camera is None:
        raise DataError(f"{photograph.name}: its camera is not known")
    marks = Landmarks3D(points=result.reconstruction.landmarks)
    fitted: Landmarks2D = project_landmarks(marks, photograph.camera)
    return overlay(photograph.image, result.reconstruction.mesh, photograph.camera, photograph.landmarks, fitted)


def reconstruct_to_folder(
    path: Path,
    out: Path,
    landmarks: Sequence[Path] = (),
    *,
    plugin: str | None = None,
    parameters: dict[str, Any] | None = None,
    reporter: Reporter | None = None,
    force: bool = False,
    seed: int = 0,
) -> ReconstructionResult:
    """Reconstruct one photograph or sample; write ``reconstruction.ply``, ``overlay.png``, ``report.json``.

    Raises
    ------
    UsageError
        ``out`` exists, or landmarks are missing.
    DataError
        A file is missing or broken.
    """
    reporter = reporter or Reporter()
    check_output(out, [path, *landmarks], force=force)
    photographs = read_photographs(path, landmarks, reporter)
    mesh_file = path / "scan" / "mesh.ply"
    scan = read_mesh(mesh_file) if mesh_file.is_file() else None
    inputs = {f.name: hash_path(f) for f in landmarks}
    if path.is_file():
        inputs[path.name] = hash_path(path)
    result = reconstruct(
        photographs, scan, plugin=plugin, parameters=parameters, reporter=reporter, inputs=inputs, seed=seed
    )
    with new_folder(out, replace=force) as temporary:
        write_reconstruction(temporary, result)
    return result


def write_reconstruction(folder: Path, result: ReconstructionResult) -> None:
    """Write the files of a reconstruction into a folder."""
    extra = {} if result.distance is None else {"distance": result.distance}
    write_mesh(folder / "reconstruction.ply", result.reconstruction.mesh, extra)
    write_overlays(folder / "overlay.png", [overlay_of(result, p) for p in result.photographs])
    write_landmarks(folder / "landmarks.json", Landmarks3D(points=result.reconstruction.landmarks))
    write_report(folder / "report.json", result.report)
