"""The widgets of Review: queue, heat map, overlay, histogram, figures."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSize, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from faceapp.gui.picture.pyramid import Pyramid
from faceapp.gui.picture.view import PictureView
from faceapp.gui.plots.histogram import Histogram
from faceapp.gui.review.figures_panel import FiguresPanel
from faceapp.gui.review.results import Result, SampleResults
from faceapp.gui.review.run_panel import RunPanel
from faceapp.gui.review.running_state import RunningState
from faceapp.gui.theme import SIZES, surface
from faceapp.gui.view3d.layers import ColorBy, Edges, LayerStyle, Scalars
from faceapp.gui.view3d.view import View3D, link
from faceapp.gui.widgets.buttons import Segmented, ToolButton
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.messages import EmptyState
from faceapp.gui.widgets.metrics import ProgressBar
from faceapp.gui.widgets.samples import SampleEntry, SampleList

LIMIT_MM = {"register": 0.6, "reconstruct": 3.0}
_DASHED_MM = {"register": 0.2, "reconstruct": 1.0}
_MODEL_TINT = (0xA9, 0xC4, 0xE6)


def _plugin_of(run: Path) -> str:
    """Return ``landmark-fit`` of ``reconstruct-landmark-fit-1bb14cff9d``."""
    return run.name.split("-", 1)[1].rpartition("-")[0]


class ReviewPage(QWidget):
    """Everything that Review shows once there are samples.

    Signals
    -------
    stage_wanted(str)
        A button of an empty state: ``fuse``, ``register`` or ``reconstruct``.
    """

    stage_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "line")
        self._unlink: Callable[[], None] | None = None
        self._results: SampleResults | None = None
        self._running = ""
        self._running_state: RunningState | None = None
        self._narrow = False
        self.heat, self.compare, self.picture = View3D(), View3D(), PictureView(editable=False)
        self.histogram = Histogram()
        self.figures, self.run = FiguresPanel(), RunPanel()
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        row.addWidget(self._make_queue())
        row.addLayout(self._make_middle(), 1)
        row.addWidget(self._make_right())
        self.set_linked(True)
        self.set_narrow(False)

    # Laying out

    def _make_queue(self) -> QWidget:
        self._queue = QWidget()
        surface(self._queue, "panel")
        column = QVBoxLayout(self._queue)
        column.setContentsMargins(8, 8, 8, 8)
        column.setSpacing(6)
        self._queue_title = label("Samples", "strong")
        self._queue_bar = ProgressBar(thickness=6)
        self._queue_far = label("", "secondary")
        for widget in (self._queue_title, self._queue_bar, self._queue_far):
            column.addWidget(widget)
        self.queue = SampleList("rows", QSize(200, 58))
        column.addWidget(self.queue, 1)
        return self._queue

    def _make_middle(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(1)
        column.addWidget(self._make_bar())
        self._views = QWidget()
        surface(self._views, "line")
        row = QHBoxLayout(self._views)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(1)
        row.addWidget(self.heat, 1)
        self._second = QStackedWidget()
        self._second.addWidget(self.compare)
        self._second.addWidget(self.picture)
        row.addWidget(self._second, 1)
        self._middle = QStackedWidget()
        self._middle.addWidget(self._views)
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
        self.stage = Segmented((("register", "Registration"), ("reconstruct", "Reconstruction")))
        self.look = Segmented((("plain", "Shaded"), ("edges", "Mesh")))
        self.look.changed.connect(lambda _: self.show_results(self._results))
        self.second = Segmented((("scan", "Scan"), ("photograph", "Photograph")))
        self.second.changed.connect(lambda _: self._show_second())
        self.link = ToolButton("link", "Link the cameras", checkable=True)
        self.link.toggled.connect(self.set_linked)
        home = ToolButton("house", "Look from the front", "0")
        home.clicked.connect(self.home)
        row.addWidget(self.stage)
        row.addStretch()
        row.addWidget(self.second)
        row.addWidget(self.look)
        row.addWidget(self.link)
        row.addWidget(home)
        return bar

    def _make_foot(self) -> QWidget:
        self._foot = QWidget()
        surface(self._foot, "panel")
        column = QVBoxLayout(self._foot)
        column.setContentsMargins(8, 8, 8, 4)
        column.setSpacing(4)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(label("Signed distance to the scan", "section"))
        self._scale = label("", "secondary")
        head.addWidget(self._scale)
        head.addStretch()
        column.addLayout(head)
        column.addWidget(self.histogram, 1)
        return self._foot

    def _make_right(self) -> QWidget:
        self._right = QWidget()
        surface(self._right, "panel")
        column = QVBoxLayout(self._right)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.side = Segmented((("figures", "Figures"), ("run", "Run")))
        self.runs = QComboBox()
        self.runs.setMinimumWidth(160)
        self.runs.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.runs.setAccessibleName("Results of this sample")
        head = QHBoxLayout()
        head.setContentsMargins(8, 7, 8, 7)
        head.addWidget(self.side)
        head.addStretch()
        head.addWidget(self.runs)
        column.addLayout(head)
        self._side_pages = QStackedWidget()
        self._side_pages.addWidget(self.figures)
        self._side_pages.addWidget(self.run)
        column.addWidget(self._side_pages, 1)
        self.side.changed.connect(self.show_side)
        return self._right

    def show_side(self, name: str) -> None:
        """Show the figures or what can be run."""
        self.side.set_current(name)
        self._side_pages.setCurrentIndex(0 if name == "figures" else 1)

    def set_narrow(self, narrow: bool) -> None:
        """Lay out for a laptop or a large screen."""
        self._narrow = narrow
        self._queue.setFixedWidth(78 if narrow else 286)
        self._queue_title.setVisible(not narrow)
        self._queue_far.setVisible(not narrow)
        self._foot.setFixedHeight(150 if narrow else 262)
        self._right.setFixedWidth(320 if narrow else 356)
        self.runs.setVisible(not narrow)

    def set_linked(self, linked: bool) -> None:
        """Let the two cameras move together, or each alone."""
        if self.link.isChecked() != linked:
            self.link.setChecked(linked)
            return
        if self._unlink is not None:
            self._unlink()
        self._unlink = link(self.heat, self.compare) if linked else None

    def home(self) -> None:
        """Look from the front in both views."""
        self.heat.home()
        self.compare.home()

    # Showing

    def show_queue(self, entries: list[SampleEntry], current: str, judged: int) -> None:
        """Show the samples with their state."""
        self.queue.set_entries(entries)
        self.queue.set_current(current)
        self._queue_bar.set_fraction(judged / max(1, len(entries)))
        self._queue_far.setText(f"{judged} of {len(entries)} judged")

    @property
    def result(self) -> Result | None:
        """The result on the screen."""
        return self._results.results.get(self.stage.current) if self._results is not None else None

    def show_results(self, results: SampleResults | None) -> None:
        """Show scan and result of the chosen stage, or what to do first."""
        new = results is not None and (self._results is None or results.sample.id != self._results.sample.id)
        self._results = results
        result, stage = self.result, self.stage.current
        self.runs.clear()
        for i, folder in enumerate(results.runs[stage] if results is not None else ()):
            self.runs.addItem(f"{_plugin_of(folder)}, {'newest' if i == 0 else f'{i} before'}", folder)
            if result is not None and folder == result.folder:
                self.runs.setCurrentIndex(i)
        self.runs.setEnabled(self.runs.count() > 1)
        if new:
            for view in (self.heat, self.compare):
                view.clear()
        if results is None or (result is None and results.scan is None):
            self._say(
                "cube", "Nothing is fused yet", "Fusing joins the clouds of the three groups into a mesh.", "fuse"
            )
        elif result is None:
            self._show_scan_only(results, stage)
        else:
            self._middle.setCurrentIndex(0)
            self._show(results, result)
        if new:
            self.home()

    def show_running(self, title: str) -> None:
        """Say where nothing is to be seen yet that it is being made; an empty text says what to do again."""
        if title != self._running:
            self._running = title
            if self._middle.currentWidget() is self._empty_page:
                self.show_results(self._results)

    def show_progress(self, title: str, done: float, text: str) -> None:
        """Say how far it is, where it is what is waited for here."""
        if self._running_state is not None and title == self._running:
            self._running_state.show_progress(done, text)

    def _say(self, icon: str, title: str, text: str, stage: str) -> None:
        layout = self._empty_page.layout()
        assert layout is not None
        while layout.count():
            item = layout.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.hide()
                widget.deleteLater()
        verb = {"fuse": "Fuse", "register": "Register", "reconstruct": "Reconstruct"}[stage]
        acts = [(verb, lambda: self.stage_wanted.emit(stage))]
        if self._running:
            self._running_state = RunningState(self._running)
        else:
            self._running_state = None
        state = self._running_state or EmptyState(icon, title, text, acts, primary=False)
        state.setAccessibleName(self._running or title)
        layout.addWidget(state)
        self._middle.setCurrentIndex(1)
        self.second.hide()
        self.histogram.set_values([], -LIMIT_MM["register"], LIMIT_MM["register"])
        self._scale.setText("")

    def _show_scan_only(self, results: SampleResults, stage: str) -> None:
        if stage == "register":
            self._say("sphere", "Not registered yet", "The template is laid onto the scan of this sample.", stage)
        else:
            self._say("user-circle", "Not reconstructed yet", "A face is made from the photographs alone.", stage)

    def _show(self, results: SampleResults, result: Result) -> None:
        limit = LIMIT_MM[result.stage]
        edges = Edges.OVER if self.look.current == "edges" else Edges.NONE
        scan, mesh = results.scan, result.mesh
        if result.distance is not None:
            scalars = Scalars(result.distance, -limit, limit, "vik", "Signed distance: − inside, + outside the scan")
            self.heat.set_layer("heat", mesh, LayerStyle(ColorBy.SCALARS, edges), scalars)
            dashed = _DASHED_MM[result.stage]
            self.histogram.set_values(result.distance, -limit, limit, "mm", (-dashed, dashed))
            words = f"root scale, dashed at ±{dashed:g}\N{NO-BREAK SPACE}mm; the outermost bars hold the rest"
            self._scale.setText(words)
        else:
            self.heat.set_layer("heat", mesh, LayerStyle(edges=edges, tint=_MODEL_TINT))
            self.histogram.set_values([], -limit, limit)
            self._scale.setText("no scan to compare with")
        name = "Registration" if result.stage == "register" else "Reconstruction"
        if scan is not None:
            look = ColorBy.COLOR if scan.colors is not None else ColorBy.PLAIN
            self.compare.set_layer("scan", scan, LayerStyle(look))
            self.compare.set_layer("result", mesh, LayerStyle(edges=edges, tint=_MODEL_TINT))
            self.compare.set_compare(["scan"], ["result"], ("Scan", name))
        else:
            self.compare.set_layer("result", mesh, LayerStyle(edges=edges, tint=_MODEL_TINT))
            self.compare.set_compare()
        self._show_second()

    def show_overlay(self, pyramid: Pyramid | None) -> None:
        """Have the reconstruction over the photographs ready for the second view."""
        self.picture.set_picture(pyramid)

    def _show_second(self) -> None:
        result = self.result
        has_overlay = result is not None and result.overlay is not None
        self.second.setVisible(has_overlay)
        self._second.setCurrentIndex(int(has_overlay and self.second.current == "photograph"))

    def shut_down(self) -> None:
        """Let VTK go."""
        self.heat.shut_down()
        self.compare.shut_down()
