"""The live scan as the operator has it: switched on or off, of one group, shown while nothing else needs the rig."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from faceapp.gui.capture.group_scan import ScanNews
from faceapp.gui.capture.live_bar import DrawnRate
from faceapp.gui.capture.page import CapturePage
from faceapp.gui.capture.rig_link import RigLink, RigState
from faceapp.gui.program.jobs import words_of
from faceapp.gui.program.program import Program
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.states import State

_ACTION = "capture.live"
_KEEP_S = 0.5  # s that a cloud stays while the next pictures have none
_MOST_SILENCE = 3  # notes of silence, two seconds each, after which the scan is given up


class Scanning:
    """Decides when the live scan runs, and shows what it says.

    Parameters
    ----------
    program : Program
        For messages and the action.
    link : RigLink
        Runs it.
    page : CapturePage
        Shows it.
    possible : callable
        Whether nothing else needs the rig or its place on the screen.
    lay_out : callable
        Has the cameras streamed anew; asks for `scanned`.
    refresh : callable
        Shows what can be done now; calls `show`.
    reconnect : callable
        Connects the rig again.
    """

    def __init__(
        self,
        program: Program,
        link: RigLink,
        page: CapturePage,
        possible: Callable[[], bool],
        lay_out: Callable[[], object],
        refresh: Callable[[], object],
        reconnect: Callable[[], object],
    ) -> None:
        self._program, self._link, self._page = program, link, page
        self._possible, self._lay_out, self._refresh, self._reconnect = possible, lay_out, refresh, reconnect
        self.on = False
        self.chosen = ""
        self._shown, self._told = "", ""
        self._drawn = DrawnRate()
        self._newest: ScanNews | None = None
        self._cloud_at = -math.inf
        self._silence = 0
        self._message: MessageBar | None = None

    def connect(self) -> None:
        """Listen to the page and to the scan."""
        self._page.stage.group_chosen.connect(self.choose)
        self._page.stage.live_drawn.connect(self._cloud_drawn)
        self._link.scan.arrived.connect(self._arrived)
        self._link.scan.failed.connect(self._failed)

    @property
    def group(self) -> str:
        """Which group is, or would be, scanned: the one that was chosen, else the middle one."""
        names = self._link.groups()
        wanted = (name for name in (self.chosen, "middle", *names) if name in names)
        return next(wanted, "")

    @property
    def shown(self) -> str:
        """The group whose live scan has the place of the take; empty: none."""
        return self.group if self.on and self._possible() else ""

    @property
    def scanned(self) -> str:
        """The group that is to be scanned now; not while the rig is made ready for something."""
        return "" if self._link.preparing else self.shown

    def switch(self, on: bool) -> None:
        """Begin the live scan as soon as it is possible, or end it."""
        if on and self._link.state is not RigState.READY:
            self._tell("No rig is connected", "The live scan needs one.", "Connect it first.")
            on = False
        elif on and self._message is not None:  # another attempt: what was wrong before is out of date
            self._message.closed.emit()
        self.on = on
        self._refresh()

    def choose(self, group: str) -> None:
        """Scan another group from now on."""
        self.chosen = group
        self.show()

    @property
    def one_frequency(self) -> bool:
        """Whether the finest fringes alone are shown: a third of the frames, and of the motion in a cloud."""
        return self._link.scan.one_frequency

    def use_one_frequency(self, on: bool) -> None:
        """Scan with the finest fringes alone, or with all, from now on."""
        if on == self.one_frequency:
            return
        self._link.scan.one_frequency = on
        if self.scanned:
            self._forget()
            self._link.scan_again()
            self.show()

    def show(self) -> None:
        """Bring the page and the rig in line with what is possible now; without a rig the scan is switched off."""
        self.on = self.on and self._link.state is RigState.READY
        registry = self._program.window.actions_registry
        if _ACTION in registry:
            registry.qt(_ACTION).setChecked(self.on)
        self._page.stage.show_groups(self._link.groups(), self.group)
        self._page.stage.live.setChecked(self.on)
        shown, scanned = self.shown, self.scanned
        if shown != self._shown:
            self._shown = shown
            self._page.show_scanning(shown)
        if scanned != self._told:
            self._told = scanned
            self._forget()
            self._lay_out()
        if shown and self._newest is None:
            self._say("Starting the live scan…" if scanned else "Preparing what comes next…", "Starting", State.WORK)

    def _forget(self) -> None:
        self._newest, self._cloud_at, self._silence = None, -math.inf, 0
        self._drawn = DrawnRate()
        self._page.forget_scan()

    def _say(self, plate: str, badge: str, state: State) -> None:
        self._page.stage.plate.say(plate, state)
        self._page.live_bar.show_state(badge, state)

    def _arrived(self, news: ScanNews) -> None:
        if news.group != self._told or not self._shown:
            return  # of a scan that was ended meanwhile
        self._newest = news
        for camera, picture in news.phases.items():
            self._page.live.take_scanned(camera, picture)
        if news.cloud is not None and news.pieces is not None:
            self._cloud_at, self._silence = time.perf_counter(), 0
            self._page.stage.show_cloud(news.cloud, news.pieces, news.points)
            self._say("", f"Live scan of the {news.group} group", State.GOOD)
            if not self._page.stage.view.isVisible():  # all nine: what comes onto the screen is the phase
                self._cloud_drawn()
            return
        if time.perf_counter() - self._cloud_at > _KEEP_S:
            self._page.stage.drop_cloud()
            self._say(news.note, news.note, State.CHECK)
        self._page.live_bar.show_rates(news.rates, self._drawn.hz, math.nan)
        self._silence = self._silence + 1 if news.is_silence else 0
        if self._silence >= _MOST_SILENCE:
            self._give_up(news)
        elif news.is_silence:
            self._link.scan_again()

    def _cloud_drawn(self) -> None:
        self._drawn.count()
        if self._newest is not None and self._shown:
            age = time.perf_counter() - self._newest.seen_at
            self._page.live_bar.show_rates(self._newest.rates, self._drawn.hz, age)

    def _give_up(self, news: ScanNews) -> None:
        self.switch(False)
        self._tell(
            f"The live scan of the {news.group} group has stopped",
            "No frames came for 6\N{NO-BREAK SPACE}s.",
            "Check the projector and its trigger cable, then connect the rig again.",
        )

    def _failed(self, group: str, error: BaseException) -> None:
        if group != self._told:
            return
        self.switch(False)
        text, details = words_of(error)
        self._tell(f"The live scan of the {group} group cannot start", text, details=details)

    def _tell(self, title: str, text: str, todo: str = "", details: str = "") -> None:
        acts = [("Try again", lambda: self.switch(True)), ("Connect rig again", self._reconnect)]
        if self._message is not None:
            self._message.closed.emit()
        message = self._program.window.show_error(title, text, todo, acts, details)
        message.closed.connect(self._forget_message)
        self._message = message

    def _forget_message(self) -> None:
        self._message = None
