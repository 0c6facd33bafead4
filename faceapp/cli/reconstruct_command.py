"""``faceapp reconstruct PHOTO_OR_SAMPLE... [--landmarks FILE]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.inputs import add_plugin_options, add_project_option, each_input, find_inputs, plugin_values
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "photographs", nargs="+", type=Path, metavar="PHOTO_OR_SAMPLE", help="a picture, a capture bundle, or a sample"
    )
    parser.add_argument(
        "--landmarks",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="2D landmarks, one file a view (repeat)",
    )
    parser.add_argument(
        "--out", type=Path, help="folder for the results (default: NAME-reconstructed here); several: OUT/NAME"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the plugin's random numbers")
    add_plugin_options(parser)
    parser.add_argument("--force", action="store_true", help="write over an earlier result")
    add_project_option(parser)
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Reconstruct each input."""
    from faceapp.app.reconstructing import reconstruct_to_folder

    def act(path: Path, out: Path) -> dict[str, object]:
        result = reconstruct_to_folder(
            path,
            out,
            options.landmarks,
            plugin=options.plugin,
            parameters=plugin_values(options.set, options.preset),
            reporter=console.reporter,
            force=options.force,
            seed=options.seed,
        )
        figures: dict[str, object] = {"reprojection px": result.reconstruction.reprojection_px}
        if result.distance is not None:
            figures["mm from the scan"] = result.report.value("face.distance_mean.rigid")
        return {**figures, "out": str(out)}

    paths = find_inputs(options.photographs, options.project, options.landmarks)
    return each_input(paths, options.out, "reconstructed", act, console)
