"""Did the head move while the fringes changed? The order residual between two frequencies says so, block by block.

Two sets of fringes are shot one after the other; where the surface moved between them, their positions disagree. One
pixel's disagreement drowns in noise; the mean over a block of 32 x 32 does not.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace

import cv2
import numpy as np

from faceapp.core.arrays import Float32Array
from faceapp.core.frames import PhaseMap
from faceapp.core.sequence import FringeSequence
from faceapp.fringe.phase_kernel import BLOCK
from faceapp.fringe.unwrapping import plan_unwrapping

STILL = 1.0
"""What a head that holds still gives, whatever the light: the score is in units of the noise."""

DOUBTFUL, TOO_MUCH = 1.5, 3.0
"""Scores from which the operator is told, and told to take it again: about 1 and 2.5 mm/s at the default rig."""

_MIN_PIXELS = 100
_MIN_BLOCKS = 4
_MOVED_BLOCK = 4.0
_ROWS, _COLUMNS = ("upper", "middle", "lower"), ("left", "centre", "right")


@dataclass(frozen=True, eq=False)
class Motion:
    """Motion of what one camera saw during a burst.

    Parameters
    ----------
    score : float
        Robust spread (median / 0.6745) over the blocks of their mean order residual in units of its noise; 1 is a
        still head, NaN says that the sequence has one frequency only (with a Gray code or without) or that too little
        is lit.
    moved : float
        Share of the blocks that are off by more than four standard deviations.
    blocks : (h, w) float32
        The residual of each block; NaN where too few pixels are valid.
    """

    score: float
    moved: float
    blocks: Float32Array

    @functools.cached_property
    def regions(self) -> tuple[tuple[str, float], ...]:
        """Parts of the lit picture ("upper left" to "lower right", as the camera sees them) and the score of each."""
        return () if np.isnan(self.score) else _regions(self.blocks)

    @property
    def sampling(self) -> float:
        """Two standard deviations of the score of a still head: few blocks tell less."""
        return 2.0 / float(np.sqrt(max(int(np.isfinite(self.blocks).sum()), 1)))

    @property
    def is_doubtful(self) -> bool:
        """Whether the head moved noticeably."""
        return self.score > DOUBTFUL + self.sampling

    @property
    def is_too_much(self) -> bool:
        """Whether the take should be repeated."""
        return self.score > TOO_MUCH + self.sampling

    @property
    def worst_regions(self) -> tuple[str, ...]:
        """The regions whose score is doubtful, worst first."""
        bad = sorted((r for r in self.regions if r[1] > DOUBTFUL), key=lambda r: -r[1])
        return tuple(name for name, _ in bad)


def motion_of(phase: PhaseMap) -> Motion:
    """Return how much what a camera saw moved between two sets of fringes.

    Parameters
    ----------
    phase : PhaseMap
        Of a sequence of two frequencies or more.

    Notes
    -----
    The residual of the last rung has the standard deviation ``hypot(ratio sigma_coarse, sigma_fine)`` for one pixel,
    and a ``sqrt(n)``-th of it for a block of n. A projector with a strong gamma leaves a residual of its own.
    """
    count, total = phase.blocks[..., 0], phase.blocks[..., 1]
    full = count >= _MIN_PIXELS
    blocks = np.full(count.shape, np.nan, np.float32)
    np.divide(total, np.sqrt(count, where=full, out=np.ones_like(count)), out=blocks, where=full)
    values = blocks[full]
    if not len(values) or not np.any(values):
        return Motion(float("nan"), 0.0, blocks)
    return Motion(_score(values), float(np.mean(np.abs(values) > _MOVED_BLOCK)), blocks)


def _score(values: Float32Array) -> float:
    return float(np.median(np.abs(values)) / 0.6745)


def _regions(blocks: Float32Array) -> tuple[tuple[str, float], ...]:
    """Score of each ninth of the box round what is lit."""
    full = np.isfinite(blocks)
    rows, columns = np.flatnonzero(full.any(axis=1)), np.flatnonzero(full.any(axis=0))
    found = []
    for name_v, part_v in zip(_ROWS, np.array_split(np.arange(rows[0], rows[-1] + 1), 3), strict=True):
        for name_u, part_u in zip(_COLUMNS, np.array_split(np.arange(columns[0], columns[-1] + 1), 3), strict=True):
            values = blocks[np.ix_(part_v, part_u)]
            values = values[np.isfinite(values)]
            if len(values) >= _MIN_BLOCKS:
                found.append(
                    (f"{name_v} {name_u}" if (name_v, name_u) != ("middle", "centre") else "centre", _score(values))
                )
    return tuple(found)


def without_motion(phase: PhaseMap, sequence: FringeSequence) -> PhaseMap:
    """Take out what a steady drift during the finest steps does to the phase.

    Parameters
    ----------
    phase : PhaseMap
        Of a hierarchical sequence whose finest steps were shot one after the other.
    sequence : FringeSequence
        What was shown.

    Returns
    -------
    PhaseMap
        The same where the sequence does not allow it.

    Notes
    -----
    The order residual of a block, divided by the frames between the two sets, is the drift in fringes a frame. With a
    drift of ``w`` radians a frame N steps err by ``-w / N Re(T exp(-2 i phase))``, ``T = sum n exp(4 pi i n / N)``
    (first order in w; for four steps ``w / 2 cos 2 phase``). The phase is that of the middle of the steps.
    """
    between = _frames_between(sequence)
    if between is None:
        return phase
    drift = -2 * np.pi * _smooth_residual(phase) / between
    steps = np.arange(len(sequence.steps(sequence.frequencies[-1])))
    t = complex(np.sum(steps * np.exp(4j * np.pi * steps / len(steps))))
    angle = phase.position * np.float32(4 * np.pi * phase.frequency)
    error = -drift / np.float32(len(steps)) * (np.float32(t.real) * np.cos(angle) + np.float32(t.imag) * np.sin(angle))
    corrected = phase.position - error / np.float32(2 * np.pi * phase.frequency)
    return replace(phase, position=np.where(phase.valid, corrected, phase.position))


def _frames_between(sequence: FringeSequence) -> float | None:
    """Frames from the middle of the last but one rung to that of the finest; ``None`` where that says nothing."""
    rungs = plan_unwrapping(sequence).rungs
    if len(rungs) < 2 or sum(map(abs, rungs[-2].coefficients)) != 1:
        return None
    finest = np.array(sequence.steps(rungs[-1].frequency))
    if (np.diff(finest) != 1).any():
        return None
    between = float(np.mean(finest) - np.mean(sequence.steps(rungs[-2].frequency)))
    return between if between else None


def _smooth_residual(phase: PhaseMap) -> Float32Array:
    """(H, W) float32: mean order residual of each pixel's neighbourhood of about three blocks, fringes."""
    count = cv2.GaussianBlur(np.ascontiguousarray(phase.blocks[..., 0]), (0, 0), 1.0)
    total = cv2.GaussianBlur(np.ascontiguousarray(phase.blocks[..., 3]), (0, 0), 1.0)
    mean = total / np.maximum(count, 1e-3)
    height, width = phase.position.shape
    v = (np.arange(height, dtype=np.float32) + 0.5) / BLOCK - 0.5
    u = (np.arange(width, dtype=np.float32) + 0.5) / BLOCK - 0.5
    map_u, map_v = np.meshgrid(u, v)
    return np.asarray(cv2.remap(mean, map_u, map_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
