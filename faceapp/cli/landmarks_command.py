"""``faceapp landmarks import|export|convert|lift|prefill|propagate|select``, and those of `annotators`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option

if TYPE_CHECKING:
    from faceapp.core.arrays import FloatArray
    from faceapp.core.subject import Sample
    from faceapp.store.project import Project


_FORMATS = ("json", "pts", "ljson", "slicer", "fcsv", "coco", "meshlab", "csv")
_ENDINGS = ".json, .pts, .ljson, .mrk.json (3D Slicer), .fcsv, .coco.json, .pp (MeshLab), .csv"
_ORDERS = "jd106, insightface106, sensetime106, wflw98, ibug68"


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    bring = acts.add_parser("import", help="a landmark file into a sample, as an annotator's work")
    give = acts.add_parser("export", help="the landmarks that count of a sample")
    choose = acts.add_parser("select", help="say whose landmarks of a sample count")
    spread = acts.add_parser("propagate", help="the landmarks of a sample to the other expressions of its subject")
    for sub in (bring, give, choose, spread):
        sub.add_argument("project", type=Path, help="folder of the project")
        sub.add_argument("sample", help="such as S0001/smile/1")
    change = acts.add_parser("convert", help="a landmark file into another format or order of points")
    change.add_argument("source", type=Path, metavar="FILE", help="of any format and known order")
    change.add_argument("out", type=Path, metavar="OUT", help=f"its name says the format: {_ENDINGS}")
    bring.add_argument("file", type=Path, help=f"{_ENDINGS}, .txt (LaPa, WFLW)")
    for sub in (bring, change):
        sub.add_argument("--order", help=f"of the points in the file (default: recognised): {_ORDERS}")
    change.add_argument("--to-order", metavar="ORDER", help="of the points in OUT (default: jd106)")
    bring.add_argument("--view", help="camera of the picture (default: what the file says)")
    for sub in (bring, choose):
        sub.add_argument("--annotator", required=True, help="initials")
    spread.add_argument("--to", action="append", default=[], metavar="SAMPLE", help="(repeat; default: all others)")
    spread.add_argument("--annotator", help="whose landmarks (default: those that count)")
    give.add_argument("--out", type=Path, default=Path(), help="folder (default: here)")
    give.add_argument("--format", choices=_FORMATS, default="json")
    give.add_argument("--order", help=f"of the points (default: jd106): {_ORDERS}")
    _configure_people(acts)
    lift = acts.add_parser("lift", help="2D landmarks onto the scan of a capture")
    lift.add_argument("bundle", type=Path, help="a capture bundle or a sample")
    lift.add_argument(
        "--landmarks", action="append", type=Path, default=[], metavar="FILE", help="2D, one file a view (repeat)"
    )
    lift.add_argument("--out", type=Path, default=Path("landmarks3d.json"), help="file (default: landmarks3d.json)")
    guess = acts.add_parser("prefill", help="a first guess for a photograph, a mesh or a capture")
    guess.add_argument("path", type=Path, help="a picture, a mesh, a capture bundle or a sample")
    guess.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="mapping file of somebody else's landmark model (guide), for a picture",
    )
    guess.add_argument("--out", type=Path, default=Path(), help="folder (default: here)")
    for sub in (give, lift, guess, change):
        sub.add_argument("--force", action="store_true", help="write over files that are there")
    for sub in (bring, give, choose, lift, guess, spread, change):
        add_json_option(sub)


def _configure_people(acts: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The acts on who annotates what, and how well."""
    agree = acts.add_parser("agreement", help="how well annotators agree with each other and with gold samples")
    agree.add_argument("--points", action="store_true", help="list every point, not the groups alone")
    agree.add_argument("--annotator", default="", help="initials (default: all)")
    agree.add_argument("--out", type=Path, metavar="DIR", help="write the tables as CSV files there")
    agree.add_argument("--force", action="store_true", help="write over files that are there")
    queue = acts.add_parser("queue", help="what an annotator does next")
    queue.add_argument("--annotator", required=True, help="initials")
    plan = acts.add_parser("plan", help="show or change who annotates, how many each sample, and what is gold")
    plan.add_argument("--annotators", metavar="A,B,...", help="initials; an empty list: everybody")
    plan.add_argument("--gold-share", type=float, metavar="SHARE", help="of an annotator's queue, 0 to 1")
    plan.add_argument("--double-share", type=float, metavar="SHARE", help="of the samples that one more gets, 0 to 1")
    plan.add_argument("--per-sample", type=int, metavar="N", help="how many annotators each sample gets")
    plan.add_argument("--samples", action="store_true", help="list every sample: whose it is, how far, and its gold")
    work = acts.add_parser("work", help="who has how much to do, and did how much in what time")
    assign = acts.add_parser("assign", help="give samples to annotators, whatever the plan says")
    gold = acts.add_parser("gold", help="say that an annotator's submitted landmarks are the right ones of a sample")
    for sub in (agree, queue, plan, work, assign, gold):
        sub.add_argument("project", type=Path, help="folder of the project")
        add_json_option(sub)
    for sub in (plan, assign, gold):
        sub.add_argument("--by", default="command line", help="initials of who says so")
    assign.add_argument("samples", nargs="+", metavar="SAMPLE", help="such as S0001/smile/1")
    assign.add_argument("--annotators", required=True, metavar="A,B,...", help="initials; an empty list: as dealt")
    gold.add_argument("sample", help="such as S0001/smile/1")
    gold.add_argument("--annotator", required=True, help="initials; an empty name takes it back")


