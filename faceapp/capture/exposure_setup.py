"""Exposure, gain and projector light set up by looking: skin uses the range and is not saturated.

Light first, then exposure as long as the rate allows, then gain, for gain amplifies the noise as well. Only where even
the shortest exposure is too bright is the projector dimmed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from faceapp.capture.burst import make_quiet, shoot_burst
from faceapp.capture.plan import CapturePlan, plan_for
from faceapp.capture.timing import check_timing
from faceapp.core.errors import UsageError
from faceapp.core.rig import CameraGroup
from faceapp.core.sequence import Dark, Flood, FringeSequence
from faceapp.devices.drivers import MaintainedProjector
from faceapp.devices.projector_records import ProjectorInfo, ProjectorSettings
from faceapp.devices.protocols import ConnectedRig
from faceapp.devices.records import CameraInfo, CameraSettings

TARGET = 0.8
"""Share of the range that the brightest skin is brought to."""

MOST_SATURATED = 0.002
"""Of the lit pixels."""

TOO_DARK = 0.06
"""Share of the range: what a tenth of the lit pixels stays below deserves an exposure of its own."""

_PEAK_PERCENTILE, _DARK_PERCENTILE = 99.5, 10.0
_NEAR = 0.07
_LIT = 0.02
_ROUNDS = 8
_BLINDED = 0.35
"""To which the light is cut where so much is saturated that its peak is not seen."""
_SHORTEST_MS = 0.1
_MOST_GAIN_DB = 12.0
_MORE_AT_MOST = 8.0
_STRIDE = 2
_PROBE = FringeSequence((Flood(), Dark()))


@dataclass(frozen=True)
class Brightness:
    """How a camera sees the lit part of its picture; shares of the range.

    Parameters
    ----------
    peak : float
        Of the brightest skin (99.5th percentile).
    dark : float
        Light of the projector that nine tenths of the lit pixels have at least.
    saturated : float
        Of the lit pixels, at the end of the range.
    """

    peak: float
    dark: float
    saturated: float


@dataclass(frozen=True)
class ExposureSetup:
    """What was found to be good.

    Parameters
    ----------
    settings : dict of str to CameraSettings
        Of each infrared camera.
    brightness : dict of str to float
        Of the projectors that can be adjusted, by group.
    more_exposures_ms : tuple of float
        Other exposures that are worth a burst of their own: one alone cannot serve.
    seen : dict of str to Brightness
        What each camera sees with its settings.
    notes : tuple of str
        What could not be reached, and what to do.
    """

    settings: dict[str, CameraSettings]
    brightness: dict[str, float]
    more_exposures_ms: tuple[float, ...]
    seen: dict[str, Brightness]
    notes: tuple[str, ...]

    def plan(self, plan: CapturePlan) -> CapturePlan:
        """Return a plan with these settings."""
        return replace(plan, own_settings=dict(self.settings), more_exposures_ms=self.more_exposures_ms)


def set_up_exposure(devices: ConnectedRig, on_group: Callable[[str], None] | None = None) -> ExposureSetup:
    """Find exposure and gain of each infrared camera, and the light of each projector, before a face.

    Parameters
    ----------
    devices : ConnectedRig
        Open devices that nobody else uses now; the projectors keep the light that was found.
    on_group : callable, optional
        Called with the name of each group before it is lit; may raise to stop.

    Raises
    ------
    DeviceError, FrameLost
        A device fails; light is off and the cameras are disarmed.
    UsageError
        No exposure at all is possible at the rig's rate.
    """
    plan = plan_for(devices)
    settings: dict[str, CameraSettings] = {}
    brightness: dict[str, float] = {}
    seen: dict[str, Brightness] = {}
    for group in devices.rig.groups:
        if on_group is not None:
            on_group(group.name)
        found = _GroupSetup(devices, group, plan)
        found.run()
        settings |= found.settings
        seen |= found.seen
        if found.adjusts:
            brightness[group.name] = found.light
    more, notes = _more_exposures(devices, plan, settings, seen)
    return ExposureSetup(settings, brightness, more, seen, (*_reached(settings, seen), *notes))


class _GroupSetup:
    """The search of one group."""

    def __init__(self, devices: ConnectedRig, group: CameraGroup, plan: CapturePlan) -> None:
        self._devices, self._group = devices, group
        self._projector = devices.projectors[group.name]
        self._infos = {m.name: devices.cameras[m.name].info for m in group.infrared}
        self._longest = {
            name: longest_exposure_ms(info, self._projector.info, plan.period_s) for name, info in self._infos.items()
        }
        self._sequence = _PROBE if self._projector.info.uploads else plan.sequence
        self._period_s = plan.period_s
        self.adjusts = self._projector.info.adjusts
        self.light = 1.0
        self.settings = {
            name: CameraSettings(min(plan.own_settings.get(name, plan.settings).exposure_ms, self._longest[name]))
            for name in self._infos
        }
        self.seen: dict[str, Brightness] = {}

    def run(self) -> None:
        """Look and change until all cameras see what they should, or nothing can be changed any more."""
        self._set_light(1.0)
        for _ in range(_ROUNDS):
            self.seen = self._look()
            wanted = {name: _factor(seen) for name, seen in self.seen.items()}
            changed = self._change(wanted)
            if not changed:
                return
        self.seen = self._look()

    def _change(self, factors: dict[str, float]) -> bool:
        """Give each camera so many times the light; returns whether anything is other than before."""
        before = dict(self.settings), self.light
        shortest = min(
            1000.0, *(self.settings[n].exposure_ms * _amplified(self.settings[n]) * f for n, f in factors.items())
        )
        if self.adjusts and (shortest < _SHORTEST_MS or (self.light < 1 and min(factors.values()) > 1)):
            self._set_light(min(1.0, self.light * shortest / _SHORTEST_MS))
        dimmed = self.light / before[1]
        for name, factor in factors.items():
            if factor != 1.0:
                total = self.settings[name].exposure_ms * _amplified(self.settings[name]) * factor / dimmed
                self.settings[name] = _shared(total, self._longest[name])
        return (self.settings, self.light) != before

    def _look(self) -> dict[str, Brightness]:
        try:
            buffers, _ = shoot_burst(
                self._devices, self._group.name, self._sequence, self._period_s, self.settings, 2.0 + self._period_s
            )
        finally:
            make_quiet(self._devices, self._group.name)
        return {name: brightness_of(buffers[name], (1 << info.bits) - 1) for name, info in self._infos.items()}

    def _set_light(self, light: float) -> None:
        if self.adjusts:
            took = cast(MaintainedProjector, self._projector).adjust(ProjectorSettings(brightness=light))
            self.light = light if took.brightness is None else took.brightness


def brightness_of(frames: npt.NDArray[Any], white: float) -> Brightness:
    """Return how (N, H, W) frames of light and no light use the range; zeros where nothing is lit."""
    few = frames[:, ::_STRIDE, ::_STRIDE].astype(np.int32)
    high = few.max(axis=0)
    light = high - few.min(axis=0)
    top = float(np.percentile(light, _PEAK_PERCENTILE))
    lit = light > max(_LIT * top, 2.0)
    if lit.sum() < 50:
        return Brightness(0.0, 0.0, 0.0)
    peak = float(np.percentile(high[lit], _PEAK_PERCENTILE)) / white
    dark = float(np.percentile(light[lit], _DARK_PERCENTILE)) / white
    return Brightness(peak, dark, float((high[lit] >= white).mean()))


def longest_exposure_ms(camera: CameraInfo, projector: ProjectorInfo, period_s: float) -> float:
    """Return the longest exposure that light, trigger and sensor allow at a period.

    Raises
    ------
    UsageError
        Even the shortest one is too long; the message shows the inequality that breaks.
    """
    check_timing(camera, projector, _SHORTEST_MS / 1000, period_s)
    low, high = _SHORTEST_MS, 1000 * period_s
    for _ in range(20):
        middle = (low + high) / 2
        try:
            check_timing(camera, projector, middle / 1000, period_s)
            low = middle
        except UsageError:
            high = middle
    return round(low - 0.005, 2)


def _factor(seen: Brightness) -> float:
    """How many times the light a camera should have; 1 where it is about right."""
    if seen.peak == 0:
        return 4.0
    if seen.saturated > 0.02:
        return _BLINDED
    wanted = TARGET / seen.peak
    if seen.saturated > MOST_SATURATED:
        wanted = min(wanted, 0.9)
    return 1.0 if abs(wanted - 1) < _NEAR else wanted


def _amplified(settings: CameraSettings) -> float:
    return float(10 ** (settings.gain_db / 20))


def _shared(total_ms: float, longest_ms: float) -> CameraSettings:
    """Share out light between exposure and gain: milliseconds at no gain."""
    exposure = round(float(np.clip(total_ms, _SHORTEST_MS, longest_ms)), 2)
    gain = 20 * np.log10(max(total_ms / exposure, 1.0)) if total_ms > 1.02 * longest_ms else 0.0
    return CameraSettings(exposure, round(float(min(gain, _MOST_GAIN_DB)), 1))


def _more_exposures(
    devices: ConnectedRig, plan: CapturePlan, settings: dict[str, CameraSettings], seen: dict[str, Brightness]
) -> tuple[tuple[float, ...], tuple[str, ...]]:
    """A longer exposure for what stays dark beside skin that is bright enough, if one fits."""
    wanted: list[float] = []
    notes = []
    for group in devices.rig.groups:
        projector = devices.projectors[group.name].info
        for name in (m.name for m in group.infrared):
            look = seen[name]
            if not 0 < look.dark < TOO_DARK or look.peak < TARGET * (1 - 2 * _NEAR):
                continue
            longest = longest_exposure_ms(devices.cameras[name].info, projector, plan.period_s)
            now = settings[name].exposure_ms
            best = now * min(2 * TOO_DARK / look.dark, _MORE_AT_MOST)
            if longest >= 1.5 * now:
                wanted.append(min(best, longest))
            if longest < 0.7 * best:
                rate = 1000 * plan.rate_hz * plan.period_s / (best + 1000 * plan.period_s - longest)
                notes.append(
                    f"{name}: a tenth of what is lit has less than {look.dark:.0%} of the range; a second exposure of "
                    f"{best:.1f} ms would show it, which needs a rate of {rate:.0f} Hz"
                )
    return ((round(max(wanted), 2),) if wanted else ()), tuple(notes)


def _reached(settings: dict[str, CameraSettings], seen: dict[str, Brightness]) -> tuple[str, ...]:
    """What to tell of cameras that do not see what they should."""
    notes = []
    for name, look in seen.items():
        if look.peak == 0:
            notes.append(f"{name} sees no light of its projector. Is a face before the rig? Test the wiring")
        elif look.saturated > MOST_SATURATED:
            notes.append(
                f"{name}: {look.saturated:.1%} are saturated at {settings[name].exposure_ms:g} ms. Dim the projector, "
                "close the aperture, or move away"
            )
        elif look.peak < TARGET * (1 - 2 * _NEAR):
            notes.append(
                f"{name} reaches {look.peak:.0%} of the range only, with {settings[name].exposure_ms:g} ms and "
                f"{settings[name].gain_db:g} dB. Open the aperture, move nearer, or lower the rate"
            )
    return tuple(notes)
