"""Faults that can be ordered: ``drop middle-ir-1 5``; what is left open with a ``?`` is drawn.

Most happen once, and then the rig is whole again; a pulled cable, a broken line, a full disk stay until ``heal``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from faceapp.core.errors import UsageError
from faceapp.core.rig import Rig
from faceapp_hardware.simulated.fault_kinds import CLOCK, DISK, KINDS, RIG, Kind, Of

_OPEN = "?"
_NUMBER = re.compile(r"-?\d+")


@dataclass(frozen=True)
class Fault:
    """One fault.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    device : str
        A camera's or a projector's name, ``disk``, ``clock`` or ``rig``.
    numbers : tuple of int
        Frames of a burst from 0, seconds, milliseconds, files, as the kind needs.
    """

    kind: str
    device: str
    numbers: tuple[int, ...] = ()

    @property
    def order(self) -> str:
        """The text that orders it."""
        return " ".join([self.kind, self.device, *map(str, self.numbers)])

    @property
    def told(self) -> str:
        """What it does, for people."""
        told = KINDS[self.kind].does
        for letter, number in zip("NM", self.numbers, strict=False):
            told = told.replace(f"{letter} - 1", str(number - 1))
            told = re.sub(rf"\b{letter}\b", str(number), told)
        return f"{self.device} {told}"

    @property
    def is_of_host(self) -> bool:
        """Whether it happens to the computer, not to the rig."""
        return self.device in (DISK, CLOCK)


def parse_faults(texts: Iterable[str], rig: Rig, rng: np.random.Generator | None = None) -> tuple[Fault, ...]:
    """Return the faults of texts such as ``drop middle-ir-1 5``, ``swap left-ir-2 4 5``, ``pull right-projector``.

    Parameters
    ----------
    texts : iterable of str
        A kind, a device, numbers. A ``?`` in the place of any of them is drawn; ``?`` alone is any fault, and ``heal``
        is never drawn.
    rig : Rig
        Whose devices.
    rng : Generator, optional
        Draws; without it nothing may be left open.

    Raises
    ------
    UsageError
        A kind, a device or the number of frames is not known.
    """
    return tuple(_parse(text, rig, rng) for text in texts)


def _parse(text: str, rig: Rig, rng: np.random.Generator | None) -> Fault:
    words = text.split()
    if _OPEN in words and rng is None:
        raise UsageError(f"fault {text!r}: nothing is drawn here; name kind, device and numbers")
    if rng is not None and words[:1] == [_OPEN]:
        words[0] = str(rng.choice([kind for kind in KINDS if kind != "heal"]))
        words += [_OPEN] * (2 + len(KINDS[words[0]].numbers) - len(words))
    if not words or words[0] not in KINDS:
        raise UsageError(f"fault {text!r}: expected one of {', '.join(KINDS)}")
    kind, known = KINDS[words[0]], devices_of(KINDS[words[0]], rig)
    if rng is not None and words[1:2] == [_OPEN]:
        words[1] = str(rng.choice(devices_of(kind, rig, drawn=True)))
    if rng is not None and len(words) == 2 + len(kind.numbers):
        drawn = [str(rng.integers(n.low, n.high + 1)) for n in kind.numbers]
        words[2:] = [d if w == _OPEN else w for w, d in zip(words[2:], drawn, strict=True)]
    numbers = words[2:]
    fits = len(words) == 2 + len(kind.numbers) and words[1] in known and all(_NUMBER.fullmatch(n) for n in numbers)
    if not fits or any(int(n) < k.least for n, k in zip(numbers, kind.numbers, strict=True)):
        whom = " or ".join(of.value if of.value.startswith("a ") else f"the {of.value}" for of in kind.of)
        wanted = " ".join(
            f"and the number of {n.name}s" if n.name == "frame" else f"and {n.name}" for n in kind.numbers
        )
        raise UsageError(
            f"fault {text!r}: {words[0]} takes {whom} ({', '.join(known)}) {wanted}".rstrip() + f"; it {kind.does}"
        )
    return Fault(words[0], words[1], tuple(int(n) for n in numbers))


def devices_of(kind: Kind, rig: Rig, *, drawn: bool = False) -> list[str]:
    """Return what a kind of fault can happen to; for drawing without cameras in whose single picture it hides."""
    names: list[str] = []
    for of in kind.of:
        match of:
            case Of.CAMERA:
                infrared = [m.name for group in rig.groups for m in group.infrared]
                every = [c.name for c in rig.cameras]
                names += infrared if drawn and not kind.colour_too else every
            case Of.PROJECTOR:
                names += [group.projector.name for group in rig.groups]
            case Of.DISK | Of.CLOCK | Of.RIG:
                names.append({Of.DISK: DISK, Of.CLOCK: CLOCK, Of.RIG: RIG}[of])
    return names
