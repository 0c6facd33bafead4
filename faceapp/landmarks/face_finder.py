"""Where the faces are in a picture: a small network of our own on a copy of 128 pixels, then on parts of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, UInt8Array
from faceapp.landmarks.onnx_models import Model

_INPUT_PX = 128
_STRIDE = 8
_LEAST_SCORE = 0.3
_SURE = 0.6
_SMALL_PX = 26.0
"""A face smaller than this in the small copy is looked for again in a part of the picture, for its place is coarse."""
_PART = 3.2
"""Width of that part over the face's."""
_FINER, _COARSER = 0.85, 1.3
"""How much finer or coarser than wanted a picture may be before it is turned into place."""


@dataclass(frozen=True)
class FaceBox:
    """A square about the landmarks of a face.

    Parameters
    ----------
    u, v, side : float
        Its middle and its side, pixels.
    score : float
        0 to 1.
    """

    u: float
    v: float
    side: float
    score: float


class FaceFinder:
    """Finds faces from frontal to profile, upright to some 40 degrees.

    Parameters
    ----------
    model : Model
        Takes ``pictures`` (B, 128, 128, 3) uint8, gives ``cells`` (B, 4, 16, 16): logit, place in the cell, log side.
    """

    def __init__(self, model: Model) -> None:
        self._model = model

    def find(self, image: UInt8Array) -> list[FaceBox]:
        """Return the faces of a picture (H, W, 3), RGB, the most prominent first.

        Where nothing is sure, the quarters of the picture are searched too.
        """
        height, width = image.shape[:2]
        middle, side = ((width - 1) / 2, (height - 1) / 2), float(max(width, height))
        found = self._look(image, [(*middle, side)])
        if not found or found[0].score < _SURE:
            steps = [(x, y) for y in (-0.25, 0.0, 0.25) for x in (-0.25, 0.0, 0.25)]
            parts = [(middle[0] + x * width, middle[1] + y * height, 0.5 * side) for x, y in steps]
            found = _distinct(found + self._look(image, parts))
        if found and found[0].side < _SMALL_PX / _INPUT_PX * side:
            first = found[0]
            nearer = self._look(image, [(first.u, first.v, max(_PART * first.side, 32.0))])
            near = [f for f in nearer if abs(f.u - first.u) + abs(f.v - first.v) < first.side]
            found = [near[0], *found[1:]] if near else found
        return found

    def _look(self, image: UInt8Array, squares: list[tuple[float, float, float]]) -> list[FaceBox]:
        pictures = np.stack([square_crop(image, u, v, side, _INPUT_PX) for u, v, side in squares])
        cells = self._model.run(pictures)[0]
        found = []
        for (u, v, side), cell in zip(squares, cells, strict=True):
            for box in _peaks(cell):
                scale = side / _INPUT_PX
                middle = (_INPUT_PX - 1) / 2
                found.append(
                    FaceBox(u + scale * (box.u - middle), v + scale * (box.v - middle), scale * box.side, box.score)
                )
        return _distinct(found)


def _peaks(cells: Float32Array) -> list[FaceBox]:
    """Return the local maxima of one map, in pixels of its picture."""
    score = 1 / (1 + np.exp(-cells[0]))
    highest = cv2.dilate(score, np.ones((3, 3), np.uint8))
    found = []
    for row, column in np.argwhere((score == highest) & (score > _LEAST_SCORE)).tolist():
        across, down, log_side = (float(x) for x in cells[1:, row, column])
        u = (column + 0.5 + across) * _STRIDE - 0.5
        v = (row + 0.5 + down) * _STRIDE - 0.5
        found.append(FaceBox(u, v, _STRIDE * float(np.exp(log_side)), float(score[row, column])))
    return found


def _distinct(boxes: list[FaceBox]) -> list[FaceBox]:
    """Return boxes by score times the root of their size, those left out that a better one covers."""
    kept: list[FaceBox] = []
    for box in sorted(boxes, key=lambda b: -b.score * np.sqrt(b.side)):
        if all(max(abs(box.u - k.u), abs(box.v - k.v)) > 0.5 * max(box.side, k.side) for k in kept):
            kept.append(box)
    return kept


def square_crop(
    image: npt.NDArray[np.uint8], u: float, v: float, side: float, size: int, angle: float = 0.0
) -> UInt8Array:
    """Return a square of a picture (size, size, 3): middle, side in pixels, turned by an angle (radian).

    Outside of the picture its border is repeated. Large squares are averaged down, not sampled.
    """
    height, width = image.shape[:2]
    reach = side * (abs(np.cos(angle)) + abs(np.sin(angle))) / 2 + 2
    left, right = (int(np.clip(x, 0, width)) for x in (u - reach, u + reach + 1))
    top, bottom = (int(np.clip(y, 0, height)) for y in (v - reach, v + reach + 1))
    if right - left < 2 or bottom - top < 2:
        return np.zeros((size, size, 3), np.uint8)
    part = image[top:bottom, left:right]
    u, v = u - left, v - top
    shrink = side / size
    skip = int(shrink // 2.5)
    if skip > 1 and min(part.shape[:2]) > 4 * skip:  # two or three pixels each way are enough for the average
        part, u, v, shrink = _every(part, skip), (u - skip // 2) / skip, (v - skip // 2) / skip, shrink / skip
    if shrink > 1.3:
        part, u, v, shrink = _averaged(part, u, v, shrink)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]]) / shrink
    shift = (size - 1) / 2 - turn @ [u, v]
    warp = np.concatenate([turn, shift[:, None]], axis=1)
    made = cv2.warpAffine(
        np.ascontiguousarray(part), warp, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(made, np.uint8)


def _every(part: UInt8Array, skip: int) -> UInt8Array:
    """Return every so many pixels of a picture, from the middle of the first ones on."""
    part = part[skip // 2 :, skip // 2 :]
    wide, high = part.shape[1] // skip, part.shape[0] // skip
    # six times as fast as a slice with steps
    whole = part[: high * skip, : wide * skip]
    return np.asarray(cv2.resize(whole, (wide, high), interpolation=cv2.INTER_NEAREST), np.uint8)


def _averaged(part: UInt8Array, u: float, v: float, shrink: float) -> tuple[UInt8Array, float, float, float]:
    """Average a picture down until it is about as fine as wanted; returns it, the place in it and what is left."""
    times = round(shrink)
    if min(part.shape[:2]) >= 2 * times and _FINER <= shrink / times <= _COARSER:  # whole numbers are much faster
        wide, high = part.shape[1] // times, part.shape[0] // times
        part = part[: high * times, : wide * times]
    else:
        wide, high = (max(round(n / shrink), 2) for n in (part.shape[1], part.shape[0]))
    u = (u + 0.5) * wide / part.shape[1] - 0.5
    v = (v + 0.5) * high / part.shape[0] - 0.5
    left = shrink * wide / part.shape[1]
    return np.asarray(cv2.resize(part, (wide, high), interpolation=cv2.INTER_AREA), np.uint8), u, v, left
