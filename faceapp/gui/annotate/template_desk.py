"""A registration template of the mesh whose points are placed in Annotate: they become its anchors."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QCheckBox, QLineEdit

from faceapp.core.landmarks import PlacedBy
from faceapp.gui.capture.protocol import title_of
from faceapp.gui.program.program import Program
from faceapp.gui.shell.prompt import Prompt
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.app.template_making import MadeTemplate
    from faceapp.core.landmarks import Landmarks3D
    from faceapp.core.signals import Reporter
    from faceapp.gui.annotate.desk import Desk


class TemplateDesk:
    """Makes templates of the open sample's scan.

    Parameters
    ----------
    program : Program
        Project, sample, window, jobs.
    open_desk : callable
        The sample that is open in Annotate, or ``None``.
    """

    def __init__(self, program: Program, open_desk: Callable[[], Desk | None]) -> None:
        self._program, self._open = program, open_desk

    def ask(self) -> None:
        """Ask for name and licence, then make the template."""
        desk, context = self._open(), self._program.context
        if desk is None or context.project is None:
            return
        if desk.session.mesh is None:
            self._program.window.show_error(
                "No mesh to make a template of",
                "A template is a surface: open a mesh from outside, or a capture that is fused.",
                "Drop a .ply, .obj or .stl on the window.",
            )
            return
        if not context.can_write:
            self._program.window.show_error(
                "No template can be made",
                f"{context.project_name} is open read-only.",
                "Close the other window first.",
            )
            return
        name, licence, use = QLineEdit(), QLineEdit(), QCheckBox("Register this project with it")
        name.setPlaceholderText("my-head")
        licence.setPlaceholderText("such as CC BY 4.0")
        use.setChecked(True)
        marks = desk.session.landmarks_3d
        sample = desk.sample

        def accept() -> str:
            wanted = name.text().strip()
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", wanted):
                return "Name it with letters, digits, - and _."
            self._make(desk, marks, wanted, licence.text().strip(), use.isChecked())
            return ""

        by_person = sum(p is PlacedBy.PERSON for p in marks.placed_by)
        text = (
            f"Of the mesh of {sample.subject} {title_of(sample.expression)}, its vertex order unchanged. Its "
            f"{int(marks.placed.sum())} points become the anchors; a person has placed {by_person} of them."
        )
        fields = [("Name", name), ("Licence", licence), ("", use)]
        self._program.window.ask(Prompt("Make a registration template", fields, "Make it", accept, text))

    def _make(self, desk: Desk, marks: Landmarks3D, name: str, licence: str, use: bool) -> None:
        project, sample = self._program.context.project, desk.sample
        assert project is not None

        def work(reporter: Reporter) -> tuple[Path, MadeTemplate]:
            from faceapp.app.project_template import make_project_template, use_template

            file, made = make_project_template(project, sample, marks, name, licence=licence, reporter=reporter)
            if use:
                use_template(project, file)
            return file, made

        def done(result: tuple[Path, MadeTemplate]) -> None:
            file, made = result
            anchors = len(made.template.anchor_triangles) - len(made.missing)
            after = "Registrations of this project use it from now on" if use else "Choose it in Review, Register"
            text = (
                f"{name}: {len(made.template.mesh.vertices):,} vertices, {anchors} anchors. {after}. The project keeps "
                f"it as {file.parent.name}/{file.name}."
            )
            state = State.CHECK if made.missing else State.GOOD
            if made.missing:
                text += f" {len(made.missing)} points have no anchor: they lie off the mesh."
            self._program.window.show_message(MessageBar("Template made", text, state=state))
            self._program.context.announce_template()

        self._program.jobs.run(
            f"Template {name}", work, done, lambda e: self._program.show_failure("No template was made", e)
        )
