"""A projector with a flash: a trigger box counts its pulses, then fires flash and colour camera."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

from faceapp.core.errors import DeviceError
from faceapp.core.sequence import FringeSequence
from faceapp.devices.drivers import MaintainedProjector
from faceapp.devices.projector_records import ProjectorInfo, ProjectorSettings, ProjectorState
from faceapp.devices.protocols import Projector, TriggerBox
from faceapp.devices.trigger_records import FlashTiming, Pulse, TriggerProgram

_CAMERA_WIDTH_S = 0.001


@dataclass(frozen=True)
class FlashWiring:
    """Where the cables of a group's flash are.

    Parameters
    ----------
    input : int
        Of the box, to which the projector's trigger out goes.
    light, camera : int
        Outputs of the box, to the flash and to the trigger of the colour camera.
    timing : FlashTiming
        When it fires.
    """

    input: int
    light: int
    camera: int
    timing: FlashTiming


class FlashedProjector:
    """A projector whose plays end with a flash.

    Parameters
    ----------
    projector : Projector
        Shows the sequence; all else is asked of it.
    box : TriggerBox
        Whoever made it closes it: several groups may share one.
    wiring : FlashWiring
        Between the two.
    """

    def __init__(self, projector: Projector, box: TriggerBox, wiring: FlashWiring) -> None:
        self._projector, self._box, self._wiring = projector, box, wiring
        self._program: TriggerProgram | None = None

    @property
    def info(self) -> ProjectorInfo:
        """What it is, with its flash."""
        return replace(self._projector.info, flash=self._wiring.timing)

    def open(self) -> None:
        """Take the box and the projector."""
        self._box.open()
        self._projector.open()

    def load(self, sequence: FringeSequence, period_s: float) -> None:
        """Hold a sequence, and count its exposures.

        Raises
        ------
        DeviceError
            It is too short for the flash, or one of the two devices refuses.
        """
        timing, count = self._wiring.timing, len(sequence)
        after = timing.after if timing.after >= 0 else count + timing.after
        if not 0 <= after < count:
            raise DeviceError(
                f"{self.info.name}: the flash is to fire after exposure {timing.after}, but the sequence has {count}. "
                "Change the rig file"
            )
        self._projector.load(sequence, period_s)
        camera_width = max(_CAMERA_WIDTH_S, self._box.info.least_width_s)
        pulses = (
            Pulse(self._wiring.camera, timing.delay_s, camera_width, after, after),
            Pulse(self._wiring.light, timing.delay_s, timing.width_s, after, after),
        )
        self._program = TriggerProgram(count, pulses, self._wiring.input)
        self._box.program(self._program)

    def play(self) -> None:
        """Show the sequence once, and flash; returns when it has begun."""
        if self._program is not None:
            self._box.program(self._program)  # another group that shares the box may have had it since
            self._box.arm()
        self._projector.play()

    def loop(self) -> None:
        """Show the sequence again and again until `stop`, without any flash; returns when it has begun."""
        self._box.stop()
        self._projector.loop()

    def stop(self) -> None:
        """Light off, now, and no flash any more; always allowed."""
        try:
            self._projector.stop()
        finally:
            self._box.stop()

    def close(self) -> None:
        """Light off and give the projector back; the box is stopped."""
        try:
            self._projector.close()
        finally:
            self._box.stop()

    def state(self) -> ProjectorState:
        """Return how the projector is now."""
        return self._maintained.state()

    def adjust(self, wanted: ProjectorSettings) -> ProjectorSettings:
        """Ask the projector for settings."""
        return self._maintained.adjust(wanted)

    def update_firmware(self, image: bytes, told: Callable[[float], None] = lambda share: None) -> str:
        """Put firmware into the projector."""
        return self._maintained.update_firmware(image, told)

    @property
    def _maintained(self) -> MaintainedProjector:
        return cast(MaintainedProjector, self._projector)
