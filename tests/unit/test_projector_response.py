"""A projector: its response measured, the bend taken out of the phase, its place found from a capture's phase."""

from __future__ import annotations

import numpy as np
import pytest

from faceapp.calibration.projector import fit_projector, phase_residual_px, robust_px
from faceapp.calibration.response import LEVELS, measure_response
from faceapp.calibration.rotations import rotation_of
from faceapp.core.errors import DataError
from faceapp.core.frames import PhaseMap
from faceapp.core.sequence import multi_frequency
from faceapp.fringe.projector_gamma import without_gamma
from faceapp_hardware.simulated.description import default_rig_file, read_rig_description

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


def test_a_projector_is_found_from_phase() -> None:
    group = read_rig_description(default_rig_file()).rig.group("left")
    true = group.projector.optics
    assert true is not None
    rng = np.random.default_rng(2)
    points = rng.normal(size=(6000, 3)) * (45, 60, 35)
    field = true.project(points)[0][:, 0] / true.width + rng.normal(0, 0.05 / true.width, len(points))
    field[::50] += 0.01
    fit = fit_projector("p", points, field, group.infrared)
    assert fit.residual_px == pytest.approx(0.05, abs=0.01)
    other = rng.normal(size=(500, 3)) * (40, 60, 40)
    expected = true.project(other)[0][:, 0] / true.width
    assert np.abs(phase_residual_px(other, expected, fit.optics)).max() < 0.05
    turned = other @ rotation_of([0, np.radians(0.05), 0]).T
    assert robust_px(phase_residual_px(turned, expected, fit.optics)) > 0.05
    with pytest.raises(DataError, match="in a plane"):
        flat = points * (1, 1, 0)
        fit_projector("p", flat, true.project(flat)[0][:, 0] / true.width, group.infrared)
