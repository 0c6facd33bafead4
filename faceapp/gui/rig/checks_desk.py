"""What the Devices page does with the whole rig beyond a test burst: self-test of the wiring, set-up of exposure."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from faceapp.gui.bridge import Relay
from faceapp.gui.capture.rig_link import RigLink, RigState
from faceapp.gui.program.program import Program
from faceapp.gui.rig.trial_panel import TrialPanel
from faceapp.gui.widgets.states import State

if TYPE_CHECKING:
    from faceapp.capture.exposure_setup import ExposureSetup
    from faceapp.capture.self_test import WiringReport
    from faceapp.devices.protocols import ConnectedRig


class ChecksDesk:
    """Runs checks of the rig, one at a time, and shows what they found.

    Parameters
    ----------
    panel : TrialPanel
        Where results stand.
    program : Program
        For failures.
    relay : Relay
        Onto the interface's thread.
    link : RigLink
        Whose rig it is.
    is_free : callable
        Whether nobody else uses the devices.
    changed : callable
        Told when a check has begun or ended.
    """

    def __init__(
        self,
        panel: TrialPanel,
        program: Program,
        relay: Relay,
        link: RigLink,
        is_free: Callable[[], bool],
        changed: Callable[[], object],
    ) -> None:
        self._panel, self._program, self._relay, self._link = panel, program, relay, link
        self._is_free, self._changed = is_free, changed
        self.running = False

    def check_wiring(self) -> None:
        """Light one projector at a time and look which cameras see it."""

        def work(devices: ConnectedRig, tell: Callable[[str], None]) -> WiringReport:
            from faceapp.capture.self_test import check_wiring

            return check_wiring(devices, lambda group: tell(f"Lighting {group}"))

        self._run("The self-test failed", work, self._show_wiring)

    def _show_wiring(self, report: WiringReport) -> None:
        rows = [(False, ", ".join(f.devices), "", f"{f.what}. {f.todo}") for f in report.findings]
        if report.is_good:
            rows = [(True, f"Light of {group}", "as wired", "") for group in report.seen]
        state = State.GOOD if report.is_good else State.BAD
        self._panel.show_rows("The wiring is right" if report.is_good else "Wrong wiring", state, rows)

    def set_exposure(self) -> None:
        """Find exposure, gain and light before the face that sits there; a project that is open keeps them."""
        project = self._program.context.project if self._program.context.can_write else None

        def work(devices: ConnectedRig, tell: Callable[[str], None]) -> ExposureSetup:
            from faceapp.app.exposure_use import keep_exposure
            from faceapp.capture.exposure_setup import set_up_exposure

            setup = set_up_exposure(devices, lambda group: tell(f"Looking at {group}"))
            if project is not None:
                keep_exposure(project, devices, setup)
            return setup

        self._run("The exposure cannot be set up", work, self._show_exposure)

    def _show_exposure(self, setup: ExposureSetup) -> None:
        rows = []
        for name, settings in setup.settings.items():
            mine = [note for note in setup.notes if note.startswith(name)]
            value = f"{settings.exposure_ms:g}\N{NO-BREAK SPACE}ms, {settings.gain_db:g}\N{NO-BREAK SPACE}dB"
            seen = f"Brightest skin at {setup.seen[name].peak:.0%} of the range"
            rows.append((not mine, name, value, "; ".join(mine) if mine else seen))
        rows += [(True, f"Light of {g}", f"{share:.0%}", "") for g, share in setup.brightness.items()]
        rows += [
            (True, "A second exposure", f"{value:g}\N{NO-BREAK SPACE}ms", "One alone cannot serve")
            for value in setup.more_exposures_ms
        ]
        kept = "Set and kept" if self._program.context.project is not None else "Set; open a project to keep it"
        state = State.CHECK if setup.notes else State.GOOD
        self._panel.show_rows("Look at it" if setup.notes else kept, state, rows)

    def _run(
        self,
        title: str,
        work: Callable[[ConnectedRig, Callable[[str], None]], Any],
        show: Callable[[Any], object],
    ) -> None:
        devices = self._link.devices
        if devices is None or self._link.state is not RigState.READY or self.running or not self._is_free():
            return
        self.running = True
        self._panel.clear()
        self._panel.show_busy("Starting")

        def act() -> Any:
            self._link.pause(devices)
            return work(devices, lambda words: self._relay.post(partial(self._panel.show_busy, words)))

        def done(result: Any) -> None:
            self.running = False
            self._changed()
            if devices is self._link.devices:
                show(result)

        def failed(error: BaseException) -> None:
            self.running = False
            self._panel.clear()
            self._changed()
            self._program.show_failure(title, error)

        self._link.run(act, done, failed)
