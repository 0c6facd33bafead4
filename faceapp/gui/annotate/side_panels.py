"""Left and right of the large picture in Annotate: groups and facts; other views, scan and loupe."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QBoxLayout, QHBoxLayout, QVBoxLayout, QWidget

from faceapp.core.landmarks import Visibility
from faceapp.gui.annotate.guide import Guide
from faceapp.gui.picture.loupe import Loupe
from faceapp.gui.picture.view import PictureView
from faceapp.gui.theme import surface
from faceapp.gui.view3d.view import View3D
from faceapp.gui.widgets.buttons import Button, Segmented, ToolButton
from faceapp.gui.widgets.grouplist import GroupList
from faceapp.gui.widgets.labels import Fact, SectionHead, label, line
from faceapp.gui.widgets.layouts import empty_layout
from faceapp.gui.widgets.metrics import ProgressBar
from faceapp.gui.widgets.states import Badge, State

SEEN_STATES = {
    Visibility.VISIBLE: State.GOOD,
    Visibility.OCCLUDED: State.CHECK,
    Visibility.OUTSIDE: State.NONE,
}
LOOKS = (("colour", "Colour"), ("shaded", "Shaded"), ("points", "Points"))
_LOUPE = 214


class GroupsPanel(QWidget):
    """Which sample, how far, the groups, and the facts of the active point.

    Signals
    -------
    stepped(int)
        To the sample before or after.
    """

    stepped = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "panel")
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 12)
        column.setSpacing(4)
        head = QHBoxLayout()
        head.setContentsMargins(4, 0, 0, 0)
        self.where = label("", "strong")
        head.addWidget(self.where)
        head.addStretch()
        self.before = ToolButton("arrow-left", "The sample before", "A", side=28)
        self.next = ToolButton("arrow-right", "The next sample", "D", side=28)
        for button, step in ((self.before, -1), (self.next, 1)):
            button.clicked.connect(lambda _=False, by=step: self.stepped.emit(by))
            head.addWidget(button)
        column.addLayout(head)
        inner = QVBoxLayout()
        inner.setContentsMargins(4, 0, 4, 4)
        self.bar = ProgressBar(thickness=6)
        self.far, self.time = label("", "secondary"), label("", "secondary")
        inner.addWidget(self.bar)
        told = QHBoxLayout()
        told.addWidget(self.far)
        told.addStretch()
        told.addWidget(self.time)
        inner.addLayout(told)
        self.mine = label("", "secondary")
        self.mine.hide()
        inner.addWidget(self.mine)
        column.addLayout(inner)
        column.addWidget(line())
        self.groups = GroupList()
        column.addWidget(self.groups)
        column.addStretch()
        column.addWidget(line())
        self._annotators: tuple[tuple[str, str], ...] = ()
        self._people = QVBoxLayout()
        self._people.setContentsMargins(4, 2, 4, 2)
        self._people.setSpacing(0)
        column.addLayout(self._people)
        column.addWidget(line())
        column.addLayout(self._facts())

    def _facts(self) -> QVBoxLayout:
        facts = QVBoxLayout()
        facts.setContentsMargins(4, 6, 4, 0)
        facts.setSpacing(0)
        head = QHBoxLayout()
        self.point = label("No point", "strong")
        self.seen = Badge()
        head.addWidget(self.point)
        head.addStretch()
        head.addWidget(self.seen)
        facts.addLayout(head)
        self.name = label("", "body2")
        facts.addWidget(self.name)
        self.by = Fact("Placed by")
        self.scan = Fact("On scan")
        self.between = Fact("Between views")
        self.moved = Fact("From prefill")
        for fact in (self.by, self.scan, self.between, self.moved):
            facts.addWidget(fact)
        row = QHBoxLayout()
        row.setContentsMargins(0, 6, 0, 0)
        row.setSpacing(8)
        self.visibility = Button("Visibility", key="V")
        self.mirror = Button("Mirror", key="M")
        row.addWidget(self.visibility, 1)
        row.addWidget(self.mirror, 1)
        facts.addLayout(row)
        return facts

    def show_annotators(self, annotators: tuple[tuple[str, str], ...]) -> None:
        """List whose landmarks there are."""
        if annotators == self._annotators:
            return
        self._annotators = annotators
        empty_layout(self._people)
        self._people.addWidget(SectionHead("Landmarks of"))
        for who, far in annotators:
            self._people.addWidget(Fact(who, far))

    def set_narrow(self, narrow: bool) -> None:
        """Lay out for a laptop or a large screen."""
        self.setFixedWidth(232 if narrow else 248)
        self.groups.set_row_height(30 if narrow else 38)


class ViewsPanel(QWidget):
    """The two other views, the scan with the points, loupe and guide; on a laptop behind tabs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "line")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        self.tabs = Segmented((("views", "Views"), ("3d", "3D"), ("guide", "Guide")))
        self.tabs.changed.connect(lambda _: self._show())
        self._tab_row = QWidget()
        surface(self._tab_row, "panel")
        tab_row = QHBoxLayout(self._tab_row)
        tab_row.setContentsMargins(8, 7, 8, 7)
        tab_row.addWidget(self.tabs, 0, Qt.AlignmentFlag.AlignLeft)
        column.addWidget(self._tab_row)
        self.smalls = (PictureView(small=True), PictureView(small=True))
        self._views = QWidget()
        self._view_row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self._views)
        self._view_row.setContentsMargins(0, 0, 0, 0)
        self._view_row.setSpacing(1)
        for small in self.smalls:
            self._view_row.addWidget(small, 1)
        column.addWidget(self._views, 1)
        self._scan = self._make_scan()
        column.addWidget(self._scan, 2)
        self.loupe, self.guide = Loupe(), Guide()
        foot = QHBoxLayout()
        foot.setSpacing(1)
        for widget in (self.loupe, self.guide):
            widget.setFixedHeight(_LOUPE)
            foot.addWidget(widget, 1)
        column.addLayout(foot)
        self._rest = QWidget()
        surface(self._rest, "panel")
        column.addWidget(self._rest, 1)
        self._narrow = False
        self._has_smalls = self._has_scan = self._with_loupe = True

    def _make_scan(self) -> QWidget:
        box = QWidget()
        surface(box, "panel")
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        self.look = Segmented(LOOKS)
        head = QHBoxLayout()
        head.setContentsMargins(8, 6, 8, 6)
        head.addWidget(self.look)
        head.addStretch()
        self.view = View3D()
        self._home = ToolButton("house", "Look from the front")
        self._home.clicked.connect(self.view.home)
        head.addWidget(self._home)
        column.addLayout(head)
        column.addWidget(self.view, 1)
        return box

    def set_narrow(self, narrow: bool) -> None:
        """Put views and scan behind tabs, or one below the other."""
        self._narrow = narrow
        self.setFixedWidth(272 if narrow else 560)
        direction = QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight
        self._view_row.setDirection(direction)
        self._views.setMaximumHeight(16_777_215 if narrow else 300)
        self._home.setVisible(not narrow)  # the three looks need the whole width
        self._show()

    def show_smalls(self, count: int) -> None:
        """Show as many small views as there are other pictures."""
        self._has_smalls = count > 0
        for i, small in enumerate(self.smalls):
            small.setVisible(i < count)
        self._show()

    def show_scan(self, shown: bool) -> None:
        """Show the scan here, or not: without a picture it stands large in the middle, without a scan nowhere."""
        self._has_scan = shown
        self._show()

    def show_loupe(self, shown: bool) -> None:
        """Show the loupe."""
        self._with_loupe = shown
        self._show()

    def _show(self) -> None:
        alone = not self._has_smalls and not self._has_scan
        self._rest.setVisible(alone)
        self._tab_row.setVisible(self._narrow and not alone)
        tab = "guide" if alone else self.tabs.current
        self._views.setVisible(self._has_smalls and (tab == "views" or not self._narrow))
        self._scan.setVisible(self._has_scan and (tab == "3d" or not self._narrow))
        self.guide.setVisible(tab == "guide" or not self._narrow)
        self.loupe.setVisible(self._with_loupe and (tab != "guide" or alone or not self._narrow))
        self.guide.setFixedHeight(self.width() if self._narrow else _LOUPE)
