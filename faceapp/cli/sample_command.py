"""``faceapp sample add PROJECT SUBJECT FILE...``, ``accept|retake|move PROJECT SAMPLE`` and ``register PROJECT``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from faceapp.cli.console import Console
from faceapp.cli.inputs import add_plugin_options, plugin_values
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
    register = acts.add_parser("register", help="lay the template onto samples, or again onto those that are stale")
    register.add_argument("project", type=Path, help="folder of the project")
    register.add_argument("samples", nargs="*", metavar="SAMPLE", help="such as S0001/smile/1")
    register.add_argument("--stale", action="store_true", help="all that are made of what has changed since")
    add_plugin_options(register)
    add_json_option(register)
    move.add_argument("--subject", help="the right code")
    move.add_argument("--expression", help="the right expression")


def run(options: argparse.Namespace, console: Console) -> int:
    """Judge or move a take."""
    from faceapp.core.errors import UsageError
    from faceapp.core.subject import Verdict
    from faceapp.store.project import Project

    with Project.open(options.project) as project:
        if options.act in ("add", "register"):
            return (_add if options.act == "add" else _register)(project, options, console)
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


def _register(project: Project, options: argparse.Namespace, console: Console) -> int:
    from faceapp.app.sample_stages import register_again, register_sample, stale_samples
    from faceapp.core.errors import UsageError

    samples = [project.find_sample(name) for name in options.samples]
    if options.stale == bool(samples):
        raise UsageError("name samples, or give --stale for all that are")
    wanted = list(stale_samples(project)) if options.stale else samples
    done: dict[str, str] = {}
    for i, sample in enumerate(wanted):
        with console.reporter.part(i / len(wanted), (i + 1) / len(wanted)):
            if options.stale and not (options.plugin or options.set or options.preset):
                run = register_again(project, sample, console.reporter)
            else:
                values = plugin_values(options.set, options.preset)
                run = register_sample(project, sample, options.plugin, values, console.reporter)
        done[f"{sample.subject}/{sample.expression}/{sample.take}"] = run.name
    lines = [f"{name}: {run}" for name, run in done.items()] or ["nothing is stale"]
    console.result({"registered": done}, "\n".join(lines))
    return 0
