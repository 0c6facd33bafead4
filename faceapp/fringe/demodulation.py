"""From the frames of one camera to its absolute phase, with the uncertainty of every pixel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.errors import DecodeError, SequenceError
from faceapp.core.frames import FrameStack, PhaseMap
from faceapp.core.rig import Sensor
from faceapp.core.sequence import FringeSequence
from faceapp.fringe.phase_kernel import decode_pixels
from faceapp.fringe.unwrapping import Ladder, plan_unwrapping


@dataclass(frozen=True)
class PhaseLimits:
    """What a pixel must show to be decoded.

    Parameters
    ----------
    min_modulation : float
        Of the white level, at every frequency; 0.03 is 8 counts of 255.
    max_order_residual : float
        Fringes: largest distance of a fringe order from a whole number before rounding.
    """

    min_modulation: float = 0.0314
    max_order_residual: float = 0.25


def wrapped_phase(frames: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Wrapped phase and modulation of an N-step stack, in plain NumPy: the definition that the kernel is held to.

    Parameters
    ----------
    frames : (N, ...) array_like
        Frame ``n`` was lit by ``1/2 + 1/2 cos(phase - 2 pi n / N)``; N >= 3.

    Returns
    -------
    phase : (...) float64
        Radians, in [-pi, pi).
    modulation : (...) float64
        Counts.

    Raises
    ------
    DecodeError
        Fewer than three frames.

    Notes
    -----
    Least squares over one period; the phase noise is ``sqrt(2/N) * sigma / modulation`` (Servin et al. 2009).
    """
    stack = np.asarray(frames, np.float64)
    n = len(stack)
    if n < 3:
        raise DecodeError(f"phase shifting needs at least 3 steps, got {n}")
    angles = 2 * np.pi * np.arange(n) / n
    s = np.tensordot(np.sin(angles), stack, 1)
    c = np.tensordot(np.cos(angles), stack, 1)
    phase = np.arctan2(s, c)
    return np.where(phase >= np.pi, -np.pi, phase), 2 / n * np.hypot(s, c)


def decode_phase(
    stack: FrameStack, sensor: Sensor, white_level: float, limits: PhaseLimits = PhaseLimits()
) -> PhaseMap:
    """Return the absolute phase of one camera.

    Parameters
    ----------
    stack : FrameStack
        (N, H, W) frames of a sequence that can be unwrapped.
    sensor : Sensor
        Noise where known, for sigma.
    white_level : float
        Counts at which a pixel is saturated.
    limits : PhaseLimits
        Masks.

    Returns
    -------
    PhaseMap
        Phase of the finest frequency, (H, W).

    Raises
    ------
    SequenceError
        The sequence leaves the fringe order open.
    """
    ladder = plan_unwrapping(stack.sequence)
    shape = stack.frames.shape[1:]
    out = {
        name: np.empty(shape, np.float32)
        for name in ("position", "wrapped", "modulation", "mean", "square_residual", "order_residual")
    }
    indices, counts, cosines, sines = _step_tables(stack.sequence)
    gray = np.array(stack.sequence.gray_code() if ladder.gray_bits else (), np.int64)
    inverted = np.array(stack.sequence.gray_code(inverted=True) if ladder.gray_bits else (), np.int64)
    decode_pixels(
        stack.frames,
        indices,
        counts,
        cosines,
        sines,
        gray,
        inverted,
        len(inverted) > 0,
        ladder.coefficients,
        ladder.frequencies,
        float(white_level),
        limits.min_modulation * white_level,
        limits.max_order_residual,
        **out,
    )
    frequency = stack.sequence.frequencies[-1]
    steps = int(counts[-1])
    variance, known = _intensity_variance(out, sensor, steps, ladder, stack.sequence)
    with np.errstate(divide="ignore", invalid="ignore"):
        sigma = np.sqrt(2 / steps * variance) / out["modulation"]
    sigma[np.isnan(out["position"])] = np.nan
    residual = out["order_residual"][np.isfinite(out["order_residual"])].astype(np.float64)
    return PhaseMap(
        camera=stack.camera,
        frequency=frequency,
        phase=(out["position"] * np.float32(2 * np.pi * frequency)).astype(np.float32),
        modulation=out["modulation"],
        sigma=sigma.astype(np.float32),
        wrapped_phase=out["wrapped"],
        order_residual=float(np.sqrt(np.mean(residual**2))) if len(residual) else float("nan"),
        noise_known=known,
    )


