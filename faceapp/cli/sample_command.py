"""``faceapp sample add PROJECT SUBJECT FILE...`` and ``accept|retake|move PROJECT SAMPLE``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option

if TYPE_CHECKING:
    from faceapp.store.project import Project


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    add = acts.add_parser("add", help="make a sample of pictures of one face, or of a mesh or a cloud")
    add.add_argument("project", type=Path, help="folder of the project")
    add.add_argument("subject", help="such as S0001")
    add.add_argument("files", type=Path, nargs="+", help="pictures, the frontal one first, or a folder, or one scan")
    add.add_argument("--expression", default="neutral", help="default: neutral")
    add_json_option(add)
    accept = acts.add_parser("accept", help="the take is good")
    retake = acts.add_parser("retake", help="the take is to be done again; it is kept")
    move = acts.add_parser("move", help="put a wrong subject or expression right")
    for sub in (accept, retake, move):
        sub.add_argument("project", type=Path, help="folder of the project")
        sub.add_argument("sample", help="such as S0001/smile/1")
        sub.add_argument("--by", default="command line", help="initials of who says so")
        add_json_option(sub)
    for sub in (accept, retake):
        sub.add_argument("--reason", default="", help="kept with the verdict")
    move.add_argument("--subject", help="the right code")
    move.add_argument("--expression", help="the right expression")


def run(options: argparse.Namespace, console: Console) -> int:
    """Judge or move a take."""
    from faceapp.core.errors import UsageError
    from faceapp.core.subject import Verdict
    from faceapp.store.project import Project

    with Project.open(options.project) as project:
        if options.act == "add":
            return _add(project, options, console)
        sample = project.find_sample(options.sample)
        if options.act == "move":
            if not options.subject and not options.expression:
                raise UsageError("say where the take belongs with --subject or --expression")
            sample = project.correct_sample(
                sample, by=options.by, subject=options.subject, expression=options.expression
            )
        else:
            verdict = Verdict.ACCEPTED if options.act == "accept" else Verdict.RETAKEN
            sample = project.give_verdict(sample, verdict, by=options.by, reason=options.reason)
        folder = project.sample_folder(sample)
    name = f"{sample.subject}/{sample.expression}/{sample.take}"
    data = {"sample": name, "folder": str(folder), "verdict": sample.verdict.value}
    console.result(data, f"{name}: {sample.verdict.value}")
    return 0


def _add(project: Project, options: argparse.Namespace, console: Console) -> int:
    from faceapp.app.importing import import_sample

    sample = import_sample(project, options.subject, options.files, options.expression)
    name = f"{sample.subject}/{sample.expression}/{sample.take}"
    console.result({"sample": name, "folder": str(project.sample_folder(sample))}, f"{name}: made")
    return 0
