"""Annotate: 106 points in three pictures at once; a point placed once appears everywhere."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from faceapp.core.errors import Cancelled, FaceappError
from faceapp.core.signals import Event, Progress, Reporter
from faceapp.core.subject import Sample
from faceapp.gui.annotate.actions import actions_of
from faceapp.gui.annotate.desk import Desk, open_desk
from faceapp.gui.annotate.exchange import ExchangeDesk
from faceapp.gui.annotate.prefetch import Prefetch
from faceapp.gui.annotate.propagation import ask_propagation
from faceapp.gui.annotate.queue import AnnotateQueue
from faceapp.gui.annotate.template_desk import TemplateDesk
from faceapp.gui.capture.protocol import title_of
from faceapp.gui.program.program import Program
from faceapp.gui.shell.actions import Action
from faceapp.gui.view3d.view import View3D

if TYPE_CHECKING:
    from faceapp.app.guide_picture import GuidePicture

_KEPT_SWITCHES = {"follow": True, "loupe": True, "linked": True, "live": True, "symmetric": False, "names": False}


class AnnotateWorkspace(AnnotateQueue):
    """The workspace.

    Parameters
    ----------
    program : Program
        Context and window.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.prefetch = Prefetch(self.background, self._make_desk)
        self.exchange = ExchangeDesk(program, self.background, self._pictures_of_sample, self._write, self._read_again)
        program.takers.append(self.exchange.take)
        self.templates = TemplateDesk(program, lambda: self.desk)
        self._connect()
        self.set_narrow(False)

    def _connect(self) -> None:
        bar, panel = self.bar, self.groups
        panel.stepped.connect(self.step_sample)
        panel.groups.activated.connect(self.choose_group)
        for button, run in (
            (panel.visibility, self.change_visibility), (panel.mirror, self.mirror), (bar.undo, self.undo),
            (bar.redo, self.redo), (bar.submit, self.submit), (bar.fit, self.show_face), (bar.refit, self.refit),
            (bar.propagate, self.ask_propagation),
        ):  # fmt: skip
            button.clicked.connect(lambda _=False, run=run: run())
        bar.mode.changed.connect(self.choose_mode)
        bar.loupe.toggled.connect(self.views.show_loupe)
        for toggle in (bar.hide_points, bar.names):
            toggle.toggled.connect(lambda _: self._show_marks())
        bar.blink.toggled.connect(self._blink)
        bar.follow.toggled.connect(lambda _: self._follow())
        bar.linked.toggled.connect(self.link_points)
        bar.tones.tonesChanged.connect(self._show_tones)
        self.views.look.changed.connect(lambda _: self._show_scan())
        self.views.view.set_editable(True)
        self._connect_surface(self.views.view)
        self.picture.strokeDrawn.connect(self._stroke_drawn)
        self.picture.placeGiven.connect(self._five_given)
        for view in self._pictures():
            view.pointMoved.connect(partial(self._placed, view))
            view.pointMoving.connect(partial(self._moving, view))
            view.pointClicked.connect(lambda _: self._show_point())
            view.set_slider(partial(self._slid, view))
        self.context.project_changed.connect(self._project_changed)
        self.context.sample_changed.connect(self._sample_changed)
        self.context.samples_changed.connect(self._samples_changed)
        self.context.operator_changed.connect(self._operator_changed)

    def _connect_surface(self, view: View3D) -> None:
        view.landmarkClicked.connect(self.choose_point)
        view.landmarkMoved.connect(self._moved_on_scan)
        view.picked.connect(self._picked_on_scan)

    @override
    def _make_solid(self) -> View3D:
        view = super()._make_solid()
        self._connect_surface(view)
        return view

    @override
    def actions_of(self) -> list[Action]:
        return actions_of(self)

    @override
    def begin(self) -> None:
        self.program.window.actions_registry.changed.connect(self.show_keys)
        self.show_keys()
        self.background.run(_read_guide, lambda guide: self.views.guide.set_picture(guide.picture, guide.points))

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
        state: dict[str, Any] = {name: getattr(self.bar, name).isChecked() for name in _KEPT_SWITCHES}
        state["paper"] = self._paper
        return state | (self._place_on(self.desk) if self.desk is not None else self._last_place[1])

    def _place_on(self, desk: Desk) -> dict[str, Any]:
        model = desk.models[self.main]
        return {"group": model.active_group, "point": model.active_point, "view": self.main}

    @override
    def restore_state(self, state: dict[str, Any]) -> None:
        self._kept = state
        for name, default in _KEPT_SWITCHES.items():
            getattr(self.bar, name).setChecked(bool(state.get(name, default)))
        self._paper = bool(state.get("paper", False))

    @override
    def shut_down(self) -> None:
        self._stop.set()
        self._clock.stop()
        for view in self._pictures():
            view.set_blinking(False)
        if self.desk is not None:
            self.desk.session.close()
        self.prefetch.drop()
        for surface in (self.views.view, self.solid):
            if surface is not None:
                surface.shut_down()
        super().shut_down()

    # Which sample

    def _project_changed(self) -> None:
        if self.is_covered:
            self.uncover()
        self.plans.forget()
        self._put_away()
        self.prefetch.drop()
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
            self.prefetch.drop()
        self.queue = ()
        self.read_queue()
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
                      "pictures of an expression. Pictures and meshes from elsewhere can be dropped here.",
                      ("Go to Capture", self._to_capture))  # fmt: skip
        elif not by:
            self._say("user-circle", "Who annotates?", "Landmarks carry the initials of who placed them.",
                      ("Give initials…", program.ask_operator))  # fmt: skip
        else:
            wanted = sample if sample in self.context.samples() else self.context.samples()[0]
            if wanted != sample:
                self.context.set_sample(wanted)
            elif self.desk is not None and self.desk.sample.id == wanted.id:
                if not self.is_covered:
                    self.stack.setCurrentIndex(1)
                self._show_where()
            elif self._wanted != wanted and self._here:
                self._open(wanted)

    def _to_capture(self) -> None:
        self.program.window.show_workspace("capture")

    def _put_away(self) -> None:
        self._stop.set()
        old, self.desk, self._wanted = self.desk, None, None
        self.stop_mode()
        for view in self._pictures():
            view.set_model(None)
            view.set_picture(None)
        self.views.view.clear()
        self.views.view.set_landmarks(None)
        self.views.loupe.set_source(None)
        if old is not None:
            self._set_aside(old)

    def _set_aside(self, desk: Desk) -> None:
        """Write the files of a desk, and keep it, and where one was on it, for the way back."""
        self._last_place = desk.sample.id, self._place_on(desk)
        self.prefetch.keep(desk)
        self.background.run(desk.session.close, lambda _: None)

    def _pictures_of_sample(self) -> tuple[str, ...]:
        """Names of the current sample's pictures, once it is open here: files may be dropped before that."""
        desk, sample = self.desk, self.context.sample
        return desk.names if desk is not None and sample is not None and desk.sample.id == sample.id else ()

    def _make_desk(self, sample: Sample, reporter: Reporter) -> Desk:
        project, by = self.context.project, self.context.operator
        assert project is not None
        return open_desk(project, sample, by, reporter)

    def _open(self, sample: Sample) -> None:
        ready = self.prefetch.take(sample, self.context.operator)
        if ready is not None:
            old, self.desk = self.desk, None
            if old is not None:
                self._set_aside(old)
            self._stop = threading.Event()
            self._opened(ready, self._stop)
            return
        self._put_away()
        self._wanted, self._stop = sample, threading.Event()
        stop = self._stop
        self.opening.begin(f"{sample.subject}  {title_of(sample.expression)}")
        self.stack.setCurrentIndex(0)

        def tell(event: Event) -> None:
            if isinstance(event, Progress):
                self.relay.post(lambda: self.opening.show_progress(event.done, event.text))

        self.background.run(
            lambda: self._make_desk(sample, Reporter(tell, stop)),
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
        desk.session.linked = self.bar.linked.isChecked()
        if desk.session.paper != self._paper:
            desk.session.use_paper_mode(self._paper)
        if not desk.watched:
            for model in desk.models.values():
                model.on_change(partial(self._model_changed, model))
            desk.watched = True
        self.stack.setCurrentIndex(1)
        there, place = self._last_place
        kept, self._kept = self._kept or (place if there == desk.sample.id else {}), {}
        self.main = kept["view"] if kept.get("view") in desk.names else desk.names[0]
        self._lay_out_views()
        self._show_scan()
        desk.refresh()
        groups = [g.name for g in desk.scheme.groups]
        group = kept["group"] if kept.get("group") in groups else desk.models[self.main].walked[0]
        point = kept.get("point", -1)
        in_group = point in next(g.indices for g in desk.scheme.groups if g.name == group)
        desk.models[self.main].activate(group, point if in_group else -1)
        self._refresh()
        self.show_face()
        self._show_crumbs()
        self.queue_read()
        self.read_queue()

    @override
    def queue_read(self) -> None:
        near = (self.next_sample, self.context.neighbour(1), self.context.neighbour(-1))
        self.prefetch.want([s for k, s in enumerate(near) if s is not None and s not in near[:k]])

    # Views

    def show_view(self, number: int) -> None:
        """Show another view large."""
        if self.desk is not None and number < len(self.desk.names):
            self.main = self.desk.names[number]
            self._lay_out_views()
            self._refresh()
            self.show_face()

    # Handing on and in

    def ask_propagation(self) -> None:
        """Ask to which expressions of the subject the points shall go."""
        if self.desk is not None:
            ask_propagation(self.program, self.desk.sample, self.desk.session.annotator, self._propagated)

    def _propagated(self, _: object) -> None:
        self.prefetch.drop()

    @override
    def plan_changed(self) -> None:
        self.prefetch.drop()  # whether the points of others may be seen is decided when a desk is made
        super().plan_changed()

    def _write(self) -> None:
        if self.desk is not None:
            self.desk.session.close()

    def _read_again(self) -> None:
        """Open the sample anew: its journal has acts that this desk does not know."""
        if self.desk is not None:
            self._last_place = self.desk.sample.id, self._place_on(self.desk)
            self.prefetch.drop(self.desk.sample)
            self.desk = None  # what it would write now is out of date
        self._put_away()
        self.refresh_wanted()

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
            self.go_on()
            self.read_queue()

        def failed(error: BaseException) -> None:
            self.bar.submit.set_busy("")
            self.program.show_failure("The landmarks are not submitted", error)

        self.background.run(desk.submit, done, failed)


def _read_guide() -> GuidePicture:
    from faceapp.app.guide_picture import guide_picture

    return guide_picture()
