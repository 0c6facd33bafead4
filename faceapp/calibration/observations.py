"""What pictures say of the board: corners by number, and why a picture is of no use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import FloatArray, frozen


@dataclass(frozen=True, eq=False)
class BoardView:
    """One picture of the board.

    Parameters
    ----------
    camera : str
        Whose.
    pose : int
        Number of the board's pose, the same for all cameras that saw it stand there.
    size : tuple of int
        Width and height of the picture.
    ids : (N,) int64
        Numbers of the corners that were found, as in `BoardTarget.corners`.
    pixels : (N, 2) float64
        Where they are.
    blur_px : float
        Sigma of the edges; NaN where none could be measured.
    refusal : str
        Why the picture is of no use; empty where it is.
    """

    camera: str
    pose: int
    size: tuple[int, int]
    ids: npt.NDArray[np.int64]
    pixels: FloatArray
    blur_px: float = float("nan")
    refusal: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", frozen(self.ids, np.int64, (None,), "corner numbers"))
        object.__setattr__(self, "pixels", frozen(self.pixels, np.float64, (len(self.ids), 2), "corners"))

    @property
    def is_good(self) -> bool:
        """Whether the picture counts."""
        return not self.refusal

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class CameraSeat:
    """Where a camera belongs.

    Parameters
    ----------
    name, group : str
        Of the rig.
    role : {"ir", "rgb"}
        What it sees.
    """

    name: str
    group: str
    role: str = "ir"


def seat_of(name: str) -> CameraSeat:
    """Return the seat that a camera's name tells: ``left-ir-1`` is an infrared camera of the group ``left``."""
    group, _, rest = name.partition("-")
    return CameraSeat(name, group, "rgb" if "rgb" in rest else "ir")
