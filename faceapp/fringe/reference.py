"""The decoder's steps in plain NumPy: slow, short, and what the compiled passes are held to.

Each function names the compiled one that it stands beside; `tests/unit/test_fringe_kernels.py` states how closely
they agree.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DecodeError
from faceapp.core.frames import FrameStack
from faceapp.core.rig import Sensor
from faceapp.fringe.demodulation import PhaseLimits
from faceapp.fringe.unwrapping import plan_unwrapping


def wrapped_phase(frames: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Wrapped phase and modulation of an N-step stack: the definition.

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


def decode_stack(
    stack: FrameStack, sensor: Sensor, white: float, limits: PhaseLimits
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Position in the field, its variance and the modulation (beside `phase_kernel.decode_rows`).

    Without Gray code and without the vote of all frequencies.

    Parameters
    ----------
    stack : FrameStack
        (N, H, W) frames.
    sensor : Sensor
        With its noise stated.
    white : float
        Counts of saturation.
    limits : PhaseLimits
        Masks.

    Returns
    -------
    position, variance, modulation : (H, W) float64
        NaN where there is no position.
    """
    sequence = stack.sequence
    ladder = plan_unwrapping(sequence)
    cycles, ok = [], np.ones(stack.frames.shape[1:], bool)
    modulation = np.zeros(ok.shape)
    for frequency in sequence.frequencies:
        steps = stack.frames[list(sequence.steps(frequency))].astype(np.float64)
        phase, modulation = wrapped_phase(steps)
        cycles.append(phase / (2 * np.pi))
        ok &= (modulation >= limits.min_modulation * white) & (steps.max(axis=0) < white)
    phases = np.tensordot(ladder.coefficients, np.array(cycles), 1)
    first = ladder.frequencies[0]
    p = phases[0] - np.floor(phases[0])
    x = np.where(p > 0.5 + 0.5 * first, p - 1, p) / first
    for p, frequency in zip(phases[1:], ladder.frequencies[1:], strict=True):
        order = np.floor(x * frequency - p + 0.5)
        ok &= np.abs(x * frequency - p - order) <= limits.max_order_residual
        x = (p + order) / frequency
    ambient = np.mean(stack.frames[list(sequence.steps(sequence.frequencies[-1]))], axis=0) - modulation
    ok &= ambient <= limits.max_ambient * white
    finest = stack.frames[list(sequence.steps(sequence.frequencies[-1]))].astype(np.float64)
    gain, read = sensor.electrons_per_count or float("nan"), sensor.read_noise_electrons or 0.0
    noise = np.maximum(finest.mean(axis=0) - (sensor.black_level or 0.0), 0) / gain + (read / gain) ** 2 + 1 / 12
    with np.errstate(divide="ignore"):
        variance = 2 / len(finest) * noise / modulation**2 / (2 * np.pi * sequence.frequencies[-1]) ** 2
    return np.where(ok, x, np.nan), np.where(ok, variance, np.nan), modulation


def match_row(x1: npt.ArrayLike, x2: npt.ArrayLike, jump: float) -> FloatArray:
    """Column of the second row at which each position of the first lies (beside `match_kernel.match_rows`).

    Parameters
    ----------
    x1, x2 : (N,), (M,) array_like
        Positions, NaN where unknown.
    jump : float
        Neighbours farther apart lie on two surfaces.

    Returns
    -------
    (N,) float64
        NaN where no step of the second row holds the position, or more than one does.
    """
    first, second = np.asarray(x1, np.float64), np.asarray(x2, np.float64)
    a, b = second[:-1], second[1:]
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (first[:, None] - a) / (b - a)
        holds = (t >= 0) & (t < 1) & (np.abs(b - a) <= jump)
    column = np.argmax(holds, axis=1)
    rows = np.arange(len(first))
    return np.where(holds.sum(axis=1) == 1, column + t[rows, column], np.nan)


def fit_plane(inverse: npt.ArrayLike, near: float, row: int, column: int) -> tuple[float, float, float, float]:
    """Plane ``w = w0 + a du + b dv`` through the 5 x 5 neighbours of a pixel (beside `surface_kernel.keep_rows`).

    Parameters
    ----------
    inverse : (H, W) array_like
        Inverse depth, not above zero where there is none.
    near : float
        Largest relative step from pixel to pixel on one surface.
    row, column : int
        The pixel; it has a depth.

    Returns
    -------
    w0, a, b : float
        Of the fit; ``w0`` is the value at the pixel.
    variance : float
        Of ``w0`` when each pixel has the variance 1.
    """
    values = np.asarray(inverse, np.float64)
    centre = values[row, column]
    lines = []
    for dv in range(-2, 3):
        for du in range(-2, 3):
            r, c = row + dv, column + du
            inside = 0 <= r < values.shape[0] and 0 <= c < values.shape[1]
            if inside and abs(values[r, c] - centre) <= near * centre * (abs(du) + abs(dv)):
                lines.append((1.0, du, dv, values[r, c]))
    table = np.array(lines)
    solution, *_ = np.linalg.lstsq(table[:, :3], table[:, 3], rcond=None)
    covariance = np.linalg.inv(table[:, :3].T @ table[:, :3])
    return float(solution[0]), float(solution[1]), float(solution[2]), float(covariance[0, 0])
