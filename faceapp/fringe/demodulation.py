"""From the frames of one camera to its absolute phase, with the uncertainty of every pixel."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.errors import SequenceError
from faceapp.core.frames import KNOWN_ABOVE, FrameStack, PhaseMap
from faceapp.core.rig import Sensor
from faceapp.core.sequence import FringeSequence
from faceapp.fringe.phase_kernel import BLOCK, MAX_FREQUENCIES, decode_rows
from faceapp.fringe.phase_tables import KernelLimits, PhaseOutputs, SequenceTables
from faceapp.fringe.row_blocks import over_rows
from faceapp.fringe.unwrapping import Ladder, Rung, plan_unwrapping


@dataclass(frozen=True)
class PhaseLimits:
    """What a pixel must show to be decoded.

    Parameters
    ----------
    min_modulation : float
        Of the white level, at every frequency; 0.02 is 5 counts of 255.
    min_unknown_modulation : float
        The same where the sensor's noise is not stated: what is dim cannot be judged by its sigma then.
    max_order_residual : float
        Fringes: largest distance of a fringe order from a whole number before rounding.
    max_ambient : float
        Of the white level: more light of the room than this, or scattered light, leaves the fringes no room.
    """

    min_modulation: float = 0.02
    min_unknown_modulation: float = 0.0314
    max_order_residual: float = 0.25
    max_ambient: float = 0.6


def decode_phase(
    stack: FrameStack,
    sensor: Sensor,
    white_level: float,
    limits: PhaseLimits = PhaseLimits(),
    threads: int = 0,
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
    threads : int
        How many share the work; 0 is one for each core.

    Returns
    -------
    PhaseMap
        Phase of the finest frequency, (H, W).

    Raises
    ------
    SequenceError
        The sequence leaves the fringe order open.
    """
    return _decode(stack, sensor, white_level, limits, threads, *_tables(stack.sequence))


def decode_wrapped_phase(
    stack: FrameStack,
    sensor: Sensor,
    white_level: float,
    limits: PhaseLimits = PhaseLimits(),
    threads: int = 0,
) -> PhaseMap:
    """Return the phase of the finest frequency alone, its order taken as zero everywhere.

    Parameters
    ----------
    stack, sensor, white_level, limits, threads
        As in `decode_phase`; the sequence may leave the order open.

    Returns
    -------
    PhaseMap
        (H, W), positions from 0 to one fringe: what `faceapp.fringe.order_by_geometry.order_phases` starts from.

    Raises
    ------
    SequenceError
        The sequence has no fringes.
    """
    return _decode(stack, sensor, white_level, limits, threads, *_finest_tables(stack.sequence))


