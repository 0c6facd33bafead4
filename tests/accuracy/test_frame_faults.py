"""Frames that do not show what they should: every kind of fault, light and dark skin, and none is called good.

``pytest -m figures -s tests/accuracy/test_frame_faults.py`` prints the table: 40 faulty stacks of each kind and skin.
A stack is *refused* where the engine shoots the group again, *told* where the operator reads of it; *missed* is what
would be decoded as if nothing was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from faceapp.app.rigs import connect_described_rig
from faceapp.capture.engine import CaptureEngine, GroupCapture
from faceapp.capture.frame_signs import FrameSigns, frame_signs
from faceapp.capture.plan import CapturePlan
from faceapp.core.frames import FrameStack
from faceapp.core.rig import CameraModel
from tests.accuracy.scan_errors import table
from tests.accuracy.test_scan_table import one_group_rig

SKINS = {"light": 0, "dark": 5}
Spoil = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def _lost(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A trigger that the camera did not take: all later frames come one early, the last is of the next burst."""
    k = int(rng.integers(0, len(frames) - 1))
    return np.concatenate([frames[:k], frames[k + 1 :], frames[:1]])


def _doubled(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    k = int(rng.integers(0, len(frames) - 2))
    return np.concatenate([frames[: k + 1], frames[k:-1]])


def _stale(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    k = int(rng.integers(1, len(frames)))
    return _with(frames, k, frames[k - 1])


def _swapped(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    i, j = rng.choice(len(frames), 2, replace=False)
    order = np.arange(len(frames))
    order[[i, j]] = order[[j, i]]
    return frames[order]


def _neighbours(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    order = np.arange(len(frames))
    k = int(rng.integers(0, len(frames) - 1))
    order[[k, k + 1]] = order[[k + 1, k]]
    return frames[order]


def _black(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    k = int(rng.integers(0, len(frames) - 1))  # the dark frame is black already
    return _with(frames, k, np.zeros_like(frames[k]))


def _torn(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The lower part of a frame is of the one before."""
    k, rows = int(rng.integers(1, len(frames))), frames.shape[1]
    at = int(rng.integers(int(0.35 * rows), int(0.65 * rows)))
    return _with(frames, k, np.concatenate([frames[k, :at], frames[k - 1, at:]]))


def _out_of_place(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Two of the frequencies change places."""
    i, j = rng.choice(3, 2, replace=False)
    order = np.arange(len(frames)).tolist()
    order[4 * i : 4 * i + 4], order[4 * j : 4 * j + 4] = order[4 * j : 4 * j + 4], order[4 * i : 4 * i + 4]
    return frames[order]


def _step_late(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The steps of one frequency begin one late.

    Not of the coarsest: a quarter of it is two whole fringes of the next, so no single camera shows that. It moves the
    position alike in both cameras, whose match, and so the cloud, stays what it was.
    """
    i = int(rng.integers(1, 3))
    order = np.arange(len(frames))
    order[4 * i : 4 * i + 4] = 4 * i + (np.arange(4) + 1) % 4
    return frames[order]


def _overlapped(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each exposure reaches a twentieth into the next pattern."""
    following = np.concatenate([frames[1:], frames[-1:]]).astype(np.float64)
    return np.rint(0.95 * frames + 0.05 * following).astype(frames.dtype)


def _other_burst(frames: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The last frames are still those of a burst of another sequence: fringes turned over."""
    k = int(rng.integers(8, 12))
    return _with(frames, k, frames[8 + (k - 8 + 2) % 4])


def _with(frames: np.ndarray, k: int, frame: np.ndarray) -> np.ndarray:
    changed = frames.copy()
    changed[k] = frame
    return changed


FAULTS: dict[str, Spoil] = {
    "lost": _lost, "doubled": _doubled, "stale": _stale, "swapped": _swapped, "neighbours swapped": _neighbours,
    "black": _black, "torn": _torn, "frequency out of place": _out_of_place, "step late": _step_late,
    "into the next pattern": _overlapped, "of another burst": _other_burst,
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Taken:
    """The good bursts of one skin."""

    bursts: tuple[tuple[FrameStack, CameraModel], ...]

    def signs(self, seed: int, spoil: Spoil | None, kind: int) -> FrameSigns:
        rng = np.random.default_rng([seed, kind])
        stack, camera = self.bursts[seed % len(self.bursts)]
        if spoil is not None:
            stack = replace(stack, frames=spoil(stack.frames, rng))
        return frame_signs(stack, camera.sensor, 255.0)


def taken(folder: Path, tone: int, heads: int, scale: float) -> Taken:
    bursts = []
    for seed in range(heads):
        options = {"rig": one_group_rig(folder), "seed": seed, "tone": tone, "scale": scale}
        devices = connect_described_rig("simulated", options)
        groups: list[GroupCapture] = []
        try:
            devices.prepare("S0001", "neutral", 1)
            CaptureEngine(devices).capture(CapturePlan(), groups.append)
            bursts += [(groups[0].stacks[c.name], c) for c in groups[0].group.infrared]
        finally:
            devices.close()
    return Taken(tuple(bursts))


def run_table(folder: Path, seeds: int, heads: int, scale: float) -> dict[str, dict[str, float]]:
    rows: dict[str, dict[str, float]] = {}
    for skin, tone in SKINS.items():
        good = taken(folder, tone, heads, scale)
        cases: dict[str, Spoil | None] = {"none": None, **FAULTS}
        for kind, (name, spoil) in enumerate(cases.items()):
            signs = [good.signs(seed, spoil, kind) for seed in range(seeds)]
            refused = sum(s.is_fault for s in signs)
            told = sum(s.is_doubt and not s.is_fault for s in signs)
            rows[f"{name}, {skin} skin"] = {
                "stacks": seeds,
                "refused": refused,
                "told": told,
                "missed": seeds - refused - told,
                "least step": min(s.step for s in signs),
                "least residual": min(s.residual for s in signs),
            }
    print(f"\n{table(rows)}")
    return rows


def check(rows: dict[str, dict[str, float]]) -> None:
    for name, row in rows.items():
        if name.startswith("none"):
            assert row["refused"] == 0 and row["told"] == 0, name
        else:
            assert row["missed"] == 0, name


def test_no_fault_of_few_is_missed(tmp_path: Path) -> None:
    check(run_table(tmp_path, 6, 1, 0.5))


@pytest.mark.figures
def test_no_fault_of_880_is_missed_and_nothing_good_is_refused(tmp_path: Path) -> None:
    check(run_table(tmp_path, 40, 4, 1.0))
