"""What can go wrong with a rig, as the simulated one does it on order."""

from __future__ import annotations

import enum
from dataclasses import dataclass

DISK, CLOCK, RIG = "disk", "clock", "rig"
"""What is no device of the rig: the computer's disk and its clock, and the rig's own process."""


@enum.unique
class Of(enum.Enum):
    """What a fault can be ordered for."""

    CAMERA = "a camera"
    PROJECTOR = "a projector"
    DISK = DISK
    CLOCK = CLOCK
    RIG = RIG


@dataclass(frozen=True)
class Number:
    """A number that a fault needs.

    Parameters
    ----------
    name : str
        For people.
    low, high : int
        Between which it is drawn where ``?`` is ordered.
    least : int
        Smallest one that may be ordered.
    """

    name: str
    low: int
    high: int
    least: int = 0


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Parameters
    ----------
    of : tuple of Of
        What it can happen to.
    does : str
        What it does, after the name of what it happens to.
    numbers : tuple of Number
        Which it needs.
    colour_too : bool
        Whether a colour camera is drawn as well, whose burst is one picture.
    """

    of: tuple[Of, ...]
    does: str
    numbers: tuple[Number, ...] = ()
    colour_too: bool = False


_FRAME = Number("frame", 1, 12)
_ANY_FRAME = Number("frame", 0, 13)
_EXPOSURE = Number("exposure", 0, 12)

KINDS = {
    "pull-idle": Kind((Of.CAMERA, Of.PROJECTOR), "has its cable pulled at once", colour_too=True),
    "pull-armed": Kind((Of.CAMERA,), "has its cable pulled when it is armed", colour_too=True),
    "pull": Kind((Of.CAMERA, Of.PROJECTOR), "has its cable pulled in the middle of a burst", colour_too=True),
    "loosen": Kind(
        (Of.CAMERA, Of.PROJECTOR),
        "has its cable out for half a second in the middle of a burst",
        colour_too=True,
    ),
    "heal": Kind((Of.CAMERA, Of.PROJECTOR, Of.DISK, Of.CLOCK, Of.RIG), "is whole again", colour_too=True),
    "stall": Kind((Of.CAMERA,), "delivers nothing from frame N of a burst on", (_FRAME,)),
    "resize": Kind((Of.CAMERA,), "delivers pictures of half the size in one burst"),
    "miss": Kind((Of.CAMERA,), "misses the trigger of frame N: no frame, and no gap in the ids", (_ANY_FRAME,)),
    "drop": Kind((Of.CAMERA,), "loses frame N on the line: a gap in the ids", (_ANY_FRAME,)),
    "double": Kind((Of.CAMERA,), "delivers frame N twice", (_EXPOSURE,)),
    "swap": Kind(
        (Of.CAMERA,),
        "shows frame M in the place of frame N, and N in that of M",
        (Number("frame", 0, 5), Number("frame", 6, 12)),
    ),
    "stale": Kind((Of.CAMERA,), "shows in frame N what frame N - 1 showed", (_FRAME,)),
    "tear": Kind((Of.CAMERA,), "shows in the lower half of frame N what frame N - 1 showed", (_FRAME,)),
    "mute": Kind((Of.PROJECTOR,), "obeys but does not answer for N seconds", (Number("seconds", 1, 6, 1),)),
    "reset": Kind((Of.PROJECTOR,), "restarts in the middle of a burst: light off, memory lost"),
    "slow": Kind(
        (Of.PROJECTOR, Of.DISK),
        "needs N milliseconds more for each answer or file",
        (Number("milliseconds", 5, 60, 1),),
    ),
    "noise": Kind((Of.PROJECTOR,), "has one byte in N of its line broken", (Number("bytes", 300, 10_000, 100),)),
    "lose": Kind((Of.PROJECTOR,), "gives no trigger for exposure N", (_EXPOSURE,)),
    "twice": Kind((Of.PROJECTOR,), "triggers the cameras twice for exposure N", (_EXPOSURE,)),
    "full": Kind((Of.DISK,), "is full after N more files", (Number("files", 0, 120),)),
    "read-only": Kind((Of.DISK,), "takes no more files"),
    "vanish": Kind((Of.DISK,), "is gone after N more files", (Number("files", 0, 120),)),
    "jump": Kind((Of.CLOCK,), "goes N seconds forward, or back", (Number("seconds", -100_000, 100_000, -(10**9)),)),
    "die": Kind((Of.RIG,), "ends in the middle of a burst, as when its process is killed"),
}
"""By the word that orders it."""

LASTING = frozenset({"slow", "noise", "full", "read-only", "vanish", "jump", "pull", "pull-idle", "pull-armed"})
"""What stays until ``heal``; the others happen once, and then the device is whole again."""