def _decode(
    stack: FrameStack,
    sensor: Sensor,
    white_level: float,
    limits: PhaseLimits,
    threads: int,
    tables: SequenceTables,
    ladder: Ladder,
) -> PhaseMap:
    stated = sensor.electrons_per_count is not None
    steps = int(tables.counts[-1])
    shape = stack.frames.shape[1:]
    rest_shape = shape if not stated and steps > 3 else (0, 0)
    blocks = np.zeros((-(-shape[0] // BLOCK), -(-shape[1] // BLOCK), 4), np.float32)
    position, variance, modulation = (np.empty(shape, np.float32) for _ in range(3))
    mean, rest = (np.empty(rest_shape, np.float32) for _ in range(2))
    out = PhaseOutputs(position, variance, modulation, mean, rest, blocks)
    kernel = _kernel_limits(sensor, white_level, limits, _all_vote(tables))
    over_rows(lambda first, last: decode_rows(stack.frames, first, last, tables, kernel, out), shape[0], BLOCK, threads)
    if not stated:
        _scale_variance(out, steps, ladder, stack.sequence)
    if len(ladder.rungs) < 2:
        out.blocks[..., 1] = 0.0  # a Gray code is half a fringe coarse: how far it lies off says nothing of motion
    return PhaseMap(
        camera=stack.camera,
        frequency=stack.sequence.frequencies[-1],
        position=out.position,
        variance=out.variance,
        modulation=out.modulation,
        blocks=out.blocks,
        noise_known=stated,
    )


def _kernel_limits(sensor: Sensor, white: float, limits: PhaseLimits, weigh_all: bool) -> KernelLimits:
    """Noise as the sensor states it; else one count, to be scaled by what the data shows."""
    per_count, constant = 0.0, 1.0
    if sensor.electrons_per_count is not None:
        g, r = sensor.electrons_per_count, sensor.read_noise_electrons or 0.0
        per_count, constant = 1 / g, r * r / g / g + 1 / 12
    f32 = np.float32
    stated = sensor.electrons_per_count is not None
    weakest = limits.min_modulation if stated else limits.min_unknown_modulation
    masks = f32(white), f32(weakest * white), f32(limits.max_order_residual), f32(limits.max_ambient * white)
    return KernelLimits(*masks, f32(per_count), f32(sensor.black_level or 0.0), f32(constant), weigh_all)


def _all_vote(tables: SequenceTables) -> bool:
    """Whether the other frequencies together add more than a twentieth to what the finest knows."""
    known = tables.real.astype(np.float64) ** 2 * tables.counts
    return bool(known[:-1].sum() > 0.05 * known[-1])


@functools.lru_cache(maxsize=32)
def _tables(sequence: FringeSequence) -> tuple[SequenceTables, Ladder]:
    ladder = plan_unwrapping(sequence)
    if len(sequence.frequencies) > MAX_FREQUENCIES:
        raise SequenceError(f"the sequence has {len(sequence.frequencies)} frequencies; at most {MAX_FREQUENCIES}")
    return _with_ladder(sequence, sequence.frequencies, ladder), ladder


@functools.lru_cache(maxsize=32)
def _finest_tables(sequence: FringeSequence) -> tuple[SequenceTables, Ladder]:
    finest = sequence.frequencies[-1:]
    # a rung of its own: the kernel takes the fraction of a fringe for the position
    ladder = Ladder(0, tuple(Rung((1,), f) for f in finest))
    return _with_ladder(sequence, finest, ladder), ladder


def _with_ladder(sequence: FringeSequence, frequencies: tuple[float, ...], ladder: Ladder) -> SequenceTables:
    indices, counts, cosines, sines = _step_tables(sequence, frequencies)
    return SequenceTables(
        indices,
        counts,
        cosines.astype(np.float32),
        sines.astype(np.float32),
        ladder.coefficients.astype(np.float32),
        ladder.frequencies.astype(np.float32),
        np.array(frequencies, np.float32),
        np.array(sequence.gray_code() if ladder.gray_bits else (), np.int64),
        np.array(sequence.gray_code(inverted=True) if ladder.gray_bits else (), np.int64),
    )


def _step_tables(
    sequence: FringeSequence, frequencies: tuple[float, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], FloatArray, FloatArray]:
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


def _scale_variance(out: PhaseOutputs, steps: int, ladder: Ladder, sequence: FringeSequence) -> None:
    """Turn the variance for one count of noise into that of the noise which the data shows."""
    everywhere = out.position > np.float32(KNOWN_ABOVE)
    valid = everywhere[::3, ::3]
    if not valid.any():
        return
    if steps > 3:
        table, top = _variance_by_brightness(
            out.mean[::3, ::3][valid], out.square_residual[::3, ::3][valid] / np.float32(steps - 3)
        )
        scale = np.float32((len(table) - 1) / top)
        intensity = table[np.minimum(out.mean * scale, len(table) - 1).astype(np.int32)]
        np.multiply(out.variance, intensity, out=out.variance, where=everywhere)
        typical = float(np.interp(np.median(out.mean[::3, ::3][valid]), np.linspace(0, top, len(table)), table))
    else:
        typical = _variance_of_orders(out, ladder, sequence, valid)
        np.multiply(out.variance, np.float32(typical), out=out.variance, where=everywhere)
    out.blocks[..., 1] /= np.float32(np.sqrt(typical))


def _variance_by_brightness(mean: Float32Array, variance: Float32Array) -> tuple[Float32Array, float]:
    """Pool the fit's residual over pixels of like brightness: one pixel alone has too few degrees of freedom.

    Returns
    -------
    (512,) float32, float
        Variance of a pixel value, counts squared, for means from 0 to the second value.
    """
    edges = np.quantile(mean, np.linspace(0, 1, 17))
    bins = np.clip(np.searchsorted(edges, mean) - 1, 0, 15)
    count = np.bincount(bins, minlength=16)
    total = np.bincount(bins, variance.astype(np.float64), minlength=16)
    centre = np.bincount(bins, mean.astype(np.float64), minlength=16)
    used = count > 0
    top = max(float(mean.max()), 1.0)
    pooled = np.interp(np.linspace(0, top, 512), centre[used] / count[used], total[used] / count[used])
    return np.maximum(pooled, 1 / 12).astype(np.float32), top


def _variance_of_orders(
    out: PhaseOutputs, ladder: Ladder, sequence: FringeSequence, valid: npt.NDArray[np.bool_]
) -> float:
    """Three steps leave no residual of their own; the scatter of the fringe orders tells the noise instead."""
    if len(ladder.rungs) < 2:
        return float("nan")
    ratio = ladder.rungs[-1].frequency / ladder.rungs[-2].frequency
    scatter = float(np.sqrt(out.blocks[..., 2].sum(dtype=np.float64) / out.blocks[..., 0].sum(dtype=np.float64)))
    typical = float(np.median(out.modulation[::3, ::3][valid]))
    steps = len(sequence.steps(sequence.frequencies[-1]))
    sigma = 2 * np.pi * scatter / np.hypot(ratio, 1) * typical * np.sqrt(steps / 2)
    return max(sigma**2, 1 / 12)
