"""``faceapp demo [--headless] [--out DIR] [--head FILE [--head-landmarks FILE]] [--seed N]``."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--headless", action="store_true", help="run the journey without a window")
    parser.add_argument("--out", type=Path, default=Path("demo"), help="folder for the results (default: demo)")
    parser.add_argument("--head", type=Path, help="mesh to scan (mm, y up, z out of the face; .ply or .obj)")
    parser.add_argument("--head-landmarks", type=Path, help="its 106 points, 3D (default: prefilled)")
    parser.add_argument("--seed", type=int, default=0, help="of the subject, the expression and the noise (default 0)")
    parser.add_argument(
        "--scale", type=float, default=0.75, help="of the cameras' pixels a side (default 0.75: 960 x 768)"
    )
    parser.add_argument("--force", action="store_true", help="write over an earlier result")
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Open the demonstration in a window, or run it without one."""
    from faceapp.app.doctor import has_display, missing_debian_packages
    from faceapp.core.errors import UsageError

    if options.head_landmarks and not options.head:
        raise UsageError("--head-landmarks belongs to a --head")
    if options.seed < 0:
        raise UsageError(f"--seed {options.seed}: expected 0 or more")
    for file in (options.head, options.head_landmarks):
        if file is not None and not file.is_file():
            raise UsageError(f"{file} is missing")
    if not options.headless and not options.head:
        if has_display():
            lacking = missing_debian_packages()
            if not lacking:
                return _open(options, console)
            console.error(f"a window needs: sudo apt-get install {' '.join(lacking)}; going on without one")
        else:
            console.error("there is no display here, so the demonstration runs without a window")
    return _run_headless(options, console)


def _open(options: argparse.Namespace, console: Console) -> int:
    from faceapp.app.demo import make_demo_project
    from faceapp.cli.window import run as open_window

    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a window has nothing half-written, and Qt would not hear of it
    project = options.out / "project" if (options.out / "project" / "project.json").is_file() else options.out
    return int(open_window([str(make_demo_project(project, console.reporter))], console))


def _run_headless(options: argparse.Namespace, console: Console) -> int:
    from faceapp.app.demo import DemoOptions, run_demo

    demo = DemoOptions(options.seed, options.head, options.head_landmarks, options.scale)
    report = run_demo(options.out, demo, console.reporter, force=options.force)
    for warning in report.warnings:
        console.reporter.warning(warning)
    shown = (
        ("cloud to the true surface, face, mean", "cloud.face.distance_mean", "mm"),
        ("the same, 95th percentile", "cloud.face.distance_p95", "mm"),
        ("covered of what is seen of the face", "cloud.face.covered", ""),
        ("template to the scan, face, mean", "registration.face.residual_mean", "mm"),
        ("the same with prefilled landmarks alone", "prefill_registration.face.residual_mean", "mm"),
        ("reconstruction to the scan, face, mean", "reconstruction.face.distance_mean.rigid", "mm"),
    )
    lines = [f"{text}: {_told(report.value(name))} {unit}".rstrip() for text, name, unit in shown]
    lines.append(f"pictures: {options.out / 'pictures' / '00-contact-sheet.png'}")
    console.result({"metrics": {m.name: m.value for m in report.metrics}, "out": str(options.out)}, "\n".join(lines))
    return 0


def _told(value: float | str | None) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
