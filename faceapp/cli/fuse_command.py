"""``faceapp fuse BUNDLE... [--landmarks FILE] [--vertices 100000] [--texture] [--out DIR]``."""

from __future__ import annotations

import argparse
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.inputs import add_plugin_options, add_project_option, each_input, find_inputs, plugin_values
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument(
        "bundles", nargs="+", type=Path, metavar="BUNDLE", help="a capture bundle or a sample of a project"
    )
    parser.add_argument(
        "--landmarks",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="2D landmarks, one file a view (repeat), or one file of 3D ones, which go along with the mesh",
    )
    parser.add_argument("--vertices", type=int, default=100_000, help="of the mesh (default 100000)")
    parser.add_argument(
        "--texture",
        action="store_true",
        help="also write mesh.obj with mesh.mtl and mesh.png, painted from the colour pictures",
    )
    parser.add_argument(
        "--out", type=Path, help="folder for the results (default: NAME-fused here); several inputs: OUT/NAME"
    )
    add_plugin_options(parser)
    parser.add_argument("--force", action="store_true", help="write over an earlier result")
    add_project_option(parser)
    add_json_option(parser)


def run(options: argparse.Namespace, console: Console) -> int:
    """Fuse each bundle."""
    from faceapp.app.fusing import fuse_to_folder
    from faceapp.core.errors import DecodeError, UsageError

    if options.vertices < 100:
        raise UsageError(f"--vertices {options.vertices}: at least 100 are needed")

    def act(path: Path, out: Path) -> dict[str, object]:
        result, decoded = fuse_to_folder(
            path,
            out,
            options.landmarks,
            vertices=options.vertices,
            plugin=options.plugin,
            parameters=plugin_values(options.set, options.preset),
            texture=options.texture,
            reporter=console.reporter,
            force=options.force,
        )
        for complaint in decoded.complaints:
            console.error(complaint)
        if decoded.failures:
            raise DecodeError(f"{path}: fused without {', '.join(decoded.failures)}; the result in {out} lacks them")
        return {
            "points": len(result.fused.cloud),
            "mesh vertices": len(result.mesh.vertices),
            "disagreement": {
                f"{name} {when} (mm)": round(value, 4)
                for name, motion in result.fused.motions.items()
                for when, value in (("before", motion.before), ("after", motion.after))
            },
            "disagreement by region": result.report.extra["disagreement"],
            "out": str(out),
        }

    paths = find_inputs(options.bundles, options.project, options.landmarks)
    return each_input(paths, options.out, "fused", act, console)
