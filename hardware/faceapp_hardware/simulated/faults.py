"""Faults that can be ordered: each happens once, and then the rig is whole again (a pulled cable stays out)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from faceapp.core.errors import UsageError
from faceapp.core.rig import Rig

KINDS = {
    "miss": ("a camera", 1, "misses the trigger of frame N: no frame, and no gap in the ids"),
    "drop": ("a camera", 1, "loses frame N on the line: a gap in the ids"),
    "swap": ("a camera", 2, "shows frame M in the place of frame N, and N in that of M"),
    "stale": ("a camera", 1, "shows in frame N what frame N - 1 showed"),
    "reset": ("a projector", 0, "restarts: light off, memory lost"),
    "pull": ("a camera or a projector", 0, "has its cable pulled"),
}
"""What each kind is of, how many frame numbers it takes, what it does."""


@dataclass(frozen=True)
class Fault:
    """One fault.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    device : str
        A camera's or a projector's name.
    frames : tuple of int
        Numbers within the burst, from 0.
    """

    kind: str
    device: str
    frames: tuple[int, ...] = ()


def parse_faults(texts: Iterable[str], rig: Rig) -> tuple[Fault, ...]:
    """Return the faults of texts such as ``drop middle-ir-1 5``, ``swap left-ir-2 4 5``, ``pull right-projector``.

    Raises
    ------
    UsageError
        A kind, a device or the number of frames is not known.
    """
    cameras = {c.name for c in rig.cameras}
    projectors = {g.projector.name for g in rig.groups}
    faults = []
    for text in texts:
        words = text.split()
        kind = words[0] if words else ""
        if kind not in KINDS:
            raise UsageError(f"fault {text!r}: expected one of {', '.join(KINDS)}")
        whom, count, does = KINDS[kind]
        known = (cameras if "camera" in whom else set()) | (projectors if "projector" in whom else set())
        if len(words) != 2 + count or words[1] not in known or not all(w.isdigit() for w in words[2:]):
            raise UsageError(
                f"fault {text!r}: {kind} takes {whom} ({', '.join(sorted(known))}) and {count} frame numbers; it {does}"
            )
        faults.append(Fault(kind, words[1], tuple(int(w) for w in words[2:])))
    return tuple(faults)
