"""Pictures and scans that are dropped on the window become a sample of the current project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox

from faceapp.gui.bridge import Background
from faceapp.gui.program.context import Context
from faceapp.gui.shell.prompt import Prompt
from faceapp.gui.shell.window import MainWindow

if TYPE_CHECKING:
    from faceapp.core.subject import Sample

_EXPRESSION = "neutral"


class Importing:
    """Asks whose face it is and what it does, and makes the sample on a thread.

    Parameters
    ----------
    window : MainWindow
        Asks, and shows what went wrong.
    context : Context
        The project.
    background : Background
        Reads and copies.
    made : callable
        Told of the new sample.
    failed : callable
        Told of a title and an error.
    """

    def __init__(
        self,
        window: MainWindow,
        context: Context,
        background: Background,
        made: Callable[[Sample], object],
        failed: Callable[[str, BaseException], object],
    ) -> None:
        self._window, self._context, self._background = window, context, background
        self._made, self._failed = made, failed

    def take(self, paths: list[str]) -> bool:
        """Ask about files that can become a sample; return whether they can."""
        from faceapp.app.importing import are_importable

        files = [Path(p) for p in paths]
        codes = [s.code for s in self._context.content.subjects]
        if not self._context.can_write or not codes or not are_importable(files):
            return False
        subject = QComboBox()
        subject.addItems(codes)
        subject.setCurrentText(self._context.subject)
        expression = QComboBox()
        expression.setEditable(True)
        expression.addItems(sorted({_EXPRESSION, *(s.expression for s in self._context.samples())}))
        expression.setCurrentText(_EXPRESSION)

        def make() -> str:
            name = expression.currentText().strip()
            if not name or not all(c.isalnum() or c == "_" for c in name):
                return "Give the expression a name of letters, digits and _."
            self._make(subject.currentText(), files, name)
            return ""

        count = f"{len(files)} files" if len(files) > 1 else files[0].name
        fields = [("Subject", subject), ("Expression", expression)]
        self._window.ask(Prompt(f"Make a sample of {count}", fields, "Make the sample", make))
        return True

    def _make(self, subject: str, files: list[Path], expression: str) -> None:
        project = self._context.project

        def work() -> Sample:
            from faceapp.app.importing import import_sample

            assert project is not None
            return import_sample(project, subject, files, expression)

        self._background.run(work, self._made, lambda error: self._failed("No sample was made", error))
