"""Whether light, trigger and sensor of an exposure can meet; a plan in which they cannot is refused."""

from __future__ import annotations

from faceapp.core.errors import UsageError
from faceapp.devices.projector_records import ProjectorInfo
from faceapp.devices.records import CameraInfo
from faceapp.devices.trigger_records import FlashTiming

_SLACK_S = 1e-6  # below what any device keeps


def check_timing(camera: CameraInfo, projector: ProjectorInfo, exposure_s: float, period_s: float) -> None:
    """Refuse an exposure that does not lie in the light of its pattern, or that the sensor cannot repeat.

    Parameters
    ----------
    camera, projector : CameraInfo, ProjectorInfo
        What they say of themselves.
    exposure_s : float
        Of the camera.
    period_s : float
        Of the projector.

    Raises
    ------
    UsageError
        The message shows the inequality that breaks, with its numbers in ms.
    """
    timing = projector.timing
    delay, jitter, rise = timing.trigger_delay_s, timing.trigger_jitter_s, timing.rise_s
    light = timing.light_on_s or period_s
    if delay - jitter < rise - _SLACK_S:
        raise UsageError(
            f"{camera.name} would expose before the light of {projector.name} is full: delay - jitter >= rise is "
            f"broken, {_ms(delay)} - {_ms(jitter)} < {_ms(rise)} ms; delay the trigger"
        )
    if delay + exposure_s + jitter > light + _SLACK_S:
        raise UsageError(
            f"{camera.name} would expose into the next pattern of {projector.name}: delay + exposure + jitter <= light "
            f"on is broken, {_ms(delay)} + {_ms(exposure_s)} + {_ms(jitter)} > {_ms(light)} ms; shorten the exposure "
            "or lower the rate"
        )
    sensor = max(exposure_s, camera.readout_s) if camera.overlap else exposure_s + camera.readout_s
    if sensor > period_s + _SLACK_S:
        how = "max(exposure, readout)" if camera.overlap else "exposure + readout"
        raise UsageError(
            f"{camera.name} cannot repeat an exposure of {_ms(exposure_s)} ms that fast: {how} <= period is broken, "
            f"{_ms(sensor)} > {_ms(period_s)} ms; shorten the exposure or lower the rate"
        )
    if projector.flash is not None:
        _check_flash(camera, projector, projector.flash, exposure_s, period_s)


def _check_flash(
    camera: CameraInfo, projector: ProjectorInfo, flash: FlashTiming, exposure_s: float, period_s: float
) -> None:
    """Refuse a flash that would shine into an infrared exposure; both are counted from the trigger pulse."""
    jitter = projector.timing.trigger_jitter_s
    if flash.delay_s < exposure_s + jitter - _SLACK_S:
        raise UsageError(
            f"the flash at {projector.name} would shine into the exposure of {camera.name}: flash delay >= exposure + "
            f"jitter is broken, {_ms(flash.delay_s)} < {_ms(exposure_s)} + {_ms(jitter)} ms; delay the flash or "
            "shorten the exposure"
        )
    if flash.after >= 0 and flash.delay_s + flash.width_s + jitter > period_s + _SLACK_S:
        raise UsageError(
            f"the flash at {projector.name} would shine into the next exposure of {camera.name}: flash delay + width + "
            f"jitter <= period is broken, {_ms(flash.delay_s)} + {_ms(flash.width_s)} + {_ms(jitter)} > "
            f"{_ms(period_s)} ms; fire it after the last exposure, or lower the rate"
        )


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.2f}"
