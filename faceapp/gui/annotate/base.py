"""How Annotate shows a sample in all its views; the acts are in `workspace`."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.core.subject import Sample
from faceapp.gui.annotate.desk import SEEN_WORDS, Desk
from faceapp.gui.annotate.opening import Opening
from faceapp.gui.annotate.picture_bar import PictureBar
from faceapp.gui.annotate.side_panels import SEEN_STATES, GroupsPanel, ViewsPanel
from faceapp.gui.capture.protocol import title_of
from faceapp.gui.picture.view import PictureView
from faceapp.gui.program.program import Program, ProjectWorkspace
from faceapp.gui.theme import surface
from faceapp.gui.view3d.layers import ColorBy, LayerStyle
from faceapp.gui.view3d.view import View3D
from faceapp.gui.widgets.buttons import Button, ToolButton
from faceapp.gui.widgets.keycap import HintBar

_HINTS = (
    (("annotate.group",), "next group"),
    (("annotate.point",), "next point"),
    (("annotate.visibility",), "visibility"),
    (("annotate.even",), "even spacing"),
    (("annotate.refit",), "refit"),
    (("annotate.blink",), "blink"),
    (("annotate.before", "annotate.next"), "sample"),
)
_MOST_ZOOM, _NEARER = 3.0, 2.5
"""Of the picture's pixels, and against the whole face, where the group is smaller than that."""
_SCAN_MARGIN_MM = 12.0


