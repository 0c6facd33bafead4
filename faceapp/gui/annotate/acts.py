"""The acts of Annotate: what keys, mouse and buttons do with the points of the sample on the desk."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from faceapp.app import landmark_edits as edits
from faceapp.core.errors import FaceappError, UsageError
from faceapp.gui.annotate.base import AnnotateBase
from faceapp.gui.annotate.desk import NEXT_SEEN, Desk
from faceapp.gui.picture.modes import Mode
from faceapp.gui.picture.tones import Tones
from faceapp.gui.picture.view import PictureView
from faceapp.gui.view3d.picking import Pick
from faceapp.landmarks.history import SCAN
from faceapp.landmarks.spline import FIVE_NAMES

_REFUSED = "The point stays where it was"
_TONE_STEP = 10


class AnnotateActs(AnnotateBase):
    """What a person can do with points; each act is on the disk before the screen shows it."""

    def _act(self, act: Callable[[Desk], object], refused: str = _REFUSED) -> None:
        """Do something with the session; what it refuses is said, and the points stand as they stood."""
        desk = self.desk
        if desk is None:
            return
        try:
            act(desk)
        except UsageError as error:
            self.tell(str(error)[:1].upper() + str(error)[1:])
        except FaceappError as error:
            self.program.show_failure(refused, error)
        else:
            self.tell("")
        desk.refresh()
        self._refresh()
        if desk.session.saved_at is not None:
            self.program.saved(desk.session.saved_at)

    @property
    def _active(self) -> int:
        return self.desk.models[self.main].active_point if self.desk is not None else -1

    # The mouse in pictures

    def _placed(self, view: PictureView, index: int, u: float, v: float) -> None:
        name = self._view_name(view)
        if self.bar.symmetric.isChecked():
            self._act(lambda desk: edits.place_symmetric(desk.session, name, index, u, v))
        elif self.bar.live.isChecked():
            self._act(lambda desk: edits.place_and_refit(desk.session, name, index, u, v))
        else:
            self._act(lambda desk: desk.session.place(name, index, u, v))

    def _moving(self, view: PictureView, index: int, u: float, v: float) -> None:
        del index
        if view is self.picture:
            self.views.loupe.look_at(u, v)

    def _slid(self, view: PictureView, index: int, u: float, v: float) -> tuple[float, float]:
        """Where a point dragged with Ctrl goes: along its curve."""
        if self.desk is None:
            return u, v
        return edits.slide_along(self.desk.session, self._view_name(view), index, u, v)

    def choose_mode(self, mode: str) -> None:
        """Let the mouse place points, or draw the curve of the active one."""
        self.bar.mode.set_current(mode)
        self.picture.set_mode(Mode(mode))
        words = "Draw the curve of the active group, or a part of it" if mode == "curve" else ""
        self.tell(words)

    def toggle_mode(self) -> None:
        """Change between placing and drawing."""
        self.choose_mode("select" if self.picture.mode is Mode.CURVE else "curve")

    def _stroke_drawn(self, stroke: np.ndarray) -> None:
        index = self._active
        if index >= 0:
            self._act(lambda desk: edits.draw_curve(desk.session, self.main, index, stroke))

    def ask_five(self) -> None:
        """Take the next five clicks for eyes, nose and mouth, and bend the mean shape onto them."""
        if self.desk is not None and self.desk.has_pictures:
            self._five: list[tuple[float, float]] = []
            self.picture.set_mode(Mode.CLICKS)
            self.tell(f"1 of 5: click {FIVE_NAMES[0]}")

    def _five_given(self, u: float, v: float) -> None:
        self._five.append((u, v))
        if len(self._five) < len(FIVE_NAMES):
            self.tell(f"{len(self._five) + 1} of 5: click {FIVE_NAMES[len(self._five)]}")
            return
        clicks = self._five
        self.choose_mode("select")
        self._act(lambda desk: edits.place_five(desk.session, self.main, clicks))

    def stop_mode(self) -> None:
        """Go back to placing points; a drag under way is put back."""
        self.picture.cancel_drag()
        self.choose_mode("select")

    # The mouse on the scan

    def _moved_on_scan(self, index: int, x: float, y: float, z: float) -> None:
        self._act(lambda desk: desk.session.place_on_scan(index, (x, y, z)))
        self.choose_point(index)

    def _picked_on_scan(self, pick: Pick | None) -> None:
        """Without pictures a click on the scan moves the nearest point of the active group."""
        desk = self.desk
        if pick is None or desk is None or desk.has_pictures:
            return
        group = desk.models[self.main].group
        if group is None:
            return
        points = desk.session.landmarks_3d.points[list(group.indices)]
        away = np.nan_to_num(np.linalg.norm(points - pick.position, axis=1), nan=np.inf)
        index = self._active if np.isinf(away).all() else group.indices[int(away.argmin())]
        self._act(lambda desk: desk.session.place_on_scan(index, pick.position))
        self.choose_point(index)

    def _nudge_on_scan(self, index: int, du: float, dv: float) -> None:
        desk, view = self.desk, self.surface
        if desk is None:
            return
        at, _ = view.camera.project(desk.session.landmarks_3d.points[[index]], view.width(), view.height())
        hit = view.pick(float(at[0, 0]) + du, float(at[0, 1]) + dv)
        if hit is not None:
            self._act(lambda desk: desk.session.place_on_scan(index, hit.position))

    # Keys

    def nudge(self, du: float, dv: float) -> None:
        """Move the active point of the large picture, by pixels of the picture; of the screen on a scan alone."""
        desk, index = self.desk, self._active
        if desk is None or index < 0:
            return
        if self.main == SCAN:
            self._nudge_on_scan(index, du, dv)
            return
        u, v = desk.session.landmarks(self.main).points[index]
        if math.isfinite(u) and math.isfinite(v):
            self._placed(self.picture, index, u + du, v + dv)

    def change_visibility(self) -> None:
        """Visible, occluded, outside, round and round."""
        index = self._active
        if self.desk is not None and index >= 0 and self.main != SCAN:
            seen = NEXT_SEEN[self.desk.session.landmarks(self.main).visibility[index]]
            self._act(lambda desk: desk.session.set_visibility(self.main, index, seen))

    def change_lock(self) -> None:
        """Keep the active point where it is, or let it go."""
        index = self._active
        if self.desk is not None and index >= 0:
            locked = not self.desk.session.is_locked(self.main, index)
            self._act(lambda desk: desk.session.set_locked(self.main, index, locked))

    def reset_point(self) -> None:
        """Give the active point back to the first guess."""
        index = self._active
        if index >= 0:
            self._act(lambda desk: desk.session.reset(self.main, index))

    def mirror(self) -> None:
        """Take the group, or this side of it, from the other side."""
        index = self._active
        if index >= 0:
            self._act(lambda desk: edits.mirror(desk.session, self.main, index))

    def space_evenly(self) -> None:
        """Space the points of the active curve evenly."""
        index = self._active
        if index >= 0:
            self._act(lambda desk: edits.space_evenly(desk.session, self.main, index))

    def refit(self) -> None:
        """Move what nobody touched after what was placed."""
        self._act(lambda desk: edits.refit_untouched(desk.session))

    def link_points(self, linked: bool) -> None:
        """Let eye centres and pupils move together, or apart."""
        if self.desk is not None:
            self.desk.session.linked = linked

    def change_paper_mode(self) -> None:
        """Put points onto the nearest vertex alone, as the paper does, or where their rays meet the surface."""
        self._paper = on = not self._paper
        self._act(lambda desk: desk.session.use_paper_mode(on))
        self.tell("Paper mode: nearest vertex alone" if on else "")

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

    def change_tones(self, brightness: int = 0, contrast: int = 0) -> None:
        """Show the pictures brighter or with more contrast by some steps; none of both: as taken."""
        old = self.bar.tones.tones
        step = Tones(old.brightness + _TONE_STEP * brightness, old.contrast + _TONE_STEP * contrast)
        self.bar.tones.set_tones(step if brightness or contrast else Tones())

    def _show_tones(self, tones: Tones) -> None:
        for view in self._pictures():
            view.set_tones(tones)

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
