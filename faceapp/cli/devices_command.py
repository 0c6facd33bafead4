"""``faceapp devices [RIG]``."""

from __future__ import annotations

import argparse
import dataclasses
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option

if TYPE_CHECKING:
    from faceapp.app.projector_care import ProjectorReport


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "rig", nargs="?", help="connect this rig and try each device (a driver, a rig file or a bundle)"
    )
    parser.add_argument("--check", metavar="NAME", help="run the laws of devices over a driver, or over a rig file")
    parser.add_argument("--device", default="", help="with --check: serial number or port; else the first one is taken")
    parser.add_argument("--write-rig", type=Path, metavar="FILE", help="write a rig file of the cameras plugged in")
    parser.add_argument(
        "--place",
        action="append",
        default=[],
        metavar="SERIAL=PLACE",
        help="with --write-rig: where a camera stands, as middle-ir-1, middle-ir-2 or middle-rgb; else a guess is made",
    )
    parser.add_argument(
        "--update-firmware",
        nargs=2,
        metavar=("PROJECTOR", "IMAGE"),
        help="with RIG: put the firmware of a file into a projector that takes it over its line",
    )
    parser.add_argument(
        "--self-test", action="store_true", help="with RIG: light one projector at a time and name what is wired wrong"
    )
    parser.add_argument(
        "--set-exposure",
        action="store_true",
        help="with RIG and a face before it: find exposure, gain and projector light",
    )
    parser.add_argument(
        "--project", type=Path, help="with --set-exposure: keep what was found for the captures of this project"
    )
    parser.add_argument("--force", action="store_true", help="replace the rig file")
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """List the drivers, try a rig, check a driver, or write a rig file."""
    from faceapp.core.errors import UsageError

    if sum(bool(x) for x in (options.rig, options.check, options.write_rig)) > 1:
        raise UsageError("give one of RIG, --check and --write-rig")
    if options.update_firmware:
        return _update(options, console)
    if options.check:
        return _check(options, console)
    if options.write_rig:
        return _write(options, console)
    if options.self_test or options.set_exposure:
        if not options.rig:
            raise UsageError("--self-test and --set-exposure need a RIG: a driver or a rig file")
        from faceapp.cli.rig_checks import set_exposure, tell_wiring

        if options.self_test:
            return tell_wiring(options.rig, console)
        return set_exposure(options.rig, options.project, console)
    if options.rig:
        return _try(options.rig, console)
    return _list(console)


def _update(options: argparse.Namespace, console: Console) -> int:
    from faceapp.app.projector_care import update_firmware
    from faceapp.app.rigs import connect_described_rig
    from faceapp.core.errors import UsageError

    if not options.rig:
        raise UsageError("--update-firmware needs the rig: faceapp devices RIG --update-firmware PROJECTOR IMAGE")
    name, file = options.update_firmware
    devices = connect_described_rig(options.rig)
    try:
        version = update_firmware(devices, name, Path(file), console.reporter)
    finally:
        devices.close()
    console.result({"projector": name, "firmware": version}, f"{name} runs firmware {version}")
    return 0


def _list(console: Console) -> int:
    from faceapp.app.device_listing import list_drivers

    entries = list_drivers()
    lines = []
    for entry in entries:
        told = f": {entry.sentence}" if entry.sentence else ""
        lines.append(f"{entry.kind} {entry.name}: {entry.title or 'cannot be loaded'} [{entry.standing.value}]{told}")
        lines += [f"  {c.serial}: {' '.join(filter(None, (c.model, c.where)))}" for c in entry.cameras]
        lines += [
            f"  {p.serial or '(no port)'}: {', '.join(filter(None, (p.model, p.wrong)))}" for p in entry.projectors
        ]
        lines += [f"  {t.serial or '(no port)'}: {t.model}" for t in entry.triggers]
    described = [{**dataclasses.asdict(entry), "standing": entry.standing.value} for entry in entries]
    console.result({"drivers": described}, "\n".join(lines))
    return 0


