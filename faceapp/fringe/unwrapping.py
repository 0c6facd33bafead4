"""Which wrapped phase resolves which: a ladder from a coarse position in the field to the finest fringes.

Every real frequency and every beat (difference of two, and difference of two beats) is a rung that a ladder may
use. A rung can be climbed when the position known so far is surer than half a fringe of it. The ladder whose
worst rung is surest wins, so the order and the kind of a sequence (hierarchical, heterodyne, Gray code) need no
case of their own.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass

import numpy as np

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import SequenceError
from faceapp.core.sequence import FringeSequence, GrayBit

_MAX_NOISE = 0.125
"""Cycles: a rung whose predicted order residual exceeds this, at the noise below, would be guessed too often."""

_SURE = 0.03
"""Cycles: below this a rung is sure (a wrong order is over eight standard deviations away); then fewer rungs win."""

_NOMINAL_NOISE = 0.003
"""Cycles: phase noise of one frequency that a ladder is planned for (16 mrad measured at default noise)."""


@dataclass(frozen=True)
class Rung:
    """A real or virtual frequency.

    Parameters
    ----------
    coefficients : tuple of int
        Of each real frequency (low to high); the phase in cycles is the fraction of their weighted sum.
    frequency : float
        Fringes across the field.
    """

    coefficients: tuple[int, ...]
    frequency: float

    @property
    def noise(self) -> float:
        """Nominal phase noise, cycles."""
        return _NOMINAL_NOISE * float(np.sqrt(np.sum(np.square(self.coefficients))))


@dataclass(frozen=True)
class Ladder:
    """How to climb from a start to the finest real frequency.

    Parameters
    ----------
    gray_bits : int
        Bits of the Gray code that gives the start; 0 if the first rung is its own start.
    rungs : tuple of Rung
        The first has at most one fringe unless a Gray code starts; the last is the finest real frequency.
    """

    gray_bits: int
    rungs: tuple[Rung, ...]

    @property
    def coefficients(self) -> FloatArray:
        """(R, F) float64: the coefficients of each rung."""
        return np.array([rung.coefficients for rung in self.rungs], np.float64)

    @property
    def frequencies(self) -> FloatArray:
        """(R,) float64: the frequency of each rung."""
        return np.array([rung.frequency for rung in self.rungs])


@functools.lru_cache(maxsize=32)
def plan_unwrapping(sequence: FringeSequence) -> Ladder:
    """Return the surest ladder for a sequence.

    Raises
    ------
    SequenceError
        Nothing in the sequence says in which fringe a pixel lies; the message says what is there and what is missing.
    """
    real = sequence.frequencies
    if not real:
        raise SequenceError("the sequence has no fringe exposures (frequency, step, steps); depth needs them")
    rungs = _rungs(real)
    goal = next(r for r in rungs if sum(map(abs, r.coefficients)) == 1 and r.frequency == real[-1])
    bits = next((e.bits for e in sequence.exposures if isinstance(e, GrayBit)), 0)
    best = _climb(rungs, goal, bits)
    if best is None:
        listed = ", ".join(f"{f:g}" for f in real)
        code = f" and {bits} Gray-code bits" if bits else ""
        raise SequenceError(
            f"the sequence cannot be unwrapped: its frequencies {listed}{code} leave the fringe order open. "
            "Add a frequency of 1 or below, a beat of 1 or below, or a Gray code of at least half a fringe"
        )
    return best


def _rungs(real: tuple[float, ...]) -> list[Rung]:
    unit = [tuple(int(i == j) for j in range(len(real))) for i in range(len(real))]
    vectors = set(unit)
    beats = {_positive(_minus(a, b), real) for a, b in itertools.combinations(unit, 2)}
    vectors |= beats | {_positive(_minus(a, b), real) for a, b in itertools.combinations(sorted(beats), 2)}
    rungs = [Rung(v, float(np.dot(v, real))) for v in vectors]
    return sorted((r for r in rungs if r.frequency > 1e-6), key=lambda r: (r.frequency, r.noise))


def _minus(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(x - y for x, y in zip(a, b, strict=True))


def _positive(v: tuple[int, ...], real: tuple[float, ...]) -> tuple[int, ...]:
    return v if np.dot(v, real) >= 0 else tuple(-x for x in v)


def _climb(rungs: list[Rung], goal: Rung, gray_bits: int) -> Ladder | None:
    """Dynamic programme from low to high frequency; the cost of a ladder is its least sure rung."""
    best: dict[Rung, tuple[float, tuple[Rung, ...], int]] = {}
    for rung in rungs:
        candidates: list[tuple[float, tuple[Rung, ...], int]] = []
        if rung.frequency <= 1 + 1e-9:
            candidates.append((0.0, (rung,), 0))
        if gray_bits and rung.frequency <= 2 ** (gray_bits - 1) * (1 + 1e-9):
            candidates.append((rung.noise, (rung,), gray_bits))
        for below, (cost, path, start) in best.items():
            ratio = rung.frequency / below.frequency
            step = float(np.hypot(ratio * below.noise, rung.noise))
            if ratio > 1 and step <= _MAX_NOISE:
                candidates.append((max(cost, step, _SURE), (*path, rung), start))
        if candidates:
            best[rung] = min(candidates, key=lambda c: (c[0], len(c[1])))
    if goal not in best:
        return None
    _, path, start = best[goal]
    return Ladder(start, path)
