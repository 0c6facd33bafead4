"""Decode capture bundles: every good group becomes a cloud, every bad one a sentence."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

import faceapp
from faceapp.app.outputs import check_output
from faceapp.calibration.projector import phase_residual_px, robust_px
from faceapp.core.arrays import FloatArray
from faceapp.core.cloud import PointCloud
from faceapp.core.errors import BundleError, DataError, FaceappError
from faceapp.core.frames import PhaseMap
from faceapp.core.results import Metric, Provenance, Report
from faceapp.core.signals import Reporter
from faceapp.formats.atomic import new_folder
from faceapp.formats.capture_bundle import FILE, BundleGroup, CaptureBundle, read_bundle, white_level
from faceapp.formats.images import write_depth
from faceapp.formats.ply import write_cloud
from faceapp.formats.reports import hash_path, write_report
from faceapp.fringe.decode import DecodeSettings, GroupScan, decode_group
from faceapp.fringe.motion import Motion, motion_of
from faceapp.fringe.row_blocks import side_by_side

_PHASE_OFF_PX = 0.6
"""Of a capture's phase from a calibrated projector; noise gives less than 0.1, a yaw of 0.02 degrees as much."""


@dataclass(frozen=True, eq=False)
class DecodedBundle:
    """What decoding gave.

    Parameters
    ----------
    scans : dict of str to GroupScan
        By group.
    failures : dict of str to FaceappError
        Groups that have no cloud, and why.
    seconds : dict of str to float
        Wall time of each group, reading included.
    """

    scans: dict[str, GroupScan]
    failures: dict[str, FaceappError]
    seconds: dict[str, float]

    @property
    def complaints(self) -> tuple[str, ...]:
        """A sentence for each group that has no cloud; it names the group."""
        told = {name: str(error) for name, error in self.failures.items()}
        return tuple(
            text if text.startswith(f"group {name}:") else f"group {name}: {text}" for name, text in told.items()
        )


def resolve_bundle(path: Path) -> Path:
    """Return the bundle's folder for a bundle, its ``capture.json``, or a sample of a project.

    Raises
    ------
    BundleError
        There is none.
    """
    if not path.exists():
        raise BundleError(f"{path} does not exist; expected a capture bundle or a sample of a project")
    if path.name == FILE:
        return path.parent
    if (path / FILE).is_file():
        return path
    if (path / "capture" / FILE).is_file():
        return path / "capture"
    raise BundleError(f"{path} holds no {FILE}; expected a capture bundle or a sample of a project")


def decode_bundle(
    bundle: CaptureBundle,
    settings: DecodeSettings = DecodeSettings(),
    reporter: Reporter | None = None,
    *,
    depth_images: bool = True,
) -> DecodedBundle:
    """Decode all groups of a bundle; a broken group does not take the others with it.

    Parameters
    ----------
    bundle : CaptureBundle
        From `read_bundle`.
    settings : DecodeSettings
        Masks and outlier rules.
    reporter : Reporter, optional
        Told of progress; can stop the work.
    depth_images : bool
        Whether to make the depth image of every camera.

    Returns
    -------
    DecodedBundle
    """
    reporter = reporter or Reporter()
    names = [group.name for group in bundle.groups]
    scans: dict[str, GroupScan] = {}
    failures: dict[str, FaceappError] = {}
    seconds: dict[str, float] = {}

    def task(group: BundleGroup) -> GroupScan:
        start = time.perf_counter()
        try:
            return _decode(bundle, group, settings, depth_images)
        finally:
            seconds[group.name] = time.perf_counter() - start

    reporter.progress(0.0, f"decoding {', '.join(names)}")
    for name, done in side_by_side({group.name: partial(task, group) for group in bundle.groups}):
        try:
            scans[name] = done.result()
        except DataError as error:
            failures[name] = error
        reporter.progress(len(seconds) / len(names), f"decoded {name}")
    scans = {name: scans[name] for name in names if name in scans}
    reporter.progress(1.0, "decoded")
    return DecodedBundle(scans, failures, seconds)


