"""Stages of the line run on samples as jobs, and what the empty page says meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

from faceapp.core.errors import PluginError
from faceapp.core.signals import Reporter
from faceapp.core.subject import Sample
from faceapp.gui.capture.protocol import title_of
from faceapp.gui.program.program import Program
from faceapp.gui.review.page import ReviewPage
from faceapp.gui.review.results import key_of

_DOING = {"fuse": "Fusing", "register": "Registering", "reconstruct": "Reconstructing"}


class StageRuns:
    """Runs stages for Review.

    Parameters
    ----------
    program : Program
        Context, jobs, messages.
    page : ReviewPage
        Whose forms hold plugin and parameters, and whose empty page says what runs.
    done : callable
        Told of the stage and the sample once a run has ended well.
    """

    def __init__(self, program: Program, page: ReviewPage, done: Callable[[str, Sample], object]) -> None:
        self._program, self._page, self._done = program, page, done

    def connect(self) -> None:
        """Listen to the jobs."""
        self._program.jobs.changed.connect(self.show)
        self._program.jobs.progressed.connect(self._page.show_progress)

    def run(self, stage: str, on_all: bool) -> None:
        """Run a stage on the current sample or on all that are listed, as jobs."""
        context, jobs = self._program.context, self._program.jobs
        project, samples = context.project, context.samples()
        if project is None or not samples:
            return
        if self._refused():
            return
        current = context.sample
        wanted = (
            samples if on_all else tuple(s for s in samples if current is not None and key_of(s) == key_of(current))
        )
        plugin, parameters = (None, None) if stage == "fuse" else self._page.run.choice(stage)
        for sample in wanted:
            title = _job_title(stage, sample)
            if stage == "fuse" and jobs.has(title):  # a second click
                continue

            def work(reporter: Reporter, sample: Sample = sample) -> Path:
                from faceapp.app import sample_stages as stages

                if stage == "fuse":
                    return stages.fuse_sample(project, sample, reporter)
                run = stages.register_sample if stage == "register" else stages.reconstruct_sample
                return run(project, sample, plugin, parameters, reporter)

            jobs.run(title, work, partial(self._ended, stage, sample), partial(self._failed, stage, sample))

    def run_again(self) -> None:
        """Make the newest registration of the current sample again, of what there is now."""
        sample = self._program.context.sample
        if sample is not None:
            self._again((sample,))

    def run_stale(self) -> None:
        """Make all registrations again that are made of what has changed since, the neutrals first."""
        project = self._program.context.project
        if project is None:
            return

        def work() -> tuple[Sample, ...]:
            from faceapp.app.sample_stages import stale_samples

            return tuple(stale_samples(project))

        self._program.background.run(work, self._again)

    def _again(self, samples: tuple[Sample, ...]) -> None:
        project, jobs = self._program.context.project, self._program.jobs
        if project is None or self._refused():
            return
        for sample in samples:
            title = _job_title("register", sample)
            if jobs.has(title):
                continue

            def work(reporter: Reporter, sample: Sample = sample) -> Path:
                from faceapp.app import sample_stages as stages

                return stages.register_again(project, sample, reporter)

            jobs.run(title, work, partial(self._ended, "register", sample), partial(self._failed, "register", sample))

    def _refused(self) -> bool:
        """Say so where the project may not be changed."""
        context = self._program.context
        if context.can_write:
            return False
        self._program.window.show_error(
            "Nothing can be run", f"{context.project_name} is open read-only.", "Close the other window first."
        )
        return True

    def show(self) -> None:
        """Say on the empty page that what is missing is being made."""
        sample = self._program.context.sample
        titles = [_job_title(stage, sample) for stage in _DOING] if sample is not None else []
        self._page.show_running(next((title for title in titles if self._program.jobs.has(title)), ""))

    def _ended(self, stage: str, sample: Sample, folder: Path) -> None:
        del folder
        self._program.saved()
        self._done(stage, sample)

    def _failed(self, stage: str, sample: Sample, error: BaseException) -> None:
        what = f"{sample.subject} {title_of(sample.expression).lower()}"
        words = {"fuse": "not fused", "register": "not registered", "reconstruct": "not reconstructed"}[stage]
        acts = [("Run again", lambda: self.run(stage, False))]
        if isinstance(error, PluginError):
            first, _, rest = str(error).partition("\n")
            self._program.window.show_error(
                f"{what} is {words}: the plugin failed",
                first,
                "The program and the earlier results are as they were. Change a parameter, or choose another plugin.",
                acts,
                rest or first,
            )
        else:
            self._program.show_failure(f"{what} is {words}", error, acts)


def _job_title(stage: str, sample: Sample) -> str:
    return f"{_DOING[stage]} {sample.subject} {title_of(sample.expression).lower()}"
