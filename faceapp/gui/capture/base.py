"""What Capture knows of subject, take and rig, and how it shows them; the acts are in `workspace`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout
from typing_extensions import override

from faceapp.core.cloud import PointCloud
from faceapp.core.subject import Sample, Verdict
from faceapp.gui.bridge import Background
from faceapp.gui.capture.guides import make_guide
from faceapp.gui.capture.page import CapturePage
from faceapp.gui.capture.protocol import Stand, load_expressions, next_open, stands_of, title_of
from faceapp.gui.capture.rig_link import RigState
from faceapp.gui.capture.scanning import Scanning
from faceapp.gui.capture.shot import Shot
from faceapp.gui.capture.stored import read_clouds, read_figures, read_thumbnail
from faceapp.gui.program.program import Program, ProjectWorkspace
from faceapp.gui.widgets.messages import EmptyState
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.app.take_figures import GroupFigures, TakeFigures

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
        self.link = program.rig_link
        self.page = CapturePage()
        self.expression = load_expressions()[0].name
        self.take: Sample | None = None
        self.shot: Shot | None = None
        self._groups: dict[str, GroupFigures] = {}
        self._skips: dict[str, dict[str, str]] = {}
        self._thumbnails: dict[str, Any] = {}
        self._asked: set[str] = set()
        self._guides: dict[str, QImage] = {}
        self.scanning = Scanning(
            program,
            self.link,
            self.page,
            lambda: self.can_scan,
            self._lay_out_cameras,
            self._show_acts,
            self.connect_rig,
        )
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
    def can_scan(self) -> bool:
        """Whether a live scan may have the rig and the place of the take."""
        free = self.shot is None and not self.judging
        return self._here and self.link.state is RigState.READY and free and bool(self.context.subject)

    @property
    def judging(self) -> bool:
        """Whether a take waits for its verdict."""
        return self.take is not None and self.take.verdict is Verdict.OPEN and self.shot is None

    def connect_rig(self) -> None:
        """Connect the rig of this project on a thread."""
        if self.shot is None and self.context.rig:
            self.link.connect(self.context.rig)

    def _lay_out_cameras(self) -> None:
        nine = self.page.views.current == "nine"
        cameras = self.link.cameras() if nine else self.link.three(self.scanning.shown)
        columns = max(1, len({c.group for c in cameras})) if nine else 1
        if nine:  # a row for each kind of camera, a column for each group
            cameras = tuple(sorted(cameras, key=lambda c: c.labels[1]))
        self.page.show_cameras(cameras, columns, self.link.preparing)
        if self._here and self.link.state is RigState.READY and self.shot is None:
            self.link.stream([c.name for c in cameras], self.scanning.scanned)

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

        def wanted() -> bool:
            return self.take is not None and self.take.id == take.id and self.shot is None

        def show_figures(figures: TakeFigures | None) -> None:
            if figures is not None and wanted():
                self._groups = dict(figures.groups)
                self.page.verdict.show_figures(figures.groups, figures.failures, figures.seconds)
                if take.verdict is not Verdict.OPEN:  # what was decided, not what is proposed
                    self.page.verdict.show_badge(words, state)

        def show(clouds: dict[str, PointCloud]) -> None:
            if not wanted():
                return
            for name, cloud in clouds.items():
                self.page.stage.show_surface(name, cloud)
            self.page.stage.show_caption(sum(len(cloud) for cloud in clouds.values()))

        folder, name = project.sample_folder(take), f"Take {take.take} of {title_of(take.expression)}"
        failed = partial(self.program.show_failure, f"The figures of {name.lower()} cannot be shown")
        self.background.run(partial(read_figures, folder), show_figures, failed)
        failed = partial(self.program.show_failure, f"{name} cannot be shown")
        self.background.run(partial(read_clouds, folder), show, failed)

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
        stand = self._after_this() if self.judging else self._stand()
        take = max((t.take for t in stand.takes), default=0) + 1
        self.link.prepare((self.context.subject, stand.expression.name, take))

    def _after_this(self) -> Stand:
        """Return what follows once the take on the screen is accepted."""
        stands = self.stands()
        name = next_open(stands, self.expression)
        return next(s for s in stands if s.expression.name == name)

    def _show_acts(self) -> None:
        page, stand = self.page, self._stand()
        if self.shot is not None:
            page.verdict.show_next("Now", stand.expression, "")
        elif self.judging:  # the live pictures show it already
            after = self._after_this()
            page.verdict.show_next("After this take", after.expression, "once the take is judged")
        else:
            hint = "3, 2, 1, shoot" if self._countdown_wanted else "shoot at once"
            page.verdict.show_next("Take again" if stand.takes else "Next", stand.expression, hint)
        page.verdict.show_acts(self.can_shoot, self.judging)
        page.subjects.setEnabled(self.shot is None and bool(self.context.content.subjects))
        self.scanning.show()
        if self.shot is None and not page.counting:
            page.show_idle(
                self.link.state,
                self.link.preparing,
                self.context.can_write,
                bool(self.context.subject),
                self.take is not None,
            )

    def _show_crumbs(self) -> None:
        self.show_crumbs(self.context.subject, title_of(self.expression))

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
