"""Points as the files of other programs hold them: in an order of their own, perhaps with names."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from faceapp.core.arrays import FloatArray, frozen
from faceapp.core.errors import DataError
from faceapp.core.landmarks import PlacedBy, Visibility


@dataclass(frozen=True, eq=False, kw_only=True)
class PointTable:
    """The points of one face in one file.

    Parameters
    ----------
    points : (n, 2) or (n, 3) float64
        Pixels, (0, 0) at the centre of the top-left one, or mm in the frame of the mesh; NaN is not placed.
    names : tuple of str
        One a point; empty where the file names none.
    visibility, placed_by : tuple
        One a point; empty where the file does not say.
    picture : str
        File name of the picture.
    image_size : (int, int)
        Width and height, pixels; zeros where the file does not say.
    edges : tuple of pairs
        Lines to draw, for the formats that hold them.
    groups : tuple of (str, tuple of int)
        Named parts, for the formats that hold them.
    """

    points: FloatArray
    names: tuple[str, ...] = ()
    visibility: tuple[Visibility, ...] = ()
    placed_by: tuple[PlacedBy, ...] = ()
    picture: str = ""
    image_size: tuple[int, int] = (0, 0)
    edges: tuple[tuple[int, int], ...] = ()
    groups: tuple[tuple[str, tuple[int, ...]], ...] = ()

    def __post_init__(self) -> None:
        columns = np.shape(self.points)[1] if np.ndim(self.points) == 2 else 0
        if columns not in (2, 3):
            raise DataError("points of 2 or 3 numbers each are expected")
        object.__setattr__(self, "points", frozen(self.points, np.float64, (None, columns), "points"))
        for name in ("names", "visibility", "placed_by"):
            held = getattr(self, name)
            if held and len(held) != len(self.points):
                raise DataError(f"{len(held)} entries of {name} for {len(self.points)} points")

    @property
    def placed(self) -> np.ndarray:
        """(n,) bool: which points have a position."""
        return np.asarray(np.isfinite(self.points).all(axis=1))

    @property
    def dimension(self) -> int:
        """2 for pixels, 3 for mm."""
        return int(self.points.shape[1])

    def seen(self, index: int) -> Visibility:
        """Return whether the picture shows a point; visible where the file does not say."""
        return self.visibility[index] if self.visibility else Visibility.VISIBLE
