"""Agreement of the reviewers on the screen, and verdicts, figures and pictures into a folder."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QLineEdit

from faceapp.app.reviewing import VERDICTS, Agreement
from faceapp.core.signals import Reporter
from faceapp.gui.bridge import Background
from faceapp.gui.program.program import Program
from faceapp.gui.shell.prompt import Prompt
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from collections.abc import Sequence

EXPORTING = "Exporting the reviews"


class ReviewReports:
    """What Review tells of the whole project.

    Parameters
    ----------
    program : Program
        Context, jobs, messages.
    background : Background
        Where reviews are read.
    """

    def __init__(self, program: Program, background: Background) -> None:
        self._program, self._background = program, background

    def show_agreement(self) -> None:
        """Say how far each two reviewers agree."""
        project = self._program.context.project
        if project is None:
            return

        def work() -> tuple[Agreement, ...]:
            from faceapp.app.reviewing import agreements

            return agreements(project)

        self._background.run(work, self._tell)

    def _tell(self, found: Sequence[Agreement]) -> None:
        window = self._program.window
        if not found:
            text = (
                "No two reviewers judged the same registration yet. The random share of the queue is shown to each of "
                "them, and what one was not sure of to a second."
            )
            window.show_message(MessageBar("Agreement of the reviewers", text, state=State.WORK))
            return
        text = "\n".join(agreement_words(agreement) for agreement in found)
        tables = "\n\n".join(_table(agreement) for agreement in found)
        window.show_message(MessageBar("Agreement of the reviewers", text, state=State.WORK, details=tables))

    def ask_export(self) -> None:
        """Ask for a folder, then write tables and page into it as a job."""
        project = self._program.context.project
        if project is None:
            return
        field = QLineEdit(str(project.folder / "reviews"))
        field.setMinimumWidth(360)

        def accept() -> str:
            folder = Path(field.text().strip()).expanduser()
            if not field.text().strip() or folder.is_file():
                return "Name a folder."
            self._export(folder)
            return ""

        text = "verdicts.csv, figures.csv and registrations.html; an earlier export there gives way."
        self._program.window.ask(Prompt("Export the reviews", [("Folder", field)], "Export", accept, text))

    def _export(self, folder: Path) -> None:
        project = self._program.context.project
        assert project is not None

        def work(reporter: Reporter) -> list[Path]:
            from faceapp.app.review_export import export_reviews

            return export_reviews(project, folder, force=True, reporter=reporter)

        def done(files: list[Path]) -> None:
            page = files[-1]
            acts = [("Open the page", lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(page))))]
            text = f"Tables and page are in {folder}."
            self._program.window.show_message(MessageBar("", text, state=State.GOOD, acts=acts))

        self._program.jobs.run(EXPORTING, work, done)


def agreement_words(agreement: Agreement) -> str:
    """Return how far two reviewers agree, as a sentence."""
    a, b = agreement.raters
    head = f"{a} and {b}: the same verdict on {agreement.observed:.0%} of {agreement.count}"
    if math.isnan(agreement.kappa):
        return f"{head}; both always said the same one word, which tells no kappa"
    return f"{head}, Cohen's kappa {agreement.kappa:.2f} ± {agreement.error:.2f}"


def _table(agreement: Agreement) -> str:
    a, b = agreement.raters
    lines = [f"{a} down, {b} across".ljust(22) + "".join(word.rjust(8) for word in VERDICTS)]
    lines += [
        word.ljust(22) + "".join(str(n).rjust(8) for n in row)
        for word, row in zip(VERDICTS, agreement.table, strict=True)
    ]
    return "\n".join(lines)
