"""``faceapp subject add PROJECT`` and ``subject change PROJECT CODE``."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from faceapp.cli.console import Console
from faceapp.cli.main import add_json_option
from faceapp.core.errors import UsageError
from faceapp.core.subject import CONSENT_SCOPES, GENDERS


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    add = acts.add_parser("add", help="add a subject; prints its code, S0001 for the first")
    change = acts.add_parser("change", help="put age, gender or consent of a subject right")
    for sub in (add, change):
        sub.add_argument("project", type=Path, help="folder of the project")
        if sub is change:
            sub.add_argument("code", help="such as S0001")
        sub.add_argument("--age", type=int, help="years")
        sub.add_argument("--gender", choices=GENDERS)
        sub.add_argument("--consent", help=f"scopes with commas between, out of {', '.join(CONSENT_SCOPES)}")
        sub.add_argument("--note", help="free text; no names of people")
        add_json_option(sub)


def run(options: argparse.Namespace, console: Console) -> int:
    """Add or change a subject."""
    from faceapp.store.project import Project

    values = {k: getattr(options, k) for k in ("age", "gender", "note") if getattr(options, k) is not None}
    if options.consent is not None:
        values["consent"] = tuple(scope.strip() for scope in options.consent.split(",") if scope.strip())
        unknown = [scope for scope in values["consent"] if scope not in CONSENT_SCOPES]
        if unknown:
            raise UsageError(f"--consent {unknown[0]}: expected one of {', '.join(CONSENT_SCOPES)}")
    if options.age is not None and not 0 <= options.age <= 120:
        raise UsageError(f"--age {options.age}: expected years between 0 and 120")
    with Project.open(options.project) as project:
        if options.act == "add":
            subject = project.add_subject(**values)
        else:
            subject = replace(project.subject(options.code), **values)
            project.put_subject(subject)
    console.result({"code": subject.code}, subject.code)
    return 0
