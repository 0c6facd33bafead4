"""Whether light, trigger and sensor of an exposure can meet; a plan in which they cannot is refused."""

from __future__ import annotations

from faceapp.core.errors import UsageError
from faceapp.devices.records import CameraInfo, ProjectorInfo

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


def _ms(seconds: float) -> str:
    return f"{1000 * seconds:.2f}"
