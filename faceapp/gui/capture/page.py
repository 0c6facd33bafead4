"""The widgets of Capture and how they stand: live pictures, 3D view, verdict, strip of expressions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QImage, QResizeEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from faceapp.core.subject import Sample
from faceapp.gui.capture.live_bar import LiveBar
from faceapp.gui.capture.live_panel import LivePanel
from faceapp.gui.capture.protocol import Stand, Standing
from faceapp.gui.capture.rig_link import CameraPlace, RigState
from faceapp.gui.capture.stage import Stage
from faceapp.gui.capture.verdict_panel import VerdictPanel
from faceapp.gui.theme import SIZES, surface
from faceapp.gui.widgets.buttons import Button, Segmented
from faceapp.gui.widgets.labels import label
from faceapp.gui.widgets.layouts import empty_layout
from faceapp.gui.widgets.messages import EmptyState
from faceapp.gui.widgets.samples import SampleEntry, SampleList
from faceapp.gui.widgets.states import Badge, State

_STRIP = {
    Standing.ACCEPTED: State.GOOD,
    Standing.TAKEN: State.CHECK,
    Standing.SKIPPED: State.NONE,
    Standing.OPEN: State.NONE,
}
_WHOLE_STRIP = 1840  # px that 23 expressions need


class CapturePage(QWidget):
    """Everything that Capture shows once a project is open.

    Signals
    -------
    counted()
        The countdown is through: shoot.
    subject_chosen(str)
    empty_subject(), rig_retry(), rig_choose()
        Buttons of the empty states.
    """

    counted = Signal()
    subject_chosen = Signal(str)
    empty_subject = Signal()
    rig_retry = Signal()
    rig_choose = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        surface(self, "line")
        self._narrow = False
        self._scanning = False
        self.stage = Stage()
        self.live = LivePanel()
        self.live_bar = LiveBar()
        self.live_bar.hide()
        self.verdict = VerdictPanel()
        self.strip = SampleList("strip", QSize(80, 134))
        self.stage.countdown.finished.connect(self.counted)
        self.middle = QStackedWidget()
        self.middle.addWidget(self.stage)
        self.no_subject = EmptyState(
            "user-circle",
            "No subject yet",
            "A subject has a code, an age, and the consent that was given. Names are never kept.",
            [("New subject…", self.empty_subject.emit)],
            primary=False,
        )
        surface(self.no_subject, "window")
        self.middle.addWidget(self.no_subject)
        self._rig_page = QWidget()
        surface(self._rig_page, "window")
        QVBoxLayout(self._rig_page)
        self.middle.addWidget(self._rig_page)
        no_take = EmptyState(
            "aperture",
            "No take yet",
            "Ask for the expression, then press Space: 3, 2, 1, shoot. The face stands here a moment later. "
            "A live scan shows it while the subject settles.",
            [("Live scan", lambda: self.stage.live_asked.emit(True))],
            ["L"],
            primary=False,
        )
        surface(no_take, "window")
        self.middle.addWidget(no_take)
        self._lay_out()

    # Laying out

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self._make_bar())
        self._row = QHBoxLayout()
        self._row.setSpacing(1)
        self._row.addWidget(self.live)
        self._row.addWidget(self.middle, 1)
        self._row.addWidget(self.verdict)
        column.addLayout(self._row, 1)
        column.addWidget(self.live_bar)
        surface(self.strip, "panel")
        column.addWidget(self.strip)
        self.set_narrow(False)

    def _make_bar(self) -> QWidget:
        bar = QWidget()
        surface(bar, "panel")
        bar.setFixedHeight(SIZES.bar)
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(8)
        self.ready = Badge("No rig", State.NONE)
        self.subjects = QComboBox()
        self.subjects.setMinimumWidth(104)
        self.subjects.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.subjects.setAccessibleName("Subject")
        self.subjects.activated.connect(lambda i: self.subject_chosen.emit(self.subjects.itemText(i)))
        self.new_subject = Button("New subject…", "quiet", "plus")
        self.done = label("", "body2")
        self.takes = QComboBox()
        self.takes.setMinimumWidth(176)
        self.takes.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.takes.setAccessibleName("Takes of this expression")
        self.views = Segmented((("three", "Three views"), ("nine", "All nine")))
        for widget in (self.ready, label("Subject", "body2"), self.subjects, self.new_subject, self.done):
            row.addWidget(widget)
        row.addStretch()
        row.addWidget(self.takes)
        row.addWidget(self.views)
        return bar

    def set_narrow(self, narrow: bool) -> None:
        """Lay out for a laptop or a large screen."""
        self._narrow = narrow
        self.verdict.set_narrow(narrow)
        self.verdict.setFixedWidth(288 if narrow else 348)
        self.strip.setFixedHeight(112 if narrow else 140)
        self._set_cell()
        self.done.setVisible(not narrow)
        self._set_live_width()

    def _set_cell(self) -> None:
        """Leave room for the scroll bar below the strip where not all expressions fit."""
        scrolled = self.width() < _WHOLE_STRIP
        self.strip.set_cell(QSize(80, 100 if self._narrow else 126 if scrolled else 134))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._set_cell()

    def _set_live_width(self) -> None:
        nine = self.views.current == "nine"
        self.middle.setVisible(not nine)
        if nine:
            self.live.setMinimumWidth(300)
            self.live.setMaximumWidth(16_777_215)
            self._row.setStretch(0, 1)
        else:
            self.live.setFixedWidth(232 if self._narrow else 344)
            self._row.setStretch(0, 0)

    # The rig

    def show_cameras(self, cameras: tuple[CameraPlace, ...], columns: int, preparing: bool) -> None:
        """Lay out the tiles: one column at the left, or all cameras instead of the 3D view."""
        self.live.set_cameras(cameras, columns, preparing)
        self._set_live_width()

    def show_rig(self, state: RigState, name: str, error: str) -> None:
        """Say where the connection is; what to do stands in the middle while there is no take."""
        self.views.setEnabled(state is RigState.READY)
        layout = self._rig_page.layout()
        assert layout is not None
        empty_layout(layout)
        if state is RigState.FAILED:
            acts = [("Retry", self.rig_retry.emit), ("Choose rig…", self.rig_choose.emit)]
            layout.addWidget(EmptyState("plugs", f"The rig {name} is not connected", error, acts))
        elif state is RigState.CONNECTING:
            layout.addWidget(EmptyState("plugs", f"Connecting {name}", "Each device is opened and asked who it is."))
        else:
            acts = [("Connect", self.rig_retry.emit), ("Choose rig…", self.rig_choose.emit)]
            layout.addWidget(EmptyState("plugs", "No rig is connected", "Connect the rig of this project.", acts))

    def show_idle(self, rig: RigState, preparing: bool, can_write: bool, has_subject: bool, has_take: bool) -> None:
        """Say whether a shot is possible, and if not what to do first."""
        if not can_write:
            self.show_ready("Read-only", State.CHECK)
        elif rig is RigState.CONNECTING:
            self.show_ready("Connecting", State.WORK)
        elif rig is not RigState.READY:
            self.show_ready("No rig", State.BAD if rig is RigState.FAILED else State.NONE)
        elif not has_subject:
            self.show_ready("No subject", State.CHECK)
        elif preparing:
            self.show_ready("Preparing…", State.WORK)
        else:
            self.show_ready("Ready to shoot", State.GOOD)
        if not has_subject and can_write:
            self.middle.setCurrentIndex(1)
        elif rig is not RigState.READY and not self.stage.surfaces and can_write:
            self.middle.setCurrentIndex(2)
        else:
            self.middle.setCurrentIndex(0 if has_take or self._scanning else 3)

    def show_ready(self, text: str, state: State) -> None:
        """Show the badge at the upper left."""
        self.ready.show_state(text, state)

    # The live scan

    def show_scanning(self, group: str) -> None:
        """Show the live scan of a group instead of the take, with its line; an empty group: the take."""
        self._scanning = bool(group)
        self.stage.set_live(group)
        self.live.set_scanned(group)
        self.live_bar.setVisible(bool(group))

    def forget_scan(self) -> None:
        """Show nothing of what the live scan saw: it begins anew."""
        self.stage.drop_cloud()
        self.live.clear_scanned()
        self.live_bar.clear()

    # The countdown

    @property
    def counting(self) -> bool:
        """Whether 3, 2, 1 runs."""
        return self.stage.countdown.running

    def count_down(self, wanted: bool) -> None:
        """Count 3, 2, 1 and tell; or tell at once."""
        self.middle.setCurrentIndex(0)
        if wanted:
            self.show_ready("Counting down", State.WORK)
            self.stage.countdown.start()
        else:
            QTimer.singleShot(0, self, self.counted.emit)

    def stop_countdown(self) -> None:
        """Stop counting; nothing is shot."""
        self.stage.countdown.stop()

    # The take

    def begin_take(self, title: str, number: int) -> None:
        """Clear away the take before."""
        self.clear_take()
        self.verdict.clear(title, f"take {number}", "Shooting", State.WORK)
        self.middle.setCurrentIndex(0)

    def clear_take(self) -> None:
        """Show nothing of any take."""
        self.stage.clear_take()
        self.live.clear_decoded()
        self.verdict.clear("No take yet", "")

    # Subject and strip

    def show_subjects(self, codes: Sequence[str], current: str) -> None:
        """Fill the list of subjects."""
        if [self.subjects.itemText(i) for i in range(self.subjects.count())] != list(codes):
            self.subjects.clear()
            self.subjects.addItems(list(codes))
        self.subjects.setCurrentText(current)
        self.subjects.setEnabled(bool(codes))

    def show_strip(
        self,
        stands: Sequence[Stand],
        current: str,
        thumbnails: Mapping[str, QImage],
        guides: Mapping[str, QImage],
    ) -> None:
        """Show the expressions with their state; what has no take yet shows how the expression looks."""
        entries = []
        for i, stand in enumerate(stands, start=1):
            fresh = stand.standing is Standing.OPEN
            is_next = fresh and stand.expression.name == current
            note = stand.words or ("Next" if is_next else str(i))
            guide = guides.get(stand.expression.name)
            picture = thumbnails.get(stand.last.id, guide) if stand.last is not None else guide
            entries.append(
                SampleEntry(
                    stand.expression.name,
                    stand.expression.title,
                    note=note,
                    state=_STRIP[stand.standing],
                    thumbnail=picture,
                    faded=fresh and not is_next,
                )
            )
        self.strip.set_entries(entries)
        self.strip.set_current(current)
        through = sum(s.standing in (Standing.ACCEPTED, Standing.SKIPPED) for s in stands)
        self.done.setText(f"{through} of {len(stands)} done")

    def show_takes(self, stand: Stand, current: Sample | None) -> None:
        """List the takes of the expression."""
        self.takes.clear()
        for take in stand.takes:
            words = {"open": "no verdict", "accepted": "accepted", "retaken": "taken again", "skipped": "skipped"}
            self.takes.addItem(f"Take {take.take}, {words[take.verdict.value]}")
            if current is not None and take.id == current.id:
                self.takes.setCurrentIndex(self.takes.count() - 1)
        self.takes.setVisible(bool(stand.takes))
