"""Several exposures of one burst: each pixel takes what the exposures that saw it well say together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from faceapp.core.errors import DecodeError
from faceapp.core.frames import KNOWN_ABOVE, LIT, PhaseMap

_AGREE = 4.0
"""Standard deviations: an exposure that is farther from the best one is out, for something moved or is wrong."""


def merge_phases(phases: Sequence[PhaseMap]) -> PhaseMap:
    """Merge the phase maps of one camera, shot with several exposures of the same sequence.

    Parameters
    ----------
    phases : sequence of PhaseMap
        Of the same camera and the same finest frequency, shapes (H, W).

    Returns
    -------
    PhaseMap
        At each pixel the mean of the valid exposures, each weighed by the inverse of its variance; modulation is
        that of the surest. Skin that is saturated in one exposure, and hair that is dark in another, both count.

    Raises
    ------
    DecodeError
        There is none, or they do not belong together.
    """
    if not phases:
        raise DecodeError("there is no exposure to merge")
    first = phases[0]
    if len(phases) == 1:
        return first
    for other in phases[1:]:
        if other.frequency != first.frequency or other.position.shape != first.position.shape:
            raise DecodeError(f"{first.camera}: its exposures differ in their size or their fringes")
    position = np.stack([p.position for p in phases])
    valid = position > np.float32(KNOWN_ABOVE)
    variance = np.where(valid, np.stack([p.variance for p in phases]), np.float32(np.inf))
    best = np.argmin(variance, axis=0)[None]
    anchor, least = np.take_along_axis(position, best, 0), np.take_along_axis(variance, best, 0)
    known = np.isfinite(least)
    limit = _AGREE * np.sqrt(np.where(valid & known, variance + least, 0))
    used = valid & (np.abs(position - anchor) <= limit)
    weight = np.where(used, 1 / np.where(used, variance, 1), 0).astype(np.float32)
    total = weight.sum(axis=0)
    some = known[0]
    merged = np.max(np.where(valid, np.float32(LIT - 0.5), position), axis=0)  # lit somewhere, or dark everywhere
    mean = anchor[0] + (weight * (position - anchor)).sum(axis=0) / np.where(some, total, 1)
    merged[some] = mean[some]
    spread = np.zeros_like(total)
    np.divide(1, total, out=spread, where=some)
    modulation = np.take_along_axis(np.stack([p.modulation for p in phases]), best, 0)[0]
    blocks = np.stack([p.blocks for p in phases])
    fullest = np.argmax(blocks[..., 0], axis=0)[None, ..., None]
    return PhaseMap(
        first.camera,
        first.frequency,
        merged.astype(np.float32),
        spread,
        modulation,
        np.take_along_axis(blocks, fullest, 0)[0],
        all(p.noise_known for p in phases),
    )