def _try(rig: str, console: Console) -> int:
    from faceapp.app.device_trial import try_group
    from faceapp.app.projector_care import report_projectors
    from faceapp.app.rigs import connect_described_rig

    devices = connect_described_rig(rig)
    try:
        devices.prepare("S0001", "neutral", 1)
        groups = [group.name for group in devices.rig.groups]
        trials = []
        for i, group in enumerate(groups):
            console.reporter.progress(i / len(groups), f"test burst of {group}")
            trials.append(try_group(devices, group))
        reports = report_projectors(devices)
        calibrated = bool(devices.rig.calibration_id)
    finally:
        devices.close()
    lines = [] if calibrated else ["this rig is not calibrated yet"]
    for trial in trials:
        lines.append(f"{trial.group}: {trial.projector}, {1000 * trial.seconds:.0f} ms{_fault(trial.fault)}")
        for camera in trial.cameras:
            info, took = camera.info, camera.took
            rate = "" if math.isnan(camera.rate_hz) else f" at {camera.rate_hz:.0f} Hz"
            lines.append(
                f"  {info.name} ({info.driver} {info.serial}): {info.role}, {info.width} x {info.height}, "
                f"{info.bits} bit {info.pixel_format}, {took.exposure_ms:g} ms, {took.gain_db:g} dB; "
                f"{camera.frames} of {camera.expected} frames{rate}{_fault(camera.fault)}"
            )
    lines += [_projector_line(report) for report in reports]
    cameras = [{**_plain(c), "info": _plain(c.info)} for trial in trials for c in trial.cameras]
    projectors = [_described(report) for report in reports]
    console.result({"cameras": cameras, "projectors": projectors, "calibrated": calibrated}, "\n".join(lines))
    return 0 if all(trial.is_good for trial in trials) and not any(r.troubles for r in reports) else 3


def _check(options: argparse.Namespace, console: Console) -> int:
    from faceapp.app.driver_check import check_driver

    findings = check_driver(options.check, options.device, console.reporter)
    lines = [f"{'broken' if f.fault else 'kept'}: {f.law}{_fault(f.fault)}" for f in findings]
    broken = sum(bool(f.fault) for f in findings)
    end = f"{options.check} breaks {broken} of {len(findings)} laws" if broken else f"{options.check} keeps all laws"
    described = [dataclasses.asdict(f) for f in findings]
    console.result({"driver": options.check, "broken": broken, "laws": described}, "\n".join([*lines, end]))
    return 3 if broken else 0


def _write(options: argparse.Namespace, console: Console) -> int:
    from faceapp.app.device_listing import list_drivers
    from faceapp.app.rig_writing import places_for, rig_text, write_rig
    from faceapp.core.errors import UsageError

    entries = list_drivers()
    cameras = [c for entry in entries for c in entry.cameras if not c.wrong]
    projectors = [p for entry in entries for p in entry.projectors]
    places = {}
    for text in options.place:
        serial, equals, place = text.partition("=")
        if not equals:
            raise UsageError(f"--place {text}: SERIAL=PLACE is expected, such as 0815-0000=middle-ir-1")
        places[serial] = place
    text = rig_text(cameras, places or places_for(cameras), projectors, options.write_rig.stem)
    write_rig(options.write_rig, text, force=options.force)
    console.result({"rig": str(options.write_rig)}, f"wrote {options.write_rig}; check the places of its cameras")
    return 0


def _projector_line(report: ProjectorReport) -> str:
    info, state = report.info, report.state
    words = [f"{info.name} ({info.driver} {info.serial or '-'}): firmware {info.version or 'unknown'}"]
    words.append(f"{info.longest_sequence} exposures of at least {1000 * info.shortest_period_s:g} ms")
    if state is not None:
        brightness = state.settings.brightness
        if brightness is not None:
            words.append(f"brightness {brightness:.0%}")
        if not math.isnan(state.temperature_c):
            words.append(f"{state.temperature_c:.1f} °C")
    if info.flash is not None:
        words.append(f"flash of {1000 * info.flash.width_s:g} ms after {1000 * info.flash.delay_s:g} ms")
    return "; ".join([", ".join(words), *info.cannot]) + _fault("; ".join(report.troubles))


def _described(report: ProjectorReport) -> dict[str, Any]:
    described = {**_plain(report.info), "cannot": list(report.info.cannot), "troubles": list(report.troubles)}
    if report.state is not None:
        described["state"] = {**_plain(report.state), "settings": dataclasses.asdict(report.state.settings)}
    return described


def _fault(fault: str) -> str:
    return f": {fault}" if fault else ""


def _plain(record: Any) -> dict[str, Any]:
    """The fields of a record that JSON can hold; NaN is null."""
    values = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
    plain = {k: v for k, v in values.items() if isinstance(v, (str, int, float, bool))}
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in plain.items()}
