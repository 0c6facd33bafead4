"""Verdicts on the registration on the screen: on the disk before the next one is shown, and taken back."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from faceapp.app.reviewing import TAKEN_BACK
from faceapp.core.subject import Sample
from faceapp.gui.bridge import Background
from faceapp.gui.program.program import Program
from faceapp.gui.review.page import ReviewPage

Given = Callable[[Sample, Path, str, str, bool], object]


class Verdicts:
    """Gives verdicts.

    Parameters
    ----------
    program : Program
        Context, messages.
    background : Background
        Where verdicts are written.
    page : ReviewPage
        Whose result is judged.
    given : callable
        Told of sample, run, verdict, reason, and whether to go on to the next sample.
    """

    def __init__(self, program: Program, background: Background, page: ReviewPage, given: Given) -> None:
        self._program, self._background, self._page, self._given = program, background, page, given
        self._judged: list[tuple[Sample, Path]] = []

    def forget(self) -> None:
        """Take nothing back from here on: another project."""
        self._judged.clear()

    def judge(self, verdict: str, reason: str) -> None:
        """Record a verdict on the registration on the screen and go to the next sample."""
        result, results = self._page.result, self._page.shown
        if results is None or result is None or result.stage != "register":
            return
        if not self._program.context.operator:
            self._program.ask_operator()
            return
        self._write(results.sample, result.folder, verdict, reason)

    def take_back(self) -> None:
        """Take the last verdict back and show its sample."""
        if self._judged:
            sample, run = self._judged.pop()
            self._write(sample, run, TAKEN_BACK, "")

    def _write(self, sample: Sample, run: Path, verdict: str, reason: str) -> None:
        project, by = self._program.context.project, self._program.context.operator
        if project is None:
            return

        def work() -> None:
            from faceapp.app.reviewing import give_review

            give_review(project, sample, run, verdict, by, reason)

        def done(_: object) -> None:
            self._program.saved()
            if verdict != TAKEN_BACK:
                self._judged.append((sample, run))
            self._given(sample, run, verdict, reason, verdict != TAKEN_BACK)

        words = "The verdict cannot be taken back" if verdict == TAKEN_BACK else "The verdict cannot be saved"
        self._background.run(work, done, partial(self._program.show_failure, words))
