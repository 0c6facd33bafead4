"""Capture: the subject does 22 expressions, the operator has one hand on the Space bar."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from faceapp.core.errors import Cancelled, DeviceError
from faceapp.core.subject import Sample, Subject, Verdict
from faceapp.gui.capture.actions import capture_actions
from faceapp.gui.capture.base import CaptureBase
from faceapp.gui.capture.protocol import Standing, load_expressions, next_open, title_of
from faceapp.gui.capture.questions import ask_place, ask_reason, ask_rig, ask_subject
from faceapp.gui.capture.rig_link import RigState
from faceapp.gui.capture.shot import GroupArrived, Shot
from faceapp.gui.program.jobs import words_of
from faceapp.gui.shell.actions import Action
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.app.capturing import Capture

_END_S = 0.5  # s that the drawing of a guide has to end when the window closes


class CaptureWorkspace(CaptureBase):
    """The workspace.

    Parameters
    ----------
    program : Program
        Context and window.
    """

    @override
    def begin(self) -> None:
        self._connect()  # not before: what came meanwhile would be shown twice, and the rig connected twice
        self._project_changed()
        self.ask_guides()

    def _connect(self) -> None:
        page, context = self.page, self.context
        page.verdict.shot.connect(self.space)
        page.verdict.accepted.connect(self.accept)
        page.verdict.retaken.connect(self.retake)
        page.verdict.skipped.connect(self.skip)
        page.counted.connect(self._shoot)
        page.stage.live_asked.connect(self.scan_live)
        page.strip.chosen.connect(self.choose_expression)
        page.strip.opened.connect(self.choose_expression)
        page.subject_chosen.connect(context.set_subject)
        page.new_subject.clicked.connect(self.new_subject)
        page.empty_subject.connect(self.new_subject)
        page.rig_retry.connect(self.connect_rig)
        page.rig_choose.connect(self.choose_rig)
        page.views.changed.connect(lambda _: self._lay_out_cameras())
        page.takes.activated.connect(self._take_chosen)
        self.link.changed.connect(self._rig_changed)
        self.link.pictured.connect(page.live.take_live)
        self.link.status_changed.connect(self._engine_says)
        self.scanning.connect()
        context.project_changed.connect(self._project_changed)
        context.subject_changed.connect(self._subject_changed)
        context.samples_changed.connect(self._show_subject)
        context.operator_changed.connect(self._show_acts)
        context.rig_wanted.connect(self.connect_rig)

    @override
    def actions_of(self) -> list[Action]:
        return capture_actions(self)

    # Coming and going

    @override
    def enter(self) -> None:
        self._here = True
        self._lay_out_cameras()
        self.scanning.show()
        self._show_crumbs()

    @override
    def leave(self) -> None:
        self._here = False
        self.page.stop_countdown()
        self.scanning.show()
        if self.shot is None:
            self.link.stream(())

    @override
    def save_state(self) -> dict[str, Any]:
        return {
            "skips": self._skips,
            "countdown": self._countdown_wanted,
            "expression": self.expression,
            "scanned": self.scanning.chosen,
            "one_frequency": self.scanning.one_frequency,
        }

    @override
    def restore_state(self, state: dict[str, Any]) -> None:
        skips = state.get("skips", {})
        self._skips = skips if isinstance(skips, dict) else {}
        self.scanning.chosen = str(state.get("scanned", ""))
        self.use_one_frequency(bool(state.get("one_frequency", False)))
        self.set_countdown(bool(state.get("countdown", True)))
        if state.get("expression") in [e.name for e in load_expressions()]:
            self.expression = state["expression"]
        self._show_last()
        self._show_subject()

    @override
    def shut_down(self) -> None:
        self.page.stop_countdown()
        if self.shot is not None:
            self.shot.cancel()
        self.link.close()
        self._drawing.close(_END_S)
        self.page.stage.view.shut_down()
        super().shut_down()

    # Project and subject

    def _project_changed(self) -> None:
        self.page.stop_countdown()
        if self.shot is not None:
            self.shot.cancel()
        project = self.context.project
        self.stack.setCurrentIndex(0 if project is None else 1)
        self._thumbnails.clear()
        self._asked.clear()
        self._forget_take()
        if project is None:
            self.link.disconnect()
        elif self.context.can_write:
            self.connect_rig()
        self._subject_changed()

    def _subject_changed(self) -> None:
        if self.shot is None:
            self._forget_take()
            stands = self.stands()
            untouched = all(stand.standing is Standing.OPEN for stand in stands)
            if untouched or self._stand().standing in (Standing.ACCEPTED, Standing.SKIPPED):
                self.expression = next_open(stands, "")
            self._show_last()
        self._show_subject()

    def new_subject(self) -> None:
        """Ask for a new subject."""
        if self.context.can_write and self.shot is None:
            self.program.window.ask(ask_subject(self._add_subject))

    def _add_subject(self, age: int | None, gender: str, consent: tuple[str, ...]) -> None:
        project = self.context.project
        assert project is not None

        def made(subject: Subject) -> None:
            self.program.saved()
            self.program.reload(lambda: self.context.set_subject(subject.code))

        self.background.run(
            lambda: project.add_subject(age=age, gender=gender, consent=consent),
            made,
            partial(self.program.show_failure, "The subject cannot be added"),
        )

    # The rig

    def choose_rig(self) -> None:
        """Ask for another rig."""
        self.program.window.ask(ask_rig(self.context.rig, self.context.set_rig))

    def _rig_changed(self) -> None:
        link, status = self.link, self.program.window.status
        name = Path(link.name).name or "rig"
        error = words_of(link.error)[0] if link.error is not None else ""
        if link.state is RigState.CONNECTING:
            status.set_state("devices", f"Connecting {name}", State.WORK)
        elif link.state is RigState.READY:
            status.set_state("devices", f"Devices {link.count} of {link.count}", State.GOOD, f"{name}: all are open")
        elif link.state is RigState.FAILED:
            status.set_state("devices", "No devices", State.BAD, error)
        else:
            status.set_state("devices", "", State.NONE)
        self.page.show_rig(link.state, name, error)
        self._prepare()
        self._lay_out_cameras()
        self._show_acts()

    # Shooting

    def space(self) -> None:
        """Count down and shoot; a take that stands there is judged first."""
        if not self.context.operator:
            self.program.ask_operator()
        elif self.judging:
            self.page.verdict.show_badge("Accept or retake it", State.CHECK)
        elif self.can_shoot:
            self.page.count_down(self._countdown_wanted)

    def scan_live(self, on: bool) -> None:
        """Begin or end the live scan; a take that stands there is judged first."""
        self.scanning.switch(on)
        if self.scanning.on and self.judging:
            self.page.verdict.show_badge("Accept or retake it", State.CHECK)

    def use_one_frequency(self, on: bool) -> None:
        """Scan live with the finest fringes alone, or with all."""
        self.scanning.use_one_frequency(on)
        registry = self.program.window.actions_registry
        if "capture.one_frequency" in registry:
            registry.qt("capture.one_frequency").setChecked(on)

    def set_countdown(self, wanted: bool) -> None:
        """Count down before a shot, or not."""
        self._countdown_wanted = wanted
        registry = self.program.window.actions_registry
        if "capture.countdown" in registry:
            registry.qt("capture.countdown").setChecked(wanted)
        self._show_subject()

    def _shoot(self) -> None:
        project, devices, engine = self.context.project, self.link.devices, self.link.engine
        if project is None or devices is None or engine is None or self.shot is not None:
            return
        self._forget_take()
        shot = self.shot = Shot(
            project, devices, engine, self.context.subject, self.expression, self.relay, self._group_arrived
        )
        self.page.stage.expect_take(tuple(group.name for group in devices.rig.groups), shot.shown.set)
        self.page.show_ready("Shooting", State.WORK)
        self.page.begin_take(title_of(self.expression), len(self._stand().takes) + 1)
        self._show_acts()

        def work() -> Capture:
            self.link.pause(devices)
            return shot.shoot()

        self.link.run(work, partial(self._shot_done, shot), partial(self._shot_failed, shot))

    def _engine_says(self, status: Any) -> None:
        if self.shot is not None and status.group:
            words = {"arming": "Arming", "playing": "Shooting", "reading": "Shooting"}.get(status.state.value)
            if words:
                self.page.verdict.show_badge(words, State.WORK)
                self.page.show_ready(f"{words} {status.group}", State.WORK)

    def _group_arrived(self, news: GroupArrived) -> None:
        if self.shot is None:
            return
        self._groups[news.group] = news.figures
        self.page.verdict.show_figures(self._groups, {})
        for (mode, camera), picture in news.pictures.items():
            self.page.live.take_decoded(mode, camera, picture)
        if news.surface is not None:
            self.page.stage.show_surface(news.group, news.surface, news.pieces)

    def _shot_done(self, shot: Shot, capture: Capture) -> None:
        self.take = capture.sample  # before the rig is free: a take that waits for its verdict holds the live scan back
        self._end_shot(shot)
        self.program.saved()
        self.page.verdict.show_figures(self._groups, capture.figures.failures, capture.seconds)
        self.page.stage.show_caption(sum(len(s.cloud) for s in capture.decoded.scans.values()))
        if capture.warnings:
            title = "The take is whole, but something went wrong on the way"
            self.program.window.show_message(MessageBar(title, "; ".join(capture.warnings), state=State.CHECK))
        self.program.reload(lambda: self.context.set_sample(capture.sample))
        self._show_subject()

    def _shot_failed(self, shot: Shot, error: BaseException) -> None:
        self._end_shot(shot)
        self.page.verdict.clear(title_of(self.expression), "", "Stopped", State.NONE)
        if not isinstance(error, Cancelled):
            self.page.verdict.show_badge("Failed", State.BAD)
            acts = [("Shoot again", self.space)]
            if isinstance(error, DeviceError):
                acts.append(("Connect rig again", self.connect_rig))
            self.program.show_failure("The take failed; nothing of it is kept", error, acts)
        self._show_subject()

    def _end_shot(self, shot: Shot) -> None:
        if self.shot is shot:
            self.shot = None
        self.page.stage.expect_nothing()
        self._lay_out_cameras()

    def stop(self) -> None:
        """Stop the countdown or the take that runs."""
        if self.page.counting:
            self.page.stop_countdown()
            self._show_acts()
        elif self.shot is not None:
            self.page.verdict.show_badge("Stopping", State.WORK)
            self.background.run(self.shot.cancel, lambda _: None)

    # The verdict

    def accept(self) -> None:
        """Keep the take and go on to the next expression."""
        if self.judging:
            self._give(Verdict.ACCEPTED, "", go_on=True)

    def retake(self) -> None:
        """Mark the take as one to be taken again; nothing is overwritten."""
        if self.judging:
            self._give(Verdict.RETAKEN, "", go_on=False)

    def skip(self) -> None:
        """Ask why, and go on to the next expression."""
        if self.shot is None and self.context.can_write and self.context.subject:
            self.program.window.ask(ask_reason(self.expression, self._skip))

    def _skip(self, reason: str) -> None:
        if self.judging:
            self._give(Verdict.SKIPPED, reason, go_on=True)
            return
        self._skips_of()[self.expression] = reason
        self.program.settings.set_text("capture/state", json.dumps(self.save_state()))
        self.program.settings.save()  # an act is on the disk before the screen shows it
        self.expression = next_open(self.stands(), self.expression)
        self._show_subject()

    def _give(self, verdict: Verdict, reason: str, go_on: bool) -> None:
        project, take, by = self.context.project, self.take, self.context.operator
        assert project is not None and take is not None

        def given(sample: Sample) -> None:
            self.take = sample
            self.program.saved()
            words = {Verdict.ACCEPTED: "Accepted", Verdict.RETAKEN: "Retake", Verdict.SKIPPED: "Skipped"}
            good = verdict is Verdict.ACCEPTED
            self.page.verdict.show_badge(words[verdict], State.GOOD if good else State.NONE)
            if go_on and self.shot is None:  # before the list is read: what was prepared stays what comes next
                self.expression = next_open(self.stands(), self.expression)
            self.program.reload()

        self.background.run(
            lambda: project.give_verdict(take, verdict, by=by, reason=reason),
            given,
            partial(self.program.show_failure, "The verdict cannot be saved"),
        )

    def choose_expression(self, name: str) -> None:
        """Make an expression the next one to shoot."""
        if self.shot is None and not self.page.counting:
            self.expression = name
            self._show_last()
            self._show_subject()

    def _take_chosen(self, row: int) -> None:
        takes = self._stand().takes
        if 0 <= row < len(takes) and self.shot is None:
            self.scanning.switch(False)  # the take is what is to be seen now
            self._show_take(takes[row])
            self.context.set_sample(takes[row])
            self._show_acts()

    def move_take(self) -> None:
        """Put a wrong subject or expression of a take right."""
        take = self.take or self._stand().last or self.context.sample
        if take is None or not self.context.can_write or self.shot is not None:
            self.program.window.show_error(
                "No take to move", "The current expression has no take.", "Choose an expression with a take first."
            )
            return
        self.program.window.ask(ask_place(take, self.context.content.subjects, partial(self._move, take)))

    def _move(self, take: Sample, subject: str, expression: str) -> None:
        project, by = self.context.project, self.context.operator
        assert project is not None

        def moved(sample: Sample) -> None:
            self.take = None
            self.program.saved()
            self._asked.clear()

            def show() -> None:
                self.context.set_sample(sample)
                self.expression = expression
                self._show_take(sample)
                self._show_subject()

            self.program.reload(show)

        self.background.run(
            lambda: project.correct_sample(take, by=by, subject=subject, expression=expression),
            moved,
            partial(self.program.show_failure, "The take cannot be moved"),
        )

    # Showing
