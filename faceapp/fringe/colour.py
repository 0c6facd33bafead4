"""Texture mapping: each point takes the colour of the pixel it falls on, where the colour camera sees it.

A coarse picture of the nearest depth says what hides what: its cells are wider than the distance of neighbouring
points, so a surface has no holes in it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, UInt8Array
from faceapp.core.frames import FrameStack
from faceapp.core.rig import CameraModel
from faceapp.fringe.kernel_memory import stack_array
from faceapp.fringe.phase_kernel import KERNEL
from faceapp.fringe.row_blocks import over_rows
from faceapp.fringe.scratch import scratch

_CELL_PX = 3.0
"""Edge of a cell in pixels of the measuring camera: a surface seen at 70 degrees still leaves no gap."""

_SAME_SURFACE_MM = 1.5
_CHUNK = 4096
_GRAZING = np.float32(0.05)
_STEPS = np.float32(256)
_ZERO, _ONE, _HALF, _FAR = np.float32(0), np.float32(1), np.float32(0.5), np.float32(1e30)
_NAN = np.float32(np.nan)
_WHOLE, _LOW, _BYTE, _WORD, _ROUND = (np.uint32(v) for v in (256, 255, 8, 16, 1 << 15))
_TILE = 256


def colour_points(
    places: Float32Array,
    camera: CameraModel,
    picture: UInt8Array,
    footprint: float,
    threads: int = 0,
) -> tuple[UInt8Array, Float32Array]:
    """Colour points from a picture (pixel-face.txt 3.1, texture mapping).

    Parameters
    ----------
    places : (4, N) float32
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
    pixels : (N, 2) float32
        ``(u, v)`` in the picture; NaN where the point is not seen.
    """
    n = places.shape[1]
    cell = np.float32(max(_CELL_PX * footprint, 1.0))
    shape = int(camera.height / cell) + 1, int(camera.width / cell) + 1
    slope = np.float32(float(cell) / float(camera.K[0, 0]))
    colors, pixels = np.empty((n, 3), np.uint8), np.empty((n, 2), np.float32)
    size = (np.float32(camera.width - 1), np.float32(camera.height - 1))
    texels = _texels(picture)
    with scratch(shape, np.float32) as nearest:
        nearest[:] = np.inf
        _splat(places, size, cell, nearest)
        flat = nearest.ravel()

        def work(a: int, b: int) -> None:
            _look_and_sample(places, a, size, cell, slope, flat, shape[1], texels, colors[a:b], pixels[a:b])

        over_rows(work, n, _CHUNK, threads)
    return colors, pixels


@numba.njit(**KERNEL)
def _splat(places: Float32Array, size: tuple[np.float32, np.float32], cell: np.float32, nearest: Float32Array) -> None:
    """Write the smallest depth of the points of each cell."""
    per = _ONE / cell
    us, vs, depth = places[0], places[1], places[2]
    for i in range(len(us)):
        u, v, d = us[i], vs[i], depth[i]
        if u >= _ZERO and v >= _ZERO and u <= size[0] and v <= size[1] and d > _ZERO:
            row, column = np.intp(v * per), np.intp(u * per)
            # not by a test: whether the next point is nearer cannot be foreseen
            nearest[row, column] = min(d, nearest[row, column])


class _Texels(NamedTuple):
    """An RGB picture whose pixels are read as one number each, red lowest.

    Parameters
    ----------
    pixels : (H W - 1,) uint32
        Pixel i in the low three bytes; the fourth byte is of the next pixel.
    next : (H W - 1,) uint32
        Pixel i + 1 in the high three bytes: so that the last pixel is read without a byte beyond it.
    width, height : int
        Of the picture.
    """

    pixels: npt.NDArray[np.uint32]
    next: npt.NDArray[np.uint32]
    width: int
    height: int


def _texels(picture: UInt8Array) -> _Texels:
    height, width = picture.shape[:2]
    count = height * width - 1
    pixels, following = (np.ndarray((count,), "<u4", picture.data, offset, (3,)) for offset in (0, 2))
    return _Texels(pixels, following, width, height)


@numba.njit(inline="always")
def _look(
    places: Any,
    left: Any,
    n: Any,
    size: Any,
    cell: Any,
    slope: Any,
    nearest: Any,
    columns: Any,
    texels: Any,
    buffer: Any,
    index: Any,
) -> None:
    """Fill index with each point's pixel and weights, and row SEEN of the buffer with whether it is seen."""
    per = _ONE / cell
    same = np.float32(_SAME_SURFACE_MM)
    end = left + n
    u_in, v_in, depth_in, cosine_in = places[0, left:end], places[1, left:end], places[2, left:end], places[3, left:end]
    cells = np.int32(columns)
    last_row, last_column = np.int32(texels.height - 2), np.int32(texels.width - 2)
    place, across, down, where = index[0], index[1], index[2], index[3]
    us, vs, depth, front, seen = buffer[0], buffer[1], buffer[2], buffer[3], buffer[4]
    for j in range(n):
        u, v, d = u_in[j], v_in[j], depth_in[j]
        inside = (u >= _ZERO) & (v >= _ZERO) & (u <= size[0]) & (v <= size[1]) & (d > _ZERO)
        us[j], vs[j] = u if inside else _ZERO, v if inside else _ZERO
        depth[j] = d if inside else _FAR
    for j in range(n):
        where[j] = np.int32(vs[j] * per) * cells + np.int32(us[j] * per)
    for j in range(n):
        column, row = min(np.int32(us[j]), last_column), min(np.int32(vs[j]), last_row)
        place[j] = row * np.int32(texels.width) + column
        across[j] = np.int32((us[j] - np.float32(column)) * _STEPS)
        down[j] = np.int32((vs[j] - np.float32(row)) * _STEPS)
    for j in range(n):
        # unsigned, for a signed index is tested for counting from the end
        front[j] = nearest[np.uintp(np.uint32(where[j]))]
    for j in range(n):
        # within a cell a tilted surface itself spans slope * depth / cosine
        hidden = (depth[j] - front[j] - same) * cosine_in[j] > slope * depth[j]
        seen[j] = _ONE if (depth[j] < _FAR) & (cosine_in[j] >= _GRAZING) & (not hidden) else _ZERO


