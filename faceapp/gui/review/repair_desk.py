"""Repairing with the mouse: landmarks dragged over the scan, pins from registration to scan; each in a journal."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from faceapp.app import repairing
from faceapp.app.repairing import Repairs, read_repairs
from faceapp.core.landmarks import Landmarks3D
from faceapp.core.subject import Sample
from faceapp.gui.bridge import Background
from faceapp.gui.program.program import Program
from faceapp.gui.review.page import ReviewPage
from faceapp.gui.theme import MARKS
from faceapp.gui.view3d.overlay import Strokes
from faceapp.gui.view3d.picking import Pick
from faceapp.landmarks.scheme import load_scheme

if TYPE_CHECKING:
    from faceapp.core.template import Template
    from faceapp.store.project import Project


class RepairDesk:
    """Hands what a reviewer repairs to the journal of the sample, and shows it once it is there.

    Parameters
    ----------
    program : Program
        Context, messages.
    page : ReviewPage
        Whose views and panel.
    background : Background
        Where journals are written.
    changed : callable
        Called with a sample after a repair of it reached the disk.
    """

    def __init__(
        self, program: Program, page: ReviewPage, background: Background, changed: Callable[[Sample], object]
    ) -> None:
        self._program, self._page, self._background, self._changed = program, page, background, changed
        self._sample: Sample | None = None
        self._lifted: Landmarks3D | None = None
        self._template: Template | None = None
        self._repairs = Repairs()
        self._vertex = -1

    def connect(self) -> None:
        """Listen to the panel and the views."""
        panel, page = self._page.repair, self._page
        panel.pinning.connect(self._pinning)
        panel.removed.connect(self._remove)
        panel.stiffened.connect(self._stiffen)
        panel.undone.connect(self.undo)
        panel.redone.connect(self.redo)
        page.compare.landmarkMoved.connect(self._landmark_moved)
        page.heat.picked.connect(self._picked_on_result)
        page.compare.picked.connect(self._picked_on_scan)
        page.side.changed.connect(lambda _: self.show())

    @property
    def is_open(self) -> bool:
        """Whether the panel of repairs is to be seen."""
        return self._page.side.current == "repair"

    @property
    def repairs(self) -> Repairs:
        """Those of the sample on the screen."""
        return self._repairs

    @property
    def is_ready(self) -> bool:
        """Whether landmarks can be moved."""
        return self._lifted is not None

    def show(self) -> None:
        """Show the repairs of the sample on the screen, or go back to how it was."""
        results, page = self._page.shown, self._page
        if not self.is_open or results is None or page.result is None or page.result.stage != "register":
            self._end(self.is_open)
            return
        page.repair.show_compared(page.result, results.before)
        if self._sample == results.sample and self._lifted is not None:
            self._show_state()
            return
        self._end(True)
        sample = self._sample = results.sample
        page.repair.set_ready(False, "Reading the landmarks of this sample…")
        project = self._program.context.project
        if project is None:
            return

        def work() -> tuple[Landmarks3D, Template, Repairs]:
            from faceapp.app.project_template import project_template
            from faceapp.app.sample_stages import landmarks_on_scan

            folder = project.sample_folder(sample)
            return landmarks_on_scan(folder)[0], project_template(project)[0], read_repairs(folder)

        def done(read: tuple[Landmarks3D, Template, Repairs]) -> None:
            if self._sample == sample:
                self._lifted, self._template, self._repairs = read
                self._show_state()

        def failed(error: BaseException) -> None:
            if self._sample == sample:
                page.repair.set_ready(False, str(error))

        self._background.run(work, done, failed)

    def _end(self, open_still: bool) -> None:
        self._sample = self._lifted = None
        self._vertex = -1
        self._page.repair.pin.setChecked(False)
        self._page.views.set_pins(None)
        self._page.views.set_marks(None)
        if open_still:
            self._page.repair.set_ready(False)
            self._page.repair.show_repairs(Repairs(), ())
            self._page.repair.show_compared(None, None)

    def _show_state(self) -> None:
        if self._lifted is None or self._template is None or not self.is_open:
            return
        panel = self._page.repair
        panel.set_parts(self._template.part_names)
        panel.set_ready(not self._read_only, "The project is open read-only." if self._read_only else "")
        panel.show_repairs(self._repairs, load_scheme(self._lifted.scheme).names)
        self._page.views.set_marks(self._repairs.apply(self._lifted))
        self._show_pins()

    @property
    def _read_only(self) -> bool:
        return not self._program.context.can_write

    def _show_pins(self) -> None:
        result = self._page.result
        if result is None:
            return
        pairs = [
            (result.mesh.vertices[vertex], np.array(point))
            for vertex, point in self._repairs.pins.items()
            if vertex < len(result.mesh.vertices)
        ]
        labels = ["pin"] * len(pairs)
        if self._vertex >= 0:
            pairs.append((result.mesh.vertices[self._vertex],) * 2)
            labels.append("to where?")
        strokes = Strokes(np.array(pairs).reshape(-1, 2, 3), MARKS.cursor, 3.0, tuple(labels))
        self._page.views.set_pins(strokes if pairs else None)

    # Acts

    def _pinning(self, on: bool) -> None:
        self._vertex = -1
        self._page.repair.pin.set_words("Click the registration…" if on else "Pin a point")
        self._show_pins()

    def toggle_pinning(self) -> None:
        """Begin to pin a point, or leave it."""
        if self.is_open and self._page.repair.pin.isEnabled():
            self._page.repair.pin.toggle()

    def _picked_on_result(self, pick: Pick | None) -> None:
        if pick is not None and pick.layer == "heat" and self._page.repair.pin.isChecked():
            self._vertex = pick.index
            self._page.repair.pin.set_words("Click its place on the scan…")
            self._show_pins()

    def _picked_on_scan(self, pick: Pick | None) -> None:
        if pick is None or pick.layer != "scan" or self._vertex < 0 or not self._page.repair.pin.isChecked():
            return
        vertex, point = self._vertex, pick.position
        self._write(lambda project, sample, by: repairing.pin_vertex(project, sample, vertex, point, by))
        self._page.repair.pin.setChecked(False)

    def _landmark_moved(self, index: int, x: float, y: float, z: float) -> None:
        if self._lifted is not None and self.is_open:
            was = self._lifted.points[index]
            self._write(lambda project, sample, by: repairing.move_landmark(project, sample, index, (x, y, z), was, by))

    def _remove(self, kind: str, index: int) -> None:
        if kind == "pin":
            self._write(lambda project, sample, by: repairing.pin_vertex(project, sample, index, None, by))
        else:
            self._write(lambda project, sample, by: repairing.move_landmark(project, sample, index, None, None, by))

    def _stiffen(self, part: str, factor: float) -> None:
        self._write(lambda project, sample, by: repairing.set_part_stiffness(project, sample, part, factor, by))

    def undo(self) -> None:
        """Take the last repair back."""
        self._write(repairing.undo_repair)

    def redo(self) -> None:
        """Do the repair again that was taken back last."""
        self._write(repairing.redo_repair)

    def _write(self, act: Callable[[Project, Sample, str], object]) -> None:
        """Write an act into the journal, then show what it says."""
        context, sample = self._program.context, self._sample
        project, by = context.project, context.operator
        if project is None or sample is None or self._lifted is None:
            return
        if not by:
            self._program.ask_operator()
            return

        def work() -> Repairs:
            act(project, sample, by)
            return read_repairs(project.sample_folder(sample))

        def done(repairs: Repairs) -> None:
            self._program.saved()
            if self._sample == sample:
                self._repairs = repairs
                self._show_state()
            self._changed(sample)

        def failed(error: BaseException) -> None:
            self._show_state()
            self._program.show_failure("The repair cannot be saved", error)

        self._background.run(work, done, failed)
