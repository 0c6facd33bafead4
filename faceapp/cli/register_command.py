"""``faceapp register MESH_OR_SAMPLE... [--landmarks FILE] [--template FILE]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.inputs import add_plugin_options, add_project_option, each_input, find_inputs, plugin_values
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "scans",
        nargs="+",
        type=Path,
        metavar="MESH_OR_SAMPLE",
        help="a .ply, .obj or .stl, a result of fuse, a sample or a capture bundle",
    )
    parser.add_argument(
        "--landmarks",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="3D landmarks, or of a capture 2D ones, one file a view (default: found from the shape)",
    )
    parser.add_argument(
        "--template", type=Path, help="a template's JSON file (default: the project's, else our own head)"
    )
    parser.add_argument(
        "--camera",
        type=Path,
        metavar="FILE",
        help="the inputs are depth images (TIFF in mm, or PNG of 16 bits, 0.05 mm); FILE, a calibration.json or "
        "capture.json, describes their cameras",
    )
    parser.add_argument("--picture", type=Path, metavar="FILE", help="of the depth image's camera: its colours")
    parser.add_argument(
        "--neutral",
        type=Path,
        metavar="FILE",
        help="registered.ply of the same person's neutral, to bend an expression from (default: the template)",
    )
    parser.add_argument(
        "--out", type=Path, help="folder for the results (default: NAME-registered here); several: OUT/NAME"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the plugin's random numbers")
    add_plugin_options(parser)
    parser.add_argument("--force", action="store_true", help="write over an earlier result")
    add_project_option(parser)
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Register each scan."""
    from faceapp.app.registering import register_to_folder

    template = options.template or (options.project and _template_of(options.project))

    def act(path: Path, out: Path) -> dict[str, object]:
        result = register_to_folder(
            path,
            out,
            options.landmarks,
            template=template,
            neutral=options.neutral,
            camera=options.camera,
            picture=options.picture,
            plugin=options.plugin,
            parameters=plugin_values(options.set, options.preset),
            reporter=console.reporter,
            force=options.force,
            seed=options.seed,
        )
        report = result.report
        return {
            "mean mm": report.value("face.residual_mean"),
            "p95 mm": report.value("face.residual_p95"),
            "seen": report.value("face.seen"),
            "out": str(out),
        }

    paths = find_inputs(options.scans, options.project, options.landmarks)
    return each_input(paths, options.out, "registered", act, console)


def _template_of(project: Path) -> Path | None:
    from faceapp.app.project_template import template_file
    from faceapp.store.project import Project

    with Project.open(project, read_only=True) as opened:
        return template_file(opened)
