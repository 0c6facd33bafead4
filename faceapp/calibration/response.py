"""How a projector's light follows its command: ``light = command ** gamma``.

1 for a mirror with a laser, about 2.2 for a screen. What it does to fringes, and how that is taken out, stands in
`faceapp.fringe.projector_gamma`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import DataError
from faceapp.core.sequence import Dark, Flood, FringeSequence

LEVELS = (1.0, 0.875, 0.75, 0.625, 0.5, 0.375, 0.25, 0.125)
"""Commands of a measurement, with darkness after them."""

_LEAST_COUNTS = 20.0
_LEAST_PIXELS = 200
_ROUNDS = 40


@dataclass(frozen=True)
class Response:
    """The response of one projector.

    Parameters
    ----------
    gamma : float
        Exponent of light over command.
    sigma : float
        Deviation of the exponent.
    misfit : float
        Rms distance of the levels from the curve, share of the range.
    """

    gamma: float
    sigma: float
    misfit: float

    @property
    def is_linear(self) -> bool:
        """Whether nothing need be compensated."""
        return abs(self.gamma - 1) < max(0.01, 3 * self.sigma)


def response_sequence() -> FringeSequence:
    """Return the exposures of a measurement: uniform light of falling level, then none."""
    return FringeSequence((*(Flood(level) for level in LEVELS), Dark()))


def measure_response(frames: npt.NDArray[np.generic], levels: Sequence[float], white: float = 255.0) -> Response:
    """Measure a projector by a camera that looks at anything that does not move.

    Parameters
    ----------
    frames : (N, H, W)
        Counts; one picture for each level, and the last in the dark.
    levels : sequence of float
        Of the pictures before the last, 0 to 1; at least four, the brightest 1.
    white : float
        Counts of saturation; pixels near it are left out.

    Returns
    -------
    Response

    Raises
    ------
    DataError
        Too few levels, or too little light comes back.
    """
    command = np.asarray(levels, np.float64)
    if len(command) < 4 or len(frames) != len(command) + 1:
        raise DataError(f"{len(frames)} pictures for {len(command)} levels; at least four levels and a dark one")
    counts = np.asarray(frames, np.float32)
    top = counts[int(np.argmax(command))]
    lit = (top - counts[-1] > _LEAST_COUNTS) & (top < 0.97 * white)
    if lit.sum() < _LEAST_PIXELS:
        raise DataError(
            f"only {int(lit.sum())} pixels see the projector's light unsaturated; hold something bright and matt "
            "before the group, or change the exposure"
        )
    seen = counts[:, lit].mean(axis=1, dtype=np.float64)
    share = (seen[:-1] - seen[-1]) / (seen[int(np.argmax(command))] - seen[-1])
    return _fit(command, share)


def _fit(command: FloatArray, share: FloatArray) -> Response:
    """Gauss-Newton on ``scale * command ** gamma``; the brightest level is as noisy as the others."""
    gamma, scale = 1.0, 1.0
    slopes = np.zeros((len(command), 2))
    for _ in range(_ROUNDS):
        power = command**gamma
        slopes = np.column_stack([scale * power * np.log(np.maximum(command, 1e-9)), power])
        step = np.linalg.lstsq(slopes, share - scale * power, rcond=None)[0]
        gamma, scale = float(np.clip(gamma + step[0], 0.1, 6.0)), scale + float(step[1])
    rest = share - scale * command**gamma
    variance = float(rest @ rest) / max(len(command) - 2, 1)
    covariance = variance * np.linalg.inv(slopes.T @ slopes)
    return Response(gamma, float(np.sqrt(covariance[0, 0])), float(np.sqrt(variance)))
