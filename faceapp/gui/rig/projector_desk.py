"""Keeps the projector panel up to date, gives projectors their light, and puts firmware into them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QFileDialog, QWidget

from faceapp.app.projector_care import ProjectorReport, report_projectors, update_firmware
from faceapp.core.signals import Event, Progress, Reporter
from faceapp.gui.bridge import Relay
from faceapp.gui.capture.rig_link import RigLink
from faceapp.gui.program.program import Program
from faceapp.gui.rig.projector_panel import ProjectorPanel
from faceapp.gui.widgets.messages import MessageBar
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.app.exposure_use import Lit
    from faceapp.devices.protocols import ConnectedRig

_PERIOD_MS = 2000


class ProjectorDesk(QObject):
    """Asks the projectors of a rig how they are, every two seconds while the page is on the screen.

    Parameters
    ----------
    parent : QWidget
        The page.
    panel : ProjectorPanel
        Shows one of them.
    program, relay, link
        See `faceapp.gui.rig.pages.RigPage`.
    is_free : callable
        Whether nobody uses the devices.
    resume : callable
        Shows live pictures again, once an update is over.
    """

    def __init__(
        self,
        parent: QWidget,
        panel: ProjectorPanel,
        program: Program,
        relay: Relay,
        link: RigLink,
        is_free: Callable[[], bool],
        resume: Callable[[], None],
    ) -> None:
        super().__init__(parent)
        self._page, self.panel, self._program, self._relay, self._link = parent, panel, program, relay, link
        self._is_free, self._resume = is_free, resume
        self._asking = self._here = False
        self.updating = False
        self._lighting = False
        self._light: tuple[str, float] | None = None
        self._group = ""
        self.reports: dict[str, ProjectorReport] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(_PERIOD_MS)
        self._timer.timeout.connect(self.ask)
        panel.update_asked.connect(self.ask_image)
        panel.brightness_asked.connect(self.set_brightness)

    def enter(self) -> None:
        """Begin to ask."""
        self._here = True
        self._timer.start()
        self.ask()

    def leave(self) -> None:
        """Ask no more."""
        self._here = False
        self._timer.stop()

    def show_group(self, group: str) -> None:
        """Show the projector of a group; none without a name."""
        if group != self._group:
            self.panel.show_kept("")
        self._group = group
        if not self.updating and not self._lighting:
            self.panel.show_report(self.reports.get(group))

    def forget(self) -> None:
        """The rig is another one."""
        self.reports = {}
        self.show_group(self._group)
        self.ask()

    def ask(self) -> None:
        """Ask all of them, on the rig's thread."""
        devices = self._link.devices
        if devices is None or not self._here or self._asking or self.updating or not self._is_free():
            return
        self._asking = True

        def done(reports: tuple[ProjectorReport, ...]) -> None:
            self._asking = False
            if devices is self._link.devices:
                self.reports = {report.info.group: report for report in reports}
                self.show_group(self._group)

        def failed(error: BaseException) -> None:
            del error  # the rig was closed meanwhile
            self._asking = False

        self._link.run(partial(report_projectors, devices), done, failed)

    def set_brightness(self, share: float) -> None:
        """Give the projector that is shown another brightness, 0 to 1; of orders that pile up the newest counts."""
        self._light = self._group, share
        if not self._lighting:
            self._give_light()

    def _give_light(self) -> None:
        devices, order = self._link.devices, self._light
        self._light = None
        if devices is None or order is None or self.updating or not self._is_free():
            self.show_group(self._group)
            return
        self._lighting = True
        context = self._program.context
        project, rig = context.project if context.can_write else None, self._link.name
        group, share = order

        def work() -> Lit:
            from faceapp.app.exposure_use import give_light

            return give_light(project, devices, rig, group, share)

        def done(lit: Lit) -> None:
            report = self.reports.get(group)
            if report is not None and devices is self._link.devices:
                self.reports[group] = replace(report, brightness=lit.brightness)
            self._lit(group, f"Kept in {' and '.join(lit.kept)}" if lit.kept else "Until it is switched off")

        def failed(error: BaseException) -> None:
            self._lit(group, "")
            self._program.show_failure("The brightness is not set", error)

        self._link.run(work, done, failed)

    def _lit(self, group: str, words: str) -> None:
        self._lighting = False
        if self._light is not None:
            self._give_light()
        else:
            self.show_group(self._group)
            if group == self._group:
                self.panel.show_kept(words)

    def ask_image(self) -> None:
        """Ask for the file of an image, and put it into the projector that is shown."""
        chosen, _ = QFileDialog.getOpenFileName(self._page, "Firmware image", str(Path.home()), "Images (*)")
        if chosen:
            self.update_from(Path(chosen))

    def update_from(self, file: Path) -> None:
        """Put the firmware of a file into the projector that is shown."""
        devices, report = self._link.devices, self.reports.get(self._group)
        if devices is None or report is None or self.updating or not self._is_free():
            return
        self.updating = True
        name = report.info.name
        self.panel.show_progress(0.0)

        def tell(event: Event) -> None:
            if isinstance(event, Progress):
                self._relay.post(partial(self._progress, event.done))

        work = partial(self._work, devices, name, file, Reporter(tell))
        self._link.run(work, partial(self._updated, name), self._ended)

    def _work(self, devices: ConnectedRig, name: str, file: Path, reporter: Reporter) -> str:
        self._link.pause(devices)
        return update_firmware(devices, name, file, reporter)

    def _progress(self, share: float) -> None:
        if self.updating:
            self.panel.show_progress(share)

    def _updated(self, name: str, version: str) -> None:
        self._ended(None)
        bar = MessageBar(f"{name} runs firmware {version}", "It has started anew and is ready.", "", State.GOOD)
        self._program.window.show_message(bar)

    def _ended(self, error: BaseException | None) -> None:
        self.updating = False
        self.panel.end_progress()
        self._resume()
        self.show_group(self._group)
        self.ask()
        if error is not None:
            self._program.show_failure("The firmware is not updated", error)
