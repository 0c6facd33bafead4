"""The demonstration: the whole journey on the simulated rig, from an empty folder to a registered head."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import faceapp
from faceapp.app.capturing import Capture, capture_sample
from faceapp.app.demo_figures import Truth, cloud_metrics, read_truth, registration_truth_metrics
from faceapp.app.demo_pictures import write_pictures
from faceapp.app.outputs import check_output
from faceapp.app.reconstructing import read_photographs, reconstruct, write_reconstruction
from faceapp.app.registering import RegistrationResult, register_scan, registration_metrics, write_registration
from faceapp.app.rigs import connect_described_rig
from faceapp.app.sample_landmarks import PREFILL, annotators_of
from faceapp.app.sample_stages import fuse_sample, landmarks_on_scan
from faceapp.core.errors import DataError
from faceapp.core.landmarks import Landmarks2D, Landmarks3D
from faceapp.core.mesh import Mesh
from faceapp.core.results import Metric, Provenance, Report
from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample, Verdict
from faceapp.formats.atomic import new_folder, write_bytes
from faceapp.formats.landmark_files import read_landmarks, write_landmarks
from faceapp.formats.ply import read_cloud, read_mesh
from faceapp.formats.reports import hash_path, write_report
from faceapp.landmarks.history import Act, LandmarkJournal
from faceapp.store.project import Project, utc_now

STAND_IN = "STANDIN"
CLICK_NOISE_PX = 1.0
EXPRESSIONS = ("smile", "grin", "brow_raiser", "mouth_left", "dimpler", "sadness", "lip_puckerer", "jaw_right")


@dataclass(frozen=True)
class DemoOptions:
    """What is demonstrated.

    Parameters
    ----------
    seed : int
        Of the subject, the expression, the noise and the clicks.
    head : Path, optional
        A mesh that the simulated rig scans instead of a head of ours.
    head_landmarks : Path, optional
        Its 106 points, 3D.
    scale : float
        Of the cameras' pixels a side.
    """

    seed: int = 0
    head: Path | None = None
    head_landmarks: Path | None = None
    scale: float = 0.75


@dataclass(frozen=True, eq=False)
class _Registered:
    """The two registrations: led by the annotator's landmarks, and by the prefill alone."""

    scan: Mesh
    annotated: RegistrationResult
    prefilled: RegistrationResult


def make_demo_project(folder: Path, reporter: Reporter | None = None) -> Path:
    """Make a demonstration project with one subject, for the window; an existing one is kept.

    Returns
    -------
    Path
        The project.
    """
    reporter = reporter or Reporter()
    if not (folder / "project.json").is_file():
        reporter.progress(0.5, f"making a demonstration project in {folder}")
        with Project.create(folder, name="Demonstration", rig="simulated") as project:
            project.add_subject(age=34, gender="female", consent=("record", "research", "pictures", "shape"))
    reporter.progress(1.0, "ready")
    return folder


def run_demo(
    out: Path, options: DemoOptions = DemoOptions(), reporter: Reporter | None = None, *, force: bool = False
) -> Report:
    """Run the journey without a window and write its results.

    Parameters
    ----------
    out : Path
        New folder: ``project/``, ``truth/surface.ply``, ``fused.ply``, ``mesh.ply``, ``registered.ply``,
        ``reconstruction.ply``, ``landmarks.json``, ``pictures/*.png``, ``report.json``.
    options : DemoOptions
        Seed, head, size.
    reporter : Reporter, optional
        Told what is being done.
    force : bool
        Whether an earlier result may be replaced.

    Returns
    -------
    Report
        Figures against the truth, and who placed each landmark.
    """
    check_output(out, [f for f in (options.head, options.head_landmarks) if f], force=force)
    reporter = reporter or Reporter()
    start = time.perf_counter()
    seconds: dict[str, float] = {}

    def step(name: str, act: Callable[[], object]) -> object:
        begun = time.perf_counter()
        result = act()
        seconds[name] = time.perf_counter() - begun
        return result

    with new_folder(out, replace=force) as folder:
        with Project.create(folder / "project", name="Demonstration") as project:
            captured = _capture(project, options, reporter, step)
            sample, sample_folder = captured.sample, project.sample_folder(captured.sample)
            truth_folder = sample_folder / "capture" / "truth"
            with reporter.part(0.32, 0.36):
                reporter.progress(
                    0.0, f"the stand-in for an annotator clicks the true points with {CLICK_NOISE_PX:g} px of noise"
                )
                placed = _annotate(sample_folder, truth_folder, options.seed)
            with reporter.part(0.36, 0.58):
                step("fuse", lambda: fuse_sample(project, sample, reporter))
            with reporter.part(0.58, 0.84):
                registered = _register(sample_folder, reporter)
            with reporter.part(0.84, 0.9):
                _reconstruct(sample_folder, folder, reporter)
        reporter.progress(0.9, "measuring against the truth")
        truth = read_truth(truth_folder)
        _collect(folder, sample_folder, truth_folder, registered)
        metrics = _metrics(folder, truth, registered, captured, seconds)
        with reporter.part(0.92, 0.99):
            write_pictures(folder / "pictures", captured, folder, reporter)
        report = _report(metrics, options, captured.sample, placed, registered, time.perf_counter() - start)
        write_report(folder / "report.json", report)
    reporter.progress(1.0, f"done: {out}")
    return report


