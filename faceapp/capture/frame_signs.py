"""Signs in the frames themselves that each shows the pattern it should: ids alone cannot tell a swapped frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import SequenceError
from faceapp.core.frames import FrameStack
from faceapp.core.rig import Sensor
from faceapp.core.sequence import Dark, Flood
from faceapp.fringe.unwrapping import plan_unwrapping

FAULT_STEP, FAULT_RESIDUAL = 5.0, 3.0
"""Above either of these a frame is missing, doubled or out of place; a moving head lifts both, but less."""

FAULT_FLOOD = 0.3
"""Above this flood and dark are not the pictures that go with the fringes."""

_FLOOD_RANGE = 0.5, 2.0
"""Of the flood beside what a linear projector would show: a gamma of 2.2 gives 1.4."""

_BANDS = 4
_HARMONIC = 0.4
"""Largest share of the second harmonic, beside the first, that a projector's gamma gives: that of a gamma of 3."""

DOUBT_STEP, DOUBT_RESIDUAL = 1.5, 1.6
"""Between these and the fault limits the head moved, or a frame is torn: the operator is told."""


@dataclass(frozen=True)
class FrameSigns:
    """How well the frames of one camera agree with their sequence; the first two are 1 for a still head.

    Parameters
    ----------
    step : float
        What sine fits leave over, in units of the noise, worst frequency; the second harmonic, which a projector's
        gamma gives, is taken off as well. Needs four steps or more; else NaN.
    residual : float
        Robust distance of the fringe orders from whole numbers, in units of the noise, worst rung; NaN without one.
    flood : float
        How far flood and dark are from what the fringes say they should be, as a share; NaN without them.
    """

    step: float
    residual: float
    flood: float = float("nan")

    @property
    def is_fault(self) -> bool:
        """Whether a frame does not show what it should."""
        return bool(self.step > FAULT_STEP or self.residual > FAULT_RESIDUAL or self.flood > FAULT_FLOOD)

    @property
    def is_doubt(self) -> bool:
        """Whether the head moved or a frame is slightly off."""
        return bool(self.step > DOUBT_STEP or self.residual > DOUBT_RESIDUAL)


def frame_signs(stack: FrameStack, sensor: Sensor, white: float, *, stride: int = 8) -> FrameSigns:
    """Judge the frames of one camera from every ``stride``-th pixel in each direction (8 ms at 1280 x 1024).

    Parameters
    ----------
    stack : FrameStack
        Of one infrared camera.
    sensor : Sensor
        Its noise; without it a typical one is taken (39 electrons a count, 5 electrons of reading).
    white : float
        Counts of saturation.
    stride : int
        Pixels.
    """
    frames = stack.frames[:, ::stride, ::stride].astype(np.float64)
    gain = sensor.electrons_per_count or 39.2 * 255 / white
    read = sensor.read_noise_electrons or 5.0
    frequencies = stack.sequence.frequencies
    lit = np.ones(frames.shape[1:], bool)
    cycles: list[FloatArray] = []
    sigmas: list[FloatArray] = []
    leftovers: list[float] = []
    fits: list[tuple[FloatArray, FloatArray, FloatArray]] = []
    swing: tuple[FloatArray, FloatArray] | None = None
    for frequency in frequencies:
        steps = frames[list(stack.sequence.steps(frequency))]
        n = len(steps)
        angles = 2 * np.pi * np.arange(n) / n
        s, c = np.tensordot(np.sin(angles), steps, 1), np.tensordot(np.cos(angles), steps, 1)
        mean = steps.mean(axis=0)
        modulation = 2 / n * np.hypot(s, c)
        variance = (mean * gain + read**2) / gain**2 + 1 / 12
        fitted = mean + 2 / n * (np.cos(angles)[:, None, None] * c + np.sin(angles)[:, None, None] * s)
        phase = np.arctan2(s, c)
        second = modulation * np.cos(2 * (angles[:, None, None] - phase))
        lit &= (modulation > 0.05 * white) & (steps.max(axis=0) < white)
        cycles.append(phase / (2 * np.pi))
        with np.errstate(divide="ignore", invalid="ignore"):
            sigmas.append(np.sqrt(2 / n * variance) / modulation / (2 * np.pi))
        fits.append((steps - fitted, second, variance))
        swing = swing or (mean, modulation)  # of the coarsest fringes: blur takes none of their contrast
    if lit.sum() < 50:
        return FrameSigns(float("inf"), float("inf"))
    leftovers = [_left_over(*(values[..., lit] for values in fit)) for fit in fits if len(fit[0]) > 3]
    residual = _order_residual(stack, np.array(cycles)[:, lit], np.array(sigmas)[:, lit])
    flood = float("nan") if swing is None else _flood_sign(stack, frames, lit, *swing)
    return FrameSigns(max(leftovers, default=float("nan")), residual, flood)


