"""Propagate: to which expressions of the subject the points go, and the job that takes them there."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QComboBox

from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample
from faceapp.gui.capture.protocol import title_of
from faceapp.gui.program.program import Program
from faceapp.gui.shell.prompt import Prompt
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.states import State


def ask_propagation(program: Program, sample: Sample, annotator: str, done: Callable[[object], object]) -> None:
    """Ask, then take the points of a sample to the others of its subject; what a person placed there stays."""
    others = [s for s in program.context.samples() if s.subject == sample.subject and s.id != sample.id]
    if not others:
        program.window.show_message(
            MessageBar("", f"{sample.subject} has no other expression to propagate to.", state=State.WORK)
        )
        return
    choice = QComboBox()
    choice.addItem(f"All {len(others)} other expressions of {sample.subject}", None)
    for other in others:
        choice.addItem(title_of(other.expression), other)

    def accept() -> str:
        one = choice.currentData()
        _run(program, sample, annotator, [one] if one is not None else others, done)
        return ""

    program.window.ask(
        Prompt(
            "Propagate the points",
            [("To", choice)],
            "Propagate",
            accept,
            "By the scans' shapes and the skin. Points that a person placed there stay.",
        )
    )


def _run(
    program: Program, sample: Sample, annotator: str, targets: list[Sample], done: Callable[[object], object]
) -> None:
    project = program.context.project
    assert project is not None
    title = f"Propagating {sample.subject} {title_of(sample.expression)}"

    def work(reporter: Reporter) -> int:
        from faceapp.app.propagating import propagate_sample

        return len(propagate_sample(project, sample, targets, annotator, reporter))

    def finished(count: int) -> None:
        done(count)
        words = f"Propagated to {count} of {len(targets)} expressions; the least certain points come first there."
        program.window.show_message(MessageBar("", words, state=State.GOOD))

    program.jobs.run(title, work, finished)
