"""Offsets by the gradient of colours: a shift is found, light and noise are none."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from faceapp_plugins.registration.color_flow import ColorFlow
from tests.unit.test_shape_signs import sheet

VERTICES, FACES = sheet(61, lambda x, y: 0 * x)
UP = np.tile([0.0, 0.0, 1.0], (len(VERTICES), 1))
INSIDE = np.abs(VERTICES[:, :2]).max(axis=1) < 30
USED = np.ones(len(VERTICES), np.bool_)


def brow(x: np.ndarray) -> np.ndarray:
    return np.repeat((0.6 - 0.3 * np.exp(-(x**2) / 8.0))[:, None], 3, axis=1)


def flow(seen: np.ndarray, deviation: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    """Return the offsets (V, 3) of a brow along y that sees these colours, and the certainty (V, 3, 3) of each."""
    left = np.full(len(VERTICES), deviation, np.float32)
    return ColorFlow(FACES.astype(np.int32), left).offsets(VERTICES, UP, brow(VERTICES[:, 0]), seen, USED)


def mean_offset(seen: np.ndarray, deviation: float = 0.01) -> np.ndarray:
    """Return the (3,) offset on which the vertices agree when each says it as strongly as it is certain."""
    offset, certain = flow(seen, deviation)
    pull = np.einsum("nde,ne->nd", certain, offset)[INSIDE].sum(axis=0)
    return np.linalg.solve(certain[INSIDE].sum(axis=0) + 1e-3 * np.eye(3), pull)


@given(shift=st.floats(-0.8, 0.8))
@settings(max_examples=20, deadline=None)
def test_each_round_takes_away_most_of_a_shift_across_the_edge_and_nothing_along_it(shift: float) -> None:
    found = mean_offset(brow(VERTICES[:, 0] - shift))
    assert abs(found[0] - shift) <= 0.3 * abs(shift) + 0.01
    assert np.abs(found[1:]).max() < 1e-3


def test_light_that_is_wrong_moves_nothing() -> None:
    x, y, _ = VERTICES.T
    wrong = 0.12 + 0.003 * x[:, None] - 0.002 * y[:, None]
    assert np.abs(mean_offset(brow(x) + wrong)).max() < 0.05


def test_hair_of_ones_own_counts_for_less_than_a_clear_edge() -> None:
    certain = [np.trace(flow(brow(VERTICES[:, 0]), deviation)[1], axis1=1, axis2=2).max() for deviation in (0.04, 0.01)]
    assert certain[0] < 0.2 * certain[1]


def test_far_away_colours_say_little() -> None:
    offset, _ = flow(brow(VERTICES[:, 0] - 8.0))
    assert np.linalg.norm(offset, axis=1).max() <= 1.5 + 1e-9


def test_nothing_is_said_of_the_scan_where_none_is_seen() -> None:
    left = np.full(len(VERTICES), 0.01, np.float32)
    colors = brow(VERTICES[:, 0])
    offset, certain = ColorFlow(FACES.astype(np.int32), left).offsets(VERTICES, UP, colors, 0 * colors, ~USED)
    assert np.isfinite(offset).all() and np.isfinite(certain).all()
