"""The middle of Capture: what the groups measured in 3D, or the live scan in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from PySide6.QtCore import QEvent, QObject, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.core.cloud import PointCloud
from faceapp.core.mesh import Mesh
from faceapp.gui.capture.countdown import Countdown
from faceapp.gui.theme import color, font, surface
from faceapp.gui.view3d.drawing import Picture
from faceapp.gui.view3d.layers import GROUP_COLORS, ColorBy, LayerStyle, SceneLayer
from faceapp.gui.view3d.pieces import Pieces
from faceapp.gui.view3d.view import View3D
from faceapp.gui.widgets.buttons import Button, Segmented, ToolButton
from faceapp.gui.widgets.painting import CENTER, draw_icon, draw_text, fill_rounded
from faceapp.gui.widgets.states import State

_LOOKS = (("colour", "Colour"), ("shaded", "Shaded"), ("group", "Group"), ("quality", "Quality"))
_GROUP_ORDER = ("right", "middle", "left")
BEHIND = {"middle": 0.0, "right": 40.0, "left": 80.0}
"""How far each group's surface gives way to the others, the front view first; some 0.3 mm each."""
_LIVE = "live scan"
_PLATE_HEIGHT, _PLATE_TOP = 34, 16


class Stage(QWidget):
    """The 3D view with its head, the countdown and what the live scan has to say.

    Signals
    -------
    live_asked(bool)
        The live scan is to run, or no longer.
    group_chosen(str)
        Which group it scans.
    live_drawn()
        Another cloud of the live scan is on the screen.
    """

    live_asked = Signal(bool)
    group_chosen = Signal(str)
    live_drawn = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        self.surfaces: dict[str, Mesh | PointCloud] = {}
        self._points = 0
        self._live_group = ""
        self._drawn: SceneLayer | None = None
        self._expected: tuple[frozenset[str], Callable[[], object]] | None = None
        self.view = View3D()
        self.view.pictured.connect(self._pictured)
        self.countdown = Countdown(self.view)
        self.plate = Plate(self.view)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(self._make_head())
        column.addWidget(self.view, 1)

    def _make_head(self) -> QHBoxLayout:
        self.look = Segmented(_LOOKS, padding=18)
        self.look.changed.connect(lambda _: self._restyle())
        self.groups = QComboBox()
        self.groups.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.groups.setAccessibleName("Group of the live scan")
        self.groups.setToolTip("Which group the live scan shows")
        self.groups.activated.connect(lambda i: self.group_chosen.emit(str(self.groups.itemData(i))))
        self.live = Button("Live scan", icon_name="scan", key="L")
        self.live.setCheckable(True)
        self.live.setToolTip("Scan one group again and again while the subject settles; nothing is kept  [L]")
        self.live.clicked.connect(self.live_asked)
        home = ToolButton("house", "Look from the front")
        home.clicked.connect(self.view.home)
        fit = ToolButton("arrows-out", "Show everything")
        fit.clicked.connect(self.view.fit)
        head = QHBoxLayout()
        head.setContentsMargins(8, 6, 8, 6)
        head.setSpacing(8)
        head.addWidget(self.look)
        head.addStretch()
        for widget in (self.groups, self.live, home, fit):
            head.addWidget(widget)
        return head

    # The take

    def clear_take(self) -> None:
        """Show nothing of any take."""
        for group in self.surfaces:
            self.view.remove_layer(group)
        if not self._live_group:
            self.view.clear()
        self.surfaces.clear()
        self._points = 0
        self._show_caption()

    def show_surface(self, group: str, measured: Mesh | PointCloud, pieces: Pieces | None = None) -> None:
        """Put what a group measured into the 3D view; at once where a thread has made it ready."""
        self.surfaces[group] = measured
        self.view.set_layer(group, measured, self._style(group), visible=not self._live_group, pieces=pieces)
        if self._expected is not None:
            self.view.hasten()

    def expect_take(self, groups: Iterable[str], drawn: Callable[[], object]) -> None:
        """Draw in a hurry until the surfaces of these groups are on the screen, and tell it then."""
        self._expected = frozenset(groups), drawn
        self.view.set_hurried(True)

    def expect_nothing(self) -> None:
        """Draw at leisure: the take has ended."""
        self._expected = None
        self.view.set_hurried(False)

    def show_caption(self, points: int) -> None:
        """Say how many points the take has."""
        self._points = points
        self._show_caption()

    def _show_caption(self) -> None:
        if not self._live_group:
            self.view.set_caption(f"{self._points:,} points" if self._points else "")

    def _style(self, group: str) -> LayerStyle:
        look = self.look.current
        at = _GROUP_ORDER.index(group) if group in _GROUP_ORDER else 3
        behind = BEHIND.get(group, 0.0)
        if look == "colour":
            return LayerStyle(ColorBy.COLOR, behind=behind)
        if look == "quality":
            return LayerStyle(ColorBy.SIGMA, behind=behind)
        return LayerStyle(tint=GROUP_COLORS[at]) if look == "group" else LayerStyle(behind=behind)

    def _restyle(self) -> None:
        for group in self.surfaces:
            self.view.set_style(group, self._style(group))
        if _LIVE in self.view.layer_names:
            self.view.set_style(_LIVE, self._style(self._live_group))

    # The live scan

    def show_groups(self, names: Sequence[str], current: str) -> None:
        """Fill the list of groups that can be scanned live."""
        if [self.groups.itemData(i) for i in range(self.groups.count())] != list(names):
            self.groups.clear()
            for name in names:
                self.groups.addItem(name.capitalize(), name)
        self.groups.setCurrentIndex(self.groups.findData(current))
        self.groups.setVisible(len(names) > 1)

    def set_live(self, group: str) -> None:
        """Show the live scan of a group instead of the take; empty: the take again."""
        if group == self._live_group:
            return
        self._live_group = group
        self.view.remove_layer(_LIVE)
        for name in self.surfaces:
            self.view.show_layer(name, not group)
        self.plate.say("")
        self.view.set_caption("")
        self._show_caption()

    def show_cloud(self, cloud: PointCloud, pieces: Pieces, points: int) -> None:
        """Show the newest cloud of the live scan; ``points`` is how many were measured."""
        self.view.stream_layer(_LIVE, cloud, pieces, self._style(self._live_group))
        self.view.set_caption(f"Live: {points:,} points")

    def drop_cloud(self) -> None:
        """Show no cloud: the newest picture of the live scan had none."""
        self.view.remove_layer(_LIVE)
        if self._live_group:
            self.view.set_caption("")

    def _pictured(self, picture: Picture) -> None:
        layer = picture.request.layers.get(_LIVE)
        if layer is not None and layer is not self._drawn:
            self._drawn = layer
            self.live_drawn.emit()
        if self._expected is not None and self._expected[0] <= picture.request.layers.keys():
            _, drawn = self._expected
            self.expect_nothing()
            drawn()


