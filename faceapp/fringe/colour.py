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

_CELL_PX = 3.0
"""Edge of a cell in pixels of the measuring camera: a surface seen at 70 degrees still leaves no gap."""

_SAME_SURFACE_MM = 1.5
_CHUNK = 4096
_ZERO, _ONE, _HALF = np.float32(0), np.float32(1), np.float32(0.5)


def colour_points(
    points: Float32Array,
    normals: Float32Array,
    camera: CameraModel,
    picture: UInt8Array,
    footprint: float,
    threads: int = 0,
) -> tuple[UInt8Array, npt.NDArray[np.bool_]]:
    """Colour points from a picture (pixel-face.txt 3.1, texture mapping).

    Parameters
    ----------
    points, normals : (N, 3) float32
        Rig frame, mm.
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
        RGB; black where the point is not seen.
    seen : (N,) bool
        Whether the camera sees it.
    """
    seen, pixels = _seen(points, normals, camera, footprint, threads)
    colors = np.zeros((len(points), 3), np.uint8)
    over_rows(lambda a, b: _sample(pixels[a:b], seen[a:b], picture, colors[a:b]), len(points), _CHUNK, threads)
    return colors, seen


def _seen(
    points: Float32Array, normals: Float32Array, camera: CameraModel, footprint: float, threads: int
) -> tuple[npt.NDArray[np.bool_], Float32Array]:
    """Whether the camera sees each point, and its (N, 2) pixel."""
    n = len(points)
    pixels, depth = np.empty((n, 2), np.float32), np.empty(n, np.float32)
    model = _camera_row(camera)
    over_rows(lambda a, b: _project(points[a:b], model, pixels[a:b], depth[a:b]), n, _CHUNK, threads)
    cell = np.float32(max(_CELL_PX * footprint, 1.0))
    nearest = np.full((int(camera.height / cell) + 1, int(camera.width / cell) + 1), np.inf, np.float32)
    size = (np.float32(camera.width - 1), np.float32(camera.height - 1))
    _splat(pixels, depth, size, cell, nearest)
    seen = np.empty(n, np.bool_)
    slope = np.float32(float(cell) / float(camera.K[0, 0]))
    centre = camera.centre.astype(np.float32)

    def look(a: int, b: int) -> None:
        _look(pixels[a:b], depth[a:b], points[a:b], normals[a:b], centre, size, cell, slope, nearest, seen[a:b])

    over_rows(look, n, _CHUNK, threads)
    return seen, pixels


def _camera_row(camera: CameraModel) -> Float32Array:
    """Camera-from-rig rotation and translation, K and distortion as 22 float32 values."""
    inverse = camera.rig_from_camera.inverse()
    k = camera.K
    parts = [inverse.rotation.ravel(), inverse.translation, [k[0, 0], k[0, 1], k[0, 2], k[1, 1], k[1, 2]]]
    return np.concatenate([*parts, camera.distortion]).astype(np.float32)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _project(points: Float32Array, m: Float32Array, pixels: Float32Array, depth: Float32Array) -> None:
    """Pixel and depth of each point; see `CameraModel.project` for the lens."""
    two = np.float32(2)
    for i in range(len(points)):
        x, y, z = points[i, 0], points[i, 1], points[i, 2]
        d = m[6] * x + m[7] * y + m[8] * z + m[11]
        a = (m[0] * x + m[1] * y + m[2] * z + m[9]) / d
        b = (m[3] * x + m[4] * y + m[5] * z + m[10]) / d
        r2 = a * a + b * b
        radial = _ONE + r2 * (m[17] + r2 * (m[18] + r2 * m[21]))
        u = a * radial + two * m[19] * a * b + m[20] * (r2 + two * a * a)
        v = b * radial + m[19] * (r2 + two * b * b) + two * m[20] * a * b
        pixels[i, 0] = m[12] * u + m[13] * v + m[14]
        pixels[i, 1] = m[15] * v + m[16]
        depth[i] = d


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _splat(
    pixels: Float32Array,
    depth: Float32Array,
    size: tuple[np.float32, np.float32],
    cell: np.float32,
    nearest: Float32Array,
) -> None:
    """Write the smallest depth of the points of each cell."""
    per = _ONE / cell
    for i in range(len(depth)):
        u, v, d = pixels[i, 0], pixels[i, 1], depth[i]
        if u >= _ZERO and v >= _ZERO and u <= size[0] and v <= size[1] and d > _ZERO:
            row, column = np.intp(v * per), np.intp(u * per)
            nearest[row, column] = min(nearest[row, column], d)


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _look(
    pixels: Float32Array,
    depth: Float32Array,
    points: Float32Array,
    normals: Float32Array,
    centre: Float32Array,
    size: tuple[np.float32, np.float32],
    cell: np.float32,
    slope: np.float32,
    nearest: Float32Array,
    seen: npt.NDArray[np.bool_],
) -> None:
    """Whether each point lies in the picture, looks at the camera and is not behind its cell's nearest."""
    per = _ONE / cell
    same = np.float32(_SAME_SURFACE_MM)
    for i in range(len(depth)):
        u, v, d = pixels[i, 0], pixels[i, 1], depth[i]
        seen[i] = False
        if not (u >= _ZERO and v >= _ZERO and u <= size[0] and v <= size[1] and d > _ZERO):
            continue
        x, y, z = centre[0] - points[i, 0], centre[1] - points[i, 1], centre[2] - points[i, 2]
        along = normals[i, 0] * x + normals[i, 1] * y + normals[i, 2] * z
        cosine = along / np.sqrt(x * x + y * y + z * z)
        if cosine < np.float32(0.05):
            continue
        # within a cell a tilted surface itself spans this much depth
        steep = slope * d / cosine
        seen[i] = d <= nearest[np.intp(v * per), np.intp(u * per)] + same + steep


@numba.njit(cache=True, nogil=True, error_model="numpy", fastmath=FAST)
def _sample(pixels: Float32Array, seen: npt.NDArray[np.bool_], picture: UInt8Array, colors: UInt8Array) -> None:
    """Bilinear colour of the pixels that are seen."""
    height, width = picture.shape[0], picture.shape[1]
    for i in range(len(seen)):
        if not seen[i]:
            continue
        u, v = pixels[i, 0], pixels[i, 1]
        column, row = min(np.intp(u), width - 2), min(np.intp(v), height - 2)
        p, q = u - np.float32(column), v - np.float32(row)
        for k in range(3):
            a, b = np.float32(picture[row, column, k]), np.float32(picture[row, column + 1, k])
            c, d = np.float32(picture[row + 1, column, k]), np.float32(picture[row + 1, column + 1, k])
            upper, lower = a + p * (b - a), c + p * (d - c)
            colors[i, k] = np.uint8(upper + q * (lower - upper) + _HALF)


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
