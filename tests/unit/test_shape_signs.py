"""Signs of a registration that went wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from faceapp.geometry.shape_signs import asymmetry, mirror_pairs, self_intersections, triangle_stretch


def sheet(count: int = 21, height=lambda x, y: 0.02 * x**2) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(np.linspace(-50, 50, count), np.linspace(-40, 40, count))
    i = np.arange(count * count).reshape(count, count)
    quads = np.stack([i[:-1, :-1], i[:-1, 1:], i[1:, 1:], i[1:, :-1]], axis=-1).reshape(-1, 4)
    return np.stack([x, y, height(x, y)], axis=-1).reshape(-1, 3), quads[:, [0, 1, 2, 0, 2, 3]].reshape(-1, 3)


@given(seed=st.integers(0, 10_000), scale=st.floats(0.3, 3.0))
@settings(max_examples=20, deadline=None)
def test_a_similarity_stretches_nothing(seed: int, scale: float) -> None:
    vertices, faces = sheet()
    rng = np.random.default_rng(seed)
    moved = scale * Rotation.random(rng=rng).apply(vertices) + rng.normal(size=3)
    assert triangle_stretch(vertices, moved, faces).max() < 1e-6


def test_stretch_is_the_logarithm_of_the_longest_change() -> None:
    vertices, faces = sheet(height=lambda x, y: 0 * x)
    longer = vertices * np.where(vertices[:, :1] > 20, [2.0, 1, 1], [1.0, 1, 1])
    longer[:, 0] += np.where(vertices[:, 0] > 20, -20, 0)
    stretch = triangle_stretch(vertices, longer, faces)
    inside = (vertices[faces][..., 0] > 20).all(axis=1)
    np.testing.assert_allclose(stretch[inside], np.log(2), atol=1e-6)
    assert np.median(stretch[(vertices[faces][..., 0] < 15).all(axis=1)]) < 1e-6
    flat = np.array([[0, 0, 1]])
    assert np.isnan(triangle_stretch(vertices, vertices, flat)[0])


def test_asymmetry_is_nothing_for_a_symmetric_sheet_however_it_lies() -> None:
    vertices, _ = sheet()
    pairs = mirror_pairs(vertices)
    turned = Rotation.from_euler("xyz", [0.3, -0.2, 0.9]).apply(vertices) + np.array([3.0, 4.0, 5.0])
    everywhere = np.ones(len(vertices), bool)
    assert asymmetry(turned, pairs, everywhere).max() < 1e-6
    pushed = vertices.copy()
    bump = np.exp(-(((vertices - (25, 0, 12.5)) ** 2).sum(axis=1)) / 200)
    pushed[:, 2] += 4 * bump
    gap = asymmetry(pushed, pairs, everywhere)
    assert 2 < gap.max() < 4.5
    assert np.median(gap) < 0.6
    assert np.isnan(asymmetry(pushed, pairs, vertices[:, 0] > -30)[vertices[:, 0] < -31]).all()


def test_a_sheet_that_runs_through_itself_is_found_where_it_does() -> None:
    vertices, faces = sheet(height=lambda x, y: 0 * x)
    everywhere = np.ones(len(vertices), bool)
    assert not self_intersections(vertices, faces, everywhere).any()
    # the right half is folded over and a little through the left one
    folded = vertices.copy()
    right = vertices[:, 0] > 0
    folded[right, 0] *= -0.9
    folded[right, 2] = 6 - 0.25 * vertices[right, 0]
    crossed = self_intersections(folded, faces, everywhere)
    assert crossed.any()
    where = folded[faces[crossed]].mean(axis=1)
    assert np.abs(where[:, 2]).max() < 3
    assert not self_intersections(folded, faces, ~right).any()


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_triangles_cross_nothing(count: int) -> None:
    vertices, faces = sheet()
    assert not self_intersections(vertices, faces[:count], np.ones(len(vertices), bool)).any()
