"""The ChArUco board: what is printed, where its corners are, and how it is bowed."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import BoolArray, FloatArray
from faceapp.core.errors import DataError, UsageError

CELLS = 20
"""Cells of the bitmap along a square: markers and their margins are whole cells."""

_MARKER_CELLS = 14
_SHAPE_POWERS = ((2, 0), (1, 1), (0, 2), (3, 0), (2, 1), (1, 2), (0, 3))
SHAPE_TERMS = len(_SHAPE_POWERS)
"""How many figures describe the shape of a board: all terms of the second and third order."""


@dataclass(frozen=True)
class BoardTarget:
    """A flat board of squares, every white one with a marker, lit and seen from one side.

    Its frame: origin in the middle, x along the columns, y down the rows, z into the board, mm.

    Parameters
    ----------
    columns, rows : int
        Squares.
    square_mm : float
        Side of a square along x.
    stretch : float
        Side of a square along y over that along x; a printer may not be true both ways.

    Raises
    ------
    DataError
        A board of that size cannot be made.
    """

    columns: int = 14
    rows: int = 11
    square_mm: float = 15.0
    stretch: float = 1.0

    def __post_init__(self) -> None:
        if not (3 <= self.columns <= 40 and 3 <= self.rows <= 40 and self.columns * self.rows <= 500):
            raise DataError(
                f"a board of {self.columns} x {self.rows} squares cannot be made: 3 to 40 each way, 500 in all"
            )
        if not 1 <= self.square_mm <= 200 or not 0.9 <= self.stretch <= 1.1:
            raise DataError(f"squares of {self.square_mm:g} mm (stretch {self.stretch:g}) are not possible")

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of all squares."""
        return self.columns * self.square_mm, self.rows * self.square_mm * self.stretch

    @property
    def name(self) -> str:
        """For people."""
        return f"ChArUco {self.columns} × {self.rows}, squares {self.square_mm:g} mm"

    def with_measured(self, width_mm: float, height_mm: float) -> BoardTarget:
        """Return the board as it was measured: all squares from end to end, across and down.

        Raises
        ------
        DataError
            No printer is that far off.
        """
        square = width_mm / self.columns
        if not 0.9 < square / self.square_mm < 1.1:
            raise DataError(
                f"{self.columns} squares of {self.square_mm:g} mm are {self.size_mm[0]:g} mm wide, {width_mm:g} mm was "
                "measured: measure from the first to the last square, or name the board with --board"
            )
        return BoardTarget(self.columns, self.rows, square, height_mm / self.rows / square)

    @property
    def corner_count(self) -> int:
        """Inner corners."""
        return (self.columns - 1) * (self.rows - 1)

    def corners(self) -> FloatArray:
        """Return the (N, 3) inner corners of the flat board, row by row, mm."""
        u, v = np.meshgrid(np.arange(1, self.columns), np.arange(1, self.rows))
        width, height = self.size_mm
        x = u.ravel() * self.square_mm - width / 2
        y = v.ravel() * self.square_mm * self.stretch - height / 2
        return np.stack([x, y, np.zeros_like(x)], axis=1)

    def shape_basis(self, points: npt.ArrayLike) -> FloatArray:
        """Return the (N, `SHAPE_TERMS`) height that each figure of the shape gives to points (N, 2 or 3) of the board.

        Coordinates count from -1 to 1 across half the width, so that a figure of 0.1 for ``x^2`` is a board whose
        left and right edges stand 0.1 mm off its middle.
        """
        p = np.asarray(points, np.float64)
        half = self.size_mm[0] / 2
        x, y = p[..., 0] / half, p[..., 1] / half
        return np.stack([x**i * y**j for i, j in _SHAPE_POWERS], axis=-1)

    def bow_mm(self, shape: npt.ArrayLike) -> float:
        """Return how far the board of a shape stands off its best plane, from its lowest to its highest corner, mm."""
        corners = self.corners()
        height = self.shape_basis(corners) @ np.asarray(shape, np.float64)
        plane = np.column_stack([corners[:, :2], np.ones(len(corners))])
        height = height - plane @ np.linalg.lstsq(plane, height, rcond=None)[0]
        return float(np.ptp(height))

    def bitmap(self) -> BoolArray:
        """Return the (rows x `CELLS`, columns x `CELLS`) picture of the board; True is white."""
        return _bitmap(self.columns, self.rows)

    def detector(self) -> Any:
        """Return OpenCV's detector of this board; one is not to be used by two threads."""
        return cv2.aruco.CharucoDetector(_board(self.columns, self.rows))


@functools.lru_cache(maxsize=8)
def _bitmap(columns: int, rows: int) -> BoolArray:
    picture = _board(columns, rows).generateImage((columns * CELLS, rows * CELLS), marginSize=0, borderBits=1)
    found = np.asarray(picture) > 127
    found.flags.writeable = False
    return found


def _board(columns: int, rows: int) -> Any:
    kind = cv2.aruco.DICT_5X5_100 if columns * rows <= 200 else cv2.aruco.DICT_5X5_250
    dictionary = cv2.aruco.getPredefinedDictionary(kind)
    return cv2.aruco.CharucoBoard((columns, rows), CELLS, _MARKER_CELLS, dictionary)


def parse_board(text: str) -> BoardTarget:
    """Return the board of a text such as ``14x11x15``: columns, rows, millimetres of a square.

    Raises
    ------
    UsageError
        It is none.
    """
    parts = text.lower().replace("×", "x").split("x")
    try:
        columns, rows, square = int(parts[0]), int(parts[1]), float(parts[2])
    except (ValueError, IndexError) as error:
        raise UsageError(f"board {text!r}: columns, rows and millimetres are expected, such as 14x11x15") from error
    return BoardTarget(columns, rows, square)