def _left_over(rest: FloatArray, second: FloatArray, variance: FloatArray) -> float:
    """What a sine leaves over, in units of the noise, less the second harmonic that a projector's gamma gives.

    The harmonic is one share of the modulation everywhere; of frames that show something else it takes away little.
    """
    share = np.clip(np.sum(rest * second) / max(np.sum(second**2), 1e-9), -_HARMONIC, _HARMONIC)
    left = np.sum((rest - share * second) ** 2, axis=0) / variance
    return float(np.sqrt(np.mean(left) / (len(rest) - 3)))


def _flood_sign(
    stack: FrameStack, frames: FloatArray, lit: npt.NDArray[np.bool_], mean: FloatArray, modulation: FloatArray
) -> float:
    """The larger share by which flood and dark are off, in any of four bands of rows: a frame may be torn.

    The dark should be the mean of the fringes less their swing. The flood should be twice the mean less the dark times
    the same factor everywhere: 1, or more for the gamma of the projector.
    """
    kinds = [type(exposure) for exposure in stack.sequence.exposures]
    if Dark not in kinds:
        return float("nan")
    dark, level = frames[kinds.index(Dark)][lit], mean[lit]
    off = np.abs(dark - np.maximum(level - modulation[lit], 0))
    found = [float(np.median(gap) / np.median(light)) for gap, light in _bands(off, level)]
    if Flood in kinds:
        ratio = frames[kinds.index(Flood)][lit] / np.maximum(2 * level - dark, 1.0)
        for (part,) in _bands(ratio):
            centre = float(np.median(part))
            usual = _FLOOD_RANGE[0] < centre < _FLOOD_RANGE[1]
            found.append(float(np.median(np.abs(part - centre))) / centre if usual else 1.0)
    return max(found)


def _bands(*values: FloatArray) -> Iterator[tuple[FloatArray, ...]]:
    return zip(*(np.array_split(v, _BANDS) for v in values), strict=True)


def _order_residual(stack: FrameStack, cycles: FloatArray, sigmas: FloatArray) -> float:
    try:
        ladder = plan_unwrapping(stack.sequence)
    except SequenceError:  # the geometry will tell the orders; there is nothing to compare
        return float("nan")
    if ladder.gray_bits or len(ladder.rungs) < 2:
        return float("nan")
    coefficients = ladder.coefficients
    phases = coefficients @ cycles
    spreads = np.sqrt(coefficients**2 @ sigmas**2)
    first = ladder.frequencies[0]
    p = phases[0] - np.floor(phases[0])
    p = np.where(p > 0.5 + 0.5 * first, p - 1, p)
    x, spread = p / first, spreads[0] / first
    worst = 0.0
    for phase, sigma, frequency in zip(phases[1:], spreads[1:], ladder.frequencies[1:], strict=True):
        e = x * frequency - phase
        order = np.rint(e)
        normalised = np.abs(e - order) / np.hypot(spread * frequency, sigma)
        worst = max(worst, float(np.median(normalised) / 0.6745))
        x, spread = (phase + order) / frequency, sigma / frequency
    return worst
