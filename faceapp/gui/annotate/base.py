"""How Annotate shows a sample in all its views; the acts are in `workspace`."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.core.subject import Sample
from faceapp.gui.annotate.desk import SEEN_WORDS, Desk
from faceapp.gui.annotate.opening import Opening
from faceapp.gui.annotate.side_panels import SEEN_STATES, GroupsPanel, PictureBar, ViewsPanel
from faceapp.gui.capture.protocol import title_of
from faceapp.gui.picture.view import PictureView
from faceapp.gui.program.program import Program, ProjectWorkspace
from faceapp.gui.theme import surface
from faceapp.gui.view3d.layers import ColorBy, LayerStyle
from faceapp.gui.widgets.keycap import HintBar

_HINTS = (
    ("Space", "next group"),
    ("Tab", "next point"),
    ("V", "visibility"),
    ("R", "reset"),
    ("H", "hide"),
    ("B", "blink"),
    (("A", "D"), "sample"),
)
_MOST_ZOOM = 3.0


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
        self._narrow = False
        self._kept: dict[str, Any] = {}
        self.groups = GroupsPanel()
        self.bar = PictureBar()
        self.picture = PictureView()
        self.views = ViewsPanel()
        self.hints = HintBar()
        self.hints.set_hints(_HINTS)
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
        for widget in (self.bar, self.picture, self.hints):
            middle.addWidget(widget)
        row = QHBoxLayout(page)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        row.addWidget(self.groups)
        row.addLayout(middle, 1)
        row.addWidget(self.views)
        return page

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

    def _lay_out_views(self) -> None:
        desk = self.desk
        assert desk is not None
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
        for view in self._pictures():
            if view.model is not None:
                view.show_points(range(len(view.model.scheme)), 0.18)

    def _follow(self) -> None:
        desk = self.desk
        if desk is None or not self.bar.follow.isChecked():
            return
        group = desk.models[self.main].group
        if group is not None:
            for view in self._pictures():
                view.show_points(group.indices, 0.7)
                if view.zoom > _MOST_ZOOM:  # nearer there is nothing more to see
                    view.zoom_to(_MOST_ZOOM)

    def _show_scan(self) -> None:
        desk = self.desk
        if desk is None:
            return
        look, session = self.views.look.current, desk.session
        style = LayerStyle(ColorBy.COLOR) if look != "shaded" else LayerStyle()
        if look != "points" and session.mesh is not None:
            if look == "colour" and session.mesh.colors is None:
                style = LayerStyle()
            self.views.view.set_layer("scan", session.mesh, style)
        else:
            self.views.view.set_layer("scan", session.scan, style)

    def _show_marks(self) -> None:
        shown = not self.bar.hide_points.isChecked()
        for view in self._pictures():
            view.set_marks_shown(shown)
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
        self._show_chips()

    def _show_chips(self) -> None:
        desk = self.desk
        if desk is None:
            return
        for view in self._pictures():
            if view.model is None:
                continue
            name = self._view_name(view)
            hidden = sum(SEEN_WORDS[s] != "Visible" for s in view.model.landmarks.visibility)
            state = desk.state_words if view is self.picture else ""
            view.set_chips(
                desk.title(name), state, foot=f"{hidden} occluded" if hidden and view is not self.picture else ""
            )

    def _show_3d_marks(self) -> None:
        desk = self.desk
        if desk is None:
            return
        shown = not self.bar.hide_points.isChecked()
        self.views.view.set_landmarks(desk.session.landmarks_3d if shown else None, desk.scheme)
        self.views.view.set_caption(f"{desk.on_scan()} of {len(desk.scheme)} on the scan")

    def _show_point(self) -> None:
        desk, panel = self.desk, self.groups
        if desk is None:
            return
        model = desk.models[self.main]
        index = model.active_point
        panel.groups.set_current(model.active_group)
        self.views.view.set_active(model.active_group, index)
        if index < 0:
            return
        marks = desk.session.landmarks(self.main)
        panel.point.setText(f"Point {index}")
        panel.name.setText(desk.point_title(index))
        seen = marks.visibility[index]
        panel.seen.show_state(SEEN_WORDS[seen], SEEN_STATES[seen])
        panel.by.set_value(desk.origin_words(self.main, index))
        panel.scan.set_value(desk.scan_words(index))
        gap = desk.between_views(index)
        role = "" if math.isnan(gap) or gap < 1 else "check"
        panel.between.set_value("–" if math.isnan(gap) else f"{gap:.2f}\N{NO-BREAK SPACE}mm", role)
        self.views.loupe.look_at(*(float(v) for v in marks.points[index]))

    def _show_crumbs(self) -> None:
        sample = self.context.sample
        names = (sample.subject, title_of(sample.expression)) if sample is not None else (self.context.subject,)
        self.show_crumbs(*names)
