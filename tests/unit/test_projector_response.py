"""The response of a projector: measured from levels, its bend taken out of the phase."""

from __future__ import annotations

import numpy as np
import pytest

from faceapp.calibration.response import LEVELS, measure_response
from faceapp.core.errors import DataError
from faceapp.core.frames import PhaseMap
from faceapp.core.sequence import multi_frequency
from faceapp.fringe.projector_gamma import without_gamma

GAMMA = 2.2


def seen(light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Counts of a camera that sees a surface between dark and bright, with noise."""
    albedo = np.linspace(0.3, 1.0, light.shape[-1], dtype=np.float32)
    counts = 6 + 190 * albedo * light
    return np.clip(np.rint(counts + rng.normal(0, 0.7, counts.shape)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("gamma", [1.0, GAMMA])
def test_gamma_is_measured(gamma: float) -> None:
    light = np.array([*(level**gamma for level in LEVELS), 0.0])
    frames = seen(np.broadcast_to(light[:, None, None], (len(light), 40, 50)), np.random.default_rng(0))
    found = measure_response(frames, LEVELS)
    assert found.gamma == pytest.approx(gamma, abs=0.01)
    assert found.is_linear is (gamma == 1.0)
    with pytest.raises(DataError, match="pixels see the projector"):
        measure_response(frames // 20, LEVELS)


@pytest.mark.parametrize(("steps", "gamma"), [(4, 2.2), (4, 0.6), (3, 2.2), (8, 2.2)])
def test_the_bend_of_the_phase_is_taken_out(steps: int, gamma: float) -> None:
    x = np.linspace(0.05, 0.95, 20_000)
    sequence = multi_frequency((1.0, 8.0), (steps, steps))
    shift = 2 * np.pi * np.arange(steps)[:, None] / steps
    light = (0.5 + 0.5 * np.cos(2 * np.pi * 8 * x - shift)) ** gamma
    seen = np.arctan2((light * np.sin(shift)).sum(axis=0), (light * np.cos(shift)).sum(axis=0))
    cycles = np.round(8 * x - seen / (2 * np.pi)) + seen / (2 * np.pi)
    position = (cycles / 8).astype(np.float32)[None]
    ones, blocks = np.ones_like(position), np.zeros((1, 1, 4), np.float32)
    phase = PhaseMap("c", 8.0, position, ones, ones, blocks, True)
    straight = without_gamma(phase, sequence, gamma)
    before, after = (float(np.abs(p.position[0] - x).max()) for p in (phase, straight))
    assert after < 3e-6
    assert before > (10 * after if steps < 8 else 0)
    assert without_gamma(phase, sequence, 1.0) is phase
