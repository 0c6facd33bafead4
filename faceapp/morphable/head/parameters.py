"""The numbers that make one person."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from faceapp.core.arrays import FloatArray, frozen
from faceapp.core.errors import UsageError
from faceapp.morphable.head.figures import figures
from faceapp.morphable.head.identity import YOUNG, mean_correction, mode_names, sex_offset

Sex = Literal["female", "male"]
_DARK_TONES = (2, 5)
_DARK_HAIR = (2, 4, 5)
_DARK_IRISES = (2, 5)
_GREY = 6
_GREY_FROM = 60.0


@dataclass(frozen=True, eq=False)
class HeadParameters:
    """One person; the defaults are the average head.

    Parameters
    ----------
    identity : (32,) float64
        Weights of the modes, standard deviations, shifts by sex included; zeros by default.
    sex : {"female", "male"}
        What the skin is painted for; shapes it no further.
    age : float
        Years; 25 and below show no age.
    noise_seed : int, optional
        Of the smooth noise on the shape and of the painting's details; no noise on the shape where ``None``.
    tone, hair, iris : int
        Index of the colour of skin (0 to 5), hair (0 to 6, 6 is grey) and iris (0 to 5).

    Raises
    ------
    DataError
        The identity has another length.
    UsageError
        Sex, age or a colour is out of range.
    """

    identity: FloatArray = field(default_factory=lambda: np.zeros(len(mode_names())))
    sex: Sex = "female"
    age: float = YOUNG
    noise_seed: int | None = None
    tone: int = 0
    hair: int = 0
    iris: int = 0

    def __post_init__(self) -> None:
        weights = frozen(self.identity, np.float64, (len(mode_names()),), "head identity")
        object.__setattr__(self, "identity", weights)
        if self.sex not in ("female", "male"):
            raise UsageError(f"head: sex {self.sex!r}; expected female or male")
        if not 0 <= self.age <= 120:
            raise UsageError(f"head: age {self.age}; expected 0 to 120 years")
        colours = figures("albedo")["albedo"]
        for name in ("tone", "hair", "iris"):
            count = len(colours["tones_rgb" if name == "tone" else f"{name}_rgb"])
            if not 0 <= getattr(self, name) < count:
                raise UsageError(f"head: {name} {getattr(self, name)}; expected 0 to {count - 1}")


def random_parameters(
    rng: np.random.Generator | int, sex: Sex | None = None, age: float | None = None
) -> HeadParameters:
    """Draw a person.

    Parameters
    ----------
    rng : Generator or int
        Source of chance, or its seed.
    sex : {"female", "male"}, optional
        Drawn where ``None``.
    age : float, optional
        Years; drawn between 18 and 75 where ``None``.

    Notes
    -----
    Weights are ``clip(0.85 N(0, 1), +-2.2)`` plus the offset of the sex, plus the correction that brings the average
    breadth of the head from ICT-FaceKit's to ANSUR II's.
    """
    random = np.random.default_rng(rng)
    rule = figures("identity")["identity"]["sampling"]
    drawn: Sex = ("female", "male")[int(random.integers(2))]
    chosen = drawn if sex is None else sex
    years = float(random.uniform(18, 75))
    years = years if age is None else age
    deviation = rule["sd"] * random.normal(size=len(mode_names()))
    weights = np.clip(deviation, -rule["clip"], rule["clip"])
    weights = weights + (1 if chosen == "male" else -1) * sex_offset() + mean_correction()
    tone = int(random.integers(6))
    dark = tone in _DARK_TONES
    hair = int(random.choice(_DARK_HAIR)) if dark else int(random.integers(6))
    iris = int(random.choice(_DARK_IRISES)) if dark else int(random.integers(6))
    return HeadParameters(
        identity=weights,
        sex=chosen,
        age=years,
        noise_seed=int(random.integers(2**31)),
        tone=tone,
        hair=_GREY if years > _GREY_FROM else hair,
        iris=iris,
    )
