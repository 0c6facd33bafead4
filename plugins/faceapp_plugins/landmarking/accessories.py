"""What people wear: spectacles, long hair, shoulders. Plain meshes in head coordinates, mm."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray, IntArray
from faceapp_plugins.landmarking.subjects import Rng


@dataclass(frozen=True, eq=False)
class Thing:
    """A mesh with colours.

    Parameters
    ----------
    vertices, tints : (n, 3) float32
        mm; linear colours.
    triangles : (m, 3) int32
        Drawn from both sides.
    hides : bool
        Whether a landmark behind it counts as hidden (a rim of spectacles does not: a person sees past it).
    """

    vertices: Float32Array
    tints: Float32Array
    triangles: IntArray
    hides: bool


def _sheet(rows: int, columns: int, *, closed: bool) -> IntArray:
    k, q = np.meshgrid(np.arange(rows - 1), np.arange(columns if closed else columns - 1), indexing="ij")
    here, right = k * columns + q, k * columns + (q + 1) % columns
    faces = np.stack([here, right, right + columns, here, right + columns, here + columns], axis=2)
    return np.asarray(faces.reshape(-1, 3), np.int32)


def _tube(line: FloatArray, radius: float, tint: npt.ArrayLike) -> Thing:
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True) + 1e-9
    side = np.cross(along, np.where(np.abs(along[:, 2:]) > 0.9, [[0.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]))
    side /= np.linalg.norm(side, axis=1, keepdims=True) + 1e-9
    up = np.cross(side, along)
    turn = np.linspace(0, 2 * np.pi, 5, endpoint=False)
    rings = line[:, None] + radius * (np.cos(turn)[:, None] * side[:, None] + np.sin(turn)[:, None] * up[:, None])
    vertices = rings.reshape(-1, 3).astype(np.float32)
    tints = np.broadcast_to(np.asarray(tint, np.float32), vertices.shape).copy()
    return Thing(vertices, tints, _sheet(len(line), 5, closed=True), hides=False)


def spectacles(landmarks: FloatArray, rng: Rng) -> list[Thing]:
    """Return frame, and dark lenses now and then, fitted before the eyes."""
    tint = rng.choice([0.01, 0.03, 0.1, 0.35]) * rng.uniform(0.5, 1.5, 3)
    thick = rng.uniform(0.5, 2.2)
    half_width, half_height = rng.uniform(21, 29), rng.uniform(14, 25)
    power, drop = rng.uniform(2, 5), rng.uniform(-2, 5)
    eyes = [landmarks[[66, 70]].mean(axis=0), landmarks[[75, 79]].mean(axis=0)]
    front = max(landmarks[52, 2] + 1, landmarks[[66, 79], 2].max() + 14, landmarks[35, 2] + 3, landmarks[44, 2] + 3)
    gap = 0.5 * abs(eyes[1][0] - eyes[0][0])
    half_width = min(half_width, gap - 6)
    curve = rng.uniform(0.001, 0.004)
    turn = np.linspace(0, 2 * np.pi, 33)
    things, ends = [], []
    for side, eye in zip((-1, 1), eyes, strict=True):
        shape = np.stack([np.cos(turn), np.sin(turn)], axis=1)
        shape = np.sign(shape) * np.abs(shape) ** (2 / power)
        x = eye[0] + half_width * shape[:, 0]
        line = np.stack([x, eye[1] - drop + half_height * shape[:, 1], front - curve * x**2], axis=1)
        things.append(_tube(line, thick, tint))
        outer = line[np.argmax(side * line[:, 0])] + [0, half_height * 0.5, 0]
        ear = np.array([side * 76.0, outer[1] - 2, -5.0])
        elbow = np.array([side * max(abs(outer[0]) + 4, 70), outer[1], outer[2] - 14])
        things.append(_tube(np.array([outer, elbow, ear]), thick * 0.8, tint))
        ends.append(line[np.argmax(-side * line[:, 0])])
        if rng.random() < 0.12:
            fan = np.stack([np.full(32, 33), np.arange(32), np.arange(1, 33)], axis=1).astype(np.int32)
            vertices = np.concatenate([line, line.mean(axis=0)[None] + [0, 0, 1]]).astype(np.float32)
            things.append(Thing(vertices, np.full_like(vertices, rng.uniform(0.01, 0.08)), fan, hides=True))
    bridge = np.array([ends[0], (ends[0] + ends[1]) / 2 + [0, 3, 2], ends[1]])
    return [*things, _tube(bridge, thick, tint)]


def long_hair(landmarks: FloatArray, colour: FloatArray, rng: Rng) -> list[Thing]:
    """Return a curtain of hair round the head, open in front, sometimes with a fringe."""
    rows, columns = 14, 40
    opening = np.radians(rng.uniform(48, 85))
    lean = rng.uniform(-0.25, 0.25)
    top, low = landmarks[[35, 44], 1].mean() + rng.uniform(25, 60), -rng.uniform(60, 260)
    angle = np.linspace(opening + lean, 2 * np.pi - opening + lean, columns)
    y = np.linspace(top, low, rows)
    wave = rng.normal(0, 1, (3, columns))
    things = []
    t = np.linspace(0, 1, rows)[:, None]
    radius = rng.uniform(86, 98) + 6 * np.sin(np.pi * t) + t * rng.uniform(-12, 18) + 2 * wave[0] + 2 * t * wave[1]
    depth = 1.08 * radius
    # The front edges swing open or closed with the height.
    swing = angle + (t * rng.uniform(-0.2, 0.35)) * np.where(angle < np.pi + lean, -1, 1) * -1
    x, z = radius * np.sin(swing), depth * np.cos(swing) - 8
    vertices = np.stack([x, np.broadcast_to(y[:, None], x.shape), z], axis=2).reshape(-1, 3)
    things.append(_hair_sheet(vertices, rows, columns, colour, rng))
    if rng.random() < 0.45:
        things.append(_fringe(landmarks, colour, rng))
    return things


def _fringe(landmarks: FloatArray, colour: FloatArray, rng: Rng) -> Thing:
    rows, columns = 6, 24
    angle = np.radians(np.linspace(-rng.uniform(30, 65), rng.uniform(30, 65), columns))
    brow = landmarks[[35, 44], 1].mean()
    end = brow + rng.uniform(-8, 25) + rng.uniform(-12, 12) * np.sin(angle) + rng.normal(0, 1.5, columns)
    t = np.linspace(0, 1, rows)[:, None]
    y = (brow + 75) * (1 - t) + t * end
    front = landmarks[[37, 42], 2].mean() + 6
    radius = front * (1 - 0.35 * (1 - t) ** 2) + rng.normal(0, 1, columns)
    x, z = 0.85 * radius * np.sin(angle), radius * np.cos(angle)
    vertices = np.stack([x, y, z], axis=2).reshape(-1, 3)
    return _hair_sheet(vertices, rows, columns, colour, rng)


def _hair_sheet(vertices: FloatArray, rows: int, columns: int, colour: FloatArray, rng: Rng) -> Thing:
    streak = np.tile(rng.uniform(0.6, 1.4, columns), rows) * rng.uniform(0.9, 1.1, rows * columns)
    tints = (streak[:, None] * colour).astype(np.float32)
    return Thing(vertices.astype(np.float32), tints, _sheet(rows, columns, closed=False), hides=True)


def shoulders(rng: Rng) -> Thing:
    """Return neck and shoulders under the head, clothed."""
    rows, columns = 12, 36
    turn = np.linspace(0, 2 * np.pi, columns, endpoint=False)
    t = np.linspace(0, 1, rows)[:, None]
    slope, width = rng.uniform(0.35, 0.8), rng.uniform(160, 230)
    across = 58 + (width - 58) * t**slope
    depth = 55 + 60 * t**0.6
    y = -rng.uniform(130, 160) - 110 * t ** rng.uniform(1.2, 2.2) - 230 * np.clip(t - 0.7, 0, 1)
    x = across * np.cos(turn)
    z = depth * np.sin(turn) - 15
    vertices = np.stack([x, np.broadcast_to(y, x.shape), z], axis=2).reshape(-1, 3).astype(np.float32)
    tint = (rng.uniform(0.01, 0.8) * rng.uniform(0.4, 1, 3)).astype(np.float32)
    tints = np.broadcast_to(tint, vertices.shape).astype(np.float32) * rng.uniform(0.9, 1.1, (len(vertices), 1))
    return Thing(vertices, tints.astype(np.float32), _sheet(rows, columns, closed=True), hides=False)
