"""What a projector shows, in the order in which it shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray
from faceapp.core.errors import SequenceError


@dataclass(frozen=True)
class Fringe:
    """One step of a sinusoid: ``I(x) = 1/2 + 1/2 cos(2 pi f x - 2 pi n / N)``.

    Parameters
    ----------
    frequency : float
        Fringes across the field, above zero.
    step, steps : int
        n of N; N >= 3.
    """

    frequency: float
    step: int
    steps: int

    def __post_init__(self) -> None:
        if not self.frequency > 0:
            raise SequenceError(f"fringe frequency must be above zero, got {self.frequency}")
        if self.steps < 3:
            raise SequenceError(f"frequency {self.frequency:g}: {self.steps} steps; phase shifting needs at least 3")
        if not 0 <= self.step < self.steps:
            raise SequenceError(f"frequency {self.frequency:g}: step {self.step} is not one of {self.steps}")


@dataclass(frozen=True)
class GrayBit:
    """One bit of the reflected Gray code of ``floor(x 2^bits)``; bit 0 is the most significant."""

    bit: int
    bits: int
    inverted: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.bits <= 24 or not 0 <= self.bit < self.bits:
            raise SequenceError(f"Gray-code bit {self.bit} of {self.bits} is not possible")


@dataclass(frozen=True)
class Flood:
    """Uniform light of a level between 0 and 1."""

    level: float = 1.0


@dataclass(frozen=True)
class Dark:
    """No light of the projector."""


Exposure: TypeAlias = Fringe | GrayBit | Flood | Dark


@dataclass(frozen=True)
class FringeSequence:
    """The exposures of one burst, in order.

    Parameters
    ----------
    exposures : tuple of Exposure
        At least one.
    axis : {"u", "v"}
        Direction in the projector's picture along which x runs from 0 to 1.

    Raises
    ------
    SequenceError
        It is empty, the axis is unknown, or a set of steps is incomplete or inconsistent.
    """

    exposures: tuple[Exposure, ...]
    axis: str = "u"

    def __post_init__(self) -> None:
        if not self.exposures:
            raise SequenceError("the sequence has no exposures")
        if self.axis not in ("u", "v"):
            raise SequenceError(f"sequence axis {self.axis!r} is not 'u' or 'v'")
        for frequency in self.frequencies:
            steps = [e for e in self.exposures if isinstance(e, Fringe) and e.frequency == frequency]
            counts = {e.steps for e in steps}
            if len(counts) > 1:
                raise SequenceError(
                    f"frequency {frequency:g}: exposures disagree on the number of steps {sorted(counts)}"
                )
            if sorted(e.step for e in steps) != list(range(steps[0].steps)):
                raise SequenceError(
                    f"frequency {frequency:g}: has the steps {sorted(e.step for e in steps)} "
                    f"of {steps[0].steps}; each must be there once"
                )
        bits = [e for e in self.exposures if isinstance(e, GrayBit)]
        if bits:
            self._check_gray_code(bits)

    @staticmethod
    def _check_gray_code(bits: list[GrayBit]) -> None:
        if len({e.bits for e in bits}) > 1:
            raise SequenceError("Gray code: exposures disagree on the number of bits")
        for inverted in (False, True):
            found = sorted(e.bit for e in bits if e.inverted is inverted)
            if (found or not inverted) and found != list(range(bits[0].bits)):
                raise SequenceError(
                    f"Gray code: has the {'inverted ' if inverted else ''}bits {found}, "
                    f"needs 0 to {bits[0].bits - 1} once each"
                )

    def __len__(self) -> int:
        return len(self.exposures)

    @property
    def frequencies(self) -> tuple[float, ...]:
        """The distinct fringe frequencies, from low to high."""
        return tuple(sorted({e.frequency for e in self.exposures if isinstance(e, Fringe)}))

    def steps(self, frequency: float) -> tuple[int, ...]:
        """Return the indices of the exposures of that frequency, from step 0 to step N - 1."""
        found = [
            (e.step, i) for i, e in enumerate(self.exposures) if isinstance(e, Fringe) and e.frequency == frequency
        ]
        return tuple(i for _, i in sorted(found))

    def gray_code(self, *, inverted: bool = False) -> tuple[int, ...]:
        """Return the indices of the Gray-code exposures, most significant bit first; empty if there is none."""
        found = [(e.bit, i) for i, e in enumerate(self.exposures) if isinstance(e, GrayBit) and e.inverted is inverted]
        return tuple(i for _, i in sorted(found))

    @property
    def is_binary(self) -> bool:
        """Whether it needs full light and no light alone: many projectors show such exposures faster."""
        return not any(isinstance(e, Fringe) or (isinstance(e, Flood) and e.level < 1) for e in self.exposures)

    def floods(self) -> tuple[int, ...]:
        """Return the indices of the uniform exposures."""
        return tuple(i for i, e in enumerate(self.exposures) if isinstance(e, Flood))

    def darks(self) -> tuple[int, ...]:
        """Return the indices of the exposures without light."""
        return tuple(i for i, e in enumerate(self.exposures) if isinstance(e, Dark))

    def pattern(self, index: int, x: npt.ArrayLike) -> FloatArray:
        """Return the light of exposure ``index`` at the field positions ``x`` (0 to 1), float64 in 0 to 1."""
        position = np.asarray(x, np.float64)
        match self.exposures[index]:
            case Fringe(frequency, step, steps):
                return 0.5 + 0.5 * np.cos(2 * np.pi * (frequency * position - step / steps))
            case GrayBit(bit, bits, inverted):
                code = np.clip(np.floor(position * 2**bits), 0, 2**bits - 1).astype(np.int64)
                on = ((code ^ (code >> 1)) >> (bits - 1 - bit)) & 1
                return (on ^ int(inverted)).astype(np.float64)
            case Flood(level):
                return np.full(position.shape, level)
            case Dark():
                return np.zeros(position.shape)


def multi_frequency(
    frequencies: tuple[float, ...] = (1.0, 8.0, 64.0),
    steps: tuple[int, ...] = (4, 4, 4),
    *,
    flood: bool = True,
    dark: bool = True,
) -> FringeSequence:
    """Return a hierarchical phase-shifting sequence, by default 1, 8, 64 fringes in 4 steps each, flood, dark."""
    exposures: list[Exposure] = [
        Fringe(f, n, count) for f, count in zip(frequencies, steps, strict=True) for n in range(count)
    ]
    if flood:
        exposures.append(Flood())
    if dark:
        exposures.append(Dark())
    return FringeSequence(tuple(exposures))