class Plate(QWidget):
    """A few words on a plate at the top of a picture; lets the mouse through."""

    def __init__(self, over: QWidget) -> None:
        super().__init__(over)
        self._text, self._state = "", State.WORK
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        over.installEventFilter(self)
        self.hide()

    @property
    def text(self) -> str:
        """What it says; empty while it is hidden."""
        return self._text

    def say(self, text: str, state: State = State.WORK) -> None:
        """Say something; the empty text hides it."""
        if (text, state) == (self._text, self._state):
            return
        self._text, self._state = text, state
        self.setAccessibleName(text)
        self.setVisible(bool(text))
        self._place()
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(round(QFontMetricsF(font(13, 600)).horizontalAdvance(self._text)) + 52, _PLATE_HEIGHT)

    def _place(self) -> None:
        parent = self.parentWidget()
        if parent is not None and self._text:
            size = self.sizeHint().boundedTo(QSize(parent.width() - 16, _PLATE_HEIGHT))
            self.setGeometry((parent.width() - size.width()) // 2, _PLATE_TOP, size.width(), size.height())
            self.raise_()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect())
        fill_rounded(painter, rect, color("plate", 0.82), 10)
        draw_icon(painter, QPointF(14, (rect.height() - 16) / 2), self._state.icon, "plate_text", 16)
        draw_text(painter, rect.adjusted(34, 0, -8, 0), self._text, font(13, 600), color("plate_text"), CENTER)
