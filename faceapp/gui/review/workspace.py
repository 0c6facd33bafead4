"""Review: run the stages of the line on samples, look at what came out, and judge it."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtGui import QImage
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout
from typing_extensions import override

from faceapp.core.subject import Sample
from faceapp.gui.annotate.opening import Opening
from faceapp.gui.capture.protocol import title_of
from faceapp.gui.capture.stored import read_thumbnail
from faceapp.gui.picture.pyramid import Pyramid
from faceapp.gui.program.program import Program, ProjectWorkspace
from faceapp.gui.review.figures_panel import REASONS
from faceapp.gui.review.page import ReviewPage
from faceapp.gui.review.results import (
    SampleResults,
    SampleStanding,
    read_results,
    read_standing,
)
from faceapp.gui.review.running import StageRuns
from faceapp.gui.shell.actions import Action
from faceapp.gui.widgets.samples import SampleEntry
from faceapp.gui.widgets.states import State

_VERDICT_STATES = {"accept": State.GOOD, "maybe": State.CHECK, "reject": State.BAD}


class ReviewWorkspace(ProjectWorkspace):
    """The workspace.

    Parameters
    ----------
    program : Program
        Context, window, jobs.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.page = ReviewPage()
        self.running = StageRuns(program, self.page, self._stage_done)
        self.opening = Opening()
        self.results: SampleResults | None = None
        self._standings: dict[str, SampleStanding] = {}
        self._thumbnails: dict[str, QImage] = {}
        self._asked: set[str] = set()
        self._judged: list[tuple[Sample, Path]] = []
        self._here = self._knows_plugins = False
        self._token: object = None
        self.stack = QStackedWidget()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)

    @override
    def begin(self) -> None:
        self.stack.addWidget(self.opening)
        self.stack.addWidget(self.page)
        page, context = self.page, self.context
        page.queue.chosen.connect(self.choose)
        page.figures.judged.connect(self.judge)
        page.run.wanted.connect(self.running.run)
        page.stage_wanted.connect(partial(self.running.run, on_all=False))
        page.stage.changed.connect(self.show_stage)
        page.runs.activated.connect(self._choose_run)
        context.project_changed.connect(self._project_changed)
        context.sample_changed.connect(self._sample_changed)
        context.samples_changed.connect(self._samples_changed)
        self.running.connect()

    @override
    def actions_of(self) -> list[Action]:
        run, sample, stage = partial(Action, menu="Run"), partial(Action, menu="Sample"), self.running.run
        acts = [
            run("review.fuse", "Fuse", partial(stage, "fuse", False), icon="cube"),
            run("review.register", "Register", partial(stage, "register", False), icon="sphere"),
            run("review.reconstruct", "Reconstruct", partial(stage, "reconstruct", False), icon="user-circle"),
            sample("review.accept", "Accept registration", partial(self.judge, "accept", ""), "J", icon="check"),
            sample("review.maybe", "Maybe: a second reviewer looks", partial(self.judge, "maybe", ""), "K"),
            sample("review.reject", "Reject registration", partial(self.judge, "reject", ""), "L", icon="x"),
            sample("review.back", "Take the last verdict back", self.take_back, "U", section=2),
            sample("review.before", "Sample before", partial(self.step, -1), "Left", icon="arrow-left", section=3),
            sample("review.next", "Next sample", partial(self.step, 1), "Right", icon="arrow-right", section=3),
            Action("review.home", "Look from the front", self.page.home, "0", "View", "house"),
            Action("review.blink", "Blink between scan and result", self.blink, "B", "View"),
        ]
        for i, reason in enumerate(REASONS, start=1):
            title = f"Reject: {reason.lower()}"
            acts.append(Action(f"review.reject-{i}", title, partial(self.judge, "reject", reason.lower()), str(i)))
        return acts

    # Coming and going

    @override
    def enter(self) -> None:
        self._here = True
        if not self._knows_plugins:
            self._knows_plugins = True
            self.background.run(_find_plugins, lambda found: self.page.run.set_plugins(*found))
        self.refresh()
        self._show_crumbs()

    @override
    def leave(self) -> None:
        self._here = False

    @override
    def set_narrow(self, narrow: bool) -> None:
        self.page.set_narrow(narrow)

    @override
    def save_state(self) -> dict[str, Any]:
        return {"parameters": self.page.run.values(), "stage": self.page.stage.current}

    @override
    def restore_state(self, state: dict[str, Any]) -> None:
        self.page.run.set_values(state.get("parameters", {}))
        if state.get("stage") in ("register", "reconstruct"):
            self.page.stage.set_current(state["stage"])

    @override
    def shut_down(self) -> None:
        self.page.shut_down()
        super().shut_down()

    # Samples

    def _project_changed(self) -> None:
        self.results = None
        self._standings.clear()
        self._thumbnails.clear()
        self._asked.clear()
        self._judged.clear()
        self._token = None
        self.page.show_results(None)
        self.refresh()

    def _sample_changed(self) -> None:
        if self._here:
            self.refresh()

    def _samples_changed(self) -> None:
        if self._here:
            self.refresh()

    def refresh(self) -> None:
        """Show the samples, and of the current one what there is; or say what to do first."""
        program, samples = self.program, self.context.samples()
        if self.context.project is None:
            acts = [("Open project…", program.files.ask_open), ("New project…", program.files.ask_new)]
            self.opening.say("seal-check", "No project is open", "Open the folder of a project, or make one.", acts)
            self.stack.setCurrentIndex(0)
            return
        if not samples:
            go = [("Go to Capture", lambda: program.window.show_workspace("capture"))]
            self.opening.say("seal-check", "No sample yet", "A sample comes from Capture.", go)
            self.stack.setCurrentIndex(0)
            return
        self.stack.setCurrentIndex(1)
        self._show_queue()
        if not self._here:
            return
        self._ask_standings(samples)
        sample = self.context.sample if self.context.sample in samples else samples[0]
        if sample != self.context.sample:
            self.context.set_sample(sample)
        elif self.results is None or self.results.sample.id != sample.id:
            self.load(sample)

    def _ask_standings(self, samples: tuple[Sample, ...], again: str = "") -> None:
        project = self.context.project
        assert project is not None
        for sample in samples:
            if sample.id in self._asked and sample.id != again:
                continue
            self._asked.add(sample.id)

            def work(sample: Sample = sample) -> tuple[SampleStanding, QImage | None]:
                return read_standing(project, sample), read_thumbnail(project.sample_folder(sample))

            self.background.run(work, partial(self._standing_read, sample))

    def _standing_read(self, sample: Sample, read: tuple[SampleStanding, QImage | None]) -> None:
        self._standings[sample.id], image = read
        if image is not None:
            self._thumbnails[sample.id] = image
        self._show_queue()
        self._show_figures()

    def _show_queue(self) -> None:
        samples = self.context.samples()
        entries = [self._entry(sample) for sample in samples]
        judged = sum(bool(self._standing(s).verdict) for s in samples)
        current = self.context.sample.id if self.context.sample is not None else ""
        self.page.show_queue(entries, current, judged)

    def _standing(self, sample: Sample) -> SampleStanding:
        return self._standings.get(sample.id, SampleStanding())

    def _entry(self, sample: Sample) -> SampleEntry:
        standing = self._standing(sample)
        if standing.verdict:
            state = _VERDICT_STATES[standing.verdict]
        else:
            state = State.CHECK if standing.suspicious else State.NONE
        title = title_of(sample.expression) + (f", take {sample.take}" if sample.take > 1 else "")
        picture = self._thumbnails.get(sample.id)
        return SampleEntry(sample.id, sample.subject, title, standing.words, state, picture)

    def choose(self, identifier: str) -> None:
        """Make a sample current."""
        sample = next((s for s in self.context.samples() if s.id == identifier), None)
        if sample is not None:
            self.context.set_sample(sample)

    def step(self, by: int) -> None:
        """Go to the sample before or after, without a verdict."""
        sample = self.context.neighbour(by)
        if sample is not None:
            self.context.set_sample(sample)

    # Results

    def load(self, sample: Sample, chosen: dict[str, Path] | None = None) -> None:
        """Read the results of a sample on a thread."""
        project = self.context.project
        if project is None:
            return
        token = self._token = object()

        def show(results: SampleResults) -> None:
            if token is self._token:
                self.results = results
                self.running.show()
                self.page.show_results(results)
                self._show_result()
                self._show_queue()

        def failed(error: BaseException) -> None:
            if token is self._token:
                self.program.show_failure("A result cannot be shown", error)

        self.background.run(lambda: read_results(project, sample, chosen), show, failed)

    def show_stage(self, stage: str) -> None:
        """Show the registration or the reconstruction."""
        self.page.stage.set_current(stage)
        self.page.show_results(self.results)
        self._show_result()

    def _choose_run(self, row: int) -> None:
        folder = self.page.runs.itemData(row)
        if self.results is not None and folder is not None:
            self.load(self.results.sample, {self.page.stage.current: folder})

    def _show_result(self) -> None:
        self._show_figures()
        self._show_crumbs()
        result = self.page.result
        self.page.show_overlay(None)
        if result is not None and result.overlay is not None:
            overlay, folder = result.overlay, result.folder

            def show(pyramid: Pyramid) -> None:
                if self.page.result is not None and self.page.result.folder == folder:
                    self.page.show_overlay(pyramid)

            self.background.run(lambda: Pyramid.build(QImage(str(overlay))), show)

    def _show_figures(self) -> None:
        if self.results is None:
            self.page.figures.show_result(None, "", "")
            return
        sample, result = self.results.sample, self.page.result
        standing = self._standing(sample)
        newest = result is not None and result.folder == standing.registered
        title = f"{sample.subject}  {title_of(sample.expression)}"
        self.page.figures.show_result(result, title, standing.verdict if newest else "")

    def blink(self) -> None:
        """Jump between scan alone and result alone."""
        self.page.compare.set_split(0.0 if self.page.compare.split > 0.5 else 1.0)

    def _stage_done(self, stage: str, sample: Sample) -> None:
        self._ask_standings((sample,), again=sample.id)
        if self.context.sample is not None and self.context.sample.id == sample.id:
            if stage in ("register", "reconstruct"):
                self.page.stage.set_current(stage)
            self.load(sample)

    # The verdict

    def judge(self, verdict: str, reason: str) -> None:
        """Record a verdict on the registration on the screen and go to the next sample."""
        project, result, by = self.context.project, self.page.result, self.context.operator
        if project is None or self.results is None or result is None or result.stage != "register":
            return
        if not by:
            self.program.ask_operator()
            return
        sample = self.results.sample

        def work() -> None:
            from faceapp.app.reviewing import give_review

            give_review(project, sample, result.folder, verdict, by, reason)

        def done(_: object) -> None:
            self.program.saved()
            self._judged.append((sample, result.folder))
            self._ask_standings((sample,), again=sample.id)
            self.step(1)

        self.background.run(work, done, partial(self.program.show_failure, "The verdict cannot be saved"))

    def take_back(self) -> None:
        """Take the last verdict back and show its sample."""
        project, by = self.context.project, self.context.operator
        if project is None or not self._judged:
            return
        sample, run = self._judged.pop()

        def work() -> None:
            from faceapp.app.reviewing import give_review

            give_review(project, sample, run, "taken back", by)

        def done(_: object) -> None:
            self.program.saved()
            self._ask_standings((sample,), again=sample.id)
            self.context.set_sample(sample)

        self.background.run(work, done, partial(self.program.show_failure, "The verdict cannot be taken back"))

    def _show_crumbs(self) -> None:
        sample, result = self.context.sample, self.page.result
        what = "" if result is None else "Registration" if result.stage == "register" else "Reconstruction"
        names = (sample.subject, title_of(sample.expression)) if sample is not None else (self.context.subject,)
        self.show_crumbs(*names, what)


def _find_plugins() -> Any:
    from faceapp.pipeline.registry import find_plugins

    return find_plugins()
