"""What ``faceapp devices RIG`` does with a rig beyond a test burst: self-test of the wiring, set-up of the exposure."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from faceapp.cli.console import Console


def tell_wiring(rig: str, console: Console) -> int:
    """Light one projector at a time and name what is wired wrong; exit status 3 where something is."""
    from faceapp.app.rigs import connect_described_rig
    from faceapp.capture.self_test import check_wiring

    devices = connect_described_rig(rig)
    try:
        devices.prepare("S0001", "neutral", 1)
        groups = [group.name for group in devices.rig.groups]
        report = check_wiring(
            devices, lambda name: console.reporter.progress(groups.index(name) / len(groups), f"lighting {name}")
        )
    finally:
        devices.close()
    lines = []
    for group, seen in report.seen.items():
        lines.append(f"light of {group}:")
        lines += [f"  {camera}: {had.value}" for camera, had in seen.items() if had.value != "no trigger"]
    lines += [f"{finding.what}. {finding.todo}" for finding in report.findings]
    lines.append("the wiring is right" if report.is_good else f"{len(report.findings)} wrong")
    findings = [{"devices": list(f.devices), "what": f.what, "todo": f.todo} for f in report.findings]
    told = {group: {camera: had.value for camera, had in seen.items()} for group, seen in report.seen.items()}
    console.result({"seen": told, "findings": findings}, "\n".join(lines))
    return 0 if report.is_good else 3


def set_exposure(rig: str, project: Path | None, console: Console) -> int:
    """Set exposure, gain and light up before a face; exit status 3 where a camera cannot be brought to the range."""
    from faceapp.app.exposure_use import keep_exposure
    from faceapp.app.rigs import connect_described_rig
    from faceapp.capture.exposure_setup import set_up_exposure
    from faceapp.store.project import Project

    devices = connect_described_rig(rig)
    try:
        devices.prepare("S0001", "neutral", 1)
        groups = [group.name for group in devices.rig.groups]
        setup = set_up_exposure(
            devices, lambda name: console.reporter.progress(groups.index(name) / len(groups), f"looking at {name}")
        )
        if project is not None:
            with Project.open(project) as opened:
                keep_exposure(opened, devices, setup)
    finally:
        devices.close()
    lines = [
        f"{name}: {s.exposure_ms:g} ms, {s.gain_db:g} dB; brightest skin at {setup.seen[name].peak:.0%} of the range, "
        f"{setup.seen[name].saturated:.2%} saturated"
        for name, s in setup.settings.items()
    ]
    lines += [f"projector of {group}: {share:.0%} of its light" for group, share in setup.brightness.items()]
    lines += [f"one exposure cannot serve: shoot {value:g} ms as well" for value in setup.more_exposures_ms]
    lines += list(setup.notes)
    if project is not None:
        lines.append(f"kept in {project}")
    console.result(
        {
            "cameras": {
                n: {**dataclasses.asdict(s), **dataclasses.asdict(setup.seen[n])} for n, s in setup.settings.items()
            },
            "brightness": setup.brightness,
            "more_exposures_ms": list(setup.more_exposures_ms),
            "notes": list(setup.notes),
        },
        "\n".join(lines),
    )
    return 3 if setup.notes else 0
