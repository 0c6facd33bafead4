"""What the phase kernel is given and what it fills, as named tuples that a compiler takes apart."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array


class SequenceTables(NamedTuple):
    """What the kernel needs to know of a sequence.

    Parameters
    ----------
    indices : (F, N) int64
        Exposure of each step of each frequency (low to high).
    counts : (F,) int64
        Steps of each frequency.
    cosines, sines : (F, N) float32
        Of ``2 pi n / N``.
    coefficients : (R, F) float32
        Of each rung of the ladder.
    frequencies : (R,) float32
        Of each rung.
    real : (F,) float32
        The real frequencies.
    gray, gray_inverted : (B,) int64
        Exposures of the Gray code, most significant bit first; empty if unused.
    """

    indices: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    cosines: Float32Array
    sines: Float32Array
    coefficients: Float32Array
    frequencies: Float32Array
    real: Float32Array
    gray: npt.NDArray[np.int64]
    gray_inverted: npt.NDArray[np.int64]


class KernelLimits(NamedTuple):
    """Masks and noise, in counts, all float32 but the last.

    Parameters
    ----------
    white, min_modulation, max_residual, max_ambient : float32
        See `faceapp.fringe.demodulation.PhaseLimits`.
    per_count, black, constant : float32
        Variance of a pixel of A counts: ``max(A - black, 0) per_count + constant``.
    weigh_all : bool
        Whether all real frequencies vote for the position, weighed by their certainty.
    """

    white: np.float32
    min_modulation: np.float32
    max_residual: np.float32
    max_ambient: np.float32
    per_count: np.float32
    black: np.float32
    constant: np.float32
    weigh_all: bool


class PhaseOutputs(NamedTuple):
    """Arrays that `decode_rows` fills.

    Parameters
    ----------
    position : (H, W) float32
        x across the field; see `faceapp.core.frames.PhaseMap` for those that have none.
    variance : (H, W) float32
        Of the position; defined where it is valid.
    modulation : (H, W) float32
        Of the finest fringes, counts.
    mean, square_residual : (H, W) float32
        Of the finest fringes: mean of the steps, summed squared rest of their sine fit. Where both have no pixels
        they are not wanted.
    blocks : (ceil(H / 32), ceil(W / 32), 4) float32
        See `faceapp.core.frames.PhaseMap`.
    """

    position: Float32Array
    variance: Float32Array
    modulation: Float32Array
    mean: Float32Array
    square_residual: Float32Array
    blocks: Float32Array
