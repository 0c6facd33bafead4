"""Curves through landmarks: which points lie on one, sliding along it, spacing points evenly, following a stroke."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.interpolate import CubicSpline

from faceapp.core.arrays import FloatArray
from faceapp.core.landmarks import LandmarkScheme

_CORNER_DEG = 40.0
"""A curve turns at a corner of the mean shape by more than this."""
_DENSE = 24
"""Pieces of a curve between two landmarks."""


@dataclass(frozen=True)
class Path:
    """Landmarks in the order in which a curve runs through them.

    Parameters
    ----------
    indices : tuple of int
        Of a closed curve each point once.
    closed : bool
        Whether the last is followed by the first.
    corners : frozenset of int
        Points at which the curve has a corner, or ends.
    """

    indices: tuple[int, ...]
    closed: bool
    corners: frozenset[int]

    def pieces(self, fixed: Collection[int] = ()) -> list[tuple[int, ...]]:
        """Return the stretches from one corner or fixed point to the next, both included."""
        stops = [k for k, i in enumerate(self.indices) if i in self.corners or i in fixed]
        n = len(self.indices)
        if not self.closed:
            stops = sorted({0, n - 1, *stops})
            return [self.indices[a : b + 1] for a, b in itertools.pairwise(stops)]
        stops = stops or [0]
        ends = [*stops[1:], stops[0] + n]
        return [tuple(self.indices[k % n] for k in range(a, b + 1)) for a, b in zip(stops, ends, strict=True)]


@functools.cache
def paths_of(scheme: LandmarkScheme) -> tuple[Path, ...]:
    """Return the curves of a scheme, from its edges."""
    neighbours: dict[int, list[int]] = {}
    for a, b in scheme.edges.tolist():
        neighbours.setdefault(a, []).append(b)
        neighbours.setdefault(b, []).append(a)
    found: list[Path] = []
    done: set[int] = set()
    for start in sorted(neighbours, key=lambda i: (len(neighbours[i]) > 1, i)):  # ends of open curves first
        if start in done:
            continue
        chain = [start]
        while True:
            following = [i for i in neighbours[chain[-1]] if i not in chain]
            if not following:
                break
            chain.append(min(following) if len(chain) == 1 else following[0])
        done.update(chain)
        closed = len(chain) > 2 and chain[0] in neighbours[chain[-1]]
        found.append(Path(tuple(chain), closed, _corners(scheme, chain, closed)))
    return tuple(sorted(found, key=lambda path: path.indices))


def path_of(scheme: LandmarkScheme, index: int) -> Path | None:
    """Return the curve that a point is on, or ``None``."""
    return next((path for path in paths_of(scheme) if index in path.indices), None)


def _corners(scheme: LandmarkScheme, chain: list[int], closed: bool) -> frozenset[int]:
    """Corners of a closed curve; ends of an open one and where it crosses the middle of the face."""
    if not closed:
        middle = {i for i in chain if scheme.mirror[i] == i}
        return frozenset({chain[0], chain[-1]} | (middle if len(middle) == 1 else set()))
    xy = scheme.mean_shape[chain]
    before, after = xy - np.roll(xy, 1, axis=0), np.roll(xy, -1, axis=0) - xy
    turn = np.arctan2(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0], (before * after).sum(axis=1))
    sharp = np.abs(np.degrees(turn)) > _CORNER_DEG
    return frozenset(i for i, is_sharp in zip(chain, sharp, strict=True) if is_sharp or "corner" in scheme.names[i])


def curve_through(points: npt.ArrayLike) -> FloatArray:
    """Return a dense line through (k, d) points, (m, d): a cubic spline over the length of the chords."""
    xy = np.asarray(points, np.float64)
    chords = np.linalg.norm(np.diff(xy, axis=0), axis=1)
    keep = np.concatenate([[True], chords > 1e-9])
    xy, chords = xy[keep], chords[chords > 1e-9]
    if len(xy) < 3:
        return xy
    at = np.concatenate([[0.0], np.cumsum(chords)])
    dense = np.concatenate([np.linspace(a, b, _DENSE, endpoint=False) for a, b in itertools.pairwise(at)])
    return np.asarray(CubicSpline(at, xy, bc_type="natural")(np.append(dense, at[-1])))


def lengths_along(line: FloatArray) -> FloatArray:
    """Return (m,) the length of a line from its start to each of its (m, d) points."""
    return np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])


def at_lengths(line: FloatArray, lengths: npt.ArrayLike) -> FloatArray:
    """Return the points of a line at some lengths from its start."""
    along, wanted = lengths_along(line), np.asarray(lengths, np.float64)
    return np.stack([np.interp(wanted, along, line[:, k]) for k in range(line.shape[1])], axis=-1)


def even_spacing(points: FloatArray, path: Path, fixed: Collection[int] = ()) -> dict[int, FloatArray]:
    """Return where the points of a curve go so that they stand evenly on it between its corners and fixed points.

    Parameters
    ----------
    points : (n, d) float64
        All landmarks; a stretch with one that is not placed stays.
    path : Path
        Of those to be spaced.
    fixed : collection of int
        Points that stay where they are.
    """
    moved: dict[int, FloatArray] = {}
    for piece in path.pieces(fixed):
        xy = points[list(piece)]
        if len(piece) < 3 or not np.isfinite(xy).all():
            continue
        line = curve_through(xy)
        total = lengths_along(line)[-1]
        places = at_lengths(line, np.linspace(0, total, len(piece)))
        moved.update({i: places[k] for k, i in enumerate(piece[1:-1], start=1)})
    return moved


def slide(points: FloatArray, path: Path, index: int, target: npt.ArrayLike) -> FloatArray:
    """Return the point of a landmark's curve that is nearest to ``target``, between the landmarks beside it.

    Parameters
    ----------
    points : (n, d) float64
        All landmarks; the curve runs through where they are.
    path : Path
        That holds ``index``.
    index : int
        Which landmark slides.
    target : (d,) array_like
        Where the mouse is.
    """
    wanted = np.asarray(target, np.float64)
    pieces = [p for p in path.pieces() if index in p and np.isfinite(points[list(p)]).all()]
    if not pieces:
        return wanted
    stretches = []
    for piece in pieces:
        line = curve_through(points[list(piece)])
        at = piece.index(index)
        step = _DENSE if len(line) > len(piece) else 1
        stretches.append(line[max(at - 1, 0) * step : (at + 1) * step + 1])
    line = np.concatenate(stretches)
    starts, ways = line[:-1], np.diff(line, axis=0)
    square = np.maximum((ways**2).sum(axis=1), 1e-18)
    share = np.clip(((wanted - starts) * ways).sum(axis=1) / square, 0, 1)
    feet = starts + share[:, None] * ways
    return feet[np.linalg.norm(feet - wanted, axis=1).argmin()]


def along_stroke(
    points: FloatArray, path: Path, stroke: npt.ArrayLike, locked: Collection[int] = ()
) -> Mapping[int, FloatArray]:
    """Return where the points of a curve go when a person draws it anew, or a part of it.

    Parameters
    ----------
    points : (n, 2) float64
        All landmarks.
    path : Path
        The curve that is drawn.
    stroke : (m, 2) array_like
        Where the mouse went.
    locked : collection of int
        Points that stay.

    Notes
    -----
    The points from the one nearest to the stroke's start to the one nearest to its end go onto the stroke, as far apart
    along it as they were.
    """
    line = _smoothed(np.asarray(stroke, np.float64))
    order = list(path.indices)
    xy = points[order]
    if len(line) < 2 or not np.isfinite(xy).all():
        return {}
    first = int(np.linalg.norm(xy - line[0], axis=1).argmin())
    last = int(np.linalg.norm(xy - line[-1], axis=1).argmin())
    run = _run(xy, first, last, path.closed, line)
    if len(run) < 2:
        return {}
    before = lengths_along(xy[run])
    places = at_lengths(line, before / max(before[-1], 1e-9) * lengths_along(line)[-1])
    return {order[k]: place for k, place in zip(run, places, strict=True) if order[k] not in locked}


def _run(xy: FloatArray, first: int, last: int, closed: bool, line: FloatArray) -> list[int]:
    """The points from the first to the last; round a closed curve the way that the stroke went."""
    n = len(xy)
    if not closed:
        step = 1 if last >= first else -1
        return list(range(first, last + step, step))
    if first == last:
        return []
    ways = [[(first + k) % n for k in range((last - first) % n + 1)]]
    ways.append([(first - k) % n for k in range((first - last) % n + 1)])
    middle = line[len(line) // 2]
    return min(ways, key=lambda run: float(np.linalg.norm(xy[run] - middle, axis=1).min()))


def _smoothed(stroke: FloatArray) -> FloatArray:
    """A hand's line without its trembling: resampled evenly, then averaged over five points."""
    steps = np.linalg.norm(np.diff(stroke, axis=0), axis=1)
    stroke = stroke[np.concatenate([[True], steps > 1e-9])] if len(stroke) else stroke
    if len(stroke) < 3:
        return stroke
    line = at_lengths(stroke, np.linspace(0, lengths_along(stroke)[-1], 64))
    padded = np.concatenate([line[:1]] * 2 + [line] + [line[-1:]] * 2)
    smooth = np.stack([np.convolve(padded[:, k], np.full(5, 0.2), "valid") for k in range(2)], axis=1)
    smooth[0], smooth[-1] = line[0], line[-1]
    return smooth
