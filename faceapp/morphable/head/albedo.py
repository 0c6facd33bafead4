"""The painted skin: a picture in the chart of the cage, in colour and in infrared."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import Float32Array, FloatArray, UInt8Array
from faceapp.morphable.head import eyes_and_teeth
from faceapp.morphable.head.cage import CHART_ROWS, COLUMNS, HALF, INSERTS, inserts
from faceapp.morphable.head.figures import figures
from faceapp.morphable.head.hairs import Hairs, brow_hairs, lash_hairs, stubble
from faceapp.morphable.head.parameters import HeadParameters

CELL = 64
"""Pixels of the chart's picture per cell of the cage."""
CELL_MM = 9.6
"""Length of a cell on the cheek, mm, for the grain of the infrared skin."""

# Infrared albedo of the painted heads of the simulated captures (rig-default.toml, albedo_simulated_captures).
INFRARED_LIGHT = 0.75
INFRARED_DARK = 0.42
INFRARED_BROW = 0.46
INFRARED_HAIR = 0.60
INFRARED_LIPS = 0.95
INFRARED_SCLERA = 0.72
INFRARED_IRIS = 0.40
INFRARED_PUPIL = 0.10
INFRARED_TEETH = 0.70
INFRARED_MOUTH = 0.45
# The figures give half the range of the grain, the grain here has unit deviation.
_GRAIN_SHARE = 0.6
# The figures' 19.8 leaves a bald strip above the ear, whose rectangle ends at row 19.
_ABOVE_EAR_ROW = 19.1
_INFRARED_GRAIN = ((9.0, 0.05), (2.6, 0.035), (0.9, 0.03))


@dataclass(frozen=True, eq=False)
class Painting:
    """The skin's albedo in the chart.

    Parameters
    ----------
    rgb : (2368, 2048, 3) uint8
        Row 0 on top, that is at the highest v.
    infrared : (2368, 2048) float32
        0 to 1.
    """

    rgb: UInt8Array
    infrared: Float32Array

    def sample(self, chart: FloatArray, blur_px: float) -> tuple[UInt8Array, Float32Array]:
        """Return colour (n, 3) and infrared (n,) at chart places (n, 2), averaged over ``blur_px`` (one sigma)."""
        x = (CELL * (chart[:, 0] + HALF) - 0.5).astype(np.float32)
        y = (CELL * (CHART_ROWS - 1 - chart[:, 1]) - 0.5).astype(np.float32)
        layers: list[npt.NDArray[Any]] = []
        for picture in (self.rgb, self.infrared):
            smooth = cv2.GaussianBlur(picture, (0, 0), blur_px)
            layers.append(_remap(smooth, x, y))
        return layers[0].astype(np.uint8), layers[1].astype(np.float32)


