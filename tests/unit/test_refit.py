"""Refit with what is known of the network's errors, and with points that another view tells."""

from __future__ import annotations

import numpy as np
import pytest

from faceapp.landmarks.error_shapes import mirrored, packed, shipped_shapes, sideways
from faceapp.landmarks.refit import refit
from faceapp.landmarks.scheme import load_scheme

SCHEME = load_scheme()
FACE = SCHEME.mean_shape * 200 + 400
SIGMA = np.full(106, 4.0)


def pinned(index: int, by: tuple[float, float]) -> np.ndarray:
    there = np.full((106, 2), np.nan)
    there[index] = FACE[index] + by
    return there


def test_a_point_of_another_view_is_weighed_by_its_error() -> None:
    there = pinned(84, (10.0, 0.0))
    noise = np.full(106, np.nan)
    firm = refit(SCHEME, FACE, there, SIGMA, noise).points - FACE
    assert firm[84].tolist() == [10.0, 0.0]
    moves = []
    for error in (0.5, 4.0, 40.0):
        noise[84] = error
        moves.append(float((refit(SCHEME, FACE, there, SIGMA, noise).points - FACE)[84, 0]))
    assert 9 < moves[0] < 10
    assert moves[0] > moves[1] > moves[2]
    assert moves[2] < 1


def test_what_is_left_unsure_shrinks_near_what_is_known() -> None:
    before = refit(SCHEME, FACE, np.full((106, 2), np.nan), SIGMA).sigma
    after = refit(SCHEME, FACE, pinned(84, (3.0, 0.0)), SIGMA).sigma
    assert (after <= before + 1e-9).all()
    assert after[84] < 0.2 * before[84]
    assert after[95] < 0.9 * before[95]


def test_the_shapes_are_symmetric_in_every_way() -> None:
    shapes = shipped_shapes()
    assert shapes is not None
    mirror = np.asarray(SCHEME.mirror)
    for whole in (shapes.frontal, shapes.turned):
        flat = whole.reshape(212, 212)
        np.testing.assert_array_equal(flat, flat.T)
        assert np.linalg.eigvalsh(flat).min() > -0.02
        assert 0.5 < np.diag(flat).mean() < 2
        np.testing.assert_allclose(packed(whole), flat[np.triu_indices(212)], rtol=1e-3)
    np.testing.assert_allclose(mirrored(shapes.frontal, mirror), shapes.frontal, atol=2e-2)
    np.testing.assert_array_equal(mirrored(mirrored(shapes.turned, mirror), mirror), shapes.turned)


def test_a_turned_face_is_told_by_its_nose() -> None:
    shapes = shipped_shapes()
    assert shapes is not None
    assert sideways(FACE, 200.0) == pytest.approx(0, abs=0.02)
    left, right = FACE.copy(), FACE.copy()
    left[54, 0] -= 80
    right[54, 0] += 80
    np.testing.assert_array_equal(shapes.at(SCHEME, left, 200.0), shapes.turned)
    np.testing.assert_allclose(shapes.at(SCHEME, FACE, 200.0), shapes.frontal)
    np.testing.assert_array_equal(shapes.at(SCHEME, right, 200.0), mirrored(shapes.turned, np.asarray(SCHEME.mirror)))