def _step_tables(
    sequence: FringeSequence,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], FloatArray, FloatArray]:
    frequencies = sequence.frequencies
    if not frequencies:
        raise SequenceError("the sequence has no fringe exposures")
    steps = [sequence.steps(f) for f in frequencies]
    most = max(map(len, steps))
    indices = np.zeros((len(steps), most), np.int64)
    cosines, sines = np.zeros((len(steps), most)), np.zeros((len(steps), most))
    for k, found in enumerate(steps):
        n = len(found)
        indices[k, :n] = found
        cosines[k, :n] = np.cos(2 * np.pi * np.arange(n) / n)
        sines[k, :n] = np.sin(2 * np.pi * np.arange(n) / n)
    return indices, np.array([len(s) for s in steps], np.int64), cosines, sines


def _intensity_variance(
    out: dict[str, Float32Array], sensor: Sensor, steps: int, ladder: Ladder, sequence: FringeSequence
) -> tuple[Float32Array, bool]:
    """Variance of one pixel value, counts squared: stated by the sensor, else seen in the data."""
    mean = out["mean"]
    if sensor.electrons_per_count is not None:
        g, r = sensor.electrons_per_count, sensor.read_noise_electrons or 0.0
        signal = np.maximum(mean - np.float32(sensor.black_level or 0.0), 0)
        return (signal / np.float32(g) + np.float32(r * r / g / g + 1 / 12)).astype(np.float32), True
    valid = np.isfinite(out["position"])
    if steps > 3:
        return _variance_by_brightness(mean, out["square_residual"] / np.float32(steps - 3), valid), False
    return _variance_of_orders(out, ladder, sequence, valid), False


def _variance_by_brightness(mean: Float32Array, variance: Float32Array, valid: npt.NDArray[np.bool_]) -> Float32Array:
    """Pool the fit's residual over pixels of like brightness: one pixel alone has too few degrees of freedom."""
    if not valid.any():
        return np.full(mean.shape, np.nan, np.float32)
    edges = np.quantile(mean[valid], np.linspace(0, 1, 17))
    bins = np.clip(np.searchsorted(edges, mean[valid]) - 1, 0, 15)
    count = np.bincount(bins, minlength=16)
    total = np.bincount(bins, variance[valid].astype(np.float64), minlength=16)
    centre = np.bincount(bins, mean[valid].astype(np.float64), minlength=16)
    used = count > 0
    pooled = np.interp(mean.ravel(), centre[used] / count[used], total[used] / count[used])
    return np.maximum(pooled, 1 / 12).reshape(mean.shape).astype(np.float32)


def _variance_of_orders(
    out: dict[str, Float32Array], ladder: Ladder, sequence: FringeSequence, valid: npt.NDArray[np.bool_]
) -> Float32Array:
    """Three steps leave no residual of their own; the scatter of the fringe orders tells the noise instead."""
    if len(ladder.rungs) < 2 or not valid.any():
        return np.full(out["mean"].shape, np.nan, np.float32)
    ratio = ladder.rungs[-1].frequency / ladder.rungs[-2].frequency
    e = out["order_residual"][valid]
    scatter = 1.4826 * float(np.median(np.abs(e - np.median(e))))
    coarse_steps = len(sequence.steps(sequence.frequencies[-1]))
    typical = float(np.median(out["modulation"][valid]))
    sigma = 2 * np.pi * scatter / np.hypot(ratio, 1) * typical * np.sqrt(coarse_steps / 2)
    return np.full(out["mean"].shape, max(sigma**2, 1 / 12), np.float32)
