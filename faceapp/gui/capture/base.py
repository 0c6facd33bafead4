"""What Capture knows of subject, take and rig, and how it shows them; the acts are in `workspace`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout
from typing_extensions import override

from faceapp.core.cloud import PointCloud
from faceapp.core.subject import Sample, Verdict
from faceapp.gui.bridge import Background
from faceapp.gui.capture.figures import GroupFigures
from faceapp.gui.capture.guides import make_guide
from faceapp.gui.capture.page import CapturePage
from faceapp.gui.capture.protocol import Stand, load_expressions, next_open, stands_of, title_of
from faceapp.gui.capture.rig_link import RigLink, RigState
from faceapp.gui.capture.shot import Shot
from faceapp.gui.capture.stored import read_clouds, read_thumbnail
from faceapp.gui.program.program import Program, ProjectWorkspace
from faceapp.gui.widgets.messages import EmptyState
from faceapp.gui.widgets.states import State

_VERDICTS = {
    Verdict.OPEN: ("No verdict", State.CHECK),
    Verdict.ACCEPTED: ("Accepted", State.GOOD),
    Verdict.RETAKEN: ("Taken again", State.NONE),
    Verdict.SKIPPED: ("Skipped", State.NONE),
}


class CaptureBase(ProjectWorkspace):
    """State of Capture on the screen.

    Parameters
    ----------
    program : Program
        Context and window.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.link = RigLink(self.relay)
        self.page = CapturePage()
        self.expression = load_expressions()[0].name
        self.take: Sample | None = None
        self.shot: Shot | None = None
        self._groups: dict[str, GroupFigures] = {}
        self._skips: dict[str, dict[str, str]] = {}
        self._thumbnails: dict[str, Any] = {}
        self._asked: set[str] = set()
        self._guides: dict[str, QImage] = {}
        self._drawing = Background(self.relay, 1)
        self._here = False
        self._countdown_wanted = True
        self._nothing = EmptyState(
            "aperture",
            "No project is open",
            "Takes are kept in a project. Make one, or open the folder of one; a capture bundle can be looked at "
            "without.",
            [
                ("New project…", program.files.ask_new),
                ("Open project…", program.files.ask_open),
                ("Open capture bundle…", program.files.ask_bundle),
            ],
        )
        self.stack = QStackedWidget()
        self.stack.addWidget(self._nothing)
        self.stack.addWidget(self.page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)

    @override
    def set_narrow(self, narrow: bool) -> None:
        self.page.set_narrow(narrow)

    def _skips_of(self) -> dict[str, str]:
        project = self.context.project
        key = f"{project.folder if project is not None else ''}/{self.context.subject}"
        return self._skips.setdefault(key, {}) if self.context.subject else {}

    def stands(self) -> tuple[Stand, ...]:
        """Return how far each expression of the current subject is."""
        return stands_of(self.context.content.samples, self.context.subject, self._skips_of())

    def _stand(self) -> Stand:
        return next(s for s in self.stands() if s.expression.name == self.expression)

    @property
    def can_shoot(self) -> bool:
        """Whether Space would shoot."""
        ready = self.link.state is RigState.READY and not self.link.preparing and self.shot is None
        return ready and self.context.can_write and bool(self.context.subject) and not self.page.counting

    @property
    def judging(self) -> bool:
        """Whether a take waits for its verdict."""
        return self.take is not None and self.take.verdict is Verdict.OPEN and self.shot is None

    def ask_guides(self) -> None:
        """Have the pictures of the expressions read, and drawn where they are missing, one after the other."""
        folder = self.program.pictures
        for expression in load_expressions() if folder is not None else ():

            def work(name: str = expression.name, folder: Path | None = folder) -> QImage:
                assert folder is not None
                return QImage(str(make_guide(folder, name)))

            def show(image: QImage, name: str = expression.name) -> None:
                if not image.isNull():
                    self._guides[name] = image
                    if self.page.strip.entries.row_of(name) >= 0:
                        taken = next(s for s in self.stands() if s.expression.name == name).takes
                        if not taken:
                            self.page.strip.entries.set_thumbnail(name, image)

            self._drawing.run(work, show)

    def _forget_take(self) -> None:
        self.take = None
        self._groups = {}
        self.page.clear_take()

    def _show_last(self) -> None:
        """Show the newest take of the expression again, if there is one."""
        last = self._stand().last
        if last is None:
            self._forget_take()
        elif self.take is None or self.take.id != last.id:
            self._show_take(last)

    def _show_take(self, take: Sample) -> None:
        """Show a take that lies in the project: its clouds are read on a thread."""
        project = self.context.project
        assert project is not None
        self._forget_take()
        self.take = take
        words, state = _VERDICTS[take.verdict]
        self.page.verdict.clear(title_of(take.expression), f"take {take.take}", words, state)

        def show(clouds: dict[str, PointCloud]) -> None:
            if self.take is None or self.take.id != take.id or self.shot is not None:
                return
            for name, cloud in clouds.items():
                self.page.show_surface(name, cloud)
            self.page.show_caption(sum(len(cloud) for cloud in clouds.values()))

        self.background.run(
            partial(read_clouds, project.sample_folder(take)),
            show,
            partial(self.program.show_failure, f"Take {take.take} of {title_of(take.expression)} cannot be shown"),
        )

    def _show_subject(self) -> None:
        stands = self.stands()
        self.page.show_subjects([s.code for s in self.context.content.subjects], self.context.subject)
        self.page.show_strip(stands, self.expression, self._thumbnails, self._guides)
        self._ask_thumbnails(stands)
        self.page.show_takes(self._stand(), self.take)
        self._prepare()
        self._show_acts()
        self._show_crumbs()

    def _prepare(self) -> None:
        """Have the devices hear what is shot next; while a take waits for its verdict, what follows if it is good."""
        if self.shot is not None or not self.context.subject or not self.context.can_write:
            return
        stands = self.stands()
        name = next_open(stands, self.expression) if self.judging else self.expression
        takes = next(s for s in stands if s.expression.name == name).takes
        self.link.prepare((self.context.subject, name, max((t.take for t in takes), default=0) + 1))

    def _show_acts(self) -> None:
        page, stand = self.page, self._stand()
        title = "Take again" if stand.takes else "Next"
        page.verdict.show_next(title, stand.expression, self._countdown_wanted)
        page.verdict.show_acts(self.can_shoot, self.judging)
        page.subjects.setEnabled(self.shot is None and bool(self.context.content.subjects))
        if self.shot is None and not page.counting:
            page.show_idle(
                self.link.state,
                self.link.preparing,
                self.context.can_write,
                bool(self.context.subject),
                self.take is not None,
            )

    def _show_crumbs(self) -> None:
        self.show_crumbs(title_of(self.expression))

    def _ask_thumbnails(self, stands: tuple[Stand, ...]) -> None:
        project = self.context.project
        for stand in stands:
            last = stand.last
            if project is None or last is None or last.id in self._asked:
                continue
            self._asked.add(last.id)
            folder = project.sample_folder(last)

            def show(image: Any, sample: Sample = last) -> None:
                if image is not None:
                    self._thumbnails[sample.id] = image
                    if sample.subject == self.context.subject:
                        self.page.strip.entries.set_thumbnail(sample.expression, image)

            self.background.run(partial(read_thumbnail, folder), show, lambda _: None)