def _decode(bundle: CaptureBundle, group: BundleGroup, settings: DecodeSettings, depth_images: bool) -> GroupScan:
    model = group.model()
    infrared = [c for c in group.cameras if c.role == "ir" and c.model is not None]
    stacks = {c.name: bundle.stack(c) for c in infrared}
    white = {c.name: white_level(stacks[c.name].frames, c.model.sensor.white_level) for c in infrared if c.model}
    colour = next((c for c in group.cameras if c.role == "rgb" and c.model is not None), None)
    picture = bundle.picture(colour) if colour else None
    more = [bundle.more_stacks(c) for c in infrared]
    shots = [dict(zip(stacks, shot, strict=True)) for shot in zip(*more, strict=False)]
    return decode_group(model, stacks, white, picture, settings, depth_images=depth_images, more=shots)


def spacing(cloud: PointCloud, sample: int = 20_000) -> float:
    """Return the median distance of a point to its nearest neighbour, mm; NaN for fewer than two points.

    The points that ask are every n-th; the neighbours are all.
    """
    from scipy.spatial import cKDTree

    if len(cloud) < 2:
        return float("nan")
    asking = cloud.points[:: max(len(cloud) // sample, 1)]
    distance = np.asarray(cKDTree(cloud.points).query(asking, k=2)[0])
    return float(np.median(distance[:, 1]))


def report_decoding(bundle: CaptureBundle, decoded: DecodedBundle, settings: DecodeSettings) -> Report:
    """Return the figures of a decoded bundle."""
    metrics: list[Metric] = []
    warnings = list(decoded.complaints)
    for name, scan in decoded.scans.items():
        n = len(scan.cloud)
        sigma = scan.cloud.sigma
        metrics += [
            Metric(f"{name}.points", n, "1", n),
            Metric(f"{name}.spacing", spacing(scan.cloud), "mm", n),
            Metric(f"{name}.sigma_median", None if sigma is None else float(np.nanmedian(sigma)), "mm", n),
            Metric(f"{name}.seconds", decoded.seconds[name], "s"),
        ]
        epipolar = _phase_epipolar(bundle, name, scan)
        metrics += epipolar
        if any(isinstance(m.value, float) and m.value > _PHASE_OFF_PX for m in epipolar):
            warnings.append(
                f"{name}: points lie {epipolar[0].value:.2f} px off the columns that lit them: a camera or the "
                "projector may have moved since the calibration; check it (faceapp calibrate check)"
            )
        for phase in scan.phases:
            count = phase.valid_pixels
            motion = motion_of(phase)
            if motion.is_doubtful:
                warnings.append(f"{name}: {_motion_words(phase, motion)}")
            metrics += [
                Metric(f"{phase.camera}.decoded_pixels", count, "1", count),
                Metric(f"{phase.camera}.order_residual", phase.order_residual, "fringes", count),
                Metric(f"{phase.camera}.motion", motion.score, "1", count),
                Metric(f"{phase.camera}.modulation_median", _median(phase.modulation[phase.valid]), "counts", count),
            ]
        if not scan.noise_known:
            warnings.append(
                f"{name}: the sensor's noise is not stated; sigma comes from the residual of the fit, an upper bound"
            )
    provenance = Provenance(
        "faceapp decode",
        faceapp.__version__,
        asdict(settings),
        {bundle.id: hash_path(bundle.folder)},
        None,
        sum(decoded.seconds.values()),
    )
    extra = {
        "subject": bundle.subject,
        "expression": bundle.expression,
        "failures": {name: str(error) for name, error in decoded.failures.items()},
    }
    return Report(tuple(metrics), provenance, tuple(warnings), extra)


def field_of_points(scan: GroupScan) -> FloatArray:
    """Return the (N,) position in the projector's field at which each point of a group's cloud was lit, 0 to 1."""
    assert scan.cloud.pixels is not None
    column, row = np.rint(scan.cloud.pixels).astype(int).T
    phase = scan.phases[0]
    height, width = phase.position.shape
    column, row = np.clip(column, 0, width - 1), np.clip(row, 0, height - 1)
    # The point lies beside the middle of its pixel: the slope of the phase along the row takes it there.
    aside = scan.cloud.pixels[:, 0] - column
    near, far = np.clip(column - 1, 0, width - 1), np.clip(column + 1, 0, width - 1)
    slope = (phase.position[row, far] - phase.position[row, near]) / np.maximum(far - near, 1)
    known = phase.valid[row, column] & phase.valid[row, near] & phase.valid[row, far]
    return np.where(known, phase.position[row, column] + aside * slope, np.nan).astype(np.float64)


def _phase_epipolar(bundle: CaptureBundle, name: str, scan: GroupScan) -> list[Metric]:
    """How far points lie off the columns that lit them: it grows when a camera moves, long before anybody sees it."""
    optics = bundle.group(name).projector.optics
    if optics is None or bundle.sequence.axis != "u" or len(scan.phases) < 2:
        return []
    residual = phase_residual_px(scan.cloud.points, field_of_points(scan), optics)
    return [Metric(f"{name}.phase_epipolar", robust_px(residual), "px", len(residual))]


def _motion_words(phase: PhaseMap, motion: Motion) -> str:
    """Where the sensor's noise is not stated the rig is a stranger: its projector may leave a residual of its own."""
    most = f", most in the {motion.worst_regions[0]}" if motion.worst_regions else ""
    if not phase.noise_known:
        return (
            f"camera {phase.camera}: the sets of fringes disagree{most}: "
            "the subject moved or the projector's brightness is not linear; look at the cloud for ripples"
        )
    advice = "take it again" if motion.is_too_much else "look at the seams and at the edges"
    return f"camera {phase.camera} saw the head move during the burst{most}; {advice}"


def _median(values: np.ndarray) -> float | None:
    return float(np.median(values)) if values.size else None


def write_scans(folder: Path, decoded: DecodedBundle) -> None:
    """Write ``GROUP.ply`` and ``depth/CAMERA.tiff`` and ``.png`` of every decoded group."""
    for name, scan in decoded.scans.items():
        write_cloud(folder / f"{name}.ply", scan.cloud)
        for camera, depth in scan.depths.items():
            write_depth(folder / "depth", camera, depth)


def decode_to_folder(
    path: Path,
    out: Path,
    settings: DecodeSettings = DecodeSettings(),
    reporter: Reporter | None = None,
    *,
    calibration: Path | None = None,
    force: bool = False,
) -> tuple[DecodedBundle, Report]:
    """Decode a bundle and write its clouds, depth images and report.

    Parameters
    ----------
    path : Path
        A bundle or a sample.
    out : Path
        New folder, whole or not there.
    settings : DecodeSettings
        Masks and outlier rules.
    reporter : Reporter, optional
        Told of progress and artifacts.
    calibration : Path, optional
        Stands in for the calibrations of the bundle.
    force : bool
        Whether an earlier result may be replaced.

    Returns
    -------
    DecodedBundle, Report
        Groups that failed are in ``failures``; where all failed nothing is written.

    Raises
    ------
    BundleError
        The description itself is broken.
    UsageError
        ``out`` exists and may not be replaced.
    """
    reporter = reporter or Reporter()
    check_output(out, [path], force=force)
    bundle = read_bundle(resolve_bundle(path), calibration)
    with reporter.part(0.0, 0.85):
        decoded = decode_bundle(bundle, settings, reporter)
    report = report_decoding(bundle, decoded, settings)
    if decoded.scans:
        reporter.progress(0.9, f"writing {out}")
        with new_folder(out, replace=force) as temporary:
            write_scans(temporary, decoded)
            write_report(temporary / "report.json", report)
        for file in sorted(p for p in out.rglob("*") if p.is_file()):
            reporter.artifact(file, file.suffix.lstrip("."))
    return decoded, report
