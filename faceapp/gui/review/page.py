"""The widgets of Review put together: queue, bar, views, lower row, panels at the right."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from faceapp.gui.picture.pyramid import Pyramid
from faceapp.gui.plots.histogram import Histogram
from faceapp.gui.review.choices import Choices
from faceapp.gui.review.figures_panel import FiguresPanel
from faceapp.gui.review.queue_panel import QueuePanel
from faceapp.gui.review.repair_panel import RepairPanel
from faceapp.gui.review.results import Result, SampleResults
from faceapp.gui.review.run_panel import RunPanel
from faceapp.gui.review.running_state import RunningState
from faceapp.gui.review.section_panel import SectionPanel
from faceapp.gui.review.siblings import Siblings
from faceapp.gui.review.views import LIMIT_MM, ReviewViews
from faceapp.gui.theme import SIZES, surface
from faceapp.gui.widgets.buttons import Segmented, ToolButton
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.layouts import empty_layout
from faceapp.gui.widgets.messages import EmptyState

_DASHED_MM = {"register": 0.2, "reconstruct": 1.0}
_ROOMY = 1000
"""Pixels of the middle from which all choices of the bar stand side by side."""


def _plugin_of(run: Path) -> str:
    """Return ``landmark-fit`` of ``reconstruct-landmark-fit-1bb14cff9d``."""
    return run.name.split("-", 1)[1].rpartition("-")[0]


class ReviewPage(QWidget):
    """Everything that Review shows once there are samples.

    Signals
    -------
    stage_wanted(str)
        A button of an empty state: ``fuse``, ``register`` or ``reconstruct``.
    texture_wanted()
        The textured scan is to be seen.
    """

    stage_wanted = Signal(str)
    texture_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "line")
        self._results: SampleResults | None = None
        self._running = ""
        self._running_state: RunningState | None = None
        self.views = ReviewViews()
        self.heat, self.compare, self.picture = self.views.heat, self.views.compare, self.views.picture
        self.histogram, self.section, self.siblings = Histogram(), SectionPanel(), Siblings()
        self.figures, self.repair, self.run = FiguresPanel(), RepairPanel(), RunPanel()
        self.section.moved.connect(self._show_section)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        self.queue = QueuePanel()
        row.addWidget(self.queue)
        row.addLayout(self._make_middle(), 1)
        row.addWidget(self._make_right())
        self.set_linked(True)
        self.set_narrow(False)

    # Laying out

    def _make_middle(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(1)
        column.addWidget(self._make_bar())
        self._middle = QStackedWidget()
        self._middle.addWidget(self.views)
        self._empty_page = QWidget()
        surface(self._empty_page, "window")
        QVBoxLayout(self._empty_page)
        self._middle.addWidget(self._empty_page)
        column.addWidget(self._middle, 1)
        column.addWidget(self._make_foot())
        return column

    def _make_bar(self) -> QWidget:
        bar = QWidget()
        surface(bar, "panel")
        bar.setFixedHeight(SIZES.bar)
        row = QHBoxLayout(bar)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(8)
        self.stage = Segmented((("register", "Registration"), ("reconstruct", "Reconstruction")), padding=20)
        self.color = Choices((("signed", "Signed"), ("absolute", "Absolute"), ("shape", "Shape")), "Colours")
        self.color.changed.connect(lambda _: self._restyle())
        modes = (("split", "Split"), ("fade", "Fade"), ("texture", "Texture"), ("before", "Before"))
        self.second = Choices((*modes, ("photograph", "Photograph")), "What the result is compared with")
        self.second.changed.connect(self.show_mode)
        self.look = ToolButton("grid-four", "Show the triangles", "W", checkable=True)
        self.look.toggled.connect(lambda _: self._restyle())
        self.points = ToolButton("crosshair", "Show landmarks and how far they are off", "H", checkable=True)
        self.points.toggled.connect(self._show_points)
        self.cut = ToolButton("scissors", "Cut scan and result by a plane", "S", checkable=True)
        self.cut.toggled.connect(self._show_cut)
        self.link = ToolButton("link", "Link the cameras", checkable=True)
        self.link.toggled.connect(self.set_linked)
        home = ToolButton("house", "Look from the front", "0")
        home.clicked.connect(self.home)
        row.addWidget(self.stage)
        row.addWidget(self.color)
        row.addStretch()
        row.addWidget(self.second)
        for tool in (self.look, self.points, self.cut, self.link, home):
            row.addWidget(tool)
        return bar

    def _make_foot(self) -> QWidget:
        self._foot = QWidget()
        surface(self._foot, "line")
        row = QHBoxLayout(self._foot)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        left = QWidget()
        surface(left, "panel")
        column = QVBoxLayout(left)
        column.setContentsMargins(8, 8, 8, 4)
        column.setSpacing(4)
        head = QHBoxLayout()
        head.setSpacing(8)
        tabs = (("histogram", "Histogram"), ("section", "Section"), ("siblings", "Siblings"))
        self.foot_tab = Segmented(tabs, padding=20)
        self.foot_tab.changed.connect(self._show_foot)
        self._scale = label("", "secondary")
        head.addWidget(self.foot_tab)
        head.addWidget(self._scale)
        head.addStretch()
        column.addLayout(head)
        self._foot_pages = QStackedWidget()
        self._sibling_tab = QWidget()
        self._sibling_tab.setLayout(QVBoxLayout())
        for page in (self.histogram, self.section, self._sibling_tab):
            self._foot_pages.addWidget(page)
        column.addWidget(self._foot_pages, 1)
        for half in (left, self.siblings):
            half.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Expanding)
        row.addWidget(left, 1)
        row.addWidget(self.siblings, 1)
        return self._foot

    def _make_right(self) -> QWidget:
        self._right = QWidget()
        surface(self._right, "panel")
        column = QVBoxLayout(self._right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.side = Segmented((("figures", "Figures"), ("repair", "Repair"), ("run", "Run")), padding=18)
        self.runs = QComboBox()
        self.runs.setMinimumWidth(120)
        self.runs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.runs.setAccessibleName("Results of this sample")
        head = QHBoxLayout()
        head.setContentsMargins(8, 7, 8, 7)
        head.addWidget(self.side)
        head.addStretch()
        head.addWidget(self.runs)
        column.addLayout(head)
        self._side_pages = QStackedWidget()
        for page in (self.figures, self.repair, self.run):
            self._side_pages.addWidget(page)
        column.addWidget(self._side_pages, 1)
        self.side.changed.connect(self.show_side)
        return self._right

    def show_side(self, name: str) -> None:
        """Show the figures, the repairs or what can be run."""
        self.side.set_current(name)
        self._side_pages.setCurrentIndex(("figures", "repair", "run").index(name))
        if self.views.repairing != (name == "repair"):
            self.views.repairing = name == "repair"
            self.views.show_second()
            self.views.show_overlays()

    def set_narrow(self, narrow: bool) -> None:
        """Lay out for a laptop or a large screen."""
        self.queue.set_narrow(narrow)
        self._foot.setFixedHeight(172 if narrow else 262)
        self._right.setFixedWidth(320 if narrow else 356)
        self.runs.setVisible(not narrow)
        self._scale.setVisible(not narrow)
        self.foot_tab.show_option("siblings", narrow)
        place = self._sibling_tab.layout() if narrow else self._foot.layout()
        assert place is not None
        place.setContentsMargins(0, 0, 0, 0)
        if isinstance(place, QHBoxLayout):
            place.addWidget(self.siblings, 1)
        else:
            place.addWidget(self.siblings)
        self.siblings.title.setVisible(not narrow)
        if not narrow and self.foot_tab.current == "siblings":
            self._show_foot("histogram")

    def set_roomy(self, roomy: bool) -> None:
        """Let the choices of the bar stand side by side, or fold them."""
        self.color.set_folded(not roomy)
        self.second.set_folded(not roomy)

    def resizeEvent(self, event: object) -> None:  # noqa: N802, D102 - Qt's
        self.set_roomy(self.width() - self.queue.width() - self._right.width() >= _ROOMY)

    def set_linked(self, linked: bool) -> None:
        """Let the cameras move together, or each alone."""
        if self.link.isChecked() != linked:
            self.link.setChecked(linked)
            return
        self.views.set_linked(linked, self.siblings.views)

    def home(self) -> None:
        """Look from the front in all views."""
        self.views.home()

    # Showing

    @property
    def result(self) -> Result | None:
        """The result on the screen."""
        return self._results.results.get(self.stage.current) if self._results is not None else None

    @property
    def shown(self) -> SampleResults | None:
        """What the sample on the screen has become."""
        return self._results

    def show_results(self, results: SampleResults | None) -> None:
        """Show scan and result of the chosen stage, or what to do first."""
        self._results = results
        result, stage = self.result, self.stage.current
        self.second.set_offered("photograph", result is not None and result.overlay is not None)
        self.second.set_offered(
            "before", result is not None and stage == "register" and bool(results and results.before)
        )
        self.views.mode = self.second.current
        if results is None or (result is None and results.scan is None):
            self.views.clear()
            self._middle.setCurrentIndex(1)
            text = "Fusing joins the clouds of the three groups into a mesh."
            self._say(self._empty_page, "cube", "Nothing is fused yet", text, "fuse")
        elif result is None:
            self._show_scan_only(results, stage)
        else:
            self._middle.setCurrentIndex(0)
            self.views.show_result(results, result)
            self._show_histogram(result)
        self._list_runs(results, result)
        self._show_section_of(results, result)
        if self.views.wants_texture:
            self.texture_wanted.emit()

    def _list_runs(self, results: SampleResults | None, result: Result | None) -> None:
        self.runs.clear()
        for i, folder in enumerate(results.runs[self.stage.current] if results is not None else ()):
            self.runs.addItem(f"{_plugin_of(folder)}, {'newest' if i == 0 else f'{i} before'}", folder)
            if result is not None and folder == result.folder:
                self.runs.setCurrentIndex(i)
        self.runs.setEnabled(self.runs.count() > 1)

    def show_running(self, title: str) -> None:
        """Say where nothing is to be seen yet that it is being made; an empty text says what to do again."""
        if title != self._running:
            self._running = title
            if self.result is None:
                self.show_results(self._results)

    def show_progress(self, title: str, done: float, text: str) -> None:
        """Say how far it is, where it is what is waited for here."""
        if self._running_state is not None and title == self._running:
            self._running_state.show_progress(done, text)

    def _say(self, page: QWidget, icon: str, title: str, text: str, stage: str) -> None:
        layout = page.layout()
        assert layout is not None
        empty_layout(layout)
        verb = {"fuse": "Fuse", "register": "Register", "reconstruct": "Reconstruct"}[stage]
        acts = [(verb, lambda: self.stage_wanted.emit(stage))]
        self._running_state = RunningState(self._running) if self._running else None
        state = self._running_state or EmptyState(icon, title, text, acts, primary=False)
        state.setAccessibleName(self._running or title)
        layout.addWidget(state)
        self.histogram.set_values([], -LIMIT_MM["register"], LIMIT_MM["register"])
        self._scale.setText("")

    def _show_scan_only(self, results: SampleResults, stage: str) -> None:
        self._middle.setCurrentIndex(0)
        note = self.views.first_note
        if stage == "register":
            text = "The scan stands beside this. Register lays the template onto it."
            self._say(note, "sphere", "Not registered yet", text, stage)
        else:
            self._say(note, "user-circle", "Not reconstructed yet", "A face is made from the photographs alone.", stage)
        self.views.show_scan(results)

    def _show_histogram(self, result: Result) -> None:
        limit, dashed = LIMIT_MM[result.stage], _DASHED_MM[result.stage]
        if result.distance is None:
            self.histogram.set_values([], -limit, limit)
            self._scale.setText("no scan to compare with")
            return
        self.histogram.set_values(result.distance, -limit, limit, "mm", (-dashed, dashed))
        self._scale.setText(f"root scale, dashed at ±{dashed:g}\N{NO-BREAK SPACE}mm")

    def show_overlay(self, pyramid: Pyramid | None) -> None:
        """Have the reconstruction over the photographs ready for the second view."""
        self.picture.set_picture(pyramid)

    def show_mode(self, mode: str) -> None:
        """Compare the result in another way."""
        self.second.set_current(mode)
        self.views.mode = mode
        self.views.show_second()
        if self.views.wants_texture:
            self.texture_wanted.emit()

    def toggle_texture(self) -> None:
        """Show the texture of the scan, or go back."""
        self.show_mode("texture" if self.second.current != "texture" else "split")

    def toggle_before(self) -> None:
        """Show the registration before this one where there is one, or go back."""
        if self.second.offers("before"):
            self.show_mode("before" if self.second.current != "before" else "split")

    def _restyle(self) -> None:
        self.views.color, self.views.edges = self.color.current, self.look.isChecked()
        self.show_results(self._results)

    def _show_points(self, shown: bool) -> None:
        self.views.points = shown
        self.views.show_overlays()

    # The lower row

    def _show_foot(self, name: str) -> None:
        self.foot_tab.set_current(name)
        self._foot_pages.setCurrentIndex(("histogram", "section", "siblings").index(name))
        self._scale.setVisible(name == "histogram")
        if self.cut.isChecked() != (name == "section"):
            self.cut.setChecked(name == "section")

    def _show_cut(self, shown: bool) -> None:
        if shown != (self.foot_tab.current == "section"):
            self._show_foot("section" if shown else "histogram")
        self._show_section_of(self._results, self.result)

    def _show_section_of(self, results: SampleResults | None, result: Result | None) -> None:
        if not self.cut.isChecked() or results is None:
            self.views.set_section(())
            return
        self.section.show_meshes(results.scan, result.mesh if result is not None else None)

    def _show_section(self) -> None:
        if self.cut.isChecked():
            self.views.set_section(self.section.strokes)

    def shut_down(self) -> None:
        """Let VTK go."""
        self.views.shut_down()
        self.siblings.shut_down()
