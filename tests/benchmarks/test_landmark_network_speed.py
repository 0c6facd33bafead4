"""Milliseconds of the network on one core, all passes (``pytest tests/benchmarks --benchmark-only -k face``)."""

from __future__ import annotations

import time

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from faceapp.landmarks.network_points import shipped_detector
from tests.accuracy.landmark_figures import rendered


@pytest.mark.benchmark(timer=time.thread_time)
def test_face_found_and_106_points_with_their_mirror(benchmark: BenchmarkFixture) -> None:
    """Finder, a first look, and the upright crop averaged with its mirror image, in a picture of one megapixel."""
    crop = rendered("own", 0.0, 1)[0].image
    picture = np.full((1000, 1000, 3), 90, np.uint8)
    picture[300:876, 200:776] = np.repeat(np.repeat(crop, 2, axis=0), 2, axis=1)
    detector = shipped_detector()
    guess = benchmark(detector.detect, picture)
    assert guess is not None
