"""What a sample has become, read from its folders on a thread; no widgets."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from faceapp.app.repairing import Repairs, read_repairs
from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import Report
from faceapp.core.subject import Sample
from faceapp.gui.capture.stored import SIZE, read_thumbnail
from faceapp.gui.view3d.pieces import Pieces, cut
from faceapp.landmarks.scheme import load_scheme

if TYPE_CHECKING:
    from faceapp.store.project import Project

STAGES = ("register", "reconstruct")
SUSPICIOUS_P95_MM = 0.5
_VIEW_PX, _SCALE_PX = 480, 64  # of ``distance.png``: the width of each view, and the height of the scale below
VERDICT_WORDS = {"accept": "Accepted", "maybe": "Maybe", "reject": "Rejected"}


def key_of(sample: Sample) -> str:
    """Return what tells a sample from all others of a project: an identifier alone is one of its subject."""
    return f"{sample.subject}/{sample.id}"


@dataclass(frozen=True)
class SampleStanding:
    """How far a sample is.

    Parameters
    ----------
    annotated : bool
        Whether a person placed points.
    fused : bool
        Whether it has a mesh.
    registered, reconstructed : Path or None
        Its newest results.
    mean, p95 : float
        Of the newest registration over the face, mm; NaN without one.
    verdict : str
        ``accept``, ``maybe``, ``reject`` on the newest registration, or empty.
    """

    annotated: bool = False
    fused: bool = False
    registered: Path | None = None
    reconstructed: Path | None = None
    mean: float = math.nan
    p95: float = math.nan
    verdict: str = ""

    @property
    def words(self) -> str:
        """State in a few words."""
        if self.verdict:
            return VERDICT_WORDS[self.verdict]
        if self.registered is not None:
            return f"p95 {millimetres(self.p95)}"
        return "Fused" if self.fused else "Annotated" if self.annotated else "Captured"

    @property
    def suspicious(self) -> bool:
        """Whether the figures alone ask for a look."""
        return self.p95 > SUSPICIOUS_P95_MM


@dataclass(frozen=True)
class LandmarkResidual:
    """Of one landmark: index, name, and how far scan and registration are apart, mm."""

    index: int
    name: str
    mm: float


@dataclass(frozen=True, eq=False)
class Result:
    """One run, ready to be shown.

    Parameters
    ----------
    folder : Path
        Of the run.
    stage : str
        ``register`` or ``reconstruct``.
    mesh : Mesh
        The registration or the reconstruction.
    distance : (V,) float32 or None
        Signed, to the scan, mm.
    report : Report
        Figures and provenance.
    overlay : Path or None
        Picture of the reconstruction over the photographs.
    pieces : Pieces or None
        The mesh cut for the 3D view.
    landmarks : Landmarks3D or None
        Those on the scan that led a registration.
    anchors : (n, 3) float64 or None
        Where the registration has them.
    """

    folder: Path
    stage: str
    mesh: Mesh
    distance: Float32Array | None
    report: Report
    overlay: Path | None = None
    pieces: Pieces | None = None
    landmarks: Landmarks3D | None = None
    anchors: FloatArray | None = None

    @property
    def residuals(self) -> tuple[LandmarkResidual, ...]:
        """How far each landmark of the scan is from its anchor on the result, the worst first; outlines slide."""
        if self.landmarks is None or self.anchors is None:
            return ()
        scheme = load_scheme(self.landmarks.scheme)
        gaps = np.linalg.norm(self.anchors - self.landmarks.points, axis=1)
        gaps[list(scheme.silhouette)] = np.nan
        known = [
            LandmarkResidual(i, scheme.names[i], float(gaps[i])) for i in np.flatnonzero(np.isfinite(gaps)).tolist()
        ]
        return tuple(sorted(known, key=lambda residual: -residual.mm))

    @property
    def made(self) -> str:
        """By what and when."""
        at = datetime.fromtimestamp((self.folder / "report.json").stat().st_mtime)
        by = self.report.provenance
        return f"{by.made_by} {by.version}, {by.seconds:.1f} s, {at:%d %b %H:%M}"


@dataclass(frozen=True, eq=False)
class SampleResults:
    """Everything that Review shows of a sample.

    Parameters
    ----------
    sample : Sample
        Which one.
    scan : Mesh or None
        The fused mesh.
    results : dict of str to Result
        The newest of each stage.
    runs : dict of str to tuple of Path
        All, the newest first.
    before : Result or None
        The registration before the one that is shown, to compare with.
    scan_pieces : Pieces or None
        The scan cut for the 3D view.
    repairs : Repairs
        What a reviewer put right so far.
    """

    sample: Sample
    scan: Mesh | None
    results: dict[str, Result]
    runs: dict[str, tuple[Path, ...]]
    before: Result | None = None
    scan_pieces: Pieces | None = None
    repairs: Repairs = field(default_factory=Repairs)


def read_standing(project: Project, sample: Sample) -> SampleStanding:
    """Return how far a sample is; figures that cannot be read are left out."""
    from faceapp.app.reviewing import reviews_of
    from faceapp.app.sample_landmarks import annotators_of
    from faceapp.app.sample_stages import runs_of
    from faceapp.formats.reports import read_report

    folder = project.sample_folder(sample)
    registrations = runs_of(project, sample, "register")
    reconstructions = runs_of(project, sample, "reconstruct")
    mean = p95 = math.nan
    verdict = ""
    if registrations:
        with contextlib.suppress(DataError, KeyError):
            report = read_report(registrations[0] / "report.json")
            mean, p95 = number(report, "face.residual_mean"), number(report, "face.residual_p95")
        verdict = reviews_of(project, sample).get(registrations[0].name, {}).get("verdict", "")
    return SampleStanding(
        bool(annotators_of(folder)),
        (folder / "scan" / "mesh.ply").is_file(),
        registrations[0] if registrations else None,
        reconstructions[0] if reconstructions else None,
        mean,
        p95,
        verdict,
    )


def read_results(project: Project, sample: Sample, chosen: dict[str, Path] | None = None) -> SampleResults:
    """Return the scan and one result of each stage: the newest, or the one that was chosen."""
    from faceapp.app.sample_stages import runs_of
    from faceapp.formats.ply import read_mesh

    mesh_file = project.sample_folder(sample) / "scan" / "mesh.ply"
    scan = read_mesh(mesh_file) if mesh_file.is_file() else None
    runs = {stage: tuple(runs_of(project, sample, stage)) for stage in STAGES}
    results: dict[str, Result] = {}
    before = None
    for stage, folders in runs.items():
        wanted = (chosen or {}).get(stage)
        folder = wanted if wanted in folders else folders[0] if folders else None
        if folder is not None:
            results[stage] = _read_result(project, folder, stage)
        if stage == "register" and folder is not None and folders.index(folder) + 1 < len(folders):
            before = _read_result(project, folders[folders.index(folder) + 1], stage)
    pieces = None if scan is None else cut(scan)
    repairs = read_repairs(project.sample_folder(sample))
    return SampleResults(sample, scan, results, runs, before, pieces, repairs)


def read_textured(sample_folder: Path) -> Mesh | None:
    """Return the scan with its texture, or ``None`` where the sample has none."""
    from faceapp.formats.mesh_files import read_any_mesh

    file = sample_folder / "scan" / "mesh.obj"
    with contextlib.suppress(DataError):
        if file.is_file():
            mesh = read_any_mesh(file)
            return mesh if mesh.texture is not None and mesh.uv is not None else None
    return None


def read_thumbnail_of(sample_folder: Path, standing: SampleStanding) -> QImage | None:
    """Return the picture of a sample, or where it was not captured here its heat map from the front, small."""
    picture = read_thumbnail(sample_folder)
    if picture is not None or standing.registered is None:
        return picture
    image = QImage(str(standing.registered / "distance.png"))
    views = max(1, round(image.width() / _VIEW_PX))
    if image.isNull() or views < 3:
        return None
    side = image.width() // views
    front = image.copy(side, (image.height() - _SCALE_PX - side) // 2, side, side)
    return front.scaled(SIZE, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation)


def _read_result(project: Project, folder: Path, stage: str) -> Result:
    from faceapp.formats.ply import read_mesh, read_ply
    from faceapp.formats.reports import read_report

    file = folder / ("registered.ply" if stage == "register" else "reconstruction.ply")
    mesh, distance = read_mesh(file), read_ply(file).vertex.get("distance")
    landmarks, anchors = _landmarks_of(project, folder, mesh) if stage == "register" else (None, None)
    overlay = folder / "overlay.png"
    return Result(
        folder,
        stage,
        mesh,
        None if distance is None else np.asarray(distance, np.float32),
        read_report(folder / "report.json"),
        overlay if overlay.is_file() else None,
        cut(mesh),
        landmarks,
        anchors,
    )


def _landmarks_of(project: Project, run: Path, mesh: Mesh) -> tuple[Landmarks3D | None, FloatArray | None]:
    """The landmarks that led a registration, and their places on it; neither where its template is none we know."""
    from faceapp.app.project_template import project_template
    from faceapp.app.registering import LANDMARKS
    from faceapp.app.template import own_template
    from faceapp.formats.landmark_files import read_landmarks

    file = run / LANDMARKS
    marks = read_landmarks(file) if file.is_file() else None
    if not isinstance(marks, Landmarks3D):
        return None, None
    known = [own_template()]
    with contextlib.suppress(DataError):
        known.insert(0, project_template(project)[0])
    template = next((t for t in known if np.array_equal(t.mesh.faces, mesh.faces)), None)
    return (None, None) if template is None else (marks, template.landmarks_of(mesh.vertices))


def number(report: Report, name: str) -> float:
    """Return a figure, NaN where it is missing."""
    try:
        value = report.value(name)
    except KeyError:
        return math.nan
    return float(value) if isinstance(value, int | float) else math.nan


def millimetres(value: float) -> str:
    """Return a length as people read it: µm below 0.1 mm."""
    if math.isnan(value):
        return "–"
    if abs(value) < 0.1:
        return f"{1000 * value:.0f}\N{NO-BREAK SPACE}µm"
    return f"{value:.2f}\N{NO-BREAK SPACE}mm"


@dataclass(frozen=True)
class PartFigures:
    """Residuals of one part of the face, mm, and the share that the scan shows."""

    title: str
    mean: float
    p95: float
    seen: float


def parts_of(report: Report) -> tuple[PartFigures, ...]:
    """Return the figures of each part of the face that a report names."""
    names = [m.name.removesuffix(".residual_p95") for m in report.metrics if m.name.endswith(".residual_p95")]
    return tuple(
        PartFigures(
            part_title(name),
            number(report, f"{name}.residual_mean"),
            number(report, f"{name}.residual_p95"),
            number(report, f"{name}.seen"),
        )
        for name in names
        if name != "face"
    )


def part_title(name: str) -> str:
    """Return ``brow_right`` as ``Brow, right``."""
    words = name.replace("-", "_").split("_")
    side = next((w for w in words if w in ("left", "right")), "")
    rest = " ".join(w for w in words if w != side)
    return rest[:1].upper() + rest[1:] + (f", {side}" if side else "")


_ALIGNED = {"none": "as it stands", "rigid": "moved", "similarity": "moved and scaled"}


def _figure_title(name: str) -> str:
    """Return ``face.distance_mean.rigid`` as ``Distance mean, moved``."""
    head, _, aligned = name.rpartition(".")
    if aligned in _ALIGNED:
        return f"{_figure_title(head)}, {_ALIGNED[aligned]}"
    words = name.removeprefix("face.").replace(".", " ").replace("_", " ")
    return words[:1].upper() + words[1:]


def other_figures(result: Result) -> tuple[tuple[str, str], ...]:
    """Return the figures that are of no part, with their units."""
    told: list[tuple[str, str]] = []
    for metric in result.report.metrics:
        of_part = metric.name.endswith((".residual_mean", ".residual_p95", ".seen"))
        if of_part and not metric.name.startswith("landmarks."):
            continue
        title = _figure_title(metric.name)
        if metric.value is None or isinstance(metric.value, str):
            value = metric.value or "–"
        elif metric.unit == "mm":
            value = millimetres(metric.value)
        elif metric.unit == "1":
            value = f"{metric.value:,.0f}" if float(metric.value).is_integer() else f"{metric.value:.3f}"
        else:
            value = f"{metric.value:.2f}\N{NO-BREAK SPACE}{metric.unit}"
        told.append((title, value))
    return tuple(told)
