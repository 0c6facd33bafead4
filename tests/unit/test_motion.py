"""A head that moves during a burst is told from one that does not, and where."""

from __future__ import annotations

import numpy as np
import pytest

from faceapp.core.frames import FrameStack
from faceapp.core.rig import Sensor
from faceapp.core.sequence import Fringe, FringeSequence, GrayBit, multi_frequency
from faceapp.fringe.demodulation import decode_phase
from faceapp.fringe.motion import Motion, motion_of, without_motion

SENSOR = Sensor(255.0, 0.0, 39.2, 5.0)
H, W = 512, 640


def seen(speed: np.ndarray | float, sequence: FringeSequence, seed: int = 0) -> Motion:
    """Motion of a surface whose place in the field drifts by ``speed`` from exposure to exposure."""
    rng = np.random.default_rng(seed)
    v, u = np.mgrid[:H, :W]
    x = 0.2 + 0.6 * u / W + 0.01 * np.sin(u / 60) * np.cos(v / 40)
    frames = []
    for i in range(len(sequence)):
        counts = 10 + 170 * sequence.pattern(i, x + i * speed)
        frames.append(counts + rng.normal(size=counts.shape) * np.sqrt((counts * 39.2 + 25) / 39.2**2))
    stack = FrameStack("c", np.clip(np.rint(frames), 0, 255).astype(np.uint8), sequence)
    return motion_of(decode_phase(stack, SENSOR, 255.0))


@pytest.mark.parametrize("seed", range(5))
def test_a_still_surface_scores_one(seed: int) -> None:
    motion = seen(0.0, multi_frequency(), seed)
    assert abs(motion.score - 1) < 2 * motion.sampling
    assert not motion.is_doubtful and motion.moved == 0 and not motion.worst_regions


def test_a_drift_far_below_a_fringe_is_seen() -> None:
    motion = seen(4e-5, multi_frequency())  # 14 um a frame in a field of 350 mm
    assert motion.is_too_much
    assert len(motion.worst_regions) == 9


def test_the_part_that_moved_is_named() -> None:
    speed = np.zeros((H, W))
    speed[-170:, :210] = 6e-5
    motion = seen(speed, multi_frequency())
    assert motion.worst_regions[0] == "lower left"
    assert motion.moved > 0.05


@pytest.mark.parametrize("steps", [4, 5, 8])
@pytest.mark.parametrize("speed", [1e-4, -2.5e-4])
def test_a_steady_drift_is_taken_out(steps: int, speed: float) -> None:
    sequence = multi_frequency((1.0, 8.0, 64.0), (4, 4, steps), flood=False, dark=False)
    middle = float(np.mean(sequence.steps(64.0)))
    v, u = np.mgrid[:H, :W]
    x = 0.2 + 0.6 * u / W + 0.01 * np.sin(u / 60) * np.cos(v / 40)
    light = [10 + 170 * sequence.pattern(i, x + i * speed) for i in range(len(sequence))]
    stack = FrameStack("c", np.rint(light).astype(np.uint8), sequence)
    phase = decode_phase(stack, SENSOR, 255.0)
    truth = x + middle * speed
    before = (phase.position - truth)[phase.valid].std()
    after = (without_motion(phase, sequence).position - truth)[phase.valid].std()
    still = FrameStack(
        "c", np.rint([10 + 170 * sequence.pattern(i, x) for i in range(len(sequence))]).astype(np.uint8), sequence
    )
    floor = (decode_phase(still, SENSOR, 255.0).position - x)[phase.valid].std()
    assert before > 3 * floor
    assert after < 0.35 * before


def test_a_sequence_that_does_not_tell_the_drift_stays_as_it_is() -> None:
    shots = [Fringe(f, n, 4) for n in range(4) for f in (1.0, 8.0, 64.0)]
    mixed = FringeSequence(tuple(shots))
    x = np.tile(np.linspace(0.2, 0.8, W), (H, 1))
    light = [10 + 170 * mixed.pattern(i, x) for i in range(len(mixed))]
    phase = decode_phase(FrameStack("c", np.rint(light).astype(np.uint8), mixed), SENSOR, 255.0)
    assert without_motion(phase, mixed) is phase


def test_one_frequency_tells_nothing() -> None:
    motion = seen(0.0, multi_frequency((1.0,), (8,)))
    assert np.isnan(motion.score) and not motion.is_doubtful


def test_a_gray_code_says_nothing_of_motion() -> None:
    bits = [GrayBit(k, 4) for k in range(4)]
    sequence = FringeSequence((*(Fringe(8.0, k, 12) for k in range(12)), *bits), "u")
    assert np.isnan(seen(0.0, sequence).score)  # a code is half a fringe coarse; its steps are not the head's
