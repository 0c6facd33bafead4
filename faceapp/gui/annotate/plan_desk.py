"""Changes the plan of annotation and the gold samples in the window: asked, written on a thread, taken back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QLineEdit

from faceapp.core.errors import FaceappError, UsageError
from faceapp.core.signals import Event, Progress, Reporter
from faceapp.gui.annotate.plan_fields import initials_of
from faceapp.gui.annotate.plan_page import PlanPage
from faceapp.gui.annotate.plan_samples import sample_words
from faceapp.gui.bridge import Background, Relay
from faceapp.gui.program.program import Program
from faceapp.gui.shell.prompt import Prompt
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.app.annotation_edits import PlanEdit
    from faceapp.app.annotation_overview import PlanOverview
    from faceapp.app.annotation_plan import AnnotationPlan, PlannedSample
    from faceapp.store.project import Project

MakeEdit = Callable[["Project"], "PlanEdit"]


class PlanDesk:
    """The page of the plan and what is done there; gold also of the sample that is open.

    Parameters
    ----------
    program : Program
        Project, sample, window.
    background : Background
        To read and write on.
    relay : Relay
        For progress.
    changed : callable
        Called when queues may have changed.
    """

    def __init__(self, program: Program, background: Background, relay: Relay, changed: Callable[[], object]) -> None:
        self._program, self._background, self._relay, self._changed = program, background, relay, changed
        self.page = PlanPage()
        self._done: list[PlanEdit] = []
        self._undone: list[PlanEdit] = []
        self._stop = threading.Event()
        self._busy = False
        self._message: MessageBar | None = None
        page = self.page
        page.fields.useWanted.connect(self.use)
        page.assignWanted.connect(self.ask_assign)
        page.goldWanted.connect(lambda: self._ask_gold(page.chosen))
        page.goldBackWanted.connect(lambda: self._take_gold_back(page.chosen))
        page.undoWanted.connect(self.undo)
        page.redoWanted.connect(self.redo)

    # Reading

    def forget(self) -> None:
        """Let go of what was a project's: another one comes."""
        self._stop.set()
        self._done.clear()
        self._undone.clear()
        self._busy = False
        self.page.forget()
        self.page.set_history("", "")
        self._close_message()

    def read(self) -> None:
        """Read the plan, all samples and all work, on a thread."""
        project = self._program.context.project
        if project is None:
            return
        self._stop.set()
        page, stop = self.page, threading.Event()
        self._stop = stop
        page.set_refusal(self._refusal())
        page.begin()

        def tell(event: Event) -> None:
            if isinstance(event, Progress) and not stop.is_set():
                self._relay.post(lambda: page.show_progress(event.done))

        def work() -> PlanOverview:
            from faceapp.app.annotation_overview import overview_of

            return overview_of(project, Reporter(tell, stop))

        def done(overview: PlanOverview) -> None:
            if not stop.is_set():
                page.show_overview(overview)

        def failed(error: BaseException) -> None:
            if not stop.is_set():
                page.fail(str(error) if isinstance(error, FaceappError) else f"{type(error).__name__}: {error}")

        self._background.run(work, done, failed)

    def _refusal(self) -> str:
        context = self._program.context
        if not context.can_write:
            return (
                f"{context.project_name} is open read-only: the plan can be seen, not changed. Close the other window."
            )
        return ""

    # Asking

    def use(self, plan: AnnotationPlan) -> None:
        """Put a plan in force."""

        def make(project: Project) -> PlanEdit:
            from faceapp.app.annotation_edits import edit_plan

            return edit_plan(project, plan)

        self._apply(make)

    def ask_assign(self) -> None:
        """Ask to whom the chosen samples are given."""
        chosen = self.page.chosen
        if not chosen or not self._may_change():
            return
        field = QLineEdit()
        field.setMinimumWidth(220)
        field.setPlaceholderText("As the plan deals")
        owners = {p.owners if p.by_hand else () for p in chosen}
        if len(owners) == 1:
            field.setText(", ".join(owners.pop()))
        samples = [p.sample for p in chosen]
        known = {load.annotator for load in self.page.overview.loads} if self.page.overview is not None else set()

        def accept() -> str:
            from faceapp.app.annotation_edits import edit_assigned
            from faceapp.app.annotation_plan import check_initials

            who = initials_of(field.text(), known)
            try:
                check_initials(who)
            except UsageError as error:
                return str(error)
            self._apply(lambda project: edit_assigned(project, samples, who))
            return ""

        text = "Each of them does it, unseen by the others. Empty: as the plan deals."
        title = f"Who annotates {_named(chosen)}?"
        self._program.window.ask(Prompt(title, [("Initials", field)], "Assign", accept, text))

    def ask_gold_here(self) -> None:
        """Ask whose landmarks of the current sample are its gold, or take that back."""
        self._with_current(self._ask_gold)

    def take_gold_back_here(self) -> None:
        """Say that the current sample is no longer gold."""
        self._with_current(self._take_gold_back)

    def _with_current(self, act: Callable[[Sequence[PlannedSample]], None]) -> None:
        """Read the current sample's people on a thread, then act."""
        project, sample = self._program.context.project, self._program.context.sample
        if not self._may_change() or project is None:
            return
        if sample is None:
            self._refuse("No sample is open", "Gold is said of a sample that was annotated.", "Open one first.")
            return

        def read() -> PlannedSample:
            from faceapp.app.annotation_plan import planned_sample

            return planned_sample(project, sample)

        def failed(error: BaseException) -> None:
            self._program.show_failure("The sample cannot be read", error)

        self._background.run(read, lambda planned: act((planned,)), failed)

    def _ask_gold(self, chosen: Sequence[PlannedSample]) -> None:
        from faceapp.app.annotation_edits import edit_gold, gold_choices

        if not chosen or not self._may_change():
            return
        choices = gold_choices(chosen)
        if not choices:
            begun = ", ".join(sorted({who for p in chosen for who in p.standings}))
            text = f"{begun} has begun, nobody has submitted." if begun else "Nobody has annotated it."
            self._refuse(f"{_named(chosen)} cannot be gold", text, "Annotate and submit it first (Enter).")
            return
        field = QComboBox()
        field.setMinimumWidth(200)
        for who, samples in choices.items():
            field.addItem(who if len(chosen) == 1 else f"{who}, {len(samples)} of {len(chosen)} submitted", who)
        golden = {p.gold for p in chosen if p.gold}
        field.setCurrentIndex(max(field.findData(golden.pop()) if len(golden) == 1 else 0, 0))

        def accept() -> str:
            who = str(field.currentData())
            self._apply(lambda project: edit_gold(project, choices[who], who))
            return ""

        text = "It turns up, unmarked, in everybody else's queue; agreement and drift are measured by it."
        title = f"Whose landmarks of {_named(chosen)} are right?"
        self._program.window.ask(Prompt(title, [("Annotator", field)], "Mark as gold", accept, text))

    def _take_gold_back(self, chosen: Sequence[PlannedSample]) -> None:
        from faceapp.app.annotation_edits import edit_gold

        samples = [p.sample for p in chosen if p.gold]
        if samples:
            self._apply(lambda project: edit_gold(project, samples, ""))
        else:
            self._say(f"{_named(chosen)}: no gold sample", State.WORK)

    # Writing

    def undo(self) -> None:
        """Take the last change back."""
        if self._done and not self._busy:
            last = self._done[-1]
            self._write(lambda _: last.back, lambda _: self._undone.append(self._done.pop()))

    def redo(self) -> None:
        """Make the change again that was taken back last."""
        if self._undone and not self._busy:
            last = self._undone[-1]
            self._write(lambda _: last, lambda _: self._done.append(self._undone.pop()))

    def _apply(self, make: MakeEdit) -> None:
        def done(edit: PlanEdit) -> None:
            self._done.append(edit)
            self._undone.clear()

        self._write(make, done)

    def _write(self, make: MakeEdit, kept: Callable[[PlanEdit], object]) -> None:
        """Make and write a change on a thread; on the disk before the window says so."""
        project, by = self._program.context.project, self._program.context.operator
        if project is None or self._busy or not self._may_change():
            return
        self._busy = True
        self.page.set_busy(True)

        def work() -> PlanEdit:
            from faceapp.app.annotation_edits import apply_edit

            edit = make(project)
            apply_edit(project, edit, by=by)
            return edit

        def done(edit: PlanEdit) -> None:
            if self._program.context.project is project:
                kept(edit)
                self._program.saved()
                self._ended()
                acts = [("Undo", self.undo)] if self._done and edit is self._done[-1] else []
                self._say(edit.title, State.GOOD, acts)

        def failed(error: BaseException) -> None:
            if self._program.context.project is project:
                self._ended()
                self._program.show_failure("The plan is not changed", error)

        self._background.run(work, done, failed)

    def _ended(self) -> None:
        self._busy = False
        self.page.set_busy(False)
        words = [edits[-1].title if edits else "" for edits in (self._done, self._undone)]
        self.page.set_history(*words)
        if self.page.isVisible():
            self.read()
        self._changed()

    def _may_change(self) -> bool:
        """Whether the project may be written and somebody says so; else say what to do."""
        context = self._program.context
        if context.project is None:
            self._refuse("No project is open", "A plan belongs to a project.", "Open one first.")
        elif not context.can_write:
            todo = "Close the other window and open the project again."
            self._refuse("The plan cannot be changed", f"{context.project_name} is open read-only.", todo)
        elif not context.operator:
            self._program.ask_operator()
        else:
            return True
        return False

    def _refuse(self, title: str, text: str, todo: str) -> None:
        self._program.window.show_error(title, text, todo)

    def _say(self, text: str, state: State, acts: Sequence[tuple[str, Callable[[], object]]] = ()) -> None:
        self._close_message()
        message = MessageBar(text, state=state, acts=acts)
        message.closed.connect(self._message_closed)
        self._message = message
        self._program.window.show_message(message)

    def _message_closed(self) -> None:
        self._message = None

    def _close_message(self) -> None:
        """Take the message of the change before away: its Undo would take back another one."""
        if self._message is not None:
            self._message.closed.emit()


def _named(chosen: Sequence[PlannedSample]) -> str:
    return sample_words(chosen[0])[0].replace("  ", " ") if len(chosen) == 1 else f"{len(chosen)} samples"