@numba.njit(inline="always")
def _blend(texels: Any, index: Any, corners: Any, n: Any) -> None:
    """Put the bilinear colour of each point into row 0 of the corners, red lowest."""
    place, across, down = index[0], index[1], index[2]
    a, b, c, d = corners[0], corners[1], corners[2], corners[3]
    row = np.uintp(np.uint32(texels.width))
    for j in range(n):
        k = np.uintp(np.uint32(place[j]))
        a[j], b[j] = texels.pixels[k], texels.pixels[k + np.uintp(1)]
        c[j], d[j] = texels.pixels[k + row], texels.next[k + row] >> _BYTE
    for j in range(n):
        p, q = np.uint32(across[j]), np.uint32(down[j])
        wa, wb, wc, wd = (_WHOLE - p) * (_WHOLE - q), p * (_WHOLE - q), (_WHOLE - p) * q, p * q
        red = wa * (a[j] & _LOW) + wb * (b[j] & _LOW)
        red += wc * (c[j] & _LOW) + wd * (d[j] & _LOW)
        green = wa * ((a[j] >> _BYTE) & _LOW) + wb * ((b[j] >> _BYTE) & _LOW)
        green += wc * ((c[j] >> _BYTE) & _LOW) + wd * ((d[j] >> _BYTE) & _LOW)
        blue = wa * ((a[j] >> _WORD) & _LOW) + wb * ((b[j] >> _WORD) & _LOW)
        blue += wc * ((c[j] >> _WORD) & _LOW) + wd * ((d[j] >> _WORD) & _LOW)
        a[j] = (red + _ROUND) >> _WORD | ((green + _ROUND) >> _WORD) << _BYTE | ((blue + _ROUND) >> _WORD) << _WORD


@numba.njit(**KERNEL)
def _look_and_sample(
    places: Float32Array,
    first: int,
    size: tuple[np.float32, np.float32],
    cell: np.float32,
    slope: np.float32,
    nearest: Float32Array,
    columns: int,
    texels: Any,
    colors: UInt8Array,
    pixels: Float32Array,
) -> None:
    """Bilinear colour of each point that lies in the picture, looks at the camera and is not behind its cell."""
    index = stack_array(4, _TILE, np.int32)
    buffer = stack_array(5, _TILE, np.float32)
    corners = stack_array(4, _TILE, np.uint32)
    for left in range(0, len(colors), _TILE):
        n = min(_TILE, len(colors) - left)
        _look(places, first + left, n, size, cell, slope, nearest, columns, texels, buffer, index)
        _blend(texels, index, corners, n)
        us, vs, visible, color = buffer[0], buffer[1], buffer[4], corners[0]
        out, place = colors[left : left + n], pixels[left : left + n]
        for j in range(n):
            place[j, 0] = us[j] if visible[j] > _ZERO else _NAN
            place[j, 1] = vs[j] if visible[j] > _ZERO else _NAN
        for j in range(n):
            out[j, 0], out[j, 1] = np.uint8(color[j]), np.uint8(color[j] >> _BYTE)
            out[j, 2] = np.uint8(color[j] >> _WORD)


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
