"""Rig: from boxed devices to a calibrated rig, a page for each part of the way."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.gui.program.program import Program, ProjectWorkspace
from faceapp.gui.rig import calibration_page, devices_page  # noqa: F401 (read with this module, on a thread)
from faceapp.gui.rig.pages import PAGES, RigPage
from faceapp.gui.shell.actions import Action
from faceapp.gui.theme import surface
from faceapp.gui.widgets.buttons import Segmented


class RigWorkspace(ProjectWorkspace):
    """The workspace.

    Parameters
    ----------
    program : Program
        Context, window, jobs.
    """

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.pages: dict[str, RigPage] = {p.id: p.build(program, self.background, self.relay) for p in PAGES}
        self.segments = Segmented([(p.id, p.title) for p in PAGES])
        self._here = False
        bar = QWidget()
        surface(bar, "panel")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 7, 12, 7)
        row.addWidget(self.segments, 0, Qt.AlignmentFlag.AlignLeft)
        self.stack = QStackedWidget()
        for page in self.pages.values():
            self.stack.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(bar)
        column.addWidget(self.stack, 1)

    @property
    def page(self) -> RigPage:
        """The page on the screen."""
        return self.pages[self.segments.current]

    def show_page(self, identifier: str) -> None:
        """Bring a page onto the screen.

        Raises
        ------
        KeyError
            There is none of that name.
        """
        wanted, before = self.pages[identifier], self.stack.currentWidget()
        self.segments.set_current(identifier)
        self._show_crumbs()
        if wanted is before:
            return
        if self._here and isinstance(before, RigPage):
            before.leave()
        self.stack.setCurrentWidget(wanted)
        if self._here:
            wanted.enter()

    def _show_crumbs(self) -> None:
        self.show_crumbs("Rig", next(p.title for p in PAGES if p.id == self.segments.current))

    @override
    def begin(self) -> None:
        self.segments.changed.connect(self.show_page)
        self.context.project_changed.connect(self._show_crumbs)
        for page in self.pages.values():
            page.begin()

    @override
    def actions_of(self) -> Sequence[Action]:
        go = [
            Action(f"rig.page-{p.id}", f"Go to {p.title}", partial(self.show_page, p.id), menu="Window") for p in PAGES
        ]
        return [*go, *(action for page in self.pages.values() for action in page.actions_of())]

    @override
    def enter(self) -> None:
        self._here = True
        self._show_crumbs()
        self.page.enter()

    @override
    def leave(self) -> None:
        self._here = False
        self.page.leave()

    @override
    def set_narrow(self, narrow: bool) -> None:
        for page in self.pages.values():
            page.set_narrow(narrow)

    @override
    def save_state(self) -> dict[str, Any]:
        return {"page": self.segments.current, **{name: page.save_state() for name, page in self.pages.items()}}

    @override
    def restore_state(self, state: dict[str, Any]) -> None:
        for name, page in self.pages.items():
            page.restore_state(state.get(name, {}))
        if state.get("page") in self.pages:
            self.show_page(state["page"])

    @override
    def shut_down(self) -> None:
        for page in self.pages.values():
            page.shut_down()
        super().shut_down()
