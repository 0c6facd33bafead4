"""How sharp the edges of a board are in a picture, and whether each of them is there twice."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

from faceapp.calibration.target import BoardTarget
from faceapp.core.arrays import FloatArray

_STEP_PX = 0.25
_MOST_EDGES = 60
_LEAST_EDGES = 6
_MARGIN = 0.13
"""Of a square: nothing else lies so near to an edge; the margin of a marker is 0.15."""
_LEAST_CONTRAST = 12.0
_DIP = 0.72
_STEEPEST = 99.8


@dataclass(frozen=True)
class EdgeSpread:
    """What the edges of one direction look like.

    Parameters
    ----------
    sigma_px : float
        Of the line spread.
    is_double : bool
        Whether it has two peaks.
    """

    sigma_px: float
    is_double: bool


def picture_blur(image: npt.NDArray[np.generic]) -> float:
    """Return the sigma of the sharpest edges of a picture, across and down, whichever is wider, px; NaN without any.

    For pictures in which no board was found: a movement leaves the edges along it sharp.
    """
    grey = np.asarray(image, np.float32)
    low, high = np.percentile(grey[::4, ::4], (2, 99.5))
    if high - low < 2 * _LEAST_CONTRAST:
        return float("nan")
    steep = [np.percentile(np.abs(np.diff(grey, axis=axis)), _STEEPEST) for axis in (0, 1)]
    return float((high - low) / np.sqrt(2 * np.pi) / max(min(steep), 1e-6))


def edge_spreads(
    image: npt.NDArray[np.generic], target: BoardTarget, ids: npt.NDArray[np.int64], pixels: FloatArray
) -> tuple[EdgeSpread, ...]:
    """Measure the edges between neighbouring corners, those along rows and those along columns apart.

    Parameters
    ----------
    image : (H, W)
        Grey.
    target : BoardTarget
        Which corners are neighbours.
    ids, pixels : (N,), (N, 2)
        Corners of the picture.

    Returns
    -------
    tuple of EdgeSpread
        One for each direction that shows enough edges.
    """
    wide = target.columns - 1
    place = np.full(target.corner_count, -1)
    place[ids] = np.arange(len(ids))
    both = ids[(ids % wide != wide - 1) & (ids + wide < target.corner_count)]
    both = both[(place[both + 1] >= 0) & (place[both + wide] >= 0)]
    if not len(both):
        return ()
    found = []
    for step, other in ((1, wide), (wide, 1)):
        first = ids[(ids + step < target.corner_count) & ((ids % wide != wide - 1) | (step != 1))]
        first = first[place[first + step] >= 0]
        if len(first) >= _LEAST_EDGES:
            width = _width_px(pixels, place, both, step, other)
            found.append(_spread(image, pixels[place[first]], pixels[place[first + step]], width))
    return tuple(spread for spread in found if spread is not None)


def _width_px(
    pixels: FloatArray, place: npt.NDArray[np.int64], first: npt.NDArray[np.int64], step: int, other: int
) -> float:
    """How wide the squares are across the edges of one direction: a tilted board shows them narrow."""
    along = pixels[place[first + step]] - pixels[place[first]]
    across = pixels[place[first + other]] - pixels[place[first]]
    area = np.abs(along[:, 0] * across[:, 1] - along[:, 1] * across[:, 0])
    return float(np.median(area / np.linalg.norm(along, axis=1)))


def _spread(image: npt.NDArray[np.generic], a: FloatArray, b: FloatArray, width_px: float) -> EdgeSpread | None:
    keep = np.linspace(0, len(a) - 1, min(len(a), _MOST_EDGES)).astype(int)
    a, b = a[keep], b[keep]
    along = b - a
    length = np.linalg.norm(along, axis=1)
    reach = max(_MARGIN * width_px, 1.5)
    normal = np.stack([-along[:, 1], along[:, 0]], axis=1) / length[:, None]
    offsets = np.arange(-reach, reach + _STEP_PX / 2, _STEP_PX)
    share = np.array([0.3, 0.4, 0.5, 0.6, 0.7])
    base = a[:, None] + share[None, :, None] * along[:, None]
    spots = base[:, :, None] + offsets[None, None, :, None] * normal[:, None, None]
    values = map_coordinates(
        np.asarray(image, np.float32), [spots[..., 1].ravel(), spots[..., 0].ravel()], order=1, mode="nearest"
    ).reshape(len(a), len(share), -1)
    profile = values.mean(axis=1)
    low, high = profile[:, :3].mean(axis=1), profile[:, -3:].mean(axis=1)
    use = np.abs(high - low) > _LEAST_CONTRAST
    if use.sum() < 6:
        return None
    edge = ((profile[use] - low[use, None]) / (high - low)[use, None]).mean(axis=0)
    return _line_spread(edge, offsets)


def _line_spread(edge: FloatArray, offsets: FloatArray) -> EdgeSpread:
    line = np.gradient(edge, offsets)
    weight = np.maximum(line, 0)
    total = weight.sum()
    if total <= 0:
        return EdgeSpread(float("inf"), False)
    middle = (weight * offsets).sum() / total
    sigma = np.sqrt(max((weight * (offsets - middle) ** 2).sum() / total, 0.0))
    return EdgeSpread(float(sigma), _has_two_peaks(weight))


def _has_two_peaks(line: FloatArray) -> bool:
    """Whether a dip lies between two peaks of about the same height."""
    peaks = [
        i
        for i in range(1, len(line) - 1)
        if line[i] >= line[i - 1] and line[i] > line[i + 1] and line[i] > 0.4 * line.max()
    ]
    return any(line[i : j + 1].min() < _DIP * min(line[i], line[j]) for i, j in itertools.pairwise(peaks))
