"""Texture mapping: each point takes the colour of the pixel it falls on, where the colour camera sees it.

A coarse picture of the nearest depth says what hides what: its cells are wider than the distance of neighbouring
points, so a surface has no holes in it.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, UInt8Array
from faceapp.core.frames import FrameStack
from faceapp.core.rig import CameraModel
from faceapp.fringe.phase_kernel import FAST
from faceapp.fringe.row_blocks import over_rows
from faceapp.fringe.scratch import scratch

_CELL_PX = 3.0
"""Edge of a cell in pixels of the measuring camera: a surface seen at 70 degrees still leaves no gap."""

_SAME_SURFACE_MM = 1.5
_CHUNK = 4096
_GRAZING = np.float32(0.05)
_STEPS = np.float32(256)
_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)


def colour_points(
    places: Float32Array,
    camera: CameraModel,
    picture: UInt8Array,
    footprint: float,
    threads: int = 0,
) -> tuple[UInt8Array, npt.NDArray[np.bool_]]:
    """Colour points from a picture (pixel-face.txt 3.1, texture mapping).

    Parameters
    ----------
    places : (N, 4) float32
        Of each point: pixel in the colour camera, depth along its z in mm, cosine between normal and ray.
    camera : CameraModel
        The colour camera.
    picture : (H, W, 3) uint8
        RGB.
    footprint : float
        Distance of neighbouring points in pixels of the colour camera.
    threads : int
        How many share the work; 0 is one for each core.

    Returns
    -------
    colors : (N, 3) uint8
        RGB; undefined where the point is not seen.
    seen : (N,) bool
        Whether the camera sees it.
    """
    n = len(places)
    cell = np.float32(max(_CELL_PX * footprint, 1.0))
    shape = int(camera.height / cell) + 1, int(camera.width / cell) + 1
    slope = np.float32(float(cell) / float(camera.K[0, 0]))
    colors, seen = np.empty((n, 3), np.uint8), np.empty(n, np.bool_)
    size = (np.float32(camera.width - 1), np.float32(camera.height - 1))
    with scratch(shape, np.float32) as nearest:
        nearest[:] = np.inf
        _splat(places, size, cell, nearest)

        def work(a: int, b: int) -> None:
            _look_and_sample(places[a:b], size, cell, slope, nearest, picture, colors[a:b], seen[a:b])

        over_rows(work, n, _CHUNK, threads)
    return colors, seen


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _splat(places: Float32Array, size: tuple[np.float32, np.float32], cell: np.float32, nearest: Float32Array) -> None:
    """Write the smallest depth of the points of each cell."""
    per = _ONE / cell
    for i in range(len(places)):
        u, v, d = places[i, 0], places[i, 1], places[i, 2]
        if u >= _ZERO and v >= _ZERO and u <= size[0] and v <= size[1] and d > _ZERO:
            row, column = np.intp(v * per), np.intp(u * per)
            if d < nearest[row, column]:
                nearest[row, column] = d


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _look_and_sample(
    places: Float32Array,
    size: tuple[np.float32, np.float32],
    cell: np.float32,
    slope: np.float32,
    nearest: Float32Array,
    picture: UInt8Array,
    colors: UInt8Array,
    seen: npt.NDArray[np.bool_],
) -> None:
    """Bilinear colour of each point that lies in the picture, looks at the camera and is not behind its cell."""
    per = _ONE / cell
    same = np.float32(_SAME_SURFACE_MM)
    width = np.int32(picture.shape[1])
    last_row, last_column = np.int32(picture.shape[0] - 2), np.int32(width - 2)
    flat = picture.ravel()
    for i in range(len(places)):
        u, v, d, cosine = places[i, 0], places[i, 1], places[i, 2], places[i, 3]
        seen[i] = False
        if not (u >= _ZERO and v >= _ZERO and u <= size[0] and v <= size[1] and d > _ZERO):
            continue
        behind = d - nearest[np.intp(v * per), np.intp(u * per)] - same
        # within a cell a tilted surface itself spans slope * depth / cosine
        if cosine < _GRAZING or behind * cosine > slope * d:
            continue
        seen[i] = True
        column, row = min(np.int32(u), last_column), min(np.int32(v), last_row)
        p = np.int32((u - np.float32(column)) * _STEPS)
        q = np.int32((v - np.float32(row)) * _STEPS)
        wb, wd = p * (256 - q), p * q
        wa, wc = (256 - p) * (256 - q), (256 - p) * q
        # unsigned, for a signed index is tested for counting from the end
        upper = np.uintp(np.uint32((row * width + column) * 3))
        lower = upper + np.uintp(3) * np.uintp(np.uint32(width))
        for k in range(3):
            c = np.uintp(k)
            total = wa * flat[upper + c] + wb * flat[upper + c + np.uintp(3)]
            total += wc * flat[lower + c] + wd * flat[lower + c + np.uintp(3)]
            colors[i, k] = np.uint8((total + 32768) >> 16)


def grey_points(pixels: Float32Array, stack: FrameStack, white: float) -> UInt8Array:
    """Return the (N, 3) uint8 grey of points by their mean brightness over the finest fringes.

    Parameters
    ----------
    pixels : (N, 2) float32
        Of the infrared camera.
    stack : FrameStack
        Of that camera.
    white : float
        Counts of saturation.
    """
    grey = np.empty((len(pixels), 3), np.uint8)
    steps = np.array(stack.sequence.steps(stack.sequence.frequencies[-1]), np.int64)
    _grey(pixels, stack.frames, steps, np.float32(1.6 * 255 / white), grey)
    return grey


@numba.njit(cache=True, nogil=True, error_model="numpy")
def _grey(pixels: Float32Array, frames: Any, steps: npt.NDArray[np.int64], scale: np.float32, grey: UInt8Array) -> None:
    """Mean of the finest fringes' steps at each point's nearest pixel."""
    for i in range(len(pixels)):
        row = min(max(np.intp(pixels[i, 1] + _HALF), 0), frames.shape[1] - 1)
        column = min(max(np.intp(pixels[i, 0] + _HALF), 0), frames.shape[2] - 1)
        total = _ZERO
        for step in steps:
            total += np.float32(frames[step, row, column])
        value = np.uint8(min(total * scale / np.float32(len(steps)), np.float32(255)))
        grey[i, 0], grey[i, 1], grey[i, 2] = value, value, value
