"""The bend that a projector's gamma gives to the phase, taken out.

Light that goes as a power of its command makes fringes with harmonics; N steps hear those of N - 1 and N + 1 as a phase
error of period 1 / N. The error is known from gamma and N alone, so it is taken out of the phase itself: nothing is
measured anew and no noise is added, as there would be by straightening dark counts. Two cameras that are matched by
phase see the same bend at the same point, and need none of this; one camera and a projector do.

Source: Zhang and Huang, "Phase error compensation for a 3-D shape measurement system based on the phase-shifting
method", Optical Engineering 46(6), 2007 (a table of the error by phase).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from faceapp.core.arrays import Float32Array, FloatArray, frozen
from faceapp.core.frames import PhaseMap
from faceapp.core.sequence import FringeSequence

_TABLE = 4096


def phase_bend(steps: int, gamma: float) -> FloatArray:
    """Return the (4096,) error of the phase, rad, at the phases that are measured, from 0 to 2 pi."""
    true = np.arange(3 * _TABLE) * (2 * np.pi / _TABLE)
    shift = 2 * np.pi * np.arange(steps)[:, None] / steps
    light = (0.5 + 0.5 * np.cos(true - shift)) ** gamma
    seen = np.arctan2((light * np.sin(shift)).sum(axis=0), (light * np.cos(shift)).sum(axis=0))
    error = np.angle(np.exp(1j * (seen - true)))
    asked = np.arange(_TABLE) * (2 * np.pi / _TABLE)
    return np.asarray(np.interp(asked + 2 * np.pi, true + error, error))


def without_gamma(phase: PhaseMap, sequence: FringeSequence, gamma: float) -> PhaseMap:
    """Return a phase as a projector with a straight response would have made it.

    Parameters
    ----------
    phase : PhaseMap
        Absolute.
    sequence : FringeSequence
        What was projected.
    gamma : float
        Of the projector.

    Returns
    -------
    PhaseMap
    """
    steps = len(sequence.steps(phase.frequency))
    if gamma == 1.0 or not steps:
        return phase
    bend = np.append(phase_bend(steps, gamma), 0.0) / (2 * np.pi)
    bend[-1] = bend[0]
    cycles = np.where(phase.valid, phase.position, 0).astype(np.float64) * phase.frequency
    off = np.interp((cycles % 1.0) * _TABLE, np.arange(_TABLE + 1), bend)
    position = np.where(phase.valid, (cycles - off) / phase.frequency, phase.position).astype(np.float32)
    moved: Float32Array = frozen(position, np.float32, position.shape, "position")
    return replace(phase, position=moved)
