"""Crops made different at every look: another frame about the face, another light, blur, noise, things before it."""

from __future__ import annotations

import cv2
import numpy as np

from faceapp.core.arrays import Float32Array, FloatArray, IntArray, UInt8Array
from faceapp_plugins.landmarking.crops import face_box

Rng = np.random.Generator


def framed(
    image: UInt8Array, points: Float32Array, rng: Rng, size: int, boxes: float, mirror: IntArray
) -> tuple[UInt8Array, Float32Array, float, bool]:
    """Return a picture of another square about the face, its points, the scale, and whether it is mirrored.

    Parameters
    ----------
    size : int
        Pixels a side.
    boxes : float
        Width over that of the face's box, before the error that a face finder makes.
    mirror : (106,) int32
        The point on the other side.
    """
    u, v, side = face_box(points)
    side *= boxes * np.exp(rng.normal(0, 0.1))
    u, v = u + rng.normal(0, 0.06) * side, v + rng.normal(0, 0.06) * side
    angle = rng.normal(0, np.radians(9))
    scale = size / side
    flip = bool(rng.random() < 0.5)
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    across = -1.0 if flip else 1.0
    turn = np.array([[across * cos, -across * sin], [sin, cos]])
    shift = (size - 1) / 2 - turn @ [u, v]
    border = cv2.BORDER_REPLICATE if rng.random() < 0.5 else cv2.BORDER_CONSTANT
    fill = rng.uniform(0, 255, 3).tolist()
    warp = np.concatenate([turn, shift[:, None]], axis=1)
    smooth = cv2.INTER_AREA if scale < 0.7 else cv2.INTER_LINEAR
    made = cv2.warpAffine(image, warp, (size, size), flags=smooth, borderMode=border, borderValue=fill)
    moved = points @ turn.T.astype(np.float32) + shift.astype(np.float32)
    return np.asarray(made), moved[mirror] if flip else moved, float(scale), flip


def spoiled(image: UInt8Array, rng: Rng) -> UInt8Array:
    """Return the picture as a worse camera in another light would have taken it."""
    size = image.shape[0]
    if rng.random() < 0.3:
        small = int(size * rng.uniform(0.3, 0.9))
        image = cv2.resize(cv2.resize(image, (small, small), interpolation=cv2.INTER_AREA), (size, size))
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.6)))
    if rng.random() < 0.3:
        image = _covered(image, rng)
    table = _tone_curve(rng)
    picture = np.stack([table[d][image[:, :, d]] for d in range(3)], axis=2)
    kind = rng.random()
    if kind < 0.25:
        grey = picture.mean(axis=2, keepdims=True)
        picture = grey + (picture - grey) * np.float32(0 if kind < 0.12 else rng.uniform(0.2, 1.5))
    if rng.random() < 0.5:
        # A sheet of noise made once a size, shifted: drawing it anew costs as much as the rest together.
        picture = picture + np.float32(rng.uniform(1, 12)) * _noise(size, rng)
    image = np.clip(picture, 0, 255).astype(np.uint8)
    if rng.random() < 0.25:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 80))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR))
    return image


_SHEETS: dict[int, Float32Array] = {}


def _noise(size: int, rng: Rng) -> Float32Array:
    if size not in _SHEETS:
        _SHEETS[size] = np.random.default_rng(9).standard_normal((size * 3, size * 3, 3)).astype(np.float32)
    row, column = rng.integers(0, 2 * size, 2)
    return _SHEETS[size][row : row + size, column : column + size]


def _tone_curve(rng: Rng) -> Float32Array:
    gain = np.exp(rng.normal(0, 0.25)) * np.exp(rng.normal(0, 0.06, 3))
    x = np.arange(256) / 255
    curve = (x ** np.exp(rng.normal(0, 0.25)))[None] * gain[:, None] + rng.normal(0, 0.05)
    return np.asarray(np.clip(255 * curve, 0, 255), np.float32)


def _covered(image: UInt8Array, rng: Rng) -> UInt8Array:
    size = image.shape[0]
    image = np.ascontiguousarray(image).copy()
    for _ in range(int(rng.integers(1, 4))):
        corner, extent = rng.uniform(-0.1, 1.0, 2) * size, rng.uniform(0.05, 0.4, 2) * size
        low, high = corner.astype(int).tolist(), (corner + extent).astype(int).tolist()
        cv2.rectangle(image, low, high, rng.uniform(0, 255, 3).tolist(), -1)
    return image


def scene_patch(image: UInt8Array, box: Float32Array, rng: Rng, size: int) -> tuple[UInt8Array, FloatArray]:
    """Return a square of a scene with its face (u, v, side) elsewhere and of another size; NaN where none is."""
    height = image.shape[0]
    side = height * float(np.exp(rng.uniform(np.log(0.55), np.log(1.6))))
    u, v = (height - 1) / 2 + rng.uniform(-0.35, 0.35, 2) * height
    angle, flip = rng.normal(0, np.radians(8)), -1.0 if rng.random() < 0.5 else 1.0
    scale = size / side
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.array([[flip * cos, -flip * sin], [sin, cos]])
    shift = (size - 1) / 2 - turn @ [u, v]
    warp = np.concatenate([turn, shift[:, None]], axis=1)
    border = (cv2.BORDER_REPLICATE, cv2.BORDER_REFLECT_101, cv2.BORDER_CONSTANT)[int(rng.integers(3))]
    made = cv2.warpAffine(image, warp, (size, size), flags=cv2.INTER_LINEAR, borderMode=border)
    place = turn @ box[:2].astype(np.float64) + shift
    if border == cv2.BORDER_REFLECT_101 and np.isfinite(place).all():
        made = cv2.warpAffine(image, warp, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(made), np.array([*place, scale * float(box[2])])
