"""A printed board before the simulated cameras: where it is held, and what a camera sees of its print."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import cv2
import numba
import numpy as np
import numpy.typing as npt

from faceapp.calibration.target import SHAPE_TERMS, BoardTarget
from faceapp.core.arrays import Float32Array, FloatArray
from faceapp.core.rig import CameraModel
from faceapp.core.transforms import RigidTransform

TARGET_KINDS = ("head", "board", "plane", "bar")
_PAPER, _INK = 0.85, 0.06
_MARGIN_SQUARES = 0.5
_RAYS_PER_SIDE = 4
_AZIMUTHS = (0.0, 28.0, 55.0, 28.0, 0.0, -28.0, -55.0, -28.0)


@dataclass(frozen=True, eq=False)
class PlacedBoard:
    """A board as it is held.

    Parameters
    ----------
    target : BoardTarget
        What is printed on it, in true millimetres.
    rig_from_board : RigidTransform
        See `BoardTarget` for its frame.
    shape : (S,) float64
        See `BoardTarget.shape_basis`; all 0 is flat.
    """

    target: BoardTarget
    rig_from_board: RigidTransform
    shape: FloatArray = field(default_factory=lambda: np.zeros(SHAPE_TERMS))

    def surface_points(self, flat: npt.ArrayLike) -> FloatArray:
        """Return points (..., 3) of the rig frame of places (..., 2) on the board, mm."""
        places = np.asarray(flat, np.float64)
        height = self.target.shape_basis(places) @ self.shape
        return self.rig_from_board.apply(np.concatenate([places, height[..., None]], axis=-1))

    @property
    def half_mm(self) -> FloatArray:
        """Half of width and height, the margin of white paper included."""
        return np.array(self.target.size_mm) / 2 + _MARGIN_SQUARES * self.target.square_mm


def bowed(target: BoardTarget, bow_mm: float, seed: int) -> FloatArray:
    """Return the shape of a board whose corners stand ``bow_mm`` off their plane, in a direction of chance."""
    rng = np.random.default_rng([seed, 7])
    shape = np.zeros(SHAPE_TERMS)
    shape[:3] = rng.normal(size=3) * (1.0, 0.5, 1.0)
    bow = target.bow_mm(shape)
    return shape * (bow_mm / bow if bow > 0 else 0.0)


def board_pose(seed: int, number: int) -> RigidTransform:
    """Return how the board is held in picture ``number``: towards each group, and between them, tilted and rolled."""
    rng = np.random.default_rng([seed, 11, number])
    azimuth = np.radians(_AZIMUTHS[number % len(_AZIMUTHS)] + rng.uniform(-18, 18))
    elevation = np.radians(rng.uniform(-28, 28))
    roll = np.radians(rng.choice([0.0, 90.0, 180.0, 270.0]) * (rng.random() < 0.4) + rng.uniform(-20, 20))
    facing = np.array([np.sin(azimuth) * np.cos(elevation), np.sin(elevation), np.cos(azimuth) * np.cos(elevation)])
    x = np.cross([0.0, 1.0, 0.0], facing)
    x /= np.linalg.norm(x)
    y = np.cross(-facing, x)
    turned = np.cos(roll) * x + np.sin(roll) * y, np.cos(roll) * y - np.sin(roll) * x
    place = rng.uniform(-1, 1, 3) * (55.0, 50.0, 60.0)
    return RigidTransform(np.stack([*turned, -facing], axis=1), place)


def window_of(camera: CameraModel, board: PlacedBoard) -> tuple[int, int, int, int]:
    """Return left, top, width and height of the part of a picture in which the board is; all 0 where it is not."""
    half = board.half_mm
    edge = np.linspace(-1, 1, 9)
    around = np.concatenate([np.stack([edge, np.full(9, s)], 1) for s in (-1, 1)])
    around = np.concatenate([around, around[:, ::-1]]) * half
    pixels, depth = camera.project(board.surface_points(around))
    if not (depth > 50).all():
        return 0, 0, 0, 0
    size = np.array([camera.width, camera.height])
    low = np.clip(np.floor(pixels.min(axis=0)) - 4, 0, size).astype(int)
    high = np.clip(np.ceil(pixels.max(axis=0)) + 5, 0, size).astype(int)
    if (high - low < 2).any():
        return 0, 0, 0, 0
    return int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])


def print_seen(
    camera: CameraModel, board: PlacedBoard, window: tuple[int, int, int, int]
) -> tuple[Float32Array, Float32Array]:
    """Return the (h, w) mean albedo of each pixel, and the (h, w, 2) places on the board of their centres (NaN off it).

    Nothing of a board is seen from behind.
    """
    left, top, width, height = window
    corners = np.full((height + 1, width + 1, 2), np.nan)
    into = board.rig_from_board.inverse() @ camera.rig_from_camera
    half = board.target.size_mm[0] / 2
    if (camera.centre - board.rig_from_board.translation) @ board.rig_from_board.rotation[:, 2] < 0:
        _hits(
            (left - 0.5, top - 0.5),
            camera.K,
            camera.distortion,
            into.rotation,
            into.translation,
            board.shape,
            half,
            corners,
        )
    albedo = np.zeros((height, width), np.float32)
    columns, rows = board.target.size_mm
    bitmap = board.target.bitmap()
    cell = np.array([columns / bitmap.shape[1], rows / bitmap.shape[0]])
    _print(corners, bitmap, cell, board.half_mm, np.array([columns / 2, rows / 2]), albedo)
    centres = (corners[:-1, :-1] + corners[1:, :-1] + corners[:-1, 1:] + corners[1:, 1:]) / 4
    centres[albedo == 0] = np.nan
    return albedo, centres.astype(np.float32)


@numba.njit(cache=True, nogil=True)
def _hits(
    first: tuple[float, float],
    k: FloatArray,
    distortion: FloatArray,
    turn: FloatArray,
    origin: FloatArray,
    shape: FloatArray,
    half: float,
    found: FloatArray,
) -> None:
    """Fill (h, w, 2) places on the board that pixels (u, v) from ``first`` on see."""
    k1, k2, p1, p2, k3 = distortion[0], distortion[1], distortion[2], distortion[3], distortion[4]
    for r in range(found.shape[0]):
        yd = (first[1] + r - k[1, 2]) / k[1, 1]
        for c in range(found.shape[1]):
            xd = (first[0] + c - k[0, 2] - k[0, 1] * yd) / k[0, 0]
            x, y = xd, yd
            for _ in range(10):
                r2 = x * x + y * y
                radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
                dx = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
                dy = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
                x, y = (xd - dx) / radial, (yd - dy) / radial
            a = turn[0, 0] * x + turn[0, 1] * y + turn[0, 2]
            b = turn[1, 0] * x + turn[1, 1] * y + turn[1, 2]
            d = turn[2, 0] * x + turn[2, 1] * y + turn[2, 2]
            if d < 1e-6:
                continue
            height = 0.0
            for _ in range(4):
                t = (height - origin[2]) / d
                u, v = (origin[0] + t * a) / half, (origin[1] + t * b) / half
                height = shape[0] * u * u + shape[1] * u * v + shape[2] * v * v
                height += shape[3] * u * u * u + shape[4] * u * u * v + shape[5] * u * v * v + shape[6] * v * v * v
            if t > 0:
                found[r, c, 0], found[r, c, 1] = u * half, v * half


@numba.njit(cache=True, nogil=True)
def _print(
    corners: FloatArray,
    bitmap: npt.NDArray[np.bool_],
    cell: FloatArray,
    reach: FloatArray,
    half: FloatArray,
    albedo: Float32Array,
) -> None:
    """Fill the mean albedo of pixels (h, w) between the places of their corners (h + 1, w + 1, 2)."""
    side = _RAYS_PER_SIDE
    for r in range(albedo.shape[0]):
        for c in range(albedo.shape[1]):
            total = 0.0
            for i in range(side):
                f = (i + 0.5) / side
                ax = (1 - f) * corners[r, c, 0] + f * corners[r + 1, c, 0]
                ay = (1 - f) * corners[r, c, 1] + f * corners[r + 1, c, 1]
                bx = (1 - f) * corners[r, c + 1, 0] + f * corners[r + 1, c + 1, 0]
                by = (1 - f) * corners[r, c + 1, 1] + f * corners[r + 1, c + 1, 1]
                for j in range(side):
                    g = (j + 0.5) / side
                    x, y = (1 - g) * ax + g * bx, (1 - g) * ay + g * by
                    if not (abs(x) <= reach[0] and abs(y) <= reach[1]):
                        continue
                    u, v = (x + half[0]) / cell[0], (y + half[1]) / cell[1]
                    if 0 <= u < bitmap.shape[1] and 0 <= v < bitmap.shape[0] and not bitmap[int(v), int(u)]:
                        total += _INK
                    else:
                        total += _PAPER
            albedo[r, c] = total / (side * side)


def blurred(picture: npt.NDArray[Any], sigma_px: float) -> Float32Array:
    """Return a picture as a lens blurs it."""
    if sigma_px <= 0:
        return np.asarray(picture, np.float32)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px, borderType=cv2.BORDER_REPLICATE), np.float32)