def _capture(
    project: Project, options: DemoOptions, reporter: Reporter, step: Callable[[str, Callable[[], object]], object]
) -> Capture:
    rng = np.random.default_rng(options.seed)
    subject = project.add_subject(
        age=int(rng.integers(18, 75)),
        gender=("female", "male")[int(rng.integers(2))],
        consent=("record", "research", "pictures", "shape"),
    )
    expression = "neutral" if options.head else EXPRESSIONS[int(rng.integers(len(EXPRESSIONS)))]
    reporter.progress(0.01, "connecting the simulated rig")
    wanted: dict[str, object] = {"seed": options.seed, "scale": options.scale}
    if options.head:
        wanted |= {"head": options.head, "head_landmarks": options.head_landmarks}
    else:
        wanted |= {"sex": subject.gender, "age": float(subject.age or 30)}
    devices = connect_described_rig("simulated", {k: v for k, v in wanted.items() if v is not None})
    try:
        with reporter.part(0.05, 0.32):
            reporter.progress(0.0, f"capturing {subject.code}, {expression}: the simulated rig renders the head first")
            captured = step(
                "capture",
                lambda: capture_sample(project, devices, subject.code, expression, reporter=reporter, truth=True),
            )
    finally:
        devices.close()
    if not isinstance(captured, Capture):
        raise DataError("the capture gave nothing")
    if captured.decoded.failures:
        raise DataError("; ".join(captured.decoded.complaints))
    project.give_verdict(captured.sample, Verdict.ACCEPTED, by="demonstration")
    return captured


def _annotate(sample_folder: Path, truth_folder: Path, seed: int) -> str:
    """Click every true point that a camera sees, with noise; through the journal, as a person's clicks go."""
    rng = np.random.default_rng([seed, 106])
    files = sorted(truth_folder.glob("landmarks-*.json"))
    if not files:
        return PREFILL
    journal = LandmarkJournal(sample_folder / "landmarks" / STAND_IN / "journal.jsonl")
    for file in files:
        marks = read_landmarks(file)
        if not isinstance(marks, Landmarks2D):
            continue
        view = marks.view or file.stem.removeprefix("landmarks-")
        for i in np.flatnonzero(marks.visible):
            u, v = marks.points[i] + CLICK_NOISE_PX * rng.normal(size=2)
            act = Act.of_point(view, int(i), (float(u), float(v)), marks.visibility[i])
            journal.append(act, {"by": STAND_IN, "at": utc_now(), "source": "simulated truth with noise"})
    return STAND_IN if annotators_of(sample_folder) else PREFILL


def _register(sample_folder: Path, reporter: Reporter) -> _Registered:
    scan = read_mesh(sample_folder / "scan" / "mesh.ply")
    marks, _ = landmarks_on_scan(sample_folder)
    prefill: dict[str, Landmarks2D] = {}
    for file in sorted((sample_folder / "landmarks" / PREFILL).glob("*.json")):
        guess = read_landmarks(file)
        if isinstance(guess, Landmarks2D):
            prefill[guess.view] = guess
    inputs = {"mesh.ply": hash_path(sample_folder / "scan" / "mesh.ply")}
    with reporter.part(0.0, 0.5):
        annotated = register_scan(scan, marks, reporter=reporter, inputs=inputs)
    with reporter.part(0.5, 1.0):
        guessed, _ = landmarks_on_scan(sample_folder, prefill)
        prefilled = register_scan(scan, guessed, reporter=reporter, inputs=inputs)
    with new_folder(sample_folder / "runs" / "register-nicp-demonstration") as temporary:
        write_registration(temporary, annotated, scan)
    return _Registered(scan, annotated, prefilled)


