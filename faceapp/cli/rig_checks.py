"""What ``faceapp devices RIG`` does with a rig beyond a test burst: the self-test of its wiring."""

from __future__ import annotations

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
