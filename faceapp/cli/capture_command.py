"""``faceapp capture PROJECT --subject S0001 --expression smile``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("project", type=Path, help="folder of the project")
    parser.add_argument("--subject", required=True, help="code, such as S0001")
    parser.add_argument("--expression", required=True, help="one of the 22, such as smile, or a word of your own")
    parser.add_argument("--rig", help="a driver's name, a rig file or a bundle to replay (default: the project's)")
    parser.add_argument("--takes", type=int, default=1, help="how many takes (default 1)")
    parser.add_argument("--head", type=Path, help="mesh that the simulated rig scans (mm, y up, z out of the face)")
    parser.add_argument("--seed", type=int, help="of the simulated rig's head and noise")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="ORDER",
        help='let something go wrong with the simulated rig, such as "drop middle-ir-1 5" or "pull ?" (a ? is drawn by '
        "the seed); can be given again, see the page of faults in the docs",
    )
    parser.add_argument("--truth", action="store_true", help="keep the ground truth beside the capture (simulated rig)")
    parser.add_argument(
        "--exposures",
        default="",
        help="milliseconds with commas between, such as 7,2: each group is shot once with each, and each pixel takes "
        "what saw it well (default: one shot)",
    )
    parser.add_argument("--accept", action="store_true", help="mark the takes as accepted")
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Capture the takes."""
    from faceapp.app.calibration_use import calibrated
    from faceapp.app.capturing import capture_sample
    from faceapp.app.exposure_use import plan_of
    from faceapp.app.rigs import connect_described_rig
    from faceapp.core.errors import UsageError
    from faceapp.core.subject import Verdict, check_expression
    from faceapp.devices.troubles import order_troubles
    from faceapp.store.project import Project

    if options.takes < 1:
        raise UsageError(f"--takes {options.takes}: expected 1 or more")
    if options.seed is not None and options.seed < 0:
        raise UsageError(f"--seed {options.seed}: expected 0 or more")
    exposures = _exposures(options.exposures)
    extra = {k: v for k, v in (("head", options.head), ("seed", options.seed)) if v is not None}
    with Project.open(options.project) as project:
        project.subject(options.subject)
        check_expression(options.expression)
        console.reporter.progress(0.0, "connecting the rig")
        devices = calibrated(connect_described_rig(options.rig or project.settings["rig"], extra), project)
        plan = plan_of(project, devices)
        if exposures:
            settings = replace(plan.settings, exposure_ms=exposures[0])
            plan = replace(plan, settings=settings, own_settings={}, more_exposures_ms=exposures[1:])
        done: list[dict[str, object]] = []
        try:
            for told in order_troubles(devices, *options.fault) if options.fault else ():
                console.reporter.warning(f"ordered: {told}")
            for i in range(options.takes):
                with console.reporter.part(i / options.takes, (i + 1) / options.takes):
                    capture = capture_sample(
                        project,
                        devices,
                        options.subject,
                        options.expression,
                        plan=plan,
                        reporter=console.reporter,
                        truth=options.truth,
                    )
                if options.accept:
                    project.give_verdict(capture.sample, Verdict.ACCEPTED, by="command line")
                for complaint in capture.decoded.complaints:
                    console.reporter.warning(complaint)
                groups = {name: len(scan.cloud) for name, scan in capture.decoded.scans.items()}
                folder = project.sample_folder(capture.sample)
                done.append({"sample": str(folder), "groups": groups, "seconds": round(capture.seconds, 3)})
        finally:
            devices.close()
    text = "\n".join(f"{d['sample']}: {', '.join(f'{k} {v:,}' for k, v in d['groups'].items())} points" for d in done)  # type: ignore[attr-defined]
    console.result({"takes": done}, text)
    return 0


def _exposures(text: str) -> tuple[float, ...]:
    from faceapp.core.errors import UsageError

    try:
        found = tuple(float(part) for part in text.split(",") if part.strip())
    except ValueError:
        raise UsageError(f"--exposures {text}: milliseconds with commas between are expected, such as 7,2") from None
    if any(not value > 0 for value in found):
        raise UsageError(f"--exposures {text}: each must be above zero")
    return found
