"""Colour pictures: lamps of their own, a plain dark background, a little noise."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from faceapp.core.arrays import BoolArray, Float32Array, UInt8Array
from faceapp.core.rig import CameraModel
from faceapp_hardware.simulated import kernels
from faceapp_hardware.simulated.rendering import Renderer

BACKGROUND = (34, 36, 39)
"""8-bit sRGB."""

_SKY = 0.20
_NOISE_COUNTS = 1.2
_SOFTBOXES = (
    # middle, half width across and upwards in mm, strength: the key above the middle camera, one at each side
    ((0.0, 520.0, 900.0), (420.0, 130.0), 0.46),
    ((780.0, 180.0, 560.0), (130.0, 260.0), 0.21),
    ((-780.0, 180.0, 560.0), (130.0, 260.0), 0.21),
)
_LINEAR = ((np.arange(256) / 255) ** 2.2).astype(np.float32)


def photograph(renderer: Renderer, camera: CameraModel) -> Float32Array:
    """Return the (H, W, 3) picture of a colour camera in 8-bit sRGB counts, before noise and rounding."""
    window = renderer.window(camera)
    lamps = _lamps()
    colours = np.zeros((window.height, window.width, 3), np.float32)
    share = np.zeros((window.height, window.width, 1), np.float32)
    for rows in renderer.blocks(window):
        triangles, places, points, normals = renderer.hits(camera, window, rows)
        albedo = _albedo(renderer, triangles, places)
        gloss = renderer.interpolate(renderer.surface.gloss[:, None], triangles, places)
        rays = renderer.rays_per_pixel
        hit = (triangles != kernels.MISS).reshape(-1, rays)
        seen = _seen(renderer, points.reshape(-1, rays, 3), hit, lamps, window.width)
        block = np.empty((len(hit), 3), np.float32)
        kernels.lamp_light(
            points.reshape(-1, rays, 3),
            normals.reshape(-1, rays, 3),
            albedo.reshape(-1, rays, 3),
            gloss.reshape(-1, rays),
            camera.centre,
            lamps,
            seen,
            _SKY,
            block,
        )
        colours[rows] = block.reshape(-1, window.width, 3)
        share[rows] = hit.mean(axis=1, dtype=np.float32).reshape(-1, window.width, 1)
    picture = np.tile(np.array(BACKGROUND, np.float32), (camera.height, camera.width, 1))
    linear = renderer.through_lens(colours + (1 - share) * _LINEAR[list(BACKGROUND)])
    # A soft shoulder instead of hard white.
    linear = np.where(linear > 0.8, 1 - 0.2 * np.exp(-np.maximum(linear - 0.8, 0) / 0.2), linear).astype(np.float32)
    picture[window.slices] = 255 * linear ** np.float32(1 / 2.2)
    return picture


def with_noise(picture: Float32Array, rng: np.random.Generator) -> UInt8Array:
    """Return a picture as the sensor gives it."""
    noisy = rng.standard_normal(picture.shape, dtype=np.float32)
    noisy *= _NOISE_COUNTS
    noisy += picture
    return np.clip(np.rint(noisy, out=noisy), 0, 255, out=noisy).astype(np.uint8)


def _lamps() -> npt.NDArray[np.float64]:
    rows = []
    for middle, (across, upwards), strength in _SOFTBOXES:
        place = np.array(middle)
        right = np.cross([0.0, 1.0, 0.0], place)
        right /= np.linalg.norm(right)
        up = np.cross(place, right) / np.linalg.norm(place)
        spots = [(i, j) for i in (-2 / 3, 0.0, 2 / 3) for j in (-0.5, 0.5)]
        rows += [[*(place + i * across * right + j * upwards * up), strength / len(spots)] for i, j in spots]
    return np.array(rows)


def _seen(
    renderer: Renderer, points: Float32Array, hit: BoolArray, lamps: npt.NDArray[np.float64], width: int
) -> BoolArray:
    """Return (P, L): whether each pixel's surface sees each lamp.

    One ray of each 2 x 2 pixels tells for all four: the shadows are soft.
    """
    rows = len(hit) // width
    high, wide = -(-rows // 2), -(-width // 2)
    spots = np.full((2 * high, 2 * wide, 3), np.nan, np.float32)
    some = hit.any(axis=1)
    first = np.full((len(hit), 3), np.nan, np.float32)
    first[some] = points[some, hit[some].argmax(axis=1)]
    spots[:rows, :width] = first.reshape(rows, width, 3)
    fours = spots.reshape(high, 2, wide, 2, 3).transpose(0, 2, 1, 3, 4).reshape(-1, 4, 3)
    there = np.isfinite(fours[:, :, 0])
    lit = np.flatnonzero(there.any(axis=1))
    chosen = fours[lit, there[lit].argmax(axis=1)]
    seen = np.zeros((len(fours), len(lamps)), bool)
    for k, lamp in enumerate(lamps):
        seen[lit, k] = ~renderer.hidden(chosen, lamp[:3])
    return seen.reshape(high, wide, -1).repeat(2, axis=0).repeat(2, axis=1)[:rows, :width].reshape(len(hit), -1)


def _albedo(renderer: Renderer, triangles: kernels.UIntArray, places: Float32Array) -> Float32Array:
    """Return (n, 3) linear albedo: of the texture where there is one, else of the vertices' colours."""
    mesh = renderer.surface.mesh
    assert mesh.colors is not None
    albedo = renderer.interpolate(_LINEAR[mesh.colors], triangles, places)
    if mesh.uv is None or mesh.texture is None:
        return albedo
    hit = np.flatnonzero(triangles != kernels.MISS)
    corners = mesh.uv[triangles[hit]]
    b, c = places[hit, :1], places[hit, 1:]
    place = (1 - b - c) * corners[:, 0] + b * corners[:, 1] + c * corners[:, 2]
    painted = np.isfinite(place).all(axis=1)
    hit, place = hit[painted], place[painted]
    height, width = mesh.texture.shape[:2]
    column = np.clip(place[:, 0] * width, 0, width - 1).astype(np.int32)
    row = np.clip((1 - place[:, 1]) * height, 0, height - 1).astype(np.int32)
    albedo[hit] = _LINEAR[mesh.texture[row, column]]
    return albedo