def run(options: argparse.Namespace, console: Console) -> int:
    """Do one of the acts."""
    from faceapp.app import landmark_exchange as exchange
    from faceapp.store.project import Project

    if options.act == "lift":
        marks = exchange.lift_landmarks(options.bundle, options.landmarks, options.out, force=options.force)
        count = int(marks.placed.sum())
        console.result(
            {"placed": count, "out": str(options.out)}, f"{count} of {len(marks.points)} points lie on the scan"
        )
        return 0
    if options.act == "convert":
        return _convert(console, options)
    if options.act == "prefill":
        return _told(
            console, exchange.prefill_to_folder(options.path, options.out, model=options.model, force=options.force)
        )
    if options.act in ("agreement", "queue", "plan", "work", "assign", "gold"):
        from faceapp.cli.annotators import run_people

        return run_people(options, console)
    with Project.open(options.project, read_only=options.act == "export") as project:
        sample = project.find_sample(options.sample)
        if options.act == "export":
            files = exchange.export_landmarks(
                project, sample, options.out, options.format, order=options.order, force=options.force
            )
            return _told(console, files)
        if options.act == "propagate":
            return _propagate(console, project, sample, options)
        if options.act == "select":
            exchange.select_annotator(project, sample, options.annotator)
            console.result({"annotator": options.annotator}, f"the landmarks of {options.annotator} count")
            return 0
        done = exchange.import_landmarks(project, sample, options.file, options.annotator, options.view, options.order)
    console.result(
        {"view": done.view, "order": done.order, "points": done.count},
        f"imported {done.count} points of {options.file} (order: {done.order}) into {done.view} as {options.annotator}",
    )
    return 0


def _convert(console: Console, options: argparse.Namespace) -> int:
    from faceapp.app.landmark_conversion import convert_landmarks
    from faceapp.app.outputs import check_file

    check_file(options.out, force=options.force)
    order = convert_landmarks(options.source, options.out, order=options.order, to_order=options.to_order)
    console.result(
        {"order": order, "out": str(options.out)}, f"wrote {options.out} (order of {options.source}: {order})"
    )
    return 0


def _propagate(console: Console, project: Project, sample: Sample, options: argparse.Namespace) -> int:
    from faceapp.app.propagating import propagate_sample

    targets = [project.find_sample(name) for name in options.to] or None
    made = propagate_sample(project, sample, targets, options.annotator, console.reporter)
    shown = [
        {"sample": f"{m.sample.subject}/{m.sample.expression}/{m.sample.take}", "sigma_mm": _median(m.sigma)}
        for m in made
    ]
    console.result({"propagated": shown}, f"carried to {len(made)} samples of {sample.subject}")
    return 0


def _median(values: FloatArray) -> float:
    import numpy as np

    return round(float(np.nanmedian(values)), 3)


def _told(console: Console, files: list[Path]) -> int:
    for file in files:
        console.reporter.artifact(file, file.suffix.lstrip("."))
    console.result({"files": [str(f) for f in files]}, "")
    return 0