def _remap(picture: npt.NDArray[Any], x: Float32Array, y: Float32Array) -> npt.NDArray[Any]:
    # OpenCV refuses maps of more than 32,767 rows, so the points are laid out as a sheet.
    width = 1024
    short = -len(x) % width
    maps = [np.pad(m, (0, short)).reshape(-1, width) for m in (x, y)]
    found = cv2.remap(picture, maps[0], maps[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(found.reshape((-1, *picture.shape[2:]))[: len(x)])


def chart_uv(chart: FloatArray) -> Float32Array:
    """Return texture coordinates, (0, 0) at the lower left, of chart places (..., 2) = (column u, row v)."""
    u = (chart[..., 0] + HALF) / COLUMNS
    v = (chart[..., 1] + 1) / CHART_ROWS
    return np.stack([u, v], axis=-1).astype(np.float32)


def _ramp(x: npt.ArrayLike, start: float, over: float) -> Float32Array:
    t = np.clip((np.asarray(x, np.float32) - start) / over, 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def _grain(rng: np.random.Generator, cell_px: float, shape: tuple[int, int]) -> Float32Array:
    """Return smooth noise of unit deviation whose features are ``cell_px`` wide."""
    height, width = (max(2, round(n / cell_px) + 1) for n in shape)
    coarse = rng.standard_normal((height, width), dtype=np.float32)
    if cell_px <= 1:
        return np.asarray(coarse[: shape[0], : shape[1]])
    fine = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(fine / fine.std(), np.float32)


@functools.lru_cache(maxsize=1)
def _ring_maps() -> dict[str, tuple[slice, slice, Float32Array]]:
    """Return rows, columns and the ring coordinate of each insert's rectangle in the picture."""
    maps: dict[str, tuple[slice, slice, Float32Array]] = {}
    for name in INSERTS:
        shape = inserts()[name]
        rows = slice(CELL * (CHART_ROWS - 1 - shape.i1), CELL * (CHART_ROWS - 1 - shape.i0))
        columns = slice(CELL * (shape.j0 + HALF), CELL * (shape.j1 + HALF))
        height, width = rows.stop - rows.start, columns.stop - columns.start
        y = np.abs(np.linspace(-1, 1, height, dtype=np.float32))[:, None]
        x = np.abs(np.linspace(-1, 1, width, dtype=np.float32))[None, :]
        maps[name] = (rows, columns, shape.rings * (1 - np.maximum(x, y)))
    return maps


@functools.lru_cache(maxsize=1)
def _places() -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return |u| (1, W) and v (H, 1) of the picture's pixels."""
    u = np.abs((np.arange(CELL * COLUMNS, dtype=np.float32) + 0.5) / CELL - HALF)[None, :]
    v = CHART_ROWS - 1 - (np.arange(CELL * CHART_ROWS, dtype=np.float32) + 0.5)[:, None] / CELL
    return u.astype(np.float32), v.astype(np.float32)


def paint(parameters: HeadParameters) -> Painting:
    """Return the painted skin of a person; the same person always gives the same picture."""
    seed = 0 if parameters.noise_seed is None else parameters.noise_seed
    return _paint(parameters.sex, round(parameters.age), seed, parameters.tone, parameters.hair)


@functools.lru_cache(maxsize=2)
def _paint(sex: str, age: int, seed: int, tone_index: int, hair_index: int) -> Painting:
    rule = figures("albedo")["albedo"]
    rng = np.random.default_rng([seed, 22])
    shape = (CELL * CHART_ROWS, CELL * COLUMNS)
    tone = np.array(rule["tones_rgb"][tone_index], np.float32)
    hair = np.array(rule["hair_rgb"][hair_index], np.float32)
    factor, ink = np.ones((*shape, 3), np.float32), Hairs(shape, CELL)
    _mottle(factor, rng)
    _tint(factor)
    if age > rule["age_spots"]["from_years"]:
        _age_spots(factor, age, rng)
    lips = _paint_lips(factor, tone, sex, rng)
    inside = _paint_openings(factor)
    density = _hair_density(sex, rng)
    if sex == "male":
        _paint_beard(factor, rng)
        stubble(ink, rng)
    rgb = tone * factor
    brow_hairs(ink, sex, rng)
    lash_hairs(ink, rng)
    for mask, colour, strength in ((density, hair, 0.78), (ink.alpha, hair * 0.85, 1.0)):
        share = (strength * mask)[:, :, None]
        rgb = rgb * (1 - share) + colour * share
    infrared = _infrared(tone, lips, inside, density, ink.brow, rng)
    return Painting(np.clip(rgb, 0, 255).astype(np.uint8), infrared)


def _mottle(factor: Float32Array, rng: np.random.Generator) -> None:
    rule = figures("albedo")["albedo"]["noise"]
    shape = (factor.shape[0], factor.shape[1])
    total = np.ones(shape, np.float32)
    for cell, amplitude in zip(rule["cells_px"], rule["amplitude"], strict=True):
        total += _GRAIN_SHARE * amplitude * _grain(rng, cell, shape)
    factor *= total[:, :, None]
    red = _GRAIN_SHARE * rule["red"]["amplitude"] * _grain(rng, rule["red"]["cell_px"], shape)
    factor[:, :, 0] *= 1 + red


def _tint(factor: Float32Array) -> None:
    u, v = _places()
    for centre_u, centre_v, su, sv, *rgb in figures("albedo")["albedo"]["tints"]["rows"]:
        weight = np.exp(-0.5 * (((u - centre_u) / su) ** 2 + ((v - centre_v) / sv) ** 2))
        factor *= 1 + weight[:, :, None] * (np.array(rgb, np.float32) - 1)


def _age_spots(factor: Float32Array, age: int, rng: np.random.Generator) -> None:
    rule = figures("albedo")["albedo"]["age_spots"]
    mask = np.zeros(factor.shape[:2], np.float32)
    for _ in range(int(rule["per_year"] * (age - rule["from_years"]))):
        u, v = rng.uniform(-10, 10), rng.uniform(4, 25.5)
        centre = (round(CELL * (u + HALF)), round(CELL * (CHART_ROWS - 1 - v)))
        least, most = rule["radius_px"]
        axes = (int(rng.uniform(least, most)), int(rng.uniform(least, most)))
        cv2.ellipse(mask, centre, axes, float(rng.uniform(0, 180)), 0, 360, (float(rng.uniform(0.4, 1)),), -1)
    spots = rule["strength"] * cv2.GaussianBlur(mask, (0, 0), 2.5)[:, :, None]
    factor *= 1 - spots * np.array([0.8, 1.0, 1.1], np.float32)


def _paint_lips(factor: Float32Array, tone: Float32Array, sex: str, rng: np.random.Generator) -> Float32Array:
    """Paint lips and the inside of the mouth; return the share of lip of each pixel."""
    rule = figures("albedo")["albedo"]["lips"]
    rows, columns, ring = _ring_maps()["mouth"]
    height, width = ring.shape
    y, x = np.mgrid[-1 : 1 : complex(height), -1 : 1 : complex(width)]
    angle = np.arctan2(y, x)
    stripes = 1 + 0.05 * np.interp(angle, np.linspace(-np.pi, np.pi, 181), rng.uniform(-1, 1, 181))
    colour = np.array(rule[f"rgb_{sex}"], np.float32) * (tone.mean() / 168)
    share = rule["mix"] * _ramp(ring, rule["from_ring"], rule["over"])
    inner = _ramp(ring, rule["inner_from_ring"], 0.8)[:, :, None]
    patch = factor[rows, columns]
    painted = stripes[:, :, None].astype(np.float32) * (colour / tone)
    patch[:] = patch * (1 - share[:, :, None]) + painted * share[:, :, None]
    patch *= 1 - inner * (1 - np.array(rule["inner_factor"], np.float32))
    lips = np.zeros(factor.shape[:2], np.float32)
    lips[rows, columns] = _ramp(ring, rule["from_ring"], rule["over"])
    return lips


def _paint_openings(factor: Float32Array) -> Float32Array:
    """Darken nostrils and redden lid margins; return the share of mouth lining of each pixel."""
    rule = figures("albedo")["albedo"]
    for name, key in (("nosL", "nostril"), ("nosR", "nostril"), ("eyeL", "lid_margin"), ("eyeR", "lid_margin")):
        rows, columns, ring = _ring_maps()[name]
        share = _ramp(ring, rule[key]["from_ring"], rule[key]["over"])[:, :, None]
        factor[rows, columns] *= 1 - share * (1 - np.array(rule[key]["factor"], np.float32))
    inside = np.zeros(factor.shape[:2], np.float32)
    rows, columns, ring = _ring_maps()["mouth"]
    inside[rows, columns] = _ramp(ring, rule["lips"]["inner_from_ring"], 0.8)
    return inside


def _hair_density(sex: str, rng: np.random.Generator) -> Float32Array:
    """Return how densely cropped hair covers each pixel, 0 to 1."""
    rule = figures("albedo")["albedo"]["hairline"]
    u, v = _places()
    shape = (len(v), u.shape[1])
    recess = rule["front_recess_male"] if sex == "male" else 0.25
    front = rule["front_row"] + recess * np.exp(-0.5 * ((u - rule["recess_at_u"]) / 1.3) ** 2)
    slope = rule["front_row"] - rule["temple_slope"] * (u - 6.2)
    line = np.select(
        [u < 6.2, u < 8.4, u < 9.2, u < 12],
        [front, slope, np.full_like(u, rule["sideburn_row"]), np.full_like(u, _ABOVE_EAR_ROW)],
        rule["behind_ear_row"],
    )
    # The steps between the columns' rules would show as corners.
    line = cv2.blur(line.astype(np.float32), (CELL // 2, 1))
    ragged = 0.16 * _grain(rng, CELL / 5, shape) + 0.10 * _grain(rng, 5, shape)
    density = _ramp(v - line + ragged, -0.25, 0.7)
    density *= 0.86 + 0.14 * np.clip(_grain(rng, 2, shape), -2, 1)
    rows, columns, ring = _ring_maps()["earL"]
    other_columns = _ring_maps()["earR"][1]
    for side in (columns, other_columns):
        density[rows, side] *= 1 - _ramp(ring, 0.2, 0.8)
    return np.clip(density, 0, 1)


def _paint_beard(factor: Float32Array, rng: np.random.Generator) -> None:
    rule = figures("albedo")["albedo"]["beard"]
    u, v = _places()
    low, high = rule["rows"]
    area = _ramp(v, low - 1, 2) * (1 - _ramp(v, high - 1, 2)) * (1 - _ramp(u, rule["max_u"] - 1.5, 2))
    # The cheeks above the corner of the mouth stay clear, and so does the middle of the philtrum.
    area *= 1 - _ramp(v, 9.5, 1.5) * (_ramp(u, 3.6, 1.0) * (1 - _ramp(u, 8, 0.8)))
    rows, columns, ring = _ring_maps()["mouth"]
    area[rows, columns] *= 1 - _ramp(ring, 2.2, 0.5)
    share = (rule["tint_strength"] * area * (1 + 0.2 * _grain(rng, 10, area.shape)))[:, :, None]
    factor *= 1 - share * (1 - np.array(rule["tint"], np.float32))


def _infrared(
    tone: Float32Array,
    lips: Float32Array,
    inside: Float32Array,
    hair: Float32Array,
    brow: Float32Array,
    rng: np.random.Generator,
) -> Float32Array:
    means = [float(np.mean(t)) for t in figures("albedo")["albedo"]["tones_rgb"]]
    light = (float(tone.mean()) - min(means)) / (max(means) - min(means))
    skin = INFRARED_DARK + (INFRARED_LIGHT - INFRARED_DARK) * light
    picture = np.full(lips.shape, skin, np.float32)
    for size, deviation in _INFRARED_GRAIN:
        picture *= 1 + deviation * _grain(rng, size / CELL_MM * CELL, lips.shape)
    for mask, remains in ((lips, INFRARED_LIPS), (hair, INFRARED_HAIR), (brow, INFRARED_BROW)):
        picture *= 1 - (1 - remains) * mask
    return np.clip(picture * (1 - inside) + INFRARED_MOUTH * inside, 0.02, 1).astype(np.float32)


def eye_colours(angle: FloatArray, around: FloatArray, iris: int) -> tuple[UInt8Array, Float32Array]:
    """Return colour (n, 3) and infrared (n,) of eyeball vertices.

    Parameters
    ----------
    angle : (n,) float64
        From the eye's axis, radian.
    around : (n,) float64
        About the axis, radian; the iris is streaked along it.
    iris : int
        Index of the colour.
    """
    rule = figures("albedo")["albedo"]
    eye = rule["eye"]
    degrees = np.degrees(angle)
    sclera, colour = np.array(eye["sclera"], float), np.array(rule["iris_rgb"][iris], float)
    in_iris = 1 - _ramp(degrees, eye["iris_half_angle_deg"] - 0.8, 1.6)
    in_pupil = 1 - _ramp(degrees, eye["pupil_half_angle_deg"] - 0.6, 1.2)
    streaks = 1 + 0.10 * np.sin(11 * around + 2) + 0.07 * np.sin(17 * around)
    limbus = eye["limbus"]
    dark = limbus["dark"] * np.exp(-0.5 * ((degrees - limbus["at_deg"]) / limbus["sigma"]) ** 2)
    rgb = sclera * (1 - in_iris)[:, None] + (colour * streaks[:, None]) * in_iris[:, None]
    rgb = rgb * (1 - dark * 0.7)[:, None] * (1 - 0.95 * in_pupil)[:, None]
    infrared = INFRARED_SCLERA * (1 - in_iris) + INFRARED_IRIS * in_iris
    infrared = infrared * (1 - in_pupil) + INFRARED_PUPIL * in_pupil
    return np.clip(rgb, 0, 255).astype(np.uint8), infrared.astype(np.float32)


def inner_albedo(inner: eyes_and_teeth.InnerParts, iris: int) -> tuple[UInt8Array, Float32Array]:
    """Return colour (n, 3) and infrared (n,) of the vertices of eyeballs, teeth, gums and tongue."""
    centres = list(eyes_and_teeth.eye_centres().values())
    rule = figures("parts")["parts"]["gums_tongue"]
    colours = np.zeros((len(inner.parts), 3), np.uint8)
    infrared = np.full(len(inner.parts), INFRARED_MOUTH, np.float32)
    for number, name in enumerate(eyes_and_teeth.INNER_PART_NAMES):
        mine = inner.parts == number
        if number < len(centres):
            offset = inner.vertices[mine] - centres[number]
            around = np.arctan2(offset[:, 1], offset[:, 0])
            colours[mine], infrared[mine] = eye_colours(inner.eye_angle[mine], around, iris)
        else:
            key = {"teeth": "tooth_rgb", "gums": "gum_rgb", "tongue": "tongue_rgb"}[name]
            # Light that scatters in the mouth is not simulated; without this the tongue shines in the throat.
            depth = 0.35 + 0.65 * _ramp(inner.vertices[mine, 2], 30, 50)
            shade = np.ones_like(depth) if name == "teeth" else depth
            colours[mine] = (np.array(rule[key], float) * shade[:, None]).astype(np.uint8)
            infrared[mine] = INFRARED_TEETH if name == "teeth" else INFRARED_MOUTH
    return colours, infrared
