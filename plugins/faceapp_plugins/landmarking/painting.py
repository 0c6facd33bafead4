"""Skin, brows, lashes, beard and hair of a random person, painted round the mean head.

The brows are painted first and their landmarks attached to the paint: a brow's place on the bone differs between
people, and a label that does not follow it would teach the network to ignore what it sees.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np

from faceapp.core.arrays import Float32Array, FloatArray
from faceapp_plugins.landmarking.subjects import CHART_SHAPE, Person, Rng, brow_points

_TONES = np.array(
    [(240, 208, 190), (232, 190, 168), (224, 180, 150), (205, 158, 128), (176, 124, 94), (140, 94, 68), (102, 66, 48),
     (70, 45, 34), (48, 32, 26)], np.float64,
)  # fmt: skip
_HAIRS = np.array(
    [(22, 18, 17), (40, 28, 22), (70, 46, 30), (112, 76, 46), (168, 130, 84), (214, 184, 136), (130, 62, 34),
     (150, 148, 146), (222, 220, 216)], np.float64,
)  # fmt: skip
_GREYS = (7, 8)
_IRISES = np.array(
    [(40, 26, 18), (70, 46, 28), (96, 74, 46), (78, 92, 66), (84, 112, 132), (120, 140, 150)], np.float64
)
_BROW_MEANS = (-5.0, 0.0, 0.0, 0.0)
"""Lift, inward, tilt, arch in pixels of the chart (0.75 mm). The brows' points of the average head stand on the bone's
upper edge, 0.26 outer eye distances above the eyes; on six photographs brows stand at 0.15 to 0.22."""
_BROW_OVER_LID = 6.0


@dataclass(frozen=True, eq=False)
class Paint:
    """A painted person.

    Parameters
    ----------
    texture : (H, W, 5) float32
        Linear skin colour, share of hair, brightness of the hair.
    brows : (2, 9, 2) float64
        Places of the brows' landmarks in the chart, in the order of `subjects.brow_points`.
    lip, hair, iris : (3,) float64
        Linear colours.
    lip_share : float
        How much the lips differ from skin.
    growth : (H, W) float32
        Length of hair, mm.
    """

    texture: Float32Array
    brows: FloatArray
    lip: FloatArray
    lip_share: float
    hair: FloatArray
    iris: FloatArray
    growth: Float32Array


def linear(colour: FloatArray) -> FloatArray:
    """Return linear light, 0 to 1, of an sRGB colour, 0 to 255."""
    return np.asarray((np.clip(colour, 0, 255) / 255) ** 2.2, np.float64)


@functools.cache
def _grains(size: int) -> list[Float32Array]:
    rng = np.random.default_rng(size)
    found = []
    for _ in range(5):
        coarse = rng.standard_normal((CHART_SHAPE[0] // size + 2, CHART_SHAPE[1] // size + 2)).astype(np.float32)
        fine = cv2.resize(coarse, CHART_SHAPE[::-1], interpolation=cv2.INTER_CUBIC)
        found.append(np.asarray(fine / fine.std(), np.float32))
    return found


def grain(rng: Rng, size: int) -> Float32Array:
    """Return noise of unit deviation whose features are ``size`` pixels wide, out of a few sheets shifted at random."""
    sheet = _grains(size)[int(rng.integers(5))]
    shift = (int(rng.integers(CHART_SHAPE[0])), int(rng.integers(CHART_SHAPE[1])))
    return np.asarray(np.roll(sheet, shift, axis=(0, 1)))


def paint(person: Person, rng: Rng) -> Paint:
    """Return a random painting for a person."""
    marks = person.topology.landmark_chart
    depth = rng.beta(0.9, 1.1) * (len(_TONES) - 1)
    tone = np.array([np.interp(depth, np.arange(len(_TONES)), _TONES[:, d]) for d in range(3)])
    tone = np.clip(tone * rng.normal(1, 0.04, 3) * rng.normal(1, 0.05), 20, 250)
    dark = depth > 4
    pool = [0, 0, 1, 1, 2] if dark else list(range(7))
    if person.age > rng.uniform(40, 70):
        pool = list(_GREYS)
    hair = _HAIRS[int(rng.choice(pool))] * rng.uniform(0.8, 1.2)
    skin = np.ascontiguousarray(np.broadcast_to(linear(tone), (*CHART_SHAPE, 3)), np.float32)
    skin = _mottled(skin, marks, person.age, rng)
    brow_hair = hair if rng.random() < 0.75 else _HAIRS[int(rng.choice(len(_HAIRS)))]
    brows = _brow_shapes(marks, rng)
    _paint_brows(skin, brows, linear(brow_hair * rng.uniform(0.5, 1.1)), person.male, rng)
    _paint_lids(skin, marks, rng, made_up=not person.male and rng.random() < 0.4)
    cover, growth = _scalp(marks, person.male, rng)
    if person.male and rng.random() < 0.55:
        beard, length = _beard(marks, rng)
        cover, growth = np.maximum(cover, beard), np.maximum(growth, length)
    streak = 1 + 0.25 * _streaks(rng) + 0.1 * grain(rng, 2)
    texture = np.concatenate([skin, cover[..., None], np.clip(streak, 0.3, 2)[..., None]], axis=2)
    red = np.array([rng.uniform(0.8, 1.05), rng.uniform(0.42, 0.75), rng.uniform(0.45, 0.8)])
    lip = linear(tone * red) if rng.random() < 0.8 or person.male else linear(rng.uniform((90, 15, 20), (210, 90, 110)))
    return Paint(
        np.ascontiguousarray(texture, np.float32), brows, lip, float(rng.uniform(0.15, 1)), linear(hair),
        linear(_IRISES[int(rng.integers(2 if dark else len(_IRISES)))] * rng.uniform(0.8, 1.2)), growth,
    )  # fmt: skip


def _mottled(skin: Float32Array, marks: FloatArray, age: float, rng: Rng) -> Float32Array:
    factor = 1 + rng.uniform(0.01, 0.05) * grain(rng, 24) + rng.uniform(0.005, 0.05) * grain(rng, 3)
    if rng.random() < 0.2:
        factor *= 1 - rng.uniform(0.1, 0.35) * np.clip(grain(rng, 4) - rng.uniform(1, 1.8), 0, 1)
    colour = skin * factor[..., None]
    v, u = np.mgrid[: CHART_SHAPE[0], : CHART_SHAPE[1]].astype(np.float32)
    nose, eyes = marks[54], marks[[66, 79]]
    blobs = [(nose, 14, 12, rng.uniform(0, 0.2))]
    for side, eye in zip((-1, 1), eyes, strict=True):
        blobs.append((nose + np.array([side * 45, 5]), 22, 20, rng.uniform(0, 0.25)))
        blobs.append((eye + np.array([-side * 18, 14]), 16, 5, rng.uniform(-0.1, 0.25)))
        blobs.append((eye + np.array([-side * 18, -9]), 18, 6, rng.uniform(-0.1, 0.3)))
    for (x, y), across, along, strength in blobs:
        weight = strength * np.exp(-0.5 * (((u - x) / across) ** 2 + ((v - y) / along) ** 2))
        colour *= 1 - weight[..., None] * np.array([0.25, 1.0, 0.9], np.float32)
    _wrinkles(colour, marks, age, rng)
    return np.asarray(np.clip(colour, 0.002, 1), np.float32)


def _wrinkles(colour: Float32Array, marks: FloatArray, age: float, rng: Rng) -> None:
    strength = np.clip((age - 25) / 50, 0, 1) * rng.uniform(0, 0.6) + rng.uniform(0, 0.12)
    lines = []
    for side, wing, corner, eye in ((-1, 57, 84, 66), (1, 63, 90, 79)):
        lines.append(
            [
                marks[wing] + [side * 4, -4],
                (marks[wing] + marks[corner]) / 2 + [side * 9, 0],
                marks[corner] + [side * 8, 8],
            ]
        )
        lines += [
            [marks[eye] + [side * 6, 2], marks[eye] + [side * rng.uniform(18, 30), (step - 1) * 8]]
            for step in range(int(rng.integers(0, 4)))
        ]
        lines.append([marks[eye] + [side * -2, 8], marks[eye] + [-side * 16, 13], marks[eye] + [-side * 34, 8]])
    middle = (marks[37] + marks[42]) / 2
    for step in range(int(rng.integers(0, 5))):
        y = middle[1] - 18 - 9 * step
        lines.append([[middle[0] + x, y + rng.normal(0, 1.5)] for x in np.linspace(-45, 45, 7)])
    mask = np.zeros(CHART_SHAPE, np.float32)
    for line in lines:
        points = np.rint(np.array(line) * 8).astype(np.int32)
        cv2.polylines(mask, [points], False, (float(rng.uniform(0.3, 1)),), 1 + int(rng.random() < 0.4), cv2.LINE_AA, 3)
    colour *= 1 - strength * cv2.GaussianBlur(mask, (0, 0), 0.8)[..., None]


def _brow_shapes(marks: FloatArray, rng: Rng) -> FloatArray:
    """Return the nine places of both brows after moving, bending, stretching and thickening them together."""
    lift, inward, tilt, arch = rng.normal(_BROW_MEANS, (4.5, 1.6, 2.2, 1.8))
    # Not onto the lids.
    room = min(marks[68, 1] - marks[40, 1], marks[77, 1] - marks[48, 1]) - _BROW_OVER_LID
    lift = max(float(lift), -float(room))
    stretch, thick = rng.uniform(0.85, 1.2), np.exp(rng.normal(0.05, 0.3))
    taper = rng.uniform(-0.4, 0.4)
    found = []
    for side, indices in zip((-1, 1), brow_points(), strict=True):
        points = marks[indices].copy()
        # From the inner to the outer end; the outer corner has no width.
        pairs = ((4, 5), (3, 6), (2, 7), (1, 8), (0, 0)) if side < 0 else ((0, 8), (1, 7), (2, 6), (3, 5), (4, 4))
        s = np.linspace(0, 1, 5)
        middle = np.array([(points[a] + points[b]) / 2 for a, b in pairs])
        half = np.array([(points[b] - points[a]) / 2 for a, b in pairs])
        own = rng.normal(0, 0.5, 4)
        centre = middle.mean(axis=0)
        middle = centre + (middle - centre) * [stretch, 1] + [side * (inward + own[0]), -(lift + own[1])]
        middle[:, 1] += (tilt + own[2]) * (s - 0.5) * 2 - (arch + own[3]) * (1 - (2 * s - 1) ** 2)
        half *= (thick * (1 + taper * (0.5 - s)))[:, None]
        for (a, b), centre_k, half_k in zip(pairs, middle, half, strict=True):
            points[a], points[b] = centre_k - half_k, centre_k + half_k
        found.append(points)
    return np.array(found)


def _paint_brows(skin: Float32Array, brows: FloatArray, colour: FloatArray, male: bool, rng: Rng) -> None:
    density = rng.uniform(0.35, 1.0) if male else rng.uniform(0.25, 0.9)
    bare_ends = rng.uniform(0, 0.5)
    mask, hairs = np.zeros(CHART_SHAPE, np.float32), np.zeros(CHART_SHAPE, np.float32)
    for side, points in zip((-1, 1), brows, strict=True):
        dense = np.concatenate([_smooth_line(points[:5]), _smooth_line(np.concatenate([points[4:], points[:1]]))])
        cv2.fillPoly(mask, [np.rint(dense * 16).astype(np.int32)], (1.0,), cv2.LINE_AA, 4)
        low, high = points.min(axis=0), points.max(axis=0)
        for x, y in rng.uniform(low - 1, high + 1, (int(rng.integers(60, 160)), 2)):
            s = (x - low[0]) / (high[0] - low[0])
            s = s if side > 0 else 1 - s
            angle = np.radians(75 - 75 * min(1.5 * s, 1) + rng.normal(0, 12))
            step = rng.uniform(3, 6.5) * np.array([side * np.cos(angle), -np.sin(angle)])
            ends = np.rint((np.array([[x, y], [x + step[0], y + step[1]]]) - step / 2) * 16).astype(np.int32)
            cv2.line(hairs, ends[0].tolist(), ends[1].tolist(), (float(rng.uniform(0.4, 1)),), 1, cv2.LINE_AA, 4)
    soft = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.7, 1.8)))
    near = np.clip(cv2.GaussianBlur(mask, (0, 0), 2.2) * 1.6, 0, 1)
    alpha = density * np.clip(soft * rng.uniform(0.35, 0.95) + hairs * near * rng.uniform(0.2, 0.9), 0, 1)
    for points, inmost in zip(brows, ([4, 5], [0, 8]), strict=True):
        inner = points[inmost].mean(axis=0)
        v, u = np.mgrid[: CHART_SHAPE[0], : CHART_SHAPE[1]]
        alpha *= 1 - bare_ends * np.exp(-0.5 * ((u - inner[0]) ** 2 + (v - inner[1]) ** 2) / 25)
    skin += alpha[..., None].astype(np.float32) * (colour.astype(np.float32) - skin)


def _smooth_line(points: FloatArray) -> FloatArray:
    """Return a line of 25 points through some points (Catmull-Rom)."""
    ends = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    found = []
    for k in range(len(points) - 1):
        a, b, c, d = ends[k : k + 4]
        t = np.linspace(0, 1, 6)[:, None]
        found.append(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3))
    return np.concatenate(found)


def _paint_lids(skin: Float32Array, marks: FloatArray, rng: Rng, *, made_up: bool) -> None:
    lashes = np.zeros(CHART_SHAPE, np.float32)
    for upper, lower in (((66, 67, 68, 69, 70), (66, 73, 72, 71, 70)), ((75, 76, 77, 78, 79), (75, 82, 81, 80, 79))):
        for line, strength, shift in ((upper, 1.0, -0.6), (lower, 0.45, 0.5)):
            points = np.rint((_smooth_line(marks[list(line)]) + np.array([0, shift])) * 16).astype(np.int32)
            cv2.polylines(lashes, [points], False, (strength,), 2 if made_up else 1, cv2.LINE_AA, 4)
    share = np.clip(cv2.GaussianBlur(lashes, (0, 0), 0.6) * rng.uniform(0.2, 1.6), 0, 0.95)
    skin *= 1 - share[..., None]


def _scalp(marks: FloatArray, male: bool, rng: Rng) -> tuple[Float32Array, Float32Array]:
    """Return cover and length (mm) of the hair on the head behind a random hairline."""
    v, u = np.mgrid[: CHART_SHAPE[0], : CHART_SHAPE[1]].astype(np.float32)
    degrees = np.abs(u - (CHART_SHAPE[1] - 1) / 2) * 360 / CHART_SHAPE[1]
    brow = marks[[35, 44], 1].mean()
    front = brow - rng.uniform(38, 75) - (rng.uniform(0, 40) if male and rng.random() < 0.4 else 0)
    corner, recess = rng.uniform(25, 45), rng.uniform(-10, 22)
    ear = marks[[0, 32], 1].mean()
    line = np.interp(
        degrees,
        [0, corner, rng.uniform(55, 68), rng.uniform(72, 80), rng.uniform(84, 92), 100, 118, 180],
        [front, front - recess, brow - rng.uniform(-8, 25), ear + rng.uniform(-25, 22), ear + rng.uniform(-30, 5),
         ear - 32, ear + rng.uniform(30, 70), ear + rng.uniform(50, 90)],
    )  # fmt: skip
    if rng.random() < (0.16 if male else 0.02):
        line = line - np.interp(degrees, [0, 60, 90, 180], [200, 200, rng.uniform(0, 200), rng.uniform(0, 200)])
    edge = rng.uniform(3, 10)
    t = np.clip((line - v + 3 * grain(rng, 8) + 2 * grain(rng, 3)) / edge, 0, 1)
    cover = np.asarray(t * t * (3 - 2 * t), np.float32)
    length = rng.choice([1.0, 4.0, 12.0, 22.0], p=[0.2, 0.3, 0.3, 0.2]) * rng.uniform(0.6, 1.3)
    growth = length * np.clip((line - v) / rng.uniform(15, 40), 0, 1) * (1 + 0.25 * grain(rng, 24))
    return cover * rng.uniform(0.8, 1), np.asarray(np.clip(growth, 0, 40), np.float32)


def _beard(marks: FloatArray, rng: Rng) -> tuple[Float32Array, Float32Array]:
    """Return cover and length (mm) of a beard: shaved, moustache, about the mouth, or full."""
    v, u = np.mgrid[: CHART_SHAPE[0], : CHART_SHAPE[1]].astype(np.float32)
    x = np.abs(u - (CHART_SHAPE[1] - 1) / 2)
    kind = rng.choice(["shaved", "moustache", "round", "full"], p=[0.35, 0.1, 0.15, 0.4])
    mouth, nose, chin = marks[[84, 90], 1].mean(), marks[60, 1], marks[16, 1]
    half = abs(marks[90, 0] - marks[84, 0]) / 2
    cheek = np.interp(
        x,
        [0, half, half + 35, 175],
        [nose + 3, nose + rng.uniform(6, 18), mouth - rng.uniform(-10, 22), mouth - rng.uniform(50, 70)],
    )
    area = np.clip((v - cheek + 3 * grain(rng, 6)) / rng.uniform(4, 12), 0, 1) * np.clip(
        (chin + rng.uniform(20, 45) - v) / 12, 0, 1
    )
    area *= np.clip((190 - x) / 12, 0, 1)
    lip = np.clip((mouth + 2 - v) / 3, 0, 1) * np.clip((half + 10 - x) / 6, 0, 1)
    if kind == "moustache":
        area *= lip
    elif kind == "round":
        area *= np.clip((half + rng.uniform(8, 18) - x) / 7, 0, 1)
    elif rng.random() < 0.2:
        area *= 1 - lip
    strength = rng.uniform(0.15, 0.5) if kind == "shaved" else rng.uniform(0.5, 1)
    length = 0.0 if kind == "shaved" else rng.uniform(0, 6)
    cover = np.asarray(np.clip(area * strength * (1 + 0.25 * grain(rng, 2)), 0, 1), np.float32)
    return cover, np.asarray(area * length, np.float32)


def _streaks(rng: Rng) -> Float32Array:
    """Noise drawn out along the height, as strands are."""
    return np.asarray(cv2.resize(grain(rng, 2)[::12], CHART_SHAPE[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