def _reconstruct(sample_folder: Path, folder: Path, reporter: Reporter) -> None:
    photographs = read_photographs(sample_folder, (), reporter)
    result = reconstruct(photographs, read_mesh(sample_folder / "scan" / "mesh.ply"), reporter=reporter)
    run = sample_folder / "runs" / "reconstruct-landmark-fit-demonstration"
    with new_folder(run) as temporary:
        write_reconstruction(temporary, result)
    for name in ("reconstruction.ply",):
        write_bytes(folder / name, (run / name).read_bytes())
    write_report(folder / ".reconstruction.json", result.report)


def _collect(folder: Path, sample_folder: Path, truth_folder: Path, registered: _Registered) -> None:
    """Copy what people look for to where they look for it."""
    write_bytes(folder / "truth" / "surface.ply", (truth_folder / "surface.ply").read_bytes())
    for name in ("fused.ply", "mesh.ply"):
        write_bytes(folder / name, (sample_folder / "scan" / name).read_bytes())
    run = sample_folder / "runs" / "register-nicp-demonstration"
    write_bytes(folder / "registered.ply", (run / "registered.ply").read_bytes())
    if registered.annotated.landmarks is not None:
        write_landmarks(folder / "landmarks.json", registered.annotated.landmarks)


def _metrics(
    folder: Path, truth: Truth, registered: _Registered, captured: Capture, seconds: dict[str, float]
) -> list[Metric]:
    cloud = read_cloud(folder / "fused.ply")
    metrics = cloud_metrics(truth, cloud)
    for prefix, result in (("registration", registered.annotated), ("prefill_registration", registered.prefilled)):
        own = registration_metrics(result.registration, result.landmarks)
        metrics += [replace(m, name=f"{prefix}.{m.name}") for m in own]
        metrics += registration_truth_metrics(truth, result.registration, prefix)
    metrics += _landmark_errors(truth, registered)
    from faceapp.formats.reports import read_report

    made = read_report(folder / ".reconstruction.json")
    (folder / ".reconstruction.json").unlink()
    metrics += [replace(m, name=f"reconstruction.{m.name}") for m in made.metrics]
    metrics += [Metric(f"seconds.{name}", value, "s") for name, value in seconds.items()]
    metrics.append(Metric("seconds.shot_to_clouds", captured.seconds, "s"))
    return metrics


def _landmark_errors(truth: Truth, registered: _Registered) -> list[Metric]:
    if truth.landmarks is None:
        return []
    metrics = []
    for prefix, result in (("landmarks", registered.annotated), ("prefill_landmarks", registered.prefilled)):
        marks = result.landmarks
        if marks is None:
            continue
        gap = np.linalg.norm(marks.points - truth.landmarks.points, axis=1)[33:]
        known = np.isfinite(gap)
        metrics.append(Metric(f"{prefix}.error_mean", float(gap[known].mean()), "mm", int(known.sum())))
    return metrics


def _report(
    metrics: list[Metric], options: DemoOptions, sample: Sample, placed: str, registered: _Registered, seconds: float
) -> Report:
    values = {
        "seed": options.seed,
        "scale": options.scale,
        "head": str(options.head) if options.head else "our own, random",
    }
    inputs = {str(options.head): hash_path(options.head)} if options.head else {}
    marks = registered.annotated.landmarks
    extra = {
        "subject": sample.subject,
        "expression": sample.expression,
        "landmarks": {
            "by": placed,
            "what": (
                f"a stand-in for an annotator: the true points with {CLICK_NOISE_PX:g} px of noise"
                if placed == STAND_IN
                else "the prefill: the mean face laid onto the scan"
            ),
            "placed_by": _origins(marks, placed),
        },
    }
    warnings = registered.annotated.report.warnings
    return Report(
        tuple(metrics),
        Provenance("faceapp demo", faceapp.__version__, values, inputs, options.seed, seconds),
        warnings,
        extra,
    )


def _origins(marks: Landmarks3D | None, placed: str) -> list[str | None]:
    if marks is None:
        return []
    by_person = f"stand-in {placed}" if placed == STAND_IN else "person"
    told = []
    for origin, known in zip(marks.placed_by, marks.placed.tolist(), strict=True):
        told.append((by_person if origin.value == "person" else origin.value) if known else None)
    return told
