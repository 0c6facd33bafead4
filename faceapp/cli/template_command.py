"""``faceapp template import MESH [--landmarks FILE] [--name NAME]``, ``faceapp template use PROJECT TEMPLATE``."""

from __future__ import annotations

import argparse
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    brought = acts.add_parser("import", help="make a template of a mesh, its vertex order unchanged")
    brought.add_argument("mesh", type=Path, help="a mesh in mm: .ply, .obj, .stl, ...")
    brought.add_argument(
        "--landmarks", type=Path, metavar="FILE", help="3D landmarks on it (default: guessed from the shape)"
    )
    brought.add_argument("--name", default="", help="what people will call it (default: the name of the file)")
    brought.add_argument("--licence", default="", help="of the mesh; kept with it and with results")
    brought.add_argument("--out", type=Path, metavar="FILE", help="the template's JSON file (default: MESH.json here)")
    brought.add_argument("--force", action="store_true", help="write over an earlier template")
    add_json_option(brought)
    used = acts.add_parser("use", help="register the samples of a project with a template from now on")
    used.add_argument("project", type=Path, help="folder of the project")
    used.add_argument("template", type=Path, help="a template's JSON file, or faceapp-head: our own")
    add_json_option(used)


def run(options: argparse.Namespace, console: Console) -> int:
    """Make a template, or use one."""
    return _use(options, console) if options.act == "use" else _import(options, console)


def _use(options: argparse.Namespace, console: Console) -> int:
    from faceapp.app.project_template import use_template
    from faceapp.store.project import Project

    with Project.open(options.project) as project:
        template = use_template(project, options.template)
        kept = project.settings["template"]
    console.result(
        {"template": kept, "name": template.name, "vertices": len(template.mesh.vertices)},
        f"{options.project}: samples are registered with {template.name} from now on ({kept}); earlier registrations "
        f"stay and are stale: faceapp sample register {options.project} --stale",
    )
    return 0


def _import(options: argparse.Namespace, console: Console) -> int:
    from faceapp.app.template_making import import_template

    out = options.out or Path(f"{options.mesh.stem}-template.json")
    made = import_template(
        options.mesh,
        out,
        landmarks=options.landmarks,
        name=options.name,
        licence=options.licence,
        reporter=console.reporter,
        force=options.force,
    )
    if made.guessed:
        console.reporter.warning(
            "the anchors were guessed from the shape; look at them, or give landmarks (--landmarks)"
        )
    if made.missing:
        shown = ", ".join(made.missing[:6]) + (", ..." if len(made.missing) > 6 else "")
        console.reporter.warning(f"{len(made.missing)} landmarks have no anchor on this mesh: {shown}")
    template = made.template
    anchors = len(template.anchor_triangles) - len(made.missing)
    console.result(
        {
            "template": str(out),
            "name": template.name,
            "vertices": len(template.mesh.vertices),
            "anchors": anchors,
            "missing": list(made.missing),
            "face vertices": int(template.face.sum()),
        },
        f"{out}: {template.name}, {len(template.mesh.vertices):,} vertices, {anchors} anchors, "
        f"{int(template.face.sum()):,} vertices of the face\nuse it: faceapp register SCAN --template {out}",
    )
    return 0
