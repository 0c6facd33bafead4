"""Makes the texture model of our own head from people that its painter draws.

``python -m faceapp_plugins.registration.texture_building FILE.npz``. A vertex gets the mean of the picture over a small
circle on the skin, as wide as the one that the colours of a scan are averaged over. Averaged over a circle in the
chart, whose cells are not equally wide on the skin, the border of the lips was blurred to millimetres, and texture led
nothing there.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import scipy.sparse as sp
from scipy.ndimage import map_coordinates
from scipy.spatial import cKDTree

from faceapp.core.arrays import FloatArray, UInt8Array
from faceapp.core.mesh import Mesh
from faceapp.geometry.deformation import smooth_over_mesh
from faceapp.morphable.head import load_head
from faceapp.morphable.head.albedo import paint
from faceapp.morphable.head.parameters import HeadParameters, random_parameters
from faceapp_plugins.registration.surface_colors import BLUR_MM
from faceapp_plugins.registration.texture_model import TextureModel

_PEOPLE, _MODES, _SEED = 72, 10, 4100
_STEPS = 127.0

_SMOOTHED = 2
"""Rounds of averaging of the deviation: where single hairs of these people lie tells nothing of others."""

_SIDE = 5
"""Rows of samples in a triangle, which is two millimetres wide: closer than the circle is wide."""

_REACH = 2.2
"""Radius of the circle in standard deviations of its weights."""

_SAME_SIDE = 0.3
"""Least cosine between normals: what lies behind a fold of the skin is another place."""


class SkinSampler:
    """The mean of a painted picture round each vertex of the template, on the surface of the mean head."""

    def __init__(self) -> None:
        skin = load_head(2).shape(HeadParameters()).skin
        points, self._uv, facing, areas = _samples(skin)
        self._mean = _averages(skin, points, facing, areas)

    def colors(self, picture: UInt8Array) -> FloatArray:
        """Return the (V, 3) colours, 0 to 1, of a picture (H, W, 3) in the chart of the head."""
        height, width = picture.shape[:2]
        place = [(1 - self._uv[:, 1]) * height - 0.5, self._uv[:, 0] * width - 0.5]
        channels = [
            map_coordinates(picture[..., c].astype(np.float32), place, order=1, mode="nearest") for c in range(3)
        ]
        return np.asarray(self._mean @ (np.stack(channels, axis=1) / 255.0))


def _samples(skin: Mesh) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return the points (S, 3), places in the chart (S, 2), normals (S, 3) and areas (S,) of samples of a mesh."""
    assert skin.uv is not None
    steps = [(i, j) for i in range(_SIDE) for j in range(_SIDE - i)]
    upward = [((i + 1 / 3) / _SIDE, (j + 1 / 3) / _SIDE) for i, j in steps]
    downward = [((i + 2 / 3) / _SIDE, (j + 2 / 3) / _SIDE) for i, j in steps if i + j < _SIDE - 1]
    share = np.array(upward + downward)
    share = np.column_stack([1 - share.sum(axis=1), share])
    corners = skin.vertices[skin.faces].astype(np.float64)
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    double = np.linalg.norm(across, axis=1)
    points = np.einsum("sk,fkd->fsd", share, corners).reshape(-1, 3)
    uv = np.einsum("sk,fkd->fsd", share, skin.uv.astype(np.float64)).reshape(-1, 2)
    facing = np.repeat(across / np.maximum(double, 1e-12)[:, None], len(share), axis=0)
    return points, uv, facing, np.repeat(double / 2, len(share))


def _averages(skin: Mesh, points: FloatArray, facing: FloatArray, areas: FloatArray) -> sp.csr_array:
    """Return the (V, S) rows of weights, each of which adds up to 1."""
    vertices, normals = skin.vertices.astype(np.float64), skin.vertex_normals().astype(np.float64)
    near = cKDTree(vertices).sparse_distance_matrix(cKDTree(points), _REACH * BLUR_MM, output_type="coo_matrix")
    row, column = near.row, near.col
    weight = areas[column] * np.exp(-(near.data**2) / (2 * BLUR_MM**2))
    weight[np.einsum("nd,nd->n", facing[column], normals[row]) < _SAME_SIDE] = 0
    total = np.bincount(row, weight, len(vertices))
    return sp.coo_array((weight / total[row], (row, column)), (len(vertices), len(points))).tocsr()


def build_texture_model(people: int = _PEOPLE, modes: int = _MODES) -> TextureModel:
    """Return the model of painted people; seconds for each of them."""
    sampler = SkinSampler()
    values = np.stack(
        [sampler.colors(paint(random_parameters(seed)).rgb) for seed in range(_SEED, _SEED + people)]
    ).astype(np.float32)
    mean = values.mean(axis=0)
    rest = (values - mean).reshape(people, -1)
    _, singular, directions = np.linalg.svd(rest, full_matrices=False)
    count = min(modes, people - 1)
    found = directions[:count] * (singular[:count, None] / np.sqrt(people - 1))
    left = rest - (rest @ directions[:count].T) @ directions[:count]
    # of these people the modes explain more than of others
    free = max(people - 1 - count, 1)
    variance = np.square(left).reshape(people, -1, 3).sum(axis=0).mean(axis=1) / free
    deviation = smooth_over_mesh(np.sqrt(variance), load_head(2).shape(HeadParameters()).skin.faces, _SMOOTHED)
    return TextureModel(mean, found.reshape(count, *mean.shape), deviation.astype(np.float32))


def write_texture_model(model: TextureModel, path: Path) -> None:
    """Write a model small: bytes, with a scale for each mode."""
    scales = np.abs(model.modes).max(axis=(1, 2)) / _STEPS
    steps = np.rint(model.modes / scales[:, None, None]).astype(np.int8)
    mean, deviation = np.rint(model.mean * 255).astype(np.uint8), model.deviation.astype(np.float16)
    np.savez_compressed(path, mean=mean, modes=steps, scales=scales, deviation=deviation)


def main() -> None:
    """Make the model of our own head."""
    parser = argparse.ArgumentParser(description="Make the texture model of our own head from painted people.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--people", type=int, default=_PEOPLE)
    options = parser.parse_args()
    write_texture_model(build_texture_model(options.people), options.out)


if __name__ == "__main__":
    main()
