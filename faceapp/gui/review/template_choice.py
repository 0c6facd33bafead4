"""Which template the samples of the project are registered with, in Review's Run panel."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QFileDialog

from faceapp.gui.bridge import Background
from faceapp.gui.program.program import Program
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.core.template import Template

_OWN = "Our own head"
_FILE = "Another template…"


class TemplateChoice:
    """Fills and serves the box of templates.

    Parameters
    ----------
    program : Program
        Project, window.
    background : Background
        To read and write on.
    box : QComboBox
        Of the Run panel.
    """

    def __init__(self, program: Program, background: Background, box: QComboBox) -> None:
        self._program, self._background, self._box = program, background, box
        box.setAccessibleName("Template")
        box.setToolTip("Which mesh is laid onto the scans of this project")
        box.activated.connect(self._chosen)
        program.context.project_changed.connect(self.refresh)
        program.context.template_changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show the templates that the project keeps; they are read on a thread."""
        project = self._program.context.project
        if project is None:
            self._box.clear()
            return

        def read() -> tuple[Path | None, tuple[Path, ...]]:
            from faceapp.app.project_template import template_file, template_files

            return template_file(project), template_files(project)

        self._background.run(read, lambda found: self._show(*found))

    def _show(self, chosen: Path | None, kept: tuple[Path, ...]) -> None:
        self._box.clear()
        self._box.addItem(_OWN, None)
        for file in kept:
            self._box.addItem(file.stem, file)
        if chosen is not None and chosen not in kept:
            self._box.addItem(f"{chosen.stem} (missing)", chosen)
        self._box.addItem(_FILE, Path())
        self._box.setCurrentIndex(next((i for i in range(self._box.count()) if self._box.itemData(i) == chosen), 0))
        self._box.setEnabled(self._program.context.can_write)

    def _chosen(self, row: int) -> None:
        file: Path | None = self._box.itemData(row)
        if file == Path():
            named, _ = QFileDialog.getOpenFileName(
                self._program.window, "Registration template", str(Path.home()), "Templates (*.json)"
            )
            if not named:
                self.refresh()
                return
            file = Path(named)
        self._use(file)

    def _use(self, file: Path | None) -> None:
        project = self._program.context.project
        if project is None:
            return

        def work() -> Template:
            from faceapp.app.project_template import use_template

            return use_template(project, file)

        self._background.run(work, partial(self._used, file), self._refused)

    def _used(self, file: Path | None, template: Template) -> None:
        name = _OWN if file is None else template.name
        text = (
            f"Samples of this project are registered with {name} from now on ({len(template.mesh.vertices):,} "
            "vertices). Earlier registrations stay, and are marked stale."
        )
        self._program.window.show_message(MessageBar("", text, state=State.GOOD))
        self._program.context.announce_template()

    def _refused(self, error: BaseException) -> None:
        self.refresh()
        self._program.show_failure("The template was not changed", error)
