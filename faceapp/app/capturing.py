"""A capture into a project: shoot, decode while the next group is shot, write, and only then say that it is saved."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from faceapp.app.decoding import DecodedBundle, report_decoding, write_scans
from faceapp.app.exposure_use import plan_of, set_light
from faceapp.app.take_figures import GroupFigures, TakeFigures, figures_of_frames, with_scan, write_take_figures
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.plan import CapturePlan
from faceapp.core.errors import DataError, FaceappError
from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample, check_expression
from faceapp.devices.protocols import ConnectedRig
from faceapp.formats.atomic import new_folder
from faceapp.formats.bundle_writing import GroupFrames, write_description, write_frames
from faceapp.formats.capture_bundle import read_bundle, white_level
from faceapp.formats.reports import write_report
from faceapp.fringe.decode import DecodeSettings, GroupScan, decode_group, with_depth_images
from faceapp.fringe.row_blocks import GROUPS_AT_ONCE
from faceapp.store.project import Project


@dataclass(frozen=True, eq=False)
class Capture:
    """A take that is on the disk.

    Parameters
    ----------
    sample : Sample
        Where it lies.
    decoded : DecodedBundle
        Its clouds, and why a group has none.
    groups : dict of str to GroupCapture
        The frames, still in memory.
    figures : TakeFigures
        What it is judged by; kept with it.
    warnings : tuple of str
        What went wrong on the way and did no harm, for people.
    """

    sample: Sample
    decoded: DecodedBundle
    groups: dict[str, GroupCapture]
    figures: TakeFigures
    warnings: tuple[str, ...] = ()

    @property
    def seconds(self) -> float:
        """From the shot to the last group decoded."""
        return self.figures.seconds


def capture_sample(
    project: Project,
    devices: ConnectedRig,
    subject: str,
    expression: str,
    *,
    engine: CaptureEngine | None = None,
    plan: CapturePlan | None = None,
    settings: DecodeSettings = DecodeSettings(),
    reporter: Reporter | None = None,
    on_frames: Callable[[str, GroupFigures], None] | None = None,
    on_scan: Callable[[str, GroupScan, GroupFigures], None] | None = None,
    truth: bool = False,
) -> Capture:
    """Capture one take of one expression into a project.

    Parameters
    ----------
    project : Project
        Open for writing.
    devices : ConnectedRig
        Open devices.
    subject, expression : str
        Who does what; the subject must exist.
    engine : CaptureEngine, optional
        To share its status and its cancel; else one is made.
    plan : CapturePlan, optional
        Sequence, rate and exposure; else those of the rig and of the project.
    settings : DecodeSettings
        Of the decoder.
    reporter : Reporter, optional
        Told of progress.
    on_frames, on_scan : callable, optional
        Called on the working threads as each group's frames and cloud are there, with its name and figures so far.
    truth : bool
        Whether to keep the ground truth beside the capture, where the rig knows one.

    Returns
    -------
    Capture
        On the disk, verdict open; its clouds lie in the sample's ``scan`` folder.

    Raises
    ------
    UsageError
        The subject is unknown.
    DeviceError, FrameLost, Cancelled
        Nothing is left of the take.
    """
    reporter = reporter or Reporter()
    engine = engine or CaptureEngine(devices)
    plan = plan or plan_of(project, devices)
    project.subject(subject)
    check_expression(expression)
    takes = [s.take for s in project.samples(subject=subject, expression=expression)]
    devices.prepare(subject, expression, max(takes, default=0) + 1)
    set_light(project, devices)
    start = time.perf_counter()
    captured: dict[str, GroupCapture] = {}
    of_scan: dict[str, GroupFigures] = {}
    of_frames: dict[str, Future[GroupFigures]] = {}
    decoding: dict[str, Future[GroupScan]] = {}
    total = len(devices.rig.groups)

    with (
        project.new_sample(subject, expression) as (sample, folder),
        ThreadPoolExecutor(1, "measure") as measuring,
        ThreadPoolExecutor(GROUPS_AT_ONCE, "decode") as decoder,
    ):

        def deliver(group: GroupCapture) -> None:
            name = group.group.name
            reporter.progress(0.6 * len(captured) / total, f"captured {name}")
            captured[name] = group
            of_frames[name] = measuring.submit(measure, group)
            decoding[name] = decoder.submit(decode, group)

        def measure(group: GroupCapture) -> GroupFigures:
            figures = figures_of_frames(group)
            if on_frames is not None:
                on_frames(group.group.name, figures)
            return figures

        def decode(group: GroupCapture) -> GroupScan:
            name = group.group.name
            scan = _decode(group, settings)
            of_scan[name] = with_scan(of_frames[name].result(), scan)
            if on_scan is not None:
                on_scan(name, scan, of_scan[name])
            return scan

        engine.capture(plan, deliver)
        reporter.progress(0.6, "decoding and writing")
        decoded = _gather(decoding)
        failures = {name: str(error) for name, error in decoded.failures.items()}
        measured = {name: of_scan[name] if name in of_scan else done.result() for name, done in of_frames.items()}
        figures = TakeFigures(measured, failures, time.perf_counter() - start)
        # Encoding 87 pictures would slow the decoder down; the operator waits for its verdict, not for the disk.
        reporter.progress(0.7, "writing the frames")
        _write_bundle(folder / "capture", sample, captured, plan)
        decoded = _with_all_depths(decoded, captured)
        write_take_figures(folder, figures)
        if truth:
            devices.write_truth(folder / "capture" / "truth")
        reporter.progress(0.9, "saving")
    warnings = [f"{name} was shot again: {why}" for name, group in captured.items() for why in group.retried]
    warnings += _keep_clouds(project, sample, decoded, settings)
    for warning in warnings:
        reporter.warning(warning)
    reporter.progress(1.0, f"saved {sample.subject}/{sample.expression}/{sample.take}")
    return Capture(sample, decoded, captured, figures, tuple(warnings))


def _write_bundle(folder: Path, sample: Sample, captured: dict[str, GroupCapture], plan: CapturePlan) -> None:
    groups = [write_frames(folder, _frames(group, plan)) for group in captured.values()]
    write_description(
        folder,
        capture_id=sample.id,
        captured_at=sample.captured_at,
        subject=sample.subject,
        expression=sample.expression,
        sequence=plan.sequence,
        groups=groups,
    )


def _keep_clouds(project: Project, sample: Sample, decoded: DecodedBundle, settings: DecodeSettings) -> list[str]:
    """Write the clouds; a take is not given up for clouds that can be made of its frames again: that is a warning."""
    try:
        write_scan_folder(project, sample, decoded, settings)
    except DataError as error:
        return [f"{error}. The frames of the take are safe; make its clouds again with faceapp decode"]
    return []


def write_scan_folder(project: Project, sample: Sample, decoded: DecodedBundle, settings: DecodeSettings) -> None:
    """Write the clouds of a sample into its ``scan`` folder, whole; an earlier one gives way."""
    if not decoded.scans:
        return
    folder = project.sample_folder(sample)
    report = report_decoding(read_bundle(folder / "capture"), decoded, settings)
    with new_folder(folder / "scan", replace=True) as temporary:
        write_scans(temporary, decoded)
        write_report(temporary / "report.json", report)


def _frames(group: GroupCapture, plan: CapturePlan) -> GroupFrames:
    serials = {name: info.serial for name, info in group.infos.items()}
    exposures = {m.name: plan.own_settings.get(m.name, plan.settings).exposure_ms for m in group.group.infrared}
    return GroupFrames(group.group, group.stacks, group.pictures, exposures, serials, group.more)


def _decode(group: GroupCapture, settings: DecodeSettings) -> GroupScan:
    models = {m.name: m for m in group.group.infrared}
    white = {name: white_level(s.frames, models[name].sensor.white_level) for name, s in group.stacks.items()}
    picture = next(iter(group.pictures.values()), None)
    more = [stacks for _, stacks in group.more]
    return decode_group(group.group, dict(group.stacks), white, picture, settings, depth_images=False, more=more)


def _with_all_depths(decoded: DecodedBundle, captured: dict[str, GroupCapture]) -> DecodedBundle:
    scans = {name: with_depth_images(scan, captured[name].group) for name, scan in decoded.scans.items()}
    return DecodedBundle(scans, decoded.failures, decoded.seconds)


def _gather(decoding: dict[str, Future[GroupScan]]) -> DecodedBundle:
    scans: dict[str, GroupScan] = {}
    failures: dict[str, FaceappError] = {}
    for name, future in decoding.items():
        try:
            scans[name] = future.result()
        except DataError as error:
            failures[name] = error
    return DecodedBundle(scans, failures, dict.fromkeys(decoding, 0.0))