class AnnotateBase(ProjectWorkspace):
    """Widgets of Annotate and what they show.

    Parameters
    ----------
    program : Program
        Context and window.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.desk: Desk | None = None
        self.main = ""
        self._wanted: Sample | None = None
        self._stop = threading.Event()
        self._here = False
        self._syncing = False
        self._narrow = self._paper = False
        self.told = ""
        self._kept: dict[str, Any] = {}
        self._last_place: tuple[str, dict[str, Any]] = ("", {})
        self._clock = QTimer(self)
        self._clock.setInterval(1000)
        self._clock.timeout.connect(self._tick)
        self._clock.start()
        self.groups = GroupsPanel()
        self.bar = PictureBar()
        self.picture = PictureView()
        self.middle = QStackedWidget()
        self.middle.addWidget(self.picture)
        self.solid: View3D | None = None
        self.views = ViewsPanel()
        self.hints = HintBar()
        self.opening = Opening()
        self.stack = QStackedWidget()
        self.stack.addWidget(self.opening)
        self.stack.addWidget(self._make_page())
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.stack)

    def _make_page(self) -> QWidget:
        page = QWidget()
        surface(page, "line")
        middle = QVBoxLayout()
        middle.setSpacing(1)
        for widget in (self.bar, self.middle, self.hints):
            middle.addWidget(widget)
        row = QHBoxLayout(page)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        row.addWidget(self.groups)
        row.addLayout(middle, 1)
        row.addWidget(self.views)
        return page

    def show_keys(self) -> None:
        """Name the keys that are in force in hints, tool tips and on buttons."""
        registry = self.program.window.actions_registry
        shown = [(tuple(registry.key(name) for name in names), words) for names, words in _HINTS]
        self.hints.set_hints([(keys, words) for keys, words in shown if all(keys)])
        bar, panel = self.bar, self.groups
        named: dict[str, Button | ToolButton] = {
            "follow": bar.follow, "live": bar.live, "symmetric": bar.symmetric, "linked": bar.linked,
            "names": bar.names, "loupe": bar.loupe, "hide": bar.hide_points, "blink": bar.blink,
            "face": bar.fit, "undo": bar.undo,
            "redo": bar.redo, "submit": bar.submit, "visibility": panel.visibility, "mirror": panel.mirror,
            "before": panel.before, "next": panel.next,
        }  # fmt: skip
        for name, button in named.items():
            button.set_key(registry.key(f"annotate.{name}"))
        for name, button in (("refit", bar.refit), ("propagate", bar.propagate)):
            button.setToolTip(registry.tip(f"annotate.{name}"))

    def _pictures(self) -> tuple[PictureView, ...]:
        return (self.picture, *self.views.smalls)

    @override
    def set_narrow(self, narrow: bool) -> None:
        self._narrow = narrow
        self.groups.set_narrow(narrow)
        self.views.set_narrow(narrow)
        QTimer.singleShot(0, self, self.show_face)  # once the views have their new sizes

    def _say(self, icon: str, title: str, text: str, *acts: tuple[str, Callable[[], object]]) -> None:
        self.opening.say(icon, title, text, acts)
        self.stack.setCurrentIndex(0)

    @property
    def surface(self) -> View3D:
        """The 3D view of the current sample: beside the pictures, or large where there is no picture."""
        alone = self.desk is not None and not self.desk.has_pictures
        return self.solid if alone and self.solid is not None else self.views.view

    def _make_solid(self) -> View3D:
        view = View3D()
        view.set_editable(True)
        self.middle.addWidget(view)
        return view

    def _lay_out_views(self) -> None:
        desk = self.desk
        assert desk is not None
        if not desk.has_pictures:
            self.solid = self.solid or self._make_solid()
            self.middle.setCurrentWidget(self.solid)
            self.views.show_smalls(0)
            self.views.show_scan(False)
            self.views.show_loupe(False)
            for view in self._pictures():
                view.set_model(None)
            return
        self.middle.setCurrentWidget(self.picture)
        self.views.show_scan(desk.session.mesh is not None or desk.session.scan is not None)
        self.views.show_loupe(self.bar.loupe.isChecked())
        others = desk.others_than(self.main)
        self.views.show_smalls(len(others))
        for view, name in zip(self._pictures(), [self.main, *others], strict=False):
            view.set_picture(desk.pyramids[name])
            view.set_model(desk.models[name])
        self.views.loupe.set_source(desk.pyramids[self.main], desk.models[self.main])
        self._show_chips()

    def _view_name(self, view: PictureView) -> str:
        desk = self.desk
        assert desk is not None
        return next(name for name, model in desk.models.items() if model is view.model)

    def show_face(self) -> None:
        """Show all points in all views."""
        if self.desk is not None and not self.desk.has_pictures:
            self.surface.home()
        for view in self._pictures():
            if view.model is not None:
                view.show_points(range(len(view.model.scheme)), 0.18)

    def _follow(self) -> None:
        desk = self.desk
        if desk is None or not self.bar.follow.isChecked():
            return
        group = desk.models[self.main].group
        if group is not None and not desk.has_pictures:
            self._follow_on_scan(desk, group.indices)
        elif group is not None:
            for view in self._pictures():
                view.show_points(range(len(desk.scheme)), 0.18)
                most = max(_MOST_ZOOM, _NEARER * view.zoom)  # nearer there is nothing more to see
                view.show_points(group.indices, 0.7)
                if view.zoom > most:
                    view.zoom_to(most)

    def _follow_on_scan(self, desk: Desk, indices: tuple[int, ...]) -> None:
        points = desk.session.landmarks_3d.points[list(indices)]
        points = points[np.isfinite(points).all(axis=1)]
        if len(points):
            low, high = points.min(axis=0) - _SCAN_MARGIN_MM, points.max(axis=0) + _SCAN_MARGIN_MM
            view = self.surface
            view.fly_to(view.camera.fitted(low, high, view.width() / max(1, view.height())))

    def _show_scan(self) -> None:
        desk = self.desk
        if desk is None:
            return
        look, session = self.views.look.current, desk.session
        style = LayerStyle(ColorBy.COLOR) if look != "shaded" else LayerStyle()
        data = session.mesh if session.mesh is not None and (look != "points" or session.scan is None) else session.scan
        if data is None:
            self.surface.clear()
            return
        self.surface.set_layer("scan", data, LayerStyle() if data.colors is None else style)

    def _show_marks(self) -> None:
        shown = not self.bar.hide_points.isChecked()
        for view in self._pictures():
            view.set_marks_shown(shown)
        self.picture.set_names(self.bar.names.isChecked())
        self._show_3d_marks()

    def _blink(self, on: bool) -> None:
        for view in self._pictures():
            view.set_blinking(on)
        if not on:
            self._show_marks()

    def _model_changed(self, changed: Any) -> None:
        """Let group and point be the same in all views."""
        desk = self.desk
        if desk is None or self._syncing:
            return
        self._syncing = True
        for model in desk.models.values():
            if (model.active_group, model.active_point) != (changed.active_group, changed.active_point):
                model.active_group, model.active_point = changed.active_group, changed.active_point
                model.changed()
        self._syncing = False
        self._show_point()

    def _refresh(self) -> None:
        desk = self.desk
        if desk is None:
            return
        self.groups.groups.set_entries(desk.entries(self.main))
        self.bar.undo.setEnabled(desk.session.can_undo)
        self.bar.redo.setEnabled(desk.session.can_redo)
        self._show_where()
        self._show_3d_marks()
        self._show_point()

    def tell(self, text: str) -> None:
        """Say at the foot of the large picture what the mouse does now, or why an act was not done."""
        self.told = text
        self._show_chips()
        if self.desk is not None and not self.desk.has_pictures:
            self.surface.set_chips(text)

    def _tick(self) -> None:
        if self.desk is not None and self._here and self.isActiveWindow():
            self.desk.seconds += 1
            self._show_time()

    def _show_time(self) -> None:
        seconds = self.desk.seconds if self.desk is not None else 0
        self.groups.time.setText(f"{seconds // 60}:{seconds % 60:02d}")

    def _show_where(self) -> None:
        desk = self.desk
        if desk is None:
            return
        samples = self.context.samples()
        at = next((i for i, s in enumerate(samples, start=1) if s.id == desk.sample.id), 0)
        self.groups.where.setText(f"Sample {at} of {len(samples)}")
        self.groups.show_annotators(desk.annotators())
        total = len(desk.scheme)
        done = desk.session.done_count(self.main)
        self.groups.bar.set_fraction(done / total)
        self.groups.far.setText(f"{done} of {total} checked")
        self._show_time()
        self._show_chips()

    def _show_chips(self) -> None:
        desk = self.desk
        if desk is None:
            return
        for view in self._pictures():
            if view.model is None:
                continue
            name = self._view_name(view)
            if view is self.picture:
                view.set_chips(desk.title(name), desk.state_words, foot=self.told)
                continue
            hidden = sum(SEEN_WORDS[s] != "Visible" for s in view.model.landmarks.visibility)
            gap = desk.median_residual(name)
            words = [f"{hidden} occluded"] if hidden else []
            words += [f"{gap:.2f}\N{NO-BREAK SPACE}mm"] if math.isfinite(gap) else []
            view.set_chips(desk.title(name), foot=" · ".join(words))

    def _show_3d_marks(self) -> None:
        desk = self.desk
        if desk is None:
            return
        shown = not self.bar.hide_points.isChecked()
        self.surface.set_landmarks(desk.session.landmarks_3d if shown else None, desk.scheme)
        self.surface.set_caption(f"{desk.on_scan()} of {len(desk.scheme)} on the scan")

    def _show_point(self) -> None:
        desk, panel = self.desk, self.groups
        if desk is None:
            return
        model = desk.models[self.main]
        index = model.active_point
        panel.groups.set_current(model.active_group)
        self.surface.set_active(model.active_group, index)
        self.views.guide.show_point(index)
        if index < 0:
            return
        marks = model.landmarks
        panel.point.setText(f"Point {index}" + (", locked" if index in model.locked else ""))
        panel.name.setText(desk.point_title(index))
        seen = marks.visibility[index]
        panel.seen.show_state(SEEN_WORDS[seen], SEEN_STATES[seen])
        panel.by.set_value(desk.origin_words(self.main, index))
        panel.scan.set_value(desk.scan_words(index))
        gap = desk.between_views(index)
        role = "" if math.isnan(gap) or gap < 1 else "check"
        panel.between.set_value("–" if math.isnan(gap) else f"{gap:.2f}\N{NO-BREAK SPACE}mm", role)
        moved = desk.from_first_guess(self.main, index)
        panel.moved.set_value("–" if math.isnan(moved) else f"{moved:.1f}\N{NO-BREAK SPACE}px")
        self.views.loupe.look_at(*(float(v) for v in marks.points[index]))

    def _show_crumbs(self) -> None:
        sample = self.context.sample
        names = (sample.subject, title_of(sample.expression)) if sample is not None else (self.context.subject,)
        self.show_crumbs(*names)
