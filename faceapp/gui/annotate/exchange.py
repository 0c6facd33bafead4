"""Landmark files of other programs in Annotate: dropped or chosen they become work of who sits here; and out again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QFileDialog, QLineEdit

from faceapp.gui.bridge import Background
from faceapp.gui.capture.protocol import title_of
from faceapp.gui.program.program import Program
from faceapp.gui.shell.prompt import Prompt
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.app.landmark_exchange import Imported

_OWN_VIEW = "As the file says"


class ExchangeDesk:
    """Imports into the current sample and exports it.

    Parameters
    ----------
    program : Program
        Project, sample, window.
    background : Background
        To read and write on.
    views : callable
        Names of the current sample's pictures.
    close : callable
        Writes what is open of the sample and gives it up; called on a thread.
    again : callable
        Opens the sample anew.
    """

    def __init__(
        self,
        program: Program,
        background: Background,
        views: Callable[[], Sequence[str]],
        close: Callable[[], object],
        again: Callable[[], object],
    ) -> None:
        self._program, self._background = program, background
        self._views, self._close, self._again = views, close, again
        self._folder = Path.home()

    def take(self, paths: list[str]) -> bool:
        """Ask about landmark files that were dropped; return whether they are any."""
        from faceapp.app.landmark_conversion import is_landmark_file

        files = [Path(path) for path in paths]
        context = self._program.context
        if context.sample is None or not context.can_write or not all(f.is_file() for f in files):
            return False
        if not all(is_landmark_file(file) for file in files):
            return False
        if not context.operator:
            self._program.ask_operator()
            return True
        self._ask_view(files)
        return True

    def ask_import(self) -> None:
        """Ask for files."""
        chosen, _ = QFileDialog.getOpenFileNames(self._program.window, "Import landmarks", str(self._folder))
        if chosen and not self.take(chosen):
            self._program.window.show_error(
                "Nothing to import",
                "Landmarks come as .pts, .txt, .csv, .json, .fcsv, .mrk.json or .pp.",
                "Open the sample that they belong to first.",
            )

    def _ask_view(self, files: list[Path]) -> None:
        sample = self._program.context.sample
        assert sample is not None
        self._folder = files[0].parent
        view = QComboBox()
        view.addItems([_OWN_VIEW, *self._views()])
        named = [name for name in self._views() if any(name in file.stem for file in files)]
        if len(files) == 1 and named:
            view.setCurrentText(named[0])
        what = files[0].name if len(files) == 1 else f"{len(files)} files"
        text = (
            f"Into {sample.subject} {title_of(sample.expression)} as work of {self._program.context.operator}. The "
            "order of the points is recognised, never guessed; Ctrl+Z takes the import back. Points in space go onto "
            "the scan."
        )

        def accept() -> str:
            chosen = view.currentText()
            self._import(files, "" if chosen == _OWN_VIEW else chosen)
            return ""

        self._program.window.ask(Prompt(f"Import {what}", [("Picture", view)], "Import", accept, text))

    def _import(self, files: list[Path], view: str) -> None:
        project, sample = self._program.context.project, self._program.context.sample
        by, views = self._program.context.operator, tuple(self._views())
        assert project is not None and sample is not None

        def work() -> list[Imported]:
            from faceapp.app.landmark_exchange import import_landmarks

            self._close()
            done = []
            for file in files:
                named = next((name for name in views if name in file.stem), None) if len(files) > 1 else None
                done.append(import_landmarks(project, sample, file, by, view or named))
            return done

        def tell(done: list[Imported]) -> None:
            parts = [f"{d.count} points ({d.order}) into {d.view}" for d in done]
            self._program.window.show_message(MessageBar("", f"Imported {', '.join(parts)}.", state=State.GOOD))
            self._again()

        def failed(error: BaseException) -> None:
            self._again()
            self._program.show_failure("Landmarks were not imported", error)

        self._background.run(work, tell, failed)

    def ask_export(self) -> None:
        """Ask for a folder and a format, then write the landmarks that count."""
        from faceapp.app.landmark_conversion import ALL_KINDS

        context = self._program.context
        project, sample = context.project, context.sample
        if project is None or sample is None:
            return
        field, kind = QLineEdit(str(project.folder / "exports")), QComboBox()
        field.setMinimumWidth(360)
        kind.addItems(list(ALL_KINDS))

        def work(folder: Path, chosen: str) -> list[Path]:
            from faceapp.app.landmark_exchange import export_landmarks

            folder.mkdir(parents=True, exist_ok=True)
            return export_landmarks(project, sample, folder, chosen)

        def accept() -> str:
            folder, chosen = Path(field.text().strip()).expanduser(), kind.currentText()
            if not field.text().strip() or folder.is_file():
                return "Name a folder."
            self._background.run(
                lambda: work(folder, chosen),
                self._exported,
                lambda error: self._program.show_failure("Landmarks were not exported", error),
            )
            return ""

        text = "The landmarks that count of each picture, and those on the scan, as far as the format holds them."
        fields = [("Folder", field), ("Format", kind)]
        self._program.window.ask(Prompt("Export landmarks", fields, "Export", accept, text))

    def _exported(self, files: list[Path]) -> None:
        folder = files[0].parent
        acts = [("Open the folder", lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder))))]
        names = ", ".join(file.name for file in files)
        self._program.window.show_message(MessageBar("", f"Wrote {names}.", state=State.GOOD, acts=acts))
