"""Review: run the stages of the line on samples, look at what came out, judge it and repair it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout
from typing_extensions import override

from faceapp.core.subject import Sample
from faceapp.gui.annotate.opening import Opening
from faceapp.gui.capture.protocol import title_of
from faceapp.gui.picture.pyramid import Pyramid
from faceapp.gui.program.program import Program, ProjectWorkspace
from faceapp.gui.review.actions import review_actions
from faceapp.gui.review.page import ReviewPage
from faceapp.gui.review.prefetch import ResultPrefetch
from faceapp.gui.review.queue_desk import QueueDesk
from faceapp.gui.review.repair_desk import RepairDesk
from faceapp.gui.review.reports import ReviewReports
from faceapp.gui.review.results import (
    SampleResults,
    key_of,
    read_results,
    read_textured,
)
from faceapp.gui.review.running import StageRuns
from faceapp.gui.review.sibling_reading import SiblingReader
from faceapp.gui.review.template_choice import TemplateChoice
from faceapp.gui.review.verdicts import Verdicts
from faceapp.gui.shell.actions import Action

_AHEAD, _BEHIND = 2, 1
_SIBLINGS_AFTER = 200  # ms: first the mesh that was asked for
_QUEUE_AFTER = 400  # ms in which changes of several samples come together


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
        self.repairs = RepairDesk(program, self.page, self.background, self._repaired)
        self.ahead = ResultPrefetch(self.background, self._read)
        self.siblings = SiblingReader(self.background, self.page.siblings.show_siblings)
        self.reports = ReviewReports(program, self.background)
        self.verdicts = Verdicts(program, self.background, self.page, self.verdict_given)
        self.opening = Opening()
        self.results: SampleResults | None = None
        self.list = QueueDesk(program, self.background, self.page, self._show_figures)
        self.templates = TemplateChoice(program, self.background, self.page.run.template)
        self._here = self._knows_plugins = False
        self._token: object = None
        self._later = self._timer(_SIBLINGS_AFTER, self._want_neighbours)
        self._queue_later = self._timer(_QUEUE_AFTER, self._ask_queue)
        self.stack = QStackedWidget()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)

    def _timer(self, after: int, act: Callable[[], object]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(after)
        timer.timeout.connect(act)
        return timer

    @override
    def begin(self) -> None:
        self.stack.addWidget(self.opening)
        self.stack.addWidget(self.page)
        page, context = self.page, self.context
        page.queue.samples.chosen.connect(self.list.choose)
        page.siblings.chosen.connect(self.list.choose)
        page.queue.which.changed.connect(self.list.choose_list)
        page.figures.judged.connect(self.verdicts.judge)
        page.figures.again.connect(self.register_again)
        page.figures.repair.connect(self.open_repair)
        page.figures.landmarks.chosen.connect(self._show_landmark)
        page.repair.again.connect(self.register_again)
        page.run.wanted.connect(self.running.run)
        page.stage_wanted.connect(partial(self.running.run, on_all=False))
        page.texture_wanted.connect(self._want_texture)
        page.stage.changed.connect(self.show_stage)
        page.runs.activated.connect(self._choose_run)
        context.project_changed.connect(self._project_changed)
        context.sample_changed.connect(self._sample_changed)
        context.samples_changed.connect(self._samples_changed)
        context.operator_changed.connect(self._operator_changed)
        self.running.connect()
        self.repairs.connect()

    @override
    def actions_of(self) -> list[Action]:
        return review_actions(self)

    # Coming and going

    @override
    def enter(self) -> None:
        self._here = True
        if not self._knows_plugins:
            self._knows_plugins = True
            self.background.run(_find_plugins, lambda found: self.page.run.set_plugins(*found))
            self.templates.refresh()
        self.refresh()
        self._ask_queue()
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
        for timer in (self._later, self._queue_later):
            timer.stop()
        self.page.shut_down()
        super().shut_down()

    # Samples

    def _project_changed(self) -> None:
        self.results = None
        self.list.forget()
        self.verdicts.forget()
        self._token = None
        self.ahead.drop()
        self.siblings.forget()
        self.page.siblings.show_siblings(())
        self.page.show_results(None)
        self.refresh()
        if self._here:
            self._ask_queue()

    def _sample_changed(self) -> None:
        if self._here:
            self.refresh()

    def _samples_changed(self) -> None:
        if self._here:
            self.refresh()
            self._queue_later.start()

    def _operator_changed(self) -> None:
        self.list.set_reviewer(self.context.operator)
        if self._here:
            self.list.show()
            self._show_figures()

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
        self.list.show()
        if not self._here:
            return
        self.list.ask_standings(samples)
        sample = self.context.sample if self.context.sample in samples else samples[0]
        if sample != self.context.sample:
            self.context.set_sample(sample)
        elif self.results is None or key_of(self.results.sample) != key_of(sample):
            self.load(sample)

    def _ask_queue(self) -> None:
        if self._here:
            self.list.ask()

    # Results

    def _read(self, sample: Sample) -> SampleResults:
        project = self.context.project
        assert project is not None
        return read_results(project, sample)

    def load(self, sample: Sample, chosen: dict[str, Path] | None = None) -> None:
        """Show the results of a sample: at once where they were read ahead, else when a thread has read them."""
        project = self.context.project
        if project is None:
            return
        token = self._token = object()
        ready = self.ahead.take(sample) if chosen is None else None
        if ready is not None:
            self._show_results(ready)
            return

        def show(results: SampleResults) -> None:
            if token is self._token:
                if chosen is None:
                    self.ahead.keep(results)
                self._show_results(results)

        def failed(error: BaseException) -> None:
            if token is self._token:
                self.program.show_failure("A result cannot be shown", error)

        self.background.run(lambda: read_results(project, sample, chosen), show, failed)

    def _show_results(self, results: SampleResults) -> None:
        self.results = results
        self.running.show()
        self.page.show_results(results)
        self._show_result()
        self.page.queue.samples.set_current(key_of(results.sample))
        self.repairs.show()
        self._later.start()

    def _want_neighbours(self) -> None:
        """Read the samples beside the current one ahead, and show its siblings."""
        project, sample = self.context.project, self.context.sample
        if project is None or sample is None:
            return
        listed = self.list.listed()
        at = next((i for i, s in enumerate(listed) if key_of(s) == key_of(sample)), -1)
        near = list(listed[at + 1 : at + 1 + _AHEAD]) + list(listed[max(0, at - _BEHIND) : max(0, at)])
        following = self.list.queue.next_due(sample)
        if following is not None and self.page.queue.which.current == "queue":
            near.insert(0, following)
        self.ahead.want([sample, *near])
        self.siblings.want(project, sample, self.context.samples(), self.list.standings)

    def show_stage(self, stage: str) -> None:
        """Show the registration or the reconstruction."""
        self.page.stage.set_current(stage)
        self.page.show_results(self.results)
        self._show_result()
        self.repairs.show()

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
        figures = self.page.figures
        if self.results is None:
            figures.show_result(None, "", "")
            return
        sample, result = self.results.sample, self.page.result
        entry = self.list.queue.entry(sample)
        title = f"{sample.subject}  {title_of(sample.expression)}"
        verdict = ""
        if entry is not None and result is not None and result.folder == entry.run:
            verdict = entry.verdict_of(self.list.queue.by)
        elif result is not None and result.folder == self.list.standing(sample).registered and entry is None:
            verdict = self.list.standing(sample).verdict
        before = self.results.before if result is not None and result.stage == "register" else None
        figures.show_result(result, title, verdict, entry, before)

    def _want_texture(self) -> None:
        project, results = self.context.project, self.results or self.page.shown
        if project is None or results is None or results.scan is None:
            return
        folder, sample = project.sample_folder(results.sample), key_of(results.sample)
        self.background.run(
            lambda: read_textured(folder),
            lambda mesh: self.page.views.set_texture(sample, mesh) if mesh is not None else None,
        )

    def _show_landmark(self, index: int) -> None:
        self.page.points.setChecked(True)
        self.page.views.point_at(index)

    def open_repair(self) -> None:
        """Show what can be repaired."""
        self.page.show_side("repair")
        self.repairs.show()

    def register_again(self) -> None:
        """Register the sample on the screen again: the same plugin and parameters, of what there is now."""
        self.running.run_again()

    def undo(self) -> None:
        """Take back what was done last: a repair while repairing, else a verdict."""
        self.repairs.undo() if self.repairs.is_open else self.verdicts.take_back()

    def _stage_done(self, stage: str, sample: Sample) -> None:
        self.ahead.drop(sample)
        self.list.ask_standings((sample,), again=key_of(sample))
        self._queue_later.start()
        if self.context.sample is not None and key_of(self.context.sample) == key_of(sample):
            if stage in ("register", "reconstruct"):
                self.page.stage.set_current(stage)
            self.load(sample)

    def _repaired(self, sample: Sample) -> None:
        self.ahead.drop(sample)
        self._queue_later.start()

    def verdict_given(self, sample: Sample, run: Path, verdict: str, reason: str, go_on: bool) -> None:
        """Show a verdict that is on the disk, and go on to the next sample or to this one."""
        self.list.queue = self.list.queue.with_review(sample, run.name, verdict, reason)
        if go_on:
            self.list.step_on(sample)
        else:
            self.context.set_sample(sample)
        self.list.show()
        self._show_figures()
        self.list.ask_standings((sample,), again=key_of(sample))

    def _show_crumbs(self) -> None:
        sample, result = self.context.sample, self.page.result
        what = "" if result is None else "Registration" if result.stage == "register" else "Reconstruction"
        names = (sample.subject, title_of(sample.expression)) if sample is not None else (self.context.subject,)
        self.show_crumbs(*names, what)


def _find_plugins() -> Any:
    from faceapp.pipeline.registry import find_plugins

    return find_plugins()
