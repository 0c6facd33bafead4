"""Annotate: 106 points in three pictures at once; a point placed once appears everywhere."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

from typing_extensions import override

from faceapp.core.errors import Cancelled, FaceappError
from faceapp.core.signals import Event, Progress, Reporter
from faceapp.core.subject import Sample
from faceapp.gui.annotate.base import AnnotateBase
from faceapp.gui.annotate.desk import NEXT_SEEN, Desk, open_desk
from faceapp.gui.capture.protocol import title_of
from faceapp.gui.picture.view import PictureView
from faceapp.gui.program.program import Program
from faceapp.gui.shell.actions import Action

_NUDGES = (("", 1.0), ("Shift+", 5.0), ("Ctrl+", 0.25))
_ARROWS = (("Left", -1, 0), ("Right", 1, 0), ("Up", 0, -1), ("Down", 0, 1))


class AnnotateWorkspace(AnnotateBase):
    """The workspace.

    Parameters
    ----------
    program : Program
        Context and window.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self._connect()
        self.set_narrow(False)

    def _connect(self) -> None:
        self.groups.stepped.connect(self.step_sample)
        self.groups.groups.activated.connect(self.choose_group)
        self.groups.visibility.clicked.connect(self.change_visibility)
        self.groups.reset.clicked.connect(self.reset_point)
        self.bar.undo.clicked.connect(self.undo)
        self.bar.redo.clicked.connect(self.redo)
        self.bar.submit.clicked.connect(self.submit)
        self.bar.fit.clicked.connect(self.show_face)
        self.bar.loupe.toggled.connect(self.views.loupe.setVisible)
        self.bar.hide_points.toggled.connect(lambda _: self._show_marks())
        self.bar.blink.toggled.connect(self._blink)
        self.bar.follow.toggled.connect(lambda _: self._follow())
        self.views.look.changed.connect(lambda _: self._show_scan())
        self.views.view.landmarkClicked.connect(self.choose_point)
        for view in self._pictures():
            view.pointMoved.connect(partial(self._placed, view))
            view.pointMoving.connect(partial(self._moving, view))
            view.pointClicked.connect(lambda _: self._show_point())
        self.context.project_changed.connect(self._project_changed)
        self.context.sample_changed.connect(self._sample_changed)
        self.context.samples_changed.connect(self._samples_changed)
        self.context.operator_changed.connect(self._operator_changed)

    @override
    def actions_of(self) -> list[Action]:
        edit, view, sample = (partial(Action, menu=name) for name in ("Edit", "View", "Sample"))
        acts = [
            edit("annotate.undo", "Undo", self.undo, "Ctrl+Z", icon="arrow-counter-clockwise"),
            edit("annotate.redo", "Redo", self.redo, "Ctrl+Shift+Z", icon="arrow-clockwise"),
            edit("annotate.group", "Next group", self.next_group, "Space", section=1),
            edit("annotate.group-back", "Group before", partial(self.next_group, -1), "Shift+Space", section=1),
            edit("annotate.point", "Next point", self.next_point, "Tab", section=1),
            edit("annotate.point-back", "Point before", partial(self.next_point, -1), "Shift+Backtab", section=1),
            edit("annotate.visibility", "Change visibility", self.change_visibility, "V", icon="eye", section=2),
            edit("annotate.reset", "Give the point back to the first guess", self.reset_point, "R", section=2),
            view("annotate.hide", "Hide the points", self.bar.hide_points.toggle, "H", icon="eye-slash"),
            view("annotate.blink", "Blink the points", self.bar.blink.toggle, "B", icon="lightning"),
            view("annotate.loupe", "Loupe", self.bar.loupe.toggle, "Z", icon="magnifying-glass-plus"),
            view("annotate.follow", "Zoom follows the group", self.bar.follow.toggle, "F", icon="frame-corners"),
            view("annotate.others", "Points of other annotators", self.show_others, "O"),
            view("annotate.face", "Whole face", self.show_face, "0", icon="arrows-out"),
            sample("annotate.submit", "Submit", self.submit, "Return", icon="check"),
            sample("annotate.before", "Sample before", partial(self.step_sample, -1), "A", icon="arrow-left"),
            sample("annotate.next", "Next sample", self.step_sample, "D", icon="arrow-right"),
        ]
        acts += [view(f"annotate.view-{n}", f"View {n}", partial(self.show_view, n - 1), f"Alt+{n}") for n in (1, 2, 3)]
        for prefix, step in _NUDGES:
            for name, du, dv in _ARROWS:
                title = f"Nudge {name.lower()} by {step:g}\N{NO-BREAK SPACE}px"
                run = partial(self.nudge, du * step, dv * step)
                acts.append(Action(f"annotate.nudge-{prefix}{name}".lower(), title, run, f"{prefix}{name}"))
        return acts

    # Coming and going

    @override
    def enter(self) -> None:
        self._here = True
        self.refresh_wanted()
        self._show_crumbs()

    @override
    def leave(self) -> None:
        self._here = False
        self.bar.blink.setChecked(False)

    @override
    def save_state(self) -> dict[str, Any]:
        state: dict[str, Any] = {"follow": self.bar.follow.isChecked(), "loupe": self.bar.loupe.isChecked()}
        if self.desk is not None:
            model = self.desk.models[self.main]
            state |= {"group": model.active_group, "point": model.active_point, "view": self.main}
        return state

    @override
    def restore_state(self, state: dict[str, Any]) -> None:
        self._kept = state
        self.bar.follow.setChecked(bool(state.get("follow", True)))
        self.bar.loupe.setChecked(bool(state.get("loupe", True)))

    @override
    def shut_down(self) -> None:
        self._stop.set()
        for view in self._pictures():
            view.set_blinking(False)
        if self.desk is not None:
            self.desk.session.close()
        self.views.view.shut_down()
        super().shut_down()

    # Which sample

    def _project_changed(self) -> None:
        self._put_away()
        self.refresh_wanted()

    def _sample_changed(self) -> None:
        if self._here:
            self.refresh_wanted()

    def _samples_changed(self) -> None:
        if self.desk is not None and self.context.sample is not None and self.desk.sample != self.context.sample:
            same = self.desk.sample.id == self.context.sample.id
            self.desk.sample = self.context.sample if same else self.desk.sample
        if self._here:
            self.refresh_wanted()

    def _operator_changed(self) -> None:
        if self.desk is not None and self.desk.session.annotator != self.context.operator:
            self._put_away()
        if self._here:
            self.refresh_wanted()

    def refresh_wanted(self) -> None:
        """Open the current sample, or say what to do first."""
        project, sample, by = self.context.project, self.context.sample, self.context.operator
        program = self.program
        if project is None:
            self._say("crosshair-simple", "No project is open", "Open the folder of a project, or make one.",
                      ("Open project…", program.files.ask_open), ("New project…", program.files.ask_new))  # fmt: skip
        elif project.read_only:
            self._say("crosshair-simple", "This project is open read-only", "Landmarks cannot be saved. "
                      "Close the other window and open the project again.")  # fmt: skip
        elif not self.context.samples():
            self._say("crosshair-simple", "No sample yet", "A sample comes from Capture: three clouds and three "
                      "pictures of an expression.", ("Go to Capture", self._to_capture))  # fmt: skip
        elif not by:
            self._say("user-circle", "Who annotates?", "Landmarks carry the initials of who placed them.",
                      ("Give initials…", program.ask_operator))  # fmt: skip
        else:
            wanted = sample if sample in self.context.samples() else self.context.samples()[0]
            if wanted != sample:
                self.context.set_sample(wanted)
            elif self.desk is not None and self.desk.sample.id == wanted.id:
                self.stack.setCurrentIndex(1)
                self._show_where()
            elif self._wanted != wanted and self._here:
                self._open(wanted)

    def _to_capture(self) -> None:
        self.program.window.show_workspace("capture")

    def step_sample(self, step: int = 1) -> None:
        """Go to the sample before or after."""
        sample = self.context.neighbour(step)
        if sample is not None:
            self.context.set_sample(sample)

    def _put_away(self) -> None:
        self._stop.set()
        old, self.desk, self._wanted = self.desk, None, None
        for view in self._pictures():
            view.set_model(None)
            view.set_picture(None)
        self.views.view.clear()
        self.views.view.set_landmarks(None)
        self.views.loupe.set_source(None)
        if old is not None:
            self.background.run(old.session.close, lambda _: None)

    def _open(self, sample: Sample) -> None:
        self._put_away()
        project, by = self.context.project, self.context.operator
        assert project is not None
        self._wanted, self._stop = sample, threading.Event()
        stop = self._stop
        self.opening.begin(f"{sample.subject}  {title_of(sample.expression)}")
        self.stack.setCurrentIndex(0)

        def tell(event: Event) -> None:
            if isinstance(event, Progress):
                self.relay.post(lambda: self.opening.show_progress(event.done, event.text))

        self.background.run(
            lambda: open_desk(project, sample, by, Reporter(tell, stop)),
            lambda desk: self._opened(desk, stop),
            lambda error: self._failed(error, stop),
        )

    def _failed(self, error: BaseException, stop: threading.Event) -> None:
        if stop is not self._stop or isinstance(error, Cancelled):
            return
        self._wanted = None
        text = str(error) if isinstance(error, FaceappError) else f"{type(error).__name__}: {error}"
        self._say("warning-circle", "This sample cannot be annotated", text, ("Try again", self.refresh_wanted),
                  ("Next sample", self.step_sample))  # fmt: skip

    def _opened(self, desk: Desk, stop: threading.Event) -> None:
        if stop is not self._stop or stop.is_set():
            self.background.run(desk.session.close, lambda _: None)
            return
        self.desk = desk
        self._wanted = None
        for model in desk.models.values():
            model.on_change(partial(self._model_changed, model))
        self.stack.setCurrentIndex(1)
        kept, self._kept = self._kept, {}
        self.main = kept["view"] if kept.get("view") in desk.names else desk.names[0]
        self._lay_out_views()
        self._show_scan()
        desk.refresh()
        groups = [g.name for g in desk.scheme.groups]
        group = kept["group"] if kept.get("group") in groups else groups[0]
        point = kept.get("point", -1)
        in_group = point in next(g.indices for g in desk.scheme.groups if g.name == group)
        desk.models[self.main].activate(group, point if in_group else -1)
        self._refresh()
        self.show_face()
        self._show_crumbs()

    # Views

    def show_view(self, number: int) -> None:
        """Show another view large."""
        if self.desk is not None and number < len(self.desk.names):
            self.main = self.desk.names[number]
            self._lay_out_views()
            self._refresh()
            self.show_face()

    # Acts

    def _act(self, act: Callable[[Desk], object]) -> None:
        """Do something with the session; what it refuses is said, and the points stand as they stood."""
        desk = self.desk
        if desk is None:
            return
        try:
            act(desk)
        except FaceappError as error:
            self.program.show_failure("The point stays where it was", error)
        desk.refresh()
        self._refresh()
        if desk.session.saved_at is not None:
            self.program.saved(desk.session.saved_at)

    def _placed(self, view: PictureView, index: int, u: float, v: float) -> None:
        name = self._view_name(view)
        self._act(lambda desk: desk.session.place(name, index, u, v))

    def _moving(self, view: PictureView, index: int, u: float, v: float) -> None:
        del index
        if view is self.picture:
            self.views.loupe.look_at(u, v)

    def nudge(self, du: float, dv: float) -> None:
        """Move the active point of the large picture."""
        desk = self.desk
        if desk is None or (index := desk.models[self.main].active_point) < 0:
            return
        u, v = desk.session.landmarks(self.main).points[index]
        if math.isfinite(u) and math.isfinite(v):
            self._act(lambda desk: desk.session.place(self.main, index, u + du, v + dv))

    def change_visibility(self) -> None:
        """Visible, occluded, outside, round and round."""
        if self.desk is not None and (index := self.desk.models[self.main].active_point) >= 0:
            seen = NEXT_SEEN[self.desk.session.landmarks(self.main).visibility[index]]
            self._act(lambda desk: desk.session.set_visibility(self.main, index, seen))

    def reset_point(self) -> None:
        """Give the active point back to the first guess."""
        if self.desk is not None and (index := self.desk.models[self.main].active_point) >= 0:
            self._act(lambda desk: desk.session.reset(self.main, index))

    def undo(self) -> None:
        """Take the last act back, in whichever view it was."""
        self._step_history(lambda desk: desk.session.undo())

    def redo(self) -> None:
        """Do the act again that was taken back last."""
        self._step_history(lambda desk: desk.session.redo())

    def _step_history(self, step: Callable[[Desk], bool]) -> None:
        desk = self.desk
        if desk is None:
            return
        before = {name: desk.state(name) for name in desk.names}
        self._act(step)
        index = desk.differs(before)
        if index >= 0:
            self.choose_point(index)

    def show_others(self) -> None:
        """Show or hide the points of other annotators."""
        if self.desk is not None:
            self.desk.show_others(not self.desk.others_shown)

    def submit(self) -> None:
        """Write the landmarks and open the next sample."""
        desk = self.desk
        if desk is None or not self.bar.submit.isEnabled():
            return
        self.bar.submit.set_busy("Saving…")

        def done(_: object) -> None:
            self.bar.submit.set_busy("")
            self.program.saved()
            if self.desk is desk:
                self._show_where()
            self.step_sample()

        def failed(error: BaseException) -> None:
            self.bar.submit.set_busy("")
            self.program.show_failure("The landmarks are not submitted", error)

        self.background.run(desk.submit, done, failed)

    # Groups and points

    def next_group(self, step: int = 1) -> None:
        """Walk to the next group; the zoom follows."""
        if self.desk is not None:
            self.desk.models[self.main].next_group(step)
            self._follow()

    def choose_group(self, name: str) -> None:
        """Make a group active; the zoom follows."""
        if self.desk is not None:
            self.desk.models[self.main].activate(name)
            self._follow()

    def next_point(self, step: int = 1) -> None:
        """Walk to the next point of the group."""
        if self.desk is not None:
            self.desk.models[self.main].next_point(step)

    def choose_point(self, index: int) -> None:
        """Make a point active."""
        if self.desk is not None:
            self.desk.models[self.main].activate_point(index)

    # Showing
