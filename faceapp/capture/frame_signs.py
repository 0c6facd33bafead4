"""Signs in the frames themselves that each shows the pattern it should: ids alone cannot tell a swapped frame."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import SequenceError
from faceapp.core.frames import FrameStack
from faceapp.core.rig import Sensor
from faceapp.fringe.unwrapping import plan_unwrapping

FAULT_STEP, FAULT_RESIDUAL = 5.0, 3.0
"""Above either of these a frame is missing, doubled or out of place; a moving head lifts both, but less."""

DOUBT_STEP, DOUBT_RESIDUAL = 1.5, 1.6
"""Between these and the fault limits the head moved, or a frame is torn: the operator is told."""


@dataclass(frozen=True)
class FrameSigns:
    """How well the frames of one camera agree with their sequence; both are 1 for a still head.

    Parameters
    ----------
    step : float
        What sine fits leave over, in units of the noise, worst frequency. Needs four steps or more; else NaN.
    residual : float
        Robust distance of the fringe orders from whole numbers, in units of the noise, worst rung; NaN without one.
    """

    step: float
    residual: float

    @property
    def is_fault(self) -> bool:
        """Whether a frame does not show what it should."""
        return bool(self.step > FAULT_STEP or self.residual > FAULT_RESIDUAL)

    @property
    def is_doubt(self) -> bool:
        """Whether the head moved or a frame is slightly off."""
        return bool(self.step > DOUBT_STEP or self.residual > DOUBT_RESIDUAL)


def frame_signs(stack: FrameStack, sensor: Sensor, white: float, *, stride: int = 8) -> FrameSigns:
    """Judge the frames of one camera from every ``stride``-th pixel in each direction (6 ms at 1280 x 1024).

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
    fits: list[tuple[FloatArray, FloatArray, int]] = []
    for frequency in frequencies:
        steps = frames[list(stack.sequence.steps(frequency))]
        n = len(steps)
        angles = 2 * np.pi * np.arange(n) / n
        s, c = np.tensordot(np.sin(angles), steps, 1), np.tensordot(np.cos(angles), steps, 1)
        mean = steps.mean(axis=0)
        modulation = 2 / n * np.hypot(s, c)
        variance = (mean * gain + read**2) / gain**2 + 1 / 12
        fitted = mean + 2 / n * (np.cos(angles)[:, None, None] * c + np.sin(angles)[:, None, None] * s)
        rest = np.sum((steps - fitted) ** 2, axis=0) / variance
        lit &= (modulation > 0.05 * white) & (steps.max(axis=0) < white)
        cycles.append(np.arctan2(s, c) / (2 * np.pi))
        with np.errstate(divide="ignore", invalid="ignore"):
            sigmas.append(np.sqrt(2 / n * variance) / modulation / (2 * np.pi))
        fits.append((rest, mean, n))
    if lit.sum() < 50:
        return FrameSigns(float("inf"), float("inf"))
    leftovers = [float(np.sqrt(np.mean(rest[lit]) / (n - 3))) for rest, _, n in fits if n > 3]
    residual = _order_residual(stack, np.array(cycles)[:, lit], np.array(sigmas)[:, lit])
    return FrameSigns(max(leftovers, default=float("nan")), residual)


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
