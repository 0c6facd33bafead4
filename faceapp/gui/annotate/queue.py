"""The annotator's queue in the window: what is mine, what is next; the pages of the plan and of agreement."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QFileDialog
from typing_extensions import override

from faceapp.core.errors import FaceappError
from faceapp.core.signals import Event, Progress, Reporter
from faceapp.core.subject import Sample
from faceapp.gui.annotate.acts import AnnotateActs
from faceapp.gui.annotate.agreement import AgreementPage, read_agreement, write_tables
from faceapp.gui.annotate.plan_desk import PlanDesk
from faceapp.gui.program.program import Program
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.app.agreement import Agreement
    from faceapp.app.annotation_plan import Queued


class AnnotateQueue(AnnotateActs):
    """What an annotator does next, read on a thread while a sample is worked on."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.queue: tuple[Queued, ...] = ()
        self.agreement = AgreementPage()
        self.stack.addWidget(self.agreement)
        self.agreement.closed.connect(self.uncover)
        self.agreement.exportWanted.connect(self.export_agreement)
        self.agreement.planWanted.connect(self.show_plan)
        self.plans = PlanDesk(program, self.background, self.relay, self.plan_changed)
        self.stack.addWidget(self.plans.page)
        self.plans.page.closed.connect(self.uncover)
        self.plans.page.agreementWanted.connect(self.show_agreement)
        self.plans.page.openWanted.connect(self._open_planned)

    def read_queue(self) -> None:
        """Read anew what is the annotator's, on a thread."""
        project, by = self.context.project, self.context.operator
        if project is None or not by:
            return

        def read() -> tuple[Queued, ...]:
            from faceapp.app.annotation_plan import queue_of

            return queue_of(project, by)

        def done(queue: tuple[Queued, ...]) -> None:
            if self.context.project is project and self.context.operator == by:
                self.queue = queue
                self._show_queue()
                self.queue_read()

        self.background.run(read, done, lambda _: None)

    def queue_read(self) -> None:
        """Make what is next ready; for the workspace to say how."""

    @property
    def next_sample(self) -> Sample | None:
        """The first sample of the queue that is not handed in, but for the one on the desk."""
        here = self.desk.sample if self.desk is not None else None
        samples = self.context.samples()
        for queued in self.queue:
            same = here is not None and (queued.sample.subject, queued.sample.id) == (here.subject, here.id)
            if queued.standing.value != "submitted" and not same and queued.sample in samples:
                return queued.sample
        return None

    def go_on(self) -> None:
        """Open the next sample of the queue; with nothing left, say so."""
        following = self.next_sample
        if following is not None:
            self.context.set_sample(following)
        elif self.queue:
            words = f"Nothing else is left in the queue of {self.context.operator}."
            self.program.window.show_message(MessageBar("", words, state=State.GOOD))
        else:
            self.step_sample()

    def _show_queue(self) -> None:
        done = sum(q.standing.value == "submitted" for q in self.queue)
        self.groups.mine.setText(f"Yours: {done} of {len(self.queue)} submitted" if self.queue else "")
        self.groups.mine.setVisible(bool(self.queue))

    def step_sample(self, step: int = 1) -> None:
        """Go to the sample before or after."""
        sample = self.context.neighbour(step)
        if sample is not None:
            self.context.set_sample(sample)

    @override
    def undo(self) -> None:
        if not self.is_covered:
            super().undo()
        elif self.stack.currentWidget() is self.plans.page:
            self.plans.undo()

    @override
    def redo(self) -> None:
        if not self.is_covered:
            super().redo()
        elif self.stack.currentWidget() is self.plans.page:
            self.plans.redo()

    # Plan and agreement

    @property
    def is_covered(self) -> bool:
        """Whether a page of tables stands in place of the pictures."""
        return self.stack.currentWidget() in (self.agreement, self.plans.page)

    def show_plan(self) -> None:
        """Show who annotates what, in place of the pictures."""
        if self.context.project is None:
            self.program.window.show_error("No project is open", "A plan belongs to a project.", "Open one first.")
            return
        self.stack.setCurrentWidget(self.plans.page)
        self.plans.page.setFocus()
        self.plans.read()

    def plan_changed(self) -> None:
        """Read the queue anew: whose samples are, or what is gold, has changed."""
        self.read_queue()

    def _open_planned(self, sample: Sample) -> None:
        self.uncover()
        self.context.set_sample(sample)

    def show_agreement(self) -> None:
        """Show how well annotators agree, in place of the pictures."""
        project = self.context.project
        if project is None:
            self.program.window.show_error("No project is open", "Annotators agree on samples.", "Open one first.")
            return
        page, stop = self.agreement, threading.Event()
        page.begin()
        self.stack.setCurrentWidget(page)
        page.setFocus()

        def tell(event: Event) -> None:
            if isinstance(event, Progress):
                self.relay.post(lambda: page.show_progress(event.done, event.text))

        def failed(error: BaseException) -> None:
            page.fail(str(error) if isinstance(error, FaceappError) else f"{type(error).__name__}: {error}")

        self.background.run(lambda: read_agreement(project, Reporter(tell, stop)), page.show_agreement, failed)

    def uncover(self) -> None:
        """Go back to the sample."""
        self.stack.setCurrentIndex(1 if self.desk is not None else 0)
        self.picture.setFocus()

    def export_agreement(self) -> None:
        """Ask for a folder and write the tables there."""
        found, project = self.agreement.found, self.context.project
        if found is None or project is None:
            return
        chosen = QFileDialog.getExistingDirectory(self, "Folder for the tables", str(project.folder.parent))
        if chosen:
            self.write_agreement(Path(chosen), found)

    def write_agreement(self, folder: Path, found: Agreement) -> None:
        """Write the tables as CSV files."""

        def done(_: object) -> None:
            self.program.window.show_message(MessageBar("", f"The tables are in {folder}", state=State.GOOD))

        self.background.run(
            write_tables(folder, found, self.agreement.annotator),
            done,
            lambda error: self.program.show_failure("The tables are not written", error),
        )
